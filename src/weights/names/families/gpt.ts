/** GPT-2, GPT-BigCode, GPT-Neo, GPT-J, CodeGen, GPT-NeoX. */

import type { BlockSpec } from '../../../attention/blockSpec';
import { headDims, type RunnableAttention } from '../../../attention/layerSpec';
import type { RotarySpec } from '../../../attention/rotarySpec';
import { attentionAt, attentionLayer, block, type FamilyDefinition, type FamilyInput, preNorms } from '../family';
import type { HfConfig } from '../hfConfig';
import { concatenatedQkv } from '../llamaNames';
import { activation, groupedQkv, layerNorm, part, plain } from '../parts';
import type { Part, RowBlocks, WeightSources } from '../plan';
import { rotary } from '../rotary';

const BLOCK_NORMS: WeightSources = { norm_attention: part('ln_1'), norm_feed_forward: part('ln_2') };

function conv1d(source: Part): Part {
  return { ...source, transposed: true };
}

/** Learned positions, two LayerNorms, everything with a bias. GPT-2 stores linear maps as `[in, out]`. */
export const gpt2: FamilyDefinition = {
  modelTypes: ['gpt2', 'gpt_bigcode'],
  prefixes: ['transformer.'],
  build: (input, modelType) => {
    const { config } = input;
    const big = modelType === 'gpt_bigcode';
    const hiddenSize = config.number('n_embd');
    const norm = layerNorm(config.number('layer_norm_epsilon'));
    const mlp = plain(config.numberOr('n_inner', 4 * hiddenSize), activation(config, 'activation_function'));
    const stored = big ? (source: Part): Part => source : conv1d;
    if (config.flag('add_cross_attention')) return config.unsupported('cross-attention');
    return {
      hiddenSize,
      embedding: { tensor: 'wte.weight', positions: { kind: 'learned', tensor: 'wpe.weight', offset: 0 } },
      output: { norm: { spec: norm, base: 'ln_f' } },
      head: { base: 'lm_head', tied: config.flag('tie_word_embeddings', true), bias: false },
      layerPrefix: (index) => `h.${index}.`,
      layer: (index) => {
        const attention = attentionAt(input, index);
        const { keyDim } = headDims(attention);
        const scale =
          (config.flag('scale_attn_weights', true) ? keyDim ** -0.5 : 1) /
          (!big && config.flag('scale_attn_by_inverse_layer_idx') ? index + 1 : 1);
        const layer = attentionLayer(attention, hiddenSize, { scale, biases: { q: true, k: true, v: true, o: true } });
        const { q, k, v } = big
          ? bigCodeQkv(config, attention)
          : concatenatedQkv('attn.c_attn', [hiddenSize, hiddenSize, hiddenSize]);
        return {
          block: block(layer, mlp, preNorms(norm)),
          sources: {
            q: stored(q),
            k: stored(k),
            v: stored(v),
            o: stored(part('attn.c_proj')),
            up: stored(part('mlp.c_fc')),
            down: stored(part('mlp.c_proj')),
            ...BLOCK_NORMS,
          },
        };
      },
    };
  },
};

/** One K and V head behind all queries, or [q k v] per head. */
function bigCodeQkv(config: HfConfig, attention: RunnableAttention): { q: Part; k: Part; v: Part } {
  const { queryHeads, keyDim } = headDims(attention);
  return config.flag('multi_query', true)
    ? concatenatedQkv('attn.c_attn', [queryHeads * keyDim, keyDim, keyDim])
    : groupedQkv('attn.c_attn', queryHeads, 1, keyDim);
}

/** `attention_types` [[["global", "local"], 12]] written out. */
function neoKinds(config: HfConfig): readonly string[] {
  const types = config.list('attention_types') ?? [[['global', 'local'], config.number('num_layers') / 2]];
  return types.flatMap((entry) => {
    const [kinds, times] = Array.isArray(entry) ? entry : [];
    if (!Array.isArray(kinds) || typeof times !== 'number' || !(times <= 10_000))
      return config.unsupported('this form of attention_types');
    return Array.from({ length: times }, () => kinds.map(String)).flat();
  });
}

/** Scores without scaling; every second layer local. */
export const gptNeo: FamilyDefinition = {
  modelTypes: ['gpt_neo'],
  prefixes: ['transformer.'],
  build: (input) => {
    const { config } = input;
    const hiddenSize = config.number('hidden_size');
    const norm = layerNorm(config.number('layer_norm_epsilon'));
    const mlp = plain(config.numberOr('intermediate_size', 4 * hiddenSize), activation(config, 'activation_function'));
    const kinds = neoKinds(config);
    return {
      hiddenSize,
      embedding: { tensor: 'wte.weight', positions: { kind: 'learned', tensor: 'wpe.weight', offset: 0 } },
      output: { norm: { spec: norm, base: 'ln_f' } },
      head: { base: 'lm_head', tied: config.flag('tie_word_embeddings', true), bias: false },
      layerPrefix: (index) => `h.${index}.`,
      layer: (index) => {
        const { queryHeads, kvHeads, keyDim, valueDim } = headDims(attentionAt(input, index));
        const heads = { queryHeads, kvHeads, keyDim, valueDim };
        const kind = kinds[index];
        if (kind !== 'global' && kind !== 'local') return config.unsupported(`attention of type ${kind ?? 'none'}`);
        const attention: RunnableAttention =
          kind === 'local'
            ? { kind: 'sliding', ...heads, window: config.number('window_size') }
            : { kind: 'full', ...heads };
        return {
          block: block(
            attentionLayer(attention, hiddenSize, { scale: 1, biases: { q: false, k: false, v: false, o: true } }),
            mlp,
            preNorms(norm),
          ),
          sources: {
            q: part('attn.attention.q_proj'),
            k: part('attn.attention.k_proj'),
            v: part('attn.attention.v_proj'),
            o: part('attn.attention.out_proj'),
            up: part('mlp.c_fc'),
            down: part('mlp.c_proj'),
            ...BLOCK_NORMS,
          },
        };
      },
    };
  },
};

