/** GPT-1, GPT-2, GPT-BigCode (StarCoder) and other multi-head decoders with GPT-2's keys that have no lineage of their own. */

import type { BlockSpec } from '../attention/spec/blockSpec';
import { headDims } from '../attention/spec/layerSpec';
import type { ConfigReader } from '../config/reader';
import { HIDDEN_KEYS } from '../config/spellings';
import type {
  BlockInput,
  BlockModel,
  BlocksFacet,
  CountsFacet,
  GgufFacet,
  LayersFacet,
  ModelNames,
  NamesFacet,
  NamesInput,
} from './facets';
import { attentionAt, attentionLayer, biases, block, preNorms } from './kit/blocks';
import { decoderLayers, type DecoderOptions } from './kit/decoder';
import type { GgufConfig } from './kit/ggufMetadata';
import { alsoAs } from './kit/ggufKeys';
import { ggufKvHeads } from './kit/ggufStates';
import { fusedQkv, groupedQkv, part } from './kit/tensorNames';
import { activation, layerNorm, plain } from './kit/parts';
import type { Part, WeightSources } from './kit/weightSource';

/** Multi-head attention with learned or rotary positions; one K and V per head, no KV-head key unless one is named. */
export function multiHead(changes: Pick<DecoderOptions, 'kvKeys' | 'hiddenKeys'> = {}): LayersFacet['read'] {
  return (reader) => ({
    layers: decoderLayers(reader, {
      layerTypes: false,
      layerKeys: ['num_hidden_layers', 'n_layer', 'n_layers', 'num_layers', 'layers', 'decoder_layers'],
      headDimKeys: [],
      hiddenKeys: ['hidden_size', 'n_embd', 'n_embed', 'd_model', 'embed_dim', 'decoder_hidden_size'],
      headKeys: ['num_attention_heads', 'n_head', 'num_heads', 'attention_heads', 'decoder_attention_heads'],
      kvKeys: [],
      ...changes,
    }),
  });
}

export const layers = (): readonly LayersFacet[] => [
  {
    id: 'gpt2',
    modelTypes: ['gpt2'],
    cite: 'transformers 5.18 models/gpt2/modeling_gpt2.py',
    refusesRemainder: 'model',
    read: multiHead(),
  },
  {
    id: 'gpt2',
    // biome-ignore format: names fill their lines
    modelTypes: [
      'gpt-sw3', 'jais', 'ctrl', 'imagegpt', 'clvp_decoder', 'git',
      'blip_text_decoder',
    ],
    cite: 'transformers 5.18 models/gpt2/modeling_gpt2.py and those of ctrl, imagegpt, clvp, git, blip',
    read: multiHead(),
  },
  {
    // Attention as in GPT-2, which other engines cache.
    id: 'gpt2',
    modelTypes: ['openai-gpt'],
    cite: 'transformers 5.18 models/openai/modeling_openai.py OpenAIGPTModel.forward: takes no past_key_values',
    read: (reader, modelType) => {
      reader.log.note('transformers has no cache for this model: it processes all tokens again at each step', false);
      return multiHead()(reader, modelType);
    },
  },
  {
    // Layers that look at the image stand between, and cache nothing of it.
    id: 'gpt2',
    modelTypes: ['idefics'],
    cite: 'transformers 5.18 models/idefics/modeling_idefics.py IdeficsModel.forward: past_key_values=None for cross_attn_block',
    read: (reader, modelType) => {
      reader.consult(['cross_layer_interval']);
      return multiHead()(reader, modelType);
    },
  },
  {
    // `multi_query` (true where absent) means one K and V head for all query heads.
    id: 'gpt_bigcode',
    modelTypes: ['gpt_bigcode'],
    cite: 'transformers 5.18 models/gpt_bigcode/configuration_gpt_bigcode.py',
    refusesRemainder: 'model',
    read: (reader) => {
      // transformers 5 writes num_key_value_heads into the file, and does not read it.
      reader.consult(['num_key_value_heads']);
      const single = reader.flag(['multi_query'], true);
      return {
        layers: decoderLayers(reader, {
          layerTypes: false,
          headDimKeys: [],
          kvKeys: [],
          ...(single ? { kvHeads: { value: 1, rule: 'multi_query: one K and V head', key: 'multi_query' } } : {}),
        }),
      };
    },
  },
];

/**
 * Learned positions, two LayerNorms, everything with a bias.
 * @param divisor Further divisor of a layer's scores, in addition to √width.
 */
function gptBlocks(input: BlockInput, divisor: (index: number) => number): BlockModel {
  const { config, hiddenSize } = input;
  if (config.on('add_cross_attention')) return config.unsupported('cross-attention');
  const norm = layerNorm(config.need('layer_norm_epsilon'));
  const mlp = plain(config.numberOr('n_inner', 4 * hiddenSize), activation(input, 'activation_function'));
  return {
    embedding: { positions: { kind: 'learned', offset: 0, rows: config.need('n_positions') } },
    output: { norm },
    block: (index) => {
      const attention = attentionAt(input, index);
      const root = config.on('scale_attn_weights', true) ? headDims(attention).keyDim ** -0.5 : 1;
      const layer = attentionLayer(attention, hiddenSize, { ...biases(true), scale: root / divisor(index) });
      return block(layer, mlp, preNorms(norm));
    },
  };
}

