/** Laguna of poolside: sliding and full layers, a gate on the attention's output, routed experts and a shared one. */

import type { ConfigReader } from '../config/reader';
import { afterDense, narrow } from './counted/experts';
import { flag } from './counted/switches';
import type { ArrangementsFacet, CountsFacet, LayersFacet } from './facets';
import { decoderLayers, slidingWindow } from './kit/decoder';

export const layers = (): readonly LayersFacet[] => [
  {
    // `layer_types` as it stands; full attention everywhere without it.
    id: 'laguna',
    modelTypes: ['laguna'],
    cite: 'transformers 5.18 models/laguna/configuration_laguna.py __post_init__',
    sglang: { windows: true },
    llamacpp: { windows: true },
    read: (reader) => {
      reader.consult(['num_attention_heads_per_layer']);
      return { layers: decoderLayers(reader, { window: slidingWindow }) };
    },
  },
];

/** T:laguna, T:step3p7: `gating` of true or "per-head" means one gate per head, anything else one per channel. */
export const gateOf = (config: ConfigReader): 'head' | 'wide' =>
  config.flag(['gating'], true) || config.string(['gating'])?.value === 'per-head' ? 'head' : 'wide';

export const counts = (): readonly CountsFacet[] => [
  {
    modelTypes: ['laguna'],
    bias: flag('attention_bias'),
    qkNorm: 'head',
    gate: gateOf,
    experts: {
      ...narrow,
      shared: (config) => config.size('shared_expert_intermediate_size', 0),
      router: (_config, experts) => experts,
      sparse: afterDense([], 1),
    },
  },
];

export const arrangements = (): readonly ArrangementsFacet[] => [
  {
    modelTypes: ['laguna'],
    cite: 'transformers 5.18 modeling_laguna.py: softplus gates of heads, sigmoid scores with a correction; RoPE of its own in each kind of layer',
    positions: 1,
    gateFunction: 'softplus',
    router: () => ({ scoring: 'sigmoid', correctionBias: true }),
  },
];
