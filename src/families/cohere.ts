/** Cohere: Command R, R7B, A and relatives. One LayerNorm, attention and feed-forward in parallel, RoPE on adjacent pairs. */

import { afterDense, sharedExperts, wide } from './counted/experts';
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
import { biases, llamaBlocks, type LlamaBlocks, plainRotary } from './kit/blocks';
import { decoderLayers, plainDecoder, slidingWindow } from './kit/decoder';
import { headNorm, layerNorm } from './kit/parts';
import { localBase } from './kit/ggufBlocks';

export const layers = (): readonly LayersFacet[] => [
  {
    id: 'cohere',
    modelTypes: ['cohere'],
    cite: 'transformers 5.18 models/cohere/configuration_cohere.py',
    read: plainDecoder,
  },
  {
    // Command R7B and Command A: three sliding layers, then a full one.
    id: 'cohere2',
    modelTypes: ['cohere2'],
    cite: 'transformers 5.18 models/cohere2/configuration_cohere2.py: full where (i + 1) % sliding_window_pattern == 0, 4 where absent',
    llamacpp: { windows: true },
    read: (reader) => {
      const period = reader.computed(['sliding_window_pattern', '_sliding_window_pattern'])?.value ?? 4;
      return {
        layers: decoderLayers(reader, {
          window: slidingWindow,
          kindAt: (index) => ((index + 1) % period === 0 ? 'full' : 'sliding'),
        }),
      };
    },
  },
  {
    // Full everywhere, unless `layer_types` says otherwise.
    id: 'cohere2',
    modelTypes: ['cohere_compass_text'],
    cite: 'transformers 5.18 models/cohere_compass/configuration_cohere_compass.py',
    read: (reader) => {
      // A pattern is checked as in Cohere 2, and then ignored.
      reader.computed(['sliding_window_pattern', '_sliding_window_pattern']);
      return { layers: decoderLayers(reader, { window: slidingWindow }) };
    },
  },
  {
    // The first dense layers have their own pattern (all full where absent); the pattern of the rest starts from its beginning.
    id: 'cohere2-moe',
    modelTypes: ['cohere2_moe'],
    cite: 'transformers 5.18 models/cohere2_moe/configuration_cohere2_moe.py __post_init__',
    llamacpp: { windows: true },
    read: (reader) => {
      const dense = reader.computed(['first_k_dense_replace'], 0)?.value ?? 0;
      const densePeriod = reader.computed(['prefix_dense_sliding_window_pattern'])?.value ?? 1;
      const period = reader.computed(['sliding_window_pattern', '_sliding_window_pattern'])?.value ?? 4;
      return {
        layers: decoderLayers(reader, {
          window: slidingWindow,
          kindAt: (index) => {
            const full = index < dense ? (index + 1) % densePeriod === 0 : (index - dense + 1) % period === 0;
            return full ? 'full' : 'sliding';
          },
        }),
      };
    },
  },
];

function cohereBlocks(input: BlockInput, changes: Pick<LlamaBlocks, 'rotary' | 'attention'>): BlockModel {
  const { config } = input;
  const norm = layerNorm(config.need('layer_norm_eps'), false);
  return llamaBlocks(input, {
    norm,
    norms: { attention: norm },
    block: () => ({ arrangement: 'parallel' }),
    output: { multiplier: config.need('logit_scale') },
    ...changes,
  });
}

export const blocks = (): readonly BlocksFacet[] => [
  {
    modelTypes: ['cohere'],
    build: (input) => {
      const { config } = input;
      const head = config.on('use_qk_norm')
        ? headNorm(layerNorm(config.need('layer_norm_eps'), false), 'head-own')
        : null;
      return cohereBlocks(input, {
        rotary: (_, attention) => plainRotary(input, attention, 'interleaved'),
        attention: () => ({ ...biases(config.on('attention_bias')), queryNorm: head, keyNorm: head }),
      });
    },
  },
  {
    // Full layers have no RoPE.
    modelTypes: ['cohere2'],
    build: (input) =>
      cohereBlocks(input, {
        rotary: (_, attention) => (attention.kind === 'sliding' ? plainRotary(input, attention, 'interleaved') : null),
        attention: () => biases(input.config.on('attention_bias')),
      }),
  },
];

export const names = (): readonly NamesFacet[] => [{ modelTypes: ['cohere', 'cohere2'] }];

export const gguf = (): readonly GgufFacet[] => [
  {
    architecture: 'command-r',
    modelType: 'cohere',
    rope: 'interleaved',
    // Without a scale llama.cpp does not scale, whatever the class's is.
    adapt: (config) => {
      config['logit_scale'] ??= 1;
    },
    // Command R+ has norms of each head; llama.cpp looks for them from 64 layers on.
    fromTensors: (config, has) => {
      config['use_qk_norm'] = has('blk.0.attn_q_norm.weight');
    },
  },
  { architecture: 'cohere2', modelType: 'cohere2', rope: 'interleaved', block: localBase },
  { architecture: 'cohere2moe', modelType: 'cohere2_moe' },
];

export const counts = (): readonly CountsFacet[] => [
  { modelTypes: ['cohere_compass_text'], bias: flag('attention_bias'), norms: 1 },
  {
    modelTypes: ['cohere2_moe'],
    bias: flag('attention_bias'),
    norms: 1,
    width: ['prefix_dense_intermediate_size', 'intermediate_size'],
    experts: {
      ...wide,
      shared: sharedExperts(['num_shared_experts'], 'intermediate_size'),
      sparse: afterDense('first_k_dense_replace', 0),
    },
  },
];

export const arrangements = (): readonly ArrangementsFacet[] => [
  {
    modelTypes: ['cohere2_moe'],
    cite: 'transformers 5.18 modeling_cohere2_moe.py: one norm for both branches; full layers have no positions',
    norms: 'parallel',
    norm: { kind: 'layer' },
    positions: (_config, { kind }) => (kind === 'full' ? 'none' : 'rope'),
    router: () => ({ scoring: 'sigmoid' }),
  },
  {
    modelTypes: ['cohere_compass_text'],
    cite: 'transformers 5.18 modeling_cohere_compass.py CohereCompassDecoderLayer: one norm for both branches',
    norms: 'parallel',
    norm: { kind: 'layer' },
  },
];
