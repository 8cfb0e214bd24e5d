/** Inputs by kind, each from a seed. */

import fc from 'fast-check';
import { HOSTILE } from '../unit/support/hostile';
import { structural, textual } from '../unit/support/mutatedConfigs';
import { f32, generator, gguf, ggufValue, safetensors } from '../unit/weights/files';

/** What an input is shown to: as which file it lies on the disk. */
export type Input =
  | { readonly as: 'config' | 'params' | 'python' | 'quant'; readonly kind: string; readonly text: string }
  | { readonly as: 'safetensors' | 'gguf'; readonly kind: string; readonly bytes: Uint8Array };

export type Random = (below: number) => number;

const pick = <T>(random: Random, list: readonly [T, ...T[]]): T => list[random(list.length)] ?? list[0];

/** Another seed for each part of a run, far from its neighbours. */
export function mixed(seed: number, index: number): number {
  let state = (seed ^ Math.imul(index + 1, 0x9e3779b1)) >>> 0;
  state = Math.imul(state ^ (state >>> 16), 0x85ebca6b);
  state = Math.imul(state ^ (state >>> 13), 0xc2b2ae35);
  return (state ^ (state >>> 16)) >>> 0 || 1;
}

/** How many of each kind a batch has. */
const SHARES = { structural: 40, textual: 20, damaged: 25, params: 4, quant: 3, python: 6, safetensors: 1, gguf: 1 };
export const BATCH = Object.values(SHARES).reduce((sum, count) => sum + count, 0);

/** A batch of small inputs. `bases` are texts of whole configs. */
export function batchOf(seed: number, bases: readonly string[]): readonly Input[] {
  const random = generator(seed);
  const made = (kind: keyof typeof SHARES, one: () => Input): Input[] => Array.from({ length: SHARES[kind] }, one);
  const config = (kind: 'structural' | 'textual', texts: fc.Arbitrary<string>): Input[] =>
    fc.sample(texts, { seed, numRuns: SHARES[kind] }).map((text) => ({ as: 'config', kind, text }));
  return [
    ...config('structural', structural(bases)),
    ...config('textual', textual(bases)),
    ...made('damaged', () => ({ as: 'config', kind: 'damaged', text: damagedText(bases, random) })),
    ...made('params', () => ({ as: 'params', kind: 'params', text: JSON.stringify(damaged(PARAMS, random)) })),
    ...made('quant', () => ({ as: 'quant', kind: 'quant', text: quantText(random) })),
    ...made('python', () => ({ as: 'python', kind: 'python', text: pythonText(random) })),
    ...made('safetensors', () => ({ as: 'safetensors', kind: 'safetensors', bytes: mutated(SAFETENSORS, random) })),
    ...made('gguf', () => ({ as: 'gguf', kind: 'gguf', bytes: mutated(GGUF, random) })),
  ];
}

const ODD: readonly [unknown, ...unknown[]] = [
  null,
  0,
  -1,
  -0.5,
  1.5,
  1e9,
  1e300,
  2 ** 53,
  '3',
  'NaN',
  'true',
  '',
  true,
  false,
  [],
  {},
  [1, 2, 3],
  [null, 'x'],
  [[]],
  ['full_attention'],
  ['linear_attention', 'sliding_attention'],
  [[['a'], 1e9]],
  [[['global', 'local'], 5000]],
  { attention: null },
  { num_heads: -1 },
  { rope_type: 'yarn', factor: -1 },
  HOSTILE,
  { [HOSTILE]: [HOSTILE] },
  Array.from({ length: 300 }, (_, index) => index),
  4096,
  5000,
];

type Json = Record<string, unknown>;

/** One to four values of a config become odd ones, at any depth. */
function damaged(config: Json, random: Random): Json {
  const result = structuredClone(config);
  for (let times = 0; times <= random(4); times++) damage(result, random);
  return result;
}

function damage(config: Json, random: Random): void {
  const keys = Object.keys(config);
  const key = keys[random(Math.max(1, keys.length))];
  if (key === undefined) return;
  const inner = config[key];
  if (inner !== null && typeof inner === 'object' && !Array.isArray(inner) && random(10) < 7)
    damage(inner as Json, random);
  else if (random(7) === 0) Reflect.deleteProperty(config, key);
  else config[key] = structuredClone(pick(random, ODD));
}

function damagedText(bases: readonly string[], random: Random): string {
  const text = bases[random(bases.length)] ?? '{}';
  const config = damaged(JSON.parse(text.replace(/-?\bInfinity\b|\bNaN\b/g, '0')) as Json, random);
  return JSON.stringify(config, null, pick(random, [0, 2, 4]));
}

