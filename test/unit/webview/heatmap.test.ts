// What a heatmap shows, before any pixel: colours, scales, which cell is under which pixel, which labels stand where.
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { sees } from '../../../src/attention/step/mask';
import type { RunnableAttention } from '../../../src/attention/spec/layerSpec';
import { binAt, binOf, binsOf, shifted, wholeAxis, zoomed } from '../../../webview/charts/heatmap/axis';
import { type CellAxis, cellBorder, cellOf } from '../../../src/insight/cells';
import { labOf, parseRgb, type Rgb, rgbOf } from '../../../webview/charts/heatmap/colour';
import { colourMap, packed } from '../../../webview/charts/heatmap/colourMaps';
import { columnLabels, elideMiddle, tokenText } from '../../../webview/charts/heatmap/labels';
import { paintBins, reduceCells } from '../../../webview/charts/heatmap/raster';
import { newScale } from '../../../webview/charts/heatmap/scale';
import { visibleCells } from '../../../webview/charts/heatmap/visible';
import { cellAt, type HeatmapModel, layoutHeatmap, movedBy } from '../../../webview/charts/heatmap/viewModel';

const THEMES: readonly { readonly name: string; readonly background: Rgb; readonly highContrast: boolean }[] = [
  { name: 'dark', background: [31, 31, 31], highContrast: false },
  { name: 'light', background: [255, 255, 255], highContrast: false },
  { name: 'side bar of light', background: [248, 248, 248], highContrast: false },
  { name: 'high contrast', background: [0, 0, 0], highContrast: true },
  { name: 'high contrast light', background: [255, 255, 255], highContrast: true },
  { name: 'solarized', background: [0, 43, 54], highContrast: false },
];

/** Relative luminance (WCAG 2), 0…1. */
function luminance(colour: Rgb): number {
  const [red, green, blue] = colour.map((byte) => {
    const value = byte / 255;
    return value <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4;
  }) as [number, number, number];
  return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
}

describe.each(THEMES)('the colour maps on $name', (theme) => {
  const dark = luminance(theme.background) < 0.3;
  const away = (colours: readonly Rgb[]): number[] =>
    colours.map((colour) => (dark ? 1 : -1) * (luminance(colour) - luminance(theme.background)));

  test('nothing is the background, and luminance only moves away from it', () => {
    const { colours, pixels } = colourMap('sequential', theme);
    expect(colours[0]).toEqual(theme.background);
    expect(pixels[0]).toBe(packed(theme.background));
    const steps = away(colours);
    for (let i = 1; i < steps.length; i++) expect(steps[i]).toBeGreaterThan((steps[i - 1] as number) - 0.002);
    expect(Math.abs(steps.at(-1) as number)).toBeGreaterThan(0.5);
  });

  test('equal steps of the sequential map look equal', () => {
    const lightness = colourMap('sequential', theme).colours.map((colour) => labOf(colour)[0]);
    const span = Math.abs((lightness.at(-1) as number) - (lightness[0] as number));
    // Bytes are coarse near black: (1, 1, 1) already has a lightness of 0.07.
    lightness.forEach((value, i) =>
      expect(Math.abs(Math.abs(value - (lightness[0] as number)) - (span * i) / (lightness.length - 1))).toBeLessThan(
        0.04,
      ),
    );
  });

  test('zero of the diverging map is the background, and both sides move away from it alike', () => {
    const { colours } = colourMap('diverging', theme);
    const middle = (colours.length - 1) / 2;
    expect(colours[middle]).toEqual(theme.background);
    const [negative, positive] = [away(colours.slice(0, middle + 1).reverse()), away(colours.slice(middle))];
    for (const side of [negative, positive])
      for (let i = 1; i < side.length; i++) expect(side[i]).toBeGreaterThan((side[i - 1] as number) - 0.002);
    // Neither sign looks larger than the other.
    expect(labOf(colours[0] as Rgb)[0]).toBeCloseTo(labOf(colours.at(-1) as Rgb)[0], 1);
  });

  test.each(['protan', 'deutan'] as const)('signs stay apart for %s', (kind) => {
    const { colours } = colourMap('diverging', theme);
    for (const share of [0.3, 0.6, 1]) {
      const at = Math.round((share * (colours.length - 1)) / 2);
      const middle = (colours.length - 1) / 2;
      const [a, b] = [
        labOf(seenBy(kind, colours[middle - at] as Rgb)),
        labOf(seenBy(kind, colours[middle + at] as Rgb)),
      ];
      expect(Math.hypot(a[1] - b[1], a[2] - b[2])).toBeGreaterThan(0.08 * share);
    }
  });
});

