/** What the marks and colours of a figure mean: only those that it has. */

import type { LayerKind } from '../serving/anatomy/anatomy';
import type { Ink, Shape } from './scene';
import { textWidth } from './textWidth';

const SIZE = 11;
const LINE = 18;
const SWATCH = 10;
const GAP = 16;

export interface LegendEntry {
  readonly ink: Ink;
  readonly outlined: boolean;
  readonly text: string;
}

/** In their order; `outlined`: a box, not a mark. */
export function legendEntries(kinds: readonly LayerKind[]): LegendEntry[] {
  const heads = kinds.some(({ attention, description }) => 'queryHeads' in attention || description?.layer);
  const experts = kinds.some(({ parameters }) => (parameters?.experts.length ?? 0) > 0);
  const caches = kinds.some(({ cacheBytes, stateBytes }) => cacheBytes + stateBytes > 0);
  const entry = (ink: Ink, text: string, outlined = false): LegendEntry => ({ ink, text, outlined });
  return [
    ...(heads ? [entry('query', 'query head'), entry('keyValue', 'the K and V (or latent) that it shares')] : []),
    ...(experts ? [entry('expertUsed', 'experts that a token uses'), entry('expert', 'the others')] : []),
    ...(caches ? [entry('cache', 'kept between tokens', true)] : []),
    entry('norm', 'no matrix of its own', true),
  ];
}

/** Swatches with their words, in rows; returns the shapes and the bottom. */
export function legendShapes(
  kinds: readonly LayerKind[],
  left: number,
  top: number,
  width: number,
): { readonly shapes: readonly Shape[]; readonly bottom: number } {
  const shapes: Shape[] = [];
  let [x, y] = [left, top];
  for (const { ink, outlined, text } of legendEntries(kinds)) {
    const across = SWATCH + 5 + Math.ceil(textWidth(text, SIZE));
    if (x > left && x + across > left + width) [x, y] = [left, y + LINE];
    shapes.push(
      {
        shape: 'rect',
        x,
        y,
        width: SWATCH,
        height: SWATCH,
        fill: ink,
        stroke: outlined ? 'line' : null,
        radius: outlined ? 3 : 1,
      },
      { shape: 'text', x: x + SWATCH + 5, y: y + SWATCH - 1, text, size: SIZE, bold: false, ink: 'muted' },
    );
    x += across + GAP;
  }
  return { shapes, bottom: y + LINE };
}
