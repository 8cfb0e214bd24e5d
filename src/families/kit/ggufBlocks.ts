/** How `gguf` facets change a block into what llama.cpp computes (v0.5.0, src/models and llama-graph.cpp). */

import type { MoeFeedForward, PlainActivation, RouterSpec } from '../../attention/spec/blockSpec';
import type { RotaryScaling } from '../../attention/spec/rotarySpec';
import type { GgufFacet, GgufLayer } from '../facets';
import { ggufHeadWidth } from './ggufKeys';
import type { GgufConfig, GgufSource } from './ggufMetadata';

type BlockChange = NonNullable<GgufFacet['block']>;

/** `enum llama_expert_gating_func_type`. */
const GATING: readonly (RouterSpec['scoring'] | undefined)[] = [undefined, 'softmax', 'sigmoid', 'softmax-selected'];

/** How an architecture routes; what is absent here stands in the file. */
export interface GgufRouting {
  readonly scoring?: RouterSpec['scoring'];
  /** What the file's silence about the gate means. */
  readonly silent?: RouterSpec['scoring'];
  readonly normalize?: boolean;
  /** True where `expert_weights_scale` is read. */
  readonly scaled?: boolean;
}

/**
 * The router as `build_moe_ffn` has it: groups are as good as their two best together, whatever the model's own code does; a correction
 * counts where the file has one.
 */
export function routing(how: GgufRouting): BlockChange {
  return (block, layer) => {
    const { feedForward } = block;
    return feedForward.kind === 'moe' ? { ...block, feedForward: routed(feedForward, how, layer) } : block;
  };
}

function routed(mixture: MoeFeedForward, how: GgufRouting, { source, has, unsupported }: GgufLayer): MoeFeedForward {
  const { router } = mixture;
  const groups = source.number('expert_group_count') ?? 0;
  const scale = how.scaled === true ? (source.number('expert_weights_scale') ?? 0) : 0;
  const gate = source.number('expert_gating_func') ?? 0;
  if (how.scoring === undefined && !(gate in GATING)) unsupported(`expert_gating_func ${gate}`);
  const told = GATING[gate] ?? how.silent;
  return {
    ...mixture,
    router: {
      ...router,
      scoring: how.scoring ?? told ?? router.scoring,
      normalize: how.normalize ?? source.flag('expert_weights_norm') ?? false,
      factor: scale === 0 ? 1 : scale,
      bias: has('ffn_gate_inp.bias'),
      correctionBias: has('exp_probs_b.bias'),
      groups:
        groups > 1
          ? { count: groups, top: source.number('expert_group_used_count') ?? groups, score: 'top2-sum' }
          : null,
    },
  };
}

/** One change after the other. */
export function changes(...all: readonly BlockChange[]): BlockChange {
  return (block, layer) => all.reduce((changed, change) => change(changed, layer), block);
}

/** The activation that the architecture's graph names; no key of a file says it. */
export function activated(activation: PlainActivation): BlockChange {
  return (block) => {
    const { feedForward } = block;
    if (feedForward.kind !== 'moe') return { ...block, feedForward: { ...feedForward, activation } };
    const { shared } = feedForward;
    return {
      ...block,
      feedForward: {
        ...feedForward,
        expert: { ...feedForward.expert, activation },
        shared: shared && { ...shared, expert: { ...shared.expert, activation } },
      },
    };
  };
}

/** RoPE on the whole head where the file does not say otherwise, whatever the family's class does. */
export function givePartialRotary(config: GgufConfig, source: GgufSource): void {
  const width = ggufHeadWidth(source);
  if (width === undefined || width <= 0) return;
  config['partial_rotary_factor'] = (source.number('rope.dimension_count') ?? width) / width;
}

/** Copies numbers of the metadata to the family's keys. */
export function take(config: GgufConfig, source: GgufSource, keys: Readonly<Record<string, string>>): void {
  for (const [from, to] of Object.entries(keys)) {
    const value = source.number(from);
    if (value !== undefined) config[to] = value;
  }
}

/** Sliding layers with a RoPE base of their own, where the file has one. */
export const localBase: BlockChange = (block, { source }) => {
  const { attention, rotary } = block.layer;
  const theta = source.number('rope.freq_base_swa');
  if (rotary === null || theta === undefined || (attention.kind !== 'sliding' && attention.kind !== 'chunked'))
    return block;
  return { ...block, layer: { ...block.layer, rotary: { ...rotary, theta } } };
};

/** No scaling of RoPE where the file has none, whatever the family's class scales by. */
export function unscaled(config: GgufConfig): void {
  if (config['rope_scaling'] === undefined) config['rope_parameters'] = { rope_type: 'default' };
}

/** Divisor of a frequency that leaves a pair as it is. */
const UNROTATED = 1e30;

/** `llama_hparams::use_mrope`. */
export function hasSections(source: GgufSource): boolean {
  const sections = source.perLayer('rope.dimension_sections');
  const [t = 0, h = 0] = typeof sections === 'object' ? sections : [];
  return t > 0 && h > 0;
}

/**
 * Positions in sections (M-RoPE): text has the same position in the first three and 0 in the fourth, so that pairs of the fourth are not
 * rotated; interleaved sections leave some of the last pairs to it (ggml-cpu/ops.cpp ggml_mrope_cache_init, llama-graph.cpp set_input).
 */
export function sectioned(interleaved: boolean): BlockChange {
  return (block, { source, unsupported }) => {
    const { rotary } = block.layer;
    const sections = source.perLayer('rope.dimension_sections');
    if (rotary === null || typeof sections !== 'object') return block;
    const [t = 0, h = 0, w = 0, extra = 0] = sections;
    const all = t + h + w + extra;
    if (!hasSections(source)) return block;
    const factors = Array.from({ length: rotary.dim / 2 }, (_, pair) => {
      const sector = pair % all;
      const third = [t, h, w].at(sector % 3) ?? 0;
      return (interleaved ? sector < 3 * third : sector < t + h + w) ? 1 : UNROTATED;
    });
    if (factors.every((factor) => factor === 1)) return block;
    if (rotary.scaling !== null) return unsupported('scaled RoPE with positions in sections');
    return { ...block, layer: { ...block.layer, rotary: { ...rotary, scaling: divisors(factors) } } };
  };
}

/** Divisors of the frequencies, of the same kind at any length. */
export function divisors(factors: readonly number[]): RotaryScaling {
  return {
    kind: 'longrope',
    shortFactor: factors,
    longFactor: factors,
    originalContext: 1,
    factor: 1,
    attentionFactor: 1,
  };
}