export const blocks = (): readonly BlocksFacet[] => [
  {
    modelTypes: ['gpt2'],
    build: (input) => {
      const byLayer = input.config.on('scale_attn_by_inverse_layer_idx');
      return gptBlocks(input, (index) => (byLayer ? index + 1 : 1));
    },
  },
  { modelTypes: ['gpt_bigcode'], build: (input) => gptBlocks(input, () => 1) },
];

/** Names of GPT-2's two ends. */
const GPT_ENDS = {
  embedding: 'wte.weight',
  outputNorm: 'ln_f',
  head: 'lm_head',
  layerPrefix: (index: number) => `h.${index}.`,
} as const satisfies Partial<ModelNames>;

/** GPT-2's names; `sources` are those of a layer's weights other than norms. */
// @__NO_SIDE_EFFECTS__
export function gptNames(
  sources: (block: BlockSpec, input: NamesInput) => WeightSources,
  ends: Pick<ModelNames, 'positions'> = {},
): NonNullable<NamesFacet['of']> {
  return (input) => ({
    ...GPT_ENDS,
    ...ends,
    layer: (_, spec) => ({
      sources: { norm_attention: part('ln_1'), norm_feed_forward: part('ln_2'), ...sources(spec, input) },
    }),
  });
}

const CONV1D: Partial<Part> = { transposed: true };

/** Linear maps around these q, k and v; GPT-2 stores them as `[in, out]`. */
function gptSources({ q, k, v }: { q: Part; k: Part; v: Part }, stored: Partial<Part> = {}): WeightSources {
  return {
    q: { ...q, ...stored },
    k: { ...k, ...stored },
    v: { ...v, ...stored },
    o: { ...part('attn.c_proj'), ...stored },
    up: { ...part('mlp.c_fc'), ...stored },
    down: { ...part('mlp.c_proj'), ...stored },
  };
}

/** One K and V head behind all queries, or [q k v] per head. */
function bigCodeQkv(spec: BlockSpec, config: ConfigReader): { q: Part; k: Part; v: Part } {
  const { queryHeads, keyDim } = headDims(spec.layer.attention);
  return config.on('multi_query', true)
    ? fusedQkv('attn.c_attn', spec)
    : groupedQkv('attn.c_attn', queryHeads, 1, keyDim);
}

const GPT_PREFIXES = ['transformer.'] as const;

export const names = (): readonly NamesFacet[] => [
  {
    modelTypes: ['gpt2'],
    prefixes: GPT_PREFIXES,
    of: gptNames((spec) => gptSources(fusedQkv('attn.c_attn', spec), CONV1D), { positions: 'wpe.weight' }),
  },
  {
    modelTypes: ['gpt_bigcode'],
    prefixes: GPT_PREFIXES,
    of: gptNames((spec, { config }) => gptSources(bigCodeQkv(spec, config)), { positions: 'wpe.weight' }),
  },
];

/** GPT-2's spelling of the common keys. */
function gptSpelling(config: GgufConfig): void {
  alsoAs(config, {
    hidden_size: 'n_embd',
    num_attention_heads: 'n_head',
    num_hidden_layers: 'n_layer',
    max_position_embeddings: 'n_positions',
    intermediate_size: 'n_inner',
  });
}

export const gguf = (): readonly GgufFacet[] => [
  { architecture: 'gpt2', modelType: 'gpt2', rope: 'none', adapt: gptSpelling },
  {
    architecture: 'starcoder',
    modelType: 'gpt_bigcode',
    rope: 'none',
    adapt: (config, source) => {
      gptSpelling(config);
      const heads = ggufKvHeads(source)(0);
      if (heads !== undefined) config['multi_query'] = heads === 1;
    },
  },
  { architecture: 'jais', modelType: 'jais' },
];

/** Width of a feed-forward that is four times the hidden size unless a key says otherwise. */
export function fourTimes(config: ConfigReader): number {
  return (
    config.sizeOr(['n_inner', 'intermediate_size', 'ffn_hidden_size', 'ffn_dim'], null) ?? 4 * config.size(HIDDEN_KEYS)
  );
}

/** Rows of a table of learned positions. */
function learned(config: ConfigReader): number {
  return config.size(['max_position_embeddings', 'n_positions']);
}

// LayerNorm with bias, biases everywhere, four times the width.
export const counts = (): readonly CountsFacet[] => [
  {
    modelTypes: ['gpt-sw3'],
    bias: true,
    plain: true,
    mlpBias: true,
    normBias: true,
    width: fourTimes,
    positions: learned,
  },
  {
    modelTypes: ['openai-gpt'],
    bias: true,
    plain: true,
    mlpBias: true,
    normBias: true,
    finalNorms: 0,
    width: fourTimes,
    positions: learned,
  },
  {
    modelTypes: ['ctrl'],
    bias: true,
    plain: true,
    mlpBias: true,
    normBias: true,
    width: (config) => config.size('dff', 8192),
    headBias: true,
  },
];
