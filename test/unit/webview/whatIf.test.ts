import { applyEdits } from 'jsonc-parser';
import { describe, expect, it } from 'vitest';
import { planCache } from '../../../src/cache/plan';
import { type Reading, readModelConfig } from '../../../src/reading/read';
import { textEdits } from '../../../src/config/textEdits';
import { type Knob, knobsOf, turnedReading } from '../../../webview/views/whatIf/knobs';
import type { EngineOptions, EngineRule } from '../../../src/model/scenario';
import type { PanelSettings, ScenarioChange } from '../../../src/shared/panelContract';
import { keptChange, realChange, resultRows, resultSentence, settingOf } from '../../../webview/views/whatIf/viewModel';
import { depthNote, sampled } from '../depth';
import { sampleConfig, scenario } from '../support';
import { preset } from '../support/presets';
import { referenceConfig, referenceNames } from '../support/reference';
import { sourcedDevice } from '../../../src/serving/hardware';
import { overviewOn } from '../support/overview';
import { verdictText } from '../../../webview/views/overview/viewModel';

function read(text: string): Reading {
  const reading = readModelConfig(text);
  if (!reading) throw new Error('not a model config');
  return reading;
}

const layersOf = (reading: Reading | null): unknown =>
  reading?.spec.layers.map(({ attention, parallelState }) => [attention, parallelState]);

