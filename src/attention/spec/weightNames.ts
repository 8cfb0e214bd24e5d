/** The weights of a layer or block: names and shapes by which programs and the reference take them. */

import type { BlockNorms, BlockSpec, DenseFeedForward } from './blockSpec';
import { type AttentionLayerSpec, headDims } from './layerSpec';
import type { HeadNormSpec, NormSpec } from './normSpec';

/**
 * Storage of linear maps: `out-in` is `[out, in]` as PyTorch, safetensors and GGUF have it, `in-out` its transpose
 * (GPT-2's Conv1D; what a MatMul takes as it is).
 */
export type WeightLayout = 'out-in' | 'in-out';

export interface WeightInfo {
  readonly name: string;
  readonly shape: readonly number[];
}

/** Numbers in a weight. */
export function weightCount({ shape }: WeightInfo): number {
  return shape.reduce((product, size) => product * size, 1);
}

/** Weights by name, row-major float32 in the shapes of `layerWeights`/`blockWeights`. */
export type WeightMap = ReadonlyMap<string, Float32Array>;

/** Names with their suffix, made once: parameter counts ask for them layer after layer. */
const WEIGHT = { suffix: '.weight', made: new Map<string, string>() };
const BIAS = { suffix: '.bias', made: new Map<string, string>() };

function named(name: string, { suffix, made }: typeof WEIGHT): string {
  const known = made.get(name) ?? name + suffix;
  made.set(name, known);
  return known;
}

class WeightList {
  readonly items: WeightInfo[] = [];
  constructor(private readonly layout: WeightLayout) {}

  linear(name: string, inSize: number, outSize: number, bias: boolean): void {
    this.add(named(name, WEIGHT), this.layout === 'out-in' ? [outSize, inSize] : [inSize, outSize]);
    if (bias) this.add(named(name, BIAS), [outSize]);
  }

  norm(name: string, norm: NormSpec | null, shape: readonly number[]): void {
    if (!norm) return;
    if (norm.weight !== 'none') this.add(named(name, WEIGHT), shape);
    if (norm.bias) this.add(named(name, BIAS), shape);
  }

  headNorm(name: string, spec: HeadNormSpec | null, heads: number, dim: number): void {
    if (!spec) return;
    const shape = { head: [dim], 'head-own': [heads, dim], projection: [heads * dim] }[spec.extent];
    this.norm(name, spec.norm, shape);
  }

  add(name: string, shape: readonly number[]): void {
    this.items.push({ name, shape });
  }
}

/**
 * Weights of the attention layer. Per head, heads in order.
 * - headed: `q` [hidden → queryHeads·keyDim], `k`, `v` [hidden → kvHeads·dim], `o` [queryHeads·valueDim → hidden];
 * - latent: `q` [hidden → queryHeads·(nope+rope)], or `q_a` and `q_b` around the norm `q_a_norm`; `kv_a`
 *   [hidden → latentDim + ropeDim] (latent first, then the rotary key), norm `kv_a_norm`; and kv_b split by head into
 *   `w_uk` [queryHeads, nopeDim, latentDim] and `w_uv` [queryHeads, valueDim, latentDim], these two in any layout;
 * - `q_norm`, `k_norm`, `v_norm`, `o_norm`; `sinks` [queryHeads]; `gate` [hidden → queryHeads·valueDim or queryHeads].
 */
export function layerWeights(spec: AttentionLayerSpec, layout: WeightLayout = 'out-in'): readonly WeightInfo[] {
  const list = new WeightList(layout);
  addLayer(list, spec);
  return list.items;
}

