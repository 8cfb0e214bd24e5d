import { applyEdits } from 'jsonc-parser';
import { describe, expect, it } from 'vitest';
import { planCache } from '../../../src/cache/plan';
import { type Reading, readModelConfig } from '../../../src/reading/read';
import { textEdits } from '../../../src/config/textEdits';
import { type Knob, knobsOf, turnedReading } from '../../../webview/views/whatIf/knobs';
import { realChange, resultRows, resultSentence, settingOf } from '../../../webview/views/whatIf/viewModel';
import { depthNote, sampled } from '../depth';
import { sampleConfig, scenario } from '../support';
import { referenceConfig, referenceNames } from '../support/reference';
import { sourcedDevice } from '../../../src/serving/hardware';
import { overviewOn } from '../support/overview';

function read(text: string): Reading {
  const reading = readModelConfig(text);
  if (!reading) throw new Error('not a model config');
  return reading;
}

const layersOf = (reading: Reading | null): unknown =>
  reading?.spec.layers.map(({ attention, parallelState }) => [attention, parallelState]);

describe('what-if controls', () => {
  it('offers the divisors of the query heads, and says why others are not possible', () => {
    const [heads] = knobsOf(read(sampleConfig('llama-3-8b')));
    expect(heads?.id).toBe('num_key_value_heads');
    expect(heads?.file).toBe(8);
    expect(heads?.scale.values).toEqual([1, 2, 4, 8, 16, 32]);
    expect(heads?.problem(5)).toBe('5 does not divide 32 query heads.');
    expect([1, 4, 32].map((value) => heads?.meaning(value))).toEqual(['MQA', 'GQA, groups of 8', 'MHA']);
  });

  it('adds a key that is absent where the family obeys it, and only there', () => {
    const llama = JSON.parse(sampleConfig('llama-3-8b')) as Record<string, unknown>;
    const { num_key_value_heads: _, ...without } = llama;
    const [heads] = knobsOf(read(JSON.stringify(without)));
    expect([heads?.id, heads?.file]).toEqual(['num_key_value_heads', 32]);
    expect(knobsOf(read(sampleConfig('gpt2'))).map(({ id }) => id)).not.toContain('num_key_value_heads');
  });

  it('turns latent and RoPE key of MLA, and the pattern of mixed layers', () => {
    expect(knobsOf(read(sampleConfig('deepseek-v3'))).map(({ id, file }) => [id, file])).toEqual([
      ['kv_lora_rank', 512],
      ['qk_rope_head_dim', 64],
    ]);
    const types = ['linear_attention', 'linear_attention', 'linear_attention', 'full_attention'];
    const next = JSON.stringify({
      model_type: 'qwen3_next',
      num_hidden_layers: 8,
      num_attention_heads: 4,
      num_key_value_heads: 2,
      head_dim: 64,
      hidden_size: 256,
      full_attention_interval: 4,
      layer_types: [...types, ...types],
    });
    const reading = read(next);
    const knob = knobsOf(reading).find(({ id }) => id === 'layer_types');
    expect(knob?.file).toBe(4);
    const kinds = turnedReading(reading, knob ? [knob] : [], new Map([['layer_types', 2]]))?.spec.layers.map(
      ({ attention }) => attention.kind,
    );
    expect(kinds).toEqual(['recurrent', 'full', 'recurrent', 'full', 'recurrent', 'full', 'recurrent', 'full']);
  });

  it('offers a window to families that would obey one, and a pattern where no key says it', () => {
    const knobs = (changes: object): readonly Knob[] =>
      knobsOf(read(JSON.stringify({ ...(JSON.parse(sampleConfig('mistral-7b-v0.1')) as object), ...changes })));
    const none = knobs({ sliding_window: null }).find(({ id }) => id === 'sliding_window');
    expect([none?.file, none?.scale.values.at(-1), none?.meaning(32_768), none?.meaning(4096)]).toEqual([
      32_768,
      32_768,
      'no window',
      'tokens',
    ]);
    expect(knobs({}).find(({ id }) => id === 'sliding_window')?.file).toBe(4096);
    expect(knobsOf(read(sampleConfig('llama-3-8b'))).map(({ label }) => label)).toEqual(['KV heads', 'Head dim']);
    const gemma = read(
      JSON.stringify({
        model_type: 'gemma2',
        num_hidden_layers: 6,
        num_attention_heads: 4,
        num_key_value_heads: 2,
        head_dim: 64,
        hidden_size: 256,
        sliding_window: 512,
      }),
    );
    const pattern = knobsOf(gemma).find(({ label }) => label === 'Full layer every');
    expect([pattern?.id, pattern?.file]).toEqual(['layer_types', 2]);
    const kinds = turnedReading(gemma, pattern ? [pattern] : [], new Map([['layer_types', 3]]))?.spec.layers.map(
      ({ attention }) => attention.kind,
    );
    expect(kinds).toEqual(['sliding', 'sliding', 'full', 'sliding', 'sliding', 'full']);
  });

  it(`means the same as the edit that it applies, for every control of every reference config${depthNote}`, () => {
    let turned = 0;
    for (const name of sampled(referenceNames())) {
      const text = referenceConfig(name);
      const reading = read(text);
      for (const knob of knobsOf(reading)) {
        const { values } = knob.scale;
        for (const value of new Set([values[0], values[values.length >> 1], values.at(-1)])) {
          if (value === undefined || value === knob.file) continue;
          const preview = turnedReading(reading, [knob], new Map([[knob.id, value]]));
          const edited = read(applyEdits(text, [...textEdits(text, [{ path: knob.path, value: knob.write(value) }])]));
          expect(layersOf(preview), `${name} ${knob.id} ${value}`).toEqual(layersOf(edited));
          // The file's new value is where the control stands then.
          expect(knobsOf(edited).find(({ id }) => id === knob.id)?.file ?? value, `${name} ${knob.id} ${value}`).toBe(
            value,
          );
          turned++;
        }
      }
    }
    expect(turned).toBeGreaterThan(50);
  });

  it('compares before and after', () => {
    const reading = read(sampleConfig('llama-3-8b'));
    const knobs = knobsOf(reading);
    const at = scenario(1, 32_768);
    const after = turnedReading(reading, knobs, new Map([['num_key_value_heads', 2]]));
    if (!after) throw new Error('readable');
    const rows = resultRows(overviewOn(reading, at, 'h100-sxm'), overviewOn(after, at, 'h100-sxm'));
    expect(rows[0]).toEqual({
      name: 'per token',
      before: '128 KiB',
      after: '32 KiB',
      ratio: '÷ 4',
      same: false,
      bars: { before: 1, after: 0.25 },
    });
    expect(resultSentence(rows)).toBe('per token 32 KiB, ÷ 4; in all 1 GiB, ÷ 4');
    expect(planCache(after.spec, at).bytesPerToken).toBe(32_768);
    expect(
      resultRows(overviewOn(reading, at, 'h100-sxm'), overviewOn(reading, at, 'h100-sxm')).every(
        ({ same, ratio }) => same && ratio === '',
      ),
    ).toBe(true);
  });

  it('writes no setting that stands already', () => {
    const settings = {
      scenario: scenario(1, 4096),
      gpu: 'h100-sxm',
      device: sourcedDevice('h100-sxm'),
      families: {},
      native: true,
    };
    expect(realChange(settings, { tokens: 4096, batch: 2, gpu: 'h100-sxm' })).toEqual({ batch: 2 });
    expect(settingOf(settings, { tp: 4 }).scenario.sharding.tp).toBe(4);
  });
});
