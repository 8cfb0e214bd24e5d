/** The vocabulary of a GGUF file as llama.cpp loads it (v0.5.0 src/llama-vocab.cpp `llama_vocab::impl::load`). */

import { elementAt } from '../../model/elementAt';
import type { GgufMetadata } from '../gguf';
import { shown, WeightsError } from '../weightsError';
import { type Split, SPLITS } from './splits';

/** Kinds of vocabularies by `tokenizer.ggml.model`. */
const KINDS = {
  llama: 'sentencePiece',
  gpt2: 'bytePairs',
  gemma4: 'bytePairs',
  hybriddna: 'bytePairs',
  whitespace: 'bytePairs',
  bert: 'wordPiece',
  t5: 'unigram',
  rwkv: 'rwkv',
  plamo2: 'plamo',
} as const;

type Model = keyof typeof KINDS;

/** What a token is: bits of `llama_token_attr`. */
export const NORMAL = 1;
export const UNKNOWN = 2;
export const CONTROL = 4;
export const USER_DEFINED = 8;
export const UNUSED = 16;
export const BYTE = 32;
/** White space before it, or behind it, goes with it. */
export const STRIPS_LEFT = 64;
export const STRIPS_RIGHT = 128;

/** `tokenizer.ggml.token_type`, from 1 on. */
const TYPES: ReadonlyMap<number, number> = new Map(
  [NORMAL, UNKNOWN, CONTROL, USER_DEFINED, UNUSED, BYTE].map((mark, index) => [index + 1, mark] as const),
);

export interface Vocabulary {
  readonly file: string;
  readonly model: Model;
  readonly kind: (typeof KINDS)[Model];
  /** An empty one is called `[EMPTY_7]`. */
  readonly tokens: readonly string[];
  readonly ids: ReadonlyMap<string, number>;
  /** All 0 where the file has none. */
  readonly scores: ArrayLike<number>;
  /** As the file has them. */
  readonly types: Uint8Array;
  /** After what llama.cpp knows of certain names. */
  readonly marks: Uint8Array;
  readonly merges: readonly string[];
  readonly charsMap: Uint8Array;
  /** Of byte pairs. */
  readonly split: Split;
  /** Written before the first text and each behind a special token. */
  readonly addsSpacePrefix: boolean;
  readonly removesExtraSpaces: boolean;
  readonly lowercase: boolean;
  readonly stripsAccents: boolean;
  readonly unknown: number | null;
  /** Tokens around a text; null stands for one that the file asks for and does not name. */
  readonly before: readonly (number | null)[];
  readonly after: readonly (number | null)[];
}

/** Default ids of the first, last and unknown token and of the separator. */
const DEFAULTS: Readonly<Record<Model, Readonly<Record<'bos' | 'eos' | 'unknown' | 'separator', number | null>>>> = {
  llama: { bos: 1, eos: 2, unknown: 0, separator: null },
  gpt2: { bos: 11, eos: 11, unknown: null, separator: null },
  hybriddna: { bos: 11, eos: 11, unknown: null, separator: null },
  whitespace: { bos: 11, eos: 11, unknown: null, separator: null },
  gemma4: { bos: null, eos: null, unknown: null, separator: null },
  bert: { bos: 101, eos: null, unknown: 100, separator: 102 },
  t5: { bos: null, eos: 1, unknown: 2, separator: null },
  rwkv: { bos: null, eos: null, unknown: null, separator: null },
  plamo2: { bos: 1, eos: 2, unknown: 0, separator: null },
};

const NO_TEXT = 'Give token ids (--ids 1,2,3) instead of text.';

/** A file whose text cannot be told as llama.cpp tells it. */
export function noText(file: string, problem: string): WeightsError {
  return new WeightsError({ file, problem, fix: NO_TEXT });
}

/**
 * Null where the file has no vocabulary.
 * @throws WeightsError for one that llama.cpp v0.5.0 does not load.
 */
