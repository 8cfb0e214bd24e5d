/**
 * How llama.cpp cuts a text before byte pairs are joined, by `tokenizer.ggml.pre` (llama.cpp v0.5.0 src/llama-vocab.cpp: `load` has the
 * names and what follows from them, `llm_tokenizer_bpe` the expressions; src/unicode.cpp `unicode_regex_split` runs them). Expressions run
 * one after the other, each within the pieces of those before it; what lies between two matches is a piece, too.
 *
 * Those that name categories run on a text of classes there, and so they do here: `\p{Lu}` is any letter, and a letter that is not ASCII is
 * neither capital nor small.
 */

import { ASCII_MEMBERS, LETTER, MARK, NUMBER, PUNCTUATION, SYMBOL } from './characters';
import { ClassedText, HAN_LETTER, HAN_OTHER } from './classedText';

/** Adds the ends of the pieces of a part of a text, the last being `to`. */
export type Cut = (text: ClassedText, from: number, to: number, ends: number[]) => void;

/** A way of cutting texts, and what comes with it. */
export interface Split {
  /** Made when it is used. */
  readonly cuts: () => readonly Cut[];
  /** Whether `tokenizer.ggml.bos_token_id` stands before a text where `add_bos_token` does not say. */
  readonly begins: boolean;
  /** The same, whatever `add_bos_token` says. */
  readonly alwaysBegins: boolean;
  /** A piece that is a token is taken whole. */
  readonly wholeWords: boolean;
  /** A run of line feeds that is a token is taken whole. */
  readonly wholeNewlines: boolean;
  /** Tokens are written in GPT-2's characters for bytes; else as they are, and bytes as `<0x0A>`. */
  readonly byteLevel: boolean;
  /** Spaces are written as U+2581 before. */
  readonly escapesSpaces: boolean;
  /** Whether there is a first token where the file names none. */
  readonly hasDefaultBos: boolean;
}

const CATEGORIES: Readonly<Record<string, number>> = {
  N: NUMBER,
  L: LETTER,
  P: PUNCTUATION,
  M: MARK,
  S: SYMBOL,
};

/** `\s`, inside of a bracket: the six of the C locale. */
const SPACES = '\\t-\\r ';

/** An expression with `\p{…}`, `\s` and `\S` in the characters of a text of classes. */
function overClasses(expression: string): string {
  let inside = false;
  return expression.replace(/\\p\{(.)\}|\\s|\\S|\\.|[[\]]/g, (part: string, name: string | undefined) => {
    if (part === '[' || part === ']') inside = part === '[';
    if (part === '\\S') return `[^${SPACES}]`;
    if (part !== '\\s' && name === undefined) return part;
    const members = name === undefined ? SPACES : membersOf(name);
    return inside ? members : `[${members}]`;
  });
}

function membersOf(name: string): string {
  const category = CATEGORIES[name];
  const members = category === undefined ? undefined : ASCII_MEMBERS.get(category);
  if (category === undefined || members === undefined) throw new RangeError(`no category ${name}`);
  return String.fromCharCode(category) + members;
}

/** Categories; also with Chinese characters apart; or the characters themselves. */
type View = 'classes' | 'hanClasses' | 'characters';

/** Cuts before and behind each match of an expression. */
function at(expression: string, view: View = 'classes'): Cut {
  const pattern = new RegExp(overClasses(expression), view === 'characters' ? 'gu' : 'g');
  let seen: { readonly text: ClassedText; readonly searched: string } | undefined;
  return (text, from, to, ends) => {
    if (seen?.text !== text) seen = { text, searched: text.seenAs(view) };
    const unitOf = view === 'characters' ? (position: number): number => text.unitOf(position) : same;
    const part = seen.searched.slice(unitOf(from), unitOf(to));
    const start = unitOf(from);
    let position = from;
    const endAt = (unit: number): void => {
      if (view !== 'characters') position = from + unit;
      else while (text.unitOf(position) < start + unit) position++;
      ends.push(position);
    };
    let behind = 0;
    pattern.lastIndex = 0;
    for (let match = pattern.exec(part); match !== null; match = pattern.exec(part)) {
      if (match.index > behind) endAt(match.index);
      behind = match.index + match[0].length;
      endAt(behind);
    }
    if (behind < part.length) ends.push(to);
  };
}

const same = (position: number): number => position;

