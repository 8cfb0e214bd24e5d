/** How differently two heads attend. */

/**
 * Mean over rows i ≥ 1 of the Jensen–Shannon distance (square root of the divergence in bits): 0 same, 1 disjoint.
 * @param p,q Patterns `[tokens, tokens]`, row-major.
 */
export function jensenShannonDistance(p: ArrayLike<number>, q: ArrayLike<number>, tokens: number): number {
  if (tokens < 2) return 0;
  let sum = 0;
  for (let row = 1; row < tokens; row++)
    sum += Math.sqrt(Math.max(0, rowDivergence(p, q, row * tokens, row + 1) / Math.LN2));
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
export function rowDivergence(p: ArrayLike<number>, q: ArrayLike<number>, start: number, length: number): number {
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
  const distances = new HeadDistances(patterns.length, tokens);
  const row = new Float64Array(patterns.length * tokens);
  for (let query = 0; query < tokens; query++) {
    patterns.forEach((pattern, head) => {
      for (let key = 0; key <= query; key++) row[head * tokens + key] = pattern[query * tokens + key] as number;
    });
    distances.addRows(row, 1);
  }
  return distances.result();
}

/**
 * The same from blocks of rows, so that patterns of long prompts are never held: all pairs of heads in one row while it is
 * in the processor's cache. One division and two look-ups an entry instead of two logarithms; relative error of a distance
 * below 1e-6, and exactly 0 between heads that are the same.
 */
export class HeadDistances {
  private query = 0;
  private readonly sums: Float64Array;

  constructor(
    private readonly heads: number,
    private readonly tokens: number,
  ) {
    this.sums = new Float64Array(heads * heads);
  }

  /** @param block `[heads, rows, tokens]`, rows in order; entries behind the query are not read. */
  addRows(block: Float32Array | Float64Array, rows: number): void {
    const { heads, tokens, sums } = this;
    for (let row = 0; row < rows; row++, this.query++) {
      if (this.query === 0) continue;
      for (let i = 0; i < heads; i++) {
        const p = (i * rows + row) * tokens;
        for (let j = i + 1; j < heads; j++) {
          const divergence = quickDivergence(block, p, (j * rows + row) * tokens, this.query + 1);
          sums[i * heads + j] = (sums[i * heads + j] as number) + Math.sqrt(Math.max(0, divergence / Math.LN2));
        }
      }
    }
  }

  result(): Float64Array {
    const { heads, sums, query } = this;
    const result = new Float64Array(heads * heads);
    for (let i = 0; i < heads; i++) {
      for (let j = i + 1; j < heads; j++) {
        const distance = query > 1 ? (sums[i * heads + j] as number) / (query - 1) : 0;
        result[i * heads + j] = distance;
        result[j * heads + i] = distance;
      }
    }
    return result;
  }
}

/** Cells of the table below, over x in [0, 1]. */
const CELLS = 8192;
/** Above this the function bends too sharply for the table; 1 itself is exact. */
const SHARP = 1 - 64 / CELLS;
let table: Float64Array | undefined;

/**
 * An entry's part of the divergence is (a + b)/2 · g(r), r = (a − b)/(a + b), g(r) = ½ [(1 + r) ln(1 + r) + (1 − r) ln(1 − r)].
 * g is even and about r²/2: g / x over x = r² is smooth, between ½ and ln 2.
 */
function exactRatio(x: number): number {
  if (x >= 1) return Math.LN2;
  if (x < 0.01) return 1 / 2 + x / 12 + (x * x) / 30 + x ** 3 / 56 + x ** 4 / 90;
  const r = Math.sqrt(x);
  return ((1 + r) * Math.log1p(r) + (1 - r) * Math.log1p(-r)) / (2 * x);
}

/** Jensen–Shannon divergence of two rows of one block, in nats. */
function quickDivergence(block: Float32Array | Float64Array, p: number, q: number, length: number): number {
  const ratios = (table ??= Float64Array.from({ length: CELLS + 1 }, (_, i) => exactRatio(i / CELLS)));
  let sum = 0;
  for (let k = 0; k < length; k++) {
    const a = block[p + k] as number;
    const b = block[q + k] as number;
    const difference = a - b;
    if (difference === 0) continue;
    const whole = a + b;
    const square = difference * difference;
    const x = square / (whole * whole);
    if (x > SHARP) {
      sum += whole * x * exactRatio(x);
      continue;
    }
    const place = x * CELLS;
    const cell = place | 0;
    const low = ratios[cell] as number;
    sum += (square / whole) * (low + (place - cell) * ((ratios[cell + 1] as number) - low));
  }
  return sum / 2;
}
