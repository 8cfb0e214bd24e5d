/**
 * What a model says of the next token, read piece by piece of the vocabulary, so that no list of all logits is held: the likeliest tokens, the
 * entropy, and the rank of tokens that are asked for.
 */

import { elementAt } from '../../model/elementAt';

export interface TokenChance {
  readonly id: number;
  readonly logit: number;
  /** 0…1 */
  readonly probability: number;
}

export interface RankedToken extends TokenChance {
  /** 1 is the likeliest; of equal ones each has the best rank of them. */
  readonly rank: number;
}

export interface Distribution {
  /** The likeliest first; of equal ones the lower id. */
  readonly top: readonly TokenChance[];
  /** −Σ p ln p, in nats. */
  readonly entropy: number;
  /** In the order in which they were asked for. */
  readonly asked: readonly RankedToken[];
}

type Logits = Float32Array | Float64Array | readonly number[];

/** Takes the logits of one position in order, and knows at the end what its distribution is. */
export class DistributionReader {
  private most = -Infinity;
  /** Σ exp(logit − most) */
  private sum = 0;
  /** Σ (logit − most) · exp(logit − most) */
  private weighted = 0;
  /** Falling. */
  private readonly top: { readonly id: number; readonly logit: number }[] = [];
  private readonly above: number[];

  /**
   * @param count Likeliest tokens to keep.
   * @param asked Tokens whose rank is wanted, with their logits: these are needed before the others are seen.
   */
  constructor(
    private readonly count: number,
    private readonly asked: readonly { readonly id: number; readonly logit: number }[] = [],
  ) {
    this.above = asked.map(() => 0);
  }

  /** @param logits Of the tokens `first`, `first + 1`, … */
  add(first: number, logits: Logits): void {
    let largest = -Infinity;
    for (const logit of logits) largest = Math.max(largest, logit);
    this.raise(largest);
    const { most, count, top } = this;
    let [sum, weighted] = [0, 0];
    let least = top.length < count ? -Infinity : (top.at(-1)?.logit ?? -Infinity);
    for (let i = 0; i < logits.length; i++) {
      const logit = logits[i] as number;
      const part = Math.exp(logit - most);
      sum += part;
      // Far below the largest the product is −∞ · 0.
      if (part > 0) weighted += (logit - most) * part;
      if (count > 0 && (top.length < count || logit > least)) {
        this.insert({ id: first + i, logit });
        least = top.length < count ? -Infinity : (top.at(-1)?.logit ?? -Infinity);
      }
    }
    this.sum += sum;
    this.weighted += weighted;
    this.asked.forEach(({ id, logit }, at) => {
      for (let i = 0; i < logits.length; i++)
        if ((logits[i] as number) > logit && first + i !== id) this.above[at] = elementAt(this.above, at) + 1;
    });
  }

  result(): Distribution {
    const { most, sum } = this;
    const chance = <T extends { readonly logit: number }>(of: T): T & { readonly probability: number } => ({
      ...of,
      probability: Math.exp(of.logit - most) / sum,
    });
    return {
      top: this.top.map(chance),
      entropy: Math.max(0, Math.log(sum) - this.weighted / sum),
      asked: this.asked.map((of, at) => ({ ...chance(of), rank: elementAt(this.above, at) + 1 })),
    };
  }

  /** What was summed before is brought to a larger `most`. */
  private raise(largest: number): void {
    if (largest <= this.most) return;
    const before = this.most;
    this.most = largest;
    if (before === -Infinity) return;
    const factor = Math.exp(before - largest);
    this.weighted = factor * (this.weighted + (before - largest) * this.sum);
    this.sum *= factor;
  }

  private insert(token: { readonly id: number; readonly logit: number }): void {
    const { top, count } = this;
    let at = top.length;
    while (at > 0 && token.logit > (top[at - 1]?.logit ?? Infinity)) at--;
    top.splice(at, 0, token);
    if (top.length > count) top.pop();
  }
}

/** The distribution of logits that are all there. @param asked Ids whose rank is wanted. */
export function distributionOf(logits: Logits, count: number, asked: readonly number[] = []): Distribution {
  const reader = new DistributionReader(
    count,
    asked.map((id) => ({ id, logit: elementAt(logits, id) })),
  );
  reader.add(0, logits);
  return reader.result();
}
