/** Cache over context, log–log: curves, ticks, labels and the cursor that reads all designs at one context. Pure geometry, in pixels. */

import { layerGroups } from '../../../src/cache/groups';
import { planCache } from '../../../src/cache/plan';
import type { AttentionKind } from '../../../src/model/attention';
import { formatSize, formatInteger, shownUnits, type Units } from '../../../src/model/units';
import { spread } from '../../../src/present/spread';
import type { Comparison, ComparisonRow } from '../../../src/serving/comparison';
import { elide, FONT_WIDTH, shortContext } from './labels';

export interface CurvePoint {
  readonly tokens: number;
  /** Cache and state, by the scenario's rule, on all devices. */
  readonly bytes: number;
}

export interface CurveSeries {
  readonly id: string;
  readonly label: string;
  /** Of the layers that hold most at the scenario. */
  readonly kind: AttentionKind;
  readonly points: readonly CurvePoint[];
  /** Cache and state at any context. */
  readonly bytesAt: (tokens: number) => number;
}

/** Powers of two between which contexts are shown. */
export interface ContextRange {
  readonly least: number;
  readonly most: number;
}

const LEAST_TOKENS = 256;
const USUAL_TOKENS = 2 ** 17;
const MOST_TOKENS = 2 ** 21;
const STEPS_PER_OCTAVE = 2;

/** From 256 tokens to the longest context that a design was trained for, the scenario's at least. */
export function contextRange({ rows, scenario }: Comparison): ContextRange {
  const wanted = Math.max(
    USUAL_TOKENS,
    scenario.workload.tokens,
    ...rows.map((row) => row.plan.spec.contextLength?.value ?? 0),
  );
  return { least: LEAST_TOKENS, most: 2 ** Math.ceil(Math.log2(Math.min(wanted, MOST_TOKENS))) };
}

/** `label`: short names, because they stand at the ends of the curves. */
export function curveSeries(
  comparison: Comparison,
  range: ContextRange,
  label: (row: ComparisonRow) => string,
): CurveSeries[] {
  // A model with layers that were not understood has no curve: one of its other layers would lie below the truth.
  return comparison.rows
    .filter((row) => row.plan.known)
    .map((row): CurveSeries => {
      const { spec, scenario } = row.plan;
      const bytesAt = (tokens: number): number =>
        planCache(spec, { ...scenario, workload: { ...scenario.workload, tokens } }).everywhere.totalBytes;
      const points = sampledContexts(range, [scenario.workload.tokens, ...windowsOf(row)]).map((tokens) => ({
        tokens,
        bytes: bytesAt(tokens),
      }));
      return { id: row.id, label: label(row), kind: mainKind(row), points, bytesAt };
    });
}

/** Where a window or chunk is full: the curve bends there. */
function windowsOf(row: ComparisonRow): number[] {
  return layerGroups(row.plan.spec).flatMap(({ attention }) => {
    if (attention.kind === 'sliding' || attention.kind === 'compressed') return [attention.window];
    return attention.kind === 'chunked' ? [attention.chunk] : [];
  });
}

function sampledContexts({ least, most }: ContextRange, extra: readonly number[]): number[] {
  const contexts = new Set(extra.filter((tokens) => tokens > least && tokens < most));
  const octaves = Math.log2(most / least);
  for (let step = 0; step <= octaves * STEPS_PER_OCTAVE; step++)
    contexts.add(Math.round(least * 2 ** (step / STEPS_PER_OCTAVE)));
  return [...contexts].sort((a, b) => a - b);
}

function mainKind(row: ComparisonRow): AttentionKind {
  const held = new Map<AttentionKind, number>();
  for (const layer of row.plan.layers)
    held.set(layer.kind, (held.get(layer.kind) ?? 0) + (layer.cacheBytes ?? 0) + (layer.stateBytes ?? 0));
  const [main] = [...held].sort((a, b) => b[1] - a[1]);
  return main?.[0] ?? 'none';
}

export interface Tick {
  readonly at: number;
  readonly text: string;
}