const PARAMS = {
  dim: 64,
  n_layers: 4,
  n_heads: 8,
  n_kv_heads: 2,
  head_dim: 8,
  hidden_dim: 128,
  norm_eps: 1e-5,
  vocab_size: 32,
  sliding_window: 16,
  model_type: 'transformer',
  moe: { num_experts: 4, num_experts_per_tok: 2 },
  quantization: { qformat_weight: 'fp8_e4m3' },
  q_lora_rank: 8,
  kv_lora_rank: 8,
  qk_rope_head_dim: 4,
  qk_nope_head_dim: 4,
  v_head_dim: 4,
};

const QUANT = {
  producer: { name: 'modelopt', version: '0.1' },
  quantization: { quant_algo: 'FP8', kv_cache_quant_algo: 'FP8', group_size: 16, exclude_modules: ['lm_head'] },
};

function quantText(random: Random): string {
  const text = JSON.stringify(damaged(QUANT, random));
  return random(4) === 0 ? text.slice(0, random(text.length)) : text;
}

const SOURCES: readonly [string, ...string[]] = [
  'config = LlamaConfig(hidden_size=64, num_attention_heads=4, num_key_value_heads=2, num_hidden_layers=2)\n',
  'config = Qwen3Config(hidden_size=8 * 8, num_attention_heads=4,\n  layer_types=["full_attention"] * 4, num_hidden_layers=4)\n',
  'args = ModelArgs(dim=64, n_layers=2, n_heads=4, n_kv_heads=2)\n',
  'c = dict(model_type="llama", hidden_size=64, num_attention_heads=4, num_hidden_layers=2, rope_scaling={"type": "yarn"})\n',
  'class A:\n  def f(self):\n    return {"model_type": "mistral", "num_hidden_layers": 3, "hidden_size": 64, "num_attention_heads": 4}\n',
];
const PIECES: readonly [string, ...string[]] = [
  '[]*300000000',
  "[[['a']*400]*400]*400",
  '2**2**2**2**9',
  '[',
  '(((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((',
  '"""',
  '\\',
  '\u202e',
  '{"a": ',
  'lambda x: x',
  '-',
  '10**400',
  '"x" * 10**9',
  '[i for i in range(10**9)]',
  'f"{1}"',
  '**kw',
  '\t',
  '\n  ',
  '#',
  '0x_',
  '1_000_000_000_000',
  'None',
];

function pythonText(random: Random): string {
  let text = pick(random, SOURCES) + pick(random, SOURCES);
  for (let times = 0; times <= random(4); times++) {
    const at = random(text.length);
    const piece = pick(random, PIECES);
    // Values are replaced more often than signs: most other damage is only a syntax error.
    const value = /=\s*(?:\d+|\[.*?\])/g;
    const places = [...text.matchAll(value)];
    const place = places[random(Math.max(1, places.length))];
    if (place && random(2) === 0)
      text = `${text.slice(0, place.index)}=${piece}${text.slice(place.index + place[0].length)}`;
    else text = text.slice(0, at) + (random(2) === 0 ? piece : '') + text.slice(at + random(6));
  }
  return text;
}

const SAFETENSORS = safetensors({
  'model.embed_tokens.weight': { dtype: 'BF16', shape: [8, 4], bytes: new Uint8Array(64).fill(1) },
  'model.layers.0.mlp.up_proj.weight': { dtype: 'F8_E4M3', shape: [4, 4], bytes: new Uint8Array(16).fill(0x38) },
  'model.layers.0.mlp.up_proj.weight_scale_inv': { dtype: 'F32', shape: [1, 1], bytes: f32([2]) },
});
const GGUF = gguf(
  {
    'general.architecture': ggufValue.text('llama'),
    'llama.block_count': ggufValue.u32(1),
    'llama.embedding_length': ggufValue.u32(16),
    'llama.attention.head_count': ggufValue.u32(4),
    'llama.attention.head_count_kv': ggufValue.u32s([2, 0, 2]),
    'tokenizer.ggml.tokens': ggufValue.texts(['<s>', 'a', 'b', '▁ab']),
  },
  { 'token_embd.weight': { dims: [32, 4], type: 8, bytes: new Uint8Array(136).fill(3) } },
);

const LENGTHS = [2n ** 64n - 1n, 2n ** 63n, 2n ** 32n, 2n ** 53n, 0n, 1_000_000n] as const;

/** Some bytes of a file are others, are gone, come twice, or say that a great length follows. */
function mutated(original: Uint8Array, random: Random): Uint8Array {
  let bytes: Uint8Array = original.slice();
  for (let times = 0; times <= random(3); times++) {
    const at = random(Math.max(1, bytes.length));
    const how = random(6);
    if (how === 0) bytes = bytes.slice(0, at);
    else if (how === 1) bytes = Uint8Array.from([...bytes.slice(0, at), ...bytes.slice(at + random(16))]);
    else if (how === 2) bytes = Uint8Array.from([...bytes.slice(0, at), ...bytes.slice(random(bytes.length))]);
    else if (how === 3 && bytes.length >= 8)
      new DataView(bytes.buffer).setBigUint64(random(bytes.length - 7), pick(random, LENGTHS), true);
    else if (bytes.length > 0) bytes[at] = random(256);
  }
  return bytes;
}

