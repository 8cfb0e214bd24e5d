/** MiMo-V2: keys are wider than values, sliding layers have sinks and more KV heads than full ones. */

import { headDims, type RunnableAttention } from '../attention/spec/layerSpec';
import type { RotarySpec } from '../attention/spec/rotarySpec';
import { type ConfigReader, type JsonObject, MAX_LAYERS } from '../config/reader';
import type { Sourced } from '../model/spec';
import { byFrequency, narrow } from './counted/experts';
import { flag } from './counted/switches';
import type {
  ArrangementsFacet,
  BlockInput,
  BlocksFacet,
  CountsFacet,
  GgufFacet,
  LayersFacet,
  NamesFacet,
} from './facets';
import { biases, gatedMlp, llamaBlocks } from './kit/blocks';
import { draftsOf, fullDraft, layerLabels, slidingDraft, slidingWindow, withSources } from './kit/decoder';
import { ggufHeadWidth, setKvHeadsByKind } from './kit/ggufKeys';
import { headLayout, layerCount, missing, type SourcedLayout } from './kit/headLayout';
import { v3Mixture, v3Names } from './kit/mixtures';
import { llamaNames } from './kit/tensorNames';
import { rotary } from './kit/rotary';
import { changes, routing } from './kit/ggufBlocks';

export const layers = (): readonly LayersFacet[] => [
  {
    id: 'mimo-v2',
    modelTypes: ['mimo_v2_flash', 'mimo_v2'],
    cite: 'transformers 5.18 models/mimo_v2_flash; XiaomiMiMo/MiMo-V2-Flash config.json (hybrid_layer_pattern, swa_num_key_value_heads)',
    sglang: { windows: true },
    llamacpp: { windows: true },
    read: (reader) => {
      const count = layerCount(reader);
      const heads = headLayout(reader, { valueDimKeys: ['v_head_dim'] });
      const window = slidingWindow(reader, ['sliding_window', 'sliding_window_size']);
      if (!count || !heads || !window) {
        missing(reader, 'num_hidden_layers and sliding_window', 'sliding_window');
        return { layers: [] };
      }
      // biome-ignore format: names fill their lines
      reader.consult([
        'hybrid_block_size', 'add_swa_attention_sink_bias', 'add_full_attention_sink_bias', 'sliding_window_size',
        'attention_chunk_size', 'swa_rope_theta',
      ]);
      const listed = layerLabels(reader, count.value) ?? patternList(reader, count.value);
      const byClass = Array.from({ length: count.value }, (_, index) =>
        index === 0 || (index + 1) % 6 === 0 ? 'full_attention' : 'sliding_attention',
      );
      const drafts = draftsOf(listed?.value ?? byClass, {
        full: () => fullDraft(heads),
        sliding: () => slidingDraft(slidingHeads(reader, heads), window),
      });
      return { layers: withSources(drafts, { layers: count.source, ...(listed ? { kind: listed.source } : {}) }) };
    },
  },
];

/** `hybrid_layer_pattern`: 1 = sliding, 0 = full. */
function patternList(reader: ConfigReader, count: number): Sourced<readonly string[]> | null {
  const listed = layerLabels(reader, count, ['hybrid_layer_pattern']);
  return (
    listed && {
      value: listed.value.map((entry) =>
        entry === '1' ? 'sliding_attention' : entry === '0' ? 'full_attention' : entry,
      ),
      source: listed.source,
    }
  );
}

/** Sliding layers have twice the KV heads, or what the `swa_` keys say. */
function slidingHeads(reader: ConfigReader, full: SourcedLayout): SourcedLayout {
  const queryHeads = reader.integer(['swa_num_attention_heads']);
  const kvHeads = reader.integer(['swa_num_key_value_heads']);
  const keyDim = reader.integer(['swa_head_dim']);
  const valueDim = reader.integer(['swa_v_head_dim']);
  const { layout, sources } = full;
  const doubled = { key: null, range: null, rule: `2 × ${layout.kvHeads} KV heads in sliding layers` };
  return {
    layout: {
      queryHeads: queryHeads?.value ?? layout.queryHeads,
      kvHeads: kvHeads?.value ?? layout.kvHeads * 2,
      keyDim: keyDim?.value ?? layout.keyDim,
      valueDim: valueDim?.value ?? layout.valueDim,
    },
    sources: {
      ...sources,
      ...(queryHeads ? { queryHeads: queryHeads.source } : {}),
      kvHeads: kvHeads?.source ?? {
        ...sources['kvHeads'],
        ...doubled,
        key: sources['kvHeads']?.key ?? null,
        range: sources['kvHeads']?.range ?? null,
      },
      ...(keyDim ? { keyDim: keyDim.source } : {}),
      ...(valueDim ? { valueDim: valueDim.source } : {}),
    },
  };
}

