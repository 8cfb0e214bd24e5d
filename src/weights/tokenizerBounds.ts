/**
 * What a tokenizer.json may ask for. Time is limited elsewhere (timeLimit.ts); memory that a few steps can fill in no time is limited here: steps
 * that multiply a text, tries with a node for each character, templates. Each limit is far above what is published.
 */

import { formatInteger } from '../model/units';
import { OutOfTime, withinTime } from './timeLimit';
import { shown } from './weightsError';

/** Longer texts are not cut into tokens: no context of a model holds them. Characters, of a text or of what its tokens stand for. */
const MAX_TEXT = 4_000_000;
/** What honest work takes on a slow machine, many times over. */
const LIMIT_MS = 5_000;
const MS_PER_CHARACTER = 0.02;
const MS_PER_BYTE_OPENED = 1e-3;

/** Steps of one kind: normalizers, decoders and so on. */
const MOST_STEPS = 256;
/** The longest published have some 2,000. Characters. */
const MOST_PATTERN = 10_000;
/** Each group of a pattern that removes is a piece of its own. */
const MOST_GROUPS = 32;
/** Steps of which each may make a text longer, and there is no counting how much. Published ones have one of each. */
const LENGTHENING: ReadonlyMap<unknown, number> = new Map([
  ['ByteLevel', 4],
  ['Metaspace', 2],
  ['BPEDecoder', 4],
  ['Prepend', 4],
]);
/** What such a step adds or puts for a space: `▁`. Characters. */
const MOST_ADDED = 4;
/** What a model puts before or behind a piece: `##`, `</w>`. Characters. */
const MOST_AFFIX = 64;
/** Items of a template, and how many times all templates together repeat a text. */
const MOST_ITEMS = 64;
const MOST_REPEATS = 16;
/** The largest published vocabularies have some 260,000 tokens and 520,000 merges. */
const MOST_TOKENS = 2_000_000;
/** Nodes of a trie that the library makes: some 200 bytes each. */
const MOST_TRIE_NODES = 2_000_000;

/** What a text may become, and how far that has come. Characters that were put in. */
export class Growth {
  private left = 0;

  /** For a new text. */
  reset(characters: number): void {
    this.left = 1_000_000 + 8 * characters;
  }

  add(characters: number): void {
    this.left -= characters;
    if (this.left < 0) throw new Beyond('it would expand this text many times over');
  }
}

/** Why a tokenizer is not used: words that follow its name. */
export class Beyond extends Error {
  override readonly name = 'Beyond';
}

/** Work that did not end in its time. */
export class Stopped extends Beyond {}

export const openingMs = (bytes: number): number => LIMIT_MS + MS_PER_BYTE_OPENED * bytes;

export const textMs = (characters: number): number => LIMIT_MS + MS_PER_CHARACTER * characters;

/** @throws Stopped after the time; `doing` says in the midst of what. */
export function stoppedAfter<T>(limitMs: number, doing: string, work: () => T): T {
  try {
    return withinTime(limitMs, work);
  } catch (error) {
    if (error instanceof OutOfTime)
      throw new Stopped(`it was stopped after ${Math.round(limitMs / 1000)} s, while ${doing}`);
    throw error;
  }
}

/** @throws Beyond */
export function checkText(characters: number): void {
  if (characters > MAX_TEXT) throw new Beyond(`this text has more than ${formatInteger(MAX_TEXT)} characters`);
}

/** @throws Beyond for tokens whose texts come to more than is read. */
export function checkTokens(characters: number): void {
  if (characters > MAX_TEXT) throw new Beyond(`these tokens stand for more than ${formatInteger(MAX_TEXT)} characters`);
}

export const cutting = (characters: number): string => `it cuts ${formatInteger(characters)} characters into tokens`;

export const writing = (tokens: number): string => `it writes ${formatInteger(tokens)} tokens as text`;

type Node = Readonly<Record<string, unknown>>;

/**
 * A description whose steps count in `growth` what they put into a text.
 * @throws Beyond where it asks for more than is bearable.
 */
export function boundedDescription(description: Node, growth: Growth): Record<string, unknown> {
  const { model, added_tokens: added, normalizer, pre_tokenizer, post_processor, decoder } = description;
  checkModel(model);
  const tokens = listOf(added);
  if ((added ?? null) !== null && !Array.isArray(added)) throw new Beyond('its added_tokens are not a list');
  for (const token of tokens)
    if (!isNode(token) || typeof token['content'] !== 'string' || !isId(token['id']))
      throw new Beyond('an added token has no text or no id');
  checkCount('added tokens', tokens.length, MOST_TOKENS);
  checkTrie(
    'added tokens',
    tokens.map((token) => (isNode(token) ? token['content'] : null)),
  );
  return {
    ...description,
    normalizer: boundedSteps(normalizer, growth),
    pre_tokenizer: boundedSteps(pre_tokenizer, growth),
    post_processor: boundedSteps(post_processor, growth),
    decoder: boundedSteps(decoder, growth),
  };
}

/** One of the four chains. */
function boundedSteps(root: unknown, growth: Growth): unknown {
  let count = 0;
  let repeats = 1;
  const counts = new Map<unknown, number>();
  const bounded = (step: unknown): unknown => {
    if (step === null || step === undefined) return step;
    if (!isNode(step)) throw new Beyond('it has a step that is not an object');
    checkCount('steps', ++count, MOST_STEPS);
    const { type, content } = step;
    counts.set(type, (counts.get(type) ?? 0) + 1);
    checkCount(`steps ${String(type)}`, counts.get(type) ?? 0, LENGTHENING.get(type) ?? MOST_STEPS);
    checkStep(step);
    repeats *= checkTemplate(step);
    checkCount('copies of each text', repeats, MOST_REPEATS);
    const inner = ['normalizers', 'pretokenizers', 'processors', 'decoders'].flatMap((key) =>
      Array.isArray(step[key]) ? [[key, step[key].map(bounded)] as const] : [],
    );
    return {
      ...step,
      ...Object.fromEntries(inner),
      // As a function it is called for each match, and stands for itself: a `$` in it is one.
      ...(type === 'Replace' && { content: counted(content, growth) }),
    };
  };
  return bounded(root);
}

