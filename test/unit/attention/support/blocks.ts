/** Blocks of the test grid: arrangements, norms, feed-forwards, experts. */

import {
  type BlockSpec,
  type DenseFeedForward,
  type FeedForward,
  type MoeFeedForward,
  NO_NORMS,
  type PlainActivation,
  type RouterSpec,
} from '../../../../src/attention/spec/blockSpec';
import { heads, LAYER, LAYERS, layer, RMS, rope } from './layers';

const ATTENTION = layer(heads(4, 2, 8), { rotary: rope(8) });
/** Complete, by its type. */
const ACTIVATIONS: Readonly<Record<PlainActivation, true>> = {
  silu: true,
  gelu: true,
  'gelu-tanh': true,
  'quick-gelu': true,
  relu: true,
  relu2: true,
  tanh: true,
  sigmoid: true,
  identity: true,
};
const GATED: DenseFeedForward = {
  kind: 'gated',
  width: 14,
  activation: 'silu',
  biasIn: false,
  biasOut: false,
  clampedSwiglu: null,
};
const PRE = { ...NO_NORMS, attention: RMS, feedForward: RMS };

function block(feedForward: FeedForward, extra: Partial<BlockSpec> = {}): BlockSpec {
  return {
    layer: ATTENTION,
    feedForward,
    norms: PRE,
    arrangement: 'sequential',
    residualMultiplier: 1,
    residualFrom: 'sum',
    ...extra,
  };
}

const ROUTER: RouterSpec = {
  experts: 6,
  topK: 2,
  scoring: 'softmax',
  normalize: true,
  factor: 1,
  bias: false,
  correctionBias: false,
  groups: null,
};

function moe(router: Partial<RouterSpec>, extra: Partial<MoeFeedForward> = {}): BlockSpec {
  return block({
    kind: 'moe',
    router: { ...ROUTER, ...router },
    expert: GATED,
    weighting: 'output',
    shared: null,
    ...extra,
  });
}

const latent = LAYERS['latent, q compressed'];

export const BLOCKS: Readonly<Record<string, BlockSpec>> = {
  'pre-norm, gated': block(GATED),
  'pre and post norms': block(
    { ...GATED, activation: 'gelu-tanh' },
    {
      norms: {
        ...PRE,
        attentionOutput: { ...RMS, weight: 'plus-one' },
        feedForwardOutput: { ...RMS, weight: 'plus-one' },
      },
    },
  ),
  'norms on outputs only': block(GATED, { norms: { ...NO_NORMS, attentionOutput: RMS, feedForwardOutput: RMS } }),
  'norms on sums': block(GATED, { norms: { ...NO_NORMS, attentionResidual: LAYER, feedForwardResidual: LAYER } }),
  'parallel, one norm': block(
    { kind: 'plain', width: 14, activation: 'gelu', biasIn: true, biasOut: true },
    {
      arrangement: 'parallel',
      norms: { ...NO_NORMS, attention: LAYER },
    },
  ),
  'parallel, two norms': block(GATED, {
    arrangement: 'parallel',
    norms: { ...NO_NORMS, attention: LAYER, feedForward: { ...LAYER, bias: false } },
  }),
  'residual from the norm': block(GATED, { residualFrom: 'normed' }),
  multipliers: block(GATED, { residualMultiplier: 0.3, outputMultiplier: 1.25 }),
  'inner norm': block({ ...GATED, innerNorm: RMS, biasIn: true, biasOut: true }),
  'clamped swiglu': block({ ...GATED, biasIn: true, biasOut: true, clampedSwiglu: { alpha: 1.702, limit: 0.7 } }),
  xielu: block({
    kind: 'plain',
    width: 14,
    activation: { kind: 'xielu', alphaPositive: 0.8, alphaNegative: 0.6, beta: 0.5, epsilon: -1e-6 },
    biasIn: false,
    biasOut: false,
  }),
  ...Object.fromEntries(
    (Object.keys(ACTIVATIONS) as PlainActivation[]).map((activation) => [
      `plain ${activation}`,
      block({ kind: 'plain', width: 14, activation, biasIn: true, biasOut: false }),
    ]),
  ),
  'latent attention': block(GATED, latent ? { layer: latent } : {}),
  'softmax router': moe({}),
  'softmax, not normalised': moe({ normalize: false, factor: 2.5 }),
  'sigmoid with correction and groups': moe(
    { scoring: 'sigmoid', correctionBias: true, factor: 1.5, groups: { count: 3, top: 2, score: 'top2-sum' } },
    { shared: { expert: { ...GATED, width: 10 }, gate: false } },
  ),
  'group-limited softmax': moe({ normalize: false, groups: { count: 2, top: 1, score: 'max' } }),
  'softmax over the selected, biases': moe(
    { scoring: 'softmax-selected', normalize: false, bias: true },
    { expert: { ...GATED, biasIn: true, biasOut: true, clampedSwiglu: { alpha: 1.702, limit: 7 } } },
  ),
  'gated shared expert': moe({ normalize: false }, { shared: { expert: { ...GATED, width: 9 }, gate: true } }),
  'weights on the input': moe(
    { scoring: 'sigmoid', normalize: false, topK: 1 },
    { weighting: 'input', shared: { expert: GATED, gate: false } },
  ),
  sparsemixer: moe({ scoring: 'sparsemixer', normalize: false, jitter: 0.2 }),
};
