import { describe, expect, it } from 'vitest';
import { planCache } from '../../../src/cache/plan';
import { readModelConfig, type Reading } from '../../../src/reading/read';
import { ENGINES } from '../../../src/model/scenario';
import { explainMarkdown } from '../../../src/present/explainText';
import { fitMarkdown } from '../../../src/present/fitText';
import { fitModel } from '../../../src/serving/fit';
import { DEVICES } from '../../../src/serving/hardware';
import { scenario } from '../support';

function read(config: object): Reading {
  const reading = readModelConfig(JSON.stringify(config, null, 2));
  if (!reading) throw new Error('not a config');
  return reading;
}

const COMMON = {
  hidden_size: 1024,
  num_hidden_layers: 6,
  num_attention_heads: 16,
  torch_dtype: 'bfloat16',
  vocab_size: 1000,
  intermediate_size: 2048,
};
const GQA = read({ model_type: 'llama', architectures: ['LlamaForCausalLM'], ...COMMON, num_key_value_heads: 4 });
const SLIDING = read({
  model_type: 'gemma2',
  architectures: ['Gemma2ForCausalLM'],
  ...COMMON,
  num_key_value_heads: 4,
  head_dim: 64,
  sliding_window: 128,
});
const MLA = read({
  model_type: 'deepseek_v3',
  architectures: ['DeepseekV3ForCausalLM'],
  ...COMMON,
  kv_lora_rank: 64,
  qk_rope_head_dim: 16,
  qk_nope_head_dim: 32,
  v_head_dim: 32,
  q_lora_rank: 64,
});

describe('explaining a number', () => {
  it.each([
    ['GQA', GQA],
    ['sliding', SLIDING],
    ['MLA', MLA],
  ] as const)('%s: every factor with the line that gave it', (_, reading) => {
    const plan = planCache(reading.spec, scenario(2, 500));
    const text = explainMarkdown('model', plan).source;
    const lines = reading.document.text.split('\n');
    const rows = [...text.matchAll(/^\| (?:\*\*)?(.*?)(?:\*\*)? +\| +([\d,.]+) \| `([\w.]+)`.* \| +(\d+) \|$/gm)];
    expect(rows.length).toBeGreaterThan(2);
    for (const [, , , key = '', line = '0'] of rows) expect(lines[Number(line) - 1], key).toContain(`"${key}"`);
  });

  it('says in symbols what is multiplied, each letter beside its number', () => {
    const text = explainMarkdown('model', planCache(GQA.spec, scenario(2, 500))).source;
    expect(text).toContain('In symbols: l · 2 · g · h · bytes · s · b');
    expect(text).toMatch(/\| KV heads, g +\| +4 \|/);
    expect(explainMarkdown('model', planCache(MLA.spec, scenario(2, 500))).source).toContain('(dₗ + dᵣ)');
  });

  it('the products say what the plan says', () => {
    for (const reading of [GQA, SLIDING, MLA]) {
      const plan = planCache(reading.spec, scenario(1, 500));
      const text = explainMarkdown('model', plan).source;
      const sums = [...text.matchAll(/= \*\*([\d,]+) B/g)].map(([, sum = '']) => Number(sum.replaceAll(',', '')));
      expect(sums.reduce((total, sum) => total + sum, 0)).toBe(plan.totalBytes);
    }
  });

  it('puts the products of the key first, and marks it', () => {
    const text = explainMarkdown('model', planCache(SLIDING.spec, scenario(1, 500)), 'sliding_window').source;
    expect(text).toContain('`sliding_window`');
    const heads = explainMarkdown('model', planCache(GQA.spec, scenario(1, 500)), 'num_key_value_heads').source;
    expect(heads).toMatch(/\| \*\*KV heads, g\*\* +\| +4 \| `num_key_value_heads` +\|/);
  });

  it('tells needed, occupied and reserved where a rule pages', () => {
    for (const engine of ENGINES) {
      const plan = planCache(GQA.spec, { ...scenario(1, 501), engine });
      expect(/occupied/.test(explainMarkdown('model', plan).source), engine).toBe(
        plan.steadyBytes !== plan.neededBytes || plan.reservedBytes !== plan.neededBytes,
      );
    }
  });

  it('escapes what comes from the file', () => {
    const hostile = read({
      model_type: '<img src=x onerror=y> [a](command:b) | `',
      architectures: ['X'],
      ...COMMON,
      num_key_value_heads: 3,
    });
    const text = explainMarkdown('[x](command:y) | <b>', planCache(hostile.spec, scenario(1, 10)), 'model_type').source;
    expect(text).not.toMatch(/<img|<b>|\]\(command/);
  });
});

describe('a fit as text', () => {
  it('names the device, says whether the weights were estimated, and holds for every device', () => {
    for (const device of DEVICES) {
      const at = scenario(1, 4096);
      const report = fitModel({ reading: GQA, device, scenario: at, weights: null });
      expect(report).not.toBeNull();
      if (!report) continue;
      const text = fitMarkdown('model', report, at).source;
      expect(text).toMatch(/^\| Weights on it +\| /m);
      expect(text).toContain('estimated: ');
      expect(text).not.toMatch(/NaN|undefined|Infinity/);
    }
  });
});
