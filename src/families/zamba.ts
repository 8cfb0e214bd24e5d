/** Zamba 1 and 2: Mamba in every layer, and in some also a transformer block whose weights are shared. */

import type { ConfigReader } from '../config/reader';
import { HIDDEN_KEYS } from '../config/spellings';
import { isHeaded } from '../model/attention';
import type { LayerView } from './counted/facet';
import { dense } from './counted/feedForward';
import type { Tally } from './counted/tally';
import type { CountsFacet, FamilyReading, LayerDraft, LayersFacet } from './facets';
import { draftsOf, layerLabels, withSources } from './kit/decoder';
import { type HeadOptions, layerCount, missing } from './kit/headLayout';
import { expandedWidth, parallelDraft } from './kit/mambaHybrid';
import { HYBRID_MAMBA_KEYS, mamba2State, mambaState, recurrentDraft, type SourcedState } from './kit/states';

/** Zamba's attention sees hidden state and embeddings concatenated: twice the hidden size. */
const DOUBLED_HEADS: HeadOptions = {
  headDimKeys: ['head_dim', 'attention_head_dim'],
  headDim: (hidden, queryHeads) => ({
    value: Math.floor((2 * hidden) / queryHeads),
    rule: `2 × hidden size ${hidden} ÷ ${queryHeads} heads`,
  }),
};

export const layers = (): readonly LayersFacet[] => [
  {
    // The first hybrid layer is 2; then one in each period, counted from layer 3.
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
      const period = reader.computed(['attn_layer_period'])?.value ?? 6;
      const offset = reader.computed(['attn_layer_offset'], 0)?.value ?? 4;
      const state = mambaState(reader, HYBRID_MAMBA_KEYS);
      checkMambaHeads(reader);
      return listedLayers(
        reader,
        (index) => (index === 2 || (index >= 3 && (index - 3) % period === offset) ? 'hybrid' : 'mamba'),
        state,
      );
    },
  },
  {
    // `layers_block_type` names the hybrid layers.
    id: 'zamba2',
    modelTypes: ['zamba2'],
    cite: 'transformers 5.18 models/zamba2/configuration_zamba2.py __post_init__ (head width 2 × hidden ÷ heads where attention_head_dim is absent)',
    read: (reader) => {
      // biome-ignore format: names fill their lines
      reader.consult([
        'attention_hidden_size', 'hybrid_layer_ids', 'mamba_headdim', 'use_mem_rope', 'num_mem_blocks',
        'num_query_groups', 'kv_channels',
      ]);
      const state = mamba2State(reader, {
        heads: ['n_mamba_heads'],
        headDim: [],
        groups: ['mamba_ngroups'],
        state: ['mamba_d_state'],
        conv: ['mamba_d_conv'],
        inner: (from) => expandedWidth(from, ['mamba_expand']),
      });
      return listedLayers(reader, zamba2Word, state);
    },
  },
];

/** The class refuses an inner width that the Mamba heads do not divide (validate_architecture). */
function checkMambaHeads(reader: ConfigReader): void {
  const [inner, heads] = [expandedWidth(reader, ['mamba_expand']), reader.integer(['n_mamba_heads'])];
  if (inner !== null && heads && inner % heads.value !== 0)
    reader.log.note(
      `inner width ${inner} is not a multiple of ${heads.value} Mamba heads: transformers refuses this model`,
      true,
      heads.source.key ?? undefined,
    );
}

/** The class's list of 54 layers: hybrid at 6, 12, …, 42, 47 and 51. */
function zamba2Word(index: number, count: number): string {
  if (count !== 54) return 'a layer that layers_block_type does not name';
  return (index > 0 && index <= 42 && index % 6 === 0) || index === 47 || index === 51 ? 'hybrid' : 'mamba';
}

