/** BLOOM, Falcon (all three forms) and MPT. */

import { bloomSlopes, mptSlopes } from '../../../attention/alibi';
import type { BlockNorms } from '../../../attention/blockSpec';
import { headDims, type RunnableAttention } from '../../../attention/layerSpec';
import { attentionAt, attentionLayer, block, type FamilyDefinition, preNorms } from '../family';
import type { HfConfig } from '../hfConfig';
import { concatenatedQkv } from '../llamaNames';
import { activation, groupedQkv, layerNorm, part, plain } from '../parts';
import type { WeightSources } from '../plan';
import { numberOf, rotary } from '../rotary';

const BLOOM_MLP: WeightSources = { up: part('mlp.dense_h_to_4h'), down: part('mlp.dense_4h_to_h') };

/** ALiBi, a norm on the embedding, [q k v] per head. */
export const bloom: FamilyDefinition = {
  modelTypes: ['bloom'],
  prefixes: ['transformer.'],
  build: (input) => {
    const { config } = input;
    const hiddenSize = config.numberOr('hidden_size', null) ?? config.number('n_embed');
    const norm = layerNorm(config.number('layer_norm_epsilon'));
    return {
      hiddenSize,
      embedding: { tensor: 'word_embeddings.weight', norm: { spec: norm, base: 'word_embeddings_layernorm' } },
      output: { norm: { spec: norm, base: 'ln_f' } },
      head: { base: 'lm_head', tied: config.flag('tie_word_embeddings', true), bias: false },
      layerPrefix: (index) => `h.${index}.`,
      layer: (index) => {
        const attention = attentionAt(input, index);
        const { queryHeads, keyDim } = headDims(attention);
        const layer = attentionLayer(attention, hiddenSize, {
          alibi: { slopes: bloomSlopes(queryHeads), factor: 1, rounding: 'none', origin: 'first' },
          biases: { q: true, k: true, v: true, o: true },
        });
        return {
          block: block(layer, plain(4 * hiddenSize, 'gelu-tanh'), preNorms(norm), {
            residualFrom: config.flag('apply_residual_connection_post_layernorm') ? 'normed' : 'sum',
          }),
          sources: {
            ...groupedQkv('self_attention.query_key_value', queryHeads, 1, keyDim),
            o: part('self_attention.dense'),
            ...BLOOM_MLP,
            norm_attention: part('input_layernorm'),
            norm_feed_forward: part('post_attention_layernorm'),
          },
        };
      },
    };
  },
};

/** Fused qkv: [q.. k v] per group (new), [q.. k v] once (multi-query), [q k v] per head (neither). */
function falconQkv(config: HfConfig, attention: RunnableAttention): WeightSources {
  const { queryHeads, kvHeads, keyDim } = headDims(attention);
  const base = 'self_attention.query_key_value';
  if (config.flag('new_decoder_architecture')) return groupedQkv(base, kvHeads, queryHeads / kvHeads, keyDim);
  if (config.flag('multi_query', true)) return groupedQkv(base, 1, queryHeads, keyDim);
  return groupedQkv(base, queryHeads, 1, keyDim);
}

export const falcon: FamilyDefinition = {
  modelTypes: ['falcon', 'RefinedWeb', 'RefinedWebModel'],
  prefixes: ['transformer.'],
  build: (input) => {
    const { config } = input;
    // transformers adds the bias once (sdpa) or twice (eager), depending on a setting outside of the model: no truth to match.
    if (config.flag('alibi'))
      return config.unsupported(
        'ALiBi, about which implementations disagree (transformers adds it once or twice by attention path),',
      );
    const hiddenSize = config.number('hidden_size');
    const norm = layerNorm(config.number('layer_norm_epsilon'));
    const bias = config.flag('bias');
    const newForm = config.flag('new_decoder_architecture');
    const parallel = newForm || config.flag('parallel_attn', true);
    const twoNorms = newForm && config.numberOr('num_ln_in_parallel_attn', 2) === 2;
    if (newForm && !config.flag('parallel_attn', true))
      return config.unsupported('the new decoder architecture without parallel attention');
    const norms: Partial<BlockNorms> = !parallel || twoNorms ? preNorms(norm) : { attention: norm };
    const mlp = plain(config.numberOr('ffn_hidden_size', 4 * hiddenSize), activation(config, 'activation'), bias);
    return {
      hiddenSize,
      embedding: { tensor: 'word_embeddings.weight' },
      output: { norm: { spec: norm, base: 'ln_f' } },
      head: { base: 'lm_head', tied: config.flag('tie_word_embeddings', true), bias: false },
      layerPrefix: (index) => `h.${index}.`,
      layer: (index) => {
        const attention = attentionAt(input, index);
        const { keyDim } = headDims(attention);
        const layer = attentionLayer(attention, hiddenSize, {
          rotary: rotary(config, { dim: keyDim, layout: 'half' }),
          biases: { q: bias, k: bias, v: bias, o: bias },
        });
        return {
          block: block(layer, mlp, norms, { arrangement: parallel ? 'parallel' : 'sequential' }),
          sources: {
            ...falconQkv(config, attention),
            o: part('self_attention.dense'),
            ...BLOOM_MLP,
            norm_attention: part(twoNorms ? 'ln_attn' : 'input_layernorm'),
            norm_feed_forward: part(twoNorms ? 'ln_mlp' : 'post_attention_layernorm'),
          },
        };
      },
    };
  },
};

/** ALiBi by distance, no biases, clipping of the fused qkv. */
export const mpt: FamilyDefinition = {
  modelTypes: ['mpt'],
  prefixes: ['transformer.'],
  build: (input) => {
    const { config } = input;
    const hiddenSize = config.number('d_model');
    const attn = config.object('attn_config') ?? {};
    if (attn['qk_ln'] === true) return config.unsupported('qk_ln');
    if (attn['prefix_lm'] === true) return config.unsupported('prefix_lm');
    if (attn['alibi'] === false) return config.unsupported('learned positions');
    const norm = layerNorm(config.number('layer_norm_epsilon'), false);
    return {
      hiddenSize,
      embedding: { tensor: 'wte.weight' },
      output: { norm: { spec: norm, base: 'norm_f' } },
      head: { base: 'lm_head', tied: config.flag('tie_word_embeddings', true), bias: false },
      layerPrefix: (index) => `blocks.${index}.`,
      layer: (index) => {
        const attention = attentionAt(input, index);
        const { queryHeads, kvHeads, keyDim, valueDim } = headDims(attention);
        if (kvHeads !== queryHeads) return config.unsupported('fewer KV heads than query heads');
        const layer = attentionLayer(attention, hiddenSize, {
          scale: numberOf(attn['softmax_scale']) ?? keyDim ** -0.5,
          clip: numberOf(attn['clip_qkv']) ?? null,
          alibi: { slopes: mptSlopes(queryHeads), factor: 1, rounding: 'none', origin: 'last' },
        });
        return {
          block: block(layer, plain(4 * hiddenSize, 'gelu', false), preNorms(norm)),
          sources: {
            ...concatenatedQkv('attn.Wqkv', [queryHeads * keyDim, kvHeads * keyDim, kvHeads * valueDim]),
            o: part('attn.out_proj'),
            up: part('ffn.up_proj'),
            down: part('ffn.down_proj'),
            norm_attention: part('norm_1'),
            norm_feed_forward: part('norm_2'),
          },
        };
      },
    };
  },
};
