/** Nemotron-H and Nemotron 3, and Nemotron-NAS (DeciLM). The dense Nemotron is in nemotronDense.ts. */

import type { JsonValue } from '../config/document';
import { type ConfigReader, isJsonObject, type JsonObject, MAX_LAYERS, show, truthOf } from '../config/reader';
import { HEAD_KEYS, HIDDEN_KEYS } from '../config/spellings';
import type { Source, Sourced } from '../model/spec';
import type { LayerView } from './counted/facet';
import { dense, denseWeights, EXPERT_ACTIVE_KEYS, EXPERT_COUNT_KEYS } from './counted/feedForward';
import { flag } from './counted/switches';
import type { Tally } from './counted/tally';
import type { ArrangementsFacet, CountsFacet, GgufFacet, LayerDraft, LayersFacet } from './facets';
import {
  decoderMakers,
  draftsOf,
  fullDraft,
  layerLabels,
  NO_ATTENTION,
  slidingDraft,
  unknownDraft,
  withSources,
} from './kit/decoder';
import type { GgufConfig, GgufSource } from './kit/ggufMetadata';
import { adaptState, ggufKvHeads, ggufLayers, ggufPerLayer } from './kit/ggufStates';
import { headLayout, layerCount, missing } from './kit/headLayout';
import { mamba2State, recurrentDraft } from './kit/states';

