/** Runs a program to its end, line by line, so that it can be shown, logged and stopped. */

import { spawn } from 'node:child_process';
import type { CancelSignal } from '../shared/platform';
import { RpcError } from '../shared/rpcError';

export interface ProgramOptions {
  readonly cwd: string;
  readonly env?: Readonly<Record<string, string>>;
  readonly signal?: CancelSignal;
  /** Every line of both streams. */
  readonly onLine?: (line: string) => void;
}

/** Resolves with stdout; fails naming the command and its last words. Never through a shell, but for npm's .cmd on Windows. */
export function runProgram(command: string, args: readonly string[], options: ProgramOptions): Promise<string> {
  return new Promise((resolve, reject) => {
    const windowsScript = process.platform === 'win32' && command === 'npm';
    const child = spawn(windowsScript ? 'npm.cmd' : command, args, {
      cwd: options.cwd,
      env: { ...process.env, ...options.env },
      stdio: ['ignore', 'pipe', 'pipe'],
      shell: windowsScript,
      // A group of its own, so that compilers go with it.
      detached: process.platform !== 'win32',
    });
    let output = '';
    let lastLine = '';
    const take = (text: string): void => {
      for (const line of text.split(/\r?\n/)) {
        if (line.trim() === '') continue;
        lastLine = line.trim();
        options.onLine?.(line);
      }
    };
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      output += text;
      take(text);
    });
    child.stderr.setEncoding('utf8').on('data', take);
    const stop = (): void => {
      try {
        if (process.platform === 'win32' || child.pid === undefined) child.kill();
        else process.kill(-child.pid, 'SIGTERM');
      } catch {
        // It has ended already.
      }
    };
    options.signal?.addEventListener('abort', stop, { once: true });
    if (options.signal?.aborted) stop();
    const name = [command, ...args].join(' ').slice(0, 200);
    const settle = (error: Error | null): void => {
      options.signal?.removeEventListener('abort', stop);
      if (options.signal?.aborted) reject(new RpcError('cancelled', `${command} was cancelled`));
      else if (error) reject(error);
      else resolve(output);
    };
    child.on('error', (error) =>
      settle(new RpcError('unavailable', `${command} could not be started: ${error.message}`)),
    );
    child.on('close', (code, signal) => {
      settle(
        code === 0
          ? null
          : new RpcError(
              'internal',
              `"${name}" failed (${signal ?? `exit code ${code ?? '?'}`}): ${lastLine.slice(0, 300)}`,
            ),
      );
    });
  });
}
