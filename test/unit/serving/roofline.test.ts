import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { readModelConfig, type Reading } from '../../../src/reading/read';
import { cacheReadBytes, decodeAttentionFlops, prefillAttentionFlops } from '../../../src/serving/attentionWork';
import { deviceOf } from '../../../src/serving/hardware';
import { countParameters, type ParameterCount } from '../../../src/serving/parameters/count';
import { decodeRoofline, type Deployment } from '../../../src/serving/roofline';
import { estimatedWeightBytes } from '../../../src/serving/weights';

function read(config: Record<string, unknown>): Reading {
  const reading = readModelConfig(JSON.stringify({ torch_dtype: 'bfloat16', ...config }));
  if (!reading) throw new Error('not a model config');
  return reading;
}

function countOf(reading: Reading): ParameterCount {
  const count = countParameters(reading);
  if (!count) throw new Error('not counted');
  return count;
}

function deploy(reading: Reading, id = 'h100-sxm', changes: Partial<Deployment> = {}): Deployment {
  const count = countOf(reading);
  const weights = estimatedWeightBytes(reading, count);
  const device = deviceOf(id);
  if (!weights || !device) throw new Error('no weights or device');
  return {
    spec: reading.spec,
    count,
    weights,
    kvDtype: 'bf16',
    device,
    devices: 1,
    cacheCopies: 1,
    format: 'bf16',
    ...changes,
  };
}

const LLAMA_8B = {
  model_type: 'llama',
  hidden_size: 4096,
  intermediate_size: 14336,
  num_hidden_layers: 32,
  num_attention_heads: 32,
  num_key_value_heads: 8,
  vocab_size: 128256,
  tie_word_embeddings: false,
};
const DEEPSEEK = {
  model_type: 'deepseek_v3',
  hidden_size: 7168,
  intermediate_size: 18432,
  moe_intermediate_size: 2048,
  num_hidden_layers: 61,
  num_attention_heads: 128,
  num_key_value_heads: 128,
  n_routed_experts: 256,
  n_shared_experts: 1,
  num_experts_per_tok: 8,
  first_k_dense_replace: 3,
  kv_lora_rank: 512,
  q_lora_rank: 1536,
  qk_rope_head_dim: 64,
  qk_nope_head_dim: 128,
  v_head_dim: 128,
  vocab_size: 129280,
  tie_word_embeddings: false,
};

describe('work of attention', () => {
  it('is 4 · heads · width · context for a decoded token', () => {
    expect(decodeAttentionFlops(read(LLAMA_8B).spec, 4096)).toBe(32 * 4 * 32 * 128 * 4096);
  });

  it('is 2 · heads · (2 · latent + rotary) absorbed, and less per key expanded', () => {
    const { spec } = read(DEEPSEEK);
    expect(decodeAttentionFlops(spec, 1000)).toBe(61 * 2 * 128 * (2 * 512 + 64) * 1000);
    expect(decodeAttentionFlops(spec, 1000, 'expanded')).toBe(61 * 2 * 128 * (128 + 64 + 128) * 1000);
  });

  it('stops at the window', () => {
    const { spec } = read({ ...LLAMA_8B, model_type: 'mistral', sliding_window: 1024 });
    expect(decodeAttentionFlops(spec, 100_000)).toBe(decodeAttentionFlops(spec, 1024));
    expect(cacheReadBytes(spec, 'bf16', 100_000)).toBe(32 * 1024 * 8 * 128 * 2 * 2);
  });

  it('reads all index keys, and of the rest what the indexer chose', () => {
    const { spec } = read({
      ...DEEPSEEK,
      model_type: 'deepseek_v32',
      index_head_dim: 128,
      index_n_heads: 64,
      index_topk: 2048,
    });
    expect(cacheReadBytes(spec, 'bf16', 100_000)).toBe(61 * (2048 * 576 * 2 + 100_000 * 128 * 2));
  });

  it('of a prompt is the sum over its tokens', () => {
    const configs = [
      LLAMA_8B,
      { ...LLAMA_8B, model_type: 'mistral', sliding_window: 7 },
      { ...DEEPSEEK, model_type: 'deepseek_v32', index_head_dim: 128, index_n_heads: 64, index_topk: 5 },
      // One index key for four tokens.
      {
        ...DEEPSEEK,
        model_type: 'glm5_next_text',
        num_hidden_layers: 4,
        index_head_dim: 128,
        index_n_heads: 32,
        index_topk: 5,
        index_kpool: 4,
        linear_attn_config: { num_heads: 4, head_dim: 8, short_conv_kernel_size: 4 },
      },
      {
        model_type: 'deepseek_v4',
        hidden_size: 64,
        num_hidden_layers: 2,
        num_attention_heads: 4,
        head_dim: 32,
        sliding_window: 6,
        compress_ratios: [4, 128],
        index_head_dim: 8,
        index_n_heads: 2,
        index_topk: 3,
        qk_rope_head_dim: 8,
        vocab_size: 10,
      },
    ];
    fc.assert(
      fc.property(fc.constantFrom(...configs), fc.integer({ min: 1, max: 300 }), (config, tokens) => {
        const { spec } = read(config);
        const sum = Array.from({ length: tokens }, (_, index) =>
          decodeAttentionFlops(spec, index + 1, 'expanded'),
        ).reduce((a, b) => a + b, 0);
        expect(prefillAttentionFlops(spec, tokens)).toBe(sum);
      }),
      { numRuns: 60 },
    );
  });
});