/** Machado, Oliveira, Fernandes 2009, full severity, in linear light. */
const SEEN: Readonly<Record<'protan' | 'deutan', readonly (readonly [number, number, number])[]>> = {
  protan: [
    [0.152286, 1.052583, -0.204868],
    [0.114503, 0.786281, 0.099216],
    [-0.003882, -0.048116, 1.051998],
  ],
  deutan: [
    [0.367322, 0.860646, -0.227968],
    [0.280085, 0.672501, 0.047413],
    [-0.01182, 0.04294, 0.968881],
  ],
};

function seenBy(kind: keyof typeof SEEN, colour: Rgb): Rgb {
  const linear = colour.map((byte) => (byte / 255) ** 2.2);
  const [red = 0, green = 0, blue = 0] = SEEN[kind].map(
    (row) =>
      255 *
      Math.min(
        1,
        Math.max(
          0,
          row.reduce((sum, factor, i) => sum + factor * (linear[i] ?? 0), 0),
        ),
      ) **
        (1 / 2.2),
  );
  return [red, green, blue];
}

test('colours go to OKLab and back', () => {
  fc.assert(
    fc.property(fc.tuple(fc.nat(255), fc.nat(255), fc.nat(255)), (colour) => {
      rgbOf(labOf(colour)).forEach((byte, i) => expect(Math.abs(byte - (colour[i] ?? 0))).toBeLessThanOrEqual(1));
    }),
    { numRuns: 200 },
  );
  expect(parseRgb('rgb(30, 31, 32)')).toEqual([30, 31, 32]);
  expect(parseRgb('#1e1f20cc')).toEqual([30, 31, 32]);
  expect(parseRgb('color-mix(in srgb, red, blue)')).toBeNull();
});

describe('scales', () => {
  const values = Float32Array.of(0, 0.001, 0.01, 0.1, 1);
  test.each(['linear', 'log', 'rank'] as const)(
    '%s begins at nothing, ends at the largest and keeps the order',
    (kind) => {
      const scale = newScale(kind, false, 1, [values]);
      const places = [...values].map(scale.place);
      expect(places[0]).toBe(0);
      expect(places.at(-1)).toBe(1);
      expect(places.toSorted((a, b) => a - b)).toEqual(places);
    },
  );
  test('log spreads decades, rank spreads values', () => {
    expect(newScale('log', false, 1).place(0.01)).toBeCloseTo(0.5);
    expect(newScale('rank', false, 1, [values]).place(values[2] ?? 0)).toBeCloseTo(1 / 3);
  });
  test.each(['linear', 'log', 'rank'] as const)('signed %s has zero in the middle and is symmetric', (kind) => {
    const scale = newScale(kind, true, 4, [Float32Array.of(-4, -2, 1, 3)]);
    expect(scale.place(0)).toBe(0.5);
    for (const value of [0.5, 1, 2, 4]) expect(scale.place(value) + scale.place(-value)).toBeCloseTo(1);
  });
  test('nothing anywhere is nothing', () => {
    expect(newScale('linear', false, 0).place(0)).toBe(0);
    expect(newScale('log', false, NaN).place(1)).toBe(0);
  });
  test('ranks of many values are read from a spread that rows of any length do not bias', () => {
    // Column 0 holds all that is large, as an attention sink does.
    const data = Float32Array.from({ length: 512 * 512 }, (_, i) => (i % 512 === 0 ? 1 : 0.001 + (i % 512) * 1e-6));
    expect(newScale('rank', false, 1, [data]).place(0.9)).toBeGreaterThan(0.98);
  });
});

