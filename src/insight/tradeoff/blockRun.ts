/** A transformer block around an attention that may have been converted: norms, residuals and feed-forward in float64. */

import type { BlockNorms, BlockSpec, DenseFeedForward, MoeFeedForward } from '../../attention/spec/blockSpec';
import { NORM_NAMES } from '../../attention/spec/weightNames';
import { routeTokens } from '../../attention/step/routing';
import { elementAt } from '../../model/elementAt';
import { type LayerNumbers, need } from '../conversion/layerRows';
import { type Matrix, zeros } from '../matrix';
import { activated, logistic } from './activation';
import { type LinearMap, normOfRows } from './readLayer';

export interface BlockParts {
  readonly spec: BlockSpec;
  /** `blockWeights`. */
  readonly weights: LayerNumbers;
  /** Weights of one expert. */
  expert(index: number): Promise<LayerNumbers>;
  readonly linear: LinearMap;
  /** What the attention puts out for what it receives, after the output projection. */
  attention(input: Matrix): Promise<Matrix>;
  /** What takes the place of what the feed-forward puts out; default: that. */
  fed?(made: Matrix): Matrix;
  /** Is told what enters each norm. */
  entersNorm?(place: keyof BlockNorms, rows: Matrix): void;
}

/** @param input `[tokens, hidden]`, what enters the block. Returns what leaves it. */
export async function runBlock(parts: BlockParts, input: Matrix): Promise<Matrix> {
  const { spec, weights } = parts;
  const normed = (place: keyof BlockNorms, rows: Matrix): Matrix => {
    parts.entersNorm?.(place, rows);
    return normOfRows(
      rows,
      spec.norms[place],
      weights.get(`${NORM_NAMES[place]}.weight`) ?? null,
      weights.get(`${NORM_NAMES[place]}.bias`) ?? null,
    );
  };
  const join = (base: Matrix, branch: Matrix): Matrix => plus(base, branch, spec.residualMultiplier);
  const received = normed('attention', input);
  const attended = join(
    spec.residualFrom === 'normed' ? received : input,
    normed('attentionOutput', await parts.attention(received)),
  );
  const middle = normed('attentionResidual', attended);
  const parallel = spec.arrangement === 'parallel';
  const fedWith = !parallel
    ? normed('feedForward', middle)
    : spec.norms.feedForward === null
      ? received
      : normed('feedForward', input);
  const { feedForward } = spec;
  const made =
    feedForward.kind === 'moe'
      ? await mixture(parts, feedForward, fedWith)
      : await dense(parts.linear, feedForward, weights, fedWith, '');
  const fed = parts.fed?.(made) ?? made;
  const base = !parallel && spec.residualFrom === 'normed' ? fedWith : middle;
  const output = normed('feedForwardResidual', join(base, normed('feedForwardOutput', fed)));
  const by = spec.outputMultiplier ?? 1;
  return by === 1 ? output : { ...output, data: output.data.map((value) => value * by) };
}

function plus(base: Matrix, branch: Matrix, factor: number): Matrix {
  return { ...base, data: base.data.map((value, i) => value + factor * (branch.data[i] as number)) };
}

async function dense(
  linear: LinearMap,
  spec: DenseFeedForward,
  weights: LayerNumbers,
  rows: Matrix,
  prefix: string,
): Promise<Matrix> {
  const map = (name: string, input: Matrix): Promise<Matrix> =>
    linear(input, need(weights, `${prefix}${name}.weight`), weights.get(`${prefix}${name}.bias`) ?? null);
  const up = await map('up', rows);
  if (spec.kind === 'plain')
    return map('down', { ...up, data: up.data.map((value) => activated(spec.activation, value)) });
  const gate = await map('gate_proj', rows);
  const { clampedSwiglu: clamped, activation } = spec;
  const inner = gate.data.map((value, i) => {
    const other = up.data[i] as number;
    if (clamped === null) return activated(activation, value) * other;
    const open = Math.min(value, clamped.limit);
    const held = Math.min(clamped.limit, Math.max(-clamped.limit, other));
    return open * logistic(clamped.alpha * open) * (held + 1);
  });
  const normed = normOfRows(
    { ...gate, data: inner },
    spec.innerNorm ?? null,
    weights.get(`${prefix}inner_norm.weight`) ?? null,
    weights.get(`${prefix}inner_norm.bias`) ?? null,
  );
  return map('down', normed);
}

async function mixture({ linear, weights, expert }: BlockParts, spec: MoeFeedForward, rows: Matrix): Promise<Matrix> {
  const logits = await linear(rows, need(weights, 'router.weight'), weights.get('router.bias') ?? null);
  const routing = routeTokens(spec.router, logits.data, weights.get('router.correction'));
  const result = zeros(rows.rows, rows.columns);
  const add = (row: number, from: Matrix, at: number, factor: number): void => {
    for (let i = 0; i < rows.columns; i++) {
      const to = row * rows.columns + i;
      result.data[to] = (result.data[to] as number) + factor * (from.data[at * rows.columns + i] as number);
    }
  };
  for (const which of [...new Set(routing.experts)].toSorted((a, b) => a - b)) {
    const uses = [...routing.experts.keys()].filter((i) => routing.experts[i] === which);
    const given = zeros(uses.length, rows.columns);
    uses.forEach((use, at) => {
      const token = Math.floor(use / routing.topK);
      const by = spec.weighting === 'input' ? elementAt(routing.weights, use) : 1;
      for (let i = 0; i < rows.columns; i++)
        given.data[at * rows.columns + i] = by * (rows.data[token * rows.columns + i] as number);
    });
    const made = await dense(linear, spec.expert, await expert(which), given, '');
    uses.forEach((use, at) =>
      add(Math.floor(use / routing.topK), made, at, spec.weighting === 'input' ? 1 : elementAt(routing.weights, use)),
    );
  }
  if (spec.shared !== null) {
    const shared = await dense(linear, spec.shared.expert, weights, rows, 'shared.');
    const gates = spec.shared.gate ? await linear(rows, need(weights, 'shared_gate.weight'), null) : null;
    for (let token = 0; token < rows.rows; token++)
      add(token, shared, token, gates === null ? 1 : logistic(gates.data[token] as number));
  }
  return result;
}
