/** Decoders with the names of BART: OPT, BioGPT, XGLM. */

import type { BlockNorms } from '../../../attention/blockSpec';
import type { NormSpec } from '../../../attention/normSpec';
import { attentionAt, attentionLayer, block, type FamilyDefinition, preNorms } from '../family';
import { activation, layerNorm, part, plain } from '../parts';
import type { WeightSources } from '../plan';

const NAMES: WeightSources = {
  q: part('self_attn.q_proj'),
  k: part('self_attn.k_proj'),
  v: part('self_attn.v_proj'),
  o: part('self_attn.out_proj'),
  up: part('fc1'),
  down: part('fc2'),
  norm_attention: part('self_attn_layer_norm'),
  norm_feed_forward: part('final_layer_norm'),
  norm_attention_residual: part('self_attn_layer_norm'),
  norm_feed_forward_residual: part('final_layer_norm'),
};

/** Positions start at 2; the 350m model normalises after the residual and embeds in fewer dims. */
export const opt: FamilyDefinition = {
  modelTypes: ['opt'],
  prefixes: ['model.decoder.', 'decoder.'],
  build: (input) => {
    const { config } = input;
    const hiddenSize = config.number('hidden_size');
    const width = config.numberOr('word_embed_proj_dim', hiddenSize);
    const bias = config.flag('enable_bias', true);
    const affine = config.flag('layer_norm_elementwise_affine', true);
    const norm: NormSpec = affine ? layerNorm(1e-5) : { kind: 'layer', epsilon: 1e-5, weight: 'none', bias: false };
    const before = config.flag('do_layer_norm_before', true);
    const norms: Partial<BlockNorms> = before ? preNorms(norm) : { attentionResidual: norm, feedForwardResidual: norm };
    const finalNorm = before && !config.flag('_remove_final_layer_norm');
    return {
      hiddenSize,
      embedding: {
        tensor: 'embed_tokens.weight',
        width,
        projection: width === hiddenSize ? null : 'project_in.weight',
        positions: { kind: 'learned', tensor: 'embed_positions.weight', offset: 2 },
      },
      output: {
        norm: finalNorm ? { spec: norm, base: 'final_layer_norm' } : null,
        projection: width === hiddenSize ? null : 'project_out.weight',
      },
      head: { base: 'lm_head', tied: config.flag('tie_word_embeddings', true), bias: false },
      layerPrefix: (index) => `layers.${index}.`,
      layer: (index) => ({
        block: block(
          attentionLayer(attentionAt(input, index), hiddenSize, { biases: { q: bias, k: bias, v: bias, o: bias } }),
          plain(config.number('ffn_dim'), activation(config, 'activation_function'), bias),
          norms,
        ),
        sources: NAMES,
      }),
    };
  },
};

/** Embeddings times √hidden; learned positions (BioGPT) or sines (XGLM), both from 2. */
export const xglm: FamilyDefinition = {
  modelTypes: ['xglm', 'biogpt'],
  prefixes: ['model.', 'biogpt.'],
  build: (input, modelType) => {
    const { config } = input;
    const bio = modelType === 'biogpt';
    if (config.flag('add_cross_attention')) return config.unsupported('cross-attention');
    const hiddenSize = config.number(bio ? 'hidden_size' : 'd_model');
    const norm = layerNorm(1e-5);
    return {
      hiddenSize,
      embedding: {
        tensor: 'embed_tokens.weight',
        multiplier: config.flag('scale_embedding', true) ? Math.sqrt(hiddenSize) : 1,
        positions: bio
          ? { kind: 'learned', tensor: 'embed_positions.weight', offset: 2 }
          : { kind: 'sinusoidal', offset: 2 },
      },
      output: { norm: { spec: norm, base: 'layer_norm' } },
      head: {
        base: bio ? 'output_projection' : 'lm_head',
        tied: config.flag('tie_word_embeddings', true),
        bias: false,
      },
      layerPrefix: (index) => `layers.${index}.`,
      layer: (index) => ({
        block: block(
          attentionLayer(attentionAt(input, index), hiddenSize, { biases: { q: true, k: true, v: true, o: true } }),
          plain(
            config.number(bio ? 'intermediate_size' : 'ffn_dim'),
            activation(config, bio ? 'hidden_act' : 'activation_function'),
          ),
          preNorms(norm),
        ),
        sources: NAMES,
      }),
    };
  },
};
