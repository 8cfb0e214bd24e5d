/** Falcon in its three forms: one KV head (7B), KV heads in groups (40B and later), one per query head (RW). */

import type { BlockNorms } from '../attention/spec/blockSpec';
import { headDims } from '../attention/spec/layerSpec';
import type { ConfigReader } from '../config/reader';
import { HEAD_KEYS } from '../config/spellings';
import { OLDER_HIDDEN_KEYS } from './bloom';
import type { BlocksFacet, FamilyReading, GgufFacet, LayersFacet, NamesFacet } from './facets';
import { attentionAt, attentionLayer, biases, block, preNorms } from './kit/blocks';
import { decoderLayers } from './kit/decoder';
import { alsoAs } from './kit/ggufKeys';
import { ggufKvHeads } from './kit/ggufStates';
import type { HeadOptions } from './kit/headLayout';
import { groupedQkv, part } from './kit/tensorNames';
import { activation, layerNorm, plain } from './kit/parts';
import { rotary } from './kit/rotary';

export const layers = (): readonly LayersFacet[] => [
  {
    id: 'falcon',
    modelTypes: ['falcon'],
    cite: 'transformers 5.18 models/falcon/modeling_falcon.py FalconAttention.__init__ and _split_heads',
    refusesRemainder: 'model',
    read: (reader) => falconLayers(reader),
  },
  {
    id: 'falcon',
    modelTypes: ['RefinedWeb', 'RefinedWebModel'],
    cite: 'tiiuae/falcon-40b and falcon-7b configuration_RW.py, modelling_RW.py of 2023',
    // The first Falcon-40B files mark the new decoder by their type, and give the KV heads as n_head_kv.
    defaults: {
      RefinedWeb: { activation: 'gelu', layer_norm_epsilon: 1e-5, new_decoder_architecture: true },
      RefinedWebModel: { activation: 'gelu', layer_norm_epsilon: 1e-5 },
    },
    read: (reader) => falconLayers(reader),
  },
];

function falconLayers(reader: ConfigReader): FamilyReading {
  reader.consult(['num_kv_heads', 'n_head_kv']);
  return {
    layers: decoderLayers(reader, {
      layerTypes: false,
      headDimKeys: [],
      hiddenKeys: OLDER_HIDDEN_KEYS,
      ...kvHeads(reader),
    }),
  };
}

/**
 * Only the new decoder has a configurable number of KV heads. The old one has a single one, or without `multi_query` one
 * for each query head: its qkv is then three times the hidden size, whatever `num_kv_heads` says.
 */
function kvHeads(reader: ConfigReader): Pick<HeadOptions, 'kvKeys' | 'kvHeads'> {
  const newForm = reader.flag(['new_decoder_architecture'], false);
  const multiQuery = reader.flag(['multi_query'], true);
  if (newForm) return { kvKeys: ['num_kv_heads', 'n_head_kv'] };
  if (multiQuery) {
    const rule = 'multi_query without new_decoder_architecture: one K and V head';
    return { kvKeys: [], kvHeads: { value: 1, rule, key: 'multi_query' } };
  }
  const heads = reader.integer(HEAD_KEYS);
  if (!heads) return { kvKeys: [] };
  const rule = 'no multi_query, no new_decoder_architecture: one K and V head per query head';
  return { kvKeys: [], kvHeads: { value: heads.value, rule, source: heads.source } };
}

export const blocks = (): readonly BlocksFacet[] => [
  {
    modelTypes: ['falcon', 'RefinedWeb', 'RefinedWebModel'],
    build: (input) => {
      const { config, hiddenSize } = input;
      // transformers adds the bias once (sdpa) or twice (eager), depending on a setting outside the model, so neither is the reference.
      if (config.on('alibi'))
        input.cannotRun(
          'ALiBi, about which implementations disagree (transformers adds it once or twice, depending on the attention path),',
        );
      const norm = layerNorm(config.need('layer_norm_epsilon'));
      const bias = config.on('bias');
      const newForm = config.on('new_decoder_architecture');
      const parallel = config.on('parallel_attn', true);
      const twoNorms = newForm && config.numberOr('num_ln_in_parallel_attn', 2) === 2;
      if (newForm && !parallel) input.cannotRun('the new decoder architecture without parallel attention');
      const norms: Partial<BlockNorms> = !parallel || twoNorms ? preNorms(norm) : { attention: norm };
      const mlp = plain(config.numberOr('ffn_hidden_size', 4 * hiddenSize), activation(input, 'activation'), bias);
      return {
        output: { norm },
        block: (index) => {
          const attention = attentionAt(input, index);
          const layer = attentionLayer(attention, hiddenSize, {
            ...biases(bias),
            rotary: rotary(input, { dim: headDims(attention).keyDim, layout: 'half' }),
          });
          return block(layer, mlp, norms, { arrangement: parallel ? 'parallel' : 'sequential' });
        },
      };
    },
  },
];

export const names = (): readonly NamesFacet[] => [
  {
    modelTypes: ['falcon', 'RefinedWeb', 'RefinedWebModel'],
    prefixes: ['transformer.'],
    of: () => ({
      embedding: 'word_embeddings.weight',
      outputNorm: 'ln_f',
      head: 'lm_head',
      layerPrefix: (index) => `h.${index}.`,
      layer: (_, { layer, norms, arrangement }) => {
        // Fused as [q.. k v] for each KV head, in all three forms.
        const { queryHeads, kvHeads: groups, keyDim } = headDims(layer.attention);
        const sideBySide = arrangement === 'parallel' && norms.feedForward !== null;
        return {
          sources: {
            ...groupedQkv('self_attention.query_key_value', groups, queryHeads / groups, keyDim),
            o: part('self_attention.dense'),
            up: part('mlp.dense_h_to_4h'),
            down: part('mlp.dense_4h_to_h'),
            norm_attention: part(sideBySide ? 'ln_attn' : 'input_layernorm'),
            norm_feed_forward: part(sideBySide ? 'ln_mlp' : 'post_attention_layernorm'),
          },
        };
      },
    }),
  },
];

export const gguf = (): readonly GgufFacet[] => [
  {
    architecture: 'falcon',
    modelType: 'falcon',
    alsoOf: ['RefinedWeb', 'RefinedWebModel'],
    adapt: (config, source) => {
      const heads = ggufKvHeads(source)(0);
      if (heads !== undefined) {
        config['new_decoder_architecture'] = heads > 1;
        config['multi_query'] = heads === 1;
        config['num_kv_heads'] = heads;
        delete config['num_key_value_heads'];
      }
      alsoAs(config, { intermediate_size: 'ffn_hidden_size' });
    },
    rope: 'half',
    // The norm of the attention stands beside the other where there are two.
    fromTensors: (config, has) => {
      const two = has('blk.0.attn_norm_2.weight');
      if (two) config['new_decoder_architecture'] = true;
      config['num_ln_in_parallel_attn'] = two ? 2 : 1;
    },
    sources: ({ has }) => ({
      norm_attention: { base: has('attn_norm_2.weight') ? 'attn_norm_2' : 'attn_norm' },
      norm_feed_forward: { base: 'attn_norm' },
    }),
  },
];