function addLayer(list: WeightList, spec: AttentionLayerSpec): void {
  const { attention, hiddenSize: hidden, biases } = spec;
  const { queryHeads, kvHeads, keyDim, valueDim } = headDims(attention);
  if (attention.kind === 'latent') {
    const { latentDim, ropeDim, nopeDim, queryLatentDim } = attention;
    if (queryLatentDim === null) {
      list.linear('q', hidden, queryHeads * keyDim, biases.q);
    } else {
      list.linear('q_a', hidden, queryLatentDim, biases.q);
      list.norm('q_a_norm', spec.latentNorms?.query ?? null, [queryLatentDim]);
      list.linear('q_b', queryLatentDim, queryHeads * keyDim, false);
    }
    list.linear('kv_a', hidden, latentDim + ropeDim, biases.k);
    list.norm('kv_a_norm', spec.latentNorms?.latent ?? null, [latentDim]);
    list.add('w_uk', [queryHeads, nopeDim, latentDim]);
    list.add('w_uv', [queryHeads, valueDim, latentDim]);
  } else {
    list.linear('q', hidden, queryHeads * keyDim, biases.q);
    list.linear('k', hidden, kvHeads * keyDim, biases.k);
    list.linear('v', hidden, kvHeads * valueDim, biases.v);
    list.headNorm('q_norm', spec.queryNorm, queryHeads, keyDim);
    list.headNorm('k_norm', spec.keyNorm, kvHeads, keyDim);
    list.headNorm('v_norm', spec.valueNorm, kvHeads, valueDim);
  }
  if (spec.sinks) list.add('sinks', [queryHeads]);
  if (spec.outputGate !== 'none')
    list.linear('gate', hidden, queryHeads * (spec.outputGate === 'element' ? valueDim : 1), false);
  list.norm('o_norm', spec.outputNorm, [spec.outputNormWidth ?? queryHeads * valueDim]);
  list.linear('o', queryHeads * valueDim, hidden, biases.o);
}

/** Name prefix of the norm at a place of the block. */
export const NORM_NAMES: Readonly<Record<keyof BlockNorms, string>> = {
  attention: 'norm_attention',
  attentionOutput: 'norm_attention_output',
  attentionResidual: 'norm_attention_residual',
  feedForward: 'norm_feed_forward',
  feedForwardOutput: 'norm_feed_forward_output',
  feedForwardResidual: 'norm_feed_forward_residual',
};

/**
 * Weights of the block that are there for every token: the layer's, the norms', the dense feed-forward's
 * (`gate_proj`, `up`, `down`, `inner_norm`), or for a mixture of experts `router` [hidden → experts],
 * `router.correction` [experts], `shared.gate_proj`, `shared.up`, `shared.down`, `shared_gate` [hidden → 1].
 * The weights of one expert are those of `feedForwardWeights(moe.expert, …)`, taken expert by expert.
 */
export function blockWeights(spec: BlockSpec, layout: WeightLayout = 'out-in'): readonly WeightInfo[] {
  const list = new WeightList(layout);
  const hidden = spec.layer.hiddenSize;
  addLayer(list, spec.layer);
  for (const place of Object.keys(NORM_NAMES) as (keyof BlockNorms)[])
    list.norm(NORM_NAMES[place], spec.norms[place], [hidden]);
  const mlp = spec.feedForward;
  if (mlp.kind !== 'moe') {
    addFeedForward(list, mlp, hidden, '');
    return list.items;
  }
  list.linear('router', hidden, mlp.router.experts, mlp.router.bias);
  if (mlp.router.correctionBias) list.add('router.correction', [mlp.router.experts]);
  if (mlp.shared) {
    addFeedForward(list, mlp.shared.expert, hidden, 'shared.');
    if (mlp.shared.gate) list.linear('shared_gate', hidden, 1, false);
  }
  return list.items;
}

/** Weights of a dense feed-forward or of one expert. */
export function feedForwardWeights(
  spec: DenseFeedForward,
  hiddenSize: number,
  layout: WeightLayout = 'out-in',
): readonly WeightInfo[] {
  const list = new WeightList(layout);
  addFeedForward(list, spec, hiddenSize, '');
  return list.items;
}

function addFeedForward(list: WeightList, spec: DenseFeedForward, hidden: number, prefix: string): void {
  if (spec.kind === 'gated') list.linear(`${prefix}gate_proj`, hidden, spec.width, spec.biasIn);
  list.linear(`${prefix}up`, hidden, spec.width, spec.biasIn);
  if (spec.kind === 'gated') list.norm(`${prefix}inner_norm`, spec.innerNorm ?? null, [spec.width]);
  list.linear(`${prefix}down`, spec.width, hidden, spec.biasOut);
}
