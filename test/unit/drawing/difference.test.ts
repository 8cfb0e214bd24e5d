// Differences as figures: nothing overlaps, no text is cut, what changed is marked and said with both values.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { differenceFigure } from '../../../src/drawing/difference';
import { differenceJson } from '../../../src/drawing/differenceJson';
import { summaryText } from '../../../src/drawing/differenceText';
import type { Scene, Shape } from '../../../src/drawing/scene';
import { figureSvg } from '../../../src/drawing/svg';
import { formatInteger } from '../../../src/model/units';
import { readModelConfig } from '../../../src/reading/read';
import { type Anatomy, anatomyOf } from '../../../src/serving/anatomy/anatomy';
import { type AnatomyDifference, differenceOf } from '../../../src/serving/anatomy/difference';
import { someOf } from '../support/cases';
import { covered, crossed, cut, overlapping } from '../support/geometry';
import { referenceConfig, referenceNames } from '../support/reference';

const WIDTHS = [320, 480, 1200];
const names = referenceNames();

function madeOf(text: string): Anatomy {
  const reading = readModelConfig(text);
  if (!reading) throw new Error(text.slice(0, 100));
  return anatomyOf(reading, 'bf16', 32_768);
}

const known = new Map<string, Anatomy>();
function anatomy(name: string): Anatomy {
  const made = known.get(name) ?? madeOf(referenceConfig(name));
  known.set(name, made);
  return made;
}

function between(one: string, other: string): AnatomyDifference {
  return differenceOf(anatomy(one), anatomy(other));
}

function drawn(one: string, other: string, width: number, open?: ReadonlySet<number>): Scene {
  return differenceFigure(between(one, other), {
    width,
    names: { before: one, after: other },
    sources: { before: `From ${one}/config.json`, after: `From ${other}/config.json` },
    ...(open ? { open } : {}),
  });
}

const isChanged = (shape: Shape | undefined): boolean => shape?.shape === 'rect' && shape.stroke === 'changed';
const notes = ({ parts }: Scene): string[] => parts.filter(({ id }) => id.startsWith('note.')).map(({ says }) => says);

function expectSound(scene: Scene): void {
  expect(overlapping(scene.parts)).toEqual([]);
  expect(cut(scene)).toEqual([]);
  expect(covered(scene)).toEqual([]);
  expect(crossed(scene)).toEqual([]);
  expect(new Set(scene.parts.map(({ id }) => id)).size).toBe(scene.parts.length);
}

/** Alike, unlike, with and without blocks, one kind and many. */
const PAIRS = [
  ['llama-2-7b', 'llama-3-8b'],
  ['gemma-2-27b', 'gemma-3-1b'],
  ['deepseek-r1', 'glm-5'],
  ['glm-5', 'deepseek-v4-flash'],
  ['qwen3-32b', 'qwen3.5-27b'],
  ['gpt-oss-20b', 'mixtral-8x7b'],
  ['nemotron-3-nano-30b-a3b', 'jamba-v0.1'],
  ['llama-3-8b', 'mamba-codestral-7b'],
  ['llama-3-8b', 't5-small'],
  ['bart-large', 'whisper-tiny'],
  ['openelm-270m', 'gemma-3n-e4b'],
  ['falcon-h1-0.5b', 'recurrentgemma-2b'],
  ['gpt2', 'falcon-7b'],
  ['bert-base-uncased', 'phi-2'],
] as const;

