/** The sample models, loaded from their folders as a download would be, against what PyTorch computed when they were trained. */

import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { describe, expect, it } from 'vitest';
import { openModel } from '../../../src/weights/openModel';
import { relativeError } from '../golden';
import { forward } from './forward';

const SAMPLES = resolve(__dirname, '../../../media/samples');
const FIXTURES = resolve(__dirname, '../../fixtures/samples');
const MAX_FOLDER_BYTES = 1_500_000;

interface Fixture {
  readonly input_ids: number[][];
  readonly logits_last: number[];
  readonly layers: readonly {
    readonly k: number[];
    readonly k_shape: number[];
    readonly v: number[];
    readonly weights: number[];
    readonly attention_output: number[];
    readonly hidden_out?: number[];
    readonly cache_latent?: number[];
    readonly cache_rope_key?: number[];
  }[];
}

describe.each(['mha', 'gqa', 'mqa', 'mla'])('sample %s', (name) => {
  const folder = join(SAMPLES, name);

  it('is small', () => {
    const bytes = readdirSync(folder).reduce((sum, file) => sum + statSync(join(folder, file)).size, 0);
    expect(bytes).toBeLessThanOrEqual(MAX_FOLDER_BYTES);
  });

  it('computes what PyTorch computes', async () => {
    const fixture = JSON.parse(readFileSync(join(FIXTURES, `${name}.json`), 'utf8')) as Fixture;
    const model = await openModel(folder);
    const run = await forward(model.store, model.plan, fixture.input_ids[0] ?? []);
    await model.close();
    expect(run.layers.length).toBe(fixture.layers.length);
    fixture.layers.forEach((expected, index) => {
      const { captures, hidden } = run.layers[index] ?? { captures: {}, hidden: undefined };
      expect(relativeError(captures.k?.data, expected.k)).toBeLessThan(1e-5);
      expect(relativeError(captures.v?.data, expected.v)).toBeLessThan(1e-5);
      expect(relativeError(captures.weights?.data, expected.weights)).toBeLessThan(1e-5);
      expect(relativeError(captures.output?.data, expected.attention_output)).toBeLessThan(1e-4);
      if (expected.hidden_out) expect(relativeError(hidden?.data, expected.hidden_out)).toBeLessThan(1e-4);
      if (expected.cache_latent) expect(relativeError(captures.latent?.data, expected.cache_latent)).toBeLessThan(1e-5);
      if (expected.cache_rope_key)
        expect(relativeError(captures.ropeKey?.data, expected.cache_rope_key)).toBeLessThan(1e-5);
    });
    expect(relativeError(run.logits, fixture.logits_last)).toBeLessThan(1e-4);
  });

  it('has the groups that its name says', async () => {
    const model = await openModel(folder);
    const attention = model.plan.layers[0]?.block.layer.attention;
    await model.close();
    const kvHeads = attention === undefined || attention.kind === 'latent' ? null : attention.kvHeads;
    expect(kvHeads).toBe({ mha: 8, gqa: 2, mqa: 1, mla: null }[name]);
  });
});
