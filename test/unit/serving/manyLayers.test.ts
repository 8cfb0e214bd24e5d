/** A search for what fits makes hundreds of plans. */

import { expect, it } from 'vitest';
import { ENGINES, UNSHARDED } from '../../../src/model/scenario';
import { readModelConfig } from '../../../src/reading/read';
import { fitModel } from '../../../src/serving/fit';
import { deviceOf } from '../../../src/serving/hardware';
import { scenario, timed } from '../support';

/** Layers of two kinds, the rarer in 24 places. */
function reading(layers: number): NonNullable<ReturnType<typeof readModelConfig>> {
  const config = {
    model_type: 'mllama_text_model',
    hidden_size: 64,
    num_attention_heads: 4,
    num_key_value_heads: 2,
    intermediate_size: 128,
    vocab_size: 1000,
    num_hidden_layers: layers,
    cross_attention_layers: Array.from({ length: 24 }, (_, index) => index),
  };
  const read = readModelConfig(JSON.stringify(config));
  if (read === null) throw new Error('not a config');
  return read;
}

it.each(ENGINES)('what fits is found as fast for 4,000 layers as for some: %s', (engine) => {
  const device = deviceOf('h100-sxm');
  if (device === null) throw new Error('no such device');
  const few = reading(80);
  const many = reading(4000);
  const ms = [few, many].map((model) => {
    const request = {
      reading: model,
      device,
      scenario: scenario(1, 180_000, { engine, sharding: { ...UNSHARDED, tp: 2, pp: 3 } }),
      weights: null,
    };
    expect(fitModel(request)).not.toBeNull();
    return timed(() => fitModel(request), 9, 2).cpuMs;
  });
  expect(ms[1], ms.join(' and ')).toBeLessThan(Math.max(30, 4 * (ms[0] ?? 0)));
});

it('as many layers of latent attention with experts are placed on two devices by kinds, not one by one', () => {
  const device = deviceOf('h100-sxm');
  const read = readModelConfig(
    JSON.stringify({
      model_type: 'glm4_moe_lite',
      hidden_size: 64,
      num_hidden_layers: 4096,
      num_attention_heads: 4,
      num_key_value_heads: 4,
      num_experts_per_tok: 2,
      q_lora_rank: 24,
      kv_lora_rank: 20,
      qk_nope_head_dim: 12,
      qk_rope_head_dim: 8,
      v_head_dim: 12,
    }),
  );
  if (device === null || read === null) throw new Error('no device or no config');
  const [one, four] = [1, 4].map((pp) => {
    const whole = scenario(1, 8192, { engine: 'llamacpp', sharding: { ...UNSHARDED, pp } });
    return timed(() => fitModel({ reading: read, device, scenario: whole, weights: null }), 9, 3).cpuMs;
  });
  // Placing them costs about what counting their parameters does; layer by layer it cost eight times that.
  expect(four, `${one} and ${four}`).toBeLessThan(4 * (one ?? 0));
});
