/** Gemma 4, text: full layers with heads of their own width; the small ones share caches and have per-layer inputs. */

import { headDims, type RunnableAttention } from '../attention/spec/layerSpec';
import type { RotarySpec } from '../attention/spec/rotarySpec';
import type { ConfigReader } from '../config/reader';
import { HIDDEN_KEYS } from '../config/spellings';
import type { CountedDecoder, LayerView } from './counted/facet';
import { EXPERT_ACTIVE_KEYS } from './counted/feedForward';
import { flag } from './counted/switches';
import type { Tally } from './counted/tally';
import type { BlockInput, BlocksFacet, CountsFacet, GgufFacet, LayerDraft, LayersFacet, NamesFacet } from './facets';
import { gemmaWindow, noteBidirectional, scaledEmbedding } from './gemma';
import { perLayerInputs, sharingLayers } from './gemma3n';
import { attentionAt, biases, gatedMlp, llamaBlocks } from './kit/blocks';
import { fullDraft, slidingDraft } from './kit/decoder';
import { setKvHeadsByKind } from './kit/ggufKeys';
import { headLayout, type HeadOptions, type SourcedLayout } from './kit/headLayout';
import { FOUR_NORMS, llamaNames, part } from './kit/tensorNames';
import { fourNorms, headNorm, rmsNorm } from './kit/parts';
import { rotary } from './kit/rotary';

export const layers = (): readonly LayersFacet[] => [
  {
    // Five sliding layers, one full; the last is always full. K and V are both stored, even where one projection gives them.
    id: 'gemma4',
    modelTypes: ['gemma4_text', 'gemma4_unified_text', 'diffusion_gemma_text'],
    cite: 'transformers 5.18 models/gemma4/configuration_gemma4.py __post_init__; a llama.cpp log of Gemma 4 E2B agrees on sharing',
    sglang: { windows: true },
    llamacpp: { windows: true },
    read: (reader) => {
      if (reader.hasValue('per_layer_config')) return { layers: perLayerConfig(reader) };
      const window = gemmaWindow(reader, (said) => said === 'all');
      return {
        layers: sharingLayers(
          reader,
          6,
          {
            full: () => {
              const heads = globalHeads(reader);
              return heads && fullDraft(heads);
            },
            sliding: () => {
              const heads = headLayout(reader);
              return heads && window ? slidingDraft(heads, window) : null;
            },
          },
          true,
        ),
      };
    },
  },
];

/** Full layers have their own head width, and their own number of KV heads where K and V are one projection. */
function globalHeads(reader: ConfigReader): SourcedLayout | null {
  const equal = reader.flag(['attention_k_eq_v'], false);
  reader.consult(['num_global_key_value_heads', 'global_head_dim']);
  const options: HeadOptions = {
    ...(equal && reader.hasValue('num_global_key_value_heads') ? { kvKeys: ['num_global_key_value_heads'] } : {}),
    headDimKeys: ['global_head_dim'],
    headDim: () => ({ value: 512, rule: 'global_head_dim absent: 512' }),
  };
  return headLayout(reader, options);
}

/** `per_layer_config` (written by transformers 5) replaces the global keys: `{ "5": { "head_dim": 512 } }`. */
function perLayerConfig(reader: ConfigReader): LayerDraft[] {
  const overrides = reader.nested('per_layer_config');
  const base = headLayout(reader);
  const window = gemmaWindow(reader, (said) => said === 'all');
  reader.consult(['num_global_key_value_heads', 'global_head_dim', 'attention_k_eq_v']);
  const global =
    overrides
      ?.keys()
      .map((key) => overrides.nested(key))
      .find((entry) => entry !== null) ?? null;
  const keyDim = global?.integer(['head_dim']) ?? null;
  const kvHeads = global?.integer(['num_key_value_heads']) ?? null;
  const texts = new Set(overrides?.keys().map((key) => JSON.stringify(overrides.own(key))));
  if (!base || texts.size !== 1) {
    reader.log.note(`${reader.pathOf('per_layer_config')} has entries of several forms`, true);
    return [];
  }
  const full: SourcedLayout = {
    layout: {
      ...base.layout,
      keyDim: keyDim?.value ?? base.layout.keyDim,
      valueDim: keyDim?.value ?? base.layout.valueDim,
      kvHeads: kvHeads?.value ?? base.layout.kvHeads,
    },
    sources: {
      ...base.sources,
      ...(keyDim ? { keyDim: keyDim.source, valueDim: keyDim.source } : {}),
      ...(kvHeads ? { kvHeads: kvHeads.source } : {}),
    },
  };
  return sharingLayers(
    reader,
    6,
    { full: () => fullDraft(full), sliding: () => (window ? slidingDraft(base, window) : null) },
    true,
  );
}

export const blocks = (): readonly BlocksFacet[] => [
  {
    // Dense, without per-layer inputs and shared caches.
    modelTypes: ['gemma4_text'],
    build: (input) => {
      const { config } = input;
      if (config.numberOr('hidden_size_per_layer_input', 0) !== 0)
        return config.unsupported('an input embedding per layer');
      if (config.numberOr('num_kv_shared_layers', 0) !== 0)
        return config.unsupported('sharing of K and V between layers');
      if (config.on('enable_moe_block'))
        return config.unsupported('a mixture of experts in addition to the feed-forward');
      noteBidirectional(input);
      const epsilon = config.need('rms_norm_eps');
      const norm = rmsNorm(epsilon);
      const oneProjection = config.on('attention_k_eq_v');
      const model = llamaBlocks(input, {
        norm,
        norms: fourNorms(norm),
        rotary: (_, attention) => gemma4Rotary(input, attention),
        attention: () => ({
          ...biases(config.on('attention_bias')),
          queryNorm: headNorm(norm),
          keyNorm: headNorm(norm),
          valueNorm: headNorm({ kind: 'rms', epsilon, weight: 'none', bias: false }),
          scale: 1,
        }),
        feedForward: () => gatedMlp(input, { activationKey: 'hidden_activation' }),
        block: (index) => ({ outputMultiplier: input.scalar(`layers.${index}.layer_scalar`) ?? 1 }),
        embedding: scaledEmbedding(input),
        output: { softcap: config.numberOr('final_logit_softcapping', null) },
      });
      return { ...model, valuesFromKeys: (index) => oneProjection && attentionAt(input, index).kind === 'full' };
    },
  },
];