describe('figures of differences', () => {
  it.each(PAIRS)('%s and %s: nothing overlaps, is cut or crossed at 320, 480 and 1,200 px', (one, other) => {
    for (const width of WIDTHS) {
      expectSound(drawn(one, other, width));
      expectSound(drawn(other, one, width));
    }
  });

  it('so it is for any two models at any width', () => {
    fc.assert(
      fc.property(
        fc.constantFrom(...names),
        fc.constantFrom(...names),
        fc.integer({ min: 280, max: 1600 }),
        (one, other, width) => expectSound(drawn(one, other, width)),
      ),
      { numRuns: 40 },
    );
  });

  it.each(someOf(names))('%s beside itself has no mark, and is said to be the same', (name) => {
    for (const width of [480, 1200]) {
      const scene = drawn(name, name, width);
      expect(scene.parts.filter(({ shapes }) => shapes.some(isChanged)).map(({ id }) => id)).toEqual([]);
      expect(scene.ground.filter(isChanged)).toEqual([]);
      expect(notes(scene)).toEqual([]);
      expect(scene.title).toContain('do not differ');
      // Opened on demand, it is drawn in full, and still without a mark.
      const all = new Set(anatomy(name).kinds.keys());
      const opened = drawn(name, name, width, all);
      const boxes = anatomy(name).kinds.some(
        ({ attention, description }) => attention.kind !== 'none' || description?.layer,
      );
      expect(opened.parts.length > scene.parts.length).toBe(boxes);
      expect(opened.parts.filter(({ shapes }) => shapes.some(isChanged))).toEqual([]);
    }
  });

  it('mark what differs on both sides, and nothing else', () => {
    const { parts } = drawn('llama-2-7b', 'llama-3-8b', 1200);
    const marked = parts.filter(({ shapes }) => shapes.some(isChanged)).map(({ id }) => id);
    const of = (side: string): string[] =>
      marked.filter((id) => id.startsWith(`${side}.`)).map((id) => id.slice(side.length + 1));
    expect(of('before')).toEqual(of('after'));
    expect(of('after')).toEqual(
      expect.arrayContaining(['model.embedding', 'layer.A.k', 'layer.A.v', 'layer.A.cache', 'layer.A.up']),
    );
    expect(of('after')).not.toContain('layer.A.q');
    expect(of('after')).not.toContain('layer.A.norm');
  });

  it('say both values beside what changed', () => {
    const said = notes(drawn('llama-2-7b', 'llama-3-8b', 1200)).join('; ');
    expect(said).toContain('32 → 8 KV heads, ÷ 4 cache');
    expect(said).toContain('16 KiB → 4 KiB per token');
    expect(said).toContain('11,008 → 14,336 feed-forward width');
    expect(said).toContain('vocabulary of 32,000 → 128,256');
    expect(said).toContain('base 10,000 → 500,000');
    // A fact is said once (and beside the cache, which it decides).
    expect(said.split('32 → 8 KV heads')).toHaveLength(3);
  });

  it('say how kinds of layers follow each other, on both sides', () => {
    const said = notes(drawn('gemma-2-27b', 'gemma-3-1b', 1200)).map((note) => note.replaceAll('\u00a0', ' '));
    expect(said).toContain('46 → 26 layers; 23 × (A, B) → 4 × (5 A, B), then 2 A');
    expect(notes(drawn('llama-2-7b', 'llama-3-8b', 1200)).join()).not.toContain('(A');
  });

  it('have a bar where something is said of it, and none where it changed with another', () => {
    const { parts } = drawn('llama-2-7b', 'llama-3-8b', 1200);
    const bars = parts
      .filter(({ shapes }) => shapes.some((shape) => shape.shape === 'rect' && shape.fill === 'changed'))
      .map(({ id }) => id);
    expect(bars).toEqual(expect.arrayContaining(['before.model.embedding', 'after.layer.A.k', 'after.layer.A.up']));
    // Of the vocabulary and of the width it is said above.
    const follows = ['after.model.head', 'before.layer.A.down'];
    for (const id of follows) {
      expect(bars).not.toContain(id);
      const part = parts.find((each) => each.id === id);
      expect(part?.shapes.some(isChanged)).toBe(true);
      expect(part?.says).toContain('changed with what is said elsewhere');
    }
  });

  it.each([
    ['llama-3-8b', 'deepseek-r1'],
    ['glm-5', 'deepseek-v4-flash'],
    ['deepseek-r1', 'deepseek-v4-flash'],
  ])('%s and %s: what is cached stands beside what is cached', (one, other) => {
    const { parts } = drawn(one, other, 1200);
    const caches = parts.filter(({ id }) => /^(?:before|after)\.layer\.[A-Z]\.cache$/.test(id));
    const facing = caches.filter(({ id }) => id.startsWith('before.'));
    expect(facing.length).toBeGreaterThan(0);
    for (const { id, y } of facing)
      expect(caches.find((each) => each.id === id.replace('before.', 'after.'))?.y).toBe(y);
  });

  it.each(PAIRS)('%s and %s: two numbers of a product are never two arrows', (one, other) => {
    for (const note of notes(drawn(one, other, 1200))) expect(note).not.toMatch(/→ [\d,.]+\s×\s[\d,.]+ →/);
  });

  it('name what one side alone has, where it is a box or two', () => {
    const said = notes(drawn('gemma-2-27b', 'gemma-3-1b', 1200));
    expect(said).toContain('Q norm and K norm: only gemma-3-1b');
  });

  it('say each once what changed in a line of shapes, and of each box what it alone has', () => {
    const said = notes(drawn('gpt-oss-20b', 'mixtral-8x7b', 1200));
    const of = (word: string): string[] => said.filter((note) => note.includes(word));
    expect(of('clamped SwiGLU → gated SiLU')).toHaveLength(1);
    expect(of('limit 7: only gpt-oss-20b')).toHaveLength(1);
    // Of projections, output, router and experts.
    // Once for the boxes of a row.
    expect(of('+ bias in Q, K and V: only gpt-oss-20b')).toHaveLength(1);
    expect(of('+ bias').every((text) => text.split('+ bias').length === 2)).toBe(true);
    expect(of('a learned sink per head: only gpt-oss-20b')).toHaveLength(1);
    // Boxes of one name, that one side alone has.
    expect(notes(drawn('llama-3-8b', 'deepseek-r1', 1200)).join()).toContain('2 × RMSNorm: only deepseek-r1');
  });

  it.each(PAIRS)('%s and %s: every number of the attention that changed is to be read on both sides', (one, other) => {
    const difference = between(one, other);
    const scene = drawn(one, other, 1200);
    const textOf = (side: string): string =>
      scene.parts
        .filter(({ id }) => id.startsWith(`${side}.layer.`) || id.startsWith('note.layer.'))
        .map(({ says }) => says)
        .join(' ');
    const [left, right] = [textOf('before'), textOf('after')];
    for (const { changes } of difference.pairs)
      for (const { path, before, after } of changes) {
        if (!/^attention\.(?:queryHeads|kvHeads|keyDim|window|latentDim|chunk)$/.test(path)) continue;
        if (typeof before === 'number') expect(left).toContain(formatInteger(before));
        if (typeof after === 'number') expect(right).toContain(formatInteger(after));
      }
  });

  it('draw alone what one alone has', () => {
    const scene = drawn('gpt-oss-20b', 'mixtral-8x7b', 1200);
    const frames = scene.ground.filter((shape) => isChanged(shape) && shape.shape === 'rect' && shape.dashed);
    // One kind, and the sign of the legend.
    expect(frames).toHaveLength(2);
    expect(scene.ground.some((shape) => shape.shape === 'text' && shape.text === 'only gpt-oss-20b')).toBe(true);
  });

  it('say nothing of what is not described: no norm or RoPE is missing where a block is not known', () => {
    const blocks = names.map(anatomy).filter(({ kinds }) => kinds.every(({ description }) => description === null));
    const described = anatomy('llama-3-8b');
    expect(blocks.length).toBeGreaterThan(0);
    for (const other of blocks) {
      const difference = differenceOf(described, other);
      const scene = differenceFigure(difference, {
        width: 1200,
        names: { before: 'a', after: 'b' },
        sources: { before: '', after: '' },
      });
      const paired = difference.pairs.flatMap((pair, place) =>
        pair.before !== null && pair.after !== null ? [place] : [],
      );
      const ids = scene.parts.map(({ id }) => id);
      for (const place of paired) expect(ids).not.toContain(`before.layer.${String.fromCharCode(65 + place)}.rope`);
    }
  });

  it('are the same to the byte each time, and show text of a file as text', () => {
    const svg = (): string => figureSvg(drawn('gemma-2-27b', 'gemma-3-1b', 1200), 'dark');
    expect(svg()).toBe(svg());
    const hostile = differenceFigure(between('llama-2-7b', 'llama-3-8b'), {
      width: 480,
      names: { before: '<script>', after: '&"' },
      sources: { before: '<b>', after: '' },
    });
    expect(figureSvg(hostile, 'light')).not.toContain('<script');
  });
});

