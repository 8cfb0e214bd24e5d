/** From a value to its place in a colour map. */

export const SCALES = ['linear', 'log', 'rank'] as const;
export type ScaleKind = (typeof SCALES)[number];

/** Place 0…1 in the map: of a weight from nothing to the largest; of a signed value from −largest over 0 (½) to largest. */
export interface Scale {
  readonly kind: ScaleKind;
  /** The value at the map's end. */
  readonly most: number;
  place(value: number): number;
}

/** A log scale shows this much of a range: weights below a ten-thousandth of the largest are not told apart. */
const DECADES = 4;
/** Ranks are read from so many values at most. */
const MOST_RANKED = 16_384;

/** @param values What ranks are among; read for `rank` only. */
export function newScale(kind: ScaleKind, signed: boolean, most: number, values: Iterable<Float32Array> = []): Scale {
  const largest = most > 0 && Number.isFinite(most) ? most : 0;
  const size = magnitude(kind, largest, values);
  const place = signed ? (value: number): number => 0.5 + (value < 0 ? -0.5 : 0.5) * size(Math.abs(value)) : size;
  return { kind, most: largest, place };
}

/** Place 0…1 of a value that is not negative. */
function magnitude(kind: ScaleKind, most: number, values: Iterable<Float32Array>): (value: number) => number {
  if (most === 0) return () => 0;
  switch (kind) {
    case 'linear':
      return (value) => Math.min(1, Math.max(0, value / most));
    case 'log':
      return (value) => (value <= 0 ? 0 : Math.min(1, Math.max(0, 1 + Math.log10(value / most) / DECADES)));
    case 'rank': {
      const sorted = sample(values);
      const last = sorted.length - 1;
      // What is nothing stays nothing, and equal values have one place: the number of smaller ones decides.
      return (value) => (value <= 0 || last < 1 ? Number(value > 0) : Math.min(1, below(sorted, value) / last));
    }
  }
}

/** Of a part's values those at so many places, spread evenly whatever the part's rows are long. */
const GOLDEN = 0.6180339887498949;

/** Magnitudes above 0, sorted; the same ones for the same values. */
function sample(parts: Iterable<Float32Array>): Float32Array {
  const list = [...parts];
  const count = list.reduce((sum, part) => sum + part.length, 0);
  const result: number[] = [];
  for (const part of list) {
    const wanted = count <= MOST_RANKED ? part.length : Math.ceil((part.length * MOST_RANKED) / count);
    for (let i = 0; i < wanted; i++) {
      const at = wanted === part.length ? i : Math.floor(((i * GOLDEN) % 1) * part.length);
      const value = Math.abs(part[at] as number);
      if (value > 0) result.push(value);
    }
  }
  return Float32Array.from(result).sort();
}

/** How many are smaller. */
function below(sorted: Float32Array, value: number): number {
  let [low, high] = [0, sorted.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((sorted[middle] as number) < value) low = middle + 1;
    else high = middle;
  }
  return low;
}
