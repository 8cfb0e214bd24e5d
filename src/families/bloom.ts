/** BLOOM: ALiBi, a norm on the embedding, [q k v] per head. */

import { bloomSlopes } from '../attention/spec/alibi';
import { headDims } from '../attention/spec/layerSpec';
import { HIDDEN_KEYS } from '../config/spellings';
import type { BlocksFacet, GgufFacet, LayersFacet, NamesFacet } from './facets';
import { multiHead } from './gpt2';
import { attentionAt, attentionLayer, biases, block, preNorms } from './kit/blocks';
import { alsoAs } from './kit/ggufKeys';
import { groupedQkv, part } from './kit/tensorNames';
import { layerNorm, plain } from './kit/parts';

/** The class takes the older name before the newer one (configuration_bloom.py, configuration_falcon.py). */
export const OLDER_HIDDEN_KEYS: readonly string[] = ['n_embed', ...HIDDEN_KEYS];

export const layers = (): readonly LayersFacet[] => [
  {
    id: 'bloom',
    modelTypes: ['bloom'],
    cite: 'transformers 5.18 models/bloom/modeling_bloom.py BloomAttention',
    refusesRemainder: 'model',
    read: multiHead({ hiddenKeys: OLDER_HIDDEN_KEYS }),
  },
];

export const blocks = (): readonly BlocksFacet[] => [
  {
    modelTypes: ['bloom'],
    build: (input) => {
      const { config, hiddenSize } = input;
      const norm = layerNorm(config.need('layer_norm_epsilon'));
      const mlp = plain(4 * hiddenSize, 'gelu-tanh');
      return {
        embedding: { norm },
        output: { norm },
        block: (index) => {
          const attention = attentionAt(input, index);
          const slopes = bloomSlopes(headDims(attention).queryHeads);
          const layer = attentionLayer(attention, hiddenSize, {
            ...biases(true),
            alibi: { slopes, factor: 1, rounding: 'none', origin: 'first' },
          });
          return block(layer, mlp, preNorms(norm), {
            residualFrom: config.on('apply_residual_connection_post_layernorm') ? 'normed' : 'sum',
          });
        },
      };
    },
  },
];

export const names = (): readonly NamesFacet[] => [
  {
    modelTypes: ['bloom'],
    prefixes: ['transformer.'],
    of: () => ({
      embedding: 'word_embeddings.weight',
      embeddingNorm: 'word_embeddings_layernorm',
      outputNorm: 'ln_f',
      head: 'lm_head',
      layerPrefix: (index) => `h.${index}.`,
      layer: (_, { layer }) => {
        const { queryHeads, keyDim } = headDims(layer.attention);
        return {
          sources: {
            ...groupedQkv('self_attention.query_key_value', queryHeads, 1, keyDim),
            o: part('self_attention.dense'),
            up: part('mlp.dense_h_to_4h'),
            down: part('mlp.dense_4h_to_h'),
            norm_attention: part('input_layernorm'),
            norm_feed_forward: part('post_attention_layernorm'),
          },
        };
      },
    }),
  },
];

export const gguf = (): readonly GgufFacet[] => [
  {
    architecture: 'bloom',
    modelType: 'bloom',
    rope: 'none',
    adapt: (config) => alsoAs(config, { num_attention_heads: 'n_head', num_hidden_layers: 'n_layer' }),
  },
];
