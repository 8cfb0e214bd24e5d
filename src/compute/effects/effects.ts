/** What changed runs do to the prediction: one change, the map of a model's places, and the recovery by patches. */

import { headDims } from '../../attention/spec/layerSpec';
import { headsAt, parsePlace, type Place, PlaceError, placeLabel, placesOf } from '../../insight/effects/place';
import { replaceColumns, type Source } from '../../insight/effects/replace';
import { distributionOf, type TokenChance } from '../../insight/lens/distribution';
import { type Matrix, zeros } from '../../insight/matrix';
import { elementAt } from '../../model/elementAt';
import type { Effect, MAP_KINDS, PATCH_KINDS, Recovery, Replacement } from '../../shared/effectsContract';
import { RpcError } from '../../shared/rpcError';
import { checkCancelled, type Watch } from '../heads/watch';
import { ChangedRuns, runUnchanged, type Unchanged } from './run';
import type { Measured, Metric, Stages } from './stages';

/** @throws RpcError `invalidInput` for a label that names no place. */
export function placesFrom(labels: readonly string[]): readonly Place[] {
  try {
    return labels.map(parsePlace);
  } catch (error) {
    throw error instanceof PlaceError ? new RpcError('invalidInput', error.message) : error;
  }
}

/** The unchanged model on a prompt. */
export interface Prompt {
  readonly unchanged: Unchanged;
  /** Behind the last token, `[vocabulary]`. */
  readonly logits: Float64Array;
  /** Mean over the prompt; null for one token. */
  readonly loss: number | null;
}

export async function readPrompt(stages: Stages, ids: readonly number[], watch: Watch): Promise<Prompt> {
  const unchanged = await runUnchanged(stages, ids, watch);
  const [logits = new Float64Array(0)] = await stages.logits([unchanged.final], watch);
  return { unchanged, logits, loss: mean(await stages.losses(ids, unchanged.final, watch)) };
}

/** The whole map, in one go. Groups are left out where each head has its own K and V: they are heads. */
export async function headsAndGroups(stages: Stages, ids: readonly number[], watch: Watch): Promise<readonly Effect[]> {
  const effects = new Effects(stages, await readPrompt(stages, ids, watch), null);
  const found: Effect[] = [];
  for (let left = Number.POSITIVE_INFINITY; left > 0; ) {
    const known = found.map(({ place }) => place);
    const next = await effects.map(kindsOf(stages.layers), 'zero', [], known, watch);
    found.push(...next.effects);
    left = next.effects.length === 0 ? 0 : next.left;
  }
  return found;
}

function kindsOf(layers: Stages['layers']): readonly ('head' | 'group')[] {
  const shared = layers.some((attention) => headDims(attention).kvHeads < attention.queryHeads);
  return shared ? ['head', 'group'] : ['head'];
}

/** The prediction behind the last token. */
export interface Predicted {
  readonly top: readonly TokenChance[];
  readonly logits: readonly number[];
  /** `[vocabulary]` */
  readonly all: Float64Array;
}

export interface Changed extends Measured {
  readonly before: Predicted;
  readonly after: Predicted;
}

/** How many of the likeliest tokens are told. */
const TOP = 10;

/** Effects on one prompt. */
export class Effects {
  private readonly runs: ChangedRuns;
  private readonly promises = new Map<string, number>();

  /** @param other Where `other` takes what stands in a changed place from. */
  constructor(
    private readonly stages: Stages,
    readonly prompt: Prompt,
    private readonly other: Prompt | null,
  ) {
    this.runs = new ChangedRuns(stages, prompt.unchanged, other?.unchanged ?? null);
  }

  get layers(): Stages['layers'] {
    return this.stages.layers;
  }

  /** Several places changed together. @param tokens Whose logits are told. */
  async change(places: readonly Place[], by: Replacement, tokens: readonly number[], watch: Watch): Promise<Changed> {
    const { stages, prompt } = this;
    this.runs.check(places);
    this.checkTokens(tokens);
    const finals = await this.runs.finals([{ places, by }], watch);
    const [measured] = await stages.measure(prompt.unchanged.ids, prompt.unchanged.final, finals, watch);
    const [logits] = await stages.logits(finals, watch);
    if (measured === undefined || logits === undefined) throw new TypeError('the changed run was not measured');
    return { ...measured, before: predicted(prompt.logits, tokens), after: predicted(logits, tokens) };
  }

