/** Granite without recurrent layers: 3.x dense and with experts, the sliding-window forms, the text part of Granite 4 vision. */

import type { ConfigReader } from '../config/reader';
import { wide } from './counted/experts';
import { flag } from './counted/switches';
import type {
  ArrangementsFacet,
  BlockInput,
  BlockModel,
  BlocksFacet,
  CountsFacet,
  GgufFacet,
  LayersFacet,
  NamesFacet,
} from './facets';
import { biases, gatedMlp, llamaBlocks, type LlamaBlocks, plainRotary } from './kit/blocks';
import { decoderLayers, plainDecoder, slidingWindow } from './kit/decoder';
import { moe, softmaxRouter } from './kit/mixtures';
import { BARE, fusedGateUp, llamaNames, type MixtureNames, part, underShared } from './kit/tensorNames';
import { activation, gated } from './kit/parts';
import { numberOf } from './kit/rotary';
import type { Part } from './kit/weightSource';
import { routing } from './kit/ggufBlocks';
import { ggufHeadWidth } from './kit/ggufKeys';

export const layers = (): readonly LayersFacet[] => [
  {
    id: 'granite',
    modelTypes: ['granite', 'granitemoe', 'granitemoeshared'],
    cite: 'transformers 5.18 models/granite/configuration_granite.py',
    read: plainDecoder,
  },
  {
    id: 'granite',
    modelTypes: ['granite4_vision_text'],
    cite: 'transformers 5.18 models/granite4_vision/configuration_granite4_vision.py',
    read: plainDecoder,
  },
  {
    // A full layer, then three sliding ones.
    id: 'granite-swa',
    modelTypes: ['granite_swa', 'granitemoe_swa'],
    cite: 'transformers 5.18 models/granite_swa/configuration_granite_swa.py: full where i % 4 == 0',
    llamacpp: { windows: true },
    read: (reader) => ({
      layers: decoderLayers(reader, {
        window: slidingWindow,
        kindAt: (index) => (index % 4 === 0 ? 'full' : 'sliding'),
      }),
    }),
  },
];

/** What Granite scales apart from scores: residual branches, embeddings and logits. */
export function graniteFactors({ config }: BlockInput): Pick<LlamaBlocks, 'block' | 'embedding' | 'output'> {
  return {
    block: () => ({ residualMultiplier: config.need('residual_multiplier') }),
    embedding: { multiplier: config.need('embedding_multiplier') },
    output: { multiplier: 1 / config.need('logits_scaling') },
  };
}

/** Granite's attention: one switch for all biases, scores × `attention_multiplier`. */
function graniteAttention(config: ConfigReader): ReturnType<NonNullable<LlamaBlocks['attention']>> {
  return { ...biases(config.on('attention_bias')), scale: config.need('attention_multiplier') };
}

function mlp(input: BlockInput): ReturnType<typeof gatedMlp> {
  return gatedMlp(input, { bias: input.config.on('mlp_bias') });
}

export const blocks = (): readonly BlocksFacet[] => [
  {
    modelTypes: ['granite'],
    build: (input) =>
      llamaBlocks(input, {
        ...graniteFactors(input),
        attention: () => graniteAttention(input.config),
        feedForward: () => mlp(input),
      }),
  },
  {
    // Sinks, sliding layers, and a separate RoPE base for every layer (0: no RoPE).
    modelTypes: ['granite_swa'],
    build: (input) => {
      const { config } = input;
      const bases = config.items('layer_rope_theta');
      return llamaBlocks(input, {
        ...graniteFactors(input),
        rotary: (index, attention) => {
          const spec = plainRotary(input, attention);
          if (bases === null || spec === null) return spec;
          const theta = numberOf(bases[index]);
          if (theta === undefined) return input.cannotRun('layer_rope_theta without a number for every layer');
          return theta === 0 ? null : { ...spec, theta };
        },
        attention: () => ({ ...graniteAttention(config), sinks: true }),
        feedForward: () => mlp(input),
      });
    },
  },
  { modelTypes: ['granitemoe'], build: (input) => withExperts(input, 0) },
  {
    modelTypes: ['granitemoeshared'],
    build: (input) => withExperts(input, input.config.need('shared_intermediate_size')),
  },
];

/** Softmax over the chosen experts, plus a shared one of that width, if any. */
function withExperts(input: BlockInput, shared: number): BlockModel {
  const { config } = input;
  const act = activation(input);
  const mixture = moe(
    softmaxRouter(input, 'num_local_experts', 'num_experts_per_tok', { scoring: 'softmax-selected' }),
    gated(config.need('intermediate_size'), act),
    shared === 0 ? {} : { shared: { expert: gated(shared, act), gate: false } },
  );
  return llamaBlocks(input, {
    ...graniteFactors(input),
    attention: () => graniteAttention(config),
    feedForward: () => mixture,
  });
}

