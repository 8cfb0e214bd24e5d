// Child processes that never outlive us: each leads its own process group, and the group dies with this process.
import { spawn, spawnSync } from 'node:child_process';
import { delimiter, join } from 'node:path';
import { accessSync, constants, readFileSync, statSync } from 'node:fs';
import { constants as system, setPriority } from 'node:os';

const windows = process.platform === 'win32';

/** @type {Set<() => void>} */
const cleanups = new Set();
process.on('exit', () => {
  // Last in, first out: a server must be dead before its data folder is removed.
  for (const cleanup of [...cleanups].reverse()) {
    try {
      cleanup();
    } catch {
      // The others must still run, and there is nobody left to tell.
    }
  }
});
for (const [signal, code] of /** @type {const} */ ([
  ['SIGINT', 130],
  ['SIGTERM', 143],
  ['SIGHUP', 129],
])) {
  process.on(signal, () => process.exit(code));
}

/**
 * Runs a synchronous clean-up when this process ends, however it ends (short of SIGKILL). Returns how to cancel it.
 * @param {() => void} cleanup
 */
export function atExit(cleanup) {
  cleanups.add(cleanup);
  return () => cleanups.delete(cleanup);
}

/** Who started us; and where that was a shell that npm runs its scripts in, who started the shell. */
function ancestors() {
  try {
    const status = readFileSync(`/proc/${process.ppid}/status`, 'utf8');
    const isShell = /^Name:\s*(sh|dash|busybox)$/m.test(status);
    return `${process.ppid} ${isShell ? /^PPid:\s*(\d+)/m.exec(status)?.[1] : ''}`;
  } catch {
    // Not on Linux, or the parent is gone: then its own id has changed.
    return `${process.ppid} `;
  }
}

/**
 * Ends this process soon after its parents. Whoever stops `npm test` or `npm start` stops npm, or npm and its shell;
 * neither passes the signal on to us.
 */
export function endWithParents() {
  const before = ancestors();
  setInterval(() => ancestors() !== before && process.exit(143), 500).unref();
}

/**
 * @param {import('node:child_process').ChildProcess} child
 * @param {NodeJS.Signals} signal
 */
export function signalGroup(child, signal) {
  if (child.pid === undefined) return;
  try {
    if (windows) spawnSync('taskkill', ['/pid', String(child.pid), '/T', '/F']);
    else process.kill(-child.pid, signal);
  } catch {
    // Already gone.
  }
}

/**
 * Starts a program in a process group of its own.
 * @param {string} command
 * @param {readonly string[]} args
 * @param {{ cwd?: string | undefined; env?: NodeJS.ProcessEnv | undefined; inherit?: boolean; patient?: boolean }} [options]
 *   patient: it, and what it starts, runs when nothing else wants to
 */
export function start(command, args, options = {}) {
  const child = spawn(command, args, {
    cwd: options.cwd,
    env: options.env ?? process.env,
    stdio: options.inherit ? ['ignore', 'inherit', 'inherit'] : ['ignore', 'pipe', 'pipe'],
    detached: !windows,
    // npm and code are .cmd files on Windows, which only a shell can start.
    shell: windows && !command.endsWith('.exe'),
  });
  if (options.patient && child.pid !== undefined) setPriority(child.pid, system.priority.PRIORITY_LOW);
  let output = '';
  /** @type {Set<(output: string) => void>} */
  const readers = new Set();
  for (const stream of [child.stdout, child.stderr]) {
    stream?.setEncoding('utf8').on('data', (text) => {
      output += text;
      for (const read of readers) read(output);
    });
  }
  // SIGTERM here, so that a child with clean-ups of its own can run them.
  const forget = atExit(() => signalGroup(child, 'SIGTERM'));
  /** @type {Promise<number>} */
  const ended = new Promise((resolve) => {
    child.once('error', (error) => {
      output += `\n${error.message}`;
      forget();
      resolve(127);
    });
    child.once('close', (code) => {
      forget();
      resolve(code ?? 1);
    });
  });
  return {
    ended,
    output: () => output,
    /**
     * Resolves with the first match in the output; rejects when the program ends or the time is over before.
     * @param {RegExp} pattern
     * @param {number} milliseconds
     * @returns {Promise<RegExpExecArray>}
     */
    async waitFor(pattern, milliseconds) {
      /** @type {NodeJS.Timeout | undefined} */
      let timer;
      /** @type {(output: string) => void} */
      let read = () => undefined;
      try {
        return await new Promise((resolve, reject) => {
          read = (text) => {
            const match = pattern.exec(text);
            if (match) resolve(match);
          };
          readers.add(read);
          read(output);
          const fail = (/** @type {string} */ why) => reject(new Error(`${command} ${why}\n${tail(output)}`));
          void ended.then((code) => fail(`ended with code ${code} before it was ready`));
          timer = setTimeout(() => fail(`was not ready after ${milliseconds / 1000} s`), milliseconds);
        });
      } finally {
        readers.delete(read);
        clearTimeout(timer);
      }
    },
    /** Ends the whole group: politely, then not. */
    async stop() {
      signalGroup(child, 'SIGTERM');
      const timer = setTimeout(() => signalGroup(child, 'SIGKILL'), 2000);
      await ended;
      clearTimeout(timer);
      // The leader is gone; what it left behind in its group goes too.
      signalGroup(child, 'SIGKILL');
    },
  };
}

/**
 * Runs a program to its end and returns what it printed; throws with the end of that when it fails.
 * @param {string} command
 * @param {readonly string[]} args
 * @param {{ cwd?: string; env?: NodeJS.ProcessEnv; what?: string }} [options]
 */
export async function run(command, args, options = {}) {
  const child = start(command, args, options);
  const code = await child.ended;
  if (code === 0) return child.output();
  const failure = new Error(
    `${options.what ?? [command, ...args].join(' ')} failed (code ${code}):\n${tail(child.output())}`,
  );
  // The program said what is wrong; where we called it from would only be in the way.
  failure.stack = failure.message;
  throw failure;
}

/**
 * The last lines of a program's output: where it says what went wrong.
 * @param {string} output
 * @param {number} [lines]
 */
export function tail(output, lines = 40) {
  return output.trimEnd().split('\n').slice(-lines).join('\n');
}

/**
 * The full path of a program on PATH.
 * @param {string} name
 */
export function findProgram(name) {
  const names = windows ? [`${name}.exe`, `${name}.cmd`] : [name];
  for (const folder of (process.env['PATH'] ?? '').split(delimiter).filter(Boolean)) {
    for (const candidate of names.map((file) => join(folder, file))) {
      try {
        accessSync(candidate, constants.X_OK);
        if (statSync(candidate).isFile()) return candidate;
      } catch {
        // Not here.
      }
    }
  }
  return undefined;
}
