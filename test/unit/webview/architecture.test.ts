import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { figureOf } from '../../../src/drawing/figure';
import { kindPieces, kindScene, stackScene } from '../../../src/drawing/pieces';
import { measuredBy, wrapText } from '../../../src/drawing/textWidth';
import { type Scenario, UNSHARDED } from '../../../src/model/scenario';
import { follow } from '../../../src/reading/follow';
import { readModelConfig } from '../../../src/reading/read';
import { type Anatomy, anatomyOf } from '../../../src/serving/anatomy/anatomy';
import { columnsOf } from '../../../webview/views/architecture/columns';
import { BesideAnatomy } from '../../../webview/views/architecture/besideAnatomy';
import { KeyPlaces } from '../../../webview/views/architecture/keyPlaces';
import { legendOf } from '../../../webview/views/architecture/legend';
import { someOf } from '../support/cases';
import { referenceConfig, referenceNames } from '../support/reference';

function anatomy(name: string): Anatomy {
  const reading = readModelConfig(referenceConfig(name));
  if (!reading) throw new Error(name);
  return anatomyOf(reading, 'bf16', 32_768);
}

describe('the figure in pieces', () => {
  it.each(someOf(referenceNames()))('%s: has every box of the whole, in its order, once', (name) => {
    const model = anatomy(name);
    const whole = figureOf(model, { width: 1200, name, source: '' });
    const pieces = [stackScene(model, 250), ...model.kinds.map((_, place) => kindScene(model, place, 400))];
    const says = (parts: typeof whole.parts): string[] => parts.map((part) => `${part.says} ${part.key}`);
    expect(pieces.flatMap(({ parts }) => says(parts))).toEqual(says(whole.parts));
    const ids = pieces.flatMap(({ parts }) => parts.map(({ id }) => id));
    expect(new Set(ids).size).toBe(ids.length);
    for (const { parts, width, height } of pieces)
      expect(
        parts.filter((part) => part.x < 0 || part.x + part.width > width || part.y + part.height > height),
      ).toEqual([]);
    // What the stack calls a kind heads its block.
    const letters = kindPieces(model).map(({ letter }) => letter);
    const runs = (pieces[0]?.parts ?? []).flatMap(({ id }) => (id.startsWith('stack.') ? [id.split('.')[2]] : []));
    expect(new Set(runs)).toEqual(new Set(letters));
  });

  it('is laid out by the widths of the font that it is drawn in, and by its own again afterwards', () => {
    const model = anatomy('llama-3-8b');
    const own = kindScene(model, 0, 320);
    const narrow = measuredBy(
      () => 300,
      () => kindScene(model, 0, 320),
    );
    expect(narrow.height).toBeLessThan(own.height);
    expect(() =>
      measuredBy(
        () => 1,
        () => {
          throw new Error('stopped');
        },
      ),
    ).toThrow('stopped');
    expect(kindScene(model, 0, 320)).toEqual(own);
    expect(
      measuredBy(
        () => 500,
        () => wrapText('aaaa aaaa', 60, 12),
      ),
    ).toEqual(['aaaa aaaa']);
    expect(
      measuredBy(
        () => 1000,
        () => wrapText('aaaa aaaa', 60, 12),
      ),
    ).toEqual(['aaaa', 'aaaa']);
  });

  it('has a legend of the marks that it has', () => {
    const marks = (name: string): string[] => {
      const model = anatomy(name);
      return legendOf(
        model,
        model.kinds.map((_, place) => kindScene(model, place, 400)),
      ).map(({ ink }) => ink);
    };
    expect(marks('llama-3-8b')).toEqual(['query', 'keyValue', 'cache', 'norm']);
    expect(marks('mixtral-8x22b')).toEqual(['query', 'keyValue', 'expertUsed', 'expert', 'cache', 'norm']);
    expect(marks('mamba-codestral-7b')).toEqual(['cache', 'norm']);
  });
});

describe('columns of blocks', () => {
  it('keep their order, and none could be lower', () => {
    const heights = fc.array(fc.integer({ min: 1, max: 50 }), { minLength: 1, maxLength: 8 });
    fc.assert(
      fc.property(heights, fc.integer({ min: 1, max: 4 }), (each, count) => {
        const columns = columnsOf(each, count);
        expect(columns.flat()).toEqual(each.map((_, place) => place));
        expect(columns.length).toBeLessThanOrEqual(count);
        const highest = (parts: readonly (readonly number[])[]): number =>
          Math.max(...parts.map((places) => places.reduce((sum, place) => sum + (each[place] ?? 0), 0)));
        expect(highest(columns)).toBe(lowestOf(each, count));
      }),
    );
  });
});

