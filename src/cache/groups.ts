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
