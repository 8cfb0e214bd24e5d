/** A cache that is written in place: a ring of slots where a layer has a window or chunk, step by step against the float64 reference. */

import { describe, expect, it } from 'vitest';
import { buildAttentionProgram } from '../../../src/attention/onnx/buildAttention';
import type { Tensor } from '../../../src/attention/onnx/graph';
import { type AttentionLayerSpec, keyLimit } from '../../../src/attention/spec/layerSpec';
import { ringSlots, slotOf, slotPositions } from '../../../src/attention/step/ring';
import { sees } from '../../../src/attention/step/mask';
import { stepInputs } from '../../../src/attention/step/stepInputs';
import { layerWeights } from '../../../src/attention/spec/weightNames';
import { inRing } from '../../../src/compute/bench/cacheRows';
import { referenceLayer, type ReferenceCache } from '../../oracle/layer';
import { sampled } from '../depth';
import { eachOrSkip, noCases } from '../support/cases';
import { expectClose } from './support/compare';
import { LAYERS } from './support/layers';
import { randomWeights, seeded } from './support/random';
import { randomHidden } from './support/runLayer';
import { floats, openSession, runSession } from './support/session';

const withLimit = (spec: AttentionLayerSpec, limit: number): AttentionLayerSpec => {
  const { attention } = spec;
  if (attention.kind === 'sliding') return { ...spec, attention: { ...attention, window: limit } };
  return attention.kind === 'chunked' ? { ...spec, attention: { ...attention, chunk: limit } } : spec;
};

describe('the slots of a ring', () => {
  it('hold what each query of the step sees, whatever the sizes', () => {
    for (const kind of ['sliding', 'chunked'] as const) {
      for (let limit = 1; limit <= 5; limit++) {
        const heads = { queryHeads: 1, kvHeads: 1, keyDim: 1, valueDim: 1 };
        const attention = kind === 'sliding' ? { ...heads, kind, window: limit } : { ...heads, kind, chunk: limit };
        for (let step = 1; step <= 4; step++) {
          for (let past = 0; past < 12; past++) {
            const tokens = past + step;
            const slots = ringSlots(attention, tokens, step);
            const held = slotPositions(slots, tokens);
            held.forEach((position, slot) => position >= 0 && expect(slotOf(position, slots)).toBe(slot));
            for (let query = past; query < tokens; query++)
              for (let key = 0; key < tokens; key++)
                if (sees(attention, query, key)) expect(held, `${key} of ${query}`).toContain(key);
          }
        }
      }
    }
  });

  it('are unused before they are written, and no more than there are tokens', () => {
    expect([...slotPositions(5, 3)]).toEqual([0, 1, 2, -1, -1]);
    expect([...slotPositions(3, 7)]).toEqual([6, 4, 5]);
    const { attention } = LAYERS['sliding'] as AttentionLayerSpec;
    expect([2, 4, 9].map((tokens) => ringSlots(attention, tokens, 1))).toEqual([2, 4, 4]);
    expect(ringSlots((LAYERS['mha'] as AttentionLayerSpec).attention, 9, 1)).toBe(9);
  });
});

/** Prefill of 5 tokens, then steps of so many: windows and chunks smaller than, equal to, and larger than the 9 tokens of all. */
const PREFILL = 5;
const STEPS = [
  { batch: 1, tokens: 1, count: 4 },
  { batch: 2, tokens: 2, count: 2 },
] as const;
const LIMITS = [1, 3, 4, 5, 9, 20] as const;
const CASES = Object.entries(LAYERS).flatMap(([name, spec]) =>
  keyLimit(spec.attention) === null
    ? []
    : LIMITS.map((limit) => [`${name}, ${limit}`, withLimit(spec, limit)] as const),
);

describe('a layer whose cache is written in place', () => {
  eachOrSkip([...CASES, ...sampled(Object.entries(LAYERS), 8)], noCases, ([name, spec]) => {
    it(`is that of the reference in every step: ${name}`, async () => {
      for (const { batch, tokens, count } of STEPS) {
        const next = seeded(5);
        const weights = randomWeights(layerWeights(spec), next);
        let before: ReferenceCache = referenceLayer(spec, weights, randomHidden(spec, batch, PREFILL, next)).cache;
        const slots = ringSlots(spec.attention, PREFILL + tokens * count, tokens);
        const program = buildAttentionProgram(spec, {
          mode: 'decode',
          cache: 'inPlace',
          room: { batch, tokens: slots },
        });
        const session = await openSession(program.graph);
        let held = new Map<string, Tensor>();
        for (const { role, past, shape } of program.cache) {
          const tensor = before[role];
          if (past !== null && tensor)
            held.set(past, { ...inRing(floats(tensor.shape, tensor.data), slots, PREFILL), shape: shape.map(Number) });
        }
        for (let step = 0; step < count; step++) {
          const pastTokens = PREFILL + step * tokens;
          const hidden = randomHidden(spec, batch, tokens, next);
          const expected = referenceLayer(spec, weights, hidden, before);
          const results = await runSession(
            session,
            new Map([
              ['hidden', floats(hidden.shape, hidden.data)] as const,
              ...program.weightInputs.map(
                ({ name: own, shape }) => [own, floats(shape, weights.get(own) ?? [])] as const,
              ),
              ...stepInputs(spec, program, { batch, newTokens: tokens, pastTokens }),
              ...held,
            ]),
          );
          expectClose(`output of step ${step}`, results.get('output'), expected.output, 1e-5);
          held = new Map(
            program.cache.flatMap(({ past, present }) => {
              const tensor = results.get(present ?? '');
              return past !== null && tensor ? [[past, tensor] as const] : [];
            }),
          );
          before = expected.cache;
        }
        await session.release();
        expect(before.tokens).toBe(PREFILL + tokens * count);
      }
    });
  });

  it('is refused where a step would overwrite what it still reads', () => {
    const spec = LAYERS['sliding'] as AttentionLayerSpec;
    const program = buildAttentionProgram(spec, { mode: 'decode', cache: 'inPlace', room: { batch: 1, tokens: 4 } });
    const step = (newTokens: number) => () => stepInputs(spec, program, { newTokens, pastTokens: 9 });
    expect(step(1)).not.toThrow();
    expect(step(2)).toThrow('A cache of 4 slots has no room for this step.');
  });
});

it('rows of a ring lie by their positions modulo its slots', () => {
  const rows = floats([1, 2, 3, 1], [4, 5, 6, 14, 15, 16]);
  expect([...(inRing(rows, 4, 7).data as Float32Array)]).toEqual([4, 5, 6, 0, 14, 15, 16, 0]);
  // Fewer slots than rows: the oldest are gone.
  expect([...(inRing(rows, 2, 7).data as Float32Array)]).toEqual([6, 5, 16, 15]);
});
