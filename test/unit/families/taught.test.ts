/** A family that is taught to be like a known one is read, judged, counted and run by that one's rules. */

import { describe, expect, it } from 'vitest';
import { describeLayer } from '../../../src/compute/describeLayer';
import { lintReading } from '../../../src/lint/lint';
import { readModelConfig, type Reading } from '../../../src/reading/read';
import { parseTaughtFamilies } from '../../../src/reading/taught';
import { countParameters } from '../../../src/serving/parameters/count';

/** Values that several rules have something to say about. */
const CONFIG = {
  hidden_size: 4100,
  intermediate_size: 11008,
  num_hidden_layers: 4,
  vocab_size: 32000,
  head_dim: null,
  partial_rotary_factor: 1.5,
  rope_scaling: { factor: 8 },
  torch_dtype: 'bfloat16',
};

const { families } = parseTaughtFamilies({
  acme: { like: 'llama', keys: { q_heads: 'num_attention_heads', n_kv: 'num_key_value_heads' } },
});

const taughtText = (more: object = {}): string =>
  JSON.stringify({ model_type: 'acme', q_heads: 32, n_kv: 8, ...CONFIG, ...more });
const likeText = (more: object = {}): string =>
  JSON.stringify({ model_type: 'llama', num_attention_heads: 32, num_key_value_heads: 8, ...CONFIG, ...more });

function read(text: string): Reading {
  const reading = readModelConfig(text, { families });
  if (!reading) throw new Error('not read');
  return reading;
}

const rules = (text: string): readonly string[] =>
  lintReading(read(text), { tp: 3 }).map(({ rule, severity }) => `${severity} ${rule}`);

describe('a taught family', () => {
  it('is judged by the same rules', () => {
    const found = rules(taughtText());
    expect(found).toEqual(rules(likeText()));
    expect(found).toContain('error hidden-not-divisible');
  });

  it('has the same parameters', () => {
    const sound = { hidden_size: 4096, partial_rotary_factor: 1, rope_scaling: null };
    const like = countParameters(read(likeText(sound)));
    expect(like?.total).toBeGreaterThan(0);
    expect(countParameters(read(taughtText(sound)))?.total).toBe(like?.total);
  });

  it("runs the known family's layers, with its RoPE, norms and biases", () => {
    const sound = { hidden_size: 4096, partial_rotary_factor: 1, rope_scaling: null, attention_bias: true };
    const own = describeLayer({ text: taughtText(sound), families }, 1);
    expect(own).toEqual(describeLayer({ text: likeText(sound) }, 1));
    expect(own.layer.rotary?.dim).toBe(128);
    expect(own.layer.biases.q).toBe(true);
    expect(own.note).toBeNull();
  });
});
