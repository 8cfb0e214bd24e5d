/** gpt-oss: sinks, biases everywhere, experts in one tensor whose gate and up alternate. */

import type { DenseFeedForward } from '../attention/spec/blockSpec';
import type { BlocksFacet, GgufFacet, LayersFacet, NamesFacet } from './facets';
import { biases, llamaBlocks } from './kit/blocks';
import { decoderLayers, slidingWindow } from './kit/decoder';
import { moe, softmaxRouter } from './kit/mixtures';
import { BARE, llamaNames, type MixtureNames, part } from './kit/tensorNames';
import { activation, gated } from './kit/parts';
import type { Part } from './kit/weightSource';
import { changes, localBase, routing, take, unscaled } from './kit/ggufBlocks';

export const layers = (): readonly LayersFacet[] => [
  {
    // Even layers slide (128 tokens), odd ones see everything; a learned sink per head stores nothing.
    id: 'gpt_oss',
    modelTypes: ['gpt_oss'],
    cite: 'transformers 5.18 models/gpt_oss/configuration_gpt_oss.py: sliding where (i + 1) % 2, head_dim 64',
    // e499258e9
    sglang: { windows: '2026-01-18' },
    llamacpp: { windows: true },
    // The class scales RoPE where the file says nothing about it.
    defaults: {
      gpt_oss: {
        rope_parameters: {
          rope_type: 'yarn',
          factor: 32,
          beta_fast: 32,
          beta_slow: 1,
          truncate: false,
          original_max_position_embeddings: 4096,
        },
      },
    },
    read: (reader) => ({
      layers: decoderLayers(reader, {
        window: slidingWindow,
        kindAt: (index) => (index % 2 === 0 ? 'sliding' : 'full'),
      }),
    }),
  },
];

export const blocks = (): readonly BlocksFacet[] => [
  {
    modelTypes: ['gpt_oss'],
    build: (input) => {
      const { config } = input;
      const expert: DenseFeedForward = {
        ...gated(config.need('intermediate_size'), activation(input), true),
        clampedSwiglu: { alpha: 1.702, limit: 7 },
      };
      const mixture = moe(
        softmaxRouter(input, 'num_local_experts', 'num_experts_per_tok', { scoring: 'softmax-selected', bias: true }),
        expert,
      );
      return llamaBlocks(input, {
        attention: () => ({ ...biases(config.on('attention_bias')), sinks: true }),
        feedForward: () => mixture,
      });
    },
  },
];

const experts: MixtureNames = (mixture, _index, input) => {
  // Published in MXFP4, [experts, rows, …]; unpacked copies are stored the other way round.
  const stored: Partial<Part> = input.has('layers.0.mlp.experts.gate_up_proj_blocks')
    ? { packed: 'mxfp4' }
    : { transposed: true };
  const every2nd = (index: number, start: number): Part => ({
    base: 'mlp.experts.gate_up_proj',
    suffix: BARE,
    index,
    ...stored,
    rows: [{ start, count: 1, times: mixture.expert.width, stride: 2 }],
  });
  return {
    sources: { router: part('mlp.router') },
    expert: (index) => ({
      gate_proj: every2nd(index, 0),
      up: every2nd(index, 1),
      down: { base: 'mlp.experts.down_proj', suffix: BARE, index, ...stored },
    }),
  };
};

export const names = (): readonly NamesFacet[] => [
  {
    modelTypes: ['gpt_oss'],
    of: llamaNames({ sources: { sinks: { base: 'self_attn.sinks', suffix: BARE } }, mixture: experts }),
  },
];

export const gguf = (): readonly GgufFacet[] => [
  {
    architecture: 'gpt-oss',
    modelType: 'gpt_oss',
    rope: 'half',
    adapt: (config, source) => {
      take(config, source, { expert_feed_forward_length: 'intermediate_size' });
      unscaled(config);
    },
    block: changes(routing({ scoring: 'softmax-selected', normalize: false }), localBase),
  },
];
