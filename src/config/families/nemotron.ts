import type { Source, Sourced } from '../../model/spec';
import type { JsonValue } from '../document';
import type { Family, LayerDraft } from '../family';
import { HEAD_KEYS, headLayout, layerCount, missing } from '../heads';
import {
  decoderMakers,
  draftsOf,
  fullDraft,
  layerLabels,
  NO_ATTENTION,
  slidingDraft,
  unknownDraft,
  withSources,
} from '../layers';
import { type ConfigReader, MAX_LAYERS, show } from '../reader';
import { mamba2State, recurrentDraft } from '../states';

/** Letters of `hybrid_override_pattern`: Mamba 2, attention, MLP, experts. */
const LETTERS: Readonly<Record<string, string>> = { M: 'mamba', '*': 'full_attention', '-': 'mlp', E: 'moe' };

/** The layers by name: a list, or letters. The number of layers is the length of what is there. */
function words(reader: ConfigReader): Sourced<readonly string[]> | null {
  for (const key of ['layers_block_type', 'layer_types']) {
    const list = reader.list([key]);
    if (list && list.value.length > 0 && list.value.length <= MAX_LAYERS) {
      return {
        value: list.value.map((entry) => (typeof entry === 'string' ? entry : show(entry))),
        source: list.source,
      };
    }
  }
  const pattern = reader.string(['hybrid_override_pattern', 'hybrid_layer_pattern']);
  if (!pattern) return byClass(reader);
  if (pattern.value.length === 0 || pattern.value.length > MAX_LAYERS) return null;
  return {
    value: [...pattern.value].map((letter) => LETTERS[letter] ?? `pattern letter ${show(letter)}`),
    source: pattern.source,
  };
}

/** The class's own four layers, whatever num_hidden_layers says: no model is like that. */
function byClass(reader: ConfigReader): Sourced<readonly string[]> | null {
  const count = reader.integer(['num_hidden_layers']);
  if (count && count.value !== 4) return null;
  return {
    value: ['mamba', 'moe', 'full_attention', 'mlp'],
    source: reader.derived('no pattern: the four layers of the configuration class'),
  };
}

/** Nemotron-H and Nemotron 3: one mixer a layer, Mamba 2, attention or none. */
export const nemotronH: Family = {
  id: 'nemotron-h',
  modelTypes: ['nemotron_h', 'NemotronH_Nano_VL_V2'],
  cite: 'transformers 5.18 models/nemotron_h/configuration_nemotron_h.py (pattern letters); NVIDIA modeling_nemotron_h.py',
  read: (reader) => {
    const listed = words(reader);
    if (!listed) {
      missing(reader, 'hybrid_override_pattern or layers_block_type', 'hybrid_override_pattern');
      return { layers: [] };
    }
    reader.consult([
      'expand',
      'mamba_expand',
      'mtp_hybrid_override_pattern',
      'mtp_layers_block_type',
      'num_hidden_layers',
      'mamba_num_groups',
      'n_groups',
      'mamba_n_groups',
      'conv_kernel',
      'mamba_d_conv',
    ]);
    const state = (): LayerDraft | null =>
      recurrentDraft(
        mamba2State(reader, {
          heads: ['mamba_num_heads'],
          headDim: ['mamba_head_dim'],
          groups: ['mamba_n_groups', 'n_groups'],
          state: ['ssm_state_size'],
          conv: ['mamba_d_conv', 'conv_kernel'],
        }),
      );
    const makers = {
      ...decoderMakers(reader, { headDimKeys: ['head_dim', 'attention_head_dim'] }, true),
      mamba: state,
      linear: state,
    };
    const rule = `${listed.value.length} entries`;
    return {
      layers: withSources(draftsOf(listed.value, makers), { layers: { ...listed.source, rule }, kind: listed.source }),
    };
  },
};

