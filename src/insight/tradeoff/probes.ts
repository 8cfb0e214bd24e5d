/**
 * Long-range probes: tasks that need one place of the text exactly, and so break before the mean over a text does. They are texts of their own,
 * run through the layers as they were converted on the measured text.
 * - `induction`: words in no order, twice; the second time each can be copied from behind its first place (Olsson et al., arXiv 2209.11895);
 * - `recall`: what was said of three people is asked for after sentences that say nothing of them;
 * - `passkey`: a number, such sentences, and the question for it (Mohtashami and Jaggi, arXiv 2305.16300). Here the question is part of the
 *   prompt, as when one asks.
 */

import { elementAt } from '../../model/elementAt';
import type { Matrix } from '../matrix';
import type { PositionDamage } from './damage';

export type ProbeName = 'induction' | 'recall' | 'passkey';

export interface Probe {
  readonly name: ProbeName;
  readonly ids: readonly number[];
  /** Places of the tokens that are asked for, in rising order. */
  readonly asked: readonly number[];
  /** How far back the first of the answers lies. */
  readonly distance: number;
  /** Tokens that are there before anything is answered. */
  readonly prompt: number;
}

export interface ProbeResult {
  readonly name: ProbeName;
  readonly tokens: number;
  /** Tokens that were asked for, and how far back the first answer lies. */
  readonly asked: number;
  readonly distance: number;
  /** Mean −ln of what was given to them, nats. */
  readonly lossBefore: number;
  readonly lossAfter: number;
  /** Share of them that were the likeliest token. */
  readonly rightBefore: number;
  readonly rightAfter: number;
}

type Encode = (text: string) => readonly number[];

/** Fewer tokens than these show no range. */
const LEAST_TOKENS = 16;
/** Common words, of which small models know each; more at a time are another task: they lose their place. */
const WORDS = 'river blue seven hat old bird garden three';
const FILLER = ' The road goes up the hill and down again. A bird sits in the old tree. The wind is calm today.';
const FACTS = 'Maria: red key. Ben: blue hat. Otto: green drum.';
const QUESTIONS = [
  [' Who is Ben?', ' blue hat.'],
  [' Who is Otto?', ' green drum.'],
  [' Who is Maria?', ' red key.'],
] as const;
const KEY = '71432';
const BEGIN = `One number in this text matters. The pass key is ${KEY}. Keep it in mind: ${KEY} is the pass key.`;
const QUESTION = ' What is the pass key? The pass key is';

/**
 * All that fit, in words.
 * @param tokens Of each, at most.
 */
export function probesOf(encode: Encode, tokens: number): readonly Probe[] {
  const list = `List: ${WORDS}. Again:`;
  return [
    taskOf(
      'induction',
      encode,
      tokens,
      () => [
        ['', list],
        [` ${WORDS}.`, ''],
      ],
      'List: river',
    ),
    taskOf(
      'recall',
      encode,
      tokens,
      (fillers) => [
        ['', FACTS + FILLER.repeat(fillers)],
        ...QUESTIONS.flatMap(([question, answer]) => [['', question] as const, [answer, ''] as const]),
      ],
      'Maria: red key. Ben:',
    ),
    taskOf(
      'passkey',
      encode,
      tokens,
      (fillers) => [
        ['', BEGIN + FILLER.repeat(fillers) + QUESTION],
        [` ${KEY}`, ''],
      ],
      BEGIN.slice(0, BEGIN.indexOf(` ${KEY}`)),
    ),
  ].filter((probe) => probe !== null);
}

/** What is asked for, and what is given, in turn. */
type Parts = readonly (readonly [asked: string, given: string])[];

/** As many fillers as fit. @param before What stands before the place where the first answer is said. */
function taskOf(
  name: ProbeName,
  encode: Encode,
  tokens: number,
  parts: (fillers: number) => Parts,
  before: string,
): Probe | null {
  const lengthOf = (fillers: number): number =>
    encode(
      parts(fillers)
        .flatMap((part) => part)
        .join(''),
    ).length;
  const [none, one] = [lengthOf(0), lengthOf(1)];
  if (none > tokens) return null;
  let fillers = one === none ? 0 : Math.floor((tokens - none) / (one - none));
  while (fillers > 0 && lengthOf(fillers) > tokens) fillers--;
  let text = '';
  let ids: readonly number[] = [];
  const asked: number[] = [];
  for (const [answer, given] of parts(fillers)) {
    const start = ids.length;
    text += answer + given;
    const next = encode(text);
    // Where an answer's first token joined what was before it, it begins with what follows that.
    const from = ids.findIndex((id, i) => id !== next[i]);
    if (answer !== '') for (let place = from < 0 ? start : from + 1; place < next.length; place++) asked.push(place);
    ids = next;
  }
  // The first word of a list that is repeated begins the copy.
  if (name === 'induction') asked.shift();
  const [first] = asked;
  if (first === undefined || first < 1) return null;
  return { name, ids, asked, distance: first - encode(before).length, prompt: first };
}

/**
 * Without a tokenizer: of the kinds of token that the text has, each once until all were taken, twice.
 * @param text Ids. @param tokens Of both copies. Null where the text has too few kinds.
 */
export function inductionOfIds(text: readonly number[], tokens: number): Probe | null {
  const kinds = [...new Set(text)];
  const half = Math.floor(Math.min(tokens, 2 * kinds.length) / 2);
  if (2 * half < LEAST_TOKENS) return null;
  const once = shuffled(kinds).slice(0, half);
  // The first of the second copy cannot be known.
  const asked = Array.from({ length: half - 1 }, (_, i) => half + 1 + i);
  return { name: 'induction', ids: [...once, ...once], asked, distance: half, prompt: half };
}

/** A fixed order: the same probe for the same text. */
function shuffled(values: readonly number[]): number[] {
  const result = [...values];
  let state = 0x2545_f491;
  for (let i = result.length - 1; i > 0; i--) {
    // Numerical Recipes' linear congruential generator.
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    const j = Math.floor((state / 2 ** 32) * (i + 1));
    [result[i], result[j]] = [elementAt(result, j), elementAt(result, i)];
  }
  return result;
}

/** Tokens from the one before the first that is asked for. */
export function askedIds({ ids, asked }: Probe): readonly number[] {
  return ids.slice(elementAt(asked, 0) - 1);
}

/** The rows of those. @param of `[tokens, any]` */
export function askedRows({ ids, asked }: Probe, of: Matrix): Matrix {
  const from = elementAt(asked, 0) - 1;
  return { rows: ids.length - from, columns: of.columns, data: of.data.subarray(from * of.columns) };
}

/** @param positions Of `askedIds`. */
export function probeResult(
  { name, ids, asked, distance }: Probe,
  { lossBefore, lossAfter, rightBefore, rightAfter }: PositionDamage,
): ProbeResult {
  const at = asked.map((place) => place - elementAt(asked, 0));
  const mean = (of: (at: number) => number): number => at.reduce((sum, place) => sum + of(place), 0) / at.length;
  return {
    name,
    tokens: ids.length,
    asked: asked.length,
    distance,
    lossBefore: mean((place) => lossBefore[place] as number),
    lossAfter: mean((place) => lossAfter[place] as number),
    rightBefore: mean((place) => (elementAt(rightBefore, place) ? 1 : 0)),
    rightAfter: mean((place) => (elementAt(rightAfter, place) ? 1 : 0)),
  };
}
