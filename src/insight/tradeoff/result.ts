/** What a sweep over methods finds of a model on a text: plain data, kept as JSON. */

import type { Damage } from './damage';
import type { ProbeResult } from './probes';

/** Of one method, with everything that another run on the same model and text would find again. */
export interface MethodResult {
  readonly method: string;
  /** Methods of one kind differ in size alone. */
  readonly kind: string;
  /** All layers' caches at the end of the text, ÷ its tokens. */
  readonly bytesPerToken: number;
  /** At the end of the text, and of twice and of each further power of two of tokens up to a million: methods that keep so many tokens stop growing. */
  readonly cacheBytes: readonly { readonly tokens: number; readonly bytes: number }[];
  readonly damage: Damage;
  /** None where a method is in one layer alone. */
  readonly probes: readonly ProbeResult[];
  readonly layers: readonly {
    readonly layer: number;
    readonly outputRelativeError: number | null;
    readonly patternJsDistance: number;
    readonly cachedNumbers: number;
    readonly cacheBytes: number;
  }[];
  /** Of every position of the text; losses of all but the last. */
  readonly perPosition: {
    readonly kl: readonly number[];
    readonly lossBefore: readonly number[];
    readonly lossAfter: readonly number[];
  };
  /** The engine's option that does it; null where none does. */
  readonly launch: string | null;
  readonly notes: readonly string[];
  readonly ms: number;
}

export interface RefusedMethod {
  readonly method: string;
  readonly refused: string;
}

export type SweptMethod = MethodResult | RefusedMethod;

export function isRefused(one: SweptMethod): one is RefusedMethod {
  return 'refused' in one;
}

export interface Sweep {
  /** As it was named; may come from a file. */
  readonly model: string;
  /** The same for the same weights, wherever they lie. */
  readonly modelKey: string;
  readonly text: { readonly name: string; readonly key: string; readonly tokens: number; readonly ofTokens: number };
  /** Positions that damage is measured at: from the first to the last but one. Methods are fitted on those before. */
  readonly measured: { readonly first: number; readonly tokens: number };
  readonly precision: 'float64' | 'float32';
  readonly unchanged: {
    readonly bytesPerToken: number;
    readonly loss: number;
    readonly perplexity: number;
    readonly probes: readonly ProbeResult[];
  };
  readonly methods: readonly SweptMethod[];
  /** Models that were trained as what they are, on the same text: damage is held against this model. */
  readonly siblings?: readonly SweptMethod[];
}

export interface Point {
  readonly bytesPerToken: number;
  readonly klMean: number;
}

/** The methods than which no other is both smaller (or as small) and less damaging; smallest caches first. */
export function paretoFront<T extends Point>(points: readonly T[]): readonly T[] {
  const sorted = points.toSorted((a, b) => a.bytesPerToken - b.bytesPerToken || a.klMean - b.klMean);
  const front: T[] = [];
  for (const point of sorted) {
    const last = front[front.length - 1];
    if (last === undefined || point.klMean < last.klMean) front.push(point);
  }
  return front;
}

/** Bytes at a number of tokens, between the lengths that are kept by a straight line: exact where caches grow evenly. */
export function bytesAt({ cacheBytes }: Pick<MethodResult, 'cacheBytes'>, tokens: number): number | null {
  const known = cacheBytes.find((one) => one.tokens === tokens);
  if (known !== undefined) return known.bytes;
  const above = cacheBytes.findIndex((one) => one.tokens > tokens);
  const [a, b] = [cacheBytes[above - 1], cacheBytes[above]];
  if (a === undefined || b === undefined) return null;
  return a.bytes + ((b.bytes - a.bytes) * (tokens - a.tokens)) / (b.tokens - a.tokens);
}
