/** A number that is known between two ends. */

export interface Range {
  readonly low: number;
  readonly high: number;
}

export function range(low: number, high: number): Range {
  return { low, high };
}

/** Both ends at one number. */
export function exactly(value: number): Range {
  return { low: value, high: value };
}

/** Ends as a data file lists them, times a factor. */
export function scaled(ends: readonly number[], factor = 1): Range {
  const [low = 0, high = low] = ends;
  return { low: low * factor, high: high * factor };
}

export function times({ low, high }: Range, factor: number): Range {
  return { low: low * factor, high: high * factor };
}

/** From the lowest to the highest end. */
export function hull(some: readonly Range[]): Range {
  return { low: Math.min(...some.map(({ low }) => low)), high: Math.max(...some.map(({ high }) => high)) };
}

export function plus(...some: readonly Range[]): Range {
  return {
    low: some.reduce((sum, { low }) => sum + low, 0),
    high: some.reduce((sum, { high }) => sum + high, 0),
  };
}

export function middle({ low, high }: Range): number {
  return (low + high) / 2;
}

/**
 * A whole less its parts. What is not known of one part says nothing about another, so their uncertainties add as
 * independent ones do: the half width is the root of the sum of squares.
 */
export function less(whole: Range, parts: readonly Range[]): Range {
  const centre = middle(whole) - parts.reduce((sum, part) => sum + middle(part), 0);
  const half = Math.hypot(...[whole, ...parts].map(({ low, high }) => (high - low) / 2));
  return { low: centre - half, high: centre + half };
}
