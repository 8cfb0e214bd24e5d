/**
 * GGUF files and configs under llama.cpp, each with what the command line must say of it (test/fixtures/cases, its README says where
 * from). The reference beside the checkout has a few more, which are larger.
 */

import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { expect } from 'vitest';
import { runCli } from '../../../src/cli/run';
import { describeAll, eachOrSkip } from '../support/cases';
import { besideFile, itWith } from '../support/reference';

const vendored = resolve(import.meta.dirname, '../../fixtures/cases');
const PREFIXES = [
  'gguf-',
  'libllama-',
  'llamacpp-',
  'flags-llamacpp-',
  'flags-swa-full',
  'flags-ubatch',
  'flags-unified-',
];
const ONLY_BESIDE = ['libllama-nvfp4-tensors'];
/** Not about the cache: what a prompt's text becomes. */
const OTHERS = ['libllama-tok-bos-llama-bpe', 'libllama-tok-pre-tekken'];
/** What a field must be: a value, a number within a relative distance, or a text that has a part. */
type Expected = string | number | boolean | null | { value: number; within: number } | { contains: string };

interface Check {
  readonly args: readonly [string, string, ...string[]];
  readonly expect: Readonly<Record<string, Expected>>;
}

interface Case {
  readonly name: string;
  readonly folder: string | null;
}

function checksOf(folder: string): readonly Check[] {
  return (JSON.parse(readFileSync(join(folder, 'check.json'), 'utf8')) as { checks: Check[] }).checks;
}

async function estimate(folder: string, [command, file, ...args]: Check['args']): Promise<Record<string, unknown>> {
  const [out, err]: [string[], string[]] = [[], []];
  const output = { out: (text: string) => out.push(text), err: (text: string) => err.push(text) };
  const code = await runCli([command, join(folder, file), ...args, '--json'], output);
  expect(code, err.join('\n')).toBe(0);
  return JSON.parse(out.join('\n')) as Record<string, unknown>;
}

function holds(actual: unknown, expected: Expected): void {
  if (typeof expected !== 'object' || expected === null) expect(actual).toBe(expected);
  else if ('contains' in expected) expect(JSON.stringify(actual)).toContain(expected.contains);
  else {
    const { value, within } = expected;
    expect(Math.abs(Number(actual) - value), `${String(actual)} for ${value}`).toBeLessThanOrEqual(value * within);
  }
}

const cases: readonly Case[] = [
  ...readdirSync(vendored)
    .filter(
      (name) => PREFIXES.some((prefix) => name.startsWith(prefix)) && existsSync(join(vendored, name, 'check.json')),
    )
    .map((name) => ({ name, folder: join(vendored, name) })),
  ...ONLY_BESIDE.map((name) => ({ name, folder: besideFile(join('cases', name)) })),
];

describeAll('cases of llama.cpp', () => {
  eachOrSkip(cases, 'no cases', ({ name, folder }) => {
    itWith(folder, name, async (place) => {
      for (const check of checksOf(place)) {
        const actual = await estimate(place, check.args);
        for (const [field, expected] of Object.entries(check.expect)) holds(actual[field], expected);
      }
    });
  });

  itWith(besideFile('cases'), 'are all that the reference has', (folder) => {
    const known = new Set([...cases.map(({ name }) => name), ...OTHERS]);
    const there = readdirSync(folder).filter((name) => PREFIXES.some((prefix) => name.startsWith(prefix)));
    expect(there.filter((name) => !known.has(name))).toEqual([]);
  });
});
