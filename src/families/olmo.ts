/** OLMo 1, 2, 3, OLMoE and FlexOlmo, and OLMo hybrid. */

import { numberOf, ropeParameters } from './kit/rotary';
import type { MoeFeedForward } from '../attention/spec/blockSpec';
import { headDims } from '../attention/spec/layerSpec';
import type { ConfigReader } from '../config/reader';
import { HEAD_KEYS, HIDDEN_KEYS } from '../config/spellings';
import type { Sourced } from '../model/spec';
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
import { biases, llamaBlocks, type LlamaBlocks } from './kit/blocks';
import { decoderLayers, plainDecoder, slidingWindow } from './kit/decoder';
import { missing } from './kit/headLayout';
import { moe, softmaxRouter } from './kit/mixtures';
import { llamaNames, type MixtureNames, mixtureNames, OUTPUT_NORMS, part, PLAIN_EXPERTS } from './kit/tensorNames';
import { activation, gated, headNorm, outputNorms, rmsNorm } from './kit/parts';
import { rotary } from './kit/rotary';
import { deltaNet, recurrentDraft, type SourcedState } from './kit/states';
import { changes, routing } from './kit/ggufBlocks';

export const layers = (): readonly LayersFacet[] => [
  {
    id: 'olmo',
    modelTypes: ['olmo', 'olmo2', 'olmoe', 'flex_olmo'],
    cite: 'transformers 5.18 models/olmo/configuration_olmo.py and those of olmo2, olmoe, flex_olmo',
    read: plainDecoder,
  },
  {
    id: 'olmo3',
    modelTypes: ['olmo3'],
    cite: 'transformers 5.18 models/olmo3/configuration_olmo3.py: sliding where (i + 1) % 4, window 4096 where absent',
    llamacpp: { windows: true },
    read: (reader) => ({
      layers: decoderLayers(reader, {
        window: slidingWindow,
        kindAt: (index) => ((index + 1) % 4 === 0 ? 'full' : 'sliding'),
      }),
    }),
  },
  {
    // Three gated delta nets, then full attention.
    id: 'olmo-hybrid',
    modelTypes: ['olmo_hybrid'],
    cite: 'transformers 5.18 models/olmo_hybrid/configuration_olmo_hybrid.py __post_init__',
    read: (reader) => ({
      layers: decoderLayers(reader, {
        kindAt: (index, count) => (index % 4 === 3 || (count < 4 && index === count - 1) ? 'full' : 'linear'),
        makers: { linear: () => recurrentDraft(hybridState(reader)) },
      }),
    }),
  },
];

/** Delta-net widths that the class derives from the heads where they are absent. */
function hybridState(reader: ConfigReader): SourcedState | null {
  const heads = reader.integer(HEAD_KEYS);
  const hidden = reader.integer(HIDDEN_KEYS);
  const conv = reader.integer(['linear_conv_kernel_dim']);
  if (!heads || !hidden || !conv) {
    missing(reader, 'linear_conv_kernel_dim', 'linear_conv_kernel_dim');
    return null;
  }
  const or = (keys: readonly string[], value: number, rule: string): Sourced<number> =>
    reader.integer(keys) ?? { value, source: { ...heads.source, rule } };
  const keyHeads = or(['linear_num_key_heads'], heads.value, 'as many as there are attention heads');
  const valueHeads = or(['linear_num_value_heads'], heads.value, 'as many as there are attention heads');
  const keyDim = or(
    ['linear_key_head_dim'],
    Math.trunc((0.75 * hidden.value) / keyHeads.value),
    '¾ hidden size ÷ key heads',
  );
  const valueDim = or(['linear_value_head_dim'], 2 * keyDim.value, 'twice the key width');
  return deltaNet(reader, { keyHeads, valueHeads, keyDim, valueDim, conv });
}

