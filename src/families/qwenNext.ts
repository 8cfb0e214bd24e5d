/** Qwen3-Next, Qwen 3.5 and later: gated delta nets, and full attention in every `full_attention_interval`-th layer. */

import type { ConfigReader } from '../config/reader';
import { HIDDEN_KEYS } from '../config/spellings';
import { qwenShared } from './counted/experts';
import type { LayerView } from './counted/facet';
import { flag } from './counted/switches';
import type { Tally } from './counted/tally';
import type { ArrangementsFacet, CountsFacet, FamilyReading, GgufFacet, LayerDraft, LayersFacet } from './facets';
import { decoderLayers, fullDraft, withSources } from './kit/decoder';
import type { GgufConfig, GgufSource } from './kit/ggufMetadata';
import { renamed } from './kit/ggufKeys';
import { headLayout, layerCount } from './kit/headLayout';
import { gatedDeltaNetState, recurrentDraft } from './kit/states';

export const layers = (): readonly LayersFacet[] => [
  {
    id: 'qwen3-next',
    modelTypes: ['qwen3_next'],
    cite: 'transformers 5.18 models/qwen3_next/configuration_qwen3_next.py: full where (i + 1) % full_attention_interval == 0, 4 where absent',
    llamacpp: { keepsDraftStates: false },
    sglang: { tracksStates: true },
    read: (reader) => deltaLayers(reader, attention),
  },
  {
    id: 'qwen3-next',
    modelTypes: ['qwen3_5_text', 'qwen3_5_moe_text', 'interns2_mobius_text'],
    cite: 'transformers 5.18 models/qwen3_5/configuration_qwen3_5.py: layers as in Qwen3-Next; vLLM interns2_mobius.py has them too',
    sglang: { tracksStates: true },
    llamacpp: { keepsDraftStates: true },
    read: (reader) => deltaLayers(reader, attention),
  },
  {
    // Qwen 3.5 with labels of its own. vLLM makes the layers from the interval; a list that says otherwise is not followed there.
    id: 'agnes',
    modelTypes: ['agnes_text'],
    cite: 'vLLM transformers_utils/configs/agnes.py: global_attention_interval, else the first agnes_global_attention',
    read: (reader) => {
      const list = reader.list(['layer_types']);
      const first = (list?.value.indexOf('agnes_global_attention') ?? -1) + 1;
      const interval =
        reader.integer(['global_attention_interval']) ??
        (list && first > 0 ? { value: first, source: list.source } : { value: 4, source: null });
      const count = layerCount(reader);
      const full = attention(reader);
      const linear = recurrentDraft(gatedDeltaNetState(reader));
      if (!count || !full || !linear) return { layers: [] };
      const isFull = (index: number): boolean => (index + 1) % interval.value === 0;
      const labels = list && Array.from({ length: count.value }, (_, index) => isFull(index));
      if (
        list &&
        (list.value.length !== count.value ||
          labels?.some(
            (wanted, index) => list.value[index] !== (wanted ? 'agnes_global_attention' : 'agnes_delta_attention'),
          ))
      )
        reader.log.note(
          `${reader.pathOf('layer_types')} does not follow from an interval of ${interval.value}`,
          true,
          reader.pathOf('layer_types'),
        );
      const drafts = Array.from({ length: count.value }, (_, index) => (isFull(index) ? full : linear));
      return {
        layers: withSources(drafts, {
          layers: count.source,
          ...(interval.source ? { kind: interval.source } : {}),
        }),
      };
    },
  },
  {
    // Qwen3-Next with residuals between blocks; q, k and v have a convolution each, as wide together as Qwen's one.
    id: 'alice',
    modelTypes: ['alice_ai'],
    cite: 'vLLM transformers_utils/configs/alice_ai.py, a Qwen3NextConfig',
    defaults: {
      alice_ai: {
        linear_num_key_heads: 32,
        linear_num_value_heads: 32,
        linear_key_head_dim: 128,
        linear_value_head_dim: 128,
        linear_conv_kernel_dim: 4,
      },
    },
    read: (reader) => {
      reader.consult(['number_of_conv_states', 'block_attn_res_block_size', 'kda_allow_negative_eigenvalues']);
      return deltaLayers(reader, attention);
    },
  },
  {
    // In full layers an indexer chooses the keys.
    id: 'qwen4',
    modelTypes: ['qwen4_exp_text'],
    cite: 'transformers 5.18 models/qwen4_exp/configuration_qwen4_exp.py: full where (i + 1) % full_attention_interval == 0, 4 where absent',
    llamacpp: { keepsDraftStates: true },
    read: (reader) => {
      reader.consult(['ple_layer_ids', 'ple_conv_kernel_size', 'ple_embed_dim', 'ngram_size', 'hc_count']);
      const reading = deltaLayers(reader, indexedAttention);
      return { ...reading, layers: withNgrams(reader, reading.layers) };
    },
  },
];