/** Experts in one tensor each way: `input_linear` is gate, then up. */
const EXPERTS: MixtureNames = ({ expert: { width }, shared }) => {
  const half = (index: number, start: number): Part => ({
    base: 'block_sparse_moe.input_linear',
    index,
    rows: [{ start, count: width }],
  });
  const beside = shared && fusedGateUp('shared_mlp.input_linear', 'shared_mlp.output_linear', shared.expert.width);
  return {
    sources: { router: part('block_sparse_moe.router.layer'), ...(beside ? underShared(beside) : {}) },
    expert: (index) => ({
      gate_proj: half(index, 0),
      up: half(index, width),
      down: { base: 'block_sparse_moe.output_linear', index },
    }),
  };
};

export const names = (): readonly NamesFacet[] => [
  { modelTypes: ['granite'] },
  {
    modelTypes: ['granite_swa'],
    of: llamaNames({ sources: { sinks: { base: 'self_attn.sinks', suffix: BARE } } }),
  },
  {
    modelTypes: ['granitemoe', 'granitemoeshared'],
    of: llamaNames({ mixture: EXPERTS }),
  },
];

/** llama.cpp keeps the divisor of the logits as `logit_scale`. */
const graniteScale: NonNullable<GgufFacet['adapt']> = (config, source) => {
  const [width, given] = [ggufHeadWidth(source), source.number('attention.scale')];
  // Without a scale of its own it is that of other models, and not the class's 1.
  if (width !== undefined && (given === undefined || given === 0)) config['attention_multiplier'] = width ** -0.5;
  const scale = config['logit_scale'];
  if (scale === undefined) return;
  config['logits_scaling'] = scale;
  delete config['logit_scale'];
};

/** The width of the experts for all tokens, where the file has some. */
const graniteExperts: NonNullable<GgufFacet['adapt']> = (config, source) => {
  graniteScale(config, source);
  const shared = source.number('expert_shared_feed_forward_length') ?? 0;
  delete config['shared_expert_intermediate_size'];
  if (shared > 0) Object.assign(config, { model_type: 'granitemoeshared', shared_intermediate_size: shared });
};

export const gguf = (): readonly GgufFacet[] => [
  { architecture: 'granite', modelType: 'granite', rope: 'interleaved', adapt: graniteScale },
  ...['granitemoe', 'granite-moe'].map((architecture) => ({
    architecture,
    modelType: 'granitemoe',
    alsoOf: ['granitemoeshared'],
    rope: 'interleaved' as const,
    adapt: graniteExperts,
    block: routing({ scoring: 'softmax', normalize: true }),
  })),
  {
    architecture: 'granite_swa',
    modelType: 'granite_swa',
    rope: 'interleaved',
    adapt: graniteScale,
    // `attention.rope_pattern`: which layers rotate; all where it is absent.
    block: (block, { index, source }) => {
      const rotates = source.flags('attention.rope_pattern')?.at(index) ?? true;
      return rotates ? block : { ...block, layer: { ...block.layer, rotary: null } };
    },
  },
];

export const counts = (): readonly CountsFacet[] => [
  { modelTypes: ['granite4_vision_text'], bias: flag('attention_bias'), mlpBias: flag('mlp_bias') },
  {
    modelTypes: ['granitemoe_swa'],
    bias: flag('attention_bias'),
    sinks: 'all',
    experts: { ...wide, shared: (config) => config.size('shared_intermediate_size', 0) },
  },
];

export const arrangements = (): readonly ArrangementsFacet[] => [
  {
    modelTypes: ['granite4_vision_text'],
    cite: 'transformers 5.18 modeling_granite.py',
    residual: (config) => config.numberOr('residual_multiplier', 1),
    scale: (config) => config.numberOr('attention_multiplier', 1),
  },
  {
    modelTypes: ['granitemoe_swa'],
    cite: 'transformers 5.18 modeling_granitemoe_swa.py GraniteMoeSWADecoderLayer; layer_rope_theta has a base, or none, for each layer',
    positions: (config) => (config.list(['layer_rope_theta']) ? 'unsaid' : 'rope'),
    router: () => ({ scoring: 'softmax-selected' }),
    residual: (config) => config.numberOr('residual_multiplier', 1),
    scale: (config) => config.numberOr('attention_multiplier', 1),
  },
];
