/** What the editor's own process reads of a text that somebody wrote to keep it busy: done in a part of a second, or not read. */

import { expect, it } from 'vitest';
import { ConfigDocument } from '../../../src/config/document';
import { MAX_CONFIG_CHARACTERS } from '../../../src/config/textCost';
import { findPythonModels } from '../../../src/python/python';
import { LIMIT_MS } from '../../robust/watch';
import { timed } from '../support';
import { someOf } from '../support/cases';

const run = (text: string, characters: number): string => text.repeat(Math.floor(characters / text.length));

/** What nothing in the editor's own process may exceed; the fastest of three counts. Milliseconds of processor time. */
function expectInTime(what: string, work: () => unknown): void {
  let ms = Number.POSITIVE_INFINITY;
  for (let tries = 0; tries < 3 && ms > LIMIT_MS; tries++) ms = Math.min(ms, timed(work, 1, 0).cpuMs);
  expect(ms, what).toBeLessThanOrEqual(LIMIT_MS);
}

const SOURCES: readonly (readonly [text: string, before: string, after: string])[] = [
  ...[
    'f(',
    '(',
    '[',
    '{',
    '"',
    '"""',
    "'",
    '\\',
    '$ ',
    'not ',
    'lambda:',
    'if x:\n',
    'f"{',
    '#',
    ' ',
    '\n',
    ' \n',
    '  a = 1\n',
    '-',
  ].map((text) => [text, 'LlamaConfig(hidden_size=1)\n', ''] as const),
  ...[
    'LlamaConfig(',
    'LlamaConfig(x=',
    'MyConfig(text_config=',
    'a=LlamaConfig(\n',
    '{"model_type":',
    'dict(',
    'Config  \t',
    'a.LlamaConfig(x=1).',
    'LlamaConfig(x=1)\n',
  ].map((text) => [text, '', ''] as const),
  ...['"a" ', '1+', '-', '[1]+', '{"a":', "['a']*8000,", '9', 'a.'].map(
    (text) => [text, 'LlamaConfig(x=', '1)'] as const,
  ),
  ...['\\\\', '\\', "''\\\\", 'ab'].map((text) => [text, "LlamaConfig(x='", "')"] as const),
  ...['\\\\', '\\', "''\\\\", 'ab'].map((text) => [text, 'LlamaConfig(x=u"""', ''] as const),
  ['(', 'LlamaConfig(x=', `1${')'.repeat(60_000)})`],
  ['a.', '', 'LlamaConfig(hidden_size=1)'],
  ['  a=1\n', 'LlamaConfig(\n', ')'],
  ['LlamaConfig(x=1)\n', "LlamaConfig(x='", ''],
];

it.each(someOf(SOURCES))('a Python source of %j behind %j', (text, before, after) => {
  for (const characters of [60_000, 200_000, 262_144 - before.length - after.length, 16_000_000]) {
    const source = before + run(text, characters) + after;
    expectInTime(`${source.length} characters`, () => findPythonModels(source));
  }
});

const RUNS = [
  '"',
  '/*',
  '//',
  '\\',
  'NaN',
  '0',
  'a/',
  '\r',
  'NaN,',
  '1,',
  '\\n',
  '\u202e',
  'x ',
  '-',
  '--1',
  '-Infinity ',
  '"\n',
  '"\\',
  '/* *',
  '*/',
  'w',
  '.',
  '[',
  '/',
  '1e',
  ' ',
  '\n',
];

it.each(someOf(RUNS))(
  'a config of %j',
  (text) => {
    for (const before of ['NaN ', '"NaN', '{"a":NaN,', '[-Infinity,"']) {
      const config = before + run(text, MAX_CONFIG_CHARACTERS - before.length);
      expectInTime(before, () => ConfigDocument.parse(config));
    }
  },
  60_000,
);