function deltaLayers(reader: ConfigReader, makeFull: (reader: ConfigReader) => LayerDraft | null): FamilyReading {
  const interval = reader.computed(['full_attention_interval'])?.value ?? 4;
  const full = (): LayerDraft | null => makeFull(reader);
  return {
    layers: decoderLayers(reader, {
      kindAt: (index) => ((index + 1) % interval === 0 ? 'full' : 'linear'),
      patternKey: 'full_attention_interval',
      makers: { full, indexed: full, linear: () => recurrentDraft(gatedDeltaNetState(reader)) },
    }),
  };
}

/**
 * Layers of `ple_layer_ids`, which count from 1, mix in n-grams through a convolution whose taps are `ngram_size` tokens apart, over
 * all residual streams (vLLM models/qwen4_exp/config.py short_conv_state_shape). The last tokens themselves are a few bytes.
 */
function withNgrams(reader: ConfigReader, layers: readonly LayerDraft[]): readonly LayerDraft[] {
  const listed = reader.indexes(['ple_layer_ids']);
  if (!listed || listed.value.length === 0) return layers;
  const hidden = reader.integer(HIDDEN_KEYS);
  const streams = reader.integer(['hc_count'])?.value ?? 4;
  const kernel = reader.integer(['ple_conv_kernel_size'])?.value ?? 4;
  const apart = reader.integer(['ngram_size'])?.value ?? 3;
  if (!hidden) return layers;
  const width = (kernel - 1) * apart;
  const beside = { channels: streams * hidden.value, width, engineWidth: width };
  const source = { ...listed.source, rule: `${streams} streams, ${kernel} taps, ${apart} tokens apart` };
  const made = new Map<LayerDraft, LayerDraft>();
  return layers.map((draft, index) => {
    if (!listed.value.includes(index + 1)) return draft;
    const { attention, sources } = draft;
    const known = made.get(draft) ?? {
      ...draft,
      sources: { ...sources, beside: source },
      ...(attention.kind === 'recurrent'
        ? { attention: { ...attention, state: { ...attention.state, beside } } }
        : {
            // Also where the layer is attention: the same objects would be taken for layers of one kind.
            attention: { ...attention },
            parallelState: {
              flavour: 'short-conv',
              conv: null,
              beside,
              recurrentElements: 0,
              recurrentDtype: 'cache',
              heads: null,
            },
          }),
    };
    made.set(draft, known);
    return known;
  });
}

function consultIndexer(reader: ConfigReader): void {
  reader.consult(['indexer_n_heads', 'indexer_kv_heads', 'indexer_budget', 'indexer_compress_ratio']);
}

function attention(reader: ConfigReader): LayerDraft | null {
  const heads = headLayout(reader);
  consultIndexer(reader);
  return heads && fullDraft(heads);
}

function indexedAttention(reader: ConfigReader): LayerDraft | null {
  const heads = headLayout(reader);
  const dim = reader.integer(['indexer_head_dim']);
  const pool = reader.integer(['indexer_compress_ratio']);
  consultIndexer(reader);
  if (!heads || !dim) return heads && fullDraft(heads);
  const indexer = {
    headDim: dim.value,
    heads: reader.integer(['indexer_n_heads'])?.value ?? null,
    topK: reader.integer(['indexer_budget'])?.value ?? null,
    owned: true,
    ...(pool && pool.value > 1 ? { enginePool: pool.value } : {}),
  };
  return {
    attention: { kind: 'full', ...heads.layout, indexer },
    sources: { ...heads.sources, indexDim: dim.source },
  };
}

