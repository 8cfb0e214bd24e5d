/** Decoders with the names of BART: OPT, BioGPT, XGLM, and the text parts of Kosmos. */

import type { BlockNorms } from '../attention/spec/blockSpec';
import type { NormSpec } from '../attention/spec/normSpec';
import { HIDDEN_KEYS } from '../config/spellings';
import type {
  BlockInput,
  BlockModel,
  BlocksFacet,
  CountsFacet,
  LayerNames,
  LayersFacet,
  NamesFacet,
  Positions,
} from './facets';
import { multiHead } from './gpt2';
import { attentionAt, attentionLayer, biases, block, preNorms } from './kit/blocks';
import { part } from './kit/tensorNames';
import { activation, layerNorm, plain } from './kit/parts';
import type { WeightSources } from './kit/weightSource';

export const layers = (): readonly LayersFacet[] => [
  {
    id: 'opt',
    modelTypes: ['opt', 'biogpt', 'xglm'],
    cite: 'transformers 5.18 models/opt/modeling_opt.py OPTAttention and those of biogpt, xglm',
    refusesRemainder: 'model',
    read: multiHead(),
  },
  {
    id: 'kosmos',
    modelTypes: ['kosmos_2_text_model', 'kosmos_2_5_text_model'],
    cite: 'transformers 5.18 models/kosmos2/modeling_kosmos2.py, kosmos2_5/modeling_kosmos2_5.py',
    read: multiHead(),
  },
];

export const blocks = (): readonly BlocksFacet[] => [
  {
    // Positions start at 2; the 350m model normalises after the residual and embeds in fewer dims.
    modelTypes: ['opt'],
    build: (input) => {
      const { config, hiddenSize } = input;
      const width = config.numberOr('word_embed_proj_dim', hiddenSize);
      const bias = config.on('enable_bias', true);
      const affine = config.on('layer_norm_elementwise_affine', true);
      const norm: NormSpec = affine ? layerNorm(1e-5) : { kind: 'layer', epsilon: 1e-5, weight: 'none', bias: false };
      const before = config.on('do_layer_norm_before', true);
      const norms: Partial<BlockNorms> = before
        ? preNorms(norm)
        : { attentionResidual: norm, feedForwardResidual: norm };
      const mlp = plain(config.need('ffn_dim'), activation(input, 'activation_function'), bias);
      return {
        embedding: { ...(width === hiddenSize ? {} : { width }), positions: learnedFrom2(input) },
        output: { norm: before && !config.on('_remove_final_layer_norm') ? norm : null },
        block: (index) => block(attentionLayer(attentionAt(input, index), hiddenSize, biases(bias)), mlp, norms),
      };
    },
  },
  {
    modelTypes: ['biogpt'],
    build: (input) =>
      scaledEmbedding(input, {
        positions: learnedFrom2(input),
        width: input.config.need('intermediate_size'),
        activationKey: 'hidden_act',
      }),
  },
  {
    modelTypes: ['xglm'],
    build: (input) =>
      scaledEmbedding(input, {
        positions: { kind: 'sinusoidal', offset: 2 },
        width: input.config.need('ffn_dim'),
        activationKey: 'activation_function',
      }),
  },
];

/** The table has two rows before the first position. */
function learnedFrom2({ config }: BlockInput): Positions {
  return { kind: 'learned', offset: 2, rows: config.need('max_position_embeddings') + 2 };
}

/** Embeddings times √hidden, biases everywhere. */
function scaledEmbedding(
  input: BlockInput,
  own: { readonly positions: Positions; readonly width: number; readonly activationKey: string },
): BlockModel {
  const { config, hiddenSize } = input;
  if (config.on('add_cross_attention')) return config.unsupported('cross-attention');
  const norm = layerNorm(1e-5);
  const mlp = plain(own.width, activation(input, own.activationKey));
  return {
    embedding: {
      multiplier: config.on('scale_embedding', true) ? Math.sqrt(hiddenSize) : 1,
      positions: own.positions,
    },
    output: { norm },
    block: (index) => block(attentionLayer(attentionAt(input, index), hiddenSize, biases(true)), mlp, preNorms(norm)),
  };
}

function layerNames(): LayerNames {
  const sources: WeightSources = {
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
  return { sources };
}

export const names = (): readonly NamesFacet[] => [
  {
    modelTypes: ['opt'],
    prefixes: ['model.decoder.', 'decoder.'],
    of: () => ({
      embedding: 'embed_tokens.weight',
      positions: 'embed_positions.weight',
      projectionIn: 'project_in.weight',
      projectionOut: 'project_out.weight',
      outputNorm: 'final_layer_norm',
      head: 'lm_head',
      layerPrefix: (index) => `layers.${index}.`,
      layer: layerNames,
    }),
  },
  {
    modelTypes: ['biogpt'],
    prefixes: ['model.', 'biogpt.'],
    of: () => ({
      embedding: 'embed_tokens.weight',
      positions: 'embed_positions.weight',
      outputNorm: 'layer_norm',
      head: 'output_projection',
      layerPrefix: (index) => `layers.${index}.`,
      layer: layerNames,
    }),
  },
  {
    modelTypes: ['xglm'],
    prefixes: ['model.'],
    of: () => ({
      embedding: 'embed_tokens.weight',
      outputNorm: 'layer_norm',
      head: 'lm_head',
      layerPrefix: (index) => `layers.${index}.`,
      layer: layerNames,
    }),
  },
];

const KOSMOS = { bias: true, plain: true, mlpBias: true, normBias: true, width: ['ffn_dim'] } as const;

export const counts = (): readonly CountsFacet[] => [
  {
    ...KOSMOS,
    modelTypes: ['kosmos_2_text_model'],
    // A norm within attention and one within the feed-forward.
    extra: (config, tally, layerViews) =>
      tally.add('norms', 2 * layerViews.length * (config.size(HIDDEN_KEYS) + config.size('ffn_dim'))),
  },
  {
    ...KOSMOS,
    modelTypes: ['kosmos_2_5_text_model'],
    // A norm only within the feed-forward, and an embedding that distinguishes text from image.
    extra: (config, tally, layerViews) => {
      tally.add('norms', 2 * layerViews.length * config.size('ffn_dim'));
      tally.add('embedding', 2 * config.size(HIDDEN_KEYS));
      tally.lookup += 2 * config.size(HIDDEN_KEYS);
    },
  },
];