/** Digits in threes counted from their end. What stands before a number goes with its first group (`unicode_regex_split_custom_afmoe`). */
const thousands: Cut = ({ classes }, from, to, ends) => {
  let behind = from;
  for (const { index, 0: digits } of classes.slice(from, to).matchAll(/[0-9\xd1]+/g)) {
    const first = digits.length % 3 === 0 ? 3 : digits.length % 3;
    for (let end = first; end <= digits.length; end += 3) ends.push((behind = from + index + end));
  }
  if (behind < to) ends.push(to);
};

/** Before every three ASCII digits counted from the end of a number: `(?=(\d{3})+(?!\d))`, without trying at each digit anew. */
const beforeThousands: Cut = ({ classes }, from, to, ends) => {
  for (const { index, 0: digits } of classes.slice(from, to).matchAll(/[0-9]+/g)) {
    for (let start = digits.length % 3; start < digits.length; start += 3)
      if (index + start > 0) ends.push(from + index + start);
  }
  if (from < to) ends.push(to);
};

const CONTRACTIONS = "(?:'[sS]|'[tT]|'[rR][eE]|'[vV][eE]|'[mM]|'[lL][lL]|'[dD])";
const BLANKS = '\\s+(?!\\S)|\\s+';
const LINES = `\\s*[\\r\\n]+|${BLANKS}`;
const WORD = '[^\\r\\n\\p{L}\\p{N}]?\\p{L}+';
const SIGNS = ' ?[^\\s\\p{L}\\p{N}]+';
const ASCII_SIGN_AND_WORD = '[!-\\/:-@\\[-`{-~][A-Za-z]+';

/** Contractions, words, digits, signs with the line ends behind them, white space. */
const words = (digits: string, contractions = `${CONTRACTIONS}|`): string =>
  `${contractions}${WORD}|${digits}|${SIGNS}[\\r\\n]*|${LINES}`;

const GPT2 = `'s|'t|'re|'ve|'m|'ll|'d| ?\\p{L}+| ?\\p{N}+|${SIGNS}|${BLANKS}`;
const LLAMA3 = words('\\p{N}{1,3}');
const QWEN2 = words('\\p{N}');

/** Words that begin at a capital: letters but small ones, then letters but capitals. */
function capitalised(capitals: string, small: string, digits: string, contractions = `${CONTRACTIONS}?`): string {
  const before = '[^\\r\\n\\p{L}\\p{N}]?';
  return (
    `${before}[${capitals}]*[${small}]+${contractions}|${before}[${capitals}]+[${small}]*${contractions}|` +
    `${digits}|${SIGNS}[\\r\\n/]*|${LINES}`
  );
}

/** Letters beyond ASCII are both. */
const OTHER_LETTERS = String.fromCharCode(LETTER);
const GPT4O = capitalised(`A-Z${OTHER_LETTERS}`, `a-z${OTHER_LETTERS}`, '\\p{N}{1,3}');
const MARKED = (digits: string): string => capitalised('\\p{L}\\p{M}', '\\p{L}\\p{M}', digits);

const DEEPSEEK3_WORDS = `${ASCII_SIGN_AND_WORD}|[^\\r\\n\\p{L}\\p{P}\\p{S}]?[\\p{L}\\p{M}]+| ?[\\p{P}\\p{S}]+`;
const CHINESE_JAPANESE = '[\\u4e00-\\u9fa5\\u3040-\\u309f\\u30a0-\\u30ff]+';
const EAST_ASIAN = '[\\u4e00-\\u9fa5\\u0800-\\u4e00\\uac00-\\ud7ff]+';

