/** Identities that hold whatever the numbers are. */

import { describe, expect, it } from 'vitest';
import { buildAttentionProgram } from '../../../src/attention/onnx/buildAttention';
import type { Tensor } from '../../../src/attention/onnx/graph';
import type { AttentionLayerSpec } from '../../../src/attention/spec/layerSpec';
import type { AttentionProgram } from '../../../src/attention/onnx/program';
import { stepInputs } from '../../../src/attention/step/stepInputs';
import { layerWeights, type WeightMap } from '../../../src/attention/spec/weightNames';
import { relativeError } from '../golden';
import { expectClose, valuesOf } from './support/compare';
import { heads, LATENT, layer, LAYERS, RMS, rope } from './support/layers';
import { randomWeights, seeded } from './support/random';
import { randomHidden, runLayer, runSteps } from './support/runLayer';
import { floats, type Results, runProgram } from './support/session';

const TOLERANCE = 1e-5;

const latentLayer = layer(LATENT, { rotary: rope(4, 'interleaved'), latentNorms: { query: null, latent: RMS } });

async function prefill(
  spec: AttentionLayerSpec,
  weights: WeightMap,
  tokens: number,
  seed: number,
  batch = 1,
): Promise<Results> {
  const hidden = randomHidden(spec, batch, tokens, seeded(seed));
  return (await runLayer(spec, weights, hidden, 0, new Map(), { mode: 'prefill', captures: ['weights', 'heads'] }))
    .results;
}

/** K or V weights of `kvHeads` heads written once for every one of `queryHeads` query heads. */
function repeatHeads(weight: Float32Array, kvHeads: number, queryHeads: number): Float32Array {
  const size = weight.length / kvHeads;
  const result = new Float32Array(size * queryHeads);
  for (let head = 0; head < queryHeads; head++) {
    const group = Math.floor(head / (queryHeads / kvHeads));
    result.set(weight.subarray(group * size, (group + 1) * size), head * size);
  }
  return result;
}

/** Rows [..,past,dim] and new ones behind them. */
function besides(past: Tensor | undefined, fresh: Tensor | undefined): Tensor {
  const outer = (past?.shape ?? []).slice(0, -2);
  const [dim = 0] = (past?.shape ?? []).slice(-1);
  const [rows = 0, more = 0] = [past?.shape.at(-2), fresh?.shape.at(-2)];
  const count = outer.reduce((a, b) => a * b, 1);
  const data = Array.from({ length: count }, (_, o) => [
    ...Array.from(past?.data ?? [], Number).slice(o * rows * dim, (o + 1) * rows * dim),
    ...Array.from(fresh?.data ?? [], Number).slice(o * more * dim, (o + 1) * more * dim),
  ]).flat();
  return floats([...outer, rows + more, dim], data);
}