/** By trying every cut. */
function lowestOf(heights: readonly number[], columns: number): number {
  const sum = heights.reduce((total, height) => total + height, 0);
  if (columns === 1) return sum;
  let best = sum;
  for (let cut = 1; cut < heights.length; cut++) {
    const first = heights.slice(0, cut).reduce((total, height) => total + height, 0);
    best = Math.min(best, Math.max(first, lowestOf(heights.slice(cut), columns - 1)));
  }
  return best;
}

describe('the place of a key', () => {
  const text = `{
  "model_type": "gemma3",
  "text_config": {
    "vocab_size": 7,
    "layer_types": [
      "full",
      "sliding"
    ]
  }
}`;
  const followed = follow(text, null).result ?? expect.fail();
  const [box] = kindScene(anatomy('llama-3-8b'), 0, 400).parts;
  const place = (key: string): ReturnType<KeyPlaces['first']> =>
    new KeyPlaces(followed).first({ ...(box ?? expect.fail()), keys: [key] });

  it('is found by its path and, in the language model, by its name', () => {
    expect(place('text_config.vocab_size')?.range).toEqual(place('vocab_size')?.range);
    expect(place('vocab_size')?.range).toEqual({ offset: text.indexOf('7'), length: 1, line: 4 });
    expect(place('model_type')?.range.line).toBe(2);
    expect(place('head_dim')).toBeNull();
  });

  it('is every line of a value that has several', () => {
    expect(place('layer_types')).toMatchObject({ firstLine: 5, lastLine: 8 });
  });
});

describe('the parts that a line decided', () => {
  const text = referenceConfig('llama-3-8b');
  const followed = follow(text, null).result;

  it('are those whose keys stand there, also where these are not the first', () => {
    const model = anatomy('llama-3-8b');
    const scenes = [kindScene(model, 0, 400)];
    const lineOf = (key: string): number => text.split('\n').findIndex((line) => line.includes(`"${key}"`)) + 1;
    const lit = (key: string, places: KeyPlaces): string[] => [...places.litBy(lineOf(key), scenes)].sort();
    const all = new KeyPlaces(followed);
    expect(lit('num_key_value_heads', all)).toEqual(['layer.A.attention', 'layer.A.cache', 'layer.A.k', 'layer.A.v']);
    expect([...all.litBy(null, scenes)]).toEqual([]);
    const k = scenes[0]?.parts.find(({ id }) => id === 'layer.A.k') ?? expect.fail();
    expect(all.first(k)).toMatchObject({ key: 'num_key_value_heads', firstLine: lineOf('num_key_value_heads') });
    // What is of another file leads nowhere, and is never lit.
    const others = new KeyPlaces(followed, ({ id }) => id === 'layer.A.k');
    expect(lit('num_key_value_heads', others)).toEqual(['layer.A.attention', 'layer.A.cache', 'layer.A.v']);
    expect(others.first(k)).toBeNull();
  });
});

describe('the config that another one is drawn beside', () => {
  const beside = { of: 'id', name: 'other', text: referenceConfig('llama-2-7b') };
  const scenario = (tokens: number, kvDtype: 'bf16' | 'fp8'): Scenario => ({
    workload: { batch: 1, tokens },
    engine: 'vllm',
    kvDtype,
    sharding: UNSHARDED,
  });

  it('is read and taken apart once, until it, the context or the element type is another', () => {
    const made = new BesideAnatomy();
    const first = made.of(beside, null, scenario(1000, 'bf16')) ?? expect.fail();
    // The followed one is edited: the same is asked for again, in another object.
    expect(made.of({ ...beside }, null, scenario(1000, 'bf16'))).toBe(first);
    const longer = made.of(beside, null, scenario(2000, 'bf16')) ?? expect.fail();
    expect(longer.tokens).toBe(2000);
    expect(longer.spec).toBe(first.spec);
    expect(made.of(beside, null, scenario(2000, 'fp8'))).toMatchObject({ kvDtype: 'fp8', spec: first.spec });
    const other = made.of({ ...beside, text: referenceConfig('llama-3-8b') }, null, scenario(1000, 'bf16'));
    expect(other?.spec).not.toBe(first.spec);
    expect(made.of({ ...beside, text: '{}' }, null, scenario(1000, 'bf16'))).toBeNull();
  });
});