describe('the sentence', () => {
  it.each([
    [
      'llama-2-7b',
      'llama-3-8b',
      [/^MHA → GQA, /, /32 → 8 KV heads/, /512 KiB → 128 KiB cache per token \(÷ 4\)/, /6\.74 B → 8\.03 B parameters/],
    ],
    [
      'gpt-oss-20b',
      'mixtral-8x7b',
      [
        /24 → 32 layers/,
        /32 → 8 experts with 4 → 2 active/,
        /only gpt-oss-20b has 12 layers of “sliding window, 128 tokens”/,
      ],
    ],
    [
      'llama-3-8b',
      'mamba-codestral-7b',
      [/only llama-3-8b has 32 layers of “full attention”/, /128 KiB → 0 B cache per token/],
    ],
  ])('%s → %s', (one, other, expected) => {
    const text = summaryText(between(one, other), { before: one, after: other });
    for (const part of expected) expect(text).toMatch(part);
  });

  it('says what a window is for: its width, how often it comes, and what a token takes beyond it', () => {
    const text = summaryText(between('gemma-2-27b', 'gemma-3-1b'), { before: 'a', after: 'b' });
    expect(text).toContain('4,096 → 512 tokens of window');
    expect(text).toContain('1 sliding to 1 full → 5 to 1');
    expect(text).toContain('beyond the windows 184 KiB → 4 KiB (÷ 46)');
    // Where one side has none, its growth stays.
    const other = summaryText(between('mixtral-8x7b', 'gpt-oss-20b'), { before: 'a', after: 'b' });
    expect(other).toContain('128 KiB → 48 KiB cache per token (÷ 2.67), beyond the windows 128 KiB → 24 KiB');
    const none = summaryText(between('llama-2-7b', 'llama-3-8b'), { before: 'a', after: 'b' });
    expect(none).not.toContain('window');
  });

  it('names parts that came and went in the whole model, and none that is not known', () => {
    const of = (one: string, other: string): string => summaryText(between(one, other), { before: 'a', after: 'b' });
    expect(of('gemma-2-27b', 'gemma-3-1b')).toContain('now norms of Q and K, no longer capped scores');
    expect(of('mixtral-8x7b', 'gpt-oss-20b')).toContain('now attention sinks and biases in the attention');
    // Some of its kinds have one, others not: it is not gone.
    expect(of('glm-5', 'deepseek-v4-flash')).not.toContain('indexer');
    expect(of('deepseek-r1', 'deepseek-v4-flash')).toMatch(/now an indexer and several residual streams/);
    expect(of('nemotron-3-nano-30b-a3b', 'jamba-v0.1')).toContain('Mamba-2 mixer → Mamba mixer');
  });

  it('names a number that is not known', () => {
    const text = summaryText(
      differenceOf(
        anatomy('llama-3-8b'),
        madeOf('{"model_type":"never_seen","num_hidden_layers":2,"hidden_size":64,"layer_types":["odd","odd"]}'),
      ),
      {
        before: 'a',
        after: 'b',
      },
    );
    expect(text).toContain('not known');
    expect(text).not.toContain('→ 0');
  });
});

describe('as JSON', () => {
  it('has every pair of kinds, with both values of each change', () => {
    const made = differenceJson(between('gemma-2-27b', 'gemma-3-1b'), { before: 'a', after: 'b' });
    expect(made.same).toBe(false);
    expect(made.kinds.map(({ letter, before, after }) => [letter, before?.kind, after?.kind])).toEqual([
      ['A', 'sliding', 'sliding'],
      ['B', 'full', 'full'],
    ]);
    expect(made.kinds[0]?.changes).toContainEqual({ path: 'attention.window', before: 4096, after: 512 });
    expect(JSON.parse(JSON.stringify(made))).toMatchObject({ before: { name: 'a', modelType: 'gemma2' } });
  });
});
