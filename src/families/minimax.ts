/** MiniMax Text-01, M1, M2 and M3. */

import { headDims } from '../attention/spec/layerSpec';
import { type ConfigReader, show } from '../config/reader';
import { HEAD_KEYS } from '../config/spellings';
import type { Sourced } from '../model/spec';
import { byFrequency, wide } from './counted/experts';
import type {
  ArrangementsFacet,
  BlocksFacet,
  CountsFacet,
  GgufFacet,
  LayerDraft,
  LayersFacet,
  NamesFacet,
} from './facets';
import { llamaBlocks, plainRotary } from './kit/blocks';
import { decoderMakers, draftsOf, fullDraft, layerLabels, withSources } from './kit/decoder';
import { headLayout, layerCount, missing } from './kit/headLayout';
import { moe, softmaxRouter } from './kit/mixtures';
import { BARE, llamaNames, MIXTRAL_EXPERTS, mixtureNames, part } from './kit/tensorNames';
import { activation, gated, headNorm, rmsNorm } from './kit/parts';
import { lightningState, recurrentDraft } from './kit/states';
import { routing } from './kit/ggufBlocks';
import { ggufHeadWidth } from './kit/ggufKeys';

export const layers = (): readonly LayersFacet[] => [
  {
    // Full attention in some layers, lightning attention in the others.
    id: 'minimax',
    modelTypes: ['minimax', 'minimax_text_01', 'minimax_m1', 'minimax_m2', 'MiniMaxText01', 'MiniMaxM1'],
    cite: 'MiniMaxAI/MiniMax-Text-01 modeling_minimax_text_01.py; transformers 5.18 models/minimax/configuration_minimax.py; vLLM minimax_text_01.py',
    llamacpp: { keepsDraftStates: false },
    read: (reader, modelType) => {
      const count = layerCount(reader);
      if (!count) {
        missing(reader, 'the number of layers', 'num_hidden_layers');
        return { layers: [] };
      }
      const listed = layerLabels(reader, count.value) ?? typeList(reader, count.value);
      const makers = { ...decoderMakers(reader, {}, true), linear: () => lightning(reader) };
      if (!listed && modelType !== 'minimax_m2' && modelType !== 'minimax') {
        missing(reader, 'attn_type_list', 'attn_type_list');
        return { layers: [] };
      }
      // Without a list, transformers' class of "minimax" has full attention in even layers.
      const byClass = Array.from({ length: count.value }, (_, index) =>
        modelType === 'minimax_m2' || index % 2 === 0 ? 'full_attention' : 'linear_attention',
      );
      const drafts = draftsOf(listed?.value ?? byClass, makers);
      return { layers: withSources(drafts, { layers: count.source, ...(listed ? { kind: listed.source } : {}) }) };
    },
  },
  {
    // Grouped attention, and in most layers an indexer that keeps one small key per token.
    id: 'minimax-m3',
    modelTypes: ['minimax_m3', 'minimax_m3_vl_text', 'minimax_m3_text'],
    cite: 'transformers 5.18 models/minimax_m3_vl/configuration_minimax_m3_vl.py: sparse_attention_config.sparse_attention_freq, sparse_index_dim',
    llamacpp: { indexValues: true },
    read: (reader) => {
      const count = layerCount(reader);
      const heads = headLayout(reader);
      if (!count || !heads) {
        if (!count) missing(reader, 'the number of layers', 'num_hidden_layers');
        return { layers: [] };
      }
      const sparse = reader.nested('sparse_attention_config');
      reader.consult([
        'index_n_heads',
        'index_topk',
        'index_head_dim',
        'index_block_size',
        'index_topk_blocks',
        'index_local_blocks',
      ]);
      const listed = layerLabels(reader, count.value);
      const frequency = listed || !sparse ? null : sparseLayers(sparse, count.value);
      const labels = listed?.value ?? frequency?.value ?? new Array<string>(count.value).fill('full_attention');
      const drafts = draftsOf(labels, {
        full: () => fullDraft(heads),
        indexed: () => {
          const dim = sparse?.integer(['sparse_index_dim']) ?? reader.integer(['index_head_dim']);
          const indexHeads = sparse?.integer(['sparse_num_index_heads']) ?? reader.integer(['index_n_heads']);
          if (!dim) return null;
          const indexer = { headDim: dim.value, heads: indexHeads?.value ?? null, topK: null, owned: true };
          return {
            attention: { kind: 'full', ...heads.layout, indexer },
            sources: { ...heads.sources, indexDim: dim.source },
          };
        },
      });
      const kind = listed?.source ?? frequency?.source ?? null;
      return { layers: withSources(drafts, { layers: count.source, ...(kind ? { kind } : {}) }) };
    },
  },
];