/** One LayerNorm, attention and feed-forward in parallel, RoPE on adjacent pairs of the first `rotary_dim` dims. */
export const gptJ: FamilyDefinition = {
  modelTypes: ['gptj', 'codegen'],
  prefixes: ['transformer.'],
  build: (input, modelType) => {
    const { config } = input;
    const hiddenSize = config.number('n_embd');
    const norm = layerNorm(config.number('layer_norm_epsilon'));
    const mlp = plain(config.numberOr('n_inner', 4 * hiddenSize), activation(config, 'activation_function'));
    const parallel: Partial<BlockSpec> = { arrangement: 'parallel' };
    return {
      hiddenSize,
      embedding: { tensor: 'wte.weight' },
      output: { norm: { spec: norm, base: 'ln_f' } },
      head: { base: 'lm_head', tied: config.flag('tie_word_embeddings'), bias: true },
      layerPrefix: (index) => `h.${index}.`,
      layer: (index) => {
        const attention = attentionAt(input, index);
        const { keyDim } = headDims(attention);
        const spec: RotarySpec = {
          theta: 10_000,
          dim: config.numberOr('rotary_dim', keyDim),
          layout: 'interleaved',
          scaling: null,
        };
        return {
          block: block(attentionLayer(attention, hiddenSize, { rotary: spec }), mlp, { attention: norm }, parallel),
          sources: {
            ...(modelType === 'codegen'
              ? codegenQkv(input, attention)
              : { q: part('attn.q_proj'), k: part('attn.k_proj'), v: part('attn.v_proj') }),
            o: part('attn.out_proj'),
            up: part('mlp.fc_in'),
            down: part('mlp.fc_out'),
            norm_attention: part('ln_1'),
          },
        };
      },
    };
  },
};

/** Four shards (of the TPU run it was trained in), each [q v k]. */
function codegenQkv(input: FamilyInput, attention: RunnableAttention): WeightSources {
  const shards = 4;
  const { queryHeads, keyDim } = headDims(attention);
  if (queryHeads % shards !== 0) return input.config.unsupported(`${queryHeads} heads in ${shards} shards`);
  const count = (queryHeads * keyDim) / shards;
  const third = (position: number): Part => {
    const rows: RowBlocks = { start: position * count, count, times: shards, stride: 3 * count };
    return { base: 'attn.qkv_proj', rows: [rows] };
  };
  return { q: third(0), v: third(1), k: third(2) };
}

/** [q k v] per head; RoPE on part of the head; usually parallel with two norms. */
export const gptNeoX: FamilyDefinition = {
  modelTypes: ['gpt_neox'],
  prefixes: ['gpt_neox.'],
  build: (input) => {
    const { config } = input;
    const hiddenSize = config.number('hidden_size');
    const norm = layerNorm(config.number('layer_norm_eps'));
    const bias = config.flag('attention_bias', true);
    const partial = config.numberOr('rotary_pct', 0.25);
    return {
      hiddenSize,
      embedding: { tensor: 'embed_in.weight' },
      output: { norm: { spec: norm, base: 'final_layer_norm' } },
      head: { base: 'embed_out', tied: config.flag('tie_word_embeddings'), bias: false },
      layerPrefix: (index) => `layers.${index}.`,
      layer: (index) => {
        const attention = attentionAt(input, index);
        const { queryHeads, keyDim } = headDims(attention);
        const layer = attentionLayer(attention, hiddenSize, {
          rotary: rotary(config, { dim: keyDim, layout: 'half', partial, thetaKey: 'rotary_emb_base' }),
          biases: { q: bias, k: bias, v: bias, o: bias },
        });
        const mlp = plain(config.number('intermediate_size'), activation(config));
        return {
          block: block(layer, mlp, preNorms(norm), {
            arrangement: config.flag('use_parallel_residual', true) ? 'parallel' : 'sequential',
          }),
          sources: {
            ...groupedQkv('attention.query_key_value', queryHeads, 1, keyDim),
            o: part('attention.dense'),
            up: part('mlp.dense_h_to_4h'),
            down: part('mlp.dense_4h_to_h'),
            norm_attention: part('input_layernorm'),
            norm_feed_forward: part('post_attention_layernorm'),
          },
        };
      },
    };
  },
};