export const blocks = (): readonly BlocksFacet[] => [
  {
    modelTypes: ['olmo'],
    build: (input) =>
      llamaBlocks(input, {
        norm: { kind: 'layer', epsilon: 1e-5, weight: 'none', bias: false },
        attention: () => ({
          ...biases(input.config.on('attention_bias')),
          clip: input.config.numberOr('clip_qkv', null),
        }),
      }),
  },
  { modelTypes: ['olmo2'], build: (input) => afterBranches(input) },
  {
    // Scaled RoPE on full layers only; in files of the old form sliding layers use the class's own base.
    modelTypes: ['olmo3'],
    build: (input) => {
      const { config } = input;
      const nested = config.objectOf('rope_parameters')?.['full_attention'] !== undefined;
      return afterBranches(input, {
        rotary: (_, attention) => {
          const local = attention.kind === 'sliding';
          const dim = headDims(attention).keyDim;
          if (!nested && local) return { theta: config.defaultTheta(), dim, layout: 'half', scaling: null };
          return rotary(input, {
            dim,
            layout: 'half',
            layerType: local ? 'sliding_attention' : 'full_attention',
          });
        },
      });
    },
  },
  {
    modelTypes: ['olmoe'],
    build: (input) => {
      const { config } = input;
      const norm = wideNorm(config);
      return llamaBlocks(input, {
        attention: () => ({
          ...biases(config.on('attention_bias')),
          queryNorm: norm,
          keyNorm: norm,
          clip: config.numberOr('clip_qkv', null),
          clipAfterNorm: true,
        }),
        feedForward: () => experts(input),
      });
    },
  },
  // The block of OLMo 2 around the experts of OLMoE.
  {
    modelTypes: ['flex_olmo'],
    build: (input) => afterBranches(input, { feedForward: () => experts(input) }),
  },
];

/** Over the whole projection of queries or keys. */
function wideNorm(config: ConfigReader): ReturnType<typeof headNorm> {
  return headNorm(rmsNorm(config.need('rms_norm_eps')), 'projection');
}

/** Norms after each branch, and over the whole projection of queries and keys. */
function afterBranches(input: BlockInput, more: LlamaBlocks = {}): ReturnType<typeof llamaBlocks> {
  const { config } = input;
  const norm = wideNorm(config);
  return llamaBlocks(input, {
    norms: outputNorms(rmsNorm(config.need('rms_norm_eps'))),
    attention: () => ({ ...biases(config.on('attention_bias')), queryNorm: norm, keyNorm: norm }),
    ...more,
  });
}

function experts(input: BlockInput): MoeFeedForward {
  const { config } = input;
  return moe(
    softmaxRouter(input, 'num_experts', 'num_experts_per_tok', { normalize: config.on('norm_topk_prob') }),
    gated(config.need('intermediate_size'), activation(input)),
  );
}

const expertNames = (): MixtureNames =>
  mixtureNames({ router: part('mlp.gate'), experts: 'mlp.experts', parts: PLAIN_EXPERTS });

export const names = (): readonly NamesFacet[] => [
  { modelTypes: ['olmo'] },
  { modelTypes: ['olmo2', 'olmo3'], of: llamaNames({ sources: OUTPUT_NORMS }) },
  { modelTypes: ['olmoe'], of: llamaNames({ mixture: expertNames() }) },
  {
    modelTypes: ['flex_olmo'],
    of: llamaNames({ sources: OUTPUT_NORMS, mixture: expertNames() }),
  },
];

export const gguf = (): readonly GgufFacet[] => [
  { architecture: 'olmo', modelType: 'olmo', rope: 'interleaved' },
  {
    architecture: 'olmoe',
    modelType: 'olmoe',
    rope: 'half',
    // Its graph does not clamp.
    block: changes(routing({ scoring: 'softmax', normalize: false }), (block) => ({
      ...block,
      layer: { ...block.layer, clip: null },
    })),
  },
  {
    architecture: 'olmo2',
    modelType: 'olmo2',
    alsoOf: ['olmo3'],
    rope: 'half',
    // OLMo 3 comes as OLMo 2 with a window; sliding layers rotate without the scaling.
    adapt: (config) => {
      if (config['layer_types'] === undefined) return;
      const base = { rope_theta: config['rope_theta'] ?? 500_000 };
      const scaling = config['rope_scaling'];
      const scaled =
        typeof scaling === 'object' && scaling !== null && !Array.isArray(scaling) ? scaling : { rope_type: 'default' };
      config['model_type'] = 'olmo3';
      config['rope_parameters'] = {
        full_attention: { ...scaled, ...base },
        sliding_attention: { rope_type: 'default', ...base },
      };
      delete config['rope_scaling'];
    },
  },
];

export const counts = (): readonly CountsFacet[] => [
  { modelTypes: ['olmo_hybrid'], bias: flag('attention_bias'), qkNorm: 'wide' },
];

export const arrangements = (): readonly ArrangementsFacet[] => [
  {
    modelTypes: ['olmo_hybrid'],
    cite: 'transformers 5.18 modeling_olmo_hybrid.py: norms after the branches of attention layers, before those of linear ones; no RoPE without rope_theta',
    norms: (_config, { kind }) => (kind === 'recurrent' ? 'pre' : 'output'),
    positions: (config) =>
      numberOf(ropeParameters(config, undefined)?.['rope_theta']) === undefined ? 'none' : 'rope',
  },
];
