/** Every layer of the grid: the program on onnxruntime's CPU against the float64 reference. */

import { describe, expect, it } from 'vitest';
import { canFuse } from '../../../src/attention/onnx/fusedGraph';
import type { AttentionLayerSpec } from '../../../src/attention/spec/layerSpec';
import type { CacheMode, CaptureName, LatentForm, ProgramOptions } from '../../../src/attention/onnx/program';
import { referenceLayer } from '../../oracle/layer';
import { layerWeights, type WeightLayout, type WeightMap } from '../../../src/attention/spec/weightNames';
import { expectClose } from './support/compare';
import { LAYERS } from './support/layers';
import { randomWeights, seeded } from './support/random';
import { pastFeeds, randomHidden, roundedCache, runLayer } from './support/runLayer';
import { depthNote, thorough } from '../depth';

const TOLERANCE = 1e-5;

interface Shape {
  readonly batch: number;
  readonly past: number;
  readonly tokens: number;
}
const SHAPES: readonly Shape[] = [
  { batch: 1, past: 0, tokens: 7 },
  { batch: 2, past: 0, tokens: 1 },
  { batch: 1, past: 6, tokens: 1 },
  { batch: 2, past: 5, tokens: 3 },
];

function capturesOf(spec: AttentionLayerSpec, form: LatentForm | undefined): CaptureName[] {
  const common: CaptureName[] = [
    'attentionInput',
    'qRaw',
    'kRaw',
    'q',
    'k',
    'v',
    'scores',
    'weights',
    'heads',
    'output',
  ];
  if (spec.attention.kind !== 'latent') return common;
  return [...common, 'latent', 'ropeKey', ...(form === 'absorbed' ? (['absorbedQuery'] as const) : [])];
}

/** Runs both sides on the same numbers and compares output, captures and cache; says whether the program was fused. */
async function check(
  spec: AttentionLayerSpec,
  weights: WeightMap,
  layout: WeightLayout,
  shape: Shape,
  seed: number,
  extra: Partial<ProgramOptions>,
): Promise<boolean> {
  const next = seeded(seed);
  const { batch, past, tokens } = shape;
  const reference = { weightLayout: layout };
  const before =
    past === 0
      ? null
      : roundedCache(referenceLayer(spec, weights, randomHidden(spec, batch, past, next), null, reference).cache);
  const hidden = randomHidden(spec, batch, tokens, next);
  const expected = referenceLayer(spec, weights, hidden, before, reference);
  const { program, results } = await runLayer(spec, weights, hidden, past, before ? pastFeeds(before) : new Map(), {
    mode: before ? 'decode' : 'prefill',
    weightLayout: layout,
    captures: capturesOf(spec, extra.form),
    ...extra,
  });
  expectClose('output', results.get('output'), expected.output, TOLERANCE);
  for (const [name, output] of Object.entries(program.captures)) {
    expectClose(name, results.get(output), expected.captures[name as CaptureName], TOLERANCE);
  }
  for (const { role, present } of program.cache) {
    if (present?.startsWith('present')) expectClose(present, results.get(present), expected.cache[role], TOLERANCE);
    else if (present) expect(results.get(present)?.shape.at(-2)).toBe(tokens);
  }
  return program.fused;
}

const layoutOf = (seed: number): WeightLayout => (seed % 3 === 0 ? 'in-out' : 'out-in');

describe('programs agree with the float64 reference', () => {
  let seed = 1;
  for (const [index, [name, spec]] of Object.entries(LAYERS).entries()) {
    const forms: readonly (LatentForm | undefined)[] =
      spec.attention.kind === 'latent' ? ['expanded', 'absorbed'] : [undefined];
    // At a desk every layer takes a third of the shapes, the next one others.
    const shapes = SHAPES.filter((_, i) => thorough || i % 3 === index % 3);
    it(`${name}${depthNote}`, async () => {
      const layout = layoutOf(++seed);
      const weights = randomWeights(layerWeights(spec, layout), seeded(++seed));
      for (const shape of shapes) {
        for (const form of forms) {
          const caches: readonly CacheMode[] = shape.past > 0 ? ['present', 'append'] : ['present'];
          for (const cache of caches)
            await check(spec, weights, layout, shape, ++seed, { cache, ...(form && { form }) });
        }
      }
    });
  }
});

describe('fused programs agree with the float64 reference', () => {
  let seed = 1000;
  for (const [name, spec] of Object.entries(LAYERS)) {
    const options: ProgramOptions = { mode: 'prefill', fused: true };
    if (!canFuse(spec, options)) continue;
    it(name, async () => {
      const weights = randomWeights(layerWeights(spec), seeded(++seed));
      for (const shape of [...SHAPES.slice(0, 3), { batch: 2, past: 3, tokens: 1 }, { batch: 1, past: 5, tokens: 3 }]) {
        expect(await check(spec, weights, 'out-in', shape, ++seed, { fused: true, captures: [] })).toBe(true);
      }
    });
  }

  it('are not used where someone looks inside, or where the operators can not say it', () => {
    const spec = LAYERS['gqa 2'];
    if (!spec) throw new Error('No such layer.');
    expect(canFuse(spec, { mode: 'prefill', captures: ['output'] })).toBe(true);
    expect(canFuse(spec, { mode: 'prefill', captures: ['weights'] })).toBe(false);
    for (const name of ['alibi, 6 heads', 'chunked', 'latent', 'temperature', 'regrouped rotary']) {
      const other = LAYERS[name];
      expect(other && canFuse(other, { mode: 'prefill' }), name).toBe(false);
    }
  });
});
