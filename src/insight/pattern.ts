/**
 * What one head attends to, measured row by row, so that patterns of any length need not be held. Row i is query i, its
 * entries the weights of keys 0…i (sums 1, zeros where a window hides a key). Formulas: TransformerLens `head_detector.py`
 * (previous, duplicate, induction; error measure "mul"), sail-sg/Attention-Sink (sink), entropy as usual.
 */

import { elementAt } from '../model/elementAt';

export interface PatternMeasures {
  /** Mean over rows i ≥ 1 of −Σ A ln A / ln(visible keys): 0 one key, 1 uniform. NaN for a single token. */
  readonly entropy: number;
  /** Mean weight on the first token over all rows (α₀). */
  readonly sink: number;
  /** Share of all weight that lies on the token before the query. */
  readonly previousToken: number;
  /** Share on earlier copies of the query's own token. */
  readonly duplicateToken: number;
  /** Share on the token after an earlier copy of the query's own token. */
  readonly induction: number;
}

export class PatternAccumulator {
  private readonly places = new Map<number, number[]>();
  private rows = 0;
  private total = 0;
  private entropySum = 0;
  private sinkSum = 0;
  private previous = 0;
  private duplicate = 0;
  private induction = 0;

  /**
   * @param tokens Ids of all tokens.
   * @param window Keys that a query sees at most (sliding window).
   */
  constructor(
    private readonly tokens: ArrayLike<number>,
    private readonly window = Infinity,
  ) {}

  /** Takes the rows in order; entries behind the query are not read. */
  addRow(row: ArrayLike<number>): void {
    const query = this.rows++;
    let sum = 0;
    for (let key = 0; key <= query; key++) sum += row[key] as number;
    this.total += sum;
    const entropy = row instanceof Float32Array ? quickEntropy(row, query + 1) : entropyOf(row, query + 1);
    if (query > 0) {
      this.entropySum += entropy / Math.log(Math.min(query + 1, this.window));
      this.previous += elementAt(row, query - 1);
    }
    this.sinkSum += elementAt(row, 0);
    const token = elementAt(this.tokens, query);
    let places = this.places.get(token);
    if (places === undefined) this.places.set(token, (places = []));
    for (const place of places) {
      this.duplicate += row[place] as number;
      this.induction += row[place + 1] as number;
    }
    places.push(query);
  }

  result(): PatternMeasures {
    const share = (sum: number): number => (this.total > 0 ? sum / this.total : 0);
    return {
      entropy: this.rows > 1 ? this.entropySum / (this.rows - 1) : NaN,
      sink: this.rows > 0 ? this.sinkSum / this.rows : 0,
      previousToken: share(this.previous),
      duplicateToken: share(this.duplicate),
      induction: share(this.induction),
    };
  }
}

/** −Σ a ln a of the first `count` entries. */
function entropyOf(row: ArrayLike<number>, count: number): number {
  let entropy = 0;
  for (let key = 0; key < count; key++) {
    const a = row[key] as number;
    if (a > 0) entropy -= a * Math.log(a);
  }
  return entropy;
}

/** Leading bits of the mantissa that the tables below are indexed by. */
const TABLE_BITS = 11;
let tables: { readonly inverse: Float64Array; readonly logarithm: Float64Array } | undefined;

/**
 * The same for float32, whose bits give exponent and mantissa: prompts of thousands of tokens have 10⁸ entries, and the
 * logarithm is most of the work. ln m = ln c + ln(1 + z), c the middle of a cell, |z| < 2⁻¹²; three terms leave 10⁻¹⁵.
 */
function quickEntropy(row: Float32Array, count: number): number {
  const cells = 2 ** TABLE_BITS;
  const middle = (cell: number): number => 1 + (cell + 0.5) / cells;
  tables ??= {
    inverse: Float64Array.from({ length: cells }, (_, cell) => 1 / middle(cell)),
    logarithm: Float64Array.from({ length: cells }, (_, cell) => Math.log(middle(cell))),
  };
  const { inverse, logarithm } = tables;
  const bits = new Int32Array(row.buffer, row.byteOffset, count);
  let entropy = 0;
  for (let key = 0; key < count; key++) {
    const word = bits[key] as number;
    // Zeros, what is too small to count (subnormal), and what is no weight.
    if (word < 0x0080_0000 || word >= 0x7f80_0000) continue;
    const cell = (word >> (23 - TABLE_BITS)) & (cells - 1);
    const z = (1 + (word & 0x007f_ffff) / 0x0080_0000) * (inverse[cell] as number) - 1;
    const log = ((word >> 23) - 127) * Math.LN2 + (logarithm[cell] as number) + z * (1 - z * (0.5 - z / 3));
    entropy -= (row[key] as number) * log;
  }
  return entropy;
}
