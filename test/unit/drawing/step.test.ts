// A step in the figure: its boxes sum to the whole, the ones that take most are marked, and nothing is cut.
import { describe, expect, it } from 'vitest';
import { figureOf } from '../../../src/drawing/figure';
import type { Scene } from '../../../src/drawing/scene';
import { stepBoxes } from '../../../src/drawing/stepBoxes';
import { growthRows, stepFigure, stepSentences } from '../../../src/drawing/stepFigure';
import { UNSHARDED } from '../../../src/model/scenario';
import { readModelConfig } from '../../../src/reading/read';
import { anatomyOf } from '../../../src/serving/anatomy/anatomy';
import { type Flight, flightOf, flightRequest, type Step, STEPS, type Work } from '../../../src/serving/anatomy/flight';
import { deviceOf } from '../../../src/serving/hardware';
import { someOf } from '../support/cases';
import { cut, overlapping } from '../support/geometry';
import { referenceConfig, referenceNames } from '../support/reference';

function flight(
  name: string,
  step: Step,
  batch: number,
  tokens: number,
  gpu: string | null = 'h100-sxm',
  tp = 1,
): Flight {
  const reading = readModelConfig(referenceConfig(name));
  if (!reading) throw new Error(name);
  const anatomy = anatomyOf(reading, 'bf16', tokens);
  const device = gpu === null ? null : deviceOf(gpu);
  const sharding = { ...UNSHARDED, tp };
  const scenario = {
    engine: tp > 1 ? 'vllm' : 'intrinsic',
    sharding,
    kvDtype: 'bf16',
    workload: { batch, tokens },
  } as const;
  return flightOf(anatomy, flightRequest(reading, scenario, step, device, null, anatomy.count));
}

function figure(found: Flight, width: number): Scene {
  return figureOf(found.anatomy, { width, name: 'model', source: 'config.json', step: stepFigure(found) });
}

const WORK = [
  'weightBytesRead',
  'cacheBytesRead',
  'cacheBytesWritten',
  'stateBytesRead',
  'stateBytesWritten',
  'flops',
] as const satisfies readonly (keyof Work)[];

describe('the boxes of a step', () => {
  it.each(someOf(referenceNames()))('%s: sum to the whole', (name) => {
    for (const step of STEPS)
      for (const batch of [1, 48]) {
        const found = flight(name, step, batch, 10_000);
        const { boxes } = stepBoxes(found);
        for (const of of WORK) {
          const whole = found.whole[of];
          if (whole === null) continue;
          const sum = boxes.reduce((total, { work, layers }) => total + layers * (work[of] ?? 0), 0);
          // Of layers whose parameters are known only together, what a recurrence computes stands in no box.
          const apart = boxes.filter(({ work }) => work[of] === null);
          if (of === 'flops' && apart.length > 0) expect(sum).toBeLessThanOrEqual(whole);
          // Bytes of quantised weights are rounded, those of experts and of all else apart.
          else expect(Math.abs(sum - whole), `${step} ${of}`).toBeLessThanOrEqual(Math.max(1, whole * 1e-12));
        }
      }
  });

  it.each(someOf(referenceNames()))(
    '%s: take no less one after the other than all at once, and shares sum to 1',
    (name) => {
      for (const step of STEPS) {
        const found = flight(name, step, 4, 10_000);
        const { boxes, timeS, limit } = stepBoxes(found);
        if (!found.time || timeS === null) {
          expect(limit).toBeNull();
          continue;
        }
        if (boxes.some(({ time }) => time === null)) continue;
        expect(timeS).toBeGreaterThanOrEqual(found.time.timeS * (1 - 1e-9));
        expect(boxes.reduce((sum, { share }) => sum + (share ?? 0), 0)).toBeCloseTo(1, 9);
        expect(boxes.some(({ most }) => most)).toBe(true);
      }
    },
  );

  it('of gpt-oss: experts at a short context, the cache at a long one, of the full layers alone', () => {
    const limitAt = (tokens: number): ReturnType<typeof stepBoxes> =>
      stepBoxes(flight('gpt-oss-20b', 'decode', 1, tokens));
    expect(limitAt(8192).limit).toMatchObject({
      titles: [expect.stringContaining('experts')],
      reads: 'weights',
      layers: 24,
    });
    const { limit, boxes } = limitAt(131_072);
    expect(limit).toMatchObject({
      titles: ['Attention to all tokens'],
      reads: 'cache',
      layers: 12,
      limitedBy: 'memory',
    });
    expect(boxes.filter(({ most }) => most)).toHaveLength(1);
  });

  it('have no times without a device, and say so', () => {
    const found = flight('llama-3-8b', 'decode', 1, 100, null);
    expect(stepBoxes(found)).toMatchObject({ limit: null, timeS: null });
    expect(stepSentences(found, stepBoxes(found))[0]).toContain('is not known');
    expect(stepBoxes(found).boxes.find(({ id }) => id === 'layer.A.q')?.work.weightBytesRead).toBe(4096 * 4096 * 2);
  });
});

