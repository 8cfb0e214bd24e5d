/** What the marks of a drawing in the page mean: the figure's own, and those of a step where one is drawn. */

import { legendEntries, type LegendEntry } from '../../../src/drawing/legend';
import type { Scene } from '../../../src/drawing/scene';
import type { Anatomy } from '../../../src/serving/anatomy/anatomy';

const OF_A_STEP: readonly LegendEntry[] = [
  { ink: 'memory', text: 'time, limited by memory bandwidth', outlined: false },
  { ink: 'compute', text: 'time, limited by compute', outlined: false },
];

export function legendOf({ kinds }: Anatomy, scenes: readonly Scene[]): readonly LegendEntry[] {
  const drawn = scenes.flatMap(({ parts }) => parts.flatMap(({ shapes }) => shapes));
  return [
    ...legendEntries(kinds),
    ...OF_A_STEP.filter(({ ink }) => drawn.some((shape) => shape.shape === 'rect' && shape.fill === ink)),
  ];
}
