/** Small inputs with what the command line must say of them (test/fixtures/cases, each with its source in check.json). */

import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { runCli } from '../../../src/cli/run';
import { someOf } from '../support/cases';

const FOLDER = 'test/fixtures/cases';

type Wanted = string | number | boolean | { readonly value: number; readonly within: number } | { contains: string };

interface Check {
  readonly args: readonly string[];
  readonly expect: Readonly<Record<string, Wanted>>;
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

describe.each(someOf(readdirSync(FOLDER).filter((name) => existsSync(join(FOLDER, name, 'check.json')))))(
  'case %s',
  (name) => {
    const folder = join(FOLDER, name);
    const { why, checks } = JSON.parse(readFileSync(join(folder, 'check.json'), 'utf8')) as Case;
    it.each(someOf(checks.map((check) => [check.args.join(' '), check] as const)))(`${why}: %s`, async (_, check) => {
      const got = await said(folder, check.args);
      for (const [key, wanted] of Object.entries(check.expect)) hold(got[key], wanted, key);
    });
  },
);
