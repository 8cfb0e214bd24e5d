/** Tensor names of the Llama lineage and the many families that kept them. */

import type { BlockSpec, FeedForward, MoeFeedForward } from '../../attention/spec/blockSpec';
import { headDims } from '../../attention/spec/layerSpec';
import type { LayerNames, ModelNames, NamesFacet, NamesInput } from '../facets';
import type { Part, RowBlocks, WeightSource, WeightSources } from './weightSource';

// @__NO_SIDE_EFFECTS__
export function part(base: string): Part {
  return { base };
}

/** Consecutive row ranges of one tensor, by their sizes. */
// @__NO_SIDE_EFFECTS__
export function sections<const N extends readonly number[]>(base: string, sizes: N): { [K in keyof N]: Part } {
  let start = 0;
  const parts = sizes.map((count): Part => {
    const rows: RowBlocks = { start, count };
    start += count;
    return { base, rows: [rows] };
  });
  return parts as unknown as { [K in keyof N]: Part };
}

/**
 * q, k, v of a fused tensor whose rows come in `groups` runs of [`queries` × q, k, v], each a head of `dim` rows:
 * NeoX, BLOOM, Persimmon (1 query a group); Falcon's new decoder.
 */
// @__NO_SIDE_EFFECTS__
export function groupedQkv(base: string, groups: number, queries: number, dim: number): { q: Part; k: Part; v: Part } {
  const stride = (queries + 2) * dim;
  const block = (start: number, count: number): Part => ({ base, rows: [{ start, count, times: groups, stride }] });
  return { q: block(0, queries * dim), k: block(queries * dim, dim), v: block((queries + 1) * dim, dim) };
}

export const LLAMA_PREFIXES = [
  'model.',
  'model.language_model.',
  'language_model.model.',
  'language_model.',
  'model.text_model.',
] as const;

/** Separate projections. */
const LLAMA_ATTENTION: WeightSources = {
  q: part('self_attn.q_proj'),
  k: part('self_attn.k_proj'),
  v: part('self_attn.v_proj'),
  o: part('self_attn.o_proj'),
  q_norm: part('self_attn.q_norm'),
  k_norm: part('self_attn.k_norm'),
};

/** The two norms of a pre-norm block. */
const LLAMA_NORMS: WeightSources = {
  norm_attention: part('input_layernorm'),
  norm_feed_forward: part('post_attention_layernorm'),
};

const LLAMA_MLP: WeightSources = {
  gate_proj: part('mlp.gate_proj'),
  up: part('mlp.up_proj'),
  down: part('mlp.down_proj'),
};

/** Phi-3, GLM-4: gate and up in one tensor, gate first. */
// @__NO_SIDE_EFFECTS__
export function fusedGateUp(base: string, down: string, width: number): WeightSources {
  const [gate, up] = sections(base, [width, width]);
  return { gate_proj: gate, up, down: part(down) };
}

/** q, k, v one after the other in one tensor. */
// @__NO_SIDE_EFFECTS__
function concatenatedQkv(
  base: string,
  rows: readonly [q: number, k: number, v: number],
): { q: Part; k: Part; v: Part } {
  const [q, k, v] = sections(base, rows);
  return { q, k, v };
}

/** Latent attention as DeepSeek names it; kv_b's rows are [nope | value] per head. */
// @__NO_SIDE_EFFECTS__
function latentNames(heads: number, nopeDim: number, valueDim: number): WeightSources {
  const stride = nopeDim + valueDim;
  const suffix = { weight: '.weight', bias: '.bias' };
  const kvB = (start: number, count: number): Part => ({
    base: 'self_attn.kv_b_proj',
    suffix,
    rows: [{ start, count, times: heads, stride }],
  });
  return {
    q: part('self_attn.q_proj'),
    q_a: part('self_attn.q_a_proj'),
    q_a_norm: part('self_attn.q_a_layernorm'),
    q_b: part('self_attn.q_b_proj'),
    kv_a: part('self_attn.kv_a_proj_with_mqa'),
    kv_a_norm: part('self_attn.kv_a_layernorm'),
    w_uk: kvB(0, nopeDim),
    w_uv: kvB(nopeDim, valueDim),
    o: part('self_attn.o_proj'),
  };
}

export interface ExpertNames {
  /** Module that holds the router: `mlp.gate`. */
  readonly router: WeightSource;
  /** Name of the tensor with the router's correction of scores, if any. */
  readonly correction?: Part;
  /** Module of the experts: `mlp.experts`. */
  readonly experts: string;
  /** Names of gate, up, down inside one expert; in fused form `gate_up_proj` and `down_proj` have a leading expert axis. */
  readonly parts: readonly [gate: string, up: string, down: string];
  readonly shared?: string;
  readonly sharedGate?: string;
}

/**
 * Sources of a mixture of experts, one tensor per expert and matrix (the usual form on disk), or as transformers 5 keeps
 * it in memory: `gate_up_proj` [experts, 2·width, hidden], `down_proj` [experts, hidden, width].
 * @param fused True when the store has the latter.
 */
