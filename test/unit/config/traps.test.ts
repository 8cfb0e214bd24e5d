// What other calculators get wrong, one test each. Sources: the families' own files.
import { describe, expect } from 'vitest';
import { ConfigDocument } from '../../../src/config/document';
import { readModelConfig } from '../../../src/reading/read';
import type { ModelSpec } from '../../../src/model/spec';
import { testsByConfig } from '../support/cases';
import { intrinsicCacheBytes, intrinsicStateBytes } from '../support/plans';
import { layerRuns } from './layerText';

type Config = Readonly<Record<string, unknown>>;

const { it, met } = testsByConfig();

function read(config: Config): ModelSpec {
  met(config);
  const reading = readModelConfig(JSON.stringify(config));
  if (!reading) throw new Error('not read as a model config');
  return reading.spec;
}

/** Marginal bytes of a token in 2-byte elements, of a config that must be read exactly. */
function perToken(config: Config): number {
  const spec = read(config);
  expect(spec.notes.filter((note) => note.inexact)).toEqual([]);
  return intrinsicCacheBytes(spec, 'bf16', 2) - intrinsicCacheBytes(spec, 'bf16', 1);
}

function indexesOf(spec: ModelSpec, kind: string): number[] {
  return spec.layers.filter((layer) => layer.attention.kind === kind).map((layer) => layer.index);
}

const LLAMA = {
  model_type: 'llama',
  num_hidden_layers: 2,
  hidden_size: 512,
  num_attention_heads: 8,
  num_key_value_heads: 2,
};

describe('absent and null', () => {
  it('no width of the unrotated key leaves the bytes of latents exact, and is told', () => {
    const spec = read({
      model_type: 'deepseek_v3',
      num_hidden_layers: 2,
      num_attention_heads: 8,
      hidden_size: 512,
      kv_lora_rank: 64,
      qk_rope_head_dim: 16,
      qk_nope_head_dim: null,
    });
    expect(spec.exact).toBe(true);
    expect(spec.notes.map(({ text }) => text)).toContain('qk_nope_head_dim is not given: counted as 0');
  });
  it('no KV-head key in a Llama means one per query head', () => {
    expect(perToken({ model_type: 'llama', num_hidden_layers: 32, hidden_size: 4096, num_attention_heads: 32 })).toBe(
      32 * 32 * 128 * 2 * 2,
    );
  });
  it('num_key_value_heads: null means one per query head', () => {
    expect(perToken({ ...LLAMA, num_key_value_heads: null })).toBe(2 * 8 * 64 * 2 * 2);
  });
  it('sliding_window absent is 4096 for mistral, null is none, and none is the default of phi3', () => {
    const mistral = { ...LLAMA, model_type: 'mistral' };
    expect(layerRuns(read(mistral))).toBe('2× k128 v128 w4096');
    expect(layerRuns(read({ ...mistral, sliding_window: null }))).toBe('2× k128 v128');
    expect(layerRuns(read({ ...LLAMA, model_type: 'phi3' }))).toBe('2× k128 v128');
  });
  it('head_dim null or 0 is hidden ÷ heads', () => {
    expect(layerRuns(read({ ...LLAMA, head_dim: null }))).toBe('2× k128 v128');
    expect(layerRuns(read({ ...LLAMA, head_dim: 0 }))).toBe('2× k128 v128');
  });
  it('LLaVA-1.5 leaves layers, heads and width to the Llama class', () => {
    const spec = read({
      model_type: 'llava',
      text_config: { model_type: 'llama', vocab_size: 32064 },
      vision_config: { hidden_size: 1024, num_hidden_layers: 24 },
    });
    expect(layerRuns(spec)).toBe('32× k4096 v4096');
    expect(spec.exact).toBe(true);
  });
  it('vision keys are never taken for the language model', () => {
    expect(
      layerRuns(
        read({
          model_type: 'mistral3',
          text_config: { ...LLAMA },
          vision_config: { num_hidden_layers: 24, num_attention_heads: 16, hidden_size: 1024 },
        }),
      ),
    ).toBe('2× k128 v128');
  });
});