  /**
   * The next part of a map. The first is of the last layer, which takes least. Then what promises most for its time: how much a place writes
   * to the residual stream at a few positions, by the layers that must be run again and the head.
   * @param layer Of this layer only; null: of all.
   */
  async map(
    kinds: readonly (typeof MAP_KINDS)[number][],
    by: Replacement,
    tokens: readonly number[],
    known: readonly string[],
    watch: Watch,
    layer: number | null = null,
  ): Promise<{ readonly effects: readonly Effect[]; readonly left: number }> {
    const { stages, prompt } = this;
    this.checkTokens(tokens);
    const missing = this.missing(kinds, known, layer);
    if (missing.length === 0) return { effects: [], left: 0 };
    const batch = known.length === 0 ? this.soonest(missing) : await this.nextBatch(missing, by, watch);
    const { ids, final } = prompt.unchanged;
    const finals = await this.runs.finals(
      batch.map((place) => ({ places: [place], by })),
      watch,
    );
    watch.progress({ message: 'the prediction', fraction: 1 });
    const measured = await stages.measure(ids, final, finals, watch);
    const [before = new Float64Array(0), ...logits] = await stages.logitsOf(tokens, [final, ...finals], watch);
    const effects = batch.map((place, i): Effect => {
      const { kl, lossBefore, lossAfter } = elementAt(measured, i);
      const [unchanged, changed] = [mean(lossBefore), mean(lossAfter)];
      return {
        place: placeLabel(place),
        kind: place.kind,
        layer: place.layer,
        index: place.index,
        klMean: mean(kl) ?? 0,
        klLast: kl.at(-1) ?? 0,
        lossChange: unchanged === null || changed === null ? null : changed - unchanged,
        logitChanges: Array.from(elementAt(logits, i), (logit, at) => logit - elementOf(before, at)),
      };
    });
    return { effects, left: missing.length - batch.length };
  }

  /** The next part of a map of recovery; this is the corrupted prompt, the other one the clean. */
  async patch(
    kinds: readonly (typeof PATCH_KINDS)[number][],
    metric: Metric,
    known: readonly string[],
    watch: Watch,
    only: number | null = null,
  ): Promise<{ readonly recoveries: readonly Recovery[]; readonly left: number }> {
    const { stages, prompt, other } = this;
    const clean = this.cleanPrompt();
    if (other === null || clean.ids.length !== prompt.unchanged.ids.length)
      throw new RpcError(
        'invalidInput',
        `the clean prompt has ${clean.ids.length} tokens and the corrupted one ${prompt.unchanged.ids.length}: patches need as many in both`,
      );
    this.checkTokens([metric.token, ...(metric.against === null ? [] : [metric.against])]);
    const missing = this.missing(kinds, known, only);
    if (missing.length === 0) return { recoveries: [], left: 0 };
    // From the last layer on: the cheapest come first, and each is run from its own layer.
    const layer = Math.max(...missing.map((place) => place.layer));
    const batch = missing.filter((place) => place.layer === layer).slice(0, this.atOnce());
    const finals = await this.runs.finals(
      batch.map((place) => ({ places: [place], by: 'other' })),
      watch,
    );
    const logits = await stages.logits(finals, watch);
    const [best, worst] = [metricOf(other.logits, metric), metricOf(prompt.logits, metric)];
    const recoveries = batch.map((place, i): Recovery => {
      const value = metricOf(elementAt(logits, i), metric);
      const { kind, layer: of, index, position } = place;
      return {
        place: placeLabel(place),
        kind,
        layer: of,
        index,
        position,
        value,
        recovered: value === worst ? 0 : best === worst ? null : (value - worst) / (best - worst),
      };
    });
    return { recoveries, left: missing.length - batch.length };
  }

  private cleanPrompt(): Unchanged {
    if (this.other === null) throw new RpcError('invalidInput', 'a patch needs a clean prompt');
    return this.other.unchanged;
  }

  private missing(kinds: readonly Place['kind'][], known: readonly string[], only: number | null): readonly Place[] {
    const have = new Set(known);
    const tokens = this.prompt.unchanged.ids.length;
    return this.stages.layers
      .flatMap((attention, layer) =>
        placesOf(layer, attention, kinds).flatMap((place) =>
          place.kind !== 'residual'
            ? [place]
            : Array.from({ length: tokens }, (_, position): Place => ({ ...place, position })),
        ),
      )
      .filter((place) => (only === null || place.layer === only) && !have.has(placeLabel(place)));
  }

  /** Of the last layer that is missing: the first row of a map is to be there at once. */
  private soonest(missing: readonly Place[]): readonly Place[] {
    const layer = Math.max(...missing.map((place) => place.layer));
    return missing.filter((place) => place.layer === layer).slice(0, this.atOnce());
  }

  private atOnce(): number {
    return this.stages.batch(this.prompt.unchanged.ids.length);
  }

