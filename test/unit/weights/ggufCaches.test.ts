/** What llama.cpp caches of architectures whose metadata says it in its own way. Bytes are arithmetic of the numbers beside them. */

import { expect, it } from 'vitest';
import { planCache } from '../../../src/cache/plan';
import { UNSHARDED } from '../../../src/model/scenario';
import { readModelConfig } from '../../../src/reading/read';
import type { GgufMetadata, GgufValue } from '../../../src/weights/gguf';
import { ggufConfig } from '../../../src/weights/ggufConfig';
import { describeAll } from '../support/cases';

const TOKENS = 8192;

function metadata(architecture: string, keys: Readonly<Record<string, GgufValue>>): GgufMetadata {
  const own = Object.entries(keys).map(([key, value]) => [`${architecture}.${key}`, value] as const);
  return { 'general.architecture': architecture, ...Object.fromEntries(own) };
}

const LATENT = { 'attention.kv_lora_rank': 512, 'rope.dimension_count': 64 };

/** Architecture, keys, cache and state of one sequence in f16. */
const CASES: readonly (readonly [string, Readonly<Record<string, GgufValue>>, number, number])[] = [
  [
    'qwen35moe',
    {
      block_count: 40,
      embedding_length: 2048,
      'attention.head_count': 16,
      'attention.head_count_kv': 2,
      'attention.key_length': 256,
      'attention.value_length': 256,
      'ssm.conv_kernel': 4,
      'ssm.state_size': 128,
      'ssm.group_count': 16,
      'ssm.time_step_rank': 32,
      'ssm.inner_size': 4096,
      full_attention_interval: 4,
    },
    10 * TOKENS * 2 * 2 * 256 * 2,
    30 * 4 * (3 * (2 * 16 * 128 + 4096) + 32 * 128 * 128),
  ],
  [
    'rwkv7',
    {
      block_count: 32,
      embedding_length: 2560,
      'attention.head_count': 0,
      'wkv.head_size': 64,
      token_shift_count: 2,
      'attention.decay_lora_rank': 96,
    },
    0,
    32 * 4 * (2 * 2560 + 2560 * 64),
  ],
  [
    'smallthinker',
    {
      block_count: 52,
      embedding_length: 2560,
      'attention.head_count': 28,
      'attention.head_count_kv': 4,
      'attention.key_length': 128,
      'attention.value_length': 128,
      'attention.sliding_window': 4096,
    },
    // 13 layers keep all, 39 the window and a micro-batch: 4,096 + 512 cells.
    (13 * TOKENS + 39 * 4608) * 2 * 4 * 128 * 2,
    0,
  ],
  [
    'minicpm3',
    {
      block_count: 62,
      embedding_length: 2560,
      'attention.head_count': 40,
      'attention.head_count_kv': 40,
      'attention.kv_lora_rank': 256,
      'attention.q_lora_rank': 768,
      'attention.key_length': 96,
      'rope.dimension_count': 32,
    },
    62 * TOKENS * 40 * (96 + 64) * 2,
    0,
  ],
  [
    'plm',
    {
      ...LATENT,
      block_count: 32,
      embedding_length: 2048,
      'attention.head_count': 16,
      'attention.head_count_kv': 16,
      'attention.key_length': 192,
      'attention.value_length': 128,
    },
    32 * TOKENS * 16 * (192 + 128) * 2,
    0,
  ],
  [
    'step35',
    {
      block_count: 5,
      nextn_predict_layers: 1,
      embedding_length: 4096,
      'attention.head_count': [64, 96, 96, 96, 64],
      'attention.head_count_kv': [8, 8, 8, 8, 8],
      'attention.key_length': 128,
      'attention.value_length': 128,
      'attention.sliding_window': 512,
      'attention.sliding_window_pattern': [false, true, true, true, false],
    },
    // One full layer, three with 512 + 512 cells; the last block predicts.
    (TOKENS + 3 * 1024) * 2 * 8 * 128 * 2,
    0,
  ],
  [
    'deepseek2',
    {
      ...LATENT,
      block_count: 27,
      embedding_length: 2048,
      'attention.head_count': 16,
      'attention.head_count_kv': 1,
      'attention.key_length': 576,
      'attention.value_length': 512,
      'attention.key_length_mla': 192,
      'attention.value_length_mla': 128,
    },
    27 * TOKENS * 576 * 2,
    0,
  ],
  [
    'deepseek32',
    {
      ...LATENT,
      block_count: 62,
      nextn_predict_layers: 1,
      embedding_length: 7168,
      'attention.head_count': 128,
      'attention.head_count_kv': 1,
      'attention.key_length': 576,
      'attention.value_length': 512,
      'attention.key_length_mla': 192,
      'attention.value_length_mla': 128,
      'attention.indexer.head_count': 64,
      'attention.indexer.key_length': 128,
      'attention.indexer.top_k': 2048,
    },
    61 * TOKENS * (576 + 128) * 2,
    0,
  ],
  [
    'qwen3vl',
    {
      block_count: 36,
      embedding_length: 4096,
      'attention.head_count': 32,
      'attention.head_count_kv': 8,
      'attention.key_length': 128,
      'attention.value_length': 128,
      n_deepstack_layers: 3,
    },
    36 * TOKENS * 2 * 8 * 128 * 2,
    0,
  ],
  ...['modern-bert', 'jina-bert-v2', 'jina-bert-v3', 'gemma-embedding', 'llada', 'llada-moe', 'rnd1'].map(
    (architecture) =>
      [
        architecture,
        { block_count: 12, embedding_length: 768, 'attention.head_count': 12, 'attention.sliding_window': 128 },
        0,
        0,
      ] as const,
  ),
];

describeAll('the cache of GGUF files under llama.cpp', () => {
  it.each(CASES)('%s', (architecture, keys, cache, state) => {
    const reading = readModelConfig(JSON.stringify(ggufConfig(metadata(architecture, keys))));
    if (!reading) throw new Error(architecture);
    const plan = planCache(reading.spec, {
      workload: { batch: 1, tokens: TOKENS },
      engine: 'llamacpp',
      kvDtype: 'f16',
      sharding: UNSHARDED,
    });
    expect(plan.notes.filter(({ inexact }) => inexact)).toEqual([]);
    expect([plan.cacheBytes, plan.stateBytes, plan.exact]).toEqual([cache, state, true]);
  });
});