describe('head counts and widths', () => {
  it('Falcon: num_kv_heads counts only without multi_query or in the new architecture', () => {
    const falcon = {
      model_type: 'falcon',
      num_hidden_layers: 32,
      hidden_size: 4544,
      num_attention_heads: 71,
      num_kv_heads: 71,
      multi_query: true,
    };
    expect(perToken({ ...falcon, new_decoder_architecture: false })).toBe(8192);
    expect(perToken({ ...falcon, multi_query: false })).toBe(32 * 71 * 64 * 4);
    expect(
      perToken({
        model_type: 'falcon',
        num_hidden_layers: 60,
        hidden_size: 8192,
        num_attention_heads: 128,
        num_kv_heads: 8,
        new_decoder_architecture: true,
      }),
    ).toBe(60 * 8 * 64 * 4);
  });
  it('head_dim is not hidden ÷ heads: Qwen3-0.6B', () => {
    expect(
      perToken({
        model_type: 'qwen3',
        num_hidden_layers: 28,
        hidden_size: 1024,
        num_attention_heads: 16,
        num_key_value_heads: 8,
        head_dim: 128,
      }),
    ).toBe(114_688);
  });
  it('MiMo-V2: keys wider than values, more KV heads in sliding layers', () => {
    const spec = read({
      model_type: 'mimo_v2_flash',
      num_hidden_layers: 3,
      hidden_size: 4096,
      num_attention_heads: 64,
      num_key_value_heads: 4,
      head_dim: 192,
      v_head_dim: 128,
      swa_num_attention_heads: 64,
      swa_num_key_value_heads: 8,
      swa_head_dim: 192,
      swa_v_head_dim: 128,
      sliding_window: 128,
      hybrid_layer_pattern: [0, 1, 1],
    });
    expect(layerRuns(spec)).toBe(`k${4 * 192} v${4 * 128} | 2× k${8 * 192} v${8 * 128} w128`);
    expect(spec.exact).toBe(true);
  });
  it('OpenELM and DeciLM count heads by layer', () => {
    const openelm = read({
      model_type: 'openelm',
      num_transformer_layers: 3,
      head_dim: 64,
      model_dim: 1280,
      num_query_heads: [12, 12, 16],
      num_kv_heads: [3, 3, 4],
    });
    expect(layerRuns(openelm)).toBe('2× k192 v192 | k256 v256');
    expect(openelm.variant).toBe('GQA (per layer)');
    const deci = read({
      model_type: 'deci',
      num_hidden_layers: 3,
      hidden_size: 4096,
      num_attention_heads: 32,
      num_key_value_heads_per_layer: [4, 2, 1],
    });
    expect(layerRuns(deci)).toBe('k512 v512 | k256 v256 | k128 v128');
  });
  it('Nemotron-NAS: block_configs decide, num_key_value_heads is null', () => {
    const attention = (group: number | null, more: Config = {}): Config => ({
      attention: { n_heads_in_group: group, no_op: false, replace_with_linear: false, ...more },
    });
    const spec = read({
      model_type: 'nemotron-nas',
      num_hidden_layers: 4,
      hidden_size: 8192,
      num_attention_heads: 64,
      num_key_value_heads: null,
      block_configs: [
        attention(8),
        attention(null, { no_op: true }),
        attention(16),
        attention(null, { replace_with_linear: true }),
      ],
    });
    expect(layerRuns(spec)).toBe('k1024 v1024 |  | k512 v512 | ');
    expect(spec.exact).toBe(true);
    expect(indexesOf(spec, 'none')).toEqual([1, 3]);
  });
  it('ChatGLM: multi_query_group_num only with multi_query_attention', () => {
    const chatglm = {
      model_type: 'chatglm',
      num_layers: 28,
      hidden_size: 4096,
      num_attention_heads: 32,
      kv_channels: 128,
      multi_query_group_num: 2,
    };
    expect(perToken({ ...chatglm, multi_query_attention: true })).toBe(28_672);
    expect(perToken(chatglm)).toBe(28 * 32 * 128 * 4);
  });
  it('DBRX and MPT keep their KV heads in attn_config', () => {
    expect(
      perToken({ model_type: 'dbrx', d_model: 6144, n_heads: 48, n_layers: 40, attn_config: { kv_n_heads: 8 } }),
    ).toBe(40 * 8 * 128 * 4);
    expect(
      perToken({
        model_type: 'mpt',
        d_model: 4096,
        n_heads: 32,
        n_layers: 32,
        attn_config: { attn_type: 'multihead_attention' },
      }),
    ).toBe(32 * 32 * 128 * 4);
  });
  it('Step-3 calls KV heads attention groups', () => {
    expect(
      perToken({
        model_type: 'step3_text',
        num_hidden_layers: 61,
        hidden_size: 7168,
        num_attention_heads: 64,
        num_attention_groups: 1,
        head_dim: 256,
        share_q_dim: 2048,
      }),
    ).toBe(61 * 256 * 4);
  });
  it('JetMoE: kv_channels wide, as many KV heads as it says', () => {
    expect(
      perToken({
        model_type: 'jetmoe',
        num_hidden_layers: 24,
        hidden_size: 2048,
        num_attention_heads: 32,
        num_key_value_heads: 16,
        kv_channels: 128,
        num_experts_per_tok: 2,
      }),
    ).toBe(24 * 16 * 128 * 4);
  });
  it('T5: d_kv is the width, whatever the hidden size', () => {
    const spec = read({ model_type: 't5', num_layers: 24, d_model: 1024, num_heads: 128, d_kv: 128 });
    expect(layerRuns(spec)).toBe('24× k16384 v16384 | 24× k16384 v16384 x');
  });
  it('phi-msft: n_head_kv null means one per head', () => {
    expect(perToken({ model_type: 'phi-msft', n_layer: 32, n_head: 32, n_embd: 2560, n_head_kv: null })).toBe(327_680);
  });
});

