import { readdirSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { describe, expect, it } from 'vitest';
import { readModelConfig } from '../../../src/reading/read';
import { countParameters } from '../../../src/serving/parameters/count';
import { eachOrSkip, noCases } from '../support/cases';

const folder = resolve(import.meta.dirname, '../../../media/presets');
const listed = JSON.parse(readFileSync(join(folder, 'index.json'), 'utf8')) as {
  readonly file: string;
  readonly name: string;
  readonly detail: string;
}[];

/** Billions of parameters, as the models' own names and reports say. */
const BILLIONS: Readonly<Record<string, number>> = {
  'llama-2-7b': 6.74,
  'llama-3-8b': 8.03,
  'llama-3-70b': 70.6,
  'llama-3.1-405b': 405.9,
  'mistral-7b': 7.24,
  'mixtral-8x7b': 46.7,
  'qwen3-8b': 8.19,
  'qwen3-32b': 32.8,
  'qwen3-next-80b-a3b': 80,
  'gemma-3-27b': 27,
  'phi-3-mini': 3.82,
  'falcon-7b': 6.92,
  'gpt-3-175b': 175,
  'gpt-oss-120b': 117,
  'deepseek-v3': 671,
  'kimi-k2': 1026,
  'llama-4-scout': 109,
};

describe('bundled presets', () => {
  it('lists every file, and nothing else', () => {
    const files = readdirSync(folder).filter((file) => file !== 'index.json');
    expect(listed.map(({ file }) => file).sort()).toEqual(files.sort());
    for (const { name, detail } of listed)
      expect([name, detail].every((text) => text !== '' && text.length < 60)).toBe(true);
  });

  eachOrSkip(listed, noCases, ({ file }) => {
    it(`reads ${file} exactly, and its size is the published one`, () => {
      const reading = readModelConfig(readFileSync(join(folder, file), 'utf8'));
      expect(reading?.spec.exact).toBe(true);
      expect(reading?.problems.filter(({ severity }) => severity === 'error')).toEqual([]);
      const published = BILLIONS[file.replace('.json', '')] ?? 0;
      const count = (reading && countParameters(reading)?.total) ?? 0;
      expect(Math.abs(count / 1e9 / published - 1)).toBeLessThan(0.02);
    });
  });
});