function counted(content: unknown, growth: Growth): unknown {
  if (typeof content !== 'string' || content === '') return '';
  return () => {
    growth.add(content.length);
    return content;
  };
}

/** What the library takes as it is: of another type it becomes "undefined" in a text, or an error that names no cause. */
const TEXTS: ReadonlyMap<unknown, readonly string[]> = new Map([
  ['Prepend', ['prepend']],
  ['Replace', ['content']],
  ['Metaspace', ['replacement']],
  ['WordPiece', ['prefix']],
  ['Split', ['behavior']],
]);
const PATTERNED: readonly unknown[] = ['Replace', 'Split'];

/** A step is an object with the name of its kind, and has the texts that the kind needs. */
function checkForm(step: Node): void {
  const { type, pattern } = step;
  if (typeof type !== 'string') throw new Beyond('it has a step without a type');
  for (const key of TEXTS.get(type) ?? [])
    if (typeof step[key] !== 'string') throw new Beyond(`${key} of its step ${shown(type)} is not a string`);
  if (!PATTERNED.includes(type)) return;
  const expression = isNode(pattern) ? (pattern['Regex'] ?? pattern['String']) : undefined;
  if (typeof expression !== 'string') throw new Beyond(`pattern of its step ${shown(type)} is not a string`);
}

function checkStep(step: Node): void {
  checkForm(step);
  const { type, behavior, length } = step;
  const pattern = isNode(step['pattern']) ? (step['pattern']['Regex'] ?? step['pattern']['String']) : undefined;
  if (typeof pattern === 'string') {
    checkCount('characters of a pattern', pattern.length, MOST_PATTERN);
    if (/^removed$/i.test(String(behavior)))
      checkCount('groups of a pattern', pattern.split('(').length - 1, MOST_GROUPS);
  }
  if (type === 'FixedLength' && !(Number.isInteger(length) && Number(length) > 0))
    throw new Beyond('it cuts text into empty pieces');
  if (LENGTHENING.has(type))
    for (const key of ['prepend', 'str_rep', 'replacement']) checkLength(key, step[key], MOST_ADDED);
}

/** How many times the template of a step repeats a text. */
function checkTemplate(step: Node): number {
  return Math.max(
    1,
    ...['single', 'pair'].map((key) => {
      const items = listOf(step[key]);
      checkCount('items of a template', items.length, MOST_ITEMS);
      return items.filter((item) => isNode(item) && isNode(item['Sequence']) && item['Sequence']['id'] === 'A').length;
    }),
  );
}

function checkModel(model: unknown): void {
  if (!isNode(model)) throw new Beyond('it has no model');
  const { vocab, merges } = model;
  if (typeof vocab !== 'object' || vocab === null) throw new Beyond('its model has no vocabulary');
  for (const merge of listOf(merges))
    if (typeof merge !== 'string' && !(Array.isArray(merge) && merge.length === 2 && merge.every(isText)))
      throw new Beyond('a merge of its model is not a pair of tokens');
  if (Array.isArray(vocab))
    for (const entry of vocab as readonly unknown[])
      if (!Array.isArray(entry) || !isText(entry[0]) || typeof entry[1] !== 'number')
        throw new Beyond('an entry of its vocabulary has no text or no score');
  checkCount('merges', listOf(merges).length, MOST_TOKENS);
  checkCount('tokens', isNode(vocab) ? Object.keys(vocab).length : listOf(vocab).length, MOST_TOKENS);
  for (const key of ['continuing_subword_prefix', 'continuing_subword_suffix', 'end_of_word_suffix'])
    checkLength(key, model[key], MOST_AFFIX);
  if (Array.isArray(vocab))
    checkTrie(
      'tokens',
      vocab.map((entry: unknown) => listOf(entry)[0]),
    );
}

/** A node for each beginning that a text does not share with another one. */
function checkTrie(what: string, texts: readonly unknown[]): void {
  const strings = texts.filter((text) => typeof text === 'string');
  // For most, no more has to be known.
  if (strings.reduce((sum, text) => sum + text.length, 0) <= MOST_TRIE_NODES) return;
  let nodes = 0;
  let before = '';
  for (const text of strings.sort()) {
    let shared = 0;
    while (shared < before.length && before[shared] === text[shared]) shared++;
    nodes += text.length - shared;
    before = text;
  }
  checkCount(`characters of ${what}`, nodes, MOST_TRIE_NODES);
}

function checkLength(key: string, value: unknown, most: number): void {
  if (typeof value === 'string') checkCount(`characters of ${key}`, value.length, most);
}

function checkCount(what: string, count: number, most: number): void {
  if (count > most) throw new Beyond(`it has more than ${formatInteger(most)} ${what}`);
}

const isNode = (value: unknown): value is Node => typeof value === 'object' && value !== null && !Array.isArray(value);

const isText = (value: unknown): value is string => typeof value === 'string';

const isId = (value: unknown): boolean => typeof value === 'number' && Number.isInteger(value) && value >= 0;

function listOf(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [];
}
