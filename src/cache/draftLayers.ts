/** Multi-token-prediction layers: they cache only while speculative decoding is on, so counting them is an option. */

import type { LayerSpec, ModelSpec } from '../model/spec';

/** The model with its draft layers behind the others; each caches what the last caching layer does. */
export function withDraftLayers(spec: ModelSpec): ModelSpec {
  const last = spec.layers.findLast(
    (layer) => !['none', 'shared', 'recurrent', 'conv', 'unknown'].includes(layer.attention.kind),
  );
  if (spec.draftLayers === 0 || !last) return spec;
  const drafts = Array.from(
    { length: spec.draftLayers },
    (_, index): LayerSpec => ({ ...last, index: spec.layers.length + index }),
  );
  const note = {
    text: `${spec.draftLayers} multi-token-prediction layers counted, each like layer ${last.index}`,
    inexact: false,
  };
  return { ...spec, layers: [...spec.layers, ...drafts], notes: [...spec.notes, note] };
}
