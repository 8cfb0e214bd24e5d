/** The likeliest tokens of a distribution. */

import { elementAt } from '../../model/elementAt';

export interface Likely {
  readonly token: number;
  readonly logit: number;
  readonly probability: number;
}

/** The first `count` by logit; of equal ones the first of the vocabulary. */
export function likeliest(logits: Float64Array, count: number): readonly Likely[] {
  const ordered = Array.from(logits, (logit, token) => ({ token, logit })).sort(
    (a, b) => b.logit - a.logit || a.token - b.token,
  );
  const most = elementAt(ordered, 0).logit;
  const sum = logits.reduce((total, logit) => total + Math.exp(logit - most), 0);
  return ordered.slice(0, count).map((one) => ({ ...one, probability: Math.exp(one.logit - most) / sum }));
}