export const layers = (): readonly LayersFacet[] => [
  // One mixer a layer: Mamba 2, attention or none.
  {
    id: 'nemotron-h',
    modelTypes: ['nemotron_h', 'NemotronH_Nano_VL_V2'],
    cite: 'transformers 5.18 models/nemotron_h/configuration_nemotron_h.py (pattern letters); NVIDIA modeling_nemotron_h.py',
    sglang: { tracksStates: true },
    llamacpp: { keepsDraftStates: true },
    read: (reader) => {
      const listed = words(reader);
      // Also the older names: the class turns each into its own.
      reader.refuseNull(['layer_types', 'hybrid_override_pattern', 'mamba_n_groups', 'mamba_d_conv']);
      if (!listed) {
        missing(reader, 'hybrid_override_pattern or layers_block_type', 'hybrid_override_pattern');
        return { layers: [] };
      }
      // biome-ignore format: names fill their lines
      reader.consult([
        'expand', 'mamba_expand', 'mtp_hybrid_override_pattern', 'mtp_layers_block_type', 'num_hidden_layers',
        'mamba_num_groups', 'n_groups', 'mamba_n_groups', 'conv_kernel', 'mamba_d_conv',
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
        layers: withSources(draftsOf(listed.value, makers), {
          layers: { ...listed.source, rule },
          kind: listed.source,
        }),
      };
    },
  },
  // Each block says how many query heads share a KV head, or that its attention was removed.
  {
    id: 'nemotron-nas',
    modelTypes: ['nemotron-nas', 'deci', 'decilm'],
    cite: 'nvidia/Llama-3_3-Nemotron-Super-49B-v1 configuration_decilm.py, block_config.py; Deci/DeciLM-7B (num_key_value_heads_per_layer)',
    llamacpp: { padsEmptyLayers: true },
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
  },
];

/** Letters of `hybrid_override_pattern`: Mamba 2, attention, MLP, experts. */
const LETTERS: Readonly<Record<string, string>> = { M: 'mamba', '*': 'full_attention', '-': 'mlp', E: 'moe' };

/** The layers by name, as a list or as letters; its length is the number of layers. */
function words(reader: ConfigReader): Sourced<readonly string[]> | null {
  for (const key of ['layers_block_type', 'layer_types']) {
    const list = reader.list([key]);
    // The class takes an empty list for no layers at all.
    if (list?.value.length === 0 && reader.defaults) reader.wrong(key, 'a list with an entry for each layer', []);
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

/** The class's own four layers, whatever num_hidden_layers says; no published model has them. */
function byClass(reader: ConfigReader): Sourced<readonly string[]> | null {
  const count = reader.integer(['num_hidden_layers']);
  if (count && count.value !== 4) return null;
  return {
    value: ['mamba', 'moe', 'full_attention', 'mlp'],
    source: reader.derived('no pattern: the four layers of the configuration class'),
  };
}

function headsDraft(reader: ConfigReader, kvHeads: number, source: Source): LayerDraft {
  const heads =
    Number.isInteger(kvHeads) && kvHeads > 0
      ? headLayout(reader, { kvKeys: [], kvHeads: { value: kvHeads, rule: 'given for the layer', source } })
      : null;
  return heads ? fullDraft(heads) : unknownDraft('a layer whose KV heads are not a number');
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
    const attention = isJsonObject(block) ? block['attention'] : undefined;
    const id = JSON.stringify(attention) ?? '';
    const draft = made.get(id) ?? blockDraft(reader, isJsonObject(attention) ? attention : null, blocks.source);
    made.set(id, draft);
    return draft;
  });
  return withSources(layers, { layers: count.source, kind: blocks.source });
}

function blockDraft(reader: ConfigReader, attention: JsonObject | null, source: Source): LayerDraft {
  if (!attention) return unknownDraft('a block without attention settings');
  if (truthOf(attention['no_op'] ?? null)) return { ...NO_ATTENTION, sources: { kind: source } };
  if (truthOf(attention['replace_with_linear'] ?? null)) return { ...NO_ATTENTION, sources: { kind: source } };
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

export const gguf = (): readonly GgufFacet[] => [
  { architecture: 'nemotron_h', modelType: 'nemotron_h', adapt: adaptPattern },
  { architecture: 'nemotron_h_moe', modelType: 'nemotron_h', adapt: adaptPattern },
  {
    architecture: 'deci',
    modelType: 'nemotron-nas',
    adapt: (config, source) => {
      const [queryAt, kvAt] = [ggufPerLayer(source, 'attention.head_count'), ggufKvHeads(source)];
      const blocks = ggufLayers(source, (index) => {
        const [query, kv] = [queryAt(index), kvAt(index)];
        if (query === undefined || kv === undefined) return undefined;
        const attention =
          kv === 0
            ? { no_op: true, replace_with_linear: query > 0, n_heads_in_group: null }
            : { no_op: false, replace_with_linear: false, n_heads_in_group: query / kv };
        return { attention };
      });
      config['num_key_value_heads'] = null;
      if (blocks !== undefined) config['block_configs'] = blocks;
    },
  },
];

/** A layer is attention, an MLP or a state, by which of them it has a width for. */
function adaptPattern(config: GgufConfig, source: GgufSource): void {
  adaptState(config, source, {
    conv: 'conv_kernel',
    state: 'ssm_state_size',
    expand: 'expand',
    groups: 'n_groups',
    heads: 'mamba_num_heads',
    headDim: 'mamba_head_dim',
  });
  const [kvAt, widthAt] = [ggufKvHeads(source), ggufPerLayer(source, 'feed_forward_length')];
  const letters = ggufLayers(source, (index) => {
    const [kvHeads, width] = [kvAt(index), widthAt(index)];
    if (kvHeads === undefined || width === undefined) return undefined;
    return kvHeads > 0 ? '*' : width > 0 ? '-' : 'M';
  });
  if (letters !== undefined) config['hybrid_override_pattern'] = letters.join('');
}

export const counts = (): readonly CountsFacet[] => [
  {
    modelTypes: ['nemotron_h', 'NemotronH_Nano_VL_V2', 'nemotron_h_puzzle_plain'],
    tied: false,
    norms: 1,
    plain: true,
    mlpBias: flag('mlp_bias'),
    mlpAt: (config, { attention, index }) => attention.kind === 'none' && nemotronWords(config)(index) === 'mlp',
    extra: nemotronExperts,
  },
  {
    modelTypes: ['nemotron-nas', 'deci', 'decilm'],
    bias: flag('attention_bias'),
    mlpBias: flag('mlp_bias'),
    width: nasWidth,
    norms: (config, { index }) =>
      (removed(nasBlock(config, index, 'attention')) ? 0 : 1) + (removed(nasBlock(config, index, 'ffn')) ? 0 : 1),
    mixer: (config, { index, attention, hidden }) =>
      attention.kind === 'none' && replaced(nasBlock(config, index, 'attention')) ? hidden * hidden : null,
    mlpAt: (config, { index }) => !removed(nasBlock(config, index, 'ffn')) && !replaced(nasBlock(config, index, 'ffn')),
    extra: nasLinears,
  },
];

/** Letters and words of Nemotron-H: what a layer without a mixer is. */
function nemotronWords(config: ConfigReader): (layer: number) => string {
  const listed = config.list(['layers_block_type'])?.value ?? config.list(['layer_types'])?.value;
  const letters =
    config.string(['hybrid_override_pattern'])?.value ?? config.string(['hybrid_layer_pattern'])?.value ?? '';
  return (layer) => {
    const word = listed
      ? listed[layer]
      : letters === ''
        ? ['mamba', 'moe', 'full_attention', 'mlp'][layer]
        : { E: 'moe', '-': 'mlp' }[letters[layer] ?? ''];
    return typeof word === 'string' ? word : '';
  };
}

/** T:nemotron_h NemotronHMoE: experts without a gate, on a latent of their own where `moe_latent_size` says so. */
function nemotronExperts(config: ConfigReader, tally: Tally, layers: readonly LayerView[]): void {
  config.consult([...EXPERT_COUNT_KEYS, 'n_shared_experts', 'moe_latent_size']);
  const word = nemotronWords(config);
  for (const { index } of layers.filter((layer) => word(layer.index) === 'moe')) {
    tally.place = index;
    nemotronMixture(config, tally);
  }
  tally.place = null;
}

function nemotronMixture(config: ConfigReader, tally: Tally): void {
  const hidden = config.size(HIDDEN_KEYS);
  const latent = config.sizeOr('moe_latent_size', null);
  const input = latent ?? hidden;
  tally.addExperts(
    1,
    config.size(EXPERT_COUNT_KEYS),
    config.sizeOr(EXPERT_ACTIVE_KEYS, Number.NaN),
    dense(input, config.size('moe_intermediate_size'), false, false),
  );
  const bias = config.flag(['mlp_bias'], false);
  if (latent !== null) tally.add('mlp', 2 * hidden * latent + (bias ? latent + hidden : 0), 'latent');
  tally.addNamed(
    'mlp',
    denseWeights(hidden, config.size('moe_shared_expert_intermediate_size', 0), false, bias, 'shared.'),
  );
  tally.add('router', hidden * config.size(EXPERT_COUNT_KEYS), 'router');
}

/** nvidia modeling_decilm.py: each block says how wide its feed-forward is, or that there is none. */
function nasBlock(config: ConfigReader, layer: number, part: string): JsonObject | null {
  const block = config.list(['block_configs'])?.value[layer];
  const found = isJsonObject(block) ? block[part] : null;
  return isJsonObject(found) ? found : null;
}

function nasWidth(config: ConfigReader, { index, hidden }: LayerView): number {
  if (!config.list(['block_configs'])) return config.size('intermediate_size');
  const ffn = nasBlock(config, index, 'ffn');
  const given = ffn?.['intermediate_size'];
  if (typeof given === 'number') return given;
  const factor = ffn?.['ffn_mult'];
  if (typeof factor !== 'number') return Number.NaN;
  const width = Math.trunc((2 * factor * hidden) / 3);
  return Math.ceil(width / 256) * 256;
}

/** A part replaced by one linear layer has hidden × hidden parameters; a part that was removed has none, and no norm. */
const replaced = (block: JsonObject | null): boolean => truthOf(block?.['replace_with_linear'] ?? null);
const removed = (block: JsonObject | null): boolean => truthOf(block?.['no_op'] ?? null);

function nasLinears(config: ConfigReader, tally: Tally, layers: readonly LayerView[]): void {
  for (const { index, hidden } of layers)
    if (replaced(nasBlock(config, index, 'ffn'))) tally.add('mlp', hidden * hidden);
}

export const arrangements = (): readonly ArrangementsFacet[] => [
  {
    modelTypes: ['nemotron_h', 'NemotronH_Nano_VL_V2', 'nemotron_h_puzzle_plain'],
    cite: 'transformers 5.18 modeling_nemotron_h.py NemotronHBlock: one norm, one mixer; attention without positions; relu2',
    activation: 'relu2',
    positions: 'none',
    router: () => ({ scoring: 'sigmoid', correctionBias: true }),
  },
  { modelTypes: ['nemotron-nas', 'deci', 'decilm'], cite: "nvidia's modeling_decilm.py: as Llama" },
];
