/** What a changed cache does to the next token: two models' logits held against each other, piece by piece of the vocabulary. */

import { elementAt } from '../../model/elementAt';
import type { Matrix } from '../matrix';

export interface PositionDamage {
  /** Σ p ln(p ÷ p′): nats by which the changed model's prediction diverges from the model's own. */
  readonly kl: Float64Array;
  /** −ln of what was given to the token that follows, before and after; one fewer than positions. */
  readonly lossBefore: Float64Array;
  readonly lossAfter: Float64Array;
  /** Whether both have the same likeliest token. */
  readonly sameTop: readonly boolean[];
  /** Whether the token that follows is the likeliest one, before and after; one fewer than positions. */
  readonly rightBefore: readonly boolean[];
  readonly rightAfter: readonly boolean[];
}

export interface Damage {
  /** Positions that the numbers are taken over: those of the second half that have a next token. */
  readonly tokens: number;
  readonly klMean: number;
  /** The standard deviation of the mean: how far another text of this length may lie. Neighbouring positions are not independent: it is a lower bound. */
  readonly klStandardError: number;
  readonly kl99: number;
  readonly sameTopShare: number;
  readonly lossBefore: number;
  readonly lossAfter: number;
  readonly perplexityBefore: number;
  readonly perplexityAfter: number;
}

interface Side {
  /** Of each position: largest logit so far and where, Σ e^(logit − largest). */
  readonly most: Float64Array;
  readonly top: Int32Array;
  readonly sum: Float64Array;
  readonly target: Float64Array;
}

const sideOf = (tokens: number): Side => ({
  most: new Float64Array(tokens).fill(-Infinity),
  top: new Int32Array(tokens),
  sum: new Float64Array(tokens),
  target: new Float64Array(tokens),
});

/** Takes logits of both models in pieces of the vocabulary. */
export class DamageMeter {
  private readonly before: Side;
  private readonly after: Side;
  /** Σ e^(before − largest before) · (before − after) */
  private readonly cross: Float64Array;

  /** @param ids The tokens; position t predicts token t + 1. */
  constructor(private readonly ids: readonly number[]) {
    this.before = sideOf(ids.length);
    this.after = sideOf(ids.length);
    this.cross = new Float64Array(ids.length);
  }

  /** Logits of the tokens `first`, `first + 1`, … of the vocabulary: `[positions, tokens]` each. */
  add(first: number, before: Matrix, after: Matrix): void {
    const width = before.columns;
    for (let position = 0; position < this.ids.length; position++) {
      const at = position * width;
      const grown = grow(this.before, position, before.data, at, width, first);
      grow(this.after, position, after.data, at, width, first);
      let cross = (this.cross[position] as number) * grown;
      const most = this.before.most[position] as number;
      for (let i = at; i < at + width; i++) {
        const own = before.data[i] as number;
        cross += Math.exp(own - most) * (own - (after.data[i] as number));
      }
      this.cross[position] = cross;
      const next = this.ids[position + 1];
      if (next === undefined || next < first || next >= first + width) continue;
      this.before.target[position] = before.data[at + next - first] as number;
      this.after.target[position] = after.data[at + next - first] as number;
    }
  }

  result(): PositionDamage {
    const count = this.ids.length;
    const logSum = ({ most, sum }: Side, i: number): number => (most[i] as number) + Math.log(sum[i] as number);
    const loss = (side: Side): Float64Array =>
      Float64Array.from({ length: count - 1 }, (_, i) => logSum(side, i) - (side.target[i] as number));
    return {
      // Below zero it is rounding.
      kl: Float64Array.from({ length: count }, (_, i) =>
        Math.max(
          0,
          (this.cross[i] as number) / (this.before.sum[i] as number) - logSum(this.before, i) + logSum(this.after, i),
        ),
      ),
      lossBefore: loss(this.before),
      lossAfter: loss(this.after),
      sameTop: Array.from({ length: count }, (_, i) => this.before.top[i] === this.after.top[i]),
      rightBefore: Array.from({ length: count - 1 }, (_, i) => this.before.top[i] === this.ids[i + 1]),
      rightAfter: Array.from({ length: count - 1 }, (_, i) => this.after.top[i] === this.ids[i + 1]),
    };
  }
}

/** Takes a piece in; returns what sums so far were multiplied with. */
function grow(side: Side, position: number, data: Float64Array, at: number, width: number, first: number): number {
  const old = side.most[position] as number;
  let most = old;
  for (let i = 0; i < width; i++) {
    const value = data[at + i] as number;
    if (value <= most) continue;
    most = value;
    side.top[position] = first + i;
  }
  const factor = old === -Infinity ? 0 : Math.exp(old - most);
  let sum = (side.sum[position] as number) * factor;
  for (let i = 0; i < width; i++) sum += Math.exp((data[at + i] as number) - most);
  side.sum[position] = sum;
  side.most[position] = most;
  return factor;
}

/** The first position that is measured: methods may be fitted on what is before it, and caches are filled there. */
export function firstMeasured(tokens: number): number {
  return Math.floor(tokens / 2);
}

export function summarised({ kl, lossBefore, lossAfter, sameTop }: PositionDamage): Damage {
  const [first, end] = [firstMeasured(kl.length), lossBefore.length];
  const own = kl.subarray(first, end);
  const tokens = own.length;
  const mean = (values: Float64Array): number => values.reduce((sum, value) => sum + value, 0) / values.length;
  const klMean = mean(own);
  const variance = own.reduce((sum, value) => sum + (value - klMean) ** 2, 0) / Math.max(1, tokens - 1);
  const sorted = own.toSorted();
  const [before, after] = [mean(lossBefore.subarray(first, end)), mean(lossAfter.subarray(first, end))];
  return {
    tokens,
    klMean,
    klStandardError: Math.sqrt(variance / tokens),
    // The nearest rank: at least 99 % are no larger.
    kl99: elementAt(sorted, Math.max(0, Math.ceil(0.99 * tokens) - 1)),
    sameTopShare: sameTop.slice(first, end).filter(Boolean).length / tokens,
    lossBefore: before,
    lossAfter: after,
    perplexityBefore: Math.exp(before),
    perplexityAfter: Math.exp(after),
  };
}
