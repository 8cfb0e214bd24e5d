/** What the editor's own process reads of a text that somebody wrote to keep it busy: done in a part of a second, or not read. */

import { expect, it } from 'vitest';
import { ConfigDocument, MAX_CONFIG_CHARACTERS } from '../../../src/config/document';
import { findPythonModels } from '../../../src/python/python';
import { timed } from '../support';
import { someOf } from '../support/cases';

const run = (text: string, characters: number): string => text.repeat(Math.floor(characters / text.length));

/** Some 200 ms are the most on a machine that has nothing else to do. */
const PYTHON_MS = 1_000;
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
];

it.each(someOf(SOURCES))('a Python source of %j behind %j', (text, before, after) => {
  for (const characters of [60_000, 200_000, 262_144 - before.length - after.length, 16_000_000]) {
    const source = before + run(text, characters) + after;
    expect(timed(() => findPythonModels(source), 1, 0).cpuMs, `${source.length} characters`).toBeLessThan(PYTHON_MS);
  }
});

/** A parse of a text that is as long as texts may be. */
const CONFIG_MS = 5_000;
const RUNS = [
  '"',
  '/*',
  '//',
  '\\',
  'NaN',
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
      expect(timed(() => ConfigDocument.parse(config), 1, 0).cpuMs, before).toBeLessThan(CONFIG_MS);
    }
  },
  60_000,
);
