/** Logits of all positions, a piece of the vocabulary at a time: the head is never held, nor are they. */

import type { Matrix } from '../../insight/matrix';
import { type LinearMap, normOfRows } from '../../insight/tradeoff/readLayer';
import { elementAt } from '../../model/elementAt';
import type { ModelPlan } from '../../weights/plan/weightPlan';
import type { WeightStore } from '../../weights/weightStore';

/** Rows of the output head read at a time. */
export const HEAD_ROWS = 4096;

export interface OutputPiece {
  /** The first token of the vocabulary in it. */
  readonly first: number;
  /** Of each of the states, `[positions, tokens of the vocabulary]`. */
  readonly rows: readonly Matrix[];
}

/** @param states What leaves the last layer, `[tokens, hidden]` each. */
export async function* outputPieces(
  store: WeightStore,
  plan: ModelPlan,
  states: readonly Matrix[],
  linear: LinearMap,
  signal: AbortSignal,
): AsyncGenerator<OutputPiece> {
  const { output } = plan;
  const ready = await headInputs(store, plan, states, linear, signal);
  const vocabulary = elementAt(store.info(output.head).shape, 0);
  const bias = output.bias === null ? null : await store.read(output.bias, { signal });
  for (let first = 0; first < vocabulary; first += HEAD_ROWS) {
    const end = Math.min(vocabulary, first + HEAD_ROWS);
    const piece = await store.read(output.head, { rows: [first, end], signal });
    const rows: Matrix[] = [];
    for (const state of ready) {
      const found = await linear(state, piece, bias?.subarray(first, end) ?? null);
      const { multiplier, softcap } = output;
      for (let i = 0; i < found.data.length; i++) {
        const value = (found.data[i] as number) * multiplier;
        found.data[i] = softcap === null ? value : softcap * Math.tanh(value / softcap);
      }
      rows.push(found);
    }
    yield { first, rows };
  }
}

/** What the head is multiplied with: states behind the last norm, in the width of the head. */
export async function headInputs(
  store: WeightStore,
  { output: { norm, projection } }: ModelPlan,
  states: readonly Matrix[],
  linear: LinearMap,
  signal: AbortSignal,
): Promise<readonly Matrix[]> {
  const part = async (name: string): Promise<Float32Array | null> =>
    store.has(name) ? store.read(name, { signal }) : null;
  let ready = states;
  if (norm !== null) {
    const weight = norm.spec.weight === 'none' ? null : await part(`${norm.base}.weight`);
    const bias = norm.spec.bias ? await part(`${norm.base}.bias`) : null;
    ready = ready.map((state) => normOfRows(state, norm.spec, weight, bias));
  }
  if (projection === null) return ready;
  const weight = await store.read(projection, { signal });
  return Promise.all(ready.map((state) => linear(state, weight, null)));
}
