/** Persimmon (and with it Fuyu's language model): q, k, v per head in one tensor, normed with biases; relu². */

import { headDims } from '../attention/spec/layerSpec';
import type { BlocksFacet, LayersFacet, NamesFacet } from './facets';
import { biases, llamaBlocks, plainMlp, plainRotary } from './kit/blocks';
import { plainDecoder } from './kit/decoder';
import { groupedQkv, llamaNames, part } from './kit/tensorNames';
import { headNorm, layerNorm } from './kit/parts';

export const layers = (): readonly LayersFacet[] => [
  {
    id: 'persimmon',
    modelTypes: ['persimmon'],
    cite: 'transformers 5.18 models/persimmon/configuration_persimmon.py',
    refusesRemainder: 'model',
    read: plainDecoder,
  },
];

export const blocks = (): readonly BlocksFacet[] => [
  {
    modelTypes: ['persimmon'],
    build: (input) => {
      const { config } = input;
      const norm = layerNorm(config.need('layer_norm_eps'));
      const head = config.on('qk_layernorm', true) ? headNorm(norm) : null;
      return llamaBlocks(input, {
        norm,
        rotary: (_, attention) => plainRotary(input, attention, 'half', 0.5),
        attention: () => ({ ...biases(true), queryNorm: head, keyNorm: head }),
        feedForward: () => plainMlp(input, true),
      });
    },
  },
];

export const names = (): readonly NamesFacet[] => [
  {
    modelTypes: ['persimmon'],
    of: llamaNames({
      sources: ({ layer }) => {
        const { queryHeads, keyDim } = headDims(layer.attention);
        return {
          ...groupedQkv('self_attn.query_key_value', queryHeads, 1, keyDim),
          o: part('self_attn.dense'),
          q_norm: part('self_attn.q_layernorm'),
          k_norm: part('self_attn.k_layernorm'),
          up: part('mlp.dense_h_to_4h'),
          down: part('mlp.dense_4h_to_h'),
        };
      },
      outputNorm: 'final_layernorm',
    }),
  },
];