describe('windows', () => {
  const qwen = {
    model_type: 'qwen2',
    num_hidden_layers: 4,
    hidden_size: 512,
    num_attention_heads: 8,
    num_key_value_heads: 2,
    sliding_window: 32768,
  };
  it('use_sliding_window: false switches the window off', () => {
    expect(layerRuns(read({ ...qwen, use_sliding_window: false, max_window_layers: 2 }))).toBe('4× k128 v128');
    expect(layerRuns(read({ ...qwen, max_window_layers: 2 }))).toBe('4× k128 v128');
    expect(layerRuns(read({ ...qwen, use_sliding_window: true, max_window_layers: 2 }))).toBe(
      '2× k128 v128 | 2× k128 v128 w32768',
    );
  });
  it('a window larger than the context never binds', () => {
    const spec = read({ ...LLAMA, model_type: 'phi3', sliding_window: 262144, max_position_embeddings: 131072 });
    expect(intrinsicCacheBytes(spec, 'bf16', 131072)).toBe(131072 * 2 * 128 * 2 * 2);
  });
  it('the phase of the pattern: gemma2 starts sliding, cohere2 and olmo3 end with the full layer, gemma3 drops a cut group', () => {
    const of = (modelType: string, layers: number): number[] =>
      indexesOf(
        read({ ...LLAMA, model_type: modelType, num_hidden_layers: layers, head_dim: 64, sliding_window: 512 }),
        'full',
      );
    expect(of('gemma2', 6)).toEqual([1, 3, 5]);
    expect(of('gpt_oss', 6)).toEqual([1, 3, 5]);
    expect(of('cohere2', 8)).toEqual([3, 7]);
    expect(of('olmo3', 8)).toEqual([3, 7]);
    expect(of('gemma3_text', 14)).toEqual([5, 11]);
    expect(of('gemma3_text', 62)).toHaveLength(10);
    expect(of('afmoe', 8)).toEqual([3, 7]);
  });
  it('Llama 4: no_rope_layers empty or absent is three chunked layers, then a full one', () => {
    const llama4 = { ...LLAMA, model_type: 'llama4_text', num_hidden_layers: 48 };
    for (const config of [llama4, { ...llama4, no_rope_layers: [] }]) {
      const spec = read(config);
      expect(indexesOf(spec, 'full')).toEqual([3, 7, 11, 15, 19, 23, 27, 31, 35, 39, 43, 47]);
      expect(spec.layers[0]?.attention).toMatchObject({ kind: 'chunked', chunk: 8192 });
    }
  });
  it('layer_types are taken as they stand', () => {
    const spec = read({
      ...LLAMA,
      model_type: 'gemma3_text',
      head_dim: 64,
      sliding_window: 8,
      layer_types: ['full_attention', 'sliding_attention'],
    });
    expect(layerRuns(spec)).toBe('k128 v128 | k128 v128 w8');
  });
  it('GPT-Neo: every second layer looks back 256 tokens', () => {
    const spec = read({
      model_type: 'gpt_neo',
      num_layers: 4,
      hidden_size: 64,
      num_heads: 4,
      attention_types: [[['global', 'local'], 2]],
      window_size: 256,
    });
    expect(indexesOf(spec, 'sliding')).toEqual([1, 3]);
    expect(spec.exact).toBe(true);
  });
});

