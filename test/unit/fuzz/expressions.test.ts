/** Regular expressions of ours that see a text of a file: none takes time that grows with its square. */

import { readdirSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import ts from 'typescript';
import { expect, it } from 'vitest';
import { someOf } from '../support/cases';
import { OutOfTime, withinTime } from '../../../src/weights/timeLimit';

const SOURCES = resolve(import.meta.dirname, '../../../src');
const LENGTH = 50_000;
/** Linear work takes a few; the square of the length takes seconds. */
const LIMIT_MS = 400;
/** Runs that expressions repeat, before what they do not take. */
const RUNS = [
  ' ',
  '\t \n',
  'a',
  'A',
  'aA',
  'a.',
  'a_',
  '1',
  '1,',
  '1 ',
  '.',
  '-',
  '_',
  '"',
  '\\',
  '\\\\',
  "'",
  '"\\',
  '/',
  '/*',
  '*',
  '(',
  '[',
  '$',
  'a-',
  '[a]',
  '//',
  '0x',
  '<',
  '|',
  'é',
];
const ENDS = ['', '!', '\n\u0001', 'x'];

/** Those that see no text of a file: the digits of a number. */
const SHORT = ['model/units.ts: /\\B(?=(\\d{3})+(?!\\d))/g'];

interface Expression {
  readonly place: string;
  readonly pattern: RegExp;
}

function expressions(): readonly Expression[] {
  const found: Expression[] = [];
  for (const file of readdirSync(SOURCES, { recursive: true, encoding: 'utf8' })) {
    if (!file.endsWith('.ts')) continue;
    const source = ts.createSourceFile(file, readFileSync(join(SOURCES, file), 'utf8'), ts.ScriptTarget.ES2022, true);
    const visit = (node: ts.Node): void => {
      if (ts.isRegularExpressionLiteral(node)) {
        const [, body = '', flags = ''] = /^\/(.*)\/([a-z]*)$/s.exec(node.text) ?? [];
        // Each match of a text, as replace and matchAll go on.
        found.push({ place: `${file}: ${node.text}`, pattern: new RegExp(body, `${flags.replace(/[gy]/g, '')}g`) });
      }
      ts.forEachChild(node, visit);
    };
    visit(source);
  }
  return found;
}

const ALL = expressions();
const TEXTS = someOf(RUNS).flatMap((run) =>
  ENDS.map((end) => ({ run, end, text: run.repeat(LENGTH / run.length) + end })),
);

it('finds them', () => {
  expect(ALL.map(({ place }) => place)).toEqual(expect.arrayContaining(SHORT));
  expect(ALL.length).toBeGreaterThan(100);
});

it('are done with the worst of texts in no time', { timeout: 300_000 }, () => {
  const slow: string[] = [];
  for (const { place, pattern } of ALL) {
    if (SHORT.includes(place)) continue;
    const worst = TEXTS.find(({ text }) => isSlow(pattern, text));
    if (worst !== undefined) slow.push(`${place} on ${JSON.stringify(worst.run)} … ${JSON.stringify(worst.end)}`);
  }
  expect(slow).toEqual([]);
});

/** Three times in a row: the clock runs on while others have the processor. */
function isSlow(pattern: RegExp, text: string): boolean {
  return [0, 1, 2].every(() => isLate(pattern, text));
}

function isLate(pattern: RegExp, text: string): boolean {
  const start = performance.now();
  try {
    withinTime(LIMIT_MS, () => text.replace(pattern, ''));
  } catch (error) {
    if (!(error instanceof OutOfTime)) throw error;
    return true;
  }
  return performance.now() - start > LIMIT_MS;
}
