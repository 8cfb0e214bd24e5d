/** Aria's language model: softmax over the chosen experts, plus shared experts. */

import type { BlocksFacet, LayersFacet, NamesFacet } from './facets';
import { biases, llamaBlocks } from './kit/blocks';
import { plainDecoder } from './kit/decoder';
import { moe, softmaxRouter } from './kit/mixtures';
import { llamaNames, type MixtureNames, part, underShared } from './kit/tensorNames';
import { activation, gated } from './kit/parts';
import type { Part } from './kit/weightSource';

export const layers = (): readonly LayersFacet[] => [
  {
    id: 'aria',
    modelTypes: ['aria_text'],
    cite: 'transformers 5.18 models/aria/configuration_aria.py AriaTextConfig',
    refusesRemainder: 'class',
    defaults: { aria_text: { hidden_act: 'silu', rms_norm_eps: 1e-6, moe_topk: 2 } },
    read: plainDecoder,
  },
];

export const blocks = (): readonly BlocksFacet[] => [
  {
    modelTypes: ['aria_text'],
    build: (input) => {
      const { config } = input;
      const width = config.need('intermediate_size');
      const common = width * config.need('moe_num_shared_experts');
      const mixture = moe(
        softmaxRouter(input, 'moe_num_experts', 'moe_topk', { scoring: 'softmax-selected' }),
        // hidden_act does not apply here: it is for the shared experts.
        gated(width, 'silu'),
        { shared: { expert: gated(common, activation(input), config.on('mlp_bias')), gate: false } },
      );
      return llamaBlocks(input, {
        attention: () => biases(config.on('attention_bias')),
        feedForward: () => mixture,
      });
    },
  },
];

/** Experts in one transposed tensor each way, gate then up. */
const EXPERTS: MixtureNames = ({ expert: { width } }) => {
  const half = (index: number, start: number): Part => ({
    base: 'mlp.experts.fc1',
    index,
    transposed: true,
    rows: [{ start, count: width }],
  });
  const shared = {
    gate_proj: part('mlp.shared_experts.gate_proj'),
    up: part('mlp.shared_experts.up_proj'),
    down: part('mlp.shared_experts.down_proj'),
  };
  return {
    sources: { router: part('mlp.router'), ...underShared(shared) },
    expert: (index) => ({
      gate_proj: half(index, 0),
      up: half(index, width),
      down: { base: 'mlp.experts.fc2', index, transposed: true },
    }),
  };
};

export const names = (): readonly NamesFacet[] => [{ modelTypes: ['aria_text'], of: llamaNames({ mixture: EXPERTS }) }];