describe('sharing', () => {
  const gemma = {
    model_type: 'gemma3n_text',
    num_hidden_layers: 10,
    hidden_size: 512,
    num_attention_heads: 8,
    num_key_value_heads: 2,
    head_dim: 64,
    sliding_window: 16,
  };
  it('Gemma 3n: the LAST layers store nothing and read the last own layer of their kind', () => {
    const spec = read({ ...gemma, num_kv_shared_layers: 4 });
    expect(indexesOf(spec, 'shared')).toEqual([6, 7, 8, 9]);
    expect(spec.layers[9]?.attention).toMatchObject({ kind: 'shared', sharedWith: 4 });
    expect(spec.layers[8]?.attention).toMatchObject({ kind: 'shared', sharedWith: 5 });
  });
  it('num_kv_shared_layers: 0 shares nothing', () => {
    expect(indexesOf(read({ ...gemma, num_kv_shared_layers: 0 }), 'shared')).toEqual([]);
  });
  it('Hunyuan: cla_share_factor means nothing without use_cla', () => {
    const hunyuan = { ...LLAMA, model_type: 'hunyuan', num_hidden_layers: 4, cla_share_factor: 2 };
    expect(indexesOf(read({ ...hunyuan, use_cla: false }), 'full')).toEqual([0, 1, 2, 3]);
    const shared = read({ ...hunyuan, use_cla: true });
    expect(indexesOf(shared, 'shared')).toEqual([1, 3]);
    expect(shared.layers[3]?.attention).toMatchObject({ sharedWith: 2 });
    expect(shared.variant).toBe('GQA + shared KV');
  });
  it('Gemma 4: full layers have their own width, and their own KV heads only where K and V are one projection', () => {
    const gemma4 = {
      model_type: 'gemma4_text',
      num_hidden_layers: 6,
      hidden_size: 512,
      num_attention_heads: 8,
      num_key_value_heads: 4,
      head_dim: 256,
      global_head_dim: 512,
      num_global_key_value_heads: 2,
      sliding_window: 64,
    };
    expect(layerRuns(read({ ...gemma4, attention_k_eq_v: true }))).toBe('5× k1024 v1024 w64 | k1024 v1024');
    expect(layerRuns(read({ ...gemma4, attention_k_eq_v: false }))).toBe('5× k1024 v1024 w64 | k2048 v2048');
    expect(layerRuns(read({ ...gemma4, num_hidden_layers: 4 }))).toBe('3× k1024 v1024 w64 | k2048 v2048');
  });
});

describe('latent attention and indexers', () => {
  const mla = {
    model_type: 'deepseek_v3',
    num_hidden_layers: 61,
    hidden_size: 7168,
    num_attention_heads: 128,
    num_key_value_heads: 128,
    kv_lora_rank: 512,
    qk_rope_head_dim: 64,
    qk_nope_head_dim: 128,
    v_head_dim: 128,
    q_lora_rank: 1536,
  };
  it('DeepSeek-V3 is 70,272 bytes a token, not 3,997,696', () => {
    expect(perToken(mla)).toBe(70_272);
    for (const headDim of [null, 0, 56, 192]) expect(perToken({ ...mla, head_dim: headDim })).toBe(70_272);
  });
  it('MiniCPM3 omits v_head_dim', () => {
    const { v_head_dim: _omitted, ...without } = mla;
    const spec = read({ ...without, model_type: 'minicpm3', hidden_size: 2560, num_attention_heads: 40 });
    expect(spec.layers[0]?.attention).toMatchObject({ kind: 'latent', valueDim: 64 });
    expect(spec.exact).toBe(true);
  });
  it('LongCat-Flash has two caches a layer', () => {
    const { num_hidden_layers: _layers, ...rest } = mla;
    expect(read({ ...rest, model_type: 'longcat_flash', num_layers: 28 }).layers).toHaveLength(56);
  });
  it('DeepSeek-VL2-tiny is a deepseek_v2 without latent attention', () => {
    const spec = read({
      model_type: 'deepseek_vl_v2',
      language_config: {
        model_type: 'deepseek_v2',
        num_hidden_layers: 12,
        hidden_size: 1280,
        num_attention_heads: 10,
        num_key_value_heads: 10,
        kv_lora_rank: null,
        use_mla: false,
        qk_nope_head_dim: 0,
        qk_rope_head_dim: 0,
        v_head_dim: 0,
      },
    });
    expect(layerRuns(spec)).toBe('12× k1280 v1280');
    expect(spec.exact).toBe(true);
  });
  it('DSA: one index key a token, none in layers that share the indexer of another', () => {
    const dsa = {
      ...mla,
      model_type: 'glm_moe_dsa',
      num_hidden_layers: 4,
      index_head_dim: 128,
      index_n_heads: 32,
      index_topk: 2048,
    };
    expect(perToken({ ...dsa, model_type: 'deepseek_v32' })).toBe(4 * (576 + 128) * 2);
    expect(perToken(dsa)).toBe(4 * (576 + 128) * 2);
    expect(perToken({ ...dsa, indexer_types: ['full', 'full', 'shared', 'shared'], index_topk_freq: 4 })).toBe(
      (4 * 576 + 2 * 128) * 2,
    );
    expect(perToken({ ...dsa, index_topk_freq: 2 })).toBe((4 * 576 + 3 * 128) * 2);
  });
  it('DeepSeek-V4: compress_ratios may be longer than the layers; K = V is stored once', () => {
    const spec = read({
      model_type: 'deepseek_v4',
      num_hidden_layers: 3,
      hidden_size: 4096,
      num_attention_heads: 64,
      num_key_value_heads: 1,
      head_dim: 512,
      qk_rope_head_dim: 64,
      sliding_window: 128,
      index_head_dim: 128,
      index_n_heads: 64,
      compress_ratios: [0, 4, 128, 0],
      num_nextn_predict_layers: 1,
    });
    expect(layerRuns(spec)).toBe('k512 v0 w128 | k512 v0 w128 i128 csa | k512 v0 w128 hca');
    expect(intrinsicCacheBytes(spec, 'bf16', 4096)).toBe(2 * (3 * 128 * 512 + 1024 * (512 + 128) + 32 * 512));
    expect(spec.draftLayers).toBe(1);
    expect(spec.exact).toBe(true);
  });
  it('a compress ratio that no version has is an unknown layer', () => {
    const spec = read({
      model_type: 'deepseek_v4',
      num_hidden_layers: 2,
      num_attention_heads: 4,
      hidden_size: 64,
      head_dim: 16,
      sliding_window: 8,
      index_head_dim: 8,
      compress_ratios: [0, 16],
    });
    expect(spec.unknownLayers).toBe(1);
    expect(spec.exact).toBe(false);
  });
  it('MiniMax-M3: sparse layers keep an index key', () => {
    const m3 = {
      ...LLAMA,
      model_type: 'minimax_m3',
      head_dim: 64,
      sparse_attention_config: {
        use_sparse_attention: true,
        sparse_index_dim: 128,
        sparse_num_index_heads: 4,
        sparse_attention_freq: [0, 1],
      },
    };
    expect(layerRuns(read(m3))).toBe('k128 v128 | k128 v128 i128');
  });
});

