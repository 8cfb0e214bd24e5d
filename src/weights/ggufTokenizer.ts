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

/** Split patterns by `tokenizer.ggml.pre`; null: GPT-2's own. Names that are not here have no tokenizer here. */
const PATTERNS: ReadonlyMap<string, string | null> = new Map([
  ['default', null],
  ['gpt-2', null],
  ['gpt2', null],
  ['olmo', null],
  ['mpt', null],
  ['phi-2', null],
  ['jina-es', null],
  ['jina-de', null],
  ['llama3', bpePattern('{1,3}')],
  ['llama-v3', bpePattern('{1,3}')],
  ['llama-bpe', bpePattern('{1,3}')],
  ['falcon3', bpePattern('{1,3}')],
  ['smaug-bpe', bpePattern('{1,3}')],
  ['dbrx', bpePattern('{1,3}')],
  ['qwen2', bpePattern('')],
  ['stablelm2', bpePattern('')],
  ['deepseek-r1-qwen', bpePattern('')],
  ['hunyuan', bpePattern('')],
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
  const around = templateOf(metadata, vocabulary, model === 'llama');
  if (model === 'llama' && vocabulary.scores.length === vocabulary.tokens.length) {
    return {
      description: { ...sentencePiece(metadata, vocabulary), added_tokens: special, post_processor: around },
      settings: {},
    };
  }
  if (model === 'gpt2' && vocabulary.merges.length > 0) {
    const pre = metadata['tokenizer.ggml.pre'];
    const pattern = PATTERNS.get(typeof pre === 'string' ? pre : 'default');
    if (pattern === undefined) return null;
    return {
      description: { ...byteLevel(vocabulary, pattern), added_tokens: special, post_processor: around },
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

/** The first token, where the file asks for one (SentencePiece vocabularies: unless it says no). */
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