function listedLayers(
  reader: ConfigReader,
  wordAt: (index: number, count: number) => string,
  state: SourcedState | null,
): FamilyReading {
  const count = layerCount(reader);
  if (!count) {
    missing(reader, 'the number of layers', 'num_hidden_layers');
    return { layers: [] };
  }
  const listed = layerLabels(reader, count.value, ['layers_block_type']);
  const labels = listed?.value ?? Array.from({ length: count.value }, (_, index) => wordAt(index, count.value));
  const mixer = (): LayerDraft | null => recurrentDraft(state);
  const hybrid = (): LayerDraft | null => parallelDraft(reader, DOUBLED_HEADS, state);
  const drafts = draftsOf(labels, { hybrid, mamba: mixer, linear: mixer });
  return { layers: withSources(drafts, { layers: count.source, ...(listed ? { kind: listed.source } : {}) }) };
}

export const counts = (): readonly CountsFacet[] => [
  {
    modelTypes: ['zamba'],
    norms: 1,
    mlpAt: () => false,
    mixer: (config, layer) => (isHeaded(layer.attention) ? 0 : zambaMixer(config, layer)),
    extra: (config, tally, layers) => sharedBlocks(config, tally, layers, false),
  },
  {
    modelTypes: ['zamba2'],
    norms: 1,
    mlpAt: () => false,
    // The class has a key for the bias of its convolution but does not read it.
    mixerParts: { convolutionBias: true },
    mixer: (_config, { attention }) => (isHeaded(attention) ? 0 : null),
    extra: (config, tally, layers) => sharedBlocks(config, tally, layers, true),
  },
];

/** T:zamba, T:zamba2: one (or `num_mem_blocks`) transformer blocks shared by all hybrid layers, on twice the hidden width. */
function sharedBlocks(config: ConfigReader, tally: Tally, layers: readonly LayerView[], second: boolean): void {
  const hidden = config.size(HIDDEN_KEYS);
  const hybrid = layers.filter((layer) => isHeaded(layer.attention));
  const first = hybrid[0]?.attention;
  if (!first || !isHeaded(first)) return;
  const blocks = Math.min(second ? config.size('num_mem_blocks', 1) : 1, hybrid.length);
  const width = config.size('intermediate_size');
  const inner = first.keyDim * (first.queryHeads + 2 * first.kvHeads);
  tally.add('attention', blocks * (2 * hidden * inner + first.queryHeads * first.keyDim * hidden));
  tally.add('mlp', blocks * dense(hidden, width, true, second && config.flag(['add_bias_linear'], false)));
  tally.add('norms', blocks * 3 * hidden);
  tally.add('other', hybrid.length * hidden * hidden);
  if (!second) return;
  const rank = config.size('adapter_rank', 128);
  tally.add('other', hybrid.length * rank * (hidden + 2 * width));
  if (config.flag(['use_shared_attention_adapter'], false)) tally.add('other', hybrid.length * 3 * rank * 4 * hidden);
}

/** T:zamba ZambaMambaMixer: Mamba 1 with a time step and projections of its own for each head. */
function zambaMixer(config: ConfigReader, { attention, hidden }: LayerView): number | null {
  if (attention.kind !== 'recurrent' || attention.state.flavour !== 'mamba') return null;
  const { state } = attention;
  const inner = state.conv?.channels ?? Number.NaN;
  const heads = config.size('n_mamba_heads', 1);
  const perChannel = state.recurrentElements / inner;
  const given = config.value('mamba_dt_rank');
  const rank = typeof given === 'number' ? given : Math.ceil(hidden / 16);
  const bias = config.flag(['mamba_proj_bias'], false) ? 2 * inner + hidden : 0;
  const conv = inner * ((state.conv?.width ?? Number.NaN) + (config.flag(['mamba_conv_bias'], true) ? 1 : 0));
  const perHead = inner / heads;
  return (
    hidden * 3 * inner +
    bias +
    conv +
    heads * (rank + 2 * perChannel) * perHead +
    heads * perHead * rank +
    inner +
    inner * perChannel +
    inner
  );
}