/** Characters of the largest texts. */
const LARGEST = 16 * 1024 * 1024;
/** Sizes from a few thousand characters to the largest, the bounds of the readers just met and just passed among them. */
const SIZES: readonly [number, ...number[]] = [
  4_000,
  60_000,
  400_000,
  999_000,
  2_000_000,
  3_990_000,
  4_010_000,
  LARGEST,
];

const HEAD =
  '"model_type":"llama","architectures":["LlamaForCausalLM"],"hidden_size":64,"num_attention_heads":4,"num_key_value_heads":2,"num_hidden_layers":2';
const filled = (size: number, piece: string): string => piece.repeat(Math.max(1, Math.ceil(size / piece.length)));
const list = (size: number, item: string): string => filled(size, `${item},`).slice(0, -1);
const numbered = (size: number, piece: (index: number) => string): string => {
  const pieces: string[] = [];
  for (let [index, length] = [0, 0]; length < size; index++) {
    const next = piece(index);
    pieces.push(next);
    length += next.length + 1;
  }
  return pieces.join(',');
};

/** Keys whose lists somebody walks. */
const LISTED: readonly [string, ...string[]] = [
  'layer_types',
  'cross_attention_layers',
  'full_attention_layers',
  'sliding_window_pattern',
  'no_rope_layers',
  'hybrid_override_pattern',
  'layers_block_type',
  'attn_layer_indices',
  'num_key_value_heads_per_layer',
  'num_key_value_heads',
  'mlp_only_layers',
  'sliding_window',
  'linear_attn_config',
  'attention_types',
  'block_configs',
  'architectures',
  'quantization_config',
  'rope_scaling',
];

