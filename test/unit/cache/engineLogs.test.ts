/** Numbers that engines and their users published, recomputed. Sources: reading/calculators.md §2.11, named per test. */

import { describe, expect, it } from 'vitest';
import { knownPlan as planCache } from '../support/plans';
import type { KnownPlan as CachePlan } from '../../../src/cache/plan';
import { readModelConfig } from '../../../src/reading/read';
import type { KvDtype } from '../../../src/model/dtype';
import type { EngineOptions, EngineRule } from '../../../src/model/scenario';
import { scenario } from '../support';
import { tally } from '../support/accuracy';

const GIB = 2 ** 30;
const MIB = 2 ** 20;

function plan(
  config: object,
  tokens: number,
  engine: EngineRule = 'intrinsic',
  kvDtype: KvDtype = 'auto',
  options: EngineOptions = {},
  release?: string,
): CachePlan {
  const reading = readModelConfig(JSON.stringify(config));
  if (!reading) throw new Error('not a config');
  expect(reading.spec.notes.filter((note) => note.inexact)).toEqual([]);
  return planCache(
    reading.spec,
    scenario(1, tokens, { engine, kvDtype, options, ...(release === undefined ? {} : { release }) }),
  );
}

const gptOss120b = {
  model_type: 'gpt_oss',
  num_hidden_layers: 36,
  num_attention_heads: 64,
  num_key_value_heads: 8,
  head_dim: 64,
  hidden_size: 2880,
  sliding_window: 128,
  layer_types: Array.from({ length: 36 }, (_, index) => (index % 2 === 0 ? 'sliding_attention' : 'full_attention')),
};
const mistralSmall = {
  model_type: 'mistral',
  num_hidden_layers: 40,
  num_attention_heads: 32,
  num_key_value_heads: 8,
  head_dim: 128,
  hidden_size: 5120,
  sliding_window: null,
  torch_dtype: 'bfloat16',
};
const deepseekV3 = {
  model_type: 'deepseek_v3',
  num_hidden_layers: 61,
  num_attention_heads: 128,
  num_key_value_heads: 128,
  kv_lora_rank: 512,
  qk_rope_head_dim: 64,
  qk_nope_head_dim: 128,
  v_head_dim: 128,
  q_lora_rank: 1536,
  hidden_size: 7168,
  torch_dtype: 'bfloat16',
};

let registered = 0;
const counted = tally(
  {
    id: 'printed',
    part: 'engine',
    what: 'Sizes, tokens and blocks that engines printed, within the digits printed',
    against: 'logs of vLLM, llama.cpp and their users, each named in its test',
    unit: 'start-up',
    off: 'none',
  },
  () => registered,
);

function printed(title: string, body: () => void): void {
  registered++;
  it(title, () => {
    body();
    counted.add({ compared: 1, equal: 1 });
  });
}

