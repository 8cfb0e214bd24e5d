import type { Sourced } from '../../model/spec';
import type { Family, LayerDraft } from '../family';
import { HEAD_KEYS, headLayout, layerCount, missing } from '../heads';
import { decoderMakers, draftsOf, fullDraft, layerLabels, withSources } from '../layers';
import { type ConfigReader, show } from '../reader';
import { lightningState, recurrentDraft } from '../states';

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

/** MiniMax-Text-01, M1 and M2: full attention in some layers, lightning attention in the others. */
export const minimax: Family = {
  id: 'minimax',
  modelTypes: ['minimax', 'minimax_text_01', 'minimax_m1', 'minimax_m2', 'MiniMaxText01', 'MiniMaxM1'],
  cite: 'MiniMaxAI/MiniMax-Text-01 modeling_minimax_text_01.py; transformers 5.18 models/minimax/configuration_minimax.py; vLLM minimax_text_01.py',
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
};

/** MiniMax-M3: grouped attention, and in most layers an indexer that keeps one small key per token. */
export const minimaxM3: Family = {
  id: 'minimax-m3',
  modelTypes: ['minimax_m3', 'minimax_m3_vl_text', 'minimax_m3_text'],
  cite: 'transformers 5.18 models/minimax_m3_vl/configuration_minimax_m3_vl.py: sparse_attention_config.sparse_attention_freq, sparse_index_dim',
  read: (reader) => {
    const count = layerCount(reader);
    const heads = headLayout(reader);
    if (!count || !heads) {
      if (!count) missing(reader, 'the number of layers', 'num_hidden_layers');
      return { layers: [] };
    }
    const sparse = reader.nested('sparse_attention_config');
    reader.consult(['index_n_heads', 'index_head_dim', 'index_block_size', 'index_topk_blocks', 'index_local_blocks']);
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
};

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
