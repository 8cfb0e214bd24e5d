/** Small inputs with what the command line must say of them (test/fixtures/cases, each with its source in check.json). */

import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { runCli } from '../../../src/cli/run';
import { tally } from '../support/accuracy';
import { someOf } from '../support/cases';
import { besideFile, itWith } from '../support/reference';

const FOLDER = 'test/fixtures/cases';

type Wanted = string | number | boolean | { readonly value: number; readonly within: number } | { contains: string };

interface Check {
  readonly args: readonly string[];
  /** `idsStart`: the first token ids. */
  readonly expect: Readonly<Record<string, Wanted | readonly number[]>>;
}

interface Case {
  readonly why: string;
  readonly checks: readonly Check[];
}

/** What a command says: its exit code, and its JSON where it prints an object. */
async function said(folder: string, args: readonly string[]): Promise<Record<string, unknown>> {
  const out: string[] = [];
  const paths = args.map((arg) => (/\.(json|gguf)$/.test(arg) ? join(folder, arg) : arg));
  const exit = await runCli([...paths, '--json'], { out: (text) => out.push(text), err: () => undefined });
  const text = out.join('\n');
  return { ...(text.startsWith('{') ? (JSON.parse(text) as Record<string, unknown>) : {}), exit };
}

function hold(got: unknown, wanted: Wanted, key: string): void {
  if (typeof wanted !== 'object') expect(got, key).toBe(wanted);
  else if ('contains' in wanted) expect(JSON.stringify(got), key).toContain(wanted.contains);
  else expect(Math.abs(Number(got) / wanted.value - 1), key).toBeLessThanOrEqual(wanted.within);
}

const caseAt = (folder: string): Case => JSON.parse(readFileSync(join(folder, 'check.json'), 'utf8')) as Case;
const namesIn = (folder: string): string[] =>
  readdirSync(folder).filter((name) => existsSync(join(folder, name, 'check.json')));

async function holds(folder: string, { args, expect: wanted }: Check): Promise<void> {
  const got = await said(folder, args);
  for (const [key, value] of Object.entries(wanted)) {
    if (Array.isArray(value)) expect((got['ids'] as unknown[]).slice(0, value.length), key).toEqual(value);
    else hold(got[key], value as Wanted, key);
  }
}

const checksIn = (folder: string): number =>
  namesIn(folder).reduce((sum, name) => sum + caseAt(join(folder, name)).checks.length, 0);

const counted = tally(
  {
    id: 'cases',
    part: 'engine',
    what: 'Small files of each fault that was once found: bytes, exit codes, refusals, first tokens',
    against: 'libllama, vLLM, SGLang and modeling code, executed or read, named in each case',
    unit: 'command',
    off: 'none',
  },
  checksIn(FOLDER),
);

describe.each(someOf(namesIn(FOLDER)))('case %s', (name) => {
  const { why, checks } = caseAt(join(FOLDER, name));
  it.each(someOf(checks.map((check) => [check.args.join(' '), check] as const)))(`${why}: %s`, async (_, check) => {
    await holds(join(FOLDER, name), check);
    const numbers = Object.keys(check.expect).length;
    counted.add({ compared: numbers, equal: numbers });
  });
});

describe('the reference beside the checkout', () => {
  itWith(besideFile('cases'), 'has cases that are larger, and they hold too', async (beside) => {
    const here = new Set(namesIn(FOLDER));
    for (const name of namesIn(beside).filter((one) => !here.has(one)))
      for (const check of caseAt(join(beside, name)).checks) await holds(join(beside, name), check);
  });
});
