/** A workspace in which every string and every key of every file tries to be more than text: links, HTML, icons, escapes, bidi marks. */

import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { f32, gguf, ggufValue, safetensors } from '../weights/files';

/** What a link of a file would run; nobody else has it. */
export const COMMAND = 'hostile.run';

/** Everything that some surface might obey. */
export const HOSTILE = [
  `[Fix](command:${COMMAND}?%5B1%5D)`,
  `<a href="command:${COMMAND}">x</a><img src=x onerror=alert(1)>`,
  `![i](command:${COMMAND}) <command:${COMMAND}> https://evil.example/ www.evil.example $(alert) &#91;`,
  '\u001b[31m\u001b]0;title\u0007\u009b1m\u202eabc\u2066\u200b\u2028\u{e0041}\ud800',
  '\n::error::forged\r\n# heading\n| a | b |\n\\| [c](command:hostile.run) |',
  '`code` **bold** =1+1',
].join(' ');

/** In few signs, where a long text is cut before it is dangerous. */
export const LINK = `[Fix](command:${COMMAND})`;
const SHORT = `${LINK}\u202e\u001b[31m`;
/** A name that a folder may have. */
export const FOLDER = `${LINK} \u202e\u001b[31m$(alert)`;
/** Another, which the search of VS Code does not find. */
export const BROKEN_FOLDER = `${FOLDER}\n::error::`;

const SIZES = {
  hidden_size: 64,
  num_attention_heads: 4,
  num_key_value_heads: 2,
  num_hidden_layers: 2,
  intermediate_size: 128,
  vocab_size: 32,
};

const TEXTS: Readonly<Record<string, unknown>> = {
  [HOSTILE]: HOSTILE,
  [LINK]: { [HOSTILE]: [HOSTILE] },
  _name_or_path: HOSTILE,
  hidden_act: HOSTILE,
  torch_dtype: SHORT,
  transformers_version: HOSTILE,
  rope_scaling: { type: SHORT, rope_type: HOSTILE, [SHORT]: 1 },
  attention_type: HOSTILE,
  quantization_config: {
    quant_method: SHORT,
    fmt: HOSTILE,
    kv_cache_scheme: { type: HOSTILE, num_bits: 8 },
    ignore: [HOSTILE],
  },
};

/** Names of the folders, each with what is read there by a PATH of the command line. */
export const CONFIGS = {
  /** A family that nobody knows, named by a link. */
  mystery: {
    model_type: SHORT,
    architectures: [HOSTILE],
    layer_types: [HOSTILE, 'full_attention'],
    ...SIZES,
    ...TEXTS,
  },
  /** The same whose name is everything. */
  everything: { model_type: HOSTILE, architectures: [HOSTILE], layer_types: [HOSTILE, SHORT], ...SIZES, ...TEXTS },
  /** Known, so that problems, hints, hovers and graphs are made of it. */
  known: {
    model_type: 'llama',
    architectures: ['LlamaForCausalLM', HOSTILE],
    ...SIZES,
    num_key_value_heads: 3,
    ...TEXTS,
  },
  /** Known and right, so that it runs. */
  runs: {
    model_type: 'llama',
    architectures: ['LlamaForCausalLM'],
    ...SIZES,
    torch_dtype: 'float32',
    hidden_act: 'silu',
    [HOSTILE]: HOSTILE,
  },
  nested: { model_type: HOSTILE, text_config: { model_type: SHORT, layer_types: [SHORT, SHORT], ...SIZES, ...TEXTS } },
} as const;

const PARAMS = {
  dim: 64,
  n_layers: 2,
  n_heads: 4,
  n_kv_heads: 3,
  [HOSTILE]: HOSTILE,
  quantization: { qformat_weight: HOSTILE },
};

export const TAUGHT = { [SHORT]: { like: SHORT, keys: { [HOSTILE]: HOSTILE }, layerKinds: { [HOSTILE]: SHORT } } };

const PYTHON = `from transformers import LlamaConfig
config = LlamaConfig(hidden_size=64, num_attention_heads=4, num_key_value_heads=3, num_hidden_layers=2, torch_dtype=${JSON.stringify(SHORT)}, hidden_act=${JSON.stringify(HOSTILE)})
`;

/** A whole model of one layer whose tokens are hostile. */
function tokenizerJson(): object {
  const vocab: Record<string, number> = {
    [LINK]: 0,
    '\u001b[31m': 1,
    '\u202e': 2,
    a: 3,
    b: 4,
    '<img src=x>': 5,
    '$(alert)': 6,
    '\u009b': 7,
  };
  for (let id = 8; id < SIZES.vocab_size; id++) vocab[`t${id}${SHORT}`] = id;
  return {
    version: '1.0',
    added_tokens: [],
    normalizer: null,
    pre_tokenizer: { type: 'Whitespace' },
    post_processor: null,
    decoder: null,
    model: { type: 'WordLevel', vocab, unk_token: LINK },
  };
}