describe('cells and pixels', () => {
  const axisAndWindow = fc.integer({ min: 1, max: 600 }).chain((positions) =>
    fc
      .record({
        positions: fc.constant(positions),
        cells: fc.integer({ min: 1, max: positions }),
        pixels: fc.integer({ min: 1, max: 700 }),
        from: fc.nat(positions - 1),
      })
      .chain((given) => fc.record({ ...constants(given), to: fc.integer({ min: given.from + 1, max: positions }) })),
  );

  test('bins cover every pixel and every position of the window once, and know their cells', () => {
    fc.assert(
      fc.property(axisAndWindow, ({ positions, cells, pixels, from, to }) => {
        const axis: CellAxis = { start: 0, end: positions, count: cells };
        const bins = binsOf(axis, [from, to], pixels);
        expect([bins.positions[0], bins.positions[bins.count], bins.pixels[0], bins.pixels[bins.count]]).toEqual([
          from,
          to,
          0,
          pixels,
        ]);
        for (let bin = 0; bin < bins.count; bin++) {
          const [start, end] = [bins.positions[bin] as number, bins.positions[bin + 1] as number];
          const pixel = bins.pixels[bin] as number;
          const right =
            end > start &&
            (bins.pixels[bin + 1] as number) > pixel &&
            binAt(bins, pixel) === bin &&
            binOf(bins, start) === bin;
          const cellsRight =
            bins.first[bin] === cellOf(axis, start) &&
            bins.end[bin] === cellOf(axis, end - 1) + 1 &&
            cellBorder(axis, bins.first[bin] as number) <= start;
          if (!right || !cellsRight)
            throw new Error(
              `bin ${bin}: positions ${start} to ${end}, pixel ${pixel}, cells ${bins.first[bin]} to ${bins.end[bin]}`,
            );
        }
        expect(binOf(bins, to)).toBe(-1);
      }),
      { numRuns: 150 },
    );
  });

  test('zooming keeps what is under the cursor and stays inside', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 4, max: 5000 }),
        fc.double({ min: 0, max: 0.999, noNaN: true }),
        fc.constantFrom(0.5, 0.8, 1.25, 2),
        (count, share, factor) => {
          const anchor = Math.floor(share * count);
          const [start, end] = zoomed([0, count], count, factor, anchor);
          expect(start).toBeGreaterThanOrEqual(0);
          expect(end).toBeLessThanOrEqual(count);
          expect(start <= anchor && anchor < end).toBe(true);
        },
      ),
    );
    expect(shifted([4, 8], 10, 100)).toEqual([6, 10]);
  });

  test('reduction keeps the largest, and of signed values the one farthest from zero', () => {
    const data = Float32Array.of(1, -5, 2, 3, 0, 0, 0, -1, 4);
    const bins = binsOf(wholeAxis(3), [0, 3], 1);
    expect([...reduceCells({ data, offset: 0, stride: 3, visible: null }, bins, bins, 'largest')]).toEqual([4]);
    expect([...reduceCells({ data, offset: 0, stride: 3, visible: null }, bins, bins, 'extreme')]).toEqual([-5]);
  });

  test('what is not allowed is hatched, whatever stands there', () => {
    const axis = wholeAxis(3);
    const visible = visibleCells(FULL, axis, axis);
    const data = Float32Array.of(0, 9, 9, 0, 1, 9, 0, 0, 0);
    const bins = binsOf(axis, [0, 3], 3);
    const values = reduceCells({ data, offset: 0, stride: 3, visible }, bins, bins, 'largest');
    expect([...values]).toEqual([0, NaN, NaN, 0, 1, NaN, 0, 0, 0]);
    const map = colourMap('sequential', { background: [0, 0, 0], highContrast: false });
    const pixels = new Uint32Array(9);
    paintBins(pixels, 3, 0, 0, values, bins, bins, newScale('linear', false, 1), map, {
      line: 7,
      ground: 8,
      period: 2,
      thickness: 1,
    });
    expect([...pixels]).toEqual([
      map.pixels[0],
      8,
      7,
      map.pixels[0],
      map.pixels[255],
      8,
      map.pixels[0],
      map.pixels[0],
      map.pixels[0],
    ]);
  });

  test.each([
    ['full', () => FULL],
    ['a window', () => ({ ...FULL, kind: 'sliding', window: 5 }) as RunnableAttention],
    ['chunks', () => ({ ...FULL, kind: 'chunked', chunk: 4 }) as RunnableAttention],
  ])('cells of %s exist where the mask lets a query of theirs see a key of theirs', (_, make) => {
    const attention = make();
    for (const [rowCount, columnCount] of [
      [17, 17],
      [5, 17],
      [17, 4],
      [6, 7],
    ] as const) {
      const rows: CellAxis = { start: 3, end: 20, count: rowCount };
      const columns: CellAxis = { start: 3, end: 20, count: columnCount };
      const { low, high } = visibleCells(attention, rows, columns);
      for (let row = 0; row < rowCount; row++) {
        for (let column = 0; column < columnCount; column++) {
          let seen = false;
          for (let query = cellBorder(rows, row); query < cellBorder(rows, row + 1); query++) {
            for (let key = cellBorder(columns, column); key < cellBorder(columns, column + 1); key++)
              seen ||= sees(attention, query, key);
          }
          expect([row, column, column >= (low[row] ?? 0) && column < (high[row] ?? 0)]).toEqual([row, column, seen]);
        }
      }
    }
  });
});

