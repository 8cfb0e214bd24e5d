// The reference of real models: every case, the state, the name of the design.
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { planCache } from '../../../src/cache/plan';
import { readModelConfig } from '../../../src/config/read';
import { scenario } from '../support';

const folder = process.env['HEADLIGHT_REFERENCE'] ?? '../shared/reference';
const present = existsSync(join(folder, 'expected.json'));
if (!present) console.warn(`reference.test.ts: SKIPPED. There is no reference at ${folder} (set HEADLIGHT_REFERENCE).`);

interface Expected {
  readonly variant: string;
  readonly num_layers: number;
  readonly smax: number;
  readonly bytes: Readonly<Record<'b1_s1' | 'b1_s4096' | 'b8_s32768' | 'b1_smax', number>>;
  readonly state_bytes: number | null;
}

const expected = present
  ? (JSON.parse(readFileSync(join(folder, 'expected.json'), 'utf8')) as Record<string, Expected>)
  : {};

describe.skipIf(!present)('reference', () => {
  it.each(Object.entries(expected))('%s', (name, wanted) => {
    const spec = readModelConfig(readFileSync(join(folder, 'configs', name, 'config.json'), 'utf8'))?.spec;
    if (!spec) throw new Error('not read as a model config');
    const plan = (batch: number, tokens: number): ReturnType<typeof planCache> =>
      planCache(spec, scenario(batch, tokens));
    const got = {
      b1_s1: plan(1, 1).cacheBytes,
      b1_s4096: plan(1, 4096).cacheBytes,
      b8_s32768: plan(8, 32768).cacheBytes,
      b1_smax: plan(1, wanted.smax).cacheBytes,
    };
    expect(got).toEqual(wanted.bytes);
    if (wanted.state_bytes !== null) expect(plan(1, 1).stateBytes).toBe(wanted.state_bytes);
    expect(spec.variant).toBe(wanted.variant);
    expect(spec.exact).toBe(true);
    expect(spec.unknownLayers).toBe(0);
  });
});
