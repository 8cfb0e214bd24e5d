/** The short form of test/robust: the corpus, some inputs of each kind, some large texts, edits, kills and faults, with a new seed each time. */

import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { edit } from '../../robust/editing';
import { EVERY_LARGE, mixed } from '../../robust/inputs';
import { brokenPart, runPart, table } from '../../robust/suite';
import { Watch } from '../../robust/watch';
import { buildCompute } from '../compute/support/computeBundle';
import { fuzzCases } from '../depth';
import { sampleConfig, sampleNames } from '../support';
import { referenceConfig, referenceNames } from '../support/reference';
import { generator } from '../weights/files';

const INPUTS = fuzzCases(5_000);
/** A few of the large texts; the long form asks about all. */
const LARGE_STEP = 83;

const bases = (): string[] => {
  const corpus = JSON.parse(readFileSync('test/fixtures/corpus.json', 'utf8')) as Record<string, { base: unknown }>;
  return [
    ...sampleNames().map(sampleConfig),
    ...referenceNames().map(referenceConfig),
    ...Object.values(corpus).map(({ base }) => JSON.stringify(base, null, 2)),
  ];
};

describe('whatever a file, an edit or a compute process does', () => {
  const seed = Math.abs(Number(process.env['HEADLIGHT_SEED']));

  it(`every provider answers in time and makes sense (${INPUTS} inputs)`, { timeout: 600_000 }, async () => {
    const compute = await buildCompute();
    try {
      const report = await runPart({
        seed,
        bases: bases(),
        inputs: INPUTS,
        large: { from: seed % LARGE_STEP, to: EVERY_LARGE, step: LARGE_STEP },
        edits: 300,
        kills: 2,
        faults: 4,
        script: compute.script,
        corpus: true,
      });
      const { text, holds } = table([report], seed);
      if (process.env['HEADLIGHT_TEST_TIMES'] !== undefined) console.log(text);
      expect(holds, text).toBe(true);
      expect(report.counts['read as configs']).toBeGreaterThan(INPUTS / 4);
      expect(report.counts['exact plans']).toBeGreaterThan(INPUTS / 4);
      // A provider that is never asked never fails.
      for (const name of ['fit', 'lint', 'hover', 'edits', 'refactorings', 'Python, hover'])
        expect(report.slowest[name]?.calls, name).toBeGreaterThan(0);
    } finally {
      await compute.remove();
    }
  });

  it('what is kept of edits is found', () => {
    const breaches = (onEdit: () => void): string[] => {
      const watch = new Watch();
      edit(sampleConfig('llama-3-8b'), 200, watch, generator(mixed(seed, 1)), onEdit);
      return watch.report.breaches.filter(({ kind }) => kind === 'memory').map(({ what }) => what);
    };
    const kept: number[][] = [];
    expect(breaches(() => undefined)).toEqual([]);
    // 100 KB an edit.
    expect(breaches(() => void kept.push(new Array<number>(12_500).fill(kept.length)))).toEqual([
      expect.stringMatching(/^\d+ bytes are kept of 200 edits$/),
    ]);
    expect(kept).toHaveLength(200);
  });

  it('a breach is told, with its seed', () => {
    const { text, holds } = table([brokenPart('part of seed 7', 'hang', 'batch 3: no sign of life')], 7);
    expect(holds).toBe(false);
    expect(text).toMatch(/seed 7\n[\s\S]*1 hang[\s\S]*batch 3: no sign of life/);
  });
});
