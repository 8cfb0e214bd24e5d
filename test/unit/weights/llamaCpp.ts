/**
 * A golden folder written as the GGUF file that llama.cpp's converter makes of it: names of its `TensorNameMap`, and what
 * its `conversion/*.py` do to each family (rows of Q and K permuted, "+ 1" folded into norms, Conv1D transposed, experts
 * stacked). Everything stays float32.
 */

import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { openSafetensors } from '../../../src/weights/safetensors';
import { gguf, type GgufEntry, type GgufTensor, ggufValue } from './files';

type Values = Float32Array<ArrayBuffer>;
interface Stored {
  readonly shape: readonly number[];
  readonly data: Values;
}
type Config = Readonly<Record<string, unknown>>;

export interface Conversion {
  readonly architecture: string;
  /** Rows of Q and K are brought into the order of adjacent pairs. */
  readonly permuted?: boolean;
  /** Norms are stored with their "+ 1". */
  readonly plusOne?: boolean;
  /** Attention and feed-forward have a norm behind them. */
  readonly normsAfter?: boolean;
  /** The model has windows that llama.cpp's implementation has not. */
  readonly withoutWindows?: boolean;
  readonly extra?: (config: Config) => Readonly<Record<string, GgufEntry>>;
}

/** `self_attn.q_proj` → `attn_q`; those that differ between families come first. */
function layerName(name: string, { normsAfter = false }: Conversion): string {
  const names: Readonly<Record<string, string>> = {
    'self_attn.q_proj': 'attn_q',
    'self_attn.k_proj': 'attn_k',
    'self_attn.v_proj': 'attn_v',
    'self_attn.o_proj': 'attn_output',
    'self_attn.q_norm': 'attn_q_norm',
    'self_attn.k_norm': 'attn_k_norm',
    'self_attn.qkv_proj': 'attn_qkv',
    input_layernorm: 'attn_norm',
    post_attention_layernorm: normsAfter ? 'post_attention_norm' : 'ffn_norm',
    pre_feedforward_layernorm: 'ffn_norm',
    post_feedforward_layernorm: 'post_ffw_norm',
    'mlp.gate_proj': 'ffn_gate',
    'mlp.up_proj': 'ffn_up',
    'mlp.down_proj': 'ffn_down',
    'mlp.gate_up_proj': 'ffn_up',
    'mlp.c_fc': 'ffn_up',
    'mlp.c_proj': 'ffn_down',
    'mlp.gate': 'ffn_gate_inp',
    'block_sparse_moe.gate': 'ffn_gate_inp',
    'attn.c_attn': 'attn_qkv',
    'attn.c_proj': 'attn_output',
    ln_1: 'attn_norm',
    ln_2: 'ffn_norm',
  };
  const found = names[name];
  if (found === undefined) throw new Error(`no GGUF name for ${name}`);
  return found;
}

const ENDS: Readonly<Record<string, string>> = {
  'model.embed_tokens': 'token_embd',
  'model.norm': 'output_norm',
  lm_head: 'output',
  'transformer.wte': 'token_embd',
  'transformer.wpe': 'position_embd',
  'transformer.ln_f': 'output_norm',
};

/** [two halves of each head] → pairs: `LlamaModel.permute`. */
function permuted({ shape, data }: Stored, heads: number): Stored {
  const rows = shape[0] ?? 0;
  const width = data.length / rows;
  const half = rows / heads / 2;
  const result = new Float32Array(data.length);
  for (let head = 0; head < heads; head++) {
    for (let pair = 0; pair < half; pair++) {
      for (let side = 0; side < 2; side++) {
        const from = (head * 2 + side) * half + pair;
        const to = (head * half + pair) * 2 + side;
        result.set(data.subarray(from * width, (from + 1) * width), to * width);
      }
    }
  }
  return { shape, data: result };
}

function transposed({ shape, data }: Stored): Stored {
  const [rows = 0, columns = 0] = shape;
  const result = new Float32Array(data.length);
  for (let r = 0; r < rows; r++)
    for (let c = 0; c < columns; c++) result[c * rows + r] = data[r * columns + c] as number;
  return { shape: [columns, rows], data: result };
}

function numberIn(config: Config, ...keys: readonly string[]): number | undefined {
  return keys.map((key) => config[key]).find((value): value is number => typeof value === 'number');
}

/** What `TextModel.set_gguf_parameters` writes. */
function metadataOf(config: Config, conversion: Conversion, vocabulary: number): Record<string, GgufEntry> {
  const { u32, f32, text } = ggufValue;
  const name = conversion.architecture;
  const entries: Record<string, GgufEntry> = {
    'general.architecture': text(name),
    [`${name}.vocab_size`]: u32(vocabulary),
  };
  const add = (key: string, make: (value: number) => GgufEntry, ...from: readonly string[]): void => {
    const value = numberIn(config, ...from);
    if (value !== undefined) entries[`${name}.${key}`] = make(value);
  };
  add('block_count', u32, 'num_hidden_layers', 'n_layer');
  add('context_length', u32, 'max_position_embeddings', 'n_positions');
  add('embedding_length', u32, 'hidden_size', 'n_embd');
  add('feed_forward_length', u32, 'intermediate_size', 'n_inner');
  add('attention.head_count', u32, 'num_attention_heads', 'n_head');
  add('attention.head_count_kv', u32, 'num_key_value_heads', 'num_attention_heads', 'n_head');
  add('attention.layer_norm_rms_epsilon', f32, 'rms_norm_eps');
  add('attention.layer_norm_epsilon', f32, 'layer_norm_eps', 'layer_norm_epsilon', 'norm_epsilon');
  const scaling = (config['rope_scaling'] ?? config['rope_parameters'] ?? {}) as Config;
  const theta = numberIn(scaling, 'rope_theta') ?? numberIn(config, 'rope_theta');
  if (theta !== undefined) entries[`${name}.rope.freq_base`] = f32(theta);
  add('attention.key_length', u32, 'head_dim');
  add('attention.value_length', u32, 'head_dim');
  add('expert_count', u32, 'num_local_experts', 'num_experts');
  add('expert_used_count', u32, 'num_experts_per_tok');
  add('expert_feed_forward_length', u32, 'moe_intermediate_size');
  if ((scaling['rope_type'] ?? scaling['type']) === 'linear') {
    entries[`${name}.rope.scaling.type`] = text('linear');
    entries[`${name}.rope.scaling.factor`] = f32(numberIn(scaling, 'factor') ?? 1);
  }
  return { ...entries, ...conversion.extra?.(config) };
}

