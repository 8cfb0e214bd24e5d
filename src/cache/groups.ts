/** Layers of one kind taken together: what plans and derivations work with. */

import type { AttentionSpec, StateSpec } from '../model/attention';
import type { FactorSources, LayerSpec, ModelSpec } from '../model/spec';

export interface LayerGroup {
  readonly attention: AttentionSpec;
  readonly state: StateSpec | undefined;
  readonly sources: FactorSources;
  readonly assumed: boolean;
  /** Indexes of its layers, ascending. */
  readonly indexes: readonly number[];
}

const grouped = new WeakMap<ModelSpec, readonly LayerGroup[]>();

/** Groups in the order of their first layer. Layers of one kind share their AttentionSpec object. */
export function layerGroups(spec: ModelSpec): readonly LayerGroup[] {
  const known = grouped.get(spec);
  if (known) return known;
  const groups = new Map<AttentionSpec, LayerSpec[]>();
  for (const layer of spec.layers) {
    const group = groups.get(layer.attention);
    if (group) group.push(layer);
    else groups.set(layer.attention, [layer]);
  }
  const result = [...groups.values()].flatMap((layers): LayerGroup[] => {
    const [first] = layers;
    if (!first) return [];
    const { attention, parallelState, sources, assumed } = first;
    const state = attention.kind === 'recurrent' || attention.kind === 'conv' ? attention.state : parallelState;
    return [{ attention, state, sources, assumed: assumed ?? false, indexes: layers.map((layer) => layer.index) }];
  });
  grouped.set(spec, result);
  return result;
}

/** Where a run of ascending layer indexes from `start` to before `end` begins in the list, and where it is over. */
export function runWithin(indexes: readonly number[], [start, end]: readonly [number, number]): [number, number] {
  return [countBelow(indexes, start), countBelow(indexes, end)];
}

/** How many of ascending layer indexes are from `start` to before `end`: thousands of layers cost what some do. */
export function layersWithin(indexes: readonly number[], stage: readonly [number, number]): number {
  const [from, to] = runWithin(indexes, stage);
  return to - from;
}

function countBelow(indexes: readonly number[], bound: number): number {
  let [low, high] = [0, indexes.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((indexes[middle] ?? bound) < bound) low = middle + 1;
    else high = middle;
  }
  return low;
}
