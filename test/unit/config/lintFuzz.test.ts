/** Lint of any text that reads as a config: never a throw, never a message without its numbers, and fixes that apply. */

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { lintReading } from '../../../src/lint/lint';
import { LINT_RULES } from '../../../src/lint/rules';
import { readModelConfig } from '../../../src/reading/read';
import { KV_DTYPES } from '../../../src/model/dtype';
import { fuzzCases, thorough } from '../depth';
import { sampleConfig, sampleNames } from '../support';
import { referenceConfig, referenceNames } from '../support/reference';

const CASES = fuzzCases(2_000);

type Json = null | boolean | number | string | Json[] | { [key: string]: Json };

const bases = [...sampleNames().map(sampleConfig), ...referenceNames().map(referenceConfig)].map(
  (text) => JSON.parse(text.replace(/-?\bInfinity\b|\bNaN\b/g, '0')) as Record<string, Json>,
);

/** Keys that the rules read, so that mutations meet them. */
const KEYS =
  `num_hidden_layers num_attention_heads num_key_value_heads n_kv_heads num_kv_heads head_dim hidden_size kv_lora_rank qk_rope_head_dim
  qk_head_dim sliding_window use_sliding_window max_window_layers sliding_window_pattern full_attention_interval layer_types no_rope_layers
  compress_ratios hybrid_override_pattern attn_layer_indices cross_attention_layers full_attn_idxs linear_attn_config attn_layer_period
  attn_layer_offset num_kv_shared_layers use_cla cla_share_factor partial_rotary_factor rotary_dim rope_scaling rope_parameters
  max_position_embeddings original_max_position_embeddings seq_length torch_dtype dtype quantization_config multi_query model_type text_config`.split(
    /\s+/,
  );

const odd: fc.Arbitrary<Json> = fc.oneof(
  fc.constantFrom<Json>(
    null,
    true,
    false,
    0,
    -1,
    1,
    0.5,
    3,
    7,
    64,
    1e300,
    2 ** 53,
    1e8,
    '',
    '8',
    '-0.5',
    'yarn',
    'llama3',
    'fp8',
    '__proto__',
    [],
    {},
  ),
  fc.integer({ min: -4, max: 200 }),
  fc.double({ noNaN: true }),
  fc.array(
    fc.constantFrom<Json>(0, 1, 4, -3, 1e9, null, 'full_attention', 'sliding_attention', 'linear_attention', {}, [[]]),
    { maxLength: 70 },
  ),
  fc.record(
    {
      rope_type: fc.constantFrom<Json>('yarn', 'linear', 'longrope', 'llama3', 'mrope', 'x', 5, null),
      type: fc.constantFrom<Json>('su', 'dynamic', 'default', [], null),
      factor: fc.constantFrom<Json>(0, -2, 0.5, 4, '4', null),
      original_max_position_embeddings: fc.constantFrom<Json>(0, 4096, -1, 'x'),
      long_factor: fc.constantFrom<Json>([], [1, 2], 3, null),
      mrope_section: fc.constantFrom<Json>([1, 2, 3], [null], 7),
      full_attention: fc.constantFrom<Json>({ rope_type: 'yarn' }, null, []),
      kv_cache_scheme: fc.constantFrom<Json>(
        null,
        'fp8',
        {},
        { num_bits: 8, type: 'float' },
        { num_bits: [], type: {} },
      ),
      full_attn_layers: fc.constantFrom<Json>([0, 1, 99, 1], 'x', [null, 0.5]),
      kda_layers: fc.constantFrom<Json>([1, 2], [], {}),
    },
    { requiredKeys: [] },
  ),
);

const mutated = fc
  .tuple(
    fc.constantFrom(...bases),
    fc.array(fc.tuple(fc.constantFrom(...KEYS), fc.boolean(), fc.boolean(), odd), { minLength: 1, maxLength: 8 }),
    fc.boolean(),
  )
  .map(([base, changes, twice]) => {
    const root = structuredClone(base);
    for (const [key, remove, inner, value] of changes) {
      const nested = root['text_config'];
      const holder = inner && nested !== null && typeof nested === 'object' && !Array.isArray(nested) ? nested : root;
      if (remove) Reflect.deleteProperty(holder, key);
      else holder[key] = structuredClone(value);
    }
    const text = JSON.stringify(root, null, 1);
    const [first] = changes;
    return twice && first ? text.replace('{', `{"${first[0]}": ${JSON.stringify(first[3])},`) : text;
  });

const options = fc.record(
  {
    tp: fc.constantFrom(1, 2, 3, 8, 0, -1, 0.5, Number.NaN, 1e9),
    kvDtype: fc.constantFrom(...KV_DTYPES),
    byteOrderMark: fc.boolean(),
  },
  { requiredKeys: [] },
);

describe('lint of mutated configs', () => {
  it(`never throws (${CASES} cases)`, { timeout: 600_000 }, () => {
    const met = new Set<string>();
    let read = 0;
    fc.assert(
      fc.property(mutated, options, (text, chosen) => {
        const reading = readModelConfig(text);
        if (!reading) return;
        read++;
        for (const { rule, message, range, fix } of lintReading(reading, chosen)) {
          met.add(rule);
          expect(message).not.toMatch(/undefined|NaN|\[object/);
          expect(message.length).toBeLessThan(400);
          if (range) expect(range.offset + range.length).toBeLessThanOrEqual(text.length);
          if (typeof fix?.value === 'number') expect(Number.isFinite(fix.value)).toBe(true);
        }
      }),
      { numRuns: CASES },
    );
    const unmet = Object.keys(LINT_RULES).filter((rule) => !met.has(rule));
    console.log(`${CASES} mutated configs, ${read} read; rules not met: ${unmet.join(', ') || 'none'}`);
    expect(read).toBeGreaterThan(CASES / 2);
    // A tenth of the cases meets fewer.
    if (thorough) expect(unmet.length).toBeLessThan(10);
  });
});