export function readVocabulary(file: string, metadata: GgufMetadata): Vocabulary | null {
  const model = metadata['tokenizer.ggml.model'];
  if (model === undefined || model === 'none' || model === 'no_vocab') return null;
  if (!isModel(model))
    throw noText(
      file,
      `its vocabulary is of the kind “${shown(String(model))}” (tokenizer.ggml.model), which cannot be read here.`,
    );
  const kind = KINDS[model];
  const tokens = texts(metadata['tokenizer.ggml.tokens']).map((token, id) => token || `[EMPTY_${id}]`);
  if (tokens.length === 0) throw noText(file, 'its vocabulary has no tokens (tokenizer.ggml.tokens).');
  const ids = new Map<string, number>();
  tokens.forEach((token, id) => ids.set(token, id));
  if (ids.size !== tokens.length)
    throw noText(file, `two tokens of its vocabulary have the same text (${shown(doubled(tokens))}).`);
  const listed = (key: string): readonly number[] | null => {
    const values = metadata[key];
    if (values === undefined) return null;
    const list = numbers(values);
    if (list.length < tokens.length)
      throw noText(file, `${key} has ${list.length} entries for ${tokens.length} tokens.`);
    return list;
  };
  const given = listed('tokenizer.ggml.token_type');
  const types = Uint8Array.from(tokens, (_, id) => (given === null ? NORMAL : (TYPES.get(elementAt(given, id)) ?? 0)));
  const split = splitOf(file, model, metadata);
  const flag = (key: string, otherwise: boolean): boolean => {
    const value = metadata[`tokenizer.ggml.${key}`];
    return typeof value === 'boolean' ? value : otherwise;
  };
  const idOf = (key: string, otherwise: number | null): number | null => {
    const id = metadata[`tokenizer.ggml.${key}_token_id`];
    if (typeof id === 'number' && id >= 0 && id < tokens.length) return id;
    return otherwise !== null && otherwise < tokens.length ? otherwise : null;
  };
  const defaults = DEFAULTS[model];
  const merges = texts(metadata['tokenizer.ggml.merges']);
  const mergesMissing = metadata['tokenizer.ggml.merges'] === undefined && metadata['tokenizer.ggml.pre'] !== 'kimi-k2';
  if (kind === 'bytePairs' && mergesMissing) throw noText(file, 'its vocabulary has no tokenizer.ggml.merges.');
  const lowercase = flag('normalizer.lowercase', metadata['tokenizer.ggml.pre'] !== 'whitespace');
  const bos = idOf('bos', split.hasDefaultBos ? defaults.bos : null);
  const eos = idOf('eos', defaults.eos);
  const unknown = idOf('unknown', defaults.unknown);
  const begins = split.alwaysBegins || flag('add_bos_token', kind === 'sentencePiece' || split.begins);
  const ends = flag('add_eos_token', kind === 'unigram');
  /** Kinds that put nothing around a text, whatever the file says. */
  const plain = kind === 'rwkv' || kind === 'plamo';
  const isWordPiece = kind === 'wordPiece';
  return {
    file,
    model,
    kind,
    tokens,
    ids,
    scores: listed('tokenizer.ggml.scores') ?? new Float32Array(tokens.length),
    types,
    marks: marked({ tokens, ids, types, metadata }),
    merges,
    charsMap: Uint8Array.from(numbers(metadata['tokenizer.ggml.precompiled_charsmap'])),
    split,
    addsSpacePrefix: flag('add_space_prefix', kind === 'sentencePiece'),
    removesExtraSpaces: flag('remove_extra_whitespaces', false),
    lowercase,
    stripsAccents: flag('normalizer.strip_accents', lowercase),
    unknown,
    before: !plain && (begins || isWordPiece) ? [bos] : [],
    after: isWordPiece ? [idOf('seperator', defaults.separator)] : !plain && ends ? [eos] : [],
  };
}

function isModel(model: unknown): model is Model {
  return typeof model === 'string' && Object.hasOwn(KINDS, model);
}

/** llama.cpp reads texts of a list up to their first NUL (`gguf_get_arr_str`). */
function texts(value: unknown): readonly string[] {
  if (!Array.isArray(value)) return [];
  return value.map((entry: unknown) => {
    const text = String(entry);
    const end = text.indexOf('\0');
    return end < 0 ? text : text.slice(0, end);
  });
}

function numbers(value: unknown): readonly number[] {
  return Array.isArray(value) ? value.map(Number) : [];
}

function doubled(tokens: readonly string[]): string {
  const seen = new Set<string>();
  return tokens.find((token) => seen.size === seen.add(token).size) ?? '';
}

/** Only byte pairs are split; a file that does not say is split as “default”. */
function splitOf(file: string, model: Model, metadata: GgufMetadata): Split {
  const given = metadata['tokenizer.ggml.pre'];
  const named = typeof given === 'string' && given !== '' ? given : 'default';
  const name = KINDS[model] !== 'bytePairs' ? 'default' : model === 'gemma4' ? 'gemma4' : named;
  const split = SPLITS.get(name);
  if (split === undefined)
    throw noText(
      file,
      `its text is split as “${shown(name)}” (tokenizer.ggml.pre), which llama.cpp v0.5.0 does not know.`,
    );
  return split;
}

/** Ends of a turn or of a text by their names: they are control tokens, whatever the file says. */
// biome-ignore format: names fill their lines
const ENDS: readonly string[] = [
  '<|eot_id|>', '<|im_end|>', '<|end|>', '<|return|>', '<|call|>', '<|flush|>', '<|calls|>', '<end_of_turn>', '<|endoftext|>', '</s>',
  '<|eom_id|>', '<EOT>', '_<EOT>', '[EOT]', '[EOS]', '<|end_of_text|>', '<end_of_utterance>', '<eos>', '<turn|>', '<|tool_response>',
  '<｜end▁of▁sentence｜>', '[e~[',
];