/** llama.cpp writes the delta net's widths under Mamba's keys: the state is a head's width, the groups are the key heads. */
function adaptDelta(config: GgufConfig, source: GgufSource): void {
  const [inner, heads] = [source.number('ssm.inner_size'), source.number('ssm.time_step_rank')];
  const numbers: Readonly<Record<string, number | undefined>> = {
    linear_conv_kernel_dim: source.number('ssm.conv_kernel'),
    linear_key_head_dim: source.number('ssm.state_size'),
    linear_num_key_heads: source.number('ssm.group_count'),
    linear_num_value_heads: heads,
    linear_value_head_dim: inner !== undefined && heads !== undefined && heads > 0 ? inner / heads : undefined,
    full_attention_interval: source.number('full_attention_interval'),
  };
  for (const [key, value] of Object.entries(numbers)) if (value !== undefined) config[key] = value;
}

export const gguf = (): readonly GgufFacet[] => [
  { architecture: 'qwen3next', modelType: 'qwen3_next', adapt: adaptDelta },
  { architecture: 'qwen35', modelType: 'qwen3_5_text', adapt: adaptDelta },
  { architecture: 'qwen35moe', modelType: 'qwen3_5_moe_text', adapt: adaptDelta },
  {
    architecture: 'qwen4exp',
    modelType: 'qwen4_exp_text',
    adapt: (config, source) => {
      adaptDelta(config, source);
      renamed(config, {
        index_head_dim: 'indexer_head_dim',
        index_n_heads: 'indexer_n_heads',
        index_topk: 'indexer_budget',
      });
      const layers = source.perLayer('ple.layers');
      if (layers !== undefined) config['ple_layer_ids'] = [layers].flat().map((index) => index + 1);
    },
  },
];

/** The query projection also yields the gate on the attention's output. */
const GATED = {
  bias: flag('attention_bias'),
  qkNorm: 'head',
  gate: 'wide',
  gateBias: true,
  knows: ['attn_output_gate'],
} as const;

export const counts = (): readonly CountsFacet[] => [
  { modelTypes: ['qwen3_next'], ...GATED, experts: qwenShared },
  { modelTypes: ['qwen3_5_text'], ...GATED },
  { modelTypes: ['qwen3_5_moe_text'], ...GATED, experts: { ...qwenShared, sparse: () => () => true } },
  {
    modelTypes: ['qwen4_exp_text'],
    ...GATED,
    knows: ['attn_output_gate', 'heads_per_ngram', 'ngram_vocab_size_base', 'make_ngram_vocab_size_divisible_by'],
    norms: 0,
    finalNorms: 0,
    experts: { ...qwenShared, sparse: () => () => true },
    extra: qwen4,
  },
];

/** T:qwen4_exp: four residual streams, mixed through a low rank. */
function qwen4(config: ConfigReader, tally: Tally, layers: readonly LayerView[]): void {
  const hidden = config.size(HIDDEN_KEYS);
  const streams = config.size('hc_count', 4);
  const width = streams * hidden;
  const mix = width + 2 * width * config.size('hc_lowrank', 320);
  tally.add('other', layers.length * 2 * (mix + streams * width) + mix);
  // The number of rows of n-gram tables depends on primes: not computed here.
  if ((config.list(['ple_layer_ids'])?.value.length ?? 0) > 0) tally.add('embedding', Number.NaN);
}

export const arrangements = (): readonly ArrangementsFacet[] => [
  {
    modelTypes: ['qwen3_next', 'qwen3_5_text', 'qwen3_5_moe_text'],
    cite: 'transformers 5.18 modeling_qwen3_next.py, modeling_qwen3_5.py: norms × (1 + weight), a quarter of a head is turned',
    norm: { weight: 'plus-one' },
    positions: 0.25,
    // T:qwen3_next Qwen2MoeTopKRouter asks norm_topk_prob; T:qwen3_5_moe Qwen3_5MoeTopKRouter divides always.
    router: (config) => ({ scoring: 'softmax', normalize: config.flag(['norm_topk_prob'], true) }),
    sharedGate: true,
  },
];
