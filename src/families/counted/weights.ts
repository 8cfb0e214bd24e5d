/** Parameters of weights; apart from sums over models, which pages load later. */

/** Parameters of weights, by their names (those of `attention/spec/weightNames`, where it has them). */
export type Weights = readonly (readonly [name: string, count: number])[];

/** NaN where one of them is not known. */
export function sumOf(weights: Weights): number {
  return weights.reduce((sum, [, count]) => sum + count, 0);
}