export interface CurveLine {
  readonly series: CurveSeries;
  /** SVG path; empty where nothing is held at any context. */
  readonly path: string;
  /** Baseline of the label at its end. */
  readonly labelY: number;
  /** Label, shortened to the room there is. */
  readonly text: string;
  readonly endY: number;
}

export interface CurveLayout {
  readonly width: number;
  readonly height: number;
  readonly left: number;
  readonly right: number;
  readonly top: number;
  readonly bottom: number;
  readonly range: ContextRange;
  readonly bytes: { readonly least: number; readonly most: number };
  readonly xTicks: readonly Tick[];
  readonly yTicks: readonly Tick[];
  readonly lines: readonly CurveLine[];
}

const X_TICK_ROOM = 44;
const Y_TICK_ROOM = 36;
/** Binary units step by 2^10: ticks at every power of 4, 16, 32 or 1,024. */
const Y_STEPS: Readonly<Record<Units, readonly number[]>> = {
  GiB: [4, 16, 32, 1024],
  GB: [10, 100, 1000],
};

export function layoutCurve(
  series: readonly CurveSeries[],
  range: ContextRange,
  width: number,
  height: number,
): CurveLayout {
  const values = series.flatMap((one) => one.points.map((point) => point.bytes)).filter((bytes) => bytes > 0);
  const least = 2 ** Math.floor(Math.log2(values.length === 0 ? 2 ** 20 : Math.min(...values)));
  const most = 2 ** Math.ceil(Math.log2(Math.max(...values, least * 4)));
  const longest = Math.max(0, ...series.map((one) => one.label.length));
  const labelRoom = Math.min(longest * FONT_WIDTH + 10, width * 0.34);
  const box = { left: 58, right: Math.round(width - labelRoom), top: 8, bottom: height - 22 };
  const frame = { width, height, ...box, range, bytes: { least, most } };
  const x = (tokens: number): number => contextX(frame, tokens);
  const y = (bytes: number): number => bytesY(frame, bytes);
  const drawn = series.map((one) => {
    const points = one.points.filter((point) => point.bytes > 0);
    const path = points
      .map((point, index) => `${index === 0 ? 'M' : 'L'}${x(point.tokens).toFixed(1)} ${y(point.bytes).toFixed(1)}`)
      .join('');
    return { series: one, path, endY: y(points.at(-1)?.bytes ?? least) };
  });
  const labels = spread(
    drawn.map((line) => line.endY),
    box.top + 4,
    box.bottom,
  );
  return {
    ...frame,
    xTicks: xTicks(frame),
    yTicks: yTicks(frame),
    lines: drawn.map((line, index) => ({
      ...line,
      labelY: labels[index] ?? line.endY,
      text: elide(line.series.label, Math.floor((labelRoom - 10) / FONT_WIDTH)),
    })),
  };
}

type Frame = Pick<CurveLayout, 'left' | 'right' | 'top' | 'bottom' | 'range' | 'bytes'>;

export function contextX({ left, right, range }: Frame, tokens: number): number {
  return left + (Math.log2(tokens / range.least) / Math.log2(range.most / range.least)) * (right - left);
}

export function bytesY({ top, bottom, bytes }: Frame, value: number): number {
  return bottom - (Math.log2(value / bytes.least) / Math.log2(bytes.most / bytes.least)) * (bottom - top);
}

/** The context under a pixel, on a grid of `CURSOR_STEPS` an octave; the scenario's own where that is near. */
export function contextAt(layout: Frame, pixel: number, scenarioTokens: number): number {
  if (Math.abs(contextX(layout, scenarioTokens) - pixel) < 5) return scenarioTokens;
  const octaves =
    ((pixel - layout.left) / (layout.right - layout.left)) * Math.log2(layout.range.most / layout.range.least);
  return contextOfStep(layout.range, Math.round(octaves * CURSOR_STEPS));
}

/** Stops of the cursor in one doubling of the context. */
export const CURSOR_STEPS = 4;

function contextOfStep({ least, most }: ContextRange, step: number): number {
  return Math.min(most, Math.max(least, Math.round(least * 2 ** (step / CURSOR_STEPS))));
}