/**
 * Tokens for filling in the middle, by name, with the metadata that names one instead. One of each row becomes a control token; where a
 * file has several, llama.cpp takes the first that its hash table comes to, and here it is the first of the row.
 */
const FILLS: readonly (readonly [keys: readonly string[], names: readonly string[]])[] = [
  [
    ['fim_pre', 'prefix'],
    // biome-ignore format: names fill their lines
    [
      '<|fim_prefix|>', '<fim-prefix>', '<fim_prefix>', '<｜fim▁begin｜>', '<PRE>', '▁<PRE>', '<|code_prefix|>', '<|prefix|>',
    ],
  ],
  [
    ['fim_suf', 'suffix'],
    // biome-ignore format: names fill their lines
    [
      '<|fim_suffix|>', '<fim-suffix>', '<fim_suffix>', '<｜fim▁hole｜>', '<SUF>', '▁<SUF>', '<|code_suffix|>', '<|suffix|>',
    ],
  ],
  [
    ['fim_mid', 'middle'],
    // biome-ignore format: names fill their lines
    [
      '<|fim_middle|>', '<fim-middle>', '<fim_middle>', '<｜fim▁end｜>', '<MID>', '▁<MID>', '<|code_middle|>', '<|middle|>',
    ],
  ],
  [['fim_pad'], ['<|fim_pad|>', '<fim-pad>', '<fim_pad>', '<PAD>', '[PAD]']],
  [['fim_rep'], ['<|fim_repo|>', '<|repo_name|>', '<fim-repo>', '<REPO>', '<reponame>']],
  [['fim_sep'], ['<|file_sep|>']],
];

/** What a token is after the names that llama.cpp knows, and where its white space goes with it. */
function marked({
  tokens,
  ids,
  types,
  metadata,
}: {
  readonly tokens: readonly string[];
  readonly ids: ReadonlyMap<string, number>;
  readonly types: Uint8Array;
  readonly metadata: GgufMetadata;
}): Uint8Array {
  const marks = Uint8Array.from(types);
  const mark = (name: string | undefined, change: (mark: number) => number): void => {
    const id = name === undefined ? undefined : ids.get(name);
    if (id !== undefined) marks[id] = change(elementAt(marks, id));
  };
  const control = (name: string | undefined): void => mark(name, (now) => now | CONTROL);
  for (const [keys, names] of FILLS) {
    if (keys.some((key) => isIdOf(metadata[`tokenizer.ggml.${key}_token_id`], tokens))) continue;
    control(names.find((name) => ids.has(name)));
  }
  ENDS.forEach(control);
  for (const name of ['<|channel|>', '<|message|>', '<|start|>', '<|constrain|>']) mark(name, () => USER_DEFINED);
  const has = (...names: readonly string[]): boolean => names.some((name) => ids.has(name));
  // Harmony and Solar: the end of a message is not the end of a turn.
  if (has('<|call|>', '<|calls|>') && has('<|return|>', '<|flush|>')) mark('<|end|>', () => USER_DEFINED);
  if (has('<|tool_response>')) mark('</s>', () => NORMAL);
  strip({ tokens, marks, metadata, mark });
  return marks;
}

function isIdOf(value: unknown, tokens: readonly string[]): boolean {
  return typeof value === 'number' && value >= 0 && value < tokens.length;
}

/** “Handle per token attributes” of `load`: by the names of the tokenizer, the architecture and the model. */
function strip({
  tokens,
  marks,
  metadata,
  mark,
}: {
  readonly tokens: readonly string[];
  readonly marks: Uint8Array;
  readonly metadata: GgufMetadata;
  readonly mark: (name: string, change: (mark: number) => number) => void;
}): void {
  const holds = (key: string, ...parts: readonly string[]): boolean => {
    const value = metadata[key];
    return typeof value === 'string' && parts.some((part) => value.toLowerCase().includes(part));
  };
  if (
    holds('tokenizer.ggml.pre', 'jina-v2-de', 'jina-v2-es', 'jina-v2-code') ||
    holds('general.architecture', 'nomic-bert-moe', 'jina-bert-v3')
  ) {
    mark('<mask>', (now) => now | STRIPS_LEFT);
  } else if (holds('general.name', 'phi-3', 'phi3')) {
    tokens.forEach((_, id) => {
      const now = elementAt(marks, id);
      if ((now & (CONTROL | USER_DEFINED | UNKNOWN)) !== 0) marks[id] = now | STRIPS_RIGHT;
    });
    mark('</s>', (now) => now | STRIPS_RIGHT);
    for (const name of ['<unk>', '<s>', '<|endoftext|>']) mark(name, (now) => now & ~STRIPS_RIGHT);
  } else if (holds('general.name', 'modern-bert')) {
    mark('[MASK]', (now) => now | STRIPS_LEFT);
  }
}