describe('identities', () => {
  it('latent attention absorbed equals expanded, in prefill and in decode', async () => {
    const weights = randomWeights(layerWeights(latentLayer), seeded(3));
    const hidden = randomHidden(latentLayer, 2, 9, seeded(4));
    const run = (form: 'expanded' | 'absorbed') =>
      runLayer(latentLayer, weights, hidden, 0, new Map(), { mode: 'prefill', form, captures: ['weights'] });
    const [expanded, absorbed] = [await run('expanded'), await run('absorbed')];
    for (const name of ['output', 'weights', 'present_latent']) {
      const tensor = expanded.results.get(name);
      expectClose(name, absorbed.results.get(name), tensor && valuesOf(tensor), TOLERANCE);
    }
    const steps = await Promise.all(
      (['absorbed', 'expanded'] as const).map((form) => runSteps(latentLayer, weights, hidden, { form })),
    );
    for (const { output } of steps) expectClose('decoded', output, steps[0]?.output, TOLERANCE);
  });

  for (const name of [
    'mha',
    'gqa 3',
    'sliding',
    'chunked',
    'sinks',
    'softcap',
    'alibi, 6 heads',
    'temperature',
    'latent',
    'learned positions',
  ]) {
    it(`prefill of n equals n decode steps: ${name}`, async () => {
      const spec = LAYERS[name];
      if (!spec) throw new Error('No such layer.');
      const weights = randomWeights(layerWeights(spec), seeded(5));
      const hidden = randomHidden(spec, 2, 11, seeded(6));
      const { program, results } = await runLayer(spec, weights, hidden, 0, new Map(), { mode: 'prefill' });
      const steps = await runSteps(spec, weights, hidden);
      const output = results.get('output');
      expectClose('output', steps.output, output && valuesOf(output), TOLERANCE);
      for (const { role, present } of program.cache) {
        const tensor = results.get(present ?? '');
        expectClose(role, steps.cache.get(`past_${role}`), tensor && valuesOf(tensor), TOLERANCE);
      }
    });
  }

  it.each([
    ['g = n equals MHA', 4, 4],
    ['g = 1 equals MQA: all heads share one K and V', 4, 1],
    ['g = 2 equals MHA with K and V written twice', 4, 2],
  ])('GQA with %s', async (_, queryHeads, kvHeads) => {
    const grouped = layer(heads(queryHeads, kvHeads, 8), { rotary: rope(8) });
    const whole = layer(heads(queryHeads, queryHeads, 8), { rotary: rope(8) });
    const weights = randomWeights(layerWeights(grouped), seeded(7));
    const repeated = new Map(weights);
    for (const name of ['k.weight', 'v.weight'])
      repeated.set(name, repeatHeads(weights.get(name) ?? new Float32Array(), kvHeads, queryHeads));
    const [a, b] = [await prefill(grouped, weights, 9, 8, 2), await prefill(whole, repeated, 9, 8, 2)];
    for (const name of ['weights', 'heads', 'output']) {
      const tensor = b.get(name);
      expectClose(name, a.get(name), tensor && valuesOf(tensor), TOLERANCE);
    }
  });

  it.each(['half', 'interleaved', 'interleaved-to-half'] as const)(
    'turning q and k by one offset leaves scores alone: %s',
    async (layout) => {
      const spec = layer(heads(4, 2, 8), { rotary: rope(8, layout) });
      const weights = randomWeights(layerWeights(spec), seeded(9));
      const hidden = randomHidden(spec, 1, 6, seeded(10));
      const program = buildAttentionProgram(spec, { mode: 'prefill', captures: ['scores', 'q'] });
      const runs = await Promise.all(
        [0, 17].map((offset) => {
          const feeds = new Map(stepInputs(spec, program, { newTokens: 6, pastTokens: 0 }));
          const moved = stepInputs(spec, program, { newTokens: 6, pastTokens: offset });
          for (const name of ['cos', 'sin']) feeds.set(name, moved.get(name) ?? floats([0], []));
          return runProgram(program, weights, new Map([...feeds, ['hidden', floats(hidden.shape, hidden.data)]]));
        }),
      );
      const [still, moved] = runs.map((run) => run.get('scores'));
      expectClose('scores', moved, still && valuesOf(still), TOLERANCE);
      const [before, after] = runs.map((run) => run.get('q')?.data as Float32Array);
      expect(relativeError(after ?? [], before ?? [])).toBeGreaterThan(0.1);
    },
  );

  it('a decode step with nothing before it is a prefill of one token', async () => {
    for (const name of ['gqa 2', 'latent', 'sinks']) {
      const spec = LAYERS[name];
      if (!spec) throw new Error('No such layer.');
      const weights = randomWeights(layerWeights(spec), seeded(11));
      const hidden = randomHidden(spec, 1, 1, seeded(12));
      const { results } = await runLayer(spec, weights, hidden, 0, new Map(), { mode: 'prefill' });
      const output = results.get('output');
      for (const cache of ['present', 'append'] as const) {
        const program = buildAttentionProgram(spec, { mode: 'decode', cache });
        const past = program.cache.map(({ past: input, shape, tokenAxis }) => {
          const sizes = shape.map((size, axis) => (axis === tokenAxis ? 0 : typeof size === 'number' ? size : 1));
          return [input ?? '', floats(sizes, [])] as const;
        });
        const feeds = new Map([
          ['hidden', floats(hidden.shape, hidden.data)] as const,
          ...stepInputs(spec, program, { newTokens: 1, pastTokens: 0 }),
          ...past,
        ]);
        expectClose(
          `${name}, ${cache}`,
          (await runProgram(program, weights, feeds)).get('output'),
          output && valuesOf(output),
          TOLERANCE,
        );
      }
    }
  });

  it('new rows that the runner writes into the cache give the same step as rows that the graph joins (written)', async () => {
    const cases = [
      ...['mha', 'gqa 3', 'odd dims, values narrower', 'sliding', 'softcap', 'latent'].map(
        (name) => [name, 'absorbed'] as const,
      ),
      ['latent', 'expanded'] as const,
    ];
    for (const [name, form] of cases) {
      const spec = LAYERS[name];
      if (!spec) throw new Error('No such layer.');
      const weights = randomWeights(layerWeights(spec), seeded(16));
      const [past, hidden] = [randomHidden(spec, 2, 6, seeded(17)), randomHidden(spec, 2, 2, seeded(18))];
      const options = { mode: 'decode', form } as const;
      const before = await runLayer(spec, weights, past, 0, new Map(), { mode: 'prefill' });
      const rows = buildAttentionProgram(spec, { ...options, cache: 'append', output: false });
      const main = buildAttentionProgram(spec, { ...options, cache: 'written' });
      expect(main.cache.map(({ present }) => present)).toEqual(main.cache.map(() => null));
      const pasts = new Map(
        main.cache.map(({ role, past: input }) => [input ?? '', before.results.get(`present_${role}`) as Tensor]),
      );
      const step = { batch: 2, newTokens: 2, pastTokens: 6 };
      const feeds = (program: AttentionProgram, cache: ReadonlyMap<string, Tensor>) =>
        new Map([['hidden', floats(hidden.shape, hidden.data)] as const, ...stepInputs(spec, program, step), ...cache]);
      const fresh = await runProgram(rows, weights, feeds(rows, new Map()));
      const buffers = new Map(
        main.cache.map(({ role, past: input }) => [
          input ?? '',
          besides(pasts.get(input ?? ''), fresh.get(`new_${role}`)),
        ]),
      );
      const written = await runProgram(main, weights, feeds(main, buffers));
      const joined = await runLayer(spec, weights, hidden, 6, pasts, { ...options, cache: 'present' });
      const output = joined.results.get('output');
      expectClose(`${name}, ${form}`, written.get('output'), output && valuesOf(output), TOLERANCE);
    }
  });
});