/** Latin, Greek, Cyrillic, Armenian, Georgian, Cherokee and their like, as DeepSeek's first tokenizer lists them. */
const ALPHABETS =
  'A-Za-z\\xb5\\xc0-\\xd6\\xd8-\\xf6\\xf8-\\u01ba\\u01bc-\\u01bf\\u01c4-\\u0293\\u0295-\\u02af\\u0370-\\u0373\\u0376\\u0377\\u037b-\\u037d' +
  '\\u037f\\u0386\\u0388-\\u038a\\u038c\\u038e-\\u03a1\\u03a3-\\u03f5\\u03f7-\\u0481\\u048a-\\u052f\\u0531-\\u0556\\u10a0-\\u10c5' +
  '\\u13a0-\\u13f5\\u13f8-\\u13fd\\u1c90-\\u1cba\\u1cbd-\\u1cbf\\u1d00-\\u1d2b\\u1d6b-\\u1d77\\u1d79-\\u1d9a\\u1e00-\\u1f15\\u1f18-\\u1f1d' +
  '\\u1f20-\\u1f45\\u1f48-\\u1f4d\\u1f50-\\u1f57\\u1f59\\u1f5b\\u1f5d\\u1f5f-\\u1f7d\\u1f80-\\u1fb4\\u1fb6-\\u1fbc\\u1fbe\\u1fc2-\\u1fc4' +
  '\\u1fc6-\\u1fcc\\u1fd0-\\u1fd3\\u1fd6-\\u1fdb\\u1fe0-\\u1fec\\u1ff2-\\u1ff4\\u1ff6-\\u1ffc\\u2102\\u2107\\u210a-\\u2113\\u2115' +
  '\\u2119-\\u211d\\u2124\\u2126\\u2128\\u212a-\\u212d\\u212f-\\u2134\\u2139\\u213c-\\u213f\\u2145-\\u2149\\u214e\\u2183\\u2184' +
  '\\u2c00-\\u2c7b\\u2c7e-\\u2ce4\\u2ceb-\\u2cee\\u2cf2\\u2cf3\\ua640-\\ua66d\\ua680-\\ua69b\\ua722-\\ua76f\\ua771-\\ua787\\ua78b-\\ua78e' +
  '\\uab70-\\uabbf\\ufb00-\\ufb06\\ufb13-\\ufb17\\uff21-\\uff3a\\uff41-\\uff5a\\u{10400}-\\u{1044f}\\u{104b0}-\\u{104d3}' +
  '\\u{104d8}-\\u{104fb}\\u{10c80}-\\u{10cb2}\\u{10cc0}-\\u{10cf2}\\u{118a0}-\\u{118df}\\u{1e900}-\\u{1e943}';

/** Signs at which BLOOM and its kin end a word. */
const BLOOM = ' ?[^(\\s|.,!?\\u2026\\u3002\\uff0c\\u3001\\u0964\\u06d4\\u060c)]+';

const HAN_LETTERS = String.fromCharCode(HAN_LETTER);
const KIMI =
  `[${HAN_LETTERS}${String.fromCharCode(HAN_OTHER)}]+|[^\\r\\n\\p{L}${HAN_LETTERS}\\p{N}]?\\p{L}+${CONTRACTIONS}?|\\p{N}{1,3}|` +
  ` ?[^\\s\\p{L}${HAN_LETTERS}\\p{N}]+[\\r\\n]*|${LINES}`;

/** Runs of line feeds and what lies between. */
const LINE_FEEDS = '[^\\n]+|\\n+';

interface Kind extends Partial<Omit<Split, 'cuts'>> {
  readonly names: readonly string[];
  readonly cuts: () => readonly Cut[];
}