/** A config of about so many characters, of each shape. */
const SHAPES: Readonly<Record<string, (size: number, random: Random) => string>> = {
  'list of numbers': (size, random) => `{${HEAD},${JSON.stringify(pick(random, LISTED))}:[${list(size, '7')}]}`,
  'list of growing numbers': (size, random) =>
    `{${HEAD},${JSON.stringify(pick(random, LISTED))}:[${numbered(size, String)}]}`,
  'list of words': (size, random) =>
    `{${HEAD},${JSON.stringify(pick(random, LISTED))}:[${list(size, '"full_attention"')}]}`,
  'list of long words': (size) => `{${HEAD},"layer_types":[${list(size, `"${'sliding_attention'.repeat(60)}"`)}]}`,
  'list of modules': (size) =>
    `{${HEAD},"quantization_config":{"quant_method":"fp8","modules_to_not_convert":[${numbered(size, (i) => `"model.layers.${i}.mlp.gate_up_proj"`)}]}}`,
  'list of objects': (size) =>
    `{${HEAD},"block_configs":[${list(size, '{"attention":{"n_heads_in_group":2},"ffn":{}}')}]}`,
  'many keys': (size) => `{${HEAD},${numbered(size, (i) => `"key_${i}":${i}`)}}`,
  'many long keys': (size) => `{${HEAD},${numbered(size, (i) => `"key_${i}${'x'.repeat(500)}":"${'y'.repeat(500)}"`)}}`,
  'keys that stand twice': (size) => `{${HEAD},${list(size, '"num_key_value_heads":2')}}`,
  'long keys that stand twice': (size) => `{${HEAD},${list(size, `"${'num_key_value_heads'.repeat(40)}":2`)}}`,
  'deep lists': (size) => `{${HEAD},"x":${'['.repeat(size / 2)}${']'.repeat(size / 2)}}`,
  'deep objects': (size) => `{${HEAD},"x":${filled(size, '{"a":')}`,
  'as deep as is read': (size) =>
    `{${HEAD},"x":[${numbered(size, () => `${'['.repeat(190)}"${'x'.repeat(2_000)}"${']'.repeat(190)}`)}]}`,
  'nested language models': (size) =>
    `${filled(Math.min(size, 30_000), `{${HEAD},"text_config":`)}{${HEAD}}${'}'.repeat(Math.ceil(Math.min(size, 30_000) / (HEAD.length + 17)))}`,
  'line comments': (size) => `{\n${filled(size, '// "a": [{ " \n')}${HEAD}}`,
  'a block comment': (size) => `{/*${filled(size, ' * / " [ {')}*/${HEAD}}`,
  'a comment that is open': (size) => `{${HEAD} /*${filled(size, ' "a":[')}`,
  'comment after comment': (size) => `{${HEAD},${filled(size, '/*x*/')}"x":1}`,
  'brackets behind slashes': (size) => `{${HEAD},"x":${filled(size, '[//')}`,
  'one string': (size) => `{${HEAD},"x":"${filled(size, 'abc def ')}"}`,
  'one string beside a bare number': (size) => `{${HEAD},"y":NaN,"x":"${filled(size, 'abc def ')}"}`,
  'one string of escapes': (size) => `{${HEAD},"x":"${filled(size, '\\u202e\\n\\\\')}"}`,
  'one model type': (size) => `{${HEAD.replace('"llama"', `"${filled(size, 'llama_')}"`)}}`,
  'one string that shows nothing': (size) => `{${HEAD},"_name_or_path":"${filled(size, '\u202e\u200b')}"}`,
  'one string that is open': (size) => `{${HEAD},"x":"${filled(size, 'abc\\"')}`,
  'one number': (size) => `{${HEAD.replace('"hidden_size":64', `"hidden_size":${filled(size, '9')}`)}}`,
  'bare numbers': (size) => `{${HEAD},"x":[${list(size, 'NaN,-Infinity')}]}`,
  'words that are no numbers': (size) => `{${HEAD},"x":${filled(size, 'NaN Infinity ')}}`,
  blanks: (size) => `{${HEAD},${filled(size, ' ')}"x":1}`,
  lines: (size) => `{${HEAD},${filled(size, '\r\n')}"x":1}`,
  'lines of keys': (size) => `{${HEAD},\n${numbered(size, (i) => `\n  "key_${i}": [\n    ${i}\n  ]`)}\n}`,
  'no commas': (size) => `{${HEAD} ${filled(size, '"x" 1 ')}}`,
  'only commas': (size) => `{${HEAD}${filled(size, ',')}}`,
  'only braces': (size) => `{${HEAD}${filled(size, '}')}`,
  'half-typed': (size, random) => {
    const text = `{${HEAD},${numbered(size, (i) => `"key_${i}":"${'v'.repeat(30)}"`)}}`;
    return text.slice(0, text.length - 1 - random(40));
  },
  'another text behind it': (size) => `{${HEAD}}${filled(size, `{${HEAD}}`)}`,
  'telltales without a config': (size) => filled(size, '"model_type" '),
};

/** A Python source of about so many characters, of each shape. */
const PYTHON_SHAPES: Readonly<Record<string, (size: number) => string>> = {
  calls: (size) => filled(size, SOURCES[0]),
  'nested calls': (size) => `${filled(size, 'AConfig(x=')}`,
  'nested lists': (size) => `LlamaConfig(hidden_size=64, layer_types=${'['.repeat(size)}`,
  'one long list': (size) =>
    `LlamaConfig(hidden_size=64, num_hidden_layers=2, layer_types=[${list(size, '"full_attention"')}])`,
  'many arguments': (size) => `LlamaConfig(hidden_size=64, ${numbered(size, (i) => `a${i}=${i}`)})`,
  sums: (size) => `LlamaConfig(hidden_size=${filled(size, '1+')}1)`,
  powers: (size) => `LlamaConfig(hidden_size=${filled(size, '9**')}9)`,
  'repeated lists': (size) => `LlamaConfig(layer_types=[${list(size, "['a']*8192")}])`,
  'one string': (size) => `LlamaConfig(x="${filled(size, 'abc')}")`,
  'open string': (size) => `LlamaConfig(x="""${filled(size, 'abc\n')}`,
  comments: (size) => `${filled(size, '# LlamaConfig(\n')}${SOURCES[0]}`,
  lambdas: (size) => `LlamaConfig(x=${filled(size, 'lambda: ')}1)`,
  indents: (size) => `${filled(size, 'if 1:\n ')}LlamaConfig(hidden_size=1)`,
  'names that almost match': (size) => `${filled(size, 'dict(model_')}${SOURCES[0]}`,
  conditions: (size) => `LlamaConfig(hidden_size=${filled(size, '1 if x else ')}1)`,
};

/** A large text: shape and size in turn, so that a few hundred have seen every pair. */
export function largeOf(index: number, seed: number): Input {
  const random = generator(mixed(seed, index));
  const [configs, sources] = [Object.entries(SHAPES), Object.entries(PYTHON_SHAPES)];
  const shape = index % (configs.length + sources.length);
  const size = SIZES[Math.floor(index / (configs.length + sources.length)) % SIZES.length] ?? LARGEST;
  const config = configs[shape];
  if (config) return { as: 'config', kind: `large: ${config[0]}`, text: config[1](size, random) };
  const source = sources[shape - configs.length];
  return { as: 'python', kind: `large Python: ${source?.[0] ?? ''}`, text: source?.[1](size) ?? '' };
}

/** How many have seen every shape at every size. */
export const EVERY_LARGE = SIZES.length * (Object.keys(SHAPES).length + Object.keys(PYTHON_SHAPES).length);
