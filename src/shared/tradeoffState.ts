/** Trade-off, as the panel's page is told of it: the host runs sweeps, pages come and go. */

import type { Launch } from '../insight/tradeoff/apply';
import type { RefusedMethod } from '../insight/tradeoff/result';
import type { Damage } from '../insight/tradeoff/damage';
import type { BudgetLayer, ShownResult, TradeoffPlan } from './tradeoffContract';

/** The text that damage is measured on. */
export type TextChoice =
  /** The bundled one. */
  | null
  | { readonly typed: string }
  /** A file that the user chose, by its name in calls. */
  | { readonly file: string };

/** What a sweep is made of. */
export interface TradeoffAsk {
  /** Id of a `HeadSource`. */
  readonly source: string;
  readonly text: TextChoice;
  /** The first so many tokens of the text. */
  readonly tokens: number;
  /** Whether long-range probes run beside the text. */
  readonly probes: boolean;
  /** Methods beside those that are offered, as one writes them. */
  readonly others: readonly string[];
}

/** Methods of one's own that one sweep has, at most. */
export const MOST_OWN_METHODS = 16;

/** Methods that someone typed. */
export interface TypedMethods {
  /** What they are called in results; none where there is a problem. */
  readonly methods: readonly string[];
  /** Why the text names no methods, in a sentence; null where it does. */
  readonly problem: string | null;
}

/** What people call a method. */
export interface NamedMethod {
  readonly method: string;
  readonly title: string;
  /** What it does, in a sentence. */
  readonly about: string;
}

export interface ShownMethod extends ShownResult, NamedMethod {
  /** KV heads that the config would name; null where the method is no edit of a config. */
  readonly kvHeads: number | null;
  /** Options of engines that do it. */
  readonly launches: readonly Launch[];
  /** Weights are others than before: there is a model to export. */
  readonly exported: boolean;
  /** Why it, or a part of it, is not to be had outside of this measurement; null where it is. */
  readonly none: string | null;
  /** Mean KL that the layers changed one at a time add up to; of budgets alone. */
  readonly expectedKl?: number;
  /** Of budgets: what each layer has. */
  readonly chosen?: readonly (BudgetLayer & { readonly title: string })[];
}

/** A model that was trained as what it is: what training gives back. */
export interface ShownSibling {
  readonly title: string;
  readonly bytesPerToken: number;
  readonly damage: Damage;
}

/** What others published, on other models and texts. */
export interface ShownAnchor {
  /** What it says, with its source. */
  readonly text: string;
  /** Null where it is a score of tasks, or its share of the cache is not known: then it is on no axis. */
  readonly point: { readonly cacheShare: number; readonly klMean: number } | null;
}

export type ShownRefusal = RefusedMethod & NamedMethod;
export type ShownOutcome = ShownMethod | ShownRefusal;

/** A model on a text, as far as it was measured. */
export interface TradeoffState {
  readonly ask: TradeoffAsk;
  /** Id of the config that was followed. */
  readonly configId: string | null;
  readonly model: string;
  /** Random weights: they say little. */
  readonly seeded: boolean;
  readonly text: TradeoffPlan['text'];
  readonly precision: TradeoffPlan['precision'];
  readonly layers: number;
  /** All that is to be measured, the unchanged model first. */
  readonly asked: readonly NamedMethod[];
  /** What was measured, of budgets also. */
  readonly outcomes: readonly ShownOutcome[];
  readonly siblings: readonly ShownSibling[];
  readonly anchors: readonly ShownAnchor[];
}

export interface TradeoffRunning {
  readonly what: 'opening' | 'sweep' | 'budget' | 'export';
  readonly message: string;
  /** Of all that is to be done; null where that is not known. */
  readonly fraction: number | null;
  /** Methods that are still to be measured; null where none are counted. */
  readonly left: number | null;
  /** About how long it will take from now on; null where that is not known yet. */
  readonly leftMs: number | null;
}

export interface TradeoffShown {
  readonly state: TradeoffState | null;
  readonly running: TradeoffRunning | null;
  /** Why it ended before its end, in a sentence. */
  readonly failure: string | null;
}

export const NOTHING_SHOWN: TradeoffShown = { state: null, running: null, failure: null };

/** Label of the unchanged model among the methods. */
export const UNCHANGED_METHOD = 'exact';