describe('published measurements', () => {
  printed('gpt-oss-120b, vLLM: 5.38 GiB hold 78,384 tokens (alvarobartt/hf-mem #60)', () => {
    // The log counts a token in every layer; 5.38 is printed with three digits: 78,279 to 78,425 tokens.
    const { bytesPerToken } = plan(gptOss120b, 1);
    expect(bytesPerToken).toBe(73_728);
    expect((78_384 * bytesPerToken) / GIB).toBeCloseTo(5.38, 2);
  });

  printed(
    'gpt-oss-120b at 8,192 tokens, 8,192 in flight: a window reserves 513 pages against 512 of a full layer',
    () => {
      const { reservedBytes } = plan(gptOss120b, 8_192, 'vllm', 'auto', {}, '0.11');
      const page = 16 * 2 * 8 * 64 * 2;
      expect(reservedBytes).toBe(18 * 512 * page + 18 * 513 * page);
    },
  );

  printed('gpt-oss-120b at 131,072 tokens: 521 pages against 8,192', () => {
    const { reservedBytes } = plan(gptOss120b, 131_072, 'vllm', 'auto', {}, '0.11');
    expect(reservedBytes / (18 * 16 * 2 * 8 * 64 * 2)).toBe(8_192 + 521);
  });

  printed('Mistral-Small-3.2-24B, vLLM: 28.20 GiB hold 184,832 tokens (llm-d-planner docs)', () => {
    const { bytesPerToken } = plan(mistralSmall, 1);
    expect(bytesPerToken).toBe(163_840);
    expect(((184_832 * bytesPerToken) / GIB).toFixed(2)).toBe('28.20');
  });

  printed('Qwen3.6-27B, llama.cpp f16: 262,144 cells of 16 layers are 16,384 MiB (lmstudio #1862)', () => {
    const full = plan(
      {
        model_type: 'qwen3',
        num_hidden_layers: 16,
        num_attention_heads: 24,
        num_key_value_heads: 4,
        head_dim: 256,
        hidden_size: 5120,
        torch_dtype: 'bfloat16',
      },
      262_144,
      'llamacpp',
    );
    expect(full.cacheBytes / MIB).toBe(16_384);
  });

  printed('DeepSeek MLA in q8_0 at 32,768: 1166.62 MiB (ik_llama.cpp PR #259)', () => {
    expect(plan(deepseekV3, 32_768, 'llamacpp', 'q8_0').cacheBytes / MIB).toBe(1_166.625);
  });

  printed('DeepSeek-V3.1 at 163,840: 10.72 GiB (unsloth PR #4757)', () => {
    expect((plan(deepseekV3, 163_840).cacheBytes / GIB).toFixed(2)).toBe('10.72');
  });

  printed(
    'Kimi-K3 at 1,048,576: 27.0 GiB of latent cache, 443.11 MiB of KDA state in llama.cpp (unsloth PR #7616)',
    () => {
      const layers = Array.from({ length: 93 }, (_, index) => index + 1);
      const full = layers.filter((layer) => layer % 4 === 0).concat(93);
      const kimi = plan(
        {
          model_type: 'kimi_linear',
          num_hidden_layers: 93,
          num_attention_heads: 96,
          num_key_value_heads: 96,
          hidden_size: 7168,
          kv_lora_rank: 512,
          qk_rope_head_dim: 64,
          qk_nope_head_dim: 128,
          v_head_dim: 128,
          torch_dtype: 'bfloat16',
          linear_attn_config: {
            full_attn_layers: full,
            kda_layers: layers.filter((layer) => !full.includes(layer)),
            num_heads: 96,
            head_dim: 128,
            short_conv_kernel_size: 4,
          },
        },
        1_048_576,
        'llamacpp',
      );
      expect(full).toHaveLength(24);
      expect((kimi.cacheBytes / GIB).toFixed(2)).toBe('27.00');
      expect((kimi.stateBytes / MIB).toFixed(2)).toBe('443.11');
    },
  );

  printed('LFM2-1.2B at 32,768: 384 MiB of attention cache (gguf-parser #31)', () => {
    const lfm2 = plan(
      {
        model_type: 'lfm2',
        num_hidden_layers: 16,
        num_attention_heads: 32,
        num_key_value_heads: 8,
        hidden_size: 2048,
        conv_L_cache: 3,
        layer_types: Array.from({ length: 16 }, (_, index) =>
          [2, 5, 8, 10, 12, 14].includes(index) ? 'full_attention' : 'conv',
        ),
      },
      32_768,
    );
    expect(lfm2.cacheBytes / MIB).toBe(384);
  });

  printed('a live request of 15,049 tokens takes 118 blocks of 128 (llm-d-planner docs)', () => {
    const { cacheBytes } = plan(mistralSmall, 15_049, 'vllm', 'auto', { 'block-size': 128 });
    expect(cacheBytes / (163_840 * 128)).toBe(118);
  });

  printed(
    'starcoder2-3b, all layers sliding, vLLM: 2,198,512 tokens are 178.68 requests of 16,384 (vllm PR #19029)',
    () => {
      const starcoder = plan(
        {
          model_type: 'starcoder2',
          num_hidden_layers: 30,
          num_attention_heads: 24,
          num_key_value_heads: 2,
          hidden_size: 3072,
          sliding_window: 4096,
          torch_dtype: 'bfloat16',
        },
        16_384,
        'vllm',
        'auto',
        {},
        '0.11',
      );
      const cached = 2_198_512 * starcoder.bytesPerToken;
      expect((cached / starcoder.reservedBytes).toFixed(2)).toBe('178.68');
    },
  );

  printed('DeepSeek-V3 per token and layer: 1,152 B in vLLM bf16, 656 in fp8_ds_mla, 612 in llama.cpp q8_0', () => {
    const perLayer = (engine: EngineRule, dtype: KvDtype): number =>
      plan(deepseekV3, 64 * 256, engine, dtype).cacheBytes / (61 * 64 * 256);
    expect(perLayer('vllm', 'auto')).toBe(1_152);
    expect(perLayer('vllm', 'fp8_ds_mla')).toBe(656);
    expect(perLayer('vllm', 'fp8')).toBe(576);
    expect(perLayer('llamacpp', 'q8_0')).toBe(612);
    expect(perLayer('transformers', 'auto')).toBe(1_152);
  });
});
