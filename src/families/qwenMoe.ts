/** Qwen 2 and 3 with experts, and the text parts of Qwen3-VL and Omni that have them. */

import type { MoeFeedForward } from '../attention/spec/blockSpec';
import type { ConfigReader } from '../config/reader';
import type { Sourced } from '../model/spec';
import { narrow, sparseSteps } from './counted/experts';
import { flag } from './counted/switches';
import type {
  ArrangementsFacet,
  BlockInput,
  BlocksFacet,
  CountsFacet,
  FamilyReading,
  GgufFacet,
  LayersFacet,
  NamesFacet,
} from './facets';
import { biases, gatedMlp, llamaBlocks } from './kit/blocks';
import { decoderLayers, plainDecoder, slidingWindow } from './kit/decoder';
import { moe, softmaxRouter } from './kit/mixtures';
import { llamaNames, mixtureNames, part, PLAIN_EXPERTS } from './kit/tensorNames';
import { activation, gated, headNorm, rmsNorm } from './kit/parts';
import { qwenWindow, withoutWindow } from './qwen';
import { routing } from './kit/ggufBlocks';

/** With a window, all layers slide; `max_window_layers` is not read. */
function everyLayer(reader: ConfigReader, window: Sourced<number> | null): FamilyReading {
  return {
    layers: decoderLayers(reader, {
      window: () => window,
      layerTypes: false,
      kindAt: () => (window ? 'sliding' : 'full'),
    }),
  };
}

export const layers = (): readonly LayersFacet[] => [
  {
    // Qwen1.5-MoE and Qwen2-MoE: with the window on, EVEN layers BELOW `max_window_layers` slide.
    id: 'qwen-moe',
    modelTypes: ['qwen2_moe'],
    cite: 'transformers 5.18 models/qwen2_moe/configuration_qwen2_moe.py __post_init__',
    llamacpp: { windows: false },
    read: (reader) => {
      const window = qwenWindow(reader);
      const firstFull = reader.integer(['max_window_layers'], 0)?.value ?? 28;
      return {
        layers: decoderLayers(reader, {
          window: () => window,
          kindAt: (index) => (window && index % 2 === 0 && index < firstFull ? 'sliding' : 'full'),
        }),
      };
    },
  },
  {
    id: 'qwen3-moe',
    modelTypes: ['qwen3_moe', 'kolibri1'],
    cite: 'transformers 5.18 models/qwen3_moe/configuration_qwen3_moe.py',
    llamacpp: { windows: false },
    read: (reader) => everyLayer(reader, qwenWindow(reader)),
  },
  {
    // No use_sliding_window: the window counts wherever it stands.
    id: 'qwen3-omni-moe',
    modelTypes: ['qwen3_omni_moe_text', 'qwen3_omni_moe_talker_text'],
    cite: 'transformers 5.18 models/qwen3_omni_moe/configuration_qwen3_omni_moe.py',
    read: (reader) => everyLayer(reader, slidingWindow(reader)),
  },
  {
    id: 'qwen3-vl-moe',
    modelTypes: ['qwen3_vl_moe_text'],
    cite: 'transformers 5.18 models/qwen3_vl_moe/configuration_qwen3_vl_moe.py',
    read: plainDecoder,
  },
];

/** Layers with experts: every `decoder_sparse_step`-th that is not listed as dense. */
function isSparse(config: ConfigReader, index: number): boolean {
  const dense = config.items('mlp_only_layers') ?? [];
  return (
    !dense.includes(index) && config.need('num_experts') > 0 && (index + 1) % config.need('decoder_sparse_step') === 0
  );
}

/** The experts of Qwen 3, without shared ones. */
export function qwen3Mixture(input: BlockInput): MoeFeedForward {
  const { config } = input;
  return moe(
    softmaxRouter(input, 'num_experts', 'num_experts_per_tok', { normalize: config.on('norm_topk_prob') }),
    gated(config.need('moe_intermediate_size'), activation(input)),
  );
}

export const blocks = (): readonly BlocksFacet[] => [
  {
    modelTypes: ['qwen2_moe'],
    build: (input) => {
      const { config } = input;
      const act = activation(input);
      const mixture = moe(
        softmaxRouter(input, 'num_experts', 'num_experts_per_tok', { normalize: config.on('norm_topk_prob') }),
        gated(config.need('moe_intermediate_size'), act),
        { shared: { expert: gated(config.need('shared_expert_intermediate_size'), act), gate: true } },
      );
      return llamaBlocks(input, {
        attention: () => biases(config.on('qkv_bias', true), false),
        feedForward: (index) => (isSparse(config, index) ? mixture : gatedMlp(input)),
      });
    },
  },
  {
    modelTypes: ['qwen3_moe'],
    build: (input) => {
      const { config } = input;
      const norm = headNorm(rmsNorm(config.need('rms_norm_eps')));
      return llamaBlocks(input, {
        attention: () => ({ ...biases(config.on('attention_bias')), queryNorm: norm, keyNorm: norm }),
        feedForward: (index) => (isSparse(config, index) ? qwen3Mixture(input) : gatedMlp(input)),
      });
    },
  },
];

/** One tensor per expert and matrix under `mlp.experts`. */
export const QWEN3_EXPERTS = mixtureNames({
  router: part('mlp.gate'),
  experts: 'mlp.experts',
  parts: PLAIN_EXPERTS,
});
const QWEN2_EXPERTS = mixtureNames({
  router: part('mlp.gate'),
  experts: 'mlp.experts',
  parts: PLAIN_EXPERTS,
  shared: 'mlp.shared_expert',
  sharedGate: 'mlp.shared_expert_gate',
});

export const names = (): readonly NamesFacet[] => [
  { modelTypes: ['qwen2_moe'], of: llamaNames({ mixture: QWEN2_EXPERTS }) },
  { modelTypes: ['qwen3_moe'], of: llamaNames({ mixture: QWEN3_EXPERTS }) },
];

export const gguf = (): readonly GgufFacet[] => [
  { architecture: 'qwen3vlmoe', modelType: 'qwen3_vl_moe_text' },
  {
    architecture: 'qwen2moe',
    modelType: 'qwen2_moe',
    rope: 'half',
    adapt: (config) => {
      withoutWindow(config);
      config['shared_expert_intermediate_size'] ??= config['intermediate_size'] ?? null;
    },
    block: routing({ scoring: 'softmax', normalize: false }),
  },
  {
    architecture: 'qwen3moe',
    modelType: 'qwen3_moe',
    rope: 'half',
    adapt: (config) => {
      withoutWindow(config);
      // In this architecture llama.cpp always scales the chosen weights to a sum of 1; no key says so.
      config['norm_topk_prob'] = true;
    },
    block: routing({ scoring: 'softmax', normalize: true }),
  },
];

export const counts = (): readonly CountsFacet[] => [
  {
    modelTypes: ['qwen3_vl_moe_text', 'qwen3_omni_moe_text'],
    bias: flag('attention_bias'),
    qkNorm: 'head',
    experts: { ...narrow, sparse: sparseSteps },
  },
];

export const arrangements = (): readonly ArrangementsFacet[] => [
  {
    modelTypes: ['qwen3_vl_moe_text', 'qwen3_omni_moe_text'],
    cite: 'transformers 5.18 modeling_qwen3_vl_moe.py',
    router: () => ({ scoring: 'softmax' }),
  },
];