/** Where the file gives no rope_parameters: the whole head in sliding layers, a quarter of the pairs in full ones. */
function gemma4Rotary(input: BlockInput, attention: RunnableAttention): RotarySpec | null {
  const dim = headDims(attention).keyDim;
  const local = attention.kind === 'sliding';
  if (input.config.objectOf('rope_parameters') !== null)
    return rotary(input, { dim, layout: 'half', layerType: local ? 'sliding_attention' : 'full_attention' });
  if (local) return { theta: 10_000, dim, layout: 'half', scaling: null };
  const rotatedDim = 2 * Math.floor(Math.floor(0.25 * dim) / 2);
  return { theta: 1_000_000, dim, layout: 'half', scaling: { kind: 'proportional', rotatedDim, factor: 1 } };
}

export const names = (): readonly NamesFacet[] => [
  {
    modelTypes: ['gemma4_text'],
    // Full layers may have one projection for K and V.
    of: (input) => {
      const one = input.config.on('attention_k_eq_v');
      return llamaNames({
        sources: ({ layer }) => ({
          ...FOUR_NORMS,
          ...(one && layer.attention.kind === 'full' ? { v: part('self_attn.k_proj') } : {}),
        }),
      })(input);
    },
  },
];

const KV_NAMES = { full: 'num_global_key_value_heads', sliding: 'num_key_value_heads' };

export const gguf = (): readonly GgufFacet[] => [
  {
    architecture: 'gemma4',
    modelType: 'gemma4_text',
    // The plain widths are those of full layers; sliding ones have keys of their own.
    adapt: (config, source) => {
      const [full, sliding] = [source.number('attention.key_length'), source.number('attention.key_length_swa')];
      if (full !== undefined) config['global_head_dim'] = full;
      if (sliding !== undefined) config['head_dim'] = sliding;
      // Full layers have KV heads of their own where K and V are one projection.
      if (setKvHeadsByKind(config, source, KV_NAMES)) config['attention_k_eq_v'] = true;
    },
    rope: 'half',
    scalar: (name) => {
      const layer = /^layers\.(\d+)\.layer_scalar$/.exec(name)?.[1];
      return layer === undefined ? null : { tensor: `blk.${layer}.layer_output_scale.weight` };
    },
    sources: ({ has }) => (has('attn_v.weight') ? {} : { v: { base: 'attn_k' } }),
    // The divisors are for full layers alone.
    block: (block, { source }) => {
      const { attention, rotary } = block.layer;
      if (rotary === null) return block;
      const local = attention.kind === 'sliding';
      const theta = local
        ? (source.number('rope.freq_base_swa') ?? 10_000)
        : (source.number('rope.freq_base') ?? 10_000);
      const own = { ...rotary, theta, ...(local ? { scaling: null } : {}) };
      return { ...block, layer: { ...block.layer, rotary: own } };
    },
  },
];

const COUNTED: CountedDecoder = {
  bias: flag('attention_bias'),
  qkNorm: 'head',
  norms: 4,
  sharedHaveNoKeys: true,
  keysAreValues: flag('attention_k_eq_v'),
  width: doubledWidth,
};

/** Also covers what `blocks` refuses: per-layer inputs, shared caches, experts in addition to the feed-forward. */
export const counts = (): readonly CountsFacet[] => [
  {
    modelTypes: ['gemma4_text'],
    ...COUNTED,
    extra: (config, tally, layers) => {
      perLayerInputs(config, tally, layers);
      besideExperts(config, tally, layers);
    },
  },
  {
    // Has inputs per layer only where the config says so.
    modelTypes: ['gemma4_unified_text'],
    ...COUNTED,
    extra: (config, tally, layers) => {
      perLayerInputs(config, tally, layers, 0);
      besideExperts(config, tally, layers);
    },
  },
];

/** T:gemma4 Gemma4TextDecoderLayer: experts in addition to the feed-forward, with their own norms and scales. */
function besideExperts(config: ConfigReader, tally: Tally, layers: readonly LayerView[]): void {
  const experts = config.sizeOr('num_experts', null) ?? Number.NaN;
  if (!config.flag(['enable_moe_block'], false)) return;
  const hidden = config.size(HIDDEN_KEYS);
  tally.addExperts(
    layers.length,
    experts,
    config.size(['top_k_experts', ...EXPERT_ACTIVE_KEYS]),
    3 * hidden * config.size(['moe_intermediate_size', 'expert_intermediate_size']),
  );
  tally.add('router', layers.length * (hidden * experts + hidden + experts));
  tally.add('norms', layers.length * 3 * hidden);
}

/** Layers that read another's cache may have a feed-forward of twice the width. */
function doubledWidth(config: ConfigReader, { attention }: LayerView): number {
  return (
    config.size('intermediate_size') *
    (attention.kind === 'shared' && config.flag(['use_double_wide_mlp'], false) ? 2 : 1)
  );
}
