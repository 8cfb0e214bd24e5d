/** A command as users run it, with what it printed. */

import { runCli } from '../../../../src/cli/run';

export interface CliResult<T> {
  readonly code: number;
  /** The one JSON object on stdout; null where there was none. */
  readonly value: T | null;
  readonly printed: string;
  readonly errors: string;
}

export async function runJson<T>(args: readonly string[]): Promise<CliResult<T>> {
  const result = await runText(args);
  return { ...result, value: result.printed === '' ? null : (JSON.parse(result.printed) as T) };
}

export async function runText(args: readonly string[]): Promise<CliResult<never>> {
  const [out, err]: [string[], string[]] = [[], []];
  const code = await runCli(args, { out: (text) => out.push(text), err: (text) => err.push(text) });
  return { code, value: null, printed: out.join('\n'), errors: err.join('\n') };
}
