/** Latent attention with a sparse-attention indexer (DSA): DeepSeek-V3.2, GLM-5, A.X K2. */

import type { ConfigReader } from '../config/reader';
import { HIDDEN_KEYS } from '../config/spellings';
import type { IndexerSpec } from '../model/attention';
import type { Source } from '../model/spec';
import { afterDense, deepseekExperts } from './counted/experts';
import type { LayerView } from './counted/facet';
import { flag } from './counted/switches';
import type { Tally } from './counted/tally';
import { consultDecoys } from './deepseek';
import type { ArrangementsFacet, CountsFacet, GgufFacet, LayerDraft, LayersFacet } from './facets';
import { layerLabels, unknownDraft, withSources, wordOf } from './kit/decoder';
import { ggufLayers } from './kit/ggufStates';
import { latentLayout, layerCount, missing, type SourcedLatent } from './kit/headLayout';
import { expertGroups, v3Scale } from './kit/latent';

export const layers = (): readonly LayersFacet[] => [
  {
    id: 'mla-dsa',
    modelTypes: ['deepseek_v32', 'axk2'],
    cite: 'transformers 5.18 models/deepseek_v32; vLLM DeepseekV32IndexerCache',
    read: sparseLatent(everyIndexer),
  },
  {
    id: 'glm-dsa',
    modelTypes: ['glm_moe_dsa'],
    cite: 'transformers 5.18 models/glm_moe_dsa (indexer_types); vLLM DeepseekV32IndexerCache',
    read: sparseLatent(glmIndexers),
  },
];

/**
 * Where `indexer_types` is absent: which layers choose keys themselves. The others reuse the choice of an earlier layer and
 * keep no index keys. Null: not understood.
 */
export type OwnIndexers = (
  reader: ConfigReader,
  count: number,
) => { readonly owned: readonly (boolean | null)[]; readonly source: Source | null };

function everyIndexer(...[, count]: Parameters<OwnIndexers>): ReturnType<OwnIndexers> {
  return { owned: new Array<boolean>(count).fill(true), source: null };
}

/** One small key per token in addition to the latent, where the layer has its own indexer. */
// @__NO_SIDE_EFFECTS__
export function sparseLatent(ownIndexers: OwnIndexers): LayersFacet['read'] {
  return (reader) => {
    consultDecoys(reader);
    const count = layerCount(reader);
    const latent = count && latentLayout(reader);
    const headDim = reader.integer(['index_head_dim']);
    if (!count || !latent || !headDim) {
      if (!count) missing(reader, 'the number of layers', 'num_hidden_layers');
      if (!headDim) missing(reader, 'index_head_dim', 'index_head_dim');
      return { layers: [] };
    }
    const heads = reader.integer(['index_n_heads'])?.value ?? null;
    const topK = reader.integer(['index_topk'])?.value ?? null;
    const { owned, source } = listedIndexers(reader, count.value) ?? ownIndexers(reader, count.value);
    const make = (own: boolean): LayerDraft =>
      indexedDraft(latent, { headDim: headDim.value, heads, topK, owned: own }, headDim.source, source);
    const [own, shared] = [make(true), make(false)];
    const words = layerLabels(reader, count.value)?.value ?? null;
    const layers = owned.map((has, index) => {
      const word = words?.[index];
      if (word !== undefined && wordOf(word) !== 'indexed' && wordOf(word) !== 'full') return unknownDraft(word);
      if (has === null) return unknownDraft('an indexer type that is neither full nor shared');
      return has ? own : shared;
    });
    return { layers: withSources(layers, { layers: count.source }) };
  };
}

/** `indexer_types`. */
function listedIndexers(reader: ConfigReader, count: number): ReturnType<OwnIndexers> | null {
  reader.consult(['index_topk_freq', 'index_skip_topk_offset', 'index_topk_pattern']);
  const listed = layerLabels(reader, count, ['indexer_types']);
  return (
    listed && {
      owned: listed.value.map((word) => (word === 'full' ? true : word === 'shared' ? false : null)),
      source: listed.source,
    }
  );
}

