/** EleutherAI's GPTs and what follows them: GPT-Neo, GPT-J, CodeGen, GPT-NeoX (and its Japanese form). */

import type { BlockSpec } from '../attention/spec/blockSpec';
import { headDims } from '../attention/spec/layerSpec';
import type { ConfigReader } from '../config/reader';
import { HIDDEN_KEYS } from '../config/spellings';
import type { ArrangementsFacet, BlocksFacet, CountsFacet, GgufFacet, LayersFacet, NamesFacet } from './facets';
import { gptNames, multiHead } from './gpt2';
import { attentionAt, attentionLayer, biases, block, preNorms } from './kit/blocks';
import { decoderMakers, draftsOf, withSources } from './kit/decoder';
import { givePartialRotary } from './kit/ggufBlocks';
import { alsoAs } from './kit/ggufKeys';
import { layerCount, missing } from './kit/headLayout';
import { groupedQkv, part } from './kit/tensorNames';
import { activation, layerNorm, plain } from './kit/parts';
import { rotary } from './kit/rotary';
import type { Part, RowBlocks, WeightSources } from './kit/weightSource';

export const layers = (): readonly LayersFacet[] => [
  {
    // Every second layer looks back `window_size` (256) tokens, its own included. transformers keeps all tokens there too.
    id: 'gpt_neo',
    modelTypes: ['gpt_neo'],
    cite: 'transformers 5.18 models/gpt_neo/modeling_gpt_neo.py GPTNeoSelfAttention: tril ^ tril(-window_size)',
    llamacpp: { runs: false },
    refusesRemainder: 'model',
    read: (reader) => {
      const count = layerCount(reader, ['num_layers', 'num_hidden_layers']);
      const words = count && expandedTypes(reader, count.value);
      reader.consult(['window_size', 'attention_types', 'attention_layers']);
      if (!count || words?.length !== count.value) {
        missing(reader, 'attention_types that fit the number of layers', 'attention_types');
        return { layers: [] };
      }
      const makers = decoderMakers(
        reader,
        {
          headDimKeys: [],
          kvKeys: [],
          headKeys: ['num_heads', 'num_attention_heads'],
          window: (from) => from.integer(['window_size']),
        },
        true,
      );
      return {
        layers: withSources(draftsOf(words, makers), { layers: count.source, kind: reader.source('attention_types') }),
      };
    },
  },
  {
    id: 'gptj',
    modelTypes: ['gptj', 'codegen'],
    cite: 'transformers 5.18 models/gptj/modeling_gptj.py, codegen/modeling_codegen.py',
    refusesRemainder: 'model',
    read: multiHead(),
  },
  {
    id: 'gpt_neox',
    modelTypes: ['gpt_neox'],
    cite: 'transformers 5.18 models/gpt_neox/configuration_gpt_neox.py and modeling_gpt_neox.py',
    refusesRemainder: 'class',
    read: multiHead(),
  },
  {
    id: 'gpt_neox',
    modelTypes: ['gpt_neox_japanese'],
    cite: 'transformers 5.18 models/gpt_neox_japanese/modeling_gpt_neox_japanese.py',
    read: multiHead(),
  },
];

/** `attention_types: [[["global", "local"], 12]]`: the words of each entry, repeated the given number of times. */
function expandedTypes(reader: ConfigReader, count: number): readonly string[] | null {
  reader.refuseNull(['attention_layers']);
  const list = reader.list(['attention_layers']);
  if (list) return list.value.filter((word) => typeof word === 'string');
  const types = reader.list(['attention_types']);
  // The class alternates global and local layers, 24 in all, and refuses another number.
  if (!types)
    return count === 24 && !reader.has('attention_types')
      ? Array.from({ length: count }, (_, index) => (index % 2 === 0 ? 'global' : 'local'))
      : null;
  const words: string[] = [];
  for (const entry of types.value) {
    const [pattern, times] = Array.isArray(entry) ? (entry as readonly unknown[]) : [];
    if (!Array.isArray(pattern) || typeof times !== 'number' || times < 1 || times * pattern.length > 4096) return null;
    for (let round = 0; round < times; round++)
      words.push(...pattern.filter((word): word is string => typeof word === 'string'));
    if (words.length > 4096) return null;
  }
  return words;
}

