/** How differently two heads attend. */

/**
 * Mean over rows i ≥ 1 of the Jensen–Shannon distance (square root of the divergence in bits): 0 same, 1 disjoint.
 * @param p,q Patterns `[tokens, tokens]`, row-major.
 */
export function jensenShannonDistance(p: ArrayLike<number>, q: ArrayLike<number>, tokens: number): number {
  if (tokens < 2) return 0;
  let sum = 0;
  for (let row = 1; row < tokens; row++) sum += Math.sqrt(Math.max(0, rowDivergence(p, q, row * tokens, row + 1) / Math.LN2));
  return sum / (tokens - 1);
}

/**
 * The convention of clarkkev/attention-analysis (`head_distances.py`): divergence in nats without the root, summed over
 * the rows, after smoothing each row to 0.999 p + 0.001 / tokens.
 */
export function smoothedDivergence(p: ArrayLike<number>, q: ArrayLike<number>, tokens: number): number {
  const smooth = (pattern: ArrayLike<number>): Float64Array =>
    Float64Array.from({ length: tokens * tokens }, (_, i) => 0.999 * (pattern[i] as number) + 0.001 / tokens);
  const [a, b] = [smooth(p), smooth(q)];
  let sum = 0;
  for (let row = 0; row < tokens; row++) sum += rowDivergence(a, b, row * tokens, tokens);
  return sum;
}

/** Jensen–Shannon divergence of one row, in nats. */
function rowDivergence(p: ArrayLike<number>, q: ArrayLike<number>, start: number, length: number): number {
  let sum = 0;
  for (let i = start; i < start + length; i++) {
    const [a, b] = [p[i] as number, q[i] as number];
    const mean = (a + b) / 2;
    if (a > 0) sum += 0.5 * a * Math.log(a / mean);
    if (b > 0) sum += 0.5 * b * Math.log(b / mean);
  }
  return sum;
}

/** Distances of all pairs of heads, `[heads, heads]`, symmetric with zeros on the diagonal. */
export function distanceMatrix(patterns: readonly ArrayLike<number>[], tokens: number): Float64Array {
  const heads = patterns.length;
  const result = new Float64Array(heads * heads);
  patterns.forEach((p, i) => {
    for (let j = i + 1; j < heads; j++) {
      const distance = jensenShannonDistance(p, patterns[j] ?? [], tokens);
      result[i * heads + j] = distance;
      result[j * heads + i] = distance;
    }
  });
  return result;
}
