/** BitNet b1.58: Llama's block with norms before both output projections. */

import { headDims } from '../attention/spec/layerSpec';
import type { BlocksFacet, GgufFacet, LayersFacet, NamesFacet } from './facets';
import { biases, gatedMlp, llamaBlocks } from './kit/blocks';
import { plainDecoder } from './kit/decoder';
import { llamaNames, part } from './kit/tensorNames';
import { rmsNorm } from './kit/parts';
import { activated } from './kit/ggufBlocks';

export const layers = (): readonly LayersFacet[] => [
  {
    id: 'bitnet',
    modelTypes: ['bitnet'],
    cite: 'transformers 5.18 models/bitnet/configuration_bitnet.py',
    read: plainDecoder,
  },
];

export const blocks = (): readonly BlocksFacet[] => [
  {
    modelTypes: ['bitnet'],
    build: (input) => {
      const { config } = input;
      // For weights as trained; quantising them on the fly is another computation.
      if (config.objectOf('quantization_config') !== null) input.cannotRun('weights of 1.58 bits');
      const norm = rmsNorm(config.need('rms_norm_eps'));
      return llamaBlocks(input, {
        attention: (_, attention) => {
          const { queryHeads, valueDim } = headDims(attention);
          if (queryHeads * valueDim !== input.hiddenSize)
            input.cannotRun('a norm whose width differs from that of the heads');
          return { ...biases(config.on('attention_bias')), outputNorm: norm, outputNormWidth: input.hiddenSize };
        },
        feedForward: () => ({ ...gatedMlp(input), innerNorm: norm }),
      });
    },
  },
];

export const names = (): readonly NamesFacet[] => [
  {
    modelTypes: ['bitnet'],
    of: llamaNames({
      sources: { o_norm: part('self_attn.attn_sub_norm'), inner_norm: part('mlp.ffn_sub_norm') },
    }),
  },
];

export const gguf = (): readonly GgufFacet[] => [
  { architecture: 'bitnet', modelType: 'bitnet', rope: 'half', block: activated('silu') },
];
