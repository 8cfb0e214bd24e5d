import { applyEdits, modify } from 'jsonc-parser';
import { describe, expect, it } from 'vitest';
import { lintReading } from '../../../src/lint/lint';
import type { LintOptions } from '../../../src/lint/context';
import type { RuleId } from '../../../src/lint/rules';
import { readModelConfig } from '../../../src/reading/read';
import type { Problem, ProblemFix, Severity } from '../../../src/model/spec';

type Json = null | boolean | number | string | readonly Json[] | { readonly [key: string]: Json };
type Config = Readonly<Record<string, Json | undefined>>;

const LLAMA: Config = {
  model_type: 'llama',
  hidden_size: 4096,
  num_hidden_layers: 32,
  num_attention_heads: 32,
  num_key_value_heads: 8,
  max_position_embeddings: 8192,
  rope_theta: 500000,
  torch_dtype: 'bfloat16',
};
const QWEN2: Config = { ...LLAMA, model_type: 'qwen2' };
const DEEPSEEK: Config = {
  model_type: 'deepseek_v3',
  hidden_size: 7168,
  num_hidden_layers: 61,
  num_attention_heads: 128,
  num_key_value_heads: 128,
  kv_lora_rank: 512,
  q_lora_rank: 1536,
  qk_nope_head_dim: 128,
  qk_rope_head_dim: 64,
  v_head_dim: 128,
  max_position_embeddings: 4096,
  torch_dtype: 'bfloat16',
};
const PHI3: Config = {
  ...LLAMA,
  model_type: 'phi3',
  hidden_size: 3072,
  num_key_value_heads: 32,
  original_max_position_embeddings: 4096,
};
const GEMMA3: Config = {
  ...LLAMA,
  model_type: 'gemma3_text',
  num_hidden_layers: 12,
  head_dim: 128,
  sliding_window: 1024,
  layer_types: Array.from({ length: 12 }, (_, index) => (index % 6 === 5 ? 'full_attention' : 'sliding_attention')),
};
const YARN = { rope_type: 'yarn', factor: 4, original_max_position_embeddings: 8192 };
const LLAMA3_ROPE = {
  rope_type: 'llama3',
  factor: 8,
  low_freq_factor: 1,
  high_freq_factor: 4,
  original_max_position_embeddings: 4096,
};

function lint(config: Config | string, options: LintOptions = {}): Problem[] {
  const text = typeof config === 'string' ? config : JSON.stringify(config, null, 2);
  const reading = readModelConfig(text);
  if (!reading) throw new Error('not read as a model config');
  return lintReading(reading, options);
}

function find(config: Config | string, rule: RuleId, options: LintOptions = {}): Problem | undefined {
  return lint(config, options).find((problem) => problem.rule === rule);
}

function mended(config: Config, { key, value }: ProblemFix): string {
  const text = JSON.stringify(config, null, 2);
  return applyEdits(text, modify(text, key.split('.'), value, {}));
}

interface Case {
  readonly rule: RuleId;
  readonly config: Config;
  readonly options?: LintOptions;
  readonly severity: Severity;
  readonly key: string;
  /** What the message must say: the numbers. */
  readonly says: readonly string[];
  /** Value that the fix writes (undefined: removes the key); absent: no fix. */
  readonly fix?: { readonly key: string; readonly value: ProblemFix['value'] };
}

const fix = (key: string, value?: ProblemFix['value']): NonNullable<Case['fix']> => ({ key, value });