describe('the sentences of a step', () => {
  const says = (found: Flight): string => stepSentences(found, stepBoxes(found)).join(' ');

  it('say what takes it, what of it most, and why', () => {
    expect(says(flight('llama-3-8b', 'decode', 1, 8192))).toBe(
      'A decode step for 1 sequence at 8,192 tokens on H100 SXM 80GB takes at least 4.8 ms, limited by memory bandwidth. ' +
        'Takes most, 23 % each: Gate, Up and Down, in 32 layers. Memory bandwidth limits them: they read weights. ' +
        'It reads 13.98 GiB of weights, 1 GiB of cache; it writes 128 KiB of cache; it computes 19.3 GFLOP, at the peak of bf16.',
    );
    expect(says(flight('llama-3-8b', 'prefill', 2, 8192))).toMatch(
      /^Prefill of 8,192 tokens for each of 2 sequences .* limited by compute\. .* Compute limits them\./,
    );
  });

  it('say that weights do not fit, and that each device has a copy of the cache', () => {
    const alone = flight('deepseek-r1', 'decode', 1, 100);
    expect(says(alone)).toMatch(/ on H100 SXM 80GB cannot run: the weights, [\d.]+ GiB, do not fit\. It reads /);
    // What does not load has no time, in the sentences and in the boxes.
    expect(says(alone)).not.toMatch(/takes|\dms|\d ms|\d s\b/);
    expect(stepBoxes(alone).boxes.flatMap(({ time }) => (time === null ? [] : [time]))).toEqual([]);
    const eight = flight('deepseek-r1', 'decode', 1, 100, 'h100-sxm', 8);
    expect(says(eight)).toContain('Across the devices the cache is stored 8 times.');
    expect(eight.whole.cacheBytesRead).toBe(8 * 61 * 576 * 2 * 100);
  });

  it('say what is not known, beside what is', () => {
    const text = says(flight('t5-small', 'prefill', 1, 100));
    expect(text).toContain('how long it takes is not known');
    expect(text).toContain('how much it computes is not known');
    expect(text).toMatch(/It reads [\d.]+ MiB of weights/);
  });
});

describe('the growth of the cache', () => {
  const growth = (name: string, tokens: number): ReturnType<typeof growthRows> =>
    growthRows(flight(name, 'decode', 1, tokens));

  it('has one scale at every context up to the trained one', () => {
    for (const name of ['gemma-3-1b', 'deepseek-r1', 'jamba-v0.1'])
      expect(growth(name, 100).scaleBytes).toBe(growth(name, 20_000).scaleBytes);
  });

  it('says when a window is full, that a state does not grow, and what a latent adds', () => {
    const [window] = growth('gemma-3-1b', 100).rows;
    const [full] = growth('gemma-3-1b', 5000).rows;
    expect(window).toMatchObject({ window: { tokens: 512, filled: 100 } });
    expect(window?.text).toMatch(/window not full \(100 of 512 tokens\): \+ .* per token/);
    expect(full).toMatchObject({ window: { tokens: 512, filled: 512 } });
    expect(full?.text).toMatch(/window full .*: grows no more/);
    const state = growth('jamba-v0.1', 100).rows.map(({ text }) => text);
    expect(state).toContainEqual(expect.stringMatching(/^state .*, does not grow$/));
    expect(growth('jamba-v0.1', 9000).rows.map(({ text }) => text)[0]).toBe(state[0]);
    // 61 layers of 576 numbers in two bytes.
    expect(growth('deepseek-r1', 1000).rows).toMatchObject([{ bytes: 61 * 576 * 2 * 1000 }]);
  });
});

describe('the figure of a step', () => {
  it.each(someOf(referenceNames()))('%s: nothing overlaps and nothing is cut at 320, 480 and 1,200 px', (name) => {
    for (const [step, width] of [
      ['decode', 320],
      ['prefill', 480],
      ['decode', 1200],
    ] as const) {
      const scene = figure(flight(name, step, 1, 8192), width);
      expect(overlapping(scene.parts)).toEqual([]);
      expect(cut(scene)).toEqual([]);
      expect(
        scene.parts.filter((part) => part.x < 0 || part.x + part.width > width || part.y + part.height > scene.height),
      ).toEqual([]);
      expect(new Set(scene.parts.map(({ id }) => id)).size).toBe(scene.parts.length);
    }
  });

  it('marks what takes most by a word and a second frame', () => {
    const scene = figure(flight('gpt-oss-20b', 'decode', 1, 131_072), 1200);
    const most = scene.parts.filter(({ says }) => says.includes('Takes most of the step'));
    expect(most.map(({ id }) => id)).toEqual(['layer.B.attention']);
    const frames = (id: string): number =>
      scene.parts
        .find((part) => part.id === id)
        ?.shapes.filter((shape) => shape.shape === 'rect' && shape.fill === null).length ?? 0;
    expect([frames('layer.B.attention'), frames('layer.A.attention')]).toEqual([1, 0]);
  });

  it('closes a full window with a bolt', () => {
    const bolts = (tokens: number): number =>
      figure(flight('gpt-oss-20b', 'decode', 1, tokens), 1200)
        .parts.filter(({ id }) => id.startsWith('growth.'))
        .flatMap(({ shapes }) => shapes)
        .filter((shape) => shape.shape === 'rect' && shape.fill === 'text').length;
    expect([bolts(127), bolts(128)]).toEqual([0, 1]);
  });
});
