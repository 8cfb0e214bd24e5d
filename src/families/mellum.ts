/** Mellum: Qwen 3's mixture with a RoPE for each kind of layer. */

import { headDims } from '../attention/spec/layerSpec';
import type { BlocksFacet, GgufFacet, LayersFacet, NamesFacet } from './facets';
import { biases, gatedMlp, llamaBlocks } from './kit/blocks';
import { decoderLayers, slidingWindow } from './kit/decoder';
import { llamaNames } from './kit/tensorNames';
import { headNorm, rmsNorm } from './kit/parts';
import { rotary } from './kit/rotary';
import { QWEN3_EXPERTS, qwen3Mixture } from './qwenMoe';
import { isJsonObject } from '../config/reader';
import { routing } from './kit/ggufBlocks';

export const layers = (): readonly LayersFacet[] => [
  {
    // `layer_types` as it stands; full attention everywhere without it.
    id: 'mellum',
    modelTypes: ['mellum'],
    cite: 'transformers 5.18 models/mellum/configuration_mellum.py __post_init__',
    sglang: { windows: true },
    llamacpp: { windows: true },
    read: (reader) => {
      reader.consult(['num_attention_heads_per_layer']);
      return { layers: decoderLayers(reader, { window: slidingWindow }) };
    },
  },
];

export const blocks = (): readonly BlocksFacet[] => [
  {
    modelTypes: ['mellum'],
    build: (input) => {
      const { config } = input;
      const norm = headNorm(rmsNorm(config.need('rms_norm_eps')));
      const kinds = config.items('mlp_layer_types');
      return llamaBlocks(input, {
        rotary: (_, attention) => {
          const local = attention.kind === 'sliding';
          const dim = headDims(attention).keyDim;
          // The class has no old form: only `rope_parameters` count.
          if (config.objectOf('rope_parameters') === null)
            return { theta: local ? 10_000 : 500_000, dim, layout: 'half', scaling: null };
          return rotary(input, {
            dim,
            layout: 'half',
            partial: 1,
            layerType: local ? 'sliding_attention' : 'full_attention',
          });
        },
        attention: () => ({ ...biases(config.on('attention_bias')), queryNorm: norm, keyNorm: norm }),
        feedForward: (index) => (kinds === null || kinds[index] === 'sparse' ? qwen3Mixture(input) : gatedMlp(input)),
      });
    },
  },
];

export const gguf = (): readonly GgufFacet[] => [
  {
    architecture: 'mellum',
    modelType: 'mellum',
    rope: 'half',
    // Sliding layers rotate without the scaling, from the same base.
    adapt: (config) => {
      const base = { rope_theta: config['rope_theta'] ?? 10_000 };
      const scaling = config['rope_scaling'];
      const scaled = isJsonObject(scaling) ? scaling : { rope_type: 'default' };
      config['rope_parameters'] = {
        full_attention: { ...scaled, ...base },
        sliding_attention: { rope_type: 'default', ...base },
      };
      delete config['rope_scaling'];
    },
    block: routing({ scoring: 'softmax', normalize: true }),
  },
];

export const names = (): readonly NamesFacet[] => [
  { modelTypes: ['mellum'], of: llamaNames({ mixture: QWEN3_EXPERTS }) },
];
