import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { Conversion } from '../../../src/insight/conversion/convert';
import type { ConversionMethod, ConversionTarget } from '../../../src/insight/conversion/target';
import { CONVERSION_PROMPT, conversionMarkdown, conversionPicture } from '../../../src/present/conversionText';
import { siblingsOf } from '../../../src/present/siblings';
import { svg, svgFile } from '../../../src/present/svg';
import type { ConversionResult, ConvertResult } from '../../../src/shared/headsContract';
import { folderTokenizer } from '../../../src/weights/folderTokenizer';

const SAMPLES = resolve(import.meta.dirname, '../../../media/samples');
const SIBLINGS = siblingsOf(readFileSync(resolve(SAMPLES, 'results.json'), 'utf8'));

const conversion = (
  target: ConversionTarget,
  method: ConversionMethod,
  cachedPerToken: number,
  outputRelativeError: number | null,
  fitsAnything = false,
): Conversion => ({
  target,
  method,
  cachedBefore: 256,
  cachedPerToken,
  patternJsDistance: 0.1,
  outputRelativeError,
  heads: [{ head: 3, group: 3, patternJsDistance: 0.2, outputRelativeError: 0.1 }],
  pooling: null,
  fitsAnything,
  notes: [],
});

const result = (conversions: readonly ConversionResult[], seed: number | null = null): ConvertResult => ({
  layer: 2,
  tokens: 99,
  attention: { kind: 'full', queryHeads: 8, kvHeads: 8, keyDim: 16, valueDim: 16 } as ConvertResult['attention'],
  conversions,
  seeded: seed === null ? null : { seed, note: null },
  ms: 1234,
});

const MEASURED = [
  conversion({ kind: 'gqa', groups: 4 }, 'mean-pool', 128, 0.7),
  conversion({ kind: 'gqa', groups: 2 }, 'mean-pool', 64, 0.9),
  conversion({ kind: 'mqa' }, 'aligned-pool', 32, 0.6),
  conversion({ kind: 'mla', latentDim: 64, ropeDim: 0 }, 'joint-svd', 64, 0.2),
  conversion({ kind: 'mla', latentDim: 48, ropeDim: 16 }, 'activation-pca', 64, 0.3),
];

/** Marks and labels of a picture. */
function seen(source: string): { readonly marks: number; readonly texts: readonly string[] } {
  return {
    marks: source.match(/<path transform=/g)?.length ?? 0,
    texts: [...source.matchAll(/<text[^>]*>([^<]*)</g)].map(([, text = '']) => text),
  };
}

describe('the trade-off as a picture', () => {
  it('has a mark for each sample model and each measured conversion, and a name for each', () => {
    const picture = conversionPicture(SIBLINGS, result(MEASURED));
    const { marks, texts } = seen(picture?.source ?? '');
    expect(SIBLINGS).toHaveLength(4);
    expect(marks).toBe(SIBLINGS.length + MEASURED.length);
    for (const { design, heldOutLoss } of SIBLINGS) expect(texts).toContain(`${design} ${heldOutLoss.toFixed(3)}`);
    expect(texts).toEqual(
      expect.arrayContaining([
        'GQA, MQA: mean-pool',
        'GQA, MQA: aligned-pool',
        'MLA, joint-svd',
        'MLA + RoPE, activation-pca',
        'same',
        '÷ 2',
        '÷ 4',
        '÷ 8',
        expect.stringContaining('error of layer 2’s output'),
      ]),
    );
  });

  it('leaves out what says nothing, and is none where nothing is left', () => {
    const nothing = [
      conversion({ kind: 'mqa' }, 'mean-pool', 32, null),
      conversion({ kind: 'mla', latentDim: 64, ropeDim: 0 }, 'activation-pca', 64, 1e-15, true),
      { target: { kind: 'mqa' }, method: 'aligned-pool', refused: 'it cannot be' } as const,
    ];
    expect(conversionPicture(SIBLINGS, result(nothing))).toBeNull();
    const some = conversionPicture([], result([...nothing, ...MEASURED]));
    expect(seen(some?.source ?? '').marks).toBe(MEASURED.length);
  });

  it('higher losses stand higher, larger caches further left', () => {
    const at = (one: Conversion): readonly [number, number] => {
      const source = conversionPicture([], result([one, ...MEASURED]))?.source ?? '';
      const [, x, y] = /translate\(([\d.]+) ([\d.]+)\)/.exec(source) ?? [];
      return [Number(x), Number(y)];
    };
    const pooled = (cached: number, loss: number): Conversion => conversion({ kind: 'mqa' }, 'split-svd', cached, loss);
    const [x, y] = at(pooled(128, 0.5));
    expect(at(pooled(64, 0.5))[0]).toBeGreaterThan(x);
    expect(at(pooled(128, 0.8))[1]).toBeLessThan(y);
  });

  it.each([[0], [1e-14], [0.5], [1], [37]])('has numbers on its axes for losses up to %s', (loss) => {
    const one = conversionPicture(SIBLINGS, result([conversion({ kind: 'mqa' }, 'mean-pool', 32, loss)]));
    expect(one?.source).not.toMatch(/NaN|Infinity|undefined/);
    expect(seen(one?.source ?? '').marks).toBe(5);
  });

  it('is one line in the page, which an empty line would end', () => {
    const { source } = conversionMarkdown(
      { model: 'a', insteadOf: null, siblings: SIBLINGS },
      result(MEASURED),
      conversionPicture(SIBLINGS, result(MEASURED)),
    );
    const lines = source.split('\n').filter((line) => line.includes('svg'));
    expect(lines).toHaveLength(1);
    expect(lines[0]).toMatch(/^<figure style="[^"]+"><svg .+<\/svg><\/figure>$/);
  });

  it('text of files in a picture is text', () => {
    expect(svg`<text x="${'"><script>'}">${'<b>&"\'\u202e</b>'}</text>`.source).toBe(
      '<text x="&quot;&gt;&lt;script&gt;">&lt;b&gt;&amp;&quot;&#39;⟨U+202E⟩&lt;/b&gt;</text>',
    );
    expect(svgFile(svg`<svg viewBox="0 0 1 1"><text>${'<svg >'}</text></svg>`)).toMatch(
      /^<svg xmlns="http:\/\/www\.w3\.org\/2000\/svg" viewBox="0 0 1 1"><style>[^<]+<\/style><text>&lt;svg &gt;<\/text><\/svg>\n$/,
    );
  });
});

