/** GGUF vocabularies in the form of a tokenizer.json: SentencePiece-like (`llama`) and byte-level BPE (`gpt2`). */

import { elementAt } from '../model/elementAt';
import type { GgufMetadata } from './gguf';

export type TokenizerJson = Record<string, unknown>;

/** `tokenizer.ggml.token_type`. */
const CONTROL = 3;
const USER_DEFINED = 4;

/** Llama 3's split, `digits` at a time; Qwen 2 has the same with single digits. */
function bpePattern(digits: string): string {
  return `(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|\\p{N}${digits}| ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+`;
}

/** Mistral's Tekken: a word begins at a capital letter, and digits stand alone. */
const TEKKEN =
  '[^\\r\\n\\p{L}\\p{N}]?[\\p{Lu}\\p{Lt}\\p{Lm}\\p{Lo}\\p{M}]*[\\p{Ll}\\p{Lm}\\p{Lo}\\p{M}]+|[^\\r\\n\\p{L}\\p{N}]?[\\p{Lu}\\p{Lt}\\p{Lm}\\p{Lo}\\p{M}]+[\\p{Ll}\\p{Lm}\\p{Lo}\\p{M}]*|\\p{N}| ?[^\\s\\p{L}\\p{N}]+[\\r\\n/]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+';

interface Split {
  /** Null: GPT-2's own. */
  readonly pattern: string | null;
  /** Whether the first token is put before a text where the file does not say. */
  readonly begins: boolean;
}

const GPT2: Split = { pattern: null, begins: false };
const LLAMA3: Split = { pattern: bpePattern('{1,3}'), begins: true };
const THREE_DIGITS: Split = { pattern: bpePattern('{1,3}'), begins: false };
const ONE_DIGIT: Split = { pattern: bpePattern(''), begins: false };

/** By `tokenizer.ggml.pre` (llama.cpp v0.5.0 llama-vocab.cpp load, `pre_type` and `add_bos`). Names that are not here have no tokenizer here. */
const SPLITS: ReadonlyMap<string, Split> = new Map([
  ...['default', 'gpt-2', 'gpt2', 'olmo', 'mpt', 'phi-2', 'jina-es', 'jina-de'].map((name) => [name, GPT2] as const),
  // biome-ignore format: names fill their lines
  ...[
    'llama3', 'llama-v3', 'llama-bpe', 'falcon3', 'falcon-h1', 'pixtral', 'midm-2.0', 'lfm2', 'jina-v5-nano',
  ].map((name) => [name, LLAMA3] as const),
  ['tekken', { pattern: TEKKEN, begins: true }],
  ...['smaug-bpe', 'dbrx'].map((name) => [name, THREE_DIGITS] as const),
  ...['qwen2', 'stablelm2', 'deepseek-r1-qwen', 'hunyuan'].map((name) => [name, ONE_DIGIT] as const),
]);

interface Vocabulary {
  readonly tokens: readonly string[];
  readonly types: readonly number[];
  readonly scores: readonly number[];
  readonly merges: readonly string[];
}

/** Description and settings for the tokenizer library; null where the vocabulary's kind is not known. */
export function ggufTokenizer(
  metadata: GgufMetadata,
): { readonly description: TokenizerJson; readonly settings: object } | null {
  const model = metadata['tokenizer.ggml.model'];
  const vocabulary: Vocabulary = {
    tokens: texts(metadata['tokenizer.ggml.tokens']),
    types: numbers(metadata['tokenizer.ggml.token_type']),
    scores: numbers(metadata['tokenizer.ggml.scores']),
    merges: texts(metadata['tokenizer.ggml.merges']),
  };
  if (vocabulary.tokens.length === 0) return null;
  const special = addedTokens(vocabulary);
  if (model === 'llama' && vocabulary.scores.length === vocabulary.tokens.length) {
    return {
      description: {
        ...sentencePiece(metadata, vocabulary),
        added_tokens: special,
        post_processor: templateOf(metadata, vocabulary, true),
      },
      settings: {},
    };
  }
  if (model === 'gpt2' && vocabulary.merges.length > 0) {
    const pre = metadata['tokenizer.ggml.pre'];
    const split = SPLITS.get(typeof pre === 'string' ? pre : 'default');
    if (split === undefined) return null;
    return {
      description: {
        ...byteLevel(vocabulary, split.pattern),
        added_tokens: special,
        post_processor: templateOf(metadata, vocabulary, split.begins),
      },
      settings: {},
    };
  }
  return null;
}

function texts(value: unknown): readonly string[] {
  return Array.isArray(value) ? value.map(String) : [];
}

function numbers(value: unknown): readonly number[] {
  return Array.isArray(value) ? value.map(Number) : [];
}