function indexedDraft(latent: SourcedLatent, indexer: IndexerSpec, dim: Source, kind: Source | null): LayerDraft {
  return {
    attention: { ...latent.attention, indexer },
    sources: { ...latent.sources, indexDim: dim, ...(kind ? { kind } : {}) },
  };
}

/** GLM-5: letters or words of `index_topk_pattern`; without it every `index_topk_freq`-th layer. */
function glmIndexers(...[reader, count]: Parameters<OwnIndexers>): ReturnType<OwnIndexers> {
  const indexes = Array.from({ length: count }, (_, index) => index);
  const pattern = reader.value('index_topk_pattern');
  const letters: readonly unknown[] =
    typeof pattern === 'string' ? [...pattern] : Array.isArray(pattern) ? pattern : [];
  // Null is none; an empty text or list has no entry for any layer.
  if (pattern !== undefined && pattern !== null && letters.length === 0)
    reader.wrong('index_topk_pattern', 'a string', pattern);
  if (letters.length > 0) {
    const owned = indexes.map((index) => {
      const letter = letters[index];
      return letter === 'F' || letter === 'full' ? true : letter === 'S' || letter === 'shared' ? false : null;
    });
    return { owned, source: reader.source('index_topk_pattern') };
  }
  const frequency = reader.computed(['index_topk_freq'])?.value ?? 1;
  const offset = reader.computed(['index_skip_topk_offset'], 0)?.value ?? 2;
  return {
    owned: indexes.map((index) => Math.max(index - offset + 1, 0) % frequency === 0),
    source: frequency === 1 ? null : reader.source('index_topk_freq'),
  };
}

/** From here on llama.cpp takes a file of GLM-5 for 5.2 (models/glm-dsa.cpp load_arch_hparams). */
const LONG_CONTEXT = 1_048_576;

export const gguf = (): readonly GgufFacet[] => [
  { architecture: 'deepseek32', modelType: 'deepseek_v32' },
  {
    architecture: 'glm-dsa',
    modelType: 'glm_moe_dsa',
    adapt: (config, source) => {
      // Files without the list have an indexer in every layer, those of long contexts (GLM 5.2) in two layers and then in every fourth.
      const long = (source.number('context_length') ?? 0) >= LONG_CONTEXT;
      const pattern = long ? ggufLayers(source, (index) => index < 2 || (index - 2) % 4 === 0) : undefined;
      const own = source.flags('attention.indexer.types') ?? pattern;
      if (own !== undefined) config['indexer_types'] = own.map((full) => (full ? 'full' : 'shared'));
    },
  },
];

export const counts = (): readonly CountsFacet[] => [
  { modelTypes: ['deepseek_v32', 'glm_moe_dsa'], bias: flag('attention_bias'), experts: deepseekExperts },
  {
    modelTypes: ['axk2'],
    bias: flag('attention_bias'),
    experts: { ...deepseekExperts, sparse: afterDense('first_k_dense_replace', 1) },
    extra: axk2,
  },
];

/** T:axk2: queries and their gate from two query latents, and norms with a low-rank gate. */
function axk2(config: ConfigReader, tally: Tally, layers: readonly LayerView[]): void {
  const hidden = config.size(HIDDEN_KEYS);
  const sparse = afterDense('first_k_dense_replace', 1)(config);
  const rank = config.size('gated_norm_rank', 16);
  for (const { attention, index } of layers) {
    if (attention.kind !== 'latent') continue;
    const queries = attention.queryHeads * (attention.nopeDim + attention.ropeDim);
    const rankIn = attention.queryLatentDim ?? Number.NaN;
    tally.add('attention', 2 * rankIn * (queries + attention.queryHeads * attention.valueDim) - rankIn * queries);
    tally.add('norms', 2 * hidden * rank * (sparse(index) ? 2 : 1));
  }
}

export const arrangements = (): readonly ArrangementsFacet[] => [
  {
    modelTypes: ['deepseek_v32', 'glm_moe_dsa', 'axk2'],
    cite: 'transformers 5.18 modeling_deepseek_v32.py (DeepseekV32TopkRouter, yarn_apply_mscale), modeling_glm_moe_dsa.py',
    router: (config) => ({ scoring: 'sigmoid', correctionBias: true, groups: expertGroups(config) }),
    scale: v3Scale,
  },
];