describe('the page of what a conversion loses', () => {
  const text = (insteadOf: string | null, seed: number | null = null): string =>
    conversionMarkdown({ model: 'MHA', insteadOf, siblings: SIBLINGS }, result(MEASURED, seed), null).source;

  it('says whose weights were measured', () => {
    expect(text(null)).toContain('Weights: those next to the config.');
    expect(text('llama-3-8b')).toContain(
      'Weights: those of the MHA, because none were found next to llama-3-8b. They say what trained heads lose, not what those of llama-3-8b would.',
    );
    expect(text(null, 42)).toContain('Weights: random, from the seed 42');
  });

  it('has the numbers of the picture in tables', () => {
    const page = text(null);
    expect(page).toMatch(/\| GQA-4 +\| mean-pool +\| +128 \| +÷ 2 \| +0\.1000 \| +0\.7000 \|/);
    for (const { design, cachedPerToken, heldOutLoss } of SIBLINGS)
      expect(page).toMatch(
        new RegExp(`\\| ${design.replace('+', '\\+')} +\\| +${cachedPerToken} \\| .*${heldOutLoss.toFixed(4)} \\|`),
      );
  });

  it('names as most affected a head of a conversion that loses something', () => {
    const lossless = {
      ...conversion({ kind: 'mla', latentDim: 128, ropeDim: 0 }, 'joint-svd', 128, 0),
      patternJsDistance: 1e-9,
    };
    const { source } = conversionMarkdown(
      { model: 'a', insteadOf: null, siblings: [] },
      result([lossless, ...MEASURED]),
      null,
    );
    expect(source).toContain('Most affected: the pattern of head 3 in group 3 (GQA-4, mean-pool), distance 0.2000.');
    expect(source).not.toContain('Trained with this attention');
  });

  it('is measured on a text whose words the sample models know as words', async () => {
    const tokenizer = await folderTokenizer(resolve(SAMPLES, 'mha'));
    const pieces = tokenizer?.pieces(tokenizer.encode(CONVERSION_PROMPT, false)) ?? [];
    expect(pieces.join('')).toBe(CONVERSION_PROMPT);
    expect(pieces.map((piece) => piece.trim())).toEqual(CONVERSION_PROMPT.match(/\w+|[^\s\w]/g));
  });
});

it.each(['', 'null', '[]', '{"models": 3}', '{"models": {"a": {"design": "A", "heldOutLoss": "1"}}}'])(
  'results of a training that are damaged (%s) are none',
  (text) => expect(siblingsOf(text)).toEqual([]),
);