/** The heads of the layers and what is around them, with weights that are all small. */
function weights(): Uint8Array {
  const {
    hidden_size: hidden,
    num_key_value_heads: groups,
    num_attention_heads: heads,
    intermediate_size: wide,
    vocab_size: words,
  } = SIZES;
  const tensor = (...shape: number[]): { dtype: string; shape: number[]; bytes: Uint8Array } => ({
    dtype: 'F32',
    shape,
    bytes: f32(
      Array.from({ length: shape.reduce((a, b) => a * b, 1) }, (_, index) => ((index * 7919) % 13) / 100 - 0.06),
    ),
  });
  const width = hidden / heads;
  const layers = [0, 1].flatMap((layer): [string, ReturnType<typeof tensor>][] => [
    [`model.layers.${layer}.self_attn.q_proj.weight`, tensor(hidden, hidden)],
    [`model.layers.${layer}.self_attn.k_proj.weight`, tensor(groups * width, hidden)],
    [`model.layers.${layer}.self_attn.v_proj.weight`, tensor(groups * width, hidden)],
    [`model.layers.${layer}.self_attn.o_proj.weight`, tensor(hidden, hidden)],
    [`model.layers.${layer}.input_layernorm.weight`, tensor(hidden)],
    [`model.layers.${layer}.post_attention_layernorm.weight`, tensor(hidden)],
    [`model.layers.${layer}.mlp.gate_proj.weight`, tensor(wide, hidden)],
    [`model.layers.${layer}.mlp.up_proj.weight`, tensor(wide, hidden)],
    [`model.layers.${layer}.mlp.down_proj.weight`, tensor(hidden, wide)],
  ]);
  return safetensors({
    ...Object.fromEntries(layers),
    'model.embed_tokens.weight': tensor(words, hidden),
    'model.norm.weight': tensor(hidden),
    'lm_head.weight': tensor(words, hidden),
    [LINK]: tensor(words * 8, hidden),
    [HOSTILE]: tensor(words * 8, hidden),
  });
}

/** Two tensors that lie upon each other: what is wrong is said with their names. */
function overlapping(): Uint8Array {
  const header = JSON.stringify({
    __metadata__: { [HOSTILE]: HOSTILE },
    [LINK]: { dtype: 'F32', shape: [2], data_offsets: [0, 8] },
    [HOSTILE]: { dtype: SHORT, shape: [2], data_offsets: [4, 12] },
  });
  const bytes = new Uint8Array(8 + header.length + 12);
  const json = new TextEncoder().encode(header);
  const whole = new Uint8Array(8 + json.byteLength + 12);
  whole.set(bytes.subarray(0, 8));
  new DataView(whole.buffer).setBigUint64(0, BigInt(json.byteLength), true);
  whole.set(json, 8);
  return whole;
}

function ggufFile(architecture: string): Uint8Array {
  const key = (name: string): string => `${architecture}.${name}`;
  return gguf(
    {
      'general.architecture': ggufValue.text(architecture),
      'general.name': ggufValue.text(HOSTILE),
      [HOSTILE]: ggufValue.text(HOSTILE),
      [LINK]: ggufValue.texts([HOSTILE, SHORT]),
      [key('block_count')]: ggufValue.u32(2),
      [key('embedding_length')]: ggufValue.u32(64),
      [key('attention.head_count')]: ggufValue.u32(4),
      [key('attention.head_count_kv')]: ggufValue.u32(2),
      [key('context_length')]: ggufValue.u32(128),
      'tokenizer.ggml.model': ggufValue.text(SHORT),
      'tokenizer.ggml.tokens': ggufValue.texts([HOSTILE, SHORT, LINK]),
    },
    {
      [LINK]: { dims: [8], type: 0, bytes: f32([1, 2, 3, 4, 5, 6, 7, 8]) },
      [SHORT]: { dims: [4], type: 0, bytes: f32([1, 2, 3, 4]) },
    },
  );
}

/** Writes all of them; paths of what was written, below `root`. */
export function writeHostile(root: string): readonly string[] {
  const written: string[] = [];
  const put = (folder: string, name: string, content: string | Uint8Array): void => {
    mkdirSync(join(root, folder), { recursive: true });
    writeFileSync(join(root, folder, name), content);
    written.push(join(folder, name));
  };
  const json = (value: unknown): string => JSON.stringify(value, null, 2);
  for (const [name, config] of Object.entries(CONFIGS)) put(name, 'config.json', json(config));
  put('runs', 'tokenizer.json', json(tokenizerJson()));
  put('runs', 'model.safetensors', weights());
  put('params', 'params.json', json(PARAMS));
  put('quant', 'config.json', json(CONFIGS.runs));
  put(
    'quant',
    'hf_quant_config.json',
    json({ producer: { name: HOSTILE }, quantization: { quant_algo: HOSTILE, kv_cache_quant_algo: SHORT } }),
  );
  put('overlap', 'model.safetensors', overlapping());
  put('overlap', 'config.json', json(CONFIGS.runs));
  put('gguf', 'llama.gguf', ggufFile('llama'));
  put('strange', 'strange.gguf', ggufFile(SHORT));
  put('.', 'taught.json', json(TAUGHT));
  put('.', 'config.py', PYTHON);
  put('broken', 'config.json', json(CONFIGS.mystery).slice(0, -30));
  for (const folder of [FOLDER, BROKEN_FOLDER]) put(folder, 'config.json', json(CONFIGS.mystery));
  return written;
}

/** The text of what was written. */
export function hostileText(root: string, path: string): string {
  return readFileSync(join(root, path), 'utf8');
}

/** What must not be in any text for the eye; the pictures of emoji stay. */
export const UNSEEN = /[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]|(?![\ufe0e\ufe0f])\p{DI}/u;
