/** Where the possible values of a slider stand, and which of them is meant. */

import { elementAt } from '../../src/model/elementAt';

export interface SliderScale {
  /** The possible values, ascending; at least one. */
  readonly values: readonly number[];
  /** Doubling is the same distance everywhere; for values from 1. */
  readonly log: boolean;
}

const place = (scale: SliderScale, value: number): number => (scale.log ? Math.log2(Math.max(value, 1e-9)) : value);

function ends({ values }: SliderScale): readonly [number, number] {
  return [elementAt(values, 0), elementAt(values, values.length - 1)];
}

/** 0…1; values beyond the ends stand at the ends. */
export function positionOf(scale: SliderScale, value: number): number {
  const [first, last] = ends(scale);
  if (first === last) return 0;
  const share = (place(scale, value) - place(scale, first)) / (place(scale, last) - place(scale, first));
  return Math.min(1, Math.max(0, share));
}

/** The whole number at a position, possible or not. */
export function valueAt(scale: SliderScale, position: number): number {
  const [first, last] = ends(scale);
  const share = Math.min(1, Math.max(0, position));
  const exact = scale.log ? first * (last / first) ** share : first + (last - first) * share;
  return Math.round(exact);
}

/** The possible value nearest to a position. */
export function nearest(scale: SliderScale, position: number): number {
  const distance = (value: number): number => Math.abs(positionOf(scale, value) - position);
  return scale.values.reduce(
    (best, value) => (distance(value) < distance(best) ? value : best),
    elementAt(scale.values, 0),
  );
}

/** The possible value so many steps away; the next one in that direction from a value between two. */
export function stepped({ values }: SliderScale, value: number, steps: number): number {
  const last = values.length - 1;
  const known = values.indexOf(value);
  const above = values.findIndex((candidate) => candidate > value);
  const at =
    known >= 0
      ? known + steps
      : steps > 0
        ? (above < 0 ? last : above) + steps - 1
        : (above < 0 ? values.length : above) + steps;
  return values[Math.max(0, Math.min(last, at))] ?? value;
}

/** 1, 2, 4, … with `between` more values in each doubling, from `first` to `last`; both belong to it. */
export function doublings(first: number, last: number, between = 0): number[] {
  const values = new Set<number>([first, last]);
  for (let power = first; power <= last; power *= 2) {
    for (let part = 0; part <= between; part++) {
      const value = Math.round(power * (1 + part / (between + 1)));
      if (value <= last) values.add(value);
    }
  }
  return [...values].sort((a, b) => a - b);
}

/** The values with one more among them. */
export function withValue(values: readonly number[], value: number): number[] {
  return values.includes(value) ? [...values] : [...values, value].sort((a, b) => a - b);
}