describe('experts that a batch hits', () => {
  const deployment = deploy(read(DEEPSEEK));
  const { count } = deployment;
  const readBytes = (batch: number): number => {
    const step = decodeRoofline(deployment, batch, 1);
    if (!step) throw new Error('no roofline');
    return step.weightBytesRead;
  };

  it('are k for one token, and all of them for many', () => {
    expect(deployment.weights.bytes).toBe(count.total * 2);
    expect(readBytes(1)).toBeCloseTo(2 * (count.activePerToken - count.lookup), -3);
    expect(readBytes(1e6)).toBeCloseTo(2 * (count.total - count.lookup), -3);
  });

  it('leave out a table that is looked up at what it takes, beside weights that are quantised', () => {
    const quantised = deploy(read({ ...DEEPSEEK, quantization_config: { quant_method: 'fp8' } }));
    const step = decodeRoofline(quantised, 1e6, 1);
    expect(quantised.weights.bytes).toBeLessThan(1.1 * count.total);
    expect(step?.weightBytesRead).toBeCloseTo(quantised.weights.bytes - 2 * count.lookup, -3);
  });

  it('are the expected number for uniform routing between those', () => {
    const others = 2 * (count.total - count.experts - count.lookup);
    expect((readBytes(32) - others) / (2 * count.experts)).toBeCloseTo(1 - (248 / 256) ** 32, 8);
  });
});

describe('the roofline', () => {
  it('of Llama 3 8B on an H100 at batch 1 is the time to read 15 GB', () => {
    const step = decodeRoofline(deploy(read(LLAMA_8B)), 1, 8192);
    // 8,030,261,248 parameters, of which 525,336,576 are looked up; 131,072 bytes of cache per token.
    const bytes = (8_030_261_248 - 525_336_576) * 2 + 8192 * 131_072;
    expect(step?.weightBytesRead).toBeCloseTo(bytes - 8192 * 131_072, -3);
    expect(step?.cacheBytesRead).toBe(8192 * 131_072);
    expect(step?.timeS).toBeCloseTo(bytes / 3.35e12, 8);
    expect(step?.limitedBy).toBe('memory');
    expect(step?.tokensPerS).toBeGreaterThan(200);
    expect(step?.tokensPerS).toBeLessThan(220);
    expect(step?.ridgeFlopsPerByte).toBeCloseTo(989.4e12 / 3.35e12, 3);
    expect(step?.intensityFlopsPerByte).toBeLessThan(2);
  });

  it('is monotone in batch and context, and its time is the larger of two', () => {
    const deployment = deploy(read(LLAMA_8B));
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 4096 }), fc.integer({ min: 1, max: 200_000 }), (batch, tokens) => {
        const [step, more, longer] = [
          decodeRoofline(deployment, batch, tokens),
          decodeRoofline(deployment, batch + 1, tokens),
          decodeRoofline(deployment, batch, tokens + 1),
        ];
        if (!step || !more || !longer) throw new Error('no roofline');
        expect(step.timeS).toBe(Math.max(step.memoryTimeS, step.computeTimeS));
        expect(more.timeS).toBeGreaterThanOrEqual(step.timeS);
        expect(longer.timeS).toBeGreaterThanOrEqual(step.timeS);
        expect(step.limitedBy === 'memory').toBe(step.intensityFlopsPerByte <= step.ridgeFlopsPerByte * (1 + 1e-12));
      }),
    );
  });

  it('halves with two devices, but for copies of the cache', () => {
    const one = decodeRoofline(deploy(read(DEEPSEEK)), 8, 4096);
    const two = decodeRoofline(deploy(read(DEEPSEEK), 'h100-sxm', { devices: 2, cacheCopies: 2 }), 8, 4096);
    expect(two?.weightBytesRead).toBe(one?.weightBytesRead);
    expect(two?.cacheBytesRead).toBe(2 * (one?.cacheBytesRead ?? 0));
    expect(two?.ridgeFlopsPerByte).toBe(one?.ridgeFlopsPerByte);
  });

  it('leaves an encoder out of a decode step', () => {
    const t5 = read({
      model_type: 't5',
      d_model: 512,
      d_ff: 2048,
      d_kv: 64,
      num_heads: 8,
      num_layers: 6,
      vocab_size: 32128,
      is_encoder_decoder: true,
    });
    const count = countOf(t5);
    expect(count.encoder).toBe(6 * (4 * 512 * 512 + 2 * 512 * 2048 + 2 * 512) + 512);
    const step = decodeRoofline(deploy(t5), 1, 1);
    expect(step?.weightBytesRead).toBeCloseTo(2 * (count.total - count.encoder), -3);
  });
});