  private async nextBatch(missing: readonly Place[], by: Replacement, watch: Watch): Promise<readonly Place[]> {
    await this.promise(missing, by, watch);
    const layers = this.stages.layers.length + this.stages.headLayers;
    const worth = (place: Place): number => this.promises.get(`${by} ${placeLabel(place)}`) ?? 0;
    const best = new Map<number, number>();
    for (const place of missing)
      best.set(place.layer, Math.max(best.get(place.layer) ?? 0, worth(place) / (layers - place.layer)));
    const [layer] = [...best].reduce((a, b) => (b[1] > a[1] ? b : a));
    return missing
      .filter((place) => place.layer === layer)
      .toSorted((a, b) => worth(b) - worth(a))
      .slice(0, this.atOnce());
  }

  /** What each place writes, changed against unchanged, by the size of the residual stream that it is written to. */
  private async promise(places: readonly Place[], by: Replacement, watch: Watch): Promise<void> {
    const { stages } = this;
    const { unchanged } = this.prompt;
    for (const [layer, attention] of stages.layers.entries()) {
      const own = places.filter((place) => place.layer === layer && !this.promises.has(`${by} ${placeLabel(place)}`));
      if (own.length === 0) continue;
      checkCancelled(watch.signal);
      const positions = somePositions(unchanged.ids.length);
      const stream = sizeOf(elementAt(unchanged.entering, layer), positions);
      const set = (place: Place, size: number): unknown =>
        this.promises.set(`${by} ${placeLabel(place)}`, size / Math.max(stream, Number.MIN_VALUE));
      const ofHeads = own.filter(({ kind }) => kind !== 'mlp');
      const made = elementAt(unchanged.made, layer);
      for (const place of own)
        if (place.kind === 'mlp') set(place, sizeOf(minus(made, this.wholly(made, by, layer, 'made')), positions));
      if (ofHeads.length === 0) continue;
      const rows = elementAt(unchanged.rows, layer);
      const gone = minus(rows, this.wholly(rows, by, layer, 'rows'));
      const { valueDim } = headDims(attention);
      // One row for each place and position, and one of zeros, which is the bias alone.
      const asked = zeros(ofHeads.length * positions.length + 1, rows.columns);
      ofHeads.forEach((place, i) => {
        for (const head of headsAt(place, attention))
          positions.forEach((position, at) => {
            const from = position * rows.columns + head * valueDim;
            const to = (i * positions.length + at) * rows.columns + head * valueDim;
            asked.data.set(gone.data.subarray(from, from + valueDim), to);
          });
      });
      const [written] = await stages.project(layer, [asked], watch);
      if (written === undefined) throw new TypeError('nothing was projected');
      const bias = written.data.subarray((asked.rows - 1) * written.columns);
      ofHeads.forEach((place, i) => {
        const start = i * positions.length * written.columns;
        const part = written.data.subarray(start, start + positions.length * written.columns);
        set(
          place,
          Math.sqrt(part.reduce((sum, value, at) => sum + (value - (bias[at % bias.length] as number)) ** 2, 0)),
        );
      });
    }
  }

  private wholly(rows: Matrix, by: Replacement, layer: number, part: 'rows' | 'made'): Matrix {
    const other = by === 'other' ? this.cleanPrompt() : this.prompt.unchanged;
    const source: Source = by === 'zero' ? { kind: 'zero' } : { kind: by, of: elementAt(other[part], layer) };
    return replaceColumns(rows, [{ first: 0, count: rows.columns }], null, source);
  }

  private checkTokens(tokens: readonly number[]): void {
    const { length } = this.prompt.logits;
    const beyond = tokens.find((token) => token >= length);
    if (beyond !== undefined)
      throw new RpcError('invalidInput', `there is no token ${beyond}: the model has ids 0 to ${length - 1}`);
  }
}

export function metricOf(logits: Float64Array, { token, against }: Metric): number {
  return elementOf(logits, token) - (against === null ? 0 : elementOf(logits, against));
}

function predicted(logits: Float64Array, tokens: readonly number[]): Predicted {
  return { top: distributionOf(logits, TOP).top, logits: tokens.map((token) => elementOf(logits, token)), all: logits };
}

function elementOf(values: Float64Array, index: number): number {
  const found = values[index];
  if (found === undefined) throw new RangeError(`no ${index} of ${values.length}`);
  return found;
}

function mean(values: Float64Array): number | null {
  return values.length === 0 ? null : values.reduce((sum, value) => sum + value, 0) / values.length;
}

/** The last positions and some before them. */
function somePositions(tokens: number): readonly number[] {
  return [...new Set([0.25, 0.5, 0.75, 1].map((part) => Math.max(0, Math.ceil(part * tokens) - 1)))];
}

function sizeOf(rows: Matrix, positions: readonly number[]): number {
  let squares = 0;
  for (const position of positions)
    for (let i = position * rows.columns; i < (position + 1) * rows.columns; i++)
      squares += (rows.data[i] as number) ** 2;
  return Math.sqrt(squares);
}

function minus(a: Matrix, b: Matrix): Matrix {
  return { ...a, data: a.data.map((value, i) => value - (b.data[i] as number)) };
}