function constants<T extends object>(given: T): { [K in keyof T]: fc.Arbitrary<T[K]> } {
  return Object.fromEntries(Object.entries(given).map(([key, value]) => [key, fc.constant(value)])) as {
    [K in keyof T]: fc.Arbitrary<T[K]>;
  };
}

const FULL: RunnableAttention = { kind: 'full', queryHeads: 4, kvHeads: 2, keyDim: 8, valueDim: 8 };
const measure = (text: string): number => [...text].length * 6;

describe('labels', () => {
  test('tokens show what they hold, and nothing of theirs takes effect', () => {
    expect([' the', '\n', '\t', '', 'a\u202eb', '\u0007']).toSatisfy(
      (pieces: string[]) => pieces.map(tokenText).join('|') === '␣the|↵|⇥|∅|a⟨U+202E⟩b|␇',
    );
  });
  test('long ones are elided in the middle, and fit', () => {
    expect(elideMiddle('internationalisation', 60, measure)).toBe('inter…tion');
    fc.assert(
      fc.property(fc.string({ maxLength: 40 }), fc.integer({ min: 0, max: 200 }), (text, width) => {
        expect(measure(elideMiddle(text, width, measure))).toBeLessThanOrEqual(Math.max(width, 0));
      }),
    );
  });
  test('columns: texts of one tier never touch, and all that are left in are readable', () => {
    fc.assert(
      fc.property(
        fc.array(fc.string({ minLength: 1, maxLength: 12 }), { minLength: 1, maxLength: 120 }),
        fc.integer({ min: 1, max: 40 }),
        fc.integer({ min: 1, max: 3 }),
        (texts, pitch, tiers) => {
          const items = texts.map((text, i) => ({ text, middle: (i + 0.5) * pitch }));
          const width = pitch * texts.length;
          const labels = columnLabels(items, tiers, width, measure);
          for (let tier = 0; tier < tiers; tier++) {
            const row = labels.filter((label) => label.tier === tier && label.text !== '');
            for (let i = 1; i < row.length; i++) {
              const before = row[i - 1];
              expect(row[i]?.x).toBeGreaterThanOrEqual((before?.x ?? 0) + measure(before?.text ?? ''));
            }
          }
          expect(labels.length).toBeGreaterThan(0);
        },
      ),
      { numRuns: 200 },
    );
  });
});