/** Nemotron-NAS (DeciLM): each block says how many query heads share a KV head, or that its attention was taken out. */
export const nemotronNas: Family = {
  id: 'nemotron-nas',
  modelTypes: ['nemotron-nas', 'deci', 'decilm'],
  cite: 'nvidia/Llama-3_3-Nemotron-Super-49B-v1 configuration_decilm.py, block_config.py; Deci/DeciLM-7B (num_key_value_heads_per_layer)',
  read: (reader) => {
    const count = layerCount(reader);
    if (!count) {
      missing(reader, 'the number of layers', 'num_hidden_layers');
      return { layers: [] };
    }
    reader.consult(['num_key_value_heads', 'num_key_value_heads_per_layer', 'block_configs', 'sliding_window']);
    const blocks = reader.list(['block_configs']);
    if (blocks) return { layers: fromBlocks(reader, blocks, count) };
    const perLayer = reader.list(['num_key_value_heads_per_layer']);
    if (!perLayer) {
      missing(reader, 'block_configs or num_key_value_heads_per_layer', 'block_configs');
      return { layers: [] };
    }
    const heads = layerLabels(reader, count.value, ['num_key_value_heads_per_layer']);
    const made = new Map<string, LayerDraft>();
    const layers = (heads?.value ?? []).map((text) => {
      const draft = made.get(text) ?? headsDraft(reader, Number(text), perLayer.source);
      made.set(text, draft);
      return draft;
    });
    return { layers: withSources(layers, { layers: count.source }) };
  },
};

function headsDraft(reader: ConfigReader, kvHeads: number, source: Source): LayerDraft {
  const heads =
    Number.isInteger(kvHeads) && kvHeads > 0
      ? headLayout(reader, { kvKeys: [], kvHeads: { value: kvHeads, rule: 'given for the layer', source } })
      : null;
  return heads ? fullDraft(heads) : unknownDraft('a layer whose KV heads are no number');
}

type Block = Readonly<Record<string, JsonValue>>;

function isBlock(value: JsonValue | undefined): value is Block {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function fromBlocks(reader: ConfigReader, blocks: Sourced<readonly JsonValue[]>, count: Sourced<number>): LayerDraft[] {
  if (blocks.value.length !== count.value) {
    reader.problem(
      'layer-types-length',
      'error',
      'block_configs',
      `block_configs has ${blocks.value.length} entries for ${count.value} layers.`,
    );
    reader.log.note(
      `block_configs has ${blocks.value.length} entries for ${count.value} layers`,
      true,
      reader.pathOf('block_configs'),
    );
  }
  const made = new Map<string, LayerDraft>();
  const layers = Array.from({ length: count.value }, (_, index): LayerDraft => {
    const block = blocks.value[index];
    const attention = isBlock(block) ? block['attention'] : undefined;
    const id = JSON.stringify(attention) ?? '';
    const draft = made.get(id) ?? blockDraft(reader, isBlock(attention) ? attention : null, blocks.source);
    made.set(id, draft);
    return draft;
  });
  return withSources(layers, { layers: count.source, kind: blocks.source });
}

function blockDraft(reader: ConfigReader, attention: Block | null, source: Source): LayerDraft {
  if (!attention) return unknownDraft('a block without attention settings');
  if (attention['no_op'] === true) return { ...NO_ATTENTION, sources: { kind: source } };
  if (attention['replace_with_linear'] === true) return { ...NO_ATTENTION, sources: { kind: source } };
  const { sparsify, unshifted_sink: _sink, is_llama4: llama4, is_mamba: isMamba, mamba, llama4: chunked } = attention;
  const other = [sparsify, llama4, isMamba, mamba, chunked].find(
    (value) => value !== undefined && value !== null && value !== false,
  );
  const group = attention['n_heads_in_group'];
  const queryHeads = reader.integer(HEAD_KEYS);
  if (
    other !== undefined ||
    typeof group !== 'number' ||
    !Number.isInteger(group) ||
    group < 1 ||
    !queryHeads ||
    queryHeads.value % group !== 0
  ) {
    return unknownDraft(`block attention ${show(attention)}`);
  }
  const value = queryHeads.value / group;
  const heads = headLayout(reader, {
    kvKeys: [],
    kvHeads: { value, rule: `${queryHeads.value} heads ÷ n_heads_in_group ${group}`, source },
  });
  if (!heads) return unknownDraft('attention');
  const window = attention['window_length'];
  if (typeof window !== 'number') return fullDraft(heads);
  const sinks = typeof attention['num_sink_tokens'] === 'number' ? attention['num_sink_tokens'] : 0;
  return window > 0 && sinks === 0
    ? slidingDraft(heads, { value: window, source })
    : unknownDraft(`block attention ${show(attention)}`);
}
