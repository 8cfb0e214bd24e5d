import type { Family, LayerDraft } from '../family';
import { headLayout, type HeadOptions, HIDDEN_KEYS, layerCount, missing } from '../heads';
import { decoderLayers, draftsOf, fullDraft, layerLabels, withSources } from '../layers';
import type { ConfigReader } from '../reader';
import { HYBRID_MAMBA_KEYS, mamba2State, mambaState, recurrentDraft, type SourcedState } from '../states';

/** Jamba: one attention layer in each period of `attn_layer_period`, at `attn_layer_offset`; Mamba 1 in the others. */
export const jamba: Family = {
  id: 'jamba',
  modelTypes: ['jamba'],
  cite: 'transformers 5.18 models/jamba/configuration_jamba.py layers_block_type',
  read: (reader) => {
    reader.consult(['layers_block_type', 'layer_types']);
    const period = reader.integer(['attn_layer_period'])?.value ?? 8;
    const offset = reader.integer(['attn_layer_offset'], 0)?.value ?? 4;
    return {
      layers: decoderLayers(reader, {
        layerTypes: false,
        headDimKeys: ['head_dim'],
        kindAt: (index) => (index % period === offset ? 'full' : 'mamba'),
        patternKey: 'attn_layer_period',
        makers: { mamba: () => recurrentDraft(mambaState(reader, HYBRID_MAMBA_KEYS)) },
      }),
    };
  },
};

/** Attention of Zamba sees the hidden state and the embeddings side by side: twice the hidden size. */
const DOUBLED_HEADS: HeadOptions = {
  headDimKeys: ['head_dim', 'attention_head_dim'],
  headDim: (hidden, queryHeads) => ({
    value: Math.floor((2 * hidden) / queryHeads),
    rule: `2 × hidden size ${hidden} ÷ ${queryHeads} heads`,
  }),
};

/** A layer with shared attention weights, its own cache, and a mamba mixer. */
function hybridDraft(reader: ConfigReader, options: HeadOptions, state: SourcedState | null): LayerDraft | null {
  const heads = headLayout(reader, options);
  return (
    heads &&
    state && { ...fullDraft(heads), sources: { ...heads.sources, ...state.sources }, parallelState: state.state }
  );
}

/** Zamba: the first hybrid layer is 2; then one in each period, counted from layer 3. */
export const zamba: Family = {
  id: 'zamba',
  modelTypes: ['zamba'],
  cite: 'transformers 5.18 models/zamba/configuration_zamba.py __post_init__, ZambaAttention',
  read: (reader) => {
    reader.consult([
      'attention_hidden_size',
      'n_mamba_heads',
      'hidden_mamba_act',
      'attn_layer_period',
      'attn_layer_offset',
    ]);
    const period = reader.integer(['attn_layer_period'])?.value ?? 6;
    const offset = reader.integer(['attn_layer_offset'], 0)?.value ?? 4;
    const state = mambaState(reader, HYBRID_MAMBA_KEYS);
    return blocks(
      reader,
      (index) => (index === 2 || (index >= 3 && (index - 3) % period === offset) ? 'hybrid' : 'mamba'),
      () => hybridDraft(reader, DOUBLED_HEADS, state),
      state,
    );
  },
};

/** Zamba 2: `layers_block_type` names the hybrid layers. */
export const zamba2: Family = {
  id: 'zamba2',
  modelTypes: ['zamba2'],
  cite: 'transformers 5.18 models/zamba2/configuration_zamba2.py __post_init__ (head width 2 × hidden ÷ heads where attention_head_dim is absent)',
  read: (reader) => {
    reader.consult([
      'attention_hidden_size',
      'hybrid_layer_ids',
      'mamba_headdim',
      'use_mem_rope',
      'num_mem_blocks',
      'num_query_groups',
      'kv_channels',
    ]);
    const state = mamba2State(reader, {
      heads: ['n_mamba_heads'],
      headDim: [],
      groups: ['mamba_ngroups'],
      state: ['mamba_d_state'],
      conv: ['mamba_d_conv'],
      inner: (from) => {
        const hidden = from.integer(HIDDEN_KEYS);
        const expand = from.number(['mamba_expand']);
        return hidden && expand ? Math.trunc(expand.value * hidden.value) : null;
      },
    });
    return blocks(reader, zamba2Word, () => hybridDraft(reader, DOUBLED_HEADS, state), state);
  },
};

/** The class's list of 54 layers: hybrid at 6, 12, …, 42, 47 and 51. */
function zamba2Word(index: number, count: number): string {
  if (count !== 54) return 'a layer that layers_block_type does not name';
  return (index > 0 && index <= 42 && index % 6 === 0) || index === 47 || index === 51 ? 'hybrid' : 'mamba';
}

function blocks(
  reader: ConfigReader,
  wordAt: (index: number, count: number) => string,
  hybrid: () => LayerDraft | null,
  state: SourcedState | null,
): ReturnType<Family['read']> {
  const count = layerCount(reader);
  if (!count) {
    missing(reader, 'the number of layers', 'num_hidden_layers');
    return { layers: [] };
  }
  const listed = layerLabels(reader, count.value, ['layers_block_type']);
  const labels = listed?.value ?? Array.from({ length: count.value }, (_, index) => wordAt(index, count.value));
  const mixer = (): LayerDraft | null => recurrentDraft(state);
  const drafts = draftsOf(labels, { hybrid, mamba: mixer, linear: mixer });
  return { layers: withSources(drafts, { layers: count.source, ...(listed ? { kind: listed.source } : {}) }) };
}