/** In the order of `load`. */
const KINDS: readonly Kind[] = [
  {
    names: ['default'],
    cuts: () => [at('[\\p{P}$+<=>^~|]+'), at(GPT2), at('\\p{N}+'), at('[0-9][0-9][0-9]', 'characters')],
  },
  { names: ['minicpm5'], wholeWords: true, cuts: () => [at('\\p{N}{1,3}'), at(words('\\p{N}+'))] },
  {
    // biome-ignore format: names fill their lines
    names: ['llama3', 'llama-v3', 'llama-bpe', 'falcon3', 'falcon-h1', 'pixtral', 'midm-2.0', 'lfm2', 'jina-v5-nano'],
    begins: true,
    wholeWords: true,
    cuts: () => [at(LLAMA3)],
  },
  {
    names: ['deepseek-llm'],
    cuts: () => [
      at('[\\r\\n]', 'characters'),
      at(`\\s?[${ALPHABETS}]+`, 'characters'),
      at('\\s?[!-\\/:-~\\uff01-\\uff0f\\uff1a-\\uff5e\\u2018-\\u201f\\u3000-\\u3002]+', 'characters'),
      // Only where the white space begins: the same matches, and no run is walked once for each of its places.
      at(`(?<![${SPACES}])\\s+$`, 'characters'),
      at(EAST_ASIAN, 'characters'),
      at('\\p{N}+'),
    ],
  },
  {
    names: ['deepseek-coder'],
    cuts: () => [
      at('[\\r\\n]', 'characters'),
      at('\\s?\\p{L}+'),
      at('\\s?\\p{P}+'),
      at(EAST_ASIAN, 'characters'),
      at('\\p{N}'),
    ],
  },
  {
    names: ['deepseek-v3', 'hunyuan-dense', 'hy_v4', 'joyai-llm'],
    cuts: () => [at('\\p{N}{1,3}'), at(CHINESE_JAPANESE, 'characters'), at(`${DEEPSEEK3_WORDS}[\\r\\n]*|${LINES}`)],
  },
  {
    names: ['spark2_5'],
    cuts: () => [
      at('\\p{N}{1,3}'),
      at(CHINESE_JAPANESE, 'characters'),
      at(`${DEEPSEEK3_WORDS}|[\\r\\n]|${BLANKS}`),
      at('\\p{N}'),
    ],
  },
  {
    names: ['youtu'],
    wholeWords: true,
    cuts: () => [
      at(
        '[\\uac00-\\ud7a3\\u3131-\\u318e]+|' +
          '[\\uff01\\u2026\\u201c\\u201d\\u2018\\u2019\\u2014\\uff1a\\uff1b\\uff0c\\u3001-\\u303f\\ufe30-\\ufe4f]+|' +
          `[\\u3105-\\u312f]+|${CHINESE_JAPANESE}`,
        'characters',
      ),
      at(MARKED('\\p{N}')),
    ],
  },
  {
    names: ['falcon'],
    cuts: () => [at('[\\p{P}$+<=>^~|`]+'), at(GPT2), at('[0-9][0-9][0-9]', 'characters')],
  },
  {
    // biome-ignore format: names fill their lines
    names: ['starcoder', 'refact', 'command-r', 'smollm', 'codeshell', 'exaone', 'minerva-7b', 'mellum2'],
    cuts: () => [at('\\p{N}'), at(GPT2)],
  },
  {
    // biome-ignore format: names fill their lines
    names: [
      'mpt', 'gpt-2', 'phi-2', 'jina-es', 'jina-de', 'gigachat', 'jina-v2-es', 'jina-v2-de', 'a.x-4.0', 'mellum', 'modern-bert',
      'jina-v1-en', 'jina-v2-code', 'roberta-bpe', 'olmo', 'jais', 'exaone4', 'trillion', 'granite-docling',
    ],
    cuts: () => [at(GPT2)],
  },
  {
    names: ['jais-2'],
    cuts: () => [
      at(
        // Line ends are looked for once in a run of white space, not again behind each of the pieces that it is cut into.
        `${CONTRACTIONS}|${WORD}|\\p{N}{1,3}|${SIGNS}[\\r\\n]*|(?<![\\t\\v\\f ])\\s*[\\r\\n]+|` +
          [512, 256, 128, 64, 32, 16, 8, 4].map((count) => `\\s{${count}}(?!\\S)|`).join('') +
          '\\s{1,2}(?!\\S)|\\s{1}',
      ),
    ],
  },
  {
    names: ['gemma4', 'granite-embed-multi-311m'],
    alwaysBegins: true,
    wholeNewlines: true,
    byteLevel: false,
    escapesSpaces: true,
    cuts: () => [at(LINE_FEEDS)],
  },
  { names: ['sarvam-moe'], byteLevel: false, escapesSpaces: true, cuts: () => [at(LINE_FEEDS)] },
  { names: ['whitespace'], byteLevel: false, cuts: () => [at('\\S+', 'characters')] },
  {
    // biome-ignore format: names fill their lines
    names: ['qwen2', 'deepseek-r1-qwen', 'kormo', 'f2llmv2', 'stablelm2', 'megrez', 'hunyuan', 'grok-2', 'solar-open'],
    cuts: () => [at(QWEN2)],
  },
  {
    names: ['qwen35'],
    cuts: () => [
      at(`${CONTRACTIONS}|[^\\r\\n\\p{L}\\p{N}]?[\\p{L}\\p{M}]+|\\p{N}| ?[^\\s\\p{L}\\p{M}\\p{N}]+[\\r\\n]*|${LINES}`),
    ],
  },
  { names: ['dbrx', 'smaug-bpe'], cuts: () => [at(LLAMA3)] },
  { names: ['glm4', 'chatglm-bpe'], hasDefaultBos: false, cuts: () => [at(LLAMA3)] },
  { names: ['poro-chat', 'bloom', 'gpt3-finnish'], cuts: () => [at(BLOOM, 'characters')] },
  { names: ['viking'], cuts: () => [at(BLOOM, 'characters'), at('\\p{N}')] },
  {
    names: ['tekken'],
    begins: true,
    wholeWords: true,
    cuts: () => [at(capitalised(`A-Z${OTHER_LETTERS}`, `a-z${OTHER_LETTERS}`, '\\p{N}', ''))],
  },
  {
    names: ['exaone-moe'],
    cuts: () => [
      at(
        `${CONTRACTIONS}|[^\\r\\n\\p{L}\\p{N}]?(?:\\p{L}\\p{M}*(?: \\p{L}\\p{M}*)*)+|\\p{N}|${SIGNS}[\\r\\n/]?|\\s*[\\r\\n]|${BLANKS}`,
      ),
    ],
  },
  {
    names: ['chameleon'],
    begins: true,
    cuts: () => [
      at('<sentinel:[0-9]+>', 'characters'),
      at('IMGIMG[A-I]{1,4}Z', 'characters'),
      at('[\\t\\n]|    |  ', 'characters'),
      at('\\p{N}'),
      at('[\\p{P}!-\\/:-@\\[-`{-~]'),
      at(GPT2),
    ],
  },
  { names: ['gpt-4o', 'llama4', 'kanana2', 'talkie', 'minimax-m2'], cuts: () => [at(GPT4O)] },
  {
    names: ['granite-embed-multi-97m'],
    wholeWords: true,
    cuts: () => [at(capitalised(`A-Z${OTHER_LETTERS}\\p{M}`, `a-z${OTHER_LETTERS}\\p{M}`, '\\p{N}{1,3}'))],
  },
  { names: ['tiny_aya', 'cohere2moe'], cuts: () => [thousands, at(MARKED('\\p{N}{1,3}'))] },
  { names: ['superbpe'], cuts: () => [at('\\p{N}+'), beforeThousands] },
  {
    names: ['bailingmoe', 'bailingmoe2', 'llada-moe'],
    cuts: () => [
      at(`'(?:[sSdDmMtT]|[lL][lL]|[vV][eE]|[rR][eE])|${WORD}|\\p{N}|${SIGNS}[\\r\\n]*|\\s*[\\r\\n]|${BLANKS}`),
    ],
  },
  {
    names: ['seed-coder'],
    cuts: () => [at(`${CONTRACTIONS}|${WORD}|\\p{N}| ?[^\\s\\p{L}\\p{N}\\r\\n]+|${LINES}`)],
  },
  { names: ['kimi-k2'], cuts: () => [at(KIMI, 'hanClasses')] },
  { names: ['ufakzeka'], cuts: () => [at(words('\\p{N}', ''))] },
  {
    names: ['afmoe'],
    cuts: () => [
      thousands,
      at(
        '[\\u4e00-\\u9fff\\u3400-\\u4dbf\\u8c48-\\ufaff\\u3040-\\u309f\\u30a0-\\u30ff\\uff65-\\uff9f\\u2f00-\\u2fdf\\u0e40-\\u0e7f\\u0e80-\\u0eff' +
          '\\u1780-\\u17ff\\u1000-\\u109f\\uaa60-\\uaa7f\\ua9e0-\\ua9ff\\uac00-\\ud7af\\u1100-\\u11ff]+',
        'characters',
      ),
      at(`${DEEPSEEK3_WORDS}[\\r\\n]*|${LINES}`),
    ],
  },
  { names: ['laguna'], cuts: () => [at(LINE_FEEDS), at(QWEN2)] },
];

/** By the name in `tokenizer.ggml.pre`: all that llama.cpp v0.5.0 knows. */
export const SPLITS: ReadonlyMap<string, Split> = new Map(
  KINDS.flatMap(({ names, cuts, ...given }) => {
    const split: Split = {
      begins: false,
      alwaysBegins: false,
      wholeWords: false,
      wholeNewlines: false,
      byteLevel: true,
      escapesSpaces: false,
      hasDefaultBos: true,
      ...given,
      cuts,
    };
    return names.map((name) => [name, split] as const);
  }),
);

/** The pieces of a text, in order; none is empty. */
export function cutText(text: string, cuts: readonly Cut[]): string[] {
  const classed = new ClassedText(text);
  let ends: number[] = classed.length === 0 ? [] : [classed.length];
  for (const cut of cuts) {
    const finer: number[] = [];
    let from = 0;
    for (const to of ends) {
      cut(classed, from, to, finer);
      from = to;
    }
    ends = finer;
  }
  let from = 0;
  return ends.map((to) => {
    const piece = classed.slice(from, to);
    from = to;
    return piece;
  });
}
