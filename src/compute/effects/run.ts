/** Runs of a model with something changed: each begins at its first change, from what entered that layer in the unchanged run. */

import { headDims } from '../../attention/spec/layerSpec';
import { checkPlace, headsAt, type Place, PlaceError } from '../../insight/effects/place';
import { type Columns, replaceColumns, type Source } from '../../insight/effects/replace';
import type { Matrix } from '../../insight/matrix';
import { elementAt } from '../../model/elementAt';
import { MOST_EFFECT_TOKENS, type Replacement } from '../../shared/effectsContract';
import { RpcError } from '../../shared/rpcError';
import { checkCancelled, type Watch } from '../heads/watch';
import type { Stages } from './stages';

/** What the unchanged model wrote, layer by layer. */
export interface Unchanged {
  readonly ids: readonly number[];
  /** What enters each layer; what its output projection receives; what its feed-forward puts out. */
  readonly entering: readonly Matrix[];
  readonly rows: readonly Matrix[];
  readonly made: readonly Matrix[];
  /** What leaves the last layer. */
  readonly final: Matrix;
}

/** Bytes of all that is kept of a prompt. */
const MOST_KEPT_BYTES = 1024 ** 3;

/** @throws RpcError `invalidInput`, `tooLarge`, `cancelled` */
export async function runUnchanged(stages: Stages, ids: readonly number[], watch: Watch): Promise<Unchanged> {
  if (ids.length === 0) throw new RpcError('invalidInput', 'there are no tokens');
  if (ids.length > MOST_EFFECT_TOKENS)
    throw new RpcError(
      'invalidInput',
      `the prompt has ${ids.length} tokens; effects are measured on at most ${MOST_EFFECT_TOKENS}`,
    );
  let hidden = await stages.embed(ids);
  const parts = stages.layers.reduce((sum, attention) => {
    const { queryHeads, valueDim } = headDims(attention);
    return sum + 2 * hidden.columns + queryHeads * valueDim;
  }, 0);
  if (8 * ids.length * parts > MOST_KEPT_BYTES)
    throw new RpcError(
      'tooLarge',
      `what ${stages.layers.length} layers write for ${ids.length} tokens is too much to keep`,
    );
  const [entering, rows, made]: [Matrix[], Matrix[], Matrix[]] = [[], [], []];
  for (let layer = 0; layer < stages.layers.length; layer++) {
    checkCancelled(watch.signal);
    watch.progress({
      message: `unchanged, layer ${layer + 1} of ${stages.layers.length}`,
      fraction: layer / stages.layers.length,
    });
    entering.push(hidden);
    const attended = await stages.attend(layer, [hidden], watch);
    rows.push(elementAt(attended, 0));
    const see = (_: number, written: Matrix): Matrix => {
      made.push(written);
      return written;
    };
    [hidden = hidden] = await stages.rest(layer, [hidden], attended, see, watch);
  }
  return { ids, entering, rows, made, final: hidden };
}

/** How a run differs: places, and what stands there. */
export interface Changes {
  readonly places: readonly Place[];
  readonly by: Replacement;
}

export class ChangedRuns {
  /** @param other Of the other prompt; null where none is taken from. */
  constructor(
    readonly stages: Stages,
    readonly unchanged: Unchanged,
    private readonly other: Unchanged | null,
  ) {}

  /** @throws RpcError `invalidInput` */
  check(places: readonly Place[]): void {
    const { layers } = this.stages;
    try {
      for (const place of places) checkPlace(place, layers, this.unchanged.ids.length);
    } catch (error) {
      throw error instanceof PlaceError ? new RpcError('invalidInput', error.message) : error;
    }
  }

  /**
   * What leaves the last layer in each run; side by side, from the first layer that one of them changes.
   * Nothing changed is the unchanged run itself.
   */
  async finals(runs: readonly Changes[], watch: Watch): Promise<readonly Matrix[]> {
    const { stages, unchanged } = this;
    const count = stages.layers.length;
    const start = Math.min(count, ...runs.flatMap(({ places }) => places.map(({ layer }) => layer)));
    let hidden: readonly Matrix[] = runs.map(() => unchanged.entering[start] ?? unchanged.final);
    const behind = 1 + Math.max(start - 1, ...runs.flatMap(({ places }) => places.map(({ layer }) => layer)));
    for (let layer = start; layer < behind; layer++) {
      checkCancelled(watch.signal);
      watch.progress({ message: `layer ${layer + 1} of ${count}`, fraction: (layer - start) / (count - start) });
      hidden = await this.layer(layer, hidden, runs, layer === start, watch);
    }
    return stages.onward(behind, hidden, watch);
  }

  private async layer(
    layer: number,
    entering: readonly Matrix[],
    runs: readonly Changes[],
    isFirst: boolean,
    watch: Watch,
  ): Promise<readonly Matrix[]> {
    const { stages, unchanged } = this;
    const here = runs.map(({ places, by }) => ({ places: places.filter((place) => place.layer === layer), by }));
    if (here.every(({ places }) => places.length === 0)) return stages.through(layer, entering, watch);
    const hidden = entering.map((rows, run) => this.changed(rows, elementAt(here, run), 'residual', layer));
    const moved = !isFirst || hidden.some((rows, run) => rows !== entering[run]);
    const attended = moved
      ? await stages.attend(layer, hidden, watch)
      : hidden.map(() => elementAt(unchanged.rows, layer));
    const rows = attended.map((own, run) => this.changed(own, elementAt(here, run), 'head', layer));
    const isFed = here.some(({ places }) => places.some(({ kind }) => kind === 'mlp'));
    const fed = (run: number, made: Matrix): Matrix => this.changed(made, elementAt(here, run), 'mlp', layer);
    return stages.rest(layer, hidden, rows, isFed ? fed : null, watch);
  }

  /** Rows with the changes of one part: the same object where there are none. */
  private changed(rows: Matrix, { places, by }: Changes, part: 'residual' | 'head' | 'mlp', layer: number): Matrix {
    const attention = elementAt(this.stages.layers, layer);
    const { valueDim } = headDims(attention);
    let result = rows;
    for (const place of places) {
      const isHead = place.kind !== 'residual' && place.kind !== 'mlp';
      if (isHead ? part !== 'head' : part !== place.kind) continue;
      const columns: readonly Columns[] = isHead
        ? headsAt(place, attention).map((head) => ({ first: head * valueDim, count: valueDim }))
        : [{ first: 0, count: rows.columns }];
      result = replaceColumns(result, columns, place.position, this.source(by, part, layer));
    }
    return result;
  }

  private source(by: Replacement, part: 'residual' | 'head' | 'mlp', layer: number): Source {
    if (by === 'zero') return { kind: 'zero' };
    const from = by === 'mean' ? this.unchanged : this.other;
    if (from === null) throw new RpcError('invalidInput', 'another prompt is needed to take what stands there from');
    const written = { residual: from.entering, head: from.rows, mlp: from.made }[part];
    return { kind: by, of: elementAt(written, layer) };
  }
}
