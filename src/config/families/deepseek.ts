import type { IndexerSpec } from '../../model/attention';
import type { Source } from '../../model/spec';
import type { Family, LayerDraft } from '../family';
import { layerCount, latentLayout, missing, type SourcedLatent } from '../heads';
import { decoderLayers, layerLabels, repeat, unknownDraft, withLayerSource, withSources, wordOf } from '../layers';
import type { ConfigReader } from '../reader';

/** DeepSeek-V2 files without latent attention (VL2-tiny) say so: no `kv_lora_rank`, or `use_mla: false`. */
function withoutLatent(reader: ConfigReader): boolean {
  reader.consult(['use_mla']);
  return reader.own('use_mla') === false || reader.own('kv_lora_rank') === null;
}

/** Every layer caches one latent vector and one rotary key; `num_key_value_heads` and `head_dim` mean nothing. */
export const deepseekMla: Family = {
  id: 'deepseek-mla',
  modelTypes: [
    'deepseek_v2',
    'deepseek_v3',
    'kimi_k2',
    'axk1',
    'youtu',
    'mistral4',
    'minicpm3',
    'glm4_moe_lite',
    'pangu_ultra_moe',
    'kimi_vl_text',
    'youtu_llm',
  ],
  cite: 'transformers 5.18 models/deepseek_v3/modular_deepseek_v3.py (caches the latent); vLLM MLAAttentionSpec',
  read: (reader) => {
    consultDecoys(reader);
    if (withoutLatent(reader)) return { layers: decoderLayers(reader, { layerTypes: false, headDimKeys: [] }) };
    const count = layerCount(reader);
    const latent = count && latentLayout(reader, { dividedHeads: true });
    if (!count) missing(reader, 'the number of layers', 'num_hidden_layers');
    return { layers: count && latent ? withLayerSource(repeat(latent, count.value), count.source) : [] };
  },
};

/** Keys of per-head attention that latent families carry along. */
export function consultDecoys(reader: ConfigReader): void {
  reader.consult([
    'num_key_value_heads',
    'head_dim',
    'qk_head_dim',
    'v_head_dim',
    'qk_nope_head_dim',
    'qk_rope_head_dim',
  ]);
}

/** LongCat-Flash: every layer holds two attentions, so there are two caches a layer. */
export const longcat: Family = {
  id: 'longcat',
  modelTypes: ['longcat_flash', 'longcat_flash_ngram', 'longcat_flash_chat'],
  cite: 'transformers 5.18 models/longcat_flash/modeling_longcat_flash.py: self_attn of layer i has layer_idx 2i and 2i + 1',
  read: (reader) => {
    consultDecoys(reader);
    reader.consult(['ngram_vocab_size_ratio']);
    const count = layerCount(reader, ['num_layers', 'num_hidden_layers']);
    const latent = count && latentLayout(reader);
    if (!count || !latent) {
      if (!count) missing(reader, 'the number of layers', 'num_layers');
      return { layers: [] };
    }
    return {
      layers: withLayerSource(repeat(latent, 2 * count.value), {
        ...count.source,
        rule: `${count.value} layers of two attentions each`,
      }),
    };
  },
};

/** Which layers choose keys themselves; the others reuse the choice of an earlier layer and keep no index keys. */
function ownIndexers(
  reader: ConfigReader,
  modelType: string,
  count: number,
): { readonly owned: readonly (boolean | null)[]; readonly source: Source | null } {
  reader.consult(['index_topk_freq', 'index_skip_topk_offset', 'index_topk_pattern']);
  const listed = layerLabels(reader, count, ['indexer_types']);
  if (listed)
    return {
      owned: listed.value.map((word) => (word === 'full' ? true : word === 'shared' ? false : null)),
      source: listed.source,
    };
  const indexes = Array.from({ length: count }, (_, index) => index);
  if (modelType === 'hy_v4')
    return { owned: indexes.map((index) => index === 0 || (index - 1) % 4 === 0), source: null };
  if (modelType !== 'glm_moe_dsa') return { owned: indexes.map(() => true), source: null };
  const pattern = reader.value('index_topk_pattern');
  reader.consult(['index_topk_pattern']);
  const letters: readonly unknown[] =
    typeof pattern === 'string' ? [...pattern] : Array.isArray(pattern) ? pattern : [];
  if (letters.length > 0) {
    const owned = indexes.map((index) => {
      const letter = letters[index];
      return letter === 'F' || letter === 'full' ? true : letter === 'S' || letter === 'shared' ? false : null;
    });
    return { owned, source: reader.source('index_topk_pattern') };
  }
  const frequency = reader.integer(['index_topk_freq'])?.value ?? 1;
  const offset = reader.integer(['index_skip_topk_offset'], 0)?.value ?? 2;
  return {
    owned: indexes.map((index) => Math.max(index - offset + 1, 0) % frequency === 0),
    source: frequency === 1 ? null : reader.source('index_topk_freq'),
  };
}

/** Latent attention with a sparse-attention indexer (DSA): one small key per token beside the latent, where the layer has an indexer of its own. */
export const mlaSparse: Family = {
  id: 'mla-dsa',
  modelTypes: ['deepseek_v32', 'glm_moe_dsa', 'axk2', 'hy_v4'],
  cite: 'transformers 5.18 models/deepseek_v32, glm_moe_dsa (indexer_types), hy_v4; vLLM DeepseekV32IndexerCache',
  read: (reader, modelType) => {
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
    const { owned, source } = ownIndexers(reader, modelType, count.value);
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
  },
};

export function indexedDraft(
  latent: SourcedLatent,
  indexer: IndexerSpec,
  dim: Source,
  kind: Source | null,
): LayerDraft {
  return {
    attention: { ...latent.attention, indexer },
    sources: { ...latent.sources, indexDim: dim, ...(kind ? { kind } : {}) },
  };
}
