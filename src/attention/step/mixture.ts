/** Runs a mixture of experts: each expert that some token chose, once, on the rows of its tokens. */

import type { MoeFeedForward } from '../spec/blockSpec';
import { type Routing, routeTokens } from './routing';
import { elementAt } from '../../model/elementAt';

export interface MixtureInput {
  /** What the experts receive, `[tokens, hidden]`. */
  readonly rows: Float32Array;
  /** `[tokens, experts]` */
  readonly logits: Float32Array;
  /** `router.correction` [experts] where the router has one. */
  readonly correction?: Float32Array;
  /** Output of the shared expert `[tokens, hidden]`, where there is one. */
  readonly shared?: Float32Array;
}

/** Computes expert `expert` on `[count, hidden]` rows; the result has their shape. */
export type RunExpert = (expert: number, rows: Float32Array, count: number) => Promise<Float32Array>;

/** Sum over the chosen experts and the shared one, `[tokens, hidden]`. */
export async function runMixture(
  spec: MoeFeedForward,
  input: MixtureInput,
  runExpert: RunExpert,
): Promise<Float32Array> {
  const tokens = input.logits.length / spec.router.experts;
  const hidden = input.rows.length / tokens;
  const routing = routeTokens(spec.router, input.logits, input.correction);
  // Addends are summed in float64: their order then does not show.
  const sum = input.shared ? Float64Array.from(input.shared) : new Float64Array(tokens * hidden);
  for (const [expert, uses] of byExpert(routing)) {
    const rows = new Float32Array(uses.length * hidden);
    uses.forEach(({ token, weight }, i) => {
      const row = input.rows.subarray(token * hidden, (token + 1) * hidden);
      rows.set(spec.weighting === 'input' ? row.map((value) => value * weight) : row, i * hidden);
    });
    const result = await runExpert(expert, rows, uses.length);
    uses.forEach(({ token, weight }, i) => {
      const factor = spec.weighting === 'input' ? 1 : weight;
      for (let d = 0; d < hidden; d++) {
        sum[token * hidden + d] = (sum[token * hidden + d] as number) + factor * (result[i * hidden + d] as number);
      }
    });
  }
  return Float32Array.from(sum);
}

/** Experts that were chosen, in order, with the tokens that chose them. */
function byExpert(routing: Routing): Map<number, { token: number; weight: number }[]> {
  const uses = new Map<number, { token: number; weight: number }[]>();
  routing.experts.forEach((expert, i) => {
    const list = uses.get(expert) ?? [];
    list.push({ token: Math.floor(i / routing.topK), weight: elementAt(routing.weights, i) });
    uses.set(expert, list);
  });
  return new Map([...uses].sort(([a], [b]) => a - b));
}