describe('recurrent and hybrid models', () => {
  const kimi = {
    model_type: 'kimi_linear',
    num_hidden_layers: 4,
    hidden_size: 2304,
    num_attention_heads: 32,
    num_key_value_heads: 32,
    kv_lora_rank: 512,
    qk_rope_head_dim: 64,
    qk_nope_head_dim: 128,
    v_head_dim: 128,
    linear_attn_config: {
      full_attn_layers: [4],
      kda_layers: [1, 2, 3],
      num_heads: 32,
      head_dim: 128,
      short_conv_kernel_size: 4,
    },
  };
  it('Kimi Linear counts its layers from 1; its delta state is float32', () => {
    const spec = read(kimi);
    expect(indexesOf(spec, 'latent')).toEqual([3]);
    expect(intrinsicStateBytes(spec, 'bf16')).toBe(3 * (3 * 32 * 128 * 4 * 2 + 32 * 128 * 128 * 4));
  });
  it('a layer in neither list of Kimi Linear is unknown', () => {
    const spec = read({ ...kimi, linear_attn_config: { ...kimi.linear_attn_config, kda_layers: [1, 2] } });
    expect(spec.unknownLayers).toBe(1);
    expect(spec.exact).toBe(false);
  });
  it('Qwen3-Next without layer_types uses full_attention_interval', () => {
    const next = {
      model_type: 'qwen3_next',
      num_hidden_layers: 8,
      hidden_size: 2048,
      num_attention_heads: 16,
      num_key_value_heads: 2,
      head_dim: 256,
    };
    expect(indexesOf(read(next), 'full')).toEqual([3, 7]);
    expect(indexesOf(read({ ...next, full_attention_interval: 2 }), 'full')).toEqual([1, 3, 5, 7]);
  });
  it('Jamba: period 8, offset 4; Zamba: layer 2, then a shifted period', () => {
    expect(
      indexesOf(
        read({
          model_type: 'jamba',
          num_hidden_layers: 16,
          hidden_size: 64,
          num_attention_heads: 4,
          num_key_value_heads: 2,
          attn_layer_period: 8,
          attn_layer_offset: 4,
        }),
        'full',
      ),
    ).toEqual([4, 12]);
    const zamba = read({
      model_type: 'zamba',
      num_hidden_layers: 20,
      hidden_size: 64,
      num_attention_heads: 4,
      num_key_value_heads: 4,
    });
    expect(indexesOf(zamba, 'full')).toEqual([2, 7, 13, 19]);
    expect(zamba.layers[2]?.attention).toMatchObject({ keyDim: 32 });
    expect(zamba.layers[2]?.parallelState).toBeDefined();
  });
  it('Nemotron-H: letters, and the words of the newer list, say the same', () => {
    const nemotron = {
      model_type: 'nemotron_h',
      num_hidden_layers: 4,
      hidden_size: 512,
      num_attention_heads: 8,
      num_key_value_heads: 2,
      head_dim: 64,
      mamba_num_heads: 8,
      mamba_head_dim: 64,
      ssm_state_size: 128,
      n_groups: 8,
      conv_kernel: 4,
    };
    const letters = read({ ...nemotron, hybrid_override_pattern: 'M*-E' });
    expect(layerRuns(read({ ...nemotron, layers_block_type: ['mamba', 'attention', 'mlp', 'moe'] }))).toBe(
      layerRuns(letters),
    );
    expect(letters.exact).toBe(true);
    expect(indexesOf(letters, 'none')).toEqual([2, 3]);
    expect(read({ ...nemotron, hybrid_override_pattern: 'M*-X' }).unknownLayers).toBe(1);
  });
  it('RecurrentGemma repeats and cuts its block types, in either spelling', () => {
    const base = {
      model_type: 'recurrent_gemma',
      num_hidden_layers: 8,
      hidden_size: 2560,
      num_attention_heads: 10,
      num_key_value_heads: 1,
      lru_width: 2560,
      attention_window_size: 2048,
      conv1d_width: 4,
    };
    for (const key of ['_block_types', 'block_types'])
      expect(indexesOf(read({ ...base, [key]: ['recurrent', 'recurrent', 'attention'] }), 'sliding')).toEqual([2, 5]);
  });
  it('MiniMax-Text-01: attn_type_list 1 is full attention', () => {
    const spec = read({
      ...LLAMA,
      model_type: 'minimax_text_01',
      num_hidden_layers: 4,
      head_dim: 64,
      attn_type_list: [0, 0, 0, 1],
    });
    expect(indexesOf(spec, 'full')).toEqual([3]);
    expect(intrinsicStateBytes(spec, 'bf16')).toBe(3 * 8 * 64 * 64 * 2);
    expect(perToken({ ...LLAMA, model_type: 'minimax_m2', head_dim: 64, attn_type_list: [1, 1] })).toBe(2 * 2 * 64 * 4);
  });
  it('Falcon-H1 has attention and Mamba in every layer', () => {
    const spec = read({
      model_type: 'falcon_h1',
      num_hidden_layers: 2,
      hidden_size: 1024,
      num_attention_heads: 8,
      num_key_value_heads: 2,
      head_dim: 64,
      mamba_d_ssm: 1536,
      mamba_n_heads: 24,
      mamba_d_head: 64,
      mamba_d_state: 128,
      mamba_n_groups: 1,
      mamba_d_conv: 4,
    });
    expect(layerRuns(spec)).toBe(`2× k128 v128 c${(1536 + 256) * 4} r${1536 * 128}`);
  });
  it('RWKV-5 and 6 keep a matrix per head in float32', () => {
    const spec = read({
      model_type: 'rwkv6',
      num_hidden_layers: 24,
      hidden_size: 2048,
      attention_hidden_size: 2048,
      head_size: 64,
    });
    expect(intrinsicStateBytes(spec, 'bf16')).toBe(24 * (2 * 2048 * 2 + 2048 * 64 * 4));
  });
  it('state is float32 where the config says so', () => {
    const next = {
      model_type: 'qwen3_5_text',
      num_hidden_layers: 4,
      hidden_size: 5120,
      num_attention_heads: 24,
      num_key_value_heads: 4,
      linear_num_key_heads: 16,
      linear_num_value_heads: 48,
      linear_key_head_dim: 128,
      linear_value_head_dim: 128,
      linear_conv_kernel_dim: 4,
    };
    const difference =
      intrinsicStateBytes(read({ ...next, mamba_ssm_dtype: 'float32' }), 'bf16') -
      intrinsicStateBytes(read(next), 'bf16');
    expect(difference).toBe(3 * 48 * 128 * 128 * 2);
  });
});