describe('the layout', () => {
  const tokens = ['The', ' American', ' flag', ' is'];
  const model: HeatmapModel = {
    cells: {
      data: new Float32Array(16),
      offset: 0,
      stride: 4,
      visible: visibleCells(FULL, wholeAxis(4), wholeAxis(4)),
    },
    rows: wholeAxis(4),
    columns: wholeAxis(4),
    reduction: 'largest',
    map: 'sequential',
    scale: newScale('linear', false, 1),
    triangle: true,
    rowLabel: (at) => tokenText(tokens[at] ?? ''),
    columnLabel: (at) => tokenText(tokens[at] ?? ''),
    rowHeight: null,
    tiers: 3,
  };
  const view = { rows: [0, 4], columns: [0, 4] } as const;
  test.each([1, 2])(
    'labels of rows and of the diagonal never touch or are cut, whatever the context, at %i device pixels',
    (ratio) => {
      fc.assert(
        fc.property(fc.integer({ min: 1, max: 400 }), fc.integer({ min: 180, max: 900 }), (tokens, width) => {
          const layout = layoutHeatmap(
            {
              ...model,
              rows: wholeAxis(tokens),
              columns: wholeAxis(tokens),
              rowLabel: () => 'token',
              columnLabel: () => 'token',
            },
            { rows: [0, tokens], columns: [0, tokens] },
            { width: width * ratio, highest: 640 * ratio, ratio, measure: (text) => text.length * 6 * ratio },
          );
          for (const labels of [layout.rowLabels, layout.diagonalLabels]) {
            labels.forEach(({ y }, i) => {
              const before = labels[i - 1];
              if (before !== undefined) expect(y - before.y).toBeGreaterThanOrEqual(layout.lineHeight * 0.9 - 1e-6);
              if (layout.plotHeight >= layout.lineHeight)
                expect(y + layout.lineHeight / 2).toBeLessThanOrEqual(layout.plotHeight + 1e-6);
            });
          }
          expect(layout.rowLabels.length).toBeGreaterThan(0);
        }),
        { numRuns: 200 },
      );
    },
  );

  test.each([
    [1, 296],
    [2, 592],
    [1.25, 370],
  ])('at %f device pixels: cells of one whole size, labels inside', (ratio, width) => {
    const layout = layoutHeatmap(model, view, {
      width,
      highest: 600 * ratio,
      ratio,
      measure: (text) => measure(text) * ratio,
    });
    const sizes = new Set(
      Array.from({ length: 4 }, (_, i) => (layout.columns.pixels[i + 1] ?? 0) - (layout.columns.pixels[i] ?? 0)),
    );
    expect(sizes.size).toBe(1);
    expect(layout.plotWidth).toBe(layout.plotHeight);
    expect(layout.rowLabels.map(({ text }) => text)).toEqual(tokens.map(tokenText));
    for (const { x, text } of layout.diagonalLabels) expect(x + measure(text) * ratio).toBeLessThanOrEqual(width);
    // The middle of each cell is that cell; beside the plot only a row, or nothing.
    for (let row = 0; row < 4; row++) {
      for (let column = 0; column < 4; column++) {
        const at = (bins: typeof layout.rows, bin: number): number =>
          ((bins.pixels[bin] ?? 0) + (bins.pixels[bin + 1] ?? 0)) / 2;
        expect(cellAt(layout, layout.left + at(layout.columns, column), layout.top + at(layout.rows, row))).toEqual({
          row,
          column,
        });
      }
    }
    expect(cellAt(layout, 2, layout.top + 1)).toEqual({ row: 0, column: null });
  });
  test('keys move over cells and stop at the edges', () => {
    expect(movedBy('ArrowRight', { row: 0, column: 3 }, 4, 4, false)).toEqual({ row: 0, column: 3 });
    expect(movedBy('PageDown', { row: 1, column: 1 }, 40, 4, false)).toEqual({ row: 11, column: 1 });
    expect(movedBy('End', { row: 1, column: 1 }, 40, 4, true)).toEqual({ row: 39, column: 3 });
    expect(movedBy('a', { row: 1, column: 1 }, 40, 4, true)).toBeNull();
  });
});
