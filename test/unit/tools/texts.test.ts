import { join } from 'node:path';
import ts from 'typescript';
import { describe, expect, it } from 'vitest';
import { type PlacedText, textsOfCheckout, textsOfCode, textsOfJson } from '../../../scripts/textList';

const textsOf = (code: string): readonly string[] => textsOfCode(ts, 'a.ts', code).map(({ text }) => text);

/** Wordings that readers marked: what was written, and what says it. */
const MARKED: readonly (readonly [wording: RegExp, instead: string, example: string])[] = [
  [/\bknown here\b/, 'Headlight does not know …', 'how it is laid out is not known here'],
  [/\bknown by layer\b/, 'layer by layer', 'parameters are not known by layer'],
  [
    /(?:…|\bactive|\bnumbers?|\bcache|\bFLOPs?|\bbits|\bbytes|\b[KMGT]i?B) an? (?:token|weight|head|sequence|layer)\b/,
    'per token, per weight, per head',
    '537 MFLOP, … a token',
  ],
  [/\bbits each\b/, 'bits per weight', '4.5 bits each on average'],
  [/\bmay not be (?:read|written|writable|opened)\b/, 'cannot be read, or: no permission', 'the file may not be read.'],
  [/\ba text\b(?! model)/, 'a string; some text', 'a number, a text, or a list'],
  [/: there (?:is|are) …/, 'use one of …, known … are …', 'vllm@9 is not modelled: there is …'],
  [/\bstretch/, 'scaled', 'how positions are stretched'],
  [/\bheads? (?:is|are) copied\b|\bsplit nor copied\b/, 'replicated', 'the heads are copied'],
  [/\bmade again\b/, 'recomputed', 'K and V made again'],
  [/\bwhere it lies\b|\blies by\b/, 'in place, column-major', 'the cache lies by columns'],
  [/\bturn(?:s|ed) (?:all|by|…)/, 'rotated', 'turns all dims'],
  [/\bslides?\b/, 'is sliding', 'layers from 4 on slide'],
  [/\bproven\b/, 'measured, found', '92 GFLOP/s proven'],
  [/\bown names?\b/, 'by the names that … gives them', 'options under its own names.'],
  [/\b(?:GPU|CPU) by\b/, 'via', 'GPU by TensorFlow'],
  [/\bspread of\b/i, 'standard deviation', 'Spread of the random weights'],
  [/\bdo not count;/, 'after warm-up', 'runs that do not count;'],
  [/\bthe same[^.]*: (?:it|they) differs? by\b/, 'the same up to rounding', 'The row is the same: it differs by 0'],
];

describe('the texts of Headlight', () => {
  const texts = textsOfCheckout(ts, join(import.meta.dirname, '../../..'));

  it('are those of every folder', () => {
    for (const start of ['package.nls.json', 'media/schema/', 'src/cache/', 'src/cli/', 'webview/views/'])
      expect(texts.filter(({ place }) => place.startsWith(start)).length, start).toBeGreaterThan(20);
  });

  it.for(MARKED)('have no wording %o: %s', ([wording, , example]) => {
    expect(example).toMatch(wording);
    expect(texts.filter(({ text }: PlacedText) => wording.test(text))).toEqual([]);
  });
});

describe('the list of texts', () => {
  it('has literals and templates of words, with gaps for values, at their line', () => {
    expect(textsOfCode(ts, 'a.ts', 'const a = 1;\nsay(`room for ${a} tokens`, l10n.t("Open"));')).toEqual([
      { place: 'a.ts:2', text: 'room for … tokens' },
      { place: 'a.ts:2', text: 'Open' },
    ]);
  });

  it('has what stands between tags and in spoken attributes, and looks into the gaps', () => {
    expect(textsOf("html`<p class='x y' title='A hint'>Two words ${ok ? 'not so here' : nothing}</p>`")).toEqual([
      'Two words …',
      'A hint',
      'not so here',
    ]);
  });

  it('leaves out imports, types, sources and style', () => {
    expect(
      textsOf("import a from 'some file'; type B = 'two words'; const c = { cite: 'a long source' }; css`a b c`"),
    ).toEqual([]);
  });

  it('leaves out what is put together for machines: style, selectors, patterns, names', () => {
    expect(
      textsOf(
        "const a = [`token-${x}-llama3-8b`, `(resolution: ${x}dppx)`, 'minmax(160px, 3fr) 64px', 'import torch, numpy']; box('frame open', 0);",
      ),
    ).toEqual([]);
  });

  it('has titles and descriptions of JSON, and every text of the translators’ file', () => {
    const json = '{\n "type": "a b",\n "description": "What it is."\n}';
    expect(textsOfJson('package.json', json)).toEqual([{ place: 'package.json:3', text: 'What it is.' }]);
    expect(textsOfJson('package.nls.json', '"x": "Open Panel",').map(({ text }) => text)).toEqual(['Open Panel']);
  });
});
