import { describe, expect, it } from 'vitest';
import { howText } from '../../../src/present/memoryText';
import { tally } from '../support/accuracy';
import { someOf } from '../support/cases';
import { STARTUPS, startupCounts, type StartupResult, walkStartup } from '../../harness/startups';

/** Shares that the printed room must be inside, and how wide a range may be. */
const INSIDE = 0.8;
const WIDTH = 0.08;

const named = STARTUPS.map((row) => walkStartup(row));
const outside = named.filter(({ inside }) => !inside).map(({ row }) => row.id);
const counted = tally(
  {
    id: 'startups',
    part: 'fit',
    what: 'Room for the cache that engines printed when they started, inside the range that `fit` gives',
    against:
      'logs in public issues of vLLM, SGLang and TensorRT-LLM, each with its source in test/fixtures/startups.json',
    unit: 'start-up',
    off: 'none',
    differences: [
      `Half of them were not used to fit the model. Outside: ${outside.join(', ')}. Of those that the engine refused none is said to fit.`,
    ],
  },
  STARTUPS.length,
);

describe.each([
  ['of a release that is named', false],
  ['of any release', true],
])('published start-ups, %s', (_, anyRelease) => {
  const results = STARTUPS.map((row) => walkStartup(row, anyRelease));

  it(`print a room for the cache that lies in the range in ${INSIDE * 100} % of the cases, also of those not fitted to`, () => {
    const counts = startupCounts(results);
    expect(counts.rows).toBeGreaterThanOrEqual(20);
    expect(counts.heldOut).toBeGreaterThanOrEqual(10);
    expect(counts.inside / counts.rows).toBeGreaterThanOrEqual(INSIDE);
    expect(counts.heldOutInside / counts.heldOut).toBeGreaterThanOrEqual(INSIDE);
  });

  it('are told by a range that is of use: its median width is a small part of the device', () => {
    expect(startupCounts(results).medianWidth).toBeLessThan(WIDTH);
    for (const { row, width } of results) expect(width, row.id).toBeGreaterThan(0);
  });

  it('are never said to fit where they were refused', () => {
    const refused = results.filter(({ row }) => row.refused);
    expect(refused.length).toBeGreaterThanOrEqual(5);
    expect(refused.filter(({ promised }) => promised).map(({ row }) => row.id)).toEqual([]);
  });

  it('are mostly not said to be beyond the device where they started', () => {
    const started = results.filter(({ row }) => !row.refused);
    const denied = (result: StartupResult): boolean => result.report.verdict === 'doesNotFit';
    expect(started.filter(denied).length / started.length).toBeLessThan(0.1);
  });
});

describe('a start-up', () => {
  it.each(someOf(STARTUPS))('$id has weights within a few hundredths of those printed', (row) => {
    const { report, inside } = walkStartup(row);
    counted.add({ compared: 1, equal: inside ? 1 : 0 });
    const weights = report.parts.find(({ part }) => part === 'weights')?.bytes;
    expect(row.source.length).toBeGreaterThan(5);
    if (row.weightsGib === null || !weights) return;
    const printed = row.weightsGib * 2 ** 30;
    expect(printed).toBeGreaterThan(weights.low * 0.97);
    expect(printed).toBeLessThan(weights.high * 1.03);
  });

  it('takes the defaults of its device: tokens of a step, and sequences whose logits are sampled', () => {
    const how = (id: string): string => {
      const row = STARTUPS.find((candidate) => candidate.id === id);
      if (!row) throw new Error(`no row ${id}`);
      const { report } = walkStartup(row);
      const part = report.parts.find(({ part: name }) => name === 'activations');
      return part ? howText(part, report.weights) : '';
    };
    expect(how('llama-8b-h100')).toMatch(/^the profiling run: 8,192 tokens .* 1,024 × 128,256 logits/);
    expect(how('qwen2-7b-a100-0.25')).toMatch(/^the profiling run: 2,048 tokens .* 256 × 152,064 logits/);
    expect(how('llama-3.1-8b-3090-20k')).toMatch(/^the profiling run: 20,000 tokens .* 256 × 128,256 logits/);
  });
});
