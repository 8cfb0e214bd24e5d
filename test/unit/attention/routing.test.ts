/** Routers by hand-made cases. */

import { describe, expect, it } from 'vitest';
import type { MoeFeedForward, RouterSpec } from '../../../src/attention/spec/blockSpec';
import { runMixture } from '../../../src/attention/step/mixture';
import { routeTokens } from '../../../src/attention/step/routing';

const ROUTER: RouterSpec = {
  experts: 4,
  topK: 2,
  scoring: 'softmax',
  normalize: false,
  factor: 1,
  bias: false,
  correctionBias: false,
  groups: null,
};
const LOGITS = [Math.log(1), Math.log(4), Math.log(2), Math.log(3)];

function route(spec: Partial<RouterSpec>, correction?: number[]): { experts: number[]; weights: number[] } {
  const { experts, weights } = routeTokens({ ...ROUTER, ...spec }, LOGITS, correction);
  return { experts: [...experts], weights: [...weights].map((weight) => Number(weight.toFixed(12))) };
}

describe('routers', () => {
  it('softmax over all experts, the best two', () => {
    expect(route({})).toEqual({ experts: [1, 3], weights: [0.4, 0.3] });
    expect(route({ normalize: true, factor: 7 })).toEqual({ experts: [1, 3], weights: [4, 3] });
  });

  it('softmax over the selected', () => {
    const { weights } = route({ scoring: 'softmax-selected' });
    expect(weights).toEqual([Number((4 / 7).toFixed(12)), Number((3 / 7).toFixed(12))]);
  });

  it('a correction decides who is chosen and not how much they weigh', () => {
    expect(route({ scoring: 'sigmoid' }, [1, 0, 0, 0])).toEqual({ experts: [0, 1], weights: [0.5, 0.8] });
  });

  it('only the best groups are open', () => {
    expect(route({ groups: { count: 2, top: 1, score: 'max' } })).toEqual({ experts: [1, 0], weights: [0.4, 0.1] });
    expect(route({ scoring: 'sigmoid', groups: { count: 2, top: 1, score: 'top2-sum' } }).experts).toEqual([3, 2]);
  });

  it('runs each chosen expert once, on the rows of its tokens', async () => {
    const spec: MoeFeedForward = {
      kind: 'moe',
      router: { ...ROUTER, experts: 3, topK: 1, scoring: 'sigmoid' },
      expert: { kind: 'plain', width: 1, activation: 'relu', biasIn: false, biasOut: false },
      weighting: 'output',
      shared: null,
    };
    const runs: [expert: number, rows: number[], count: number][] = [];
    const mixed = await runMixture(
      spec,
      { rows: Float32Array.of(10, 20, 30), logits: Float32Array.of(-9, -9, 0, 0, -9, -9, -9, -9, 0) },
      (expert, rows, count) => {
        runs.push([expert, [...rows], count]);
        return Promise.resolve(rows.map((value) => value + expert));
      },
    );
    expect(runs).toEqual([
      [0, [20], 1],
      [2, [10, 30], 2],
    ]);
    // Each weighs sigmoid(0).
    expect([...mixed]).toEqual([6, 10, 16]);
  });
});
