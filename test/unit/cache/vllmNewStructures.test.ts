/** vLLM's pools of models with pooled index keys and windows of latents, worked out from its code; where it could be run, executed. */

import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import type { KnownPlan as CachePlan } from '../../../src/cache/plan';
import { readModelConfig } from '../../../src/reading/read';
import { type Scenario, UNSHARDED } from '../../../src/model/scenario';
import { knownPlan as planCache } from '../support/plans';
import { scenario } from '../support';

function plan(name: string, tokens: number, over: Partial<Scenario> = {}, text: object = {}): CachePlan {
  const config = JSON.parse(readFileSync(`test/fixtures/recent/${name}/config.json`, 'utf8')) as {
    readonly text_config?: object;
  };
  const changed = config.text_config
    ? { ...config, text_config: { ...config.text_config, ...text } }
    : { ...config, ...text };
  const reading = readModelConfig(JSON.stringify(changed));
  if (!reading) throw new Error('not a config');
  return planCache(reading.spec, scenario(1, tokens, { engine: 'vllm', ...over }));
}

const sizes = ({ steadyBytes, reservedBytes, exact }: CachePlan): readonly [number, number, boolean] => [
  steadyBytes,
  reservedBytes,
  exact,
];

describe('Qwen 4: index keys of 4 tokens, a ring, and the convolution of n-grams', () => {
  const QWEN4 = 'qwen4-exp-qwen3.8-flash-next';

  // 12 full layers: 2 KV heads × (256 + 256) × 2 B = 2,048 B a token. A delta state is 10,240 × 3 × 2 + 48 × 128 × 128 × 2 B =
  // 1,634,304 B; pages grow in steps of 16 tokens until it fits: 800 tokens, 1,638,400 B. An index page has 200 keys of 256 B:
  // 51,200 B. A block is 12 × (1,638,400 + 51,200) = 20,275,200 B, and holds 12 states.
  // 41 blocks of tokens, 1 of rings, 3 groups of 12 states and 1 of the n-grams' convolution, with one state each; 2 are reserved.
  it('at 32,768 tokens', () => {
    expect(sizes(plan(QWEN4, 32_768))).toEqual([(41 + 1 + 4) * 20_275_200, (41 + 1 + 8) * 20_275_200, true]);
  });

  // States in float32: 61,440 + 3,145,728 B fit into 1,568 tokens, 3,211,264 B; index pages of 392 keys are 100,352 B.
  it('with states in float32', () => {
    const block = 12 * (3_211_264 + 100_352);
    const text = { mamba_ssm_dtype: 'float32' };
    expect(sizes(plan(QWEN4, 32_768, {}, text))).toEqual([(21 + 1 + 4) * block, (21 + 1 + 8) * block, true]);
    // Three drafts: convolutions of 6 inputs, 3,268,608 B: 1,600 tokens, as a log of it has; 2 + 3 states in each group.
    const drafts = plan(QWEN4, 32_768, { options: { 'num-speculative-tokens': 3 } }, text);
    expect(drafts.reservedBytes).toBe((21 + 1 + 4 * 5) * 12 * 1_600 * (2_048 + 64));
    expect(drafts.reasons.map(({ text: reason }) => reason)).toContain('pages of 1600 and 4 tokens');
  });

  // Two ranks: 1 KV head, half a state, 817,152 B; the n-grams' convolution, 40,960 … 10,240 × 9 × 2 = 184,320 B, is whole on each.
  // 1,024 B a token: 800 tokens, 819,200 B; index pages as before.
  it('on two ranks', () => {
    const two = plan(QWEN4, 32_768, { sharding: { ...UNSHARDED, tp: 2 } });
    expect(two.reservedBytes).toBe((41 + 1 + 8) * 12 * (819_200 + 51_200));
  });

  it('holds 25,344 B of a token where transformers keeps the key of each: 27,648 B', () => {
    const needed = (tokens: number, engine: 'vllm' | 'transformers'): number =>
      plan(QWEN4, tokens, { engine }).neededBytes;
    expect(needed(8_192, 'vllm') - needed(4_096, 'vllm')).toBe(4_096 * 25_344);
    expect(needed(8_192, 'transformers') - needed(4_096, 'transformers')).toBe(4_096 * 27_648);
  });

  it.each([
    ['intrinsic', true],
    ['vllm', true],
    ['sglang', false],
    ['trtllm', false],
    ['llamacpp', false],
    // Whether it keeps the convolution's inputs was not executed.
    ['transformers', false],
  ] as const)('under %s: exact is %s', (engine, exact) => {
    expect(plan(QWEN4, 4_096, { engine }).exact).toBe(exact);
  });
});

describe('GLM-5.3-Flash: index keys of 4 tokens beside latents', () => {
  // A delta state is 24,576 × 3 × 2 + 64 × 128 × 128 × 4 B = 4,341,760 B, a latent 1,024 B: pages of 34 × 128 = 4,352 tokens,
  // 4,456,448 B; 1,088 index keys of 132 B beside each: 143,616 B. A block is 11 × 4,600,064 = 50,600,704 B and holds the states of
  // 11 layers: 34 are 4 groups. 8 blocks of tokens, 4 states, one block of raw keys; 2 states a group are reserved.
  it('at 32,768 tokens', () => {
    expect(sizes(plan('glm5-next', 32_768))).toEqual([13 * 50_600_704, 17 * 50_600_704, true]);
  });

  it('refuses pages that index keys do not tile', () => {
    const { refused } = plan('glm5-next', 4_096, { options: { 'block-size': 128 } }, { index_kpool: 16 });
    expect(refused).toBe('pages of 4352 tokens: with 16 tokens per index key, pages must be multiples of 512');
  });

  it('is not exact in stages of a pipeline, nor in fp8', () => {
    expect(plan('glm5-next', 4_096, { sharding: { ...UNSHARDED, pp: 2 } }).exact).toBe(false);
    expect(plan('glm5-next', 4_096, { kvDtype: 'fp8' }).exact).toBe(false);
  });
});

describe('dots3-note: windows of wide latents', () => {
  // 13 full layers and 33 with windows of 513, rows of 1,088 × 2 B in both, pages of 64: 139,264 B; index pages of 8,448 B.
  // Groups of 17 pad least: 13 full, 17 + 16 windows. `_max_memory_usage_bytes_from_groups` of vLLM 170592a93 (2026-08-13), executed
  // on these specs with 16,384 tokens in flight, gave these reserved bytes, and its packed block is 17 × 139,264 B.
  it.each([
    // Windows touch ⌈513 ÷ 64⌉ … pages: of 32,768 tokens the last 512 are in 8.
    [4_096, 64 + 2 * 8, 487_154_176],
    [32_768, 512 + 2 * 8, 2_616_570_368],
  ])('at %i tokens', (tokens, blocks, reserved) => {
    expect(sizes(plan('dots3-note', tokens))).toEqual([blocks * 17 * 139_264, reserved, true]);
  });

  it('takes 16 bits alone, and no earlier release', () => {
    expect(plan('dots3-note', 4_096, { kvDtype: 'fp8' }).refused).toContain('windowed latents');
    expect(plan('dots3-note', 4_096, { release: '2026-07' }).refused).toBe('this model before August 2026');
  });
});