function addedTokens({ tokens, types }: Vocabulary): object[] {
  return tokens.flatMap((content, id) => {
    const type = types[id];
    if (type !== CONTROL && type !== USER_DEFINED) return [];
    return [
      { id, content, single_word: false, lstrip: false, rstrip: false, normalized: false, special: type === CONTROL },
    ];
  });
}

/** The first token, where the file asks for one, or does not say and the kind of vocabulary has one. */
function templateOf(metadata: GgufMetadata, { tokens }: Vocabulary, byDefault: boolean): object | null {
  const add = metadata['tokenizer.ggml.add_bos_token'];
  const id = metadata['tokenizer.ggml.bos_token_id'];
  const token = typeof id === 'number' ? tokens[id] : undefined;
  if (!(typeof add === 'boolean' ? add : byDefault) || token === undefined) return null;
  const text = { Sequence: { id: 'A', type_id: 0 } };
  return {
    type: 'TemplateProcessing',
    single: [{ SpecialToken: { id: token, type_id: 0 } }, text],
    pair: [{ SpecialToken: { id: token, type_id: 0 } }, text, { Sequence: { id: 'B', type_id: 1 } }],
    special_tokens: { [token]: { id: token, ids: [id], tokens: [token] } },
  };
}

function vocabularyOf(tokens: readonly string[]): Record<string, number> {
  const vocabulary: Record<string, number> = Object.create(null) as Record<string, number>;
  tokens.forEach((token, id) => {
    vocabulary[token] ??= id;
  });
  return vocabulary;
}

/** BPE by scores: of all neighbours, the pair that forms the best-scored piece is joined first (llama.cpp `llm_tokenizer_spm`). */
function sentencePiece(metadata: GgufMetadata, { tokens, types, scores }: Vocabulary): TokenizerJson {
  const ids = new Map(tokens.map((token, id) => [token, id]));
  const merges: { readonly pair: readonly [string, string]; readonly score: number; readonly id: number }[] = [];
  tokens.forEach((token, id) => {
    if (types[id] === CONTROL || /^<0x[0-9A-F]{2}>$/.test(token)) return;
    const characters = [...token];
    for (let cut = 1; cut < characters.length; cut++) {
      const left = characters.slice(0, cut).join('');
      const right = characters.slice(cut).join('');
      if (ids.has(left) && ids.has(right)) merges.push({ pair: [left, right], score: elementAt(scores, id), id });
    }
  });
  merges.sort((a, b) => b.score - a.score || a.id - b.id);
  const prefix = metadata['tokenizer.ggml.add_space_prefix'] !== false;
  const unknown = metadata['tokenizer.ggml.unknown_token_id'];
  return {
    version: '1.0',
    normalizer: {
      type: 'Sequence',
      normalizers: [
        ...(prefix ? [{ type: 'Prepend', prepend: '▁' }] : []),
        { type: 'Replace', pattern: { String: ' ' }, content: '▁' },
      ],
    },
    pre_tokenizer: null,
    decoder: {
      type: 'Sequence',
      decoders: [
        { type: 'Replace', pattern: { String: '▁' }, content: ' ' },
        { type: 'ByteFallback' },
        { type: 'Fuse' },
        ...(prefix ? [{ type: 'Strip', content: ' ', start: 1, stop: 0 }] : []),
      ],
    },
    model: {
      type: 'BPE',
      dropout: null,
      unk_token: typeof unknown === 'number' ? (tokens[unknown] ?? null) : null,
      continuing_subword_prefix: null,
      end_of_word_suffix: null,
      fuse_unk: true,
      byte_fallback: true,
      vocab: vocabularyOf(tokens),
      merges: merges.map(({ pair }) => pair),
    },
  };
}

function byteLevel({ tokens, merges }: Vocabulary, pattern: string | null): TokenizerJson {
  const bytes = { type: 'ByteLevel', add_prefix_space: false, trim_offsets: true, use_regex: pattern === null };
  return {
    version: '1.0',
    normalizer: null,
    pre_tokenizer:
      pattern === null
        ? bytes
        : {
            type: 'Sequence',
            pretokenizers: [{ type: 'Split', pattern: { Regex: pattern }, behavior: 'Isolated', invert: false }, bytes],
          },
    decoder: { type: 'ByteLevel', add_prefix_space: true, trim_offsets: true, use_regex: true },
    model: {
      type: 'BPE',
      dropout: null,
      unk_token: null,
      continuing_subword_prefix: null,
      end_of_word_suffix: null,
      fuse_unk: false,
      byte_fallback: false,
      ignore_merges: pattern !== null,
      vocab: vocabularyOf(tokens),
      merges: merges.map((merge) => {
        const cut = merge.indexOf(' ', 1);
        return [merge.slice(0, cut), merge.slice(cut + 1)];
      }),
    },
  };
}
