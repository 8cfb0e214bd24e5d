/** Trade-off: what the compute process answers about a whole model whose cache is changed. */

import * as v from 'valibot';
import type { MethodResult, Sweep, SweptMethod } from '../insight/tradeoff/result';
import { ENGINE_IDS } from './engineIds';
import { MODEL } from './headsContract';
import { MOST_SWEPT_TOKENS } from './limits';
import { type Contract, list, type MethodsOf, text, trusted, whole, finite } from './schema';

const MOST_TEXT = 1_000_000;
/** A method as one writes it; one for each layer is written out. */
const method = text(100);

/** What all methods are measured on. */
const SWEPT = {
  /** What damage is measured on; null: the bundled text. */
  text: v.nullable(text(MOST_TEXT)),
  /** What that text is called beside its numbers. */
  textName: text(200),
  /** The first so many tokens of the text. */
  tokens: whole(4, MOST_SWEPT_TOKENS),
  /** Of each long-range probe, at most, and no more than the text has; 0: none. */
  probeTokens: whole(0, MOST_SWEPT_TOKENS),
};

const subject = v.strictObject({
  ...MODEL,
  ...SWEPT,
  /** What the model is called beside its numbers. */
  name: text(200),
  engine: v.picklist(ENGINE_IDS),
  /** Folder of the results that are kept; null: none are. */
  results: v.nullable(text(4096)),
});
/** A model and a text. */
export type SweptSubject = Readonly<v.InferOutput<typeof subject>>;

/** What is known before anything is computed. */
export interface TradeoffPlan {
  /** The same for the same weights, wherever they lie. */
  readonly modelKey: string;
  readonly text: Sweep['text'];
  readonly precision: Sweep['precision'];
  readonly layers: number;
  /** Methods worth a look, the unchanged model first. */
  readonly offered: readonly string[];
  /** Those of them, and of the others that were asked for, that were found before. */
  readonly kept: readonly SweptMethod[];
}

export interface MeasuredMethod {
  readonly result: SweptMethod;
  /** It was found before. */
  readonly kept: boolean;
}

/** One layer's part of a budget. */
export interface BudgetLayer {
  readonly layer: number;
  readonly method: string;
  /** Mean KL of the model with this layer changed alone. */
  readonly klMean: number;
}

/** A method for each layer, so that the cache is a share of what it was. */
export interface BudgetResult {
  readonly share: number;
  readonly chosen: readonly BudgetLayer[];
  /** The sum of the layers' damages alone. */
  readonly expectedKl: number;
  /** The model with all of them. */
  readonly result: SweptMethod;
}

const MOST_METHODS = 64;

export const TRADEOFF = {
  'tradeoff/plan': {
    /** `others`: methods that are asked for beside the offered ones. */
    params: v.strictObject({ ...subject.entries, others: list(method, MOST_METHODS) }),
    result: trusted<TradeoffPlan>(),
    inTurn: true,
  },
  /** One method in all layers. What is given up is not kept, and nothing of it is needed to begin again. */
  'tradeoff/measure': {
    params: v.strictObject({ ...subject.entries, method }),
    result: trusted<MeasuredMethod>(),
    inTurn: true,
  },
  'tradeoff/budget': {
    params: v.strictObject({ ...subject.entries, methods: list(method, MOST_METHODS), share: finite }),
    result: trusted<BudgetResult>(),
    inTurn: true,
  },
  /** A model that was trained as what it is, on the same text. */
  'tradeoff/sibling': {
    params: v.strictObject({ ...subject.entries, label: text(100), folder: text(4096) }),
    result: trusted<SweptMethod>(),
    inTurn: true,
  },
  /** Writes the converted model into a folder that is not there yet: whole, or not at all. */
  'tradeoff/export': {
    params: v.strictObject({ ...subject.entries, method, folder: text(4096) }),
    result: v.null(),
    inTurn: true,
  },
} satisfies Contract;
export type TradeoffMethods = MethodsOf<typeof TRADEOFF>;

/** Of a method what the panel shows: not each position's loss. */
export type ShownResult = Omit<MethodResult, 'perPosition'>;