/** `attn_type_list`: 1 = full attention, 0 = lightning attention. */
function typeList(reader: ConfigReader, count: number): Sourced<readonly string[]> | null {
  const listed = layerLabels(reader, count, ['attn_type_list']);
  return (
    listed && {
      value: listed.value.map((entry) =>
        entry === '1' ? 'full_attention' : entry === '0' ? 'linear_attention' : entry,
      ),
      source: listed.source,
    }
  );
}

/** Lightning attention has one square matrix per query head. */
function lightning(reader: ConfigReader): LayerDraft | null {
  const heads = reader.integer(HEAD_KEYS);
  const layout = headLayout(reader);
  if (!heads || !layout) return null;
  const headDim = { value: layout.layout.keyDim, source: layout.sources['keyDim'] ?? heads.source };
  return recurrentDraft(lightningState(reader, heads, headDim));
}

function sparseLayers(sparse: ConfigReader, count: number): Sourced<readonly string[]> | null {
  const listed = layerLabels(sparse, count, ['sparse_attention_freq']);
  return (
    listed && {
      value: listed.value.map((entry) =>
        entry === '1' ? 'minimax_m3_sparse' : entry === '0' ? 'full_attention' : `sparse_attention_freq ${show(entry)}`,
      ),
      source: listed.source,
    }
  );
}

export const blocks = (): readonly BlocksFacet[] => [
  {
    // Sigmoid scores with a correction, norms over the whole of q and k, RoPE on `rotary_dim` dims.
    modelTypes: ['minimax_m2'],
    build: (input) => {
      const { config } = input;
      const norm = headNorm(rmsNorm(config.need('rms_norm_eps')), 'projection');
      const mixture = moe(
        softmaxRouter(input, 'num_local_experts', 'num_experts_per_tok', {
          scoring: 'sigmoid',
          normalize: true,
          correctionBias: true,
        }),
        gated(config.need('intermediate_size'), activation(input)),
      );
      return llamaBlocks(input, {
        rotary: (_, attention) => {
          const { keyDim } = headDims(attention);
          return plainRotary(input, attention, 'half', config.numberOr('rotary_dim', keyDim) / keyDim);
        },
        attention: () => ({ queryNorm: norm, keyNorm: norm }),
        feedForward: () => mixture,
      });
    },
  },
];

/** `block_sparse_moe` as published; `mlp` as transformers 5 holds it. */
const EXPERTS = mixtureNames((index, input) => {
  const base = input.has(`layers.${index}.mlp.experts.gate_up_proj`) ? 'mlp' : 'block_sparse_moe';
  return {
    router: part(`${base}.gate`),
    correction: { base: `${base}.e_score_correction_bias`, suffix: BARE },
    experts: `${base}.experts`,
    parts: MIXTRAL_EXPERTS,
  };
});

export const names = (): readonly NamesFacet[] => [
  { modelTypes: ['minimax_m2'], of: llamaNames({ mixture: EXPERTS }) },
];

export const gguf = (): readonly GgufFacet[] => [
  {
    architecture: 'minimax-m2',
    modelType: 'minimax_m2',
    rope: 'half',
    adapt: (config, source) => {
      const rotated = source.number('rope.dimension_count') ?? ggufHeadWidth(source);
      if (rotated !== undefined) config['rotary_dim'] = rotated;
    },
    block: routing({ silent: 'sigmoid', normalize: true }),
  },
];

export const counts = (): readonly CountsFacet[] => [
  {
    modelTypes: ['minimax', 'minimax_text_01', 'minimax_m1', 'MiniMaxText01', 'MiniMaxM1'],
    experts: { ...wide, shared: (config) => config.size('shared_intermediate_size', 0) },
  },
  {
    modelTypes: ['minimax_m3', 'minimax_m3_vl_text', 'minimax_m3_text'],
    qkNorm: 'head',
    width: ['dense_intermediate_size', 'intermediate_size'],
    experts: { ...wide, shared: (config) => config.size('shared_intermediate_size', 0), sparse: byFrequency(0) },
  },
];

export const arrangements = (): readonly ArrangementsFacet[] => [
  {
    modelTypes: ['minimax', 'minimax_text_01', 'minimax_m1', 'MiniMaxText01', 'MiniMaxM1'],
    cite: 'transformers 5.18 modeling_minimax.py MiniMaxDecoderLayer: the normed input is what a branch is added to',
    fromNormed: true,
    router: () => ({ scoring: 'softmax' }),
    says: ['Stream and branch have fixed factors.'],
  },
  {
    modelTypes: ['minimax_m3', 'minimax_m3_vl_text', 'minimax_m3_text'],
    cite: 'transformers 5.18 modeling_minimax_m3_vl.py: norms × (1 + weight), clamped SwiGLU',
    norm: { weight: 'plus-one' },
    activation: 'silu',
    positions: 0.5,
    router: () => ({ scoring: 'sigmoid', correctionBias: true }),
    says: ['Gate and up are clamped.'],
  },
];