/** Llama 3's scaling as divisors of the frequencies (`LlamaModel.generate_extra_tensors`). */
function ropeDivisors(config: Config, headDim: number): Values | null {
  const scaling = (config['rope_scaling'] ?? config['rope_parameters'] ?? {}) as Config;
  if ((scaling['rope_type'] ?? scaling['type']) !== 'llama3') return null;
  const read = (key: string): number => numberIn(scaling, key) ?? Number.NaN;
  const theta = numberIn(scaling, 'rope_theta') ?? numberIn(config, 'rope_theta') ?? 10_000;
  const [low, high, factor, context] = [
    read('low_freq_factor'),
    read('high_freq_factor'),
    read('factor'),
    read('original_max_position_embeddings'),
  ];
  return Float32Array.from({ length: headDim / 2 }, (_, i) => {
    const wavelength = 2 * Math.PI * theta ** ((2 * i) / headDim);
    if (wavelength < context / high) return 1;
    if (wavelength > context / low) return factor;
    const smooth = (context / wavelength - low) / (high - low);
    return 1 / ((1 - smooth) / factor + smooth);
  });
}

/** The bytes of the GGUF file. */
export async function convert(folder: string, conversion: Conversion): Promise<Uint8Array> {
  const config = JSON.parse(readFileSync(join(folder, 'config.json'), 'utf8')) as Config;
  const heads = numberIn(config, 'num_attention_heads', 'n_head') ?? 1;
  const kvHeads = numberIn(config, 'num_key_value_heads') ?? heads;
  const tensors = new Map<string, Stored>();
  const experts = new Map<string, Stored[]>();
  const index = join(folder, 'model.safetensors.index.json');
  const store = await openSafetensors(existsSync(index) ? index : join(folder, 'model.safetensors'));
  for (const name of store.names()) {
    const shape = store.info(name).shape;
    let stored: Stored = { shape, data: await store.read(name) };
    const [, layer, rest = name, suffix = ''] =
      /^(?:(?:model|transformer)\.(?:layers|h)\.(\d+)\.)?(.*)\.(weight|bias)$/.exec(name) ?? [];
    if (layer === undefined) {
      tensors.set(
        `${ENDS[rest] ?? rest}.${suffix}`,
        conversion.plusOne === true && rest.endsWith('norm') ? plusOne(stored) : stored,
      );
      continue;
    }
    const expert = /^(?:mlp|block_sparse_moe)\.experts\.(\d+)\.(\w+)$/.exec(rest);
    if (expert !== null) {
      const which =
        { gate_proj: 'gate', w1: 'gate', up_proj: 'up', w3: 'up', down_proj: 'down', w2: 'down' }[expert[2] ?? ''] ??
        '';
      const key = `blk.${layer}.ffn_${which}_exps.weight`;
      const list = experts.get(key) ?? [];
      list[Number(expert[1])] = stored;
      experts.set(key, list);
      continue;
    }
    if (conversion.plusOne === true && /norm$/.test(rest)) stored = plusOne(stored);
    if (conversion.permuted === true && /[qk]_proj$/.test(rest))
      stored = permuted(stored, rest.endsWith('k_proj') ? kvHeads : heads);
    if (conversion.architecture === 'gpt2' && suffix === 'weight' && shape.length === 2) stored = transposed(stored);
    tensors.set(`blk.${layer}.${layerName(rest, conversion)}.${suffix}`, stored);
  }
  await store.close();
  for (const [key, list] of experts) {
    const [first] = list;
    if (first === undefined) throw new Error(`no experts under ${key}`);
    const data = new Float32Array(first.data.length * list.length);
    list.forEach((item, index) => data.set(item.data, index * first.data.length));
    tensors.set(key, { shape: [list.length, ...first.shape], data });
  }
  const headDim = numberIn(config, 'head_dim') ?? (numberIn(config, 'hidden_size', 'n_embd') ?? 0) / heads;
  const divisors = conversion.permuted === true ? ropeDivisors(config, headDim) : null;
  if (divisors !== null) tensors.set('rope_freqs.weight', { shape: [divisors.length], data: divisors });
  const scaling = (config['rope_scaling'] ?? {}) as Config;
  for (const which of ['long', 'short']) {
    const list = scaling[`${which}_factor`];
    if (conversion.architecture === 'phi3' && Array.isArray(list))
      tensors.set(`rope_factors_${which}.weight`, { shape: [list.length], data: Float32Array.from(list as number[]) });
  }
  const file: Record<string, GgufTensor> = {};
  for (const [name, { shape, data }] of tensors)
    file[name] = {
      dims: shape.toReversed(),
      type: 0,
      bytes: new Uint8Array(data.buffer, data.byteOffset, data.byteLength),
    };
  return gguf(metadataOf(config, conversion, tensors.get('token_embd.weight')?.shape[0] ?? 0), file);
}

function plusOne({ shape, data }: Stored): Stored {
  return { shape, data: data.map((value) => value + 1) };
}