describe('models that only look like decoders', () => {
  it('openai_privacy_filter has gpt-oss keys and keeps nothing', () => {
    const spec = read({
      model_type: 'openai_privacy_filter',
      num_hidden_layers: 8,
      hidden_size: 640,
      num_attention_heads: 14,
      num_key_value_heads: 2,
      head_dim: 64,
      sliding_window: 128,
    });
    expect(intrinsicCacheBytes(spec, 'bf16', 4096)).toBe(0);
    expect(spec.variant).toBe('encoder-only (no KV cache)');
    expect(spec.exact).toBe(true);
  });
  it('a drafter reads the cache of its target, and is called a drafter; a detector generates no text', () => {
    const drafter = read({
      model_type: 'gemma4_assistant',
      text_config: { model_type: 'gemma4_text', num_hidden_layers: 4, num_kv_shared_layers: 0 },
    });
    expect(intrinsicCacheBytes(drafter, 'bf16', 4096)).toBe(0);
    expect([drafter.exact, drafter.variant]).toEqual([true, 'drafter (no KV cache of its own)']);
    const detector = read({ model_type: 'detr', num_hidden_layers: 6, d_model: 256, encoder_attention_heads: 8 });
    expect([detector.exact, detector.variant]).toEqual([true, 'not a text model (no KV cache)']);
  });
  it('BERT keeps nothing, unless it is a decoder', () => {
    const bert = { model_type: 'bert', num_hidden_layers: 12, hidden_size: 768, num_attention_heads: 12 };
    expect(perToken(bert)).toBe(0);
    expect(perToken({ ...bert, is_decoder: true })).toBe(12 * 768 * 4);
  });
  it('draft layers are counted apart', () => {
    const spec = read({
      model_type: 'deepseek_v3',
      num_nextn_predict_layers: 1,
      num_hidden_layers: 61,
      hidden_size: 7168,
      num_attention_heads: 128,
      kv_lora_rank: 512,
      qk_rope_head_dim: 64,
    });
    expect(spec.layers).toHaveLength(61);
    expect(spec.draftLayers).toBe(1);
  });
  it('Whisper has 1,500 source positions, whatever the number of tokens', () => {
    const spec = read({
      model_type: 'whisper',
      d_model: 384,
      decoder_layers: 4,
      decoder_attention_heads: 6,
      encoder_layers: 4,
      encoder_attention_heads: 6,
      max_source_positions: 1500,
    });
    expect(intrinsicCacheBytes(spec, 'bf16', 1)).toBe(9_222_144);
    expect(spec.variant).toBe('encoder-decoder MHA');
  });
  it('a decoder beside an encoder gets cross layers', () => {
    const spec = read({
      model_type: 'vision-encoder-decoder',
      encoder: { model_type: 'vit', num_hidden_layers: 12, hidden_size: 768 },
      decoder: { model_type: 'gpt2', n_layer: 2, n_head: 4, n_embd: 64, add_cross_attention: true },
    });
    expect(layerRuns(spec)).toBe('2× k64 v64 | 2× k64 v64 x');
  });
});

