/**
 * From numbers to pixels: cells are reduced to what a device pixel can show, placed on a scale, and coloured. Pure, so that it
 * runs in tests; measured to be faster than drawing every cell, by WebGL2 too (docs/panel.md).
 */

import type { Bins } from './axis';
import type { ColourMap } from './colourMaps';
import type { Scale } from './scale';

/** Of a row of cells, those that exist: `[low, high)`. What lies outside is not allowed, which is not a low value. */
export interface Visible {
  readonly low: Int32Array;
  readonly high: Int32Array;
}

/** `largest`: of values that are not negative. `extreme`: the one farthest from zero. Both keep what is thin. */
export type Reduction = 'largest' | 'extreme';

export interface Cells {
  /** Row-major; a matrix begins at `offset`. */
  readonly data: Float32Array;
  readonly offset: number;
  /** Cells in a row. */
  readonly stride: number;
  readonly visible: Visible | null;
}

/** A value for each bin, `[rows, columns]` row-major; NaN where nothing is allowed. */
export function reduceCells(cells: Cells, rows: Bins, columns: Bins, reduction: Reduction): Float32Array {
  const { data, offset, stride, visible } = cells;
  const width = columns.count;
  const result = new Float32Array(rows.count * width).fill(NaN);
  const signed = reduction === 'extreme';
  const { first, end } = columns;
  for (let bin = 0; bin < rows.count; bin++) {
    const base = bin * width;
    for (let row = rows.first[bin] as number; row < (rows.end[bin] as number); row++) {
      const line = offset + row * stride;
      const low = visible ? (visible.low[row] as number) : 0;
      const high = visible ? (visible.high[row] as number) : stride;
      for (let column = 0; column < width; column++) {
        const from = Math.max(low, first[column] as number);
        const to = Math.min(high, end[column] as number);
        if (from >= to) {
          if ((first[column] as number) >= high) break;
          continue;
        }
        let best = result[base + column] as number;
        if (signed) {
          for (let cell = from; cell < to; cell++) {
            const value = data[line + cell] as number;
            if (Math.abs(value) > Math.abs(best) || best !== best) best = value;
          }
        } else {
          for (let cell = from; cell < to; cell++) {
            const value = data[line + cell] as number;
            if (value > best || best !== best) best = value;
          }
        }
        result[base + column] = best;
      }
    }
  }
  return result;
}

/** The largest magnitude, 0 where there is none. */
export function largestOf(values: Float32Array): number {
  let largest = 0;
  for (const value of values) {
    const size = Math.abs(value);
    if (size > largest) largest = size;
  }
  return largest;
}

/** How what is not allowed is drawn: thin rising lines. Colours as in `ColourMap.pixels`, sizes in device pixels. */
export interface Hatch {
  readonly line: number;
  readonly ground: number;
  readonly period: number;
  readonly thickness: number;
}

/** Draws reduced values into `pixels` (an image `[height, width]`, row-major) with their corner at `left`, `top`. */
export function paintBins(
  pixels: Uint32Array,
  width: number,
  left: number,
  top: number,
  values: Float32Array,
  rows: Bins,
  columns: Bins,
  scale: Scale,
  map: ColourMap,
  hatch: Hatch,
): void {
  const colours = colourBins(values, scale, map);
  const count = columns.count;
  for (let row = 0; row < rows.count; row++) {
    for (let y = rows.pixels[row] as number; y < (rows.pixels[row + 1] as number); y++) {
      const line = (top + y) * width + left;
      for (let column = 0; column < count; column++) {
        const colour = colours[row * count + column] as number;
        const end = columns.pixels[column + 1] as number;
        if (colour !== 0) {
          // Bins are a few pixels wide: a call to fill() would cost more than they do.
          for (let x = columns.pixels[column] as number; x < end; x++) pixels[line + x] = colour;
          continue;
        }
        for (let x = columns.pixels[column] as number; x < end; x++)
          pixels[line + x] = (x + y) % hatch.period < hatch.thickness ? hatch.line : hatch.ground;
      }
    }
  }
}

/** 0 where there is no value: every colour of a map is opaque. */
function colourBins(values: Float32Array, scale: Scale, { pixels }: ColourMap): Uint32Array {
  const last = pixels.length - 1;
  const result = new Uint32Array(values.length);
  for (let i = 0; i < values.length; i++) {
    const value = values[i] as number;
    if (value === value) result[i] = pixels[Math.round(scale.place(value) * last)] as number;
  }
  return result;
}
