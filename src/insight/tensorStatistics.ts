/**
 * What the values of a tensor are, in one pass over parts of it: parts are measured apart and joined, in any order. Counts are exact; the
 * histogram's bins are as wide as a power of two, so that those of two parts are joined without loss.
 */

/** Bins on each side of zero. */
const SIDE = 128;
export const HISTOGRAM_BINS = 2 * SIDE;

export interface TensorStatistics {
  /** Values that were looked at. */
  readonly count: number;
  readonly nan: number;
  readonly infinite: number;
  /** Exactly zero. */
  readonly zeros: number;
  /** Of the finite values; Infinity and −Infinity where there is none. */
  readonly least: number;
  readonly most: number;
  readonly mean: number;
  /** Sum of squared differences from the mean. */
  readonly squares: number;
  /** Bin i holds the finite values from `(i − bins / 2) · width` up to the next bin's. */
  readonly width: number;
  readonly bins: Float64Array;
}

export const NO_VALUES: TensorStatistics = {
  count: 0,
  nan: 0,
  infinite: 0,
  zeros: 0,
  least: Infinity,
  most: -Infinity,
  mean: 0,
  squares: 0,
  width: 0,
  bins: new Float64Array(HISTOGRAM_BINS),
};

/** Numbers that are neither NaN nor infinite. */
export function finiteCount({ count, nan, infinite }: TensorStatistics): number {
  return count - nan - infinite;
}

/** Of the finite values, as of a whole population; 0 where there is none. */
export function deviation(statistics: TensorStatistics): number {
  const finite = finiteCount(statistics);
  return finite === 0 ? 0 : Math.sqrt(statistics.squares / finite);
}

export function statisticsOf(values: Float32Array): TensorStatistics {
  let [nan, infinite, zeros, sum, least, most] = [0, 0, 0, 0, Infinity, -Infinity];
  for (const value of values) {
    if (value - value !== 0) {
      if (value !== value) nan++;
      else infinite++;
      continue;
    }
    if (value === 0) zeros++;
    if (value < least) least = value;
    if (value > most) most = value;
    sum += value;
  }
  const finite = values.length - nan - infinite;
  const mean = finite === 0 ? 0 : sum / finite;
  const width = widthFor(Math.max(most, -least));
  const bins = new Float64Array(HISTOGRAM_BINS);
  let squares = 0;
  for (const value of values) {
    if (value - value !== 0) continue;
    const difference = value - mean;
    squares += difference * difference;
    const bin = SIDE + Math.floor(value / width);
    bins[bin] = (bins[bin] as number) + 1;
  }
  return { count: values.length, nan, infinite, zeros, least, most, mean, squares, width, bins };
}

/** A power of two with which the largest value still has a bin. */
function widthFor(largest: number): number {
  // Zero, or none: any width will do that is no wider than those of the smallest floats, which it may be joined with.
  if (!(largest > 0)) return 2 ** -160;
  const exponent = Math.max(-1000, Math.floor(Math.log2(largest / SIDE)));
  let width = 2 ** exponent;
  while (largest >= width * SIDE) width *= 2;
  return width;
}

/** Of two parts together (Chan, Golub and LeVeque, 1979, for mean and squares). */
export function joinStatistics(a: TensorStatistics, b: TensorStatistics): TensorStatistics {
  if (a.count === 0) return b;
  if (b.count === 0) return a;
  const [left, right] = [finiteCount(a), finiteCount(b)];
  const finite = left + right;
  const difference = b.mean - a.mean;
  const width = Math.max(a.width, b.width);
  const bins = widened(a, width);
  widened(b, width).forEach((count, bin) => (bins[bin] = (bins[bin] as number) + count));
  return {
    count: a.count + b.count,
    nan: a.nan + b.nan,
    infinite: a.infinite + b.infinite,
    zeros: a.zeros + b.zeros,
    least: Math.min(a.least, b.least),
    most: Math.max(a.most, b.most),
    mean: finite === 0 ? 0 : a.mean + (difference * right) / finite,
    squares: finite === 0 ? 0 : a.squares + b.squares + (difference * difference * left * right) / finite,
    width,
    bins,
  };
}

/** The same values in wider bins. */
function widened({ bins, width: from }: TensorStatistics, width: number): Float64Array {
  const factor = width / from;
  const result = new Float64Array(HISTOGRAM_BINS);
  bins.forEach((count, bin) => {
    const at = SIDE + Math.floor((bin - SIDE) / factor);
    result[at] = (result[at] as number) + count;
  });
  return result;
}