describe('what the file says against what it is called', () => {
  it('a DeciLM without model_type is read by its class', () => {
    const spec = read({
      architectures: ['DeciLMForCausalLM'],
      num_hidden_layers: 3,
      hidden_size: 4096,
      num_attention_heads: 32,
      num_key_value_heads_per_layer: [4, 2, 1],
    });
    expect(layerRuns(spec)).toBe('k512 v512 | k256 v256 | k128 v128');
    expect(spec.exact).toBe(true);
  });
  it('a class of another type beside a known type changes nothing unless engines go by it', () => {
    const spec = read({ ...LLAMA, architectures: ['MistralForCausalLM'] });
    expect(layerRuns(spec)).toBe('2× k128 v128');
    expect(spec.notes.filter(({ key }) => key === 'architectures')).toEqual([]);
  });
  it('is_causal: false and bidirectional classes keep nothing; is_causal: true changes nothing', () => {
    for (const config of [
      { ...LLAMA, is_causal: false },
      { ...LLAMA, architectures: ['LlamaBidirectionalModel'] },
      { ...LLAMA, model_type: 'llama_bidirec', architectures: ['LlamaBidirectionalModel'] },
      { ...LLAMA, model_type: 'gemma3_text', architectures: ['Gemma3TextModel'], use_bidirectional_attention: true },
    ]) {
      expect(perToken(config)).toBe(0);
      expect(read(config).layers).toHaveLength(2);
    }
    expect(perToken({ ...LLAMA, is_causal: true })).toBe(2 * 512);
  });
  it('Yuan keeps the last two hidden states beside K and V of every head', () => {
    const config = {
      model_type: 'yuan',
      num_hidden_layers: 2,
      hidden_size: 2048,
      num_attention_heads: 16,
      attention_projection_size: 4096,
    };
    expect(perToken(config)).toBe(2 * 2 * 4096 * 2);
    expect(intrinsicStateBytes(read(config), 'bf16')).toBe(2 * 2 * 2048 * 2);
  });
  it('block-sparse attention of Phi-3-small keeps everything', () => {
    const config = {
      model_type: 'phi3small',
      num_hidden_layers: 2,
      hidden_size: 4096,
      num_attention_heads: 32,
      num_key_value_heads: 8,
      dense_attention_every_n_layers: 2,
      blocksparse_block_size: 64,
      blocksparse_homo_head_pattern: false,
      blocksparse_num_local_blocks: 16,
      blocksparse_triton_kernel_block_size: 64,
      blocksparse_vert_stride: 8,
    };
    expect(perToken(config)).toBe(2 * 2 * 8 * 128 * 2);
  });
  it('Arctic is grouped attention', () => {
    expect(perToken({ ...LLAMA, model_type: 'arctic' })).toBe(2 * 512);
  });
});

