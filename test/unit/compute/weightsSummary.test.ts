import { readFileSync, statSync } from 'node:fs';
import { resolve } from 'node:path';
import { describe, expect, it } from 'vitest';
import { WeightFiles } from '../../../src/compute/weights/files';
import { weightsMarkdown } from '../../../src/present/weightsText';
import type { CallContext } from '../../../src/shared/rpc';
import { checked } from '../support/checked';
import { WEIGHTS, type WeightsSummary } from '../../../src/shared/weightsContract';
import { scenario } from '../support';

const WEIGHTS_ANSWERS = new WeightFiles().answers();
const SAMPLES = resolve(import.meta.dirname, '../../../media/samples');
const context: CallContext = { signal: new AbortController().signal, progress: () => undefined };

/** The header as the format's own description says: 8 bytes of length, then JSON. */
function header(
  file: string,
): [name: string, entry: { dtype: string; shape: number[]; data_offsets: [number, number] }][] {
  const bytes = readFileSync(file);
  const length = Number(bytes.readBigUInt64LE(0));
  return Object.entries(
    JSON.parse(bytes.subarray(8, 8 + length).toString('utf8')) as Record<
      string,
      { dtype: string; shape: number[]; data_offsets: [number, number] }
    >,
  ).filter(([name]) => name !== '__metadata__');
}

describe('a summary of weights', () => {
  for (const name of ['mha', 'gqa', 'mqa', 'mla']) {
    it(`${name}: is what the header says`, async () => {
      const path = resolve(SAMPLES, name, 'model.safetensors');
      const summary = await WEIGHTS_ANSWERS['weights/summary']({ path }, context);
      const tensors = header(path);
      const bytes = tensors.reduce(
        (
          sum,
          [
            ,
            {
              data_offsets: [start, end],
            },
          ],
        ) => sum + end - start,
        0,
      );
      expect(summary.tensors).toBe(tensors.length);
      expect(summary.weights.bytes).toBe(bytes);
      expect(summary.elements).toBe(
        tensors.reduce((sum, [, { shape }]) => sum + shape.reduce((product, size) => product * size, 1), 0),
      );
      expect(summary.types.reduce((sum, type) => sum + type.bytes, 0)).toBe(bytes);
      expect(bytes).toBeLessThan(statSync(path).size);
      expect(summary.config?.from).toBe('config.json');
      expect(await WEIGHTS_ANSWERS['weights/beside']({ path: resolve(SAMPLES, name, 'config.json') }, context)).toEqual(
        summary.weights,
      );
      expect(weightsMarkdown('x', summary, scenario(1, 1024), 'h100-sxm').source).toMatch(/\*\*[\d,]+ B\/token\*\*/);
    });
  }

  it('says in a sentence what is wrong with a file', async () => {
    await expect(
      WEIGHTS_ANSWERS['weights/summary']({ path: resolve(SAMPLES, 'gqa', 'config.json') }, context),
    ).rejects.toMatchObject({ code: 'invalidInput' });
    await expect(
      WEIGHTS_ANSWERS['weights/summary']({ path: resolve(SAMPLES, 'nothing.gguf') }, context),
    ).rejects.toThrow(/does not exist/);
    expect(() => checked(WEIGHTS['weights/summary'].params, { path: 5 })).toThrow(/string/);
  });

  it('shows nothing of a file as markup', () => {
    const hostile = '<img src=x> [a](command:b) `c` | d';
    const summary: WeightsSummary = {
      format: 'gguf',
      files: 1,
      tensors: 1,
      elements: 4,
      weights: { bytes: 16, expertBytes: 0, exact: true, rule: hostile },
      types: [{ name: hostile, tensors: 1, elements: 4, bytes: 16 }],
      attention: [],
      unmarked: null,
      mismatches: [],
      mismatchCount: 0,
      largest: [{ name: hostile, dtype: hostile, shape: [4], bytes: 16 }],
      modules: [{ name: hostile, tensors: 1, elements: 4, bytes: 16 }],
      metadata: [{ key: hostile, text: hostile, count: null }],
      config: { text: '{"model_type": 3}', from: 'metadata' },
    };
    const text = weightsMarkdown(hostile, summary, scenario(1, 1024), 'none').source;
    // In a code span nothing is markup.
    expect(text.replace(/`[^`]*`/g, '')).not.toMatch(/<img|\]\(command/);
    expect(text).toContain('nothing can be said about its cache');
  });
});