export const blocks = (): readonly BlocksFacet[] => [
  {
    modelTypes: ['mimo_v2_flash'],
    build: (input) => {
      const { config } = input;
      const sparse = byFrequency(1)(config);
      return llamaBlocks(input, {
        rotary: (_, attention) => mimoRotary(input, attention),
        attention: (_, attention) => ({
          ...biases(config.on('attention_bias'), false),
          sinks: attention.kind === 'sliding',
        }),
        feedForward: (index) => (sparse(index) ? v3Mixture(input) : gatedMlp(input)),
      });
    },
  },
];

function mimoRotary(input: BlockInput, attention: RunnableAttention): RotarySpec | null {
  if (attention.kind === 'latent') return input.config.unsupported('latent attention');
  const local = attention.kind === 'sliding';
  // Where the file gives no rope_parameters, the class has a base for each kind of layer and rotates a third of the head.
  const options = { dim: attention.keyDim, layout: 'half' as const, partial: 0.334, theta: local ? 10_000 : 5_000_000 };
  return rotary(input, { ...options, layerType: local ? 'sliding_attention' : 'full_attention' });
}

export const names = (): readonly NamesFacet[] => [
  {
    modelTypes: ['mimo_v2_flash'],
    of: (input) => {
      const factor = input.config.numberOr('attention_value_scale', 1);
      return llamaNames({
        sources: {
          sinks: { base: 'self_attn.attention_sink_bias', suffix: { weight: '', bias: '' } },
          v: { base: 'self_attn.v_proj', ...(factor === 1 ? {} : { factor }) },
        },
        mixture: v3Names(),
      })(input);
    },
  },
];

export const gguf = (): readonly GgufFacet[] => [
  {
    architecture: 'mimo2',
    modelType: 'mimo_v2_flash',
    adapt: (config, source) => {
      setKvHeadsByKind(config, source, { full: 'num_key_value_heads', sliding: 'swa_num_key_value_heads' });
      const [key, value] = [source.number('attention.key_length_swa'), source.number('attention.value_length_swa')];
      if (key !== undefined) config['swa_head_dim'] = key;
      if (value !== undefined) config['swa_v_head_dim'] = value;
      const width = ggufHeadWidth(source);
      const rotated = source.number('rope.dimension_count') ?? width;
      if (width === undefined || rotated === undefined) return;
      const kind = (theta: number): JsonObject => ({
        rope_type: 'default',
        rope_theta: theta,
        partial_rotary_factor: rotated / width,
      });
      config['rope_parameters'] = {
        full_attention: kind(source.number('rope.freq_base') ?? 10_000),
        sliding_attention: kind(source.number('rope.freq_base_swa') ?? 10_000),
      };
    },
    rope: 'half',
    // Which layers have experts, only the tensors tell.
    fromTensors: (config, has) => {
      const count = config['num_hidden_layers'];
      if (typeof count !== 'number' || count > MAX_LAYERS) return;
      config['moe_layer_freq'] = Array.from({ length: count }, (_, index) =>
        has(`blk.${index}.ffn_gate_inp.weight`) ? 1 : 0,
      );
    },
    sources: ({ source, has }, { layer }) => {
      const factor = source.number('attention.value_scale') ?? 1;
      if (factor === 1 || factor === 0) return {};
      const { queryHeads, kvHeads, keyDim, valueDim } = headDims(layer.attention);
      const rows = [{ start: (queryHeads + kvHeads) * keyDim, count: kvHeads * valueDim }];
      return { v: has('attn_qkv.weight') ? { base: 'attn_qkv', rows, factor } : { base: 'attn_v', factor } };
    },
    block: changes(routing({ scoring: 'sigmoid', normalize: true }), (block, { has }) => ({
      ...block,
      layer: { ...block.layer, sinks: has('attn_sinks.weight') },
    })),
  },
];

export const counts = (): readonly CountsFacet[] => [
  {
    modelTypes: ['mimo_v2'],
    bias: flag('attention_bias'),
    outBias: false,
    sinks: 'sliding',
    experts: { ...narrow, sparse: byFrequency(1) },
  },
];

export const arrangements = (): readonly ArrangementsFacet[] => [
  {
    modelTypes: ['mimo_v2'],
    cite: 'transformers 5.18 modeling_mimo_v2_flash.py',
    positions: 'unsaid',
    router: () => ({ scoring: 'sigmoid', correctionBias: true }),
  },
];