describe('the collection of linear attention', () => {
  // fla/layers: a key × value matrix a head, in float32; the class's defaults for what the file leaves out.
  const SMALL = { hidden_size: 64, num_hidden_layers: 3 };
  it('keeps a state of fixed size, whatever num_heads says of heads', () => {
    const gla = read({ model_type: 'gla', ...SMALL, num_heads: 4, expand_k: 0.5, feature_map: null, gate_fn: 'swish' });
    expect(intrinsicCacheBytes(gla, 'bf16', 4096)).toBe(0);
    expect(intrinsicStateBytes(gla, 'bf16')).toBe(3 * 4 * 8 * 16 * 4);
    const retnet = read({ model_type: 'retnet', ...SMALL, num_heads: 4 });
    expect(intrinsicStateBytes(retnet, 'bf16')).toBe(3 * 4 * 16 * 32 * 4);
    const gsa = read({ model_type: 'gsa', ...SMALL, num_heads: 4, num_slots: 8 });
    expect(intrinsicStateBytes(gsa, 'bf16')).toBe(3 * 8 * (64 + 64) * 4);
    const linear = read({ model_type: 'linear_attn', ...SMALL, num_heads: 4 });
    expect(intrinsicStateBytes(linear, 'bf16')).toBe(3 * 4 * 16 * 16 * 4);
    for (const spec of [gla, retnet, gsa, linear]) expect(spec.exact).toBe(true);
  });
  it('a short convolution runs over q, and over k and v of their own heads', () => {
    const spec = read({ model_type: 'gla', ...SMALL, num_heads: 4, num_kv_heads: 2, use_short_conv: true });
    expect(intrinsicStateBytes(spec, 'bf16')).toBe(3 * (4 * 8 * 16 * 4 + (32 + 16 + 32) * 4 * 2));
  });
  it('layers of attn attend, in a window where it has one', () => {
    const attn = { layers: [1], num_heads: 4, num_kv_heads: 2, window_size: 128 };
    const spec = read({ model_type: 'retnet', ...SMALL, attn });
    expect(spec.exact).toBe(true);
    expect(spec.layers.map(({ attention }) => attention.kind)).toEqual(['recurrent', 'sliding', 'recurrent']);
    expect(intrinsicCacheBytes(spec, 'bf16', 4096)).toBe(128 * 2 * 32 * 2);
  });
  it('a feature map that changes widths is not certain', () => {
    expect(read({ model_type: 'linear_attn', ...SMALL, feature_map: 'dpfp' }).exact).toBe(false);
  });
  it('RWKV-7: head_dim decides, num_heads does not', () => {
    const spec = read({ model_type: 'rwkv7', ...SMALL, head_dim: 16, num_heads: 32, value_dim: [64, 64, 64] });
    expect(spec.exact).toBe(true);
    expect(intrinsicCacheBytes(spec, 'bf16', 4096)).toBe(0);
    expect(intrinsicStateBytes(spec, 'bf16')).toBe(3 * (16 * 64 * 4 + 2 * 64 * 2));
  });
});

describe('numbers as Python writes them', () => {
  const parse = (text: string): unknown => {
    const document = ConfigDocument.parse(text);
    expect(document.errors).toEqual([]);
    return document.root && document.valueOf(document.root);
  };
  it('are read where they stand', () => {
    expect(parse('{"a": Infinity, "b": -Infinity, "c": NaN, "d": [0.0, Infinity, -Infinity], "e": 1}')).toEqual({
      a: Infinity,
      b: -Infinity,
      c: Number.NaN,
      d: [0, Infinity, -Infinity],
      e: 1,
    });
  });
  it('are words inside strings and comments, and errors elsewhere', () => {
    expect(parse('{"Infinity": "NaN, \\"Infinity\\"" /* NaN */} // Infinity')).toEqual({ Infinity: 'NaN, "Infinity"' });
    for (const text of ['{"a": +Infinity}', '{"a": Infinity5}', '{Infinity: 1}', '{"a": nan}'])
      expect(ConfigDocument.parse(text).errors, text).not.toEqual([]);
  });
});