/** The cursor's next stop in a direction. */
export function nextContext(range: ContextRange, tokens: number, steps: number): number {
  const position = Math.log2(tokens / range.least) * CURSOR_STEPS;
  // Stops are whole tokens: the nearest one may be this very context.
  const nearest = Math.round(position);
  const from =
    contextOfStep(range, nearest) === tokens ? nearest : steps > 0 ? Math.floor(position) : Math.ceil(position);
  return contextOfStep(range, from + steps);
}

function xTicks(frame: Frame): Tick[] {
  const { least, most } = frame.range;
  const octaves = Math.log2(most / least);
  const room = (frame.right - frame.left) / octaves;
  const step = Math.max(1, Math.ceil(X_TICK_ROOM / room));
  const ticks: Tick[] = [];
  // From the right end, because the long contexts are what is looked for.
  for (let octave = octaves; octave >= 0; octave -= step)
    ticks.unshift({ at: contextX(frame, least * 2 ** octave), text: shortContext(least * 2 ** octave) });
  return ticks;
}

function yTicks(frame: Frame): Tick[] {
  const { least, most } = frame.bytes;
  const per = (step: number): number => ((frame.bottom - frame.top) * Math.log2(step)) / Math.log2(most / least);
  const step = Y_STEPS[shownUnits()].find((candidate) => per(candidate) >= Y_TICK_ROOM) ?? 1024;
  const ticks: Tick[] = [];
  for (let value = 1; value <= most; value *= step)
    if (value >= least) ticks.push({ at: bytesY(frame, value), text: formatSize(value) });
  return ticks;
}

export interface CurveTableRow {
  readonly tokens: string;
  readonly cells: readonly string[];
  readonly ofScenario: boolean;
}

/** The curves as rows of a table: a context each, at every doubling, and the scenario's. */
export function curveTable(
  series: readonly CurveSeries[],
  { least, most }: ContextRange,
  scenarioTokens: number,
): CurveTableRow[] {
  const doublings = Array.from({ length: Math.round(Math.log2(most / least)) + 1 }, (_, octave) => least * 2 ** octave);
  return [...new Set([...doublings, scenarioTokens])]
    .sort((a, b) => a - b)
    .map((tokens) => ({
      tokens: formatInteger(tokens),
      cells: series.map((one) => formatSize(one.bytesAt(tokens))),
      ofScenario: tokens === scenarioTokens,
    }));
}

/** Pixels from a curve within which it is meant. */
const NEAR = 24;

/** The curve that a point is nearest to; null where none is near. */
export function curveNear(layout: CurveLayout, tokens: number, y: number): string | null {
  const [nearest] = layout.lines
    .map(({ series }) => ({ id: series.id, away: Math.abs(heightOf(layout, series, tokens) - y) }))
    .filter(({ away }) => away <= NEAR)
    .sort((a, b) => a.away - b.away);
  return nearest?.id ?? null;
}

/** The next curve above or below another at a context; the same where there is none, and the largest where none is given. */
export function curveBeside(
  series: readonly CurveSeries[],
  id: string | null,
  tokens: number,
  up: boolean,
): string | null {
  // Of those that lie on each other the first is above.
  const order = [...series].sort((a, b) => b.bytesAt(tokens) - a.bytesAt(tokens));
  const at = order.findIndex((one) => one.id === id);
  return (at < 0 ? order[0] : (order[at + (up ? -1 : 1)] ?? order[at]))?.id ?? null;
}

function heightOf(layout: CurveLayout, series: CurveSeries, tokens: number): number {
  const bytes = series.bytesAt(tokens);
  return bytes > 0 ? bytesY(layout, bytes) : Infinity;
}

/** "At 32,768 tokens: MHA 16 GiB, GQA-8 4 GiB". */
export function readoutSentence(series: readonly CurveSeries[], tokens: number): string {
  return `At ${formatInteger(tokens)} tokens: ${series.map((one) => `${one.label} ${formatSize(one.bytesAt(tokens))}`).join(', ')}`;
}
