/** From states to logits, a piece of the vocabulary at a time: neither the output head nor all logits are held. */

import { type Matrix, zeros } from '../../insight/matrix';
import { type LinearMap, normOfRows } from '../../insight/tradeoff/readLayer';
import { elementAt } from '../../model/elementAt';
import { RpcError } from '../../shared/rpcError';
import type { OpenModel } from '../../weights/openModel';
import { allFinite, notFinite } from '../../weights/finite';

/** Numbers of one piece of logits, and rows of the output head read at a time. */
const PIECE = 2 ** 23;
const MOST_ROWS = 4096;

export interface LogitPiece {
  /** The first token of the vocabulary in it. */
  readonly first: number;
  /** `[states, tokens of the piece]` */
  readonly logits: Matrix;
}

export class Unembedding {
  private constructor(
    private readonly model: OpenModel,
    private readonly linear: LinearMap,
    private readonly signal: AbortSignal,
    private readonly norm: { readonly weight: Float32Array | null; readonly bias: Float32Array | null },
    private readonly projection: Float32Array | null,
    private readonly bias: Float32Array | null,
  ) {}

  /** @throws WeightsError where one of the small weights of the output holds what is no number. */
  static async open(model: OpenModel, linear: LinearMap, signal: AbortSignal): Promise<Unembedding> {
    const { store, plan } = model;
    const { norm, projection, bias } = plan.output;
    const read = async (name: string | null): Promise<Float32Array | null> => {
      if (name === null) return null;
      const data = await store.read(name, { signal });
      const error = notFinite(store.info(name).file, name, data);
      if (error) throw error;
      return data;
    };
    return new Unembedding(
      model,
      linear,
      signal,
      {
        weight: await read(norm === null || norm.spec.weight === 'none' ? null : `${norm.base}.weight`),
        bias: await read(norm?.spec.bias === true ? `${norm.base}.bias` : null),
      },
      await read(projection),
      await read(bias),
    );
  }

  get vocabulary(): number {
    const { store, plan } = this.model;
    return elementAt(store.info(plan.output.head).shape, 0);
  }

  /** What the output head multiplies: states through the final norm (and OPT-350m's projection). @param states `[states, hidden]` */
  ready(states: Matrix): Promise<Matrix> {
    const { norm } = this.model.plan.output;
    return this.projected(norm === null ? states : normOfRows(states, norm.spec, this.norm.weight, this.norm.bias));
  }

  /**
   * The same for something that is added to a state: the norm's weights without its bias and without the scale, which is the state's and not
   * known here. Which logits it raises and lowers, and in which order, does not depend on the scale.
   */
  direction(added: Matrix): Promise<Matrix> {
    const { norm } = this.model.plan.output;
    if (norm === null) return this.projected(added);
    const { weight } = this.norm;
    const { rows, columns } = added;
    const result = zeros(rows, columns);
    for (let r = 0; r < rows; r++) {
      let mean = 0;
      if (norm.spec.kind === 'layer')
        for (let c = 0; c < columns; c++) mean += (added.data[r * columns + c] as number) / columns;
      for (let c = 0; c < columns; c++) {
        const factor = weight === null ? 1 : (weight[c] as number) + (norm.spec.weight === 'plus-one' ? 1 : 0);
        result.data[r * columns + c] = ((added.data[r * columns + c] as number) - mean) * factor;
      }
    }
    return this.projected(result);
  }

  /** @param ready As `ready` gives them. @param how `direction`: neither bias nor soft cap, which belong to a whole state. */
  async *pieces(ready: Matrix, how: 'state' | 'direction' = 'state'): AsyncGenerator<LogitPiece> {
    const { store, plan } = this.model;
    const { vocabulary } = this;
    const step = Math.max(1, Math.min(MOST_ROWS, Math.floor(PIECE / Math.max(1, ready.rows))));
    for (let first = 0; first < vocabulary; first += step) {
      const end = Math.min(vocabulary, first + step);
      const piece = await store.read(plan.output.head, { rows: [first, end], signal: this.signal });
      const logits = await this.product(
        ready,
        piece,
        how === 'state' ? (this.bias?.subarray(first, end) ?? null) : null,
      );
      yield { first, logits: how === 'state' ? this.finished(logits) : logits };
    }
  }

  /** Logits of single tokens: `[states]` for each. */
  async of(
    ready: Matrix,
    ids: readonly number[],
    how: 'state' | 'direction' = 'state',
  ): Promise<ReadonlyMap<number, Float64Array>> {
    const { store, plan } = this.model;
    const result = new Map<number, Float64Array>();
    for (const id of new Set(ids)) {
      const row = await store.read(plan.output.head, { rows: [id, id + 1], signal: this.signal });
      const logits = await this.product(ready, row, how === 'state' ? (this.bias?.subarray(id, id + 1) ?? null) : null);
      result.set(id, (how === 'state' ? this.finished(logits) : logits).data);
    }
    return result;
  }

  private async product(ready: Matrix, piece: Float32Array, bias: Float32Array | null): Promise<Matrix> {
    const { store, plan } = this.model;
    const found = await this.linear(ready, piece, bias);
    if (!found.data.every(Number.isFinite)) {
      const { head } = plan.output;
      throw (
        (allFinite(piece) ? null : notFinite(store.info(head).file, head, piece)) ??
        new RpcError('invalidInput', 'the logits overflow float32, although the weights are finite')
      );
    }
    return found;
  }

  private finished({ data, ...rest }: Matrix): Matrix {
    const { multiplier, softcap } = this.model.plan.output;
    for (let i = 0; i < data.length; i++) {
      const value = (data[i] as number) * multiplier;
      data[i] = softcap === null ? value : softcap * Math.tanh(value / softcap);
    }
    return { ...rest, data };
  }

  private async projected(states: Matrix): Promise<Matrix> {
    return this.projection === null ? states : this.linear(states, this.projection, null);
  }
}