describe('weights of another type', () => {
  const settings: PanelSettings = {
    scenario: scenario(32, 131_072, { engine: 'vllm', kvDtype: 'fp8', weights: 'fp8' }),
    engineOptions: {},
    gpu: 'h100-sxm',
    device: sourcedDevice('h100-sxm'),
    families: [],
    native: true,
    units: 'GiB',
  };

  it('are chosen, go back to what the file says, and are no change where the settings say so already', () => {
    expect(settingOf(settings, {}).scenario.weights).toBe('fp8');
    expect(settingOf(settings, { weights: 'int4:32' }).scenario.weights).toBe('int4:32');
    expect('weights' in settingOf(settings, { weights: 'file' }).scenario).toBe(false);
    expect(realChange(settings, { weights: 'fp8' })).toEqual({});
    expect(realChange(settings, { weights: 'file' })).toEqual({ weights: 'file' });
  });

  it('stand in the memory bar with the verdict and its reason', () => {
    const at = (change: ScenarioChange): ReturnType<typeof overviewOn> =>
      overviewOn(read(preset('llama-3.1-405b')), settingOf(settings, change).scenario, 'h100-sxm');
    const fp8 = at({ tp: 8 });
    expect(fp8.memory?.chosen).toBe('Weights as fp8, chosen; the file says bfloat16.');
    expect(fp8.memory?.segments[0]?.label).toBe('weights as fp8');
    // With more devices than KV heads each has a whole copy: more do not help.
    expect(verdictText(fp8)).toMatch(
      /^Does not fit: the cache takes 126 GiB on each device, but only [\d.]+ GiB to [\d.]+ GiB are left after the weights; more devices do not help\.$/,
    );
    expect(verdictText(at({ tp: 8, batch: 1 }))).toMatch(/^Fits: the cache takes 3.94 GiB on each device, and /);
    const filed = at({ tp: 8, batch: 1, weights: 'file' });
    expect(filed.memory?.chosen).toBeNull();
    expect(verdictText(filed)).toBe(
      'Does not fit: the weights alone fill the device; fits from 16 × H100 SXM 80GB up.',
    );
  });
});

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
    expect(resultSentence(rows)).toBe('per token 32 KiB, ÷ 4; in total 1 GiB, ÷ 4');
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
      engineOptions: {},
      gpu: 'h100-sxm',
      device: sourcedDevice('h100-sxm'),
      families: {},
      units: 'GiB' as const,
      native: true,
    };
    expect(realChange(settings, { tokens: 4096, batch: 2, gpu: 'h100-sxm' })).toEqual({ batch: 2 });
    expect(settingOf(settings, { tp: 4 }).scenario.sharding.tp).toBe(4);
  });

  describe('of an engine', () => {
    const settings = (engine: EngineRule, release: string, options: EngineOptions): PanelSettings => ({
      scenario: scenario(1, 1, { engine, release, options }),
      engineOptions: { [engine]: options, sglang: { 'page-size': 64 } },
      gpu: 'h100-sxm',
      device: sourcedDevice('h100-sxm'),
      families: {},
      units: 'GiB' as const,
      native: true,
    });
    const old = settings('vllm', '0.11', { 'block-size': 32 });

    it.each([
      [{}, 'vllm', '0.11', { 'block-size': 32 }],
      [{ engine: 'vllm', release: '2026-08' }, 'vllm', '2026-08', { 'block-size': 32 }],
      [{ engine: 'vllm', options: {} }, 'vllm', '0.11', {}],
      [{ engine: 'sglang' }, 'sglang', '0.5.16', { 'page-size': 64 }],
      [{ engine: 'sglang', options: { 'page-size': 1 } }, 'sglang', '0.5.16', { 'page-size': 1 }],
      [{ engine: 'trtllm' }, 'trtllm', '1.2', {}],
      [{ engine: 'intrinsic' }, 'intrinsic', '1', {}],
    ] as readonly (readonly [ScenarioChange, EngineRule, string, EngineOptions])[])(
      '%j has the release and options that belong to it',
      (change, engine, release, options) => {
        expect(settingOf(old, change).scenario).toMatchObject({ engine, release, options });
      },
    );

    it('a change says what differs from how the settings would start that engine', () => {
      expect(realChange(old, { engine: 'vllm', release: '0.11', options: { 'block-size': 32 } })).toEqual({});
      expect(realChange(old, { engine: 'vllm', release: '2026-08', options: {} })).toEqual({
        release: '2026-08',
        options: {},
      });
      expect(realChange(old, { engine: 'sglang', release: '0.5.16', options: { 'page-size': 64 } })).toEqual({
        engine: 'sglang',
      });
      const two = settings('vllm', '2026-08', { 'block-size': 16, 'async-scheduling': false });
      expect(realChange(two, { engine: 'vllm', options: { 'async-scheduling': false, 'block-size': 16 } })).toEqual({});
    });

    it('what was kept comes back as far as the rules still know it', () => {
      const change: ScenarioChange = { tp: 2, engine: 'vllm', release: '0.11', options: { 'block-size': 8 } };
      expect(keptChange(JSON.parse(JSON.stringify(change)))).toEqual(change);
      expect(keptChange({ ...change, release: '0.1', options: { 'block-size': 0, gone: 1 } })).toEqual({
        tp: 2,
        engine: 'vllm',
        options: {},
      });
      expect(keptChange({ tokens: 5, engine: 'abacus', options: { 'block-size': 8 } })).toEqual({ tokens: 5 });
      expect(keptChange(null)).toEqual({});
    });

    it('an option changes the number, and a set-up that does not start is words instead of numbers', () => {
      const reading = read(sampleConfig('llama-3-8b'));
      const total = (change: ScenarioChange): number | null =>
        planCache(reading.spec, settingOf(old, change).scenario).totalBytes;
      // One token takes a page.
      expect(total({})).toBe(32 * 131_072);
      expect(total({ engine: 'vllm', options: { 'block-size': 128 } })).toBe(128 * 131_072);
      const at = scenario(1, 4096, { engine: 'llamacpp', kvDtype: 'q8_0' });
      const fine = overviewOn(reading, at, 'h100-sxm');
      const refused = overviewOn(reading, { ...at, options: { 'flash-attn': 'off' } }, 'h100-sxm');
      expect(fine.refusal).toBeNull();
      expect(refused.refusal).toMatch(/^llama\.cpp v[\d.]+ refuses values in q8_0 without flash attention$/);
      expect(refused.memory).toBeNull();
      expect(refused.three).toEqual([]);
      // Said once, not as a guess as well.
      expect(refused.inexact).toBeNull();
      expect(refused.memoryProblem).toBe('Nothing fits on H100 SXM 80GB: the engine does not start.');
      for (const row of resultRows(refused, fine))
        expect([row.before, row.ratio, row.bars]).toEqual(['refused', '', null]);
    });
  });
});
