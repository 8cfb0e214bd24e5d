// Weight files for the editor of such: a checkpoint of Llama-3-8B's embedding, a hundred thousand tensors, an index of two shards, a GGUF file.
import { closeSync, ftruncateSync, mkdirSync, openSync, writeFileSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { f32, type GgufTensor, gguf, ggufValue, safetensors } from '../unit/weights/files';

export const LLAMA = {
  model_type: 'llama',
  architectures: ['LlamaForCausalLM'],
  hidden_size: 4096,
  intermediate_size: 14336,
  num_hidden_layers: 1,
  num_attention_heads: 32,
  num_key_value_heads: 8,
  vocab_size: 128256,
  torch_dtype: 'bfloat16',
};

/** Shapes of a Llama checkpoint with one layer. */
export const LLAMA_TENSORS: readonly (readonly [name: string, shape: readonly number[]])[] = [
  ['model.embed_tokens.weight', [128256, 4096]],
  ['model.layers.0.self_attn.q_proj.weight', [4096, 4096]],
  ['model.layers.0.self_attn.k_proj.weight', [1024, 4096]],
  ['model.layers.0.self_attn.v_proj.weight', [1024, 4096]],
  ['model.layers.0.self_attn.o_proj.weight', [4096, 4096]],
  ['model.layers.0.mlp.gate_proj.weight', [14336, 4096]],
  ['model.layers.0.mlp.up_proj.weight', [14336, 4096]],
  ['model.layers.0.mlp.down_proj.weight', [4096, 14336]],
  ['model.layers.0.input_layernorm.weight', [4096]],
  ['model.layers.0.post_attention_layernorm.weight', [4096]],
  ['model.norm.weight', [4096]],
  ['lm_head.weight', [128256, 4096]],
];

/** A header and as many zeros as it speaks of: the disk holds the header alone. */
export function writeSparse(
  path: string,
  tensors: readonly (readonly [name: string, shape: readonly number[]])[],
): void {
  let at = 0;
  const header = Object.fromEntries(
    tensors.map(([name, shape]) => {
      const bytes = 2 * shape.reduce((product, size) => product * size, 1);
      at += bytes;
      return [name, { dtype: 'BF16', shape, data_offsets: [at - bytes, at] }];
    }),
  );
  const json = Buffer.from(JSON.stringify({ __metadata__: { format: 'pt' }, ...header }));
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(json.length));
  const file = openSync(path, 'w');
  writeSync(file, length);
  writeSync(file, json);
  ftruncateSync(file, 8 + json.length + at);
  closeSync(file);
}

/** A mixture of experts: names as real ones, a weight each. */
export function manyTensors(count: number): readonly (readonly [name: string, shape: readonly number[]])[] {
  return Array.from({ length: count }, (_, i) => {
    const [layer, expert, which] = [Math.floor(i / 1536), Math.floor((i % 1536) / 3), i % 3];
    const projection = ['gate_proj', 'up_proj', 'down_proj'][which] ?? '';
    return [`model.layers.${layer}.mlp.experts.${expert}.${projection}.weight`, [1]] as const;
  });
}

/** A small GGUF file of a Llama, with a list of tokens. */
export function llamaGguf(): Uint8Array {
  const tensor = (dims: readonly number[]): GgufTensor => ({
    dims,
    type: 0,
    bytes: f32(Array.from({ length: dims.reduce((product, size) => product * size, 1) }, (_, i) => Math.sin(i))),
  });
  return gguf(
    {
      'general.architecture': ggufValue.text('llama'),
      'general.name': ggufValue.text('<img src=x onerror=alert(1)> [a](command:b)'),
      'llama.block_count': ggufValue.u32(1),
      'llama.embedding_length': ggufValue.u32(64),
      'llama.feed_forward_length': ggufValue.u32(96),
      'llama.attention.head_count': ggufValue.u32(4),
      'llama.attention.head_count_kv': ggufValue.u32(2),
      'llama.context_length': ggufValue.u32(128),
      'tokenizer.ggml.tokens': ggufValue.texts(Array.from({ length: 300 }, (_, i) => `token${i}`)),
    },
    {
      'token_embd.weight': tensor([64, 300]),
      'blk.0.attn_q.weight': tensor([64, 64]),
      'blk.0.attn_k.weight': tensor([64, 32]),
      'blk.0.attn_v.weight': tensor([64, 32]),
      'blk.0.attn_output.weight': tensor([64, 64]),
      'blk.0.attn_norm.weight': tensor([64]),
      'blk.0.ffn_norm.weight': tensor([64]),
      'blk.0.ffn_gate.weight': tensor([64, 96]),
      'blk.0.ffn_up.weight': tensor([64, 96]),
      'blk.0.ffn_down.weight': tensor([96, 64]),
      'output_norm.weight': tensor([64]),
    },
  );
}

/** All of them, in a folder of their own each. */
export function writeWeightFiles(root: string): void {
  const folder = (name: string): string => {
    const path = join(root, name);
    mkdirSync(path, { recursive: true });
    return path;
  };
  const llama = folder('llama');
  writeFileSync(join(llama, 'config.json'), JSON.stringify(LLAMA));
  writeSparse(join(llama, 'llama.safetensors'), LLAMA_TENSORS);
  writeSparse(join(folder('many'), 'many.safetensors'), manyTensors(100_000));
  writeFileSync(join(folder('gguf'), 'tiny.gguf'), llamaGguf());
  const sharded = folder('sharded');
  const values = (count: number): Uint8Array => f32(Array.from({ length: count }, (_, i) => i / count - 0.5));
  const [first, second] = ['model-00001-of-00002.safetensors', 'model-00002-of-00002.safetensors'];
  writeFileSync(
    join(sharded, first),
    safetensors({ 'model.embed_tokens.weight': { dtype: 'F32', shape: [64, 32], bytes: values(2048) } }),
  );
  writeFileSync(
    join(sharded, second),
    safetensors({ 'lm_head.weight': { dtype: 'F32', shape: [64, 32], bytes: values(2048) } }),
  );
  writeFileSync(
    join(sharded, 'model.safetensors.index.json'),
    JSON.stringify({
      metadata: { total_size: 16_384 },
      weight_map: { 'model.embed_tokens.weight': first, 'lm_head.weight': second },
    }),
  );
}
