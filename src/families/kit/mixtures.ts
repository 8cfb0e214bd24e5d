/** Mixtures of experts as blocks: routers and the forms that several lineages share. */

import type { DenseFeedForward, MoeFeedForward, RouterSpec } from '../../attention/spec/blockSpec';
import type { ConfigReader } from '../../config/reader';
import type { BlockInput } from '../facets';
import { type ExpertNames, type MixtureNames, mixtureNames, part, PLAIN_EXPERTS } from './tensorNames';
import { activation, gated } from './parts';

/** Softmax over all experts, without further steps. */
export const PLAIN_ROUTER = {
  scoring: 'softmax',
  normalize: false,
  factor: 1,
  bias: false,
  correctionBias: false,
  groups: null,
} as const satisfies Partial<RouterSpec>;

/** The plain case, counts from the config. Experts are counted even where it does not say how many a token uses. */
export function softmaxRouter(
  { config, cannotRun }: Pick<BlockInput, 'config' | 'cannotRun'>,
  experts: string,
  topK: string,
  changes: Partial<RouterSpec> = {},
): RouterSpec {
  const used = config.sizeOr(topK, null) ?? cannotRun(`a mixture of experts without ${topK}`) ?? Number.NaN;
  return { ...PLAIN_ROUTER, experts: config.size(experts), topK: used, ...changes };
}

export function moe(
  router: RouterSpec,
  expert: DenseFeedForward,
  changes: Partial<MoeFeedForward> = {},
): MoeFeedForward {
  return { kind: 'moe', router, expert, weighting: 'output', shared: null, ...changes };
}

/** Width of the shared experts together, or null. */
export function sharedWidth(config: ConfigReader, key = 'n_shared_experts'): number | null {
  const count = config.numberOr(key, 0);
  return count > 0 ? count * config.need('moe_intermediate_size') : null;
}

/** DeepSeek-V3's experts: sigmoid scores, a correction for the choice, groups. */
export function v3Mixture(
  input: BlockInput,
  keys: { readonly experts?: string; readonly shared?: string } = {},
): MoeFeedForward {
  const { config } = input;
  const act = activation(input);
  const groups = config.numberOr('n_group', 1);
  const shared = sharedWidth(config, keys.shared);
  return moe(
    softmaxRouter(input, keys.experts ?? 'n_routed_experts', 'num_experts_per_tok', {
      scoring: 'sigmoid',
      normalize: config.on('norm_topk_prob'),
      factor: config.numberOr('routed_scaling_factor', 1),
      correctionBias: true,
      groups: groups > 1 ? { count: groups, top: config.need('topk_group'), score: 'top2-sum' } : null,
    }),
    gated(config.need('moe_intermediate_size'), act),
    { shared: shared === null ? null : { expert: gated(shared, act), gate: false } },
  );
}

/** Names of DeepSeek's experts. */
// @__NO_SIDE_EFFECTS__
export function v3Names(correction = 'mlp.gate.e_score_correction_bias'): MixtureNames {
  return (mixture, index, input) => {
    const names: ExpertNames = {
      router: part('mlp.gate'),
      correction: { base: correction, suffix: { weight: '', bias: '' } },
      experts: 'mlp.experts',
      parts: PLAIN_EXPERTS,
      ...(mixture.shared ? { shared: 'mlp.shared_experts' } : {}),
    };
    return mixtureNames(names)(mixture, index, input);
  };
}