// @__NO_SIDE_EFFECTS__
function expertNames(
  names: ExpertNames,
  feedForward: FeedForward,
  fused: boolean,
): { sources: WeightSources; expert: (index: number) => WeightSources } {
  if (feedForward.kind !== 'moe') throw new TypeError('not a mixture of experts');
  const { width } = feedForward.expert;
  const sources: Record<string, WeightSource> = { router: names.router };
  if (names.correction !== undefined) sources['router.correction'] = names.correction;
  if (names.shared !== undefined) {
    sources['shared.gate_proj'] = part(`${names.shared}.gate_proj`);
    sources['shared.up'] = part(`${names.shared}.up_proj`);
    sources['shared.down'] = part(`${names.shared}.down_proj`);
  }
  if (names.sharedGate !== undefined) sources['shared_gate'] = part(names.sharedGate);
  const [gate, up, down] = names.parts;
  const bare = { weight: '', bias: '_bias' };
  const expert = (index: number): WeightSources =>
    fused
      ? {
          gate_proj: { base: `${names.experts}.gate_up_proj`, suffix: bare, index, rows: [{ start: 0, count: width }] },
          up: { base: `${names.experts}.gate_up_proj`, suffix: bare, index, rows: [{ start: width, count: width }] },
          down: { base: `${names.experts}.down_proj`, suffix: bare, index },
        }
      : {
          gate_proj: part(`${names.experts}.${index}.${gate}`),
          up: part(`${names.experts}.${index}.${up}`),
          down: part(`${names.experts}.${index}.${down}`),
        };
  return { sources, expert };
}

export const PLAIN_EXPERTS = ['gate_proj', 'up_proj', 'down_proj'] as const;
export const MIXTRAL_EXPERTS = ['w1', 'w3', 'w2'] as const;

/** Norms on the outputs of attention and feed-forward, under their usual names. */
export const OUTPUT_NORMS: WeightSources = {
  norm_attention_output: part('post_attention_layernorm'),
  norm_feed_forward_output: part('post_feedforward_layernorm'),
};

/** The four norms of Gemma 2. */
export const FOUR_NORMS: WeightSources = {
  norm_attention: part('input_layernorm'),
  norm_attention_output: part('post_attention_layernorm'),
  norm_feed_forward: part('pre_feedforward_layernorm'),
  norm_feed_forward_output: part('post_feedforward_layernorm'),
};

/** Plain up and down under Llama's names. */
export const PLAIN_MLP: WeightSources = { up: part('mlp.up_proj'), down: part('mlp.down_proj') };

/** A bare parameter: its name is the whole name. */
export const BARE = { weight: '', bias: '_bias' } as const;

/** Sources of a feed-forward, renamed to those of the shared expert. */
// @__NO_SIDE_EFFECTS__
export function underShared(sources: WeightSources): WeightSources {
  return Object.fromEntries(Object.entries(sources).map(([name, source]) => [`shared.${name}`, source]));
}

/** Sources of a mixture and of each of its experts. */
export type MixtureNames = (mixture: MoeFeedForward, index: number, input: NamesInput) => LayerNames;

/** A mixture under the names given; experts may stand in one tensor (as transformers 5 has them in memory). */
// @__NO_SIDE_EFFECTS__
export function mixtureNames(names: ExpertNames | ((index: number, input: NamesInput) => ExpertNames)): MixtureNames {
  return (mixture, index, input) => {
    const own = typeof names === 'function' ? names(index, input) : names;
    return expertNames(own, mixture, input.has(`layers.${index}.${own.experts}.gate_up_proj`));
  };
}

/** How the names of a model differ from Llama's. */
export interface LlamaNames extends Partial<Pick<ModelNames, 'embedding' | 'outputNorm' | 'head' | 'layerPrefix'>> {
  /** Added to a layer's usual names; replaces those of the same key. */
  readonly sources?: WeightSources | ((block: BlockSpec, index: number) => WeightSources);
  readonly mixture?: MixtureNames;
}

/** Llama's names, with what differs. */
// @__NO_SIDE_EFFECTS__
export function llamaNames({ sources, mixture, ...own }: LlamaNames = {}): NonNullable<NamesFacet['of']> {
  return (input) => ({
    embedding: 'embed_tokens.weight',
    outputNorm: 'norm',
    head: 'lm_head',
    layerPrefix: (index) => `layers.${index}.`,
    layer: (index, block) => {
      const { feedForward } = block;
      const experts = feedForward.kind === 'moe' ? mixture?.(feedForward, index, input) : undefined;
      const dense = feedForward.kind === 'moe' ? {} : LLAMA_MLP;
      const changes = typeof sources === 'function' ? sources(block, index) : sources;
      return {
        sources: { ...LLAMA_ATTENTION, ...LLAMA_NORMS, ...dense, ...experts?.sources, ...changes },
        ...(experts?.expert ? { expert: experts.expert } : {}),
      };
    },
    ...own,
  });
}

/** q, k and v of a layer one after the other in one tensor. */
// @__NO_SIDE_EFFECTS__
export function fusedQkv(base: string, { layer }: BlockSpec): { q: Part; k: Part; v: Part } {
  const { queryHeads, kvHeads, keyDim, valueDim } = headDims(layer.attention);
  return concatenatedQkv(base, [queryHeads * keyDim, kvHeads * keyDim, kvHeads * valueDim]);
}

/** Names of latent attention for the widths of a layer. */
export function latentSources({ layer }: BlockSpec): WeightSources {
  const { attention } = layer;
  if (attention.kind !== 'latent') throw new TypeError('not latent attention (MLA)');
  return latentNames(attention.queryHeads, attention.nopeDim, attention.valueDim);
}
