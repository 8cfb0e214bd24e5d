/** What the marks of a drawing mean: those that it has. */

import type { Ink, Scene } from '../../../src/drawing/scene';

export interface LegendEntry {
  readonly ink: Ink;
  readonly text: string;
}

const ENTRIES: readonly LegendEntry[] = [
  { ink: 'cache', text: 'cached' },
  { ink: 'query', text: 'query head' },
  { ink: 'keyValue', text: 'K and V that they share' },
  { ink: 'expertUsed', text: 'active expert' },
  { ink: 'expert', text: 'expert at rest' },
  { ink: 'memory', text: 'time, limited by memory bandwidth' },
  { ink: 'compute', text: 'time, limited by compute' },
];

export function legendOf(scenes: readonly Scene[]): readonly LegendEntry[] {
  const used = new Set<Ink | null>();
  for (const { parts } of scenes)
    for (const { shapes } of parts) for (const shape of shapes) if (shape.shape === 'rect') used.add(shape.fill);
  return ENTRIES.filter(({ ink }) => used.has(ink));
}