const CASES: readonly Case[] = [
  {
    rule: 'heads-not-divisible',
    config: { ...LLAMA, num_key_value_heads: 6 },
    severity: 'error',
    key: 'num_key_value_heads',
    says: ['32', '6', 'leaves 2'],
    fix: fix('num_key_value_heads', 4),
  },
  {
    rule: 'heads-not-divisible',
    config: { model_type: 'llava', text_config: { ...LLAMA, num_key_value_heads: 7 } },
    severity: 'error',
    key: 'text_config.num_key_value_heads',
    says: ['32', '7'],
    fix: fix('text_config.num_key_value_heads', 4),
  },
  {
    rule: 'kv-heads-exceed-heads',
    config: { ...LLAMA, num_key_value_heads: 64 },
    severity: 'error',
    key: 'num_key_value_heads',
    says: ['64', '32'],
    fix: fix('num_key_value_heads', 32),
  },
  {
    rule: 'kv-heads-ignored',
    config: { ...DEEPSEEK },
    severity: 'information',
    key: 'num_key_value_heads',
    says: ['128', '512', '64', '576'],
  },
  {
    rule: 'kv-heads-ignored',
    config: { ...DEEPSEEK, num_key_value_heads: 8 },
    severity: 'warning',
    key: 'num_key_value_heads',
    says: ['8', '128'],
    fix: fix('num_key_value_heads', 128),
  },
  {
    rule: 'kv-heads-ignored',
    config: { ...LLAMA, model_type: 'falcon', num_key_value_heads: undefined, num_kv_heads: 32, multi_query: true },
    severity: 'information',
    key: 'num_kv_heads',
    says: ['32', '1 KV head'],
    fix: fix('num_kv_heads'),
  },
  {
    rule: 'hidden-not-divisible',
    config: { ...LLAMA, hidden_size: 4100 },
    severity: 'error',
    key: 'num_attention_heads',
    says: ['4100', '32'],
  },
  {
    rule: 'hidden-not-divisible',
    config: { ...LLAMA, hidden_size: 4100, head_dim: 128 },
    severity: 'error',
    key: 'num_attention_heads',
    says: ['4100', 'head_dim'],
  },
  {
    rule: 'hidden-not-divisible',
    config: { ...QWEN2, hidden_size: 4100 },
    severity: 'warning',
    key: 'num_attention_heads',
    says: ['4100', '128'],
  },
  {
    rule: 'head-dim-unset',
    config: { ...LLAMA, head_dim: 0 },
    severity: 'warning',
    key: 'head_dim',
    says: ['0', '128'],
    fix: fix('head_dim', 128),
  },
  {
    rule: 'head-dim-unset',
    config: { ...LLAMA, head_dim: null },
    severity: 'information',
    key: 'head_dim',
    says: ['null', '128'],
    fix: fix('head_dim', 128),
  },
  {
    rule: 'head-dim-differs',
    config: { ...LLAMA, head_dim: 64 },
    severity: 'information',
    key: 'head_dim',
    says: ['2048', '4096'],
  },
  {
    rule: 'head-dim-ignored',
    config: { ...DEEPSEEK, head_dim: 192 },
    severity: 'information',
    key: 'head_dim',
    says: ['192', '576'],
  },
  {
    rule: 'mla-incomplete',
    config: { ...DEEPSEEK, qk_rope_head_dim: null },
    severity: 'error',
    key: 'kv_lora_rank',
    says: ['512'],
  },
  {
    rule: 'mla-incomplete',
    config: { ...DEEPSEEK, qk_rope_head_dim: undefined },
    severity: 'information',
    key: 'kv_lora_rank',
    says: ['512', '64'],
  },
  {
    rule: 'mla-widths-disagree',
    config: { ...DEEPSEEK, qk_head_dim: 128 },
    severity: 'warning',
    key: 'qk_head_dim',
    says: ['128', '64', '192'],
    fix: fix('qk_head_dim', 192),
  },
  {
    rule: 'tp-heads',
    config: LLAMA,
    options: { tp: 3 },
    severity: 'error',
    key: 'num_attention_heads',
    says: ['32', '3'],
  },
  {
    rule: 'tp-kv-heads',
    config: { ...LLAMA, num_attention_heads: 24, hidden_size: 3072, num_key_value_heads: 6 },
    options: { tp: 4 },
    severity: 'error',
    key: 'num_key_value_heads',
    says: ['6', '4'],
  },
  {
    rule: 'tp-state-heads',
    config: {
      ...LLAMA,
      model_type: 'mamba2',
      num_attention_heads: undefined,
      num_key_value_heads: undefined,
      num_heads: 80,
      head_dim: 64,
      state_size: 128,
      n_groups: 8,
      conv_kernel: 4,
      expand: 1.25,
    },
    options: { tp: 3 },
    severity: 'error',
    key: 'num_heads',
    says: ['80', '3'],
  },
  {
    rule: 'tp-replicates',
    config: LLAMA,
    options: { tp: 16 },
    severity: 'information',
    key: 'num_key_value_heads',
    says: ['8', '16', '2 times'],
  },
  {
    rule: 'tp-replicates',
    config: DEEPSEEK,
    options: { tp: 8 },
    severity: 'information',
    key: 'kv_lora_rank',
    says: ['8'],
  },
  {
    rule: 'tp-limit',
    config: { ...LLAMA, num_key_value_heads: 4 },
    severity: 'information',
    key: 'num_key_value_heads',
    says: ['over 2 or 4 devices each KV head is stored once', 'over 8 devices heads are replicated'],
  },
  {
    rule: 'tp-limit',
    config: { ...LLAMA, num_attention_heads: 28, hidden_size: 3584, num_key_value_heads: 4 },
    severity: 'information',
    key: 'num_key_value_heads',
    says: ['28', 'over 8 devices the heads cannot be split evenly'],
  },
  {
    rule: 'window-off',
    config: { ...QWEN2, sliding_window: 4096, use_sliding_window: false },
    severity: 'information',
    key: 'sliding_window',
    says: ['4096', 'use_sliding_window is false'],
    fix: fix('sliding_window'),
  },
  {
    rule: 'window-unused',
    config: { ...QWEN2, sliding_window: 4096, use_sliding_window: true, max_window_layers: 32 },
    severity: 'warning',
    key: 'max_window_layers',
    says: ['32'],
  },
  {
    rule: 'window-missing',
    config: { ...QWEN2, use_sliding_window: true, sliding_window: null },
    severity: 'warning',
    key: 'use_sliding_window',
    says: ['sliding_window'],
  },
  {
    rule: 'window-missing',
    config: { ...GEMMA3, sliding_window: null },
    severity: 'error',
    key: 'layer_types',
    says: ['10 sliding layers', 'null'],
  },
  {
    rule: 'window-never-binds',
    config: { ...LLAMA, model_type: 'mistral', sliding_window: 8192 },
    severity: 'information',
    key: 'sliding_window',
    says: ['8192', '32 layers'],
  },
  {
    rule: 'pattern-disagrees',
    config: { ...GEMMA3, sliding_window_pattern: 3 },
    severity: 'warning',
    key: 'sliding_window_pattern',
    says: ['3', '4', '2'],
  },
  {
    rule: 'pattern-disagrees',
    config: {
      ...QWEN2,
      num_hidden_layers: 4,
      sliding_window: 1024,
      use_sliding_window: true,
      max_window_layers: 2,
      layer_types: ['sliding_attention', 'full_attention', 'sliding_attention', 'sliding_attention'],
    },
    severity: 'warning',
    key: 'max_window_layers',
    says: ['2', '1 of 4'],
  },
  {
    rule: 'layer-types-length',
    config: { ...GEMMA3, num_hidden_layers: 13 },
    severity: 'error',
    key: 'layer_types',
    says: ['12', '13'],
  },
  {
    rule: 'layer-list-length',
    config: { ...LLAMA, model_type: 'smollm3', no_rope_layers: [1, 1, 1, 0] },
    severity: 'error',
    key: 'no_rope_layers',
    says: ['4 entries', '32 layers'],
  },
  {
    rule: 'layer-index-out-of-range',
    config: { ...LLAMA, model_type: 'mllama_text_model', cross_attention_layers: [3, 8, 32] },
    severity: 'warning',
    key: 'cross_attention_layers',
    says: ['32', '0 to 31', 'counts from 0'],
  },
  {
    rule: 'layer-index-out-of-range',
    config: {
      ...DEEPSEEK,
      model_type: 'kimi_linear',
      num_hidden_layers: 4,
      linear_attn_config: {
        full_attn_layers: [0, 3],
        kda_layers: [1, 2],
        num_heads: 4,
        head_dim: 128,
        short_conv_kernel_size: 4,
      },
    },
    severity: 'warning',
    key: 'linear_attn_config.full_attn_layers',
    says: ['0', '1 to 4', 'counts from 1'],
  },
  {
    rule: 'layer-indexes-overlap',
    config: {
      ...DEEPSEEK,
      model_type: 'kimi_linear',
      num_hidden_layers: 4,
      linear_attn_config: {
        full_attn_layers: [4],
        kda_layers: [1, 2, 3, 4],
        num_heads: 4,
        head_dim: 128,
        short_conv_kernel_size: 4,
      },
    },
    severity: 'warning',
    key: 'linear_attn_config.kda_layers',
    says: ['4'],
  },
  {
    rule: 'attn-layer-offset',
    config: { ...LLAMA, model_type: 'jamba', attn_layer_period: 8, attn_layer_offset: 8 },
    severity: 'error',
    key: 'attn_layer_offset',
    says: ['8'],
  },
  {
    rule: 'kv-sharing-range',
    config: { ...GEMMA3, model_type: 'gemma3n_text', num_kv_shared_layers: 12 },
    severity: 'error',
    key: 'num_kv_shared_layers',
    says: ['12'],
  },
  {
    rule: 'kv-sharing-range',
    config: { ...GEMMA3, model_type: 'gemma3n_text', num_kv_shared_layers: 8 },
    severity: 'error',
    key: 'num_kv_shared_layers',
    says: ['8', 'full_attention'],
  },
  {
    rule: 'cla-incomplete',
    config: { ...LLAMA, model_type: 'hunyuan', use_cla: true },
    severity: 'warning',
    key: 'use_cla',
    says: ['cla_share_factor'],
  },
  {
    rule: 'cla-off',
    config: { ...LLAMA, model_type: 'hunyuan', use_cla: false, cla_share_factor: 2 },
    severity: 'information',
    key: 'cla_share_factor',
    says: ['2', 'false'],
    fix: fix('cla_share_factor'),
  },
  {
    rule: 'rotary-factor-range',
    config: { ...LLAMA, model_type: 'stablelm', partial_rotary_factor: 1.5 },
    severity: 'error',
    key: 'partial_rotary_factor',
    says: ['1.5'],
    fix: fix('partial_rotary_factor', 1),
  },
  {
    rule: 'rotary-dim-odd',
    config: { ...LLAMA, model_type: 'stablelm', partial_rotary_factor: 0.4 },
    severity: 'warning',
    key: 'partial_rotary_factor',
    says: ['0.4', '128', '51'],
  },
  { rule: 'rotary-dim-odd', config: { ...LLAMA, head_dim: 127 }, severity: 'error', key: 'head_dim', says: ['127'] },
  {
    rule: 'rotary-dim-odd',
    config: { ...DEEPSEEK, qk_rope_head_dim: 63 },
    severity: 'error',
    key: 'qk_rope_head_dim',
    says: ['63'],
  },
  {
    rule: 'rotary-dim-too-large',
    config: { ...LLAMA, model_type: 'gptj', num_key_value_heads: undefined, rotary_dim: 256 },
    severity: 'error',
    key: 'rotary_dim',
    says: ['256', '128'],
    fix: fix('rotary_dim', 128),
  },
  {
    rule: 'rotary-dim-disagrees',
    config: { ...LLAMA, model_type: 'minimax_m2', rotary_dim: 64, partial_rotary_factor: 1 },
    severity: 'warning',
    key: 'rotary_dim',
    says: ['64', '128'],
  },
  {
    rule: 'mrope-sections',
    config: { ...LLAMA, model_type: 'qwen2_vl', rope_scaling: { type: 'mrope', mrope_section: [16, 16, 16] } },
    severity: 'warning',
    key: 'rope_scaling.mrope_section',
    says: ['48', '64'],
  },
  {
    rule: 'rope-type-unknown',
    config: { ...LLAMA, rope_scaling: { rope_type: 'yarnn', factor: 2 } },
    severity: 'warning',
    key: 'rope_scaling.rope_type',
    says: ['yarnn'],
  },
  {
    rule: 'rope-type-disagrees',
    config: { ...LLAMA, rope_scaling: { ...LLAMA3_ROPE, type: 'linear' } },
    severity: 'warning',
    key: 'rope_scaling.type',
    says: ['llama3', 'linear'],
    fix: fix('rope_scaling.type'),
  },
  {
    rule: 'rope-type-missing',
    config: { ...LLAMA, rope_scaling: { factor: 8 } },
    severity: 'warning',
    key: 'rope_scaling.factor',
    says: ['8'],
  },
  {
    rule: 'rope-field-missing',
    config: { ...LLAMA, rope_scaling: { type: 'linear' } },
    severity: 'error',
    key: 'rope_scaling.type',
    says: ['linear', 'factor'],
  },
  {
    rule: 'rope-field-missing',
    config: { ...LLAMA, rope_scaling: { ...LLAMA3_ROPE, low_freq_factor: null } },
    severity: 'error',
    key: 'rope_scaling.rope_type',
    says: ['low_freq_factor'],
  },
  {
    rule: 'rope-field-missing',
    config: { ...LLAMA, rope_scaling: { rope_type: 'yarn', factor: 4 } },
    severity: 'warning',
    key: 'rope_scaling.rope_type',
    says: ['original_max_position_embeddings'],
  },
  {
    rule: 'rope-field-missing',
    config: { ...PHI3, rope_scaling: { type: 'longrope', short_factor: [1] } },
    severity: 'error',
    key: 'rope_scaling.type',
    says: ['long_factor'],
  },
  {
    rule: 'rope-factor-range',
    config: { ...LLAMA, rope_scaling: { type: 'linear', factor: 0.5 } },
    severity: 'warning',
    key: 'rope_scaling.factor',
    says: ['0.5'],
  },
  {
    rule: 'rope-given-twice',
    config: { ...LLAMA, rope_scaling: { type: 'linear', factor: 2 }, rope_parameters: { rope_type: 'default' } },
    severity: 'warning',
    key: 'rope_parameters',
    says: ['linear', 'default'],
  },
  {
    rule: 'longrope-length',
    config: {
      ...PHI3,
      rope_scaling: {
        type: 'longrope',
        short_factor: new Array<number>(48).fill(1),
        long_factor: new Array<number>(32).fill(1),
      },
    },
    severity: 'error',
    key: 'rope_scaling.long_factor',
    says: ['32', '48'],
  },
  {
    rule: 'context-beyond-trained',
    config: { ...LLAMA, max_position_embeddings: 131072, rope_scaling: YARN },
    severity: 'warning',
    key: 'max_position_embeddings',
    says: ['131072', '8192', '4', '32768'],
    fix: fix('rope_scaling.factor', 16),
  },
  {
    rule: 'context-beyond-trained',
    config: { ...LLAMA, max_position_embeddings: 131072, original_max_position_embeddings: 8192 },
    severity: 'warning',
    key: 'max_position_embeddings',
    says: ['131072', '8192'],
  },
  {
    rule: 'context-below-scaled',
    config: { ...LLAMA, rope_scaling: YARN },
    severity: 'information',
    key: 'max_position_embeddings',
    says: ['8192', '32768'],
  },
  {
    rule: 'context-lengths-differ',
    config: { ...LLAMA, seq_length: 32768 },
    severity: 'information',
    key: 'seq_length',
    says: ['32768', '8192'],
  },
  {
    rule: 'spellings-disagree',
    config: { ...LLAMA, n_kv_heads: 4 },
    severity: 'warning',
    key: 'n_kv_heads',
    says: ['4', '8', 'num_key_value_heads is used'],
    fix: fix('n_kv_heads'),
  },
  {
    rule: 'nested-disagrees',
    config: { model_type: 'llava', num_hidden_layers: 24, text_config: LLAMA as Json },
    severity: 'warning',
    key: 'num_hidden_layers',
    says: ['24', '32', 'text_config'],
  },
  {
    rule: 'dtype-disagrees',
    config: { ...LLAMA, dtype: 'float16' },
    severity: 'warning',
    key: 'torch_dtype',
    says: ['bfloat16', 'float16'],
    fix: fix('torch_dtype'),
  },
  {
    rule: 'unknown-dtype',
    config: { ...LLAMA, torch_dtype: 'bf17' },
    severity: 'warning',
    key: 'torch_dtype',
    says: ['torch_dtype'],
    fix: fix('torch_dtype', 'bfloat16'),
  },
  {
    rule: 'number-as-string',
    config: { ...LLAMA, num_key_value_heads: '8' },
    severity: 'error',
    key: 'num_key_value_heads',
    says: ['"8"'],
    fix: fix('num_key_value_heads', 8),
  },
  {
    rule: 'wrong-value',
    config: { ...LLAMA, num_key_value_heads: -8 },
    severity: 'error',
    key: 'num_key_value_heads',
    says: ['-8'],
  },
  {
    rule: 'wrong-value',
    config: { ...LLAMA, num_attention_heads: 32.5 },
    severity: 'error',
    key: 'num_attention_heads',
    says: ['32.5'],
  },
  {
    rule: 'wrong-value',
    config: { ...LLAMA, rope_scaling: 'linear' },
    severity: 'error',
    key: 'rope_scaling',
    says: ['object'],
  },
  {
    rule: 'kv-scheme-unknown',
    config: { ...LLAMA, quantization_config: { kv_cache_scheme: { num_bits: 3, type: 'int' } } },
    severity: 'warning',
    key: 'quantization_config.kv_cache_scheme',
    says: ['3', 'int'],
  },
  {
    rule: 'kv-scheme-unknown',
    config: { ...LLAMA, quantization_config: { kv_cache_quant_algo: 'INT3' } },
    severity: 'warning',
    key: 'quantization_config.kv_cache_quant_algo',
    says: ['INT3'],
  },
  {
    rule: 'cache-block',
    config: { ...LLAMA, hidden_size: 2560 },
    options: { kvDtype: 'q8_0' },
    severity: 'information',
    key: 'hidden_size',
    says: ['80', '32', 'q8_0'],
  },
];

