/** Which experts a token goes to, and with what weight; in float64 from the router's logits. */

import type { RouterSpec } from '../spec/blockSpec';
import { elementAt } from '../../model/elementAt';

export interface Routing {
  readonly topK: number;
  /** `[tokens, topK]`, best first. */
  readonly experts: Int32Array;
  /** `[tokens, topK]` */
  readonly weights: Float64Array;
}

/** `logits` [tokens, experts]; `correction` [experts] where the spec has one. */
export function routeTokens(router: RouterSpec, logits: ArrayLike<number>, correction?: ArrayLike<number>): Routing {
  const { experts: count, topK } = router;
  const tokens = logits.length / count;
  const routing = { topK, experts: new Int32Array(tokens * topK), weights: new Float64Array(tokens * topK) };
  for (let token = 0; token < tokens; token++) {
    const row = Float64Array.from({ length: count }, (_, expert) => elementAt(logits, token * count + expert));
    const { experts, weights } =
      router.scoring === 'sparsemixer' ? sparsemixer(router, row) : chosen(router, row, correction);
    routing.experts.set(experts, token * topK);
    routing.weights.set(weights, token * topK);
  }
  return routing;
}

interface Choice {
  readonly experts: readonly number[];
  readonly weights: readonly number[];
}

function chosen(router: RouterSpec, logits: Float64Array, correction: ArrayLike<number> | undefined): Choice {
  const { scoring, topK, normalize, factor, groups } = router;
  const scores = scoring === 'softmax' ? softmax(logits) : scoring === 'sigmoid' ? logits.map(sigmoid) : logits;
  let preference = correction ? scores.map((score, expert) => score + elementAt(correction, expert)) : scores;
  if (groups) preference = insideGroups(preference, groups);
  const experts = best(preference, topK);
  let weights = experts.map((expert) => elementAt(scores, expert));
  if (scoring === 'softmax-selected') weights = [...softmax(Float64Array.from(weights))];
  if (normalize) {
    const sum = weights.reduce((total, weight) => total + weight, 1e-20);
    weights = weights.map((weight) => weight / sum);
  }
  return { experts, weights: weights.map((weight) => weight * factor) };
}

/** Experts outside the best groups can't be chosen. */
function insideGroups(preference: Float64Array, groups: NonNullable<RouterSpec['groups']>): Float64Array {
  const size = preference.length / groups.count;
  const worth = Float64Array.from({ length: groups.count }, (_, group) => {
    const members = preference
      .slice(group * size, (group + 1) * size)
      .sort()
      .reverse();
    return groups.score === 'max' ? elementAt(members, 0) : elementAt(members, 0) + elementAt(members, 1);
  });
  const open = new Set(best(worth, groups.top));
  return preference.map((value, expert) => (open.has(Math.floor(expert / size)) ? value : -Infinity));
}

/**
 * PhiMoE at inference (`sparsemixer`, eval branch of transformers): the best expert, weighted by a softmax over the
 * logits within 2·jitter of it; then the same without it.
 */
function sparsemixer(router: RouterSpec, logits: Float64Array): Choice {
  const threshold = 2 * (router.jitter ?? 0.01);
  const rest = Float64Array.from(logits);
  const experts: number[] = [];
  const weights: number[] = [];
  for (let k = 0; k < router.topK; k++) {
    const [expert = 0] = best(rest, 1);
    const top = elementAt(rest, expert);
    const near = rest.map((logit, i) => {
      const scale = Math.max(Math.abs(elementAt(logits, i)), top);
      return (top - elementAt(logits, i)) / scale > threshold ? -Infinity : logit;
    });
    experts.push(expert);
    weights.push(elementAt(softmax(near), expert));
    rest[expert] = -Infinity;
  }
  return { experts, weights };
}

/** Indexes of the `count` largest values, largest first; of equal ones the first. */
function best(values: Float64Array, count: number): number[] {
  return [...values.keys()].sort((a, b) => elementAt(values, b) - elementAt(values, a) || a - b).slice(0, count);
}

function sigmoid(x: number): number {
  return 1 / (1 + Math.exp(-x));
}

function softmax(values: Float64Array): Float64Array {
  const top = values.reduce((a, b) => Math.max(a, b), -Infinity);
  const powers = values.map((value) => Math.exp(value - top));
  const sum = powers.reduce((a, b) => a + b, 0);
  return powers.map((power) => power / sum);
}
