import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ConfigDocument } from '../../../src/config/document';
import { figureOf } from '../../../src/drawing/figure';
import { kindPieces, kindScene, stackScene } from '../../../src/drawing/pieces';
import { measuredBy, wrapText } from '../../../src/drawing/textWidth';
import { readModelConfig } from '../../../src/reading/read';
import { type Anatomy, anatomyOf } from '../../../src/serving/anatomy/anatomy';
import { columnsOf } from '../../../webview/views/architecture/columns';
import { placeOfKey } from '../../../webview/views/architecture/keyPlaces';
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
  const document = ConfigDocument.parse(text);
  const place = (key: string): ReturnType<typeof placeOfKey> => placeOfKey(document, ['text_config'], key);

  it('is found by its path and, in the language model, by its name', () => {
    expect(place('text_config.vocab_size')).toEqual(place('vocab_size'));
    expect(place('vocab_size')?.range).toEqual({ offset: text.indexOf('7'), length: 1, line: 4 });
    expect(place('model_type')?.range.line).toBe(2);
    expect(place('head_dim')).toBeNull();
  });

  it('is every line of a value that has several', () => {
    expect(place('layer_types')).toMatchObject({ firstLine: 5, lastLine: 8 });
  });
});