describe('lint rules', () => {
  it.each(CASES.map((entry) => [`${entry.rule} (${entry.severity}, ${entry.key})`, entry] as const))(
    '%s',
    (_, { rule, config, options, severity, key, says, fix: expected }) => {
      const problem = lint(config, options).find((candidate) => candidate.rule === rule && candidate.key === key);
      expect(problem, JSON.stringify(lint(config, options).map((found) => [found.rule, found.key]))).toBeDefined();
      if (!problem) return;
      expect(problem.severity).toBe(severity);
      for (const part of says) expect(problem.message).toContain(part);
      expect(problem.message).not.toMatch(/undefined|NaN|\[object/);
      expect(problem.range).not.toBeNull();
      expect(problem.fix && { key: problem.fix.key, value: problem.fix.value }).toEqual(expected);
      if (problem.fix) {
        const after = lint(mended(config, problem.fix), options);
        expect(
          after.filter(
            (candidate) => candidate.rule === rule && candidate.key === key && candidate.severity === severity,
          ),
        ).toEqual([]);
      }
    },
  );

  it('says nothing about a sound config', () => {
    for (const config of [LLAMA, QWEN2, GEMMA3, { ...LLAMA, rope_scaling: { ...LLAMA3_ROPE } }]) {
      expect(lint(config).map(({ rule }) => rule)).toEqual([]);
    }
  });

  it('leaves the head width of families that part from hidden size ÷ heads on purpose', () => {
    expect(find({ ...LLAMA, model_type: 'qwen3', head_dim: 256 }, 'head-dim-differs')).toBeUndefined();
    expect(find({ ...LLAMA, model_type: 'gemma', head_dim: 256 }, 'head-dim-differs')).toBeUndefined();
    expect(find({ ...LLAMA, model_type: 'mistral', head_dim: 160 }, 'head-dim-differs')?.severity).toBe('information');
  });

  it('checks a tensor-parallel size only when asked', () => {
    expect(lint(LLAMA, { tp: 8 })).toEqual([]);
    expect(lint(LLAMA, { tp: 1 })).toEqual([]);
    expect(lint(DEEPSEEK, { tp: 3 }).map(({ rule }) => rule)).toContain('tp-heads');
  });

  it('takes one KV head less as the nearest divisor below', () => {
    expect(
      find({ ...LLAMA, num_attention_heads: 40, hidden_size: 5120, num_key_value_heads: 7 }, 'heads-not-divisible')?.fix
        ?.value,
    ).toBe(5);
  });

  it('accepts one compress ratio more than layers, for the prediction layer', () => {
    const ratios = (length: number): Json => Array.from({ length }, () => 4);
    const config = (length: number): Config => ({
      ...LLAMA,
      model_type: 'deepseek_v4',
      num_key_value_heads: 1,
      head_dim: 512,
      qk_rope_head_dim: 64,
      sliding_window: 128,
      compress_ratios: ratios(length),
    });
    expect(find(config(33), 'layer-list-length')).toBeUndefined();
    expect(lint(config(30)).some(({ rule, key }) => rule.endsWith('-length') && key === 'compress_ratios')).toBe(true);
  });

  it('does not take a family that it does not know for broken', () => {
    const problems = lint({ ...LLAMA, model_type: 'brand_new', num_key_value_heads: 6, num_hidden_layers: undefined });
    expect(problems.filter(({ severity }) => severity === 'error')).toEqual([]);
    expect(
      lint({ ...LLAMA, model_type: 'brand_new', num_key_value_heads: 6 }).find(
        ({ rule }) => rule === 'heads-not-divisible',
      )?.severity,
    ).toBe('warning');
  });
});

describe('places and duplicates', () => {
  it('names the line that counts where a key stands twice', () => {
    const text =
      '{\n "model_type": "llama",\n "num_key_value_heads": 4,\n "hidden_size": 4096, "num_hidden_layers": 2,\n "num_attention_heads": 32,\n "num_key_value_heads": 8\n}';
    const problem = find(text, 'duplicate-key');
    expect(problem).toMatchObject({ severity: 'warning', key: 'num_key_value_heads', range: { line: 3 } });
    expect(problem?.message).toContain('4 here is ignored, 8 on line 6 is used');
    expect(find(text.replace('": 4,', '": 8,'), 'duplicate-key')?.severity).toBe('information');
  });

  it('reports the number itself, and lists problems in the order of the file', () => {
    const text = JSON.stringify({ ...LLAMA, num_key_value_heads: 6, torch_dtype: 'bf17' }, null, 2);
    const problems = lint(text);
    const [first] = problems;
    expect(text.slice(first?.range?.offset, (first?.range?.offset ?? 0) + (first?.range?.length ?? 0))).toBe('6');
    expect(first?.range?.line).toBe(6);
    const offsets = problems.map(({ range }) => range?.offset ?? 0);
    expect(offsets).toEqual([...offsets].sort((a, b) => a - b));
  });

  it('says each thing once', () => {
    for (const { config, options } of CASES) {
      const ids = lint(config, options).map(({ rule, key }) => `${rule} ${key ?? ''}`);
      expect(new Set(ids).size).toBe(ids.length);
    }
    expect(lint({ ...LLAMA, num_key_value_heads: '8' }).map(({ rule }) => rule)).toEqual(['number-as-string']);
    expect(
      lint({ ...DEEPSEEK, qk_rope_head_dim: null })
        .filter(({ severity }) => severity === 'error')
        .map(({ rule }) => rule),
    ).toEqual(['mla-incomplete']);
  });
});