export const blocks = (): readonly BlocksFacet[] => [
  {
    // Scores without scaling.
    modelTypes: ['gpt_neo'],
    build: (input) => {
      const { config, hiddenSize } = input;
      const norm = layerNorm(config.need('layer_norm_epsilon'));
      const mlp = plain(config.numberOr('intermediate_size', 4 * hiddenSize), activation(input, 'activation_function'));
      return {
        embedding: { positions: { kind: 'learned', offset: 0, rows: config.need('max_position_embeddings') } },
        output: { norm },
        block: (index) =>
          block(
            attentionLayer(attentionAt(input, index), hiddenSize, { ...biases(false, true), scale: 1 }),
            mlp,
            preNorms(norm),
          ),
      };
    },
  },
  {
    // One LayerNorm, attention and feed-forward in parallel, RoPE on adjacent pairs of the first `rotary_dim` dims.
    modelTypes: ['gptj', 'codegen'],
    build: (input) => {
      const { config, hiddenSize } = input;
      const norm = layerNorm(config.need('layer_norm_epsilon'));
      const mlp = plain(config.numberOr('n_inner', 4 * hiddenSize), activation(input, 'activation_function'));
      return {
        output: { norm, bias: true },
        block: (index) => {
          const attention = attentionAt(input, index);
          const dim = config.numberOr('rotary_dim', headDims(attention).keyDim);
          const layer = attentionLayer(attention, hiddenSize, {
            rotary: { theta: 10_000, dim, layout: 'interleaved', scaling: null },
          });
          return block(layer, mlp, { attention: norm }, { arrangement: 'parallel' });
        },
      };
    },
  },
  {
    // RoPE on part of the head; usually parallel with two norms.
    modelTypes: ['gpt_neox'],
    build: (input) => {
      const { config, hiddenSize } = input;
      const norm = layerNorm(config.need('layer_norm_eps'));
      const partial = config.numberOr('rotary_pct', 0.25);
      const mlp = plain(config.need('intermediate_size'), activation(input));
      return {
        output: { norm },
        block: (index) => {
          const attention = attentionAt(input, index);
          const layer = attentionLayer(attention, hiddenSize, {
            ...biases(config.on('attention_bias', true)),
            rotary: rotary(input, {
              dim: headDims(attention).keyDim,
              layout: 'half',
              partial,
              thetaKey: 'rotary_emb_base',
            }),
          });
          return block(layer, mlp, preNorms(norm), {
            arrangement: config.on('use_parallel_residual', true) ? 'parallel' : 'sequential',
          });
        },
      };
    },
  },
];

/** GPT-J's names around these q, k and v. */
function gptJSources(qkv: WeightSources): WeightSources {
  return { ...qkv, o: part('attn.out_proj'), up: part('mlp.fc_in'), down: part('mlp.fc_out') };
}

/** Four shards (of the TPU run it was trained in), each [q v k]. */
function codegenQkv({ layer }: BlockSpec, config: ConfigReader): WeightSources {
  const shards = 4;
  const { queryHeads, keyDim } = headDims(layer.attention);
  if (queryHeads % shards !== 0) return config.unsupported(`${queryHeads} heads in ${shards} shards`);
  const count = (queryHeads * keyDim) / shards;
  const third = (position: number): Part => {
    const rows: RowBlocks = { start: position * count, count, times: shards, stride: 3 * count };
    return { base: 'attn.qkv_proj', rows: [rows] };
  };
  return { q: third(0), v: third(1), k: third(2) };
}

const PREFIXES = ['transformer.'] as const;

export const names = (): readonly NamesFacet[] => [
  {
    modelTypes: ['gpt_neo'],
    prefixes: PREFIXES,
    of: gptNames(
      () => ({
        q: part('attn.attention.q_proj'),
        k: part('attn.attention.k_proj'),
        v: part('attn.attention.v_proj'),
        o: part('attn.attention.out_proj'),
        up: part('mlp.c_fc'),
        down: part('mlp.c_proj'),
      }),
      { positions: 'wpe.weight' },
    ),
  },
  {
    modelTypes: ['gptj'],
    prefixes: PREFIXES,
    of: gptNames(() => gptJSources({ q: part('attn.q_proj'), k: part('attn.k_proj'), v: part('attn.v_proj') })),
  },
  {
    modelTypes: ['codegen'],
    prefixes: PREFIXES,
    of: gptNames((spec, { config }) => gptJSources(codegenQkv(spec, config))),
  },
  {
    // [q k v] per head.
    modelTypes: ['gpt_neox'],
    prefixes: ['gpt_neox.'],
    of: () => ({
      embedding: 'embed_in.weight',
      outputNorm: 'final_layer_norm',
      head: 'embed_out',
      layerPrefix: (index) => `layers.${index}.`,
      layer: (_, { layer }) => {
        const { queryHeads, keyDim } = headDims(layer.attention);
        return {
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
    }),
  },
];

export const gguf = (): readonly GgufFacet[] => [
  { architecture: 'gptj', modelType: 'gptj' },
  {
    architecture: 'gptneox',
    modelType: 'gpt_neox',
    rope: 'half',
    adapt: (config, source) => {
      const parallel = source.flag('use_parallel_residual');
      if (parallel !== undefined) config['use_parallel_residual'] = parallel;
      givePartialRotary(config, source);
      alsoAs(config, { partial_rotary_factor: 'rotary_pct', rope_theta: 'rotary_emb_base' });
    },
  },
];

export const counts = (): readonly CountsFacet[] => [
  {
    modelTypes: ['gpt_neox_japanese'],
    plain: true,
    normBias: true,
    width: (config) => config.size('intermediate_multiple_size', 4) * config.size(HIDDEN_KEYS),
    extra: (config, tally) => tally.add('attention', config.size(HIDDEN_KEYS)),
  },
];

export const arrangements = (): readonly ArrangementsFacet[] => [
  {
    modelTypes: ['gpt_neox_japanese'],
    cite: 'transformers 5.18 modeling_gpt_neox_japanese.py GPTNeoXJapaneseLayer: both branches after each other; rotary_ndims',
    norm: { kind: 'layer' },
    positions: (config) => config.numberOr('rotary_pct', 1),
  },
];
