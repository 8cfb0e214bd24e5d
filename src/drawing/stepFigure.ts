/** A step in the figure: sentence, growth of the cache, and what is marked in each box. */

import { formatInteger, formatSize } from '../model/units';
import { layerCacheBytes, layerStateBytes } from '../cache/layerBytes';
import { formatFlops, formatSeconds } from '../present/quantities';
import { kindTitle, limitText, sentence } from '../present/words';
import type { CacheGrowth, Flight, Work } from '../serving/anatomy/flight';
import { kindInk, kindLetter, type StepFigure } from './figure';
import { type Canvas, placeText } from './layout';
import type { Ink, Part, Shape } from './scene';
import { barShapes, type BoxMark, MOST } from './stepMarks';
import { type StepBoxes, stepBoxes, type StepLimit } from './stepBoxes';
import { wrapText } from './textWidth';

export function stepFigure(flight: Flight, step: StepBoxes = stepBoxes(flight)): StepFigure {
  return {
    boxes: new Map(
      step.boxes.map(({ id, work, time, share, most }) => [
        id,
        {
          lines: [
            ...workLines(work),
            ...(time && share !== null && time.timeS > 0
              ? [`${timeText(time.timeS)}, ${time.limitedBy}${shareText(share)}`]
              : []),
            ...(most ? [MOST] : []),
          ],
          share,
          limitedBy: time?.limitedBy ?? 'memory',
          most,
        },
      ]),
    ),
    run: (kind, count) => runMark(step, kind, count),
    place: (canvas, x, y, width) => placeStep(canvas, flight, step, x, y, width),
    legend:
      'In a box: what one layer reads, writes and computes in the step, at least; the bar is its share of the time in all layers. Activations between boxes are not counted.',
  };
}

/** All layers of a run. */
function runMark({ boxes, timeS }: StepBoxes, kind: number, count: number): BoxMark | null {
  if (!timeS) return null;
  const own = boxes.filter((box) => box.kind === kind);
  const each = own.reduce((sum, { time }) => sum + (time?.timeS ?? 0), 0);
  const share = (each * count) / timeS;
  const reading = own.reduce((sum, { time }) => sum + (time?.limitedBy === 'memory' ? time.timeS : 0), 0);
  return {
    lines: [`${timeText(each * count)}${shareText(share)}`],
    share,
    limitedBy: reading * 2 >= each ? 'memory' : 'compute',
    most: false,
  };
}

/** "< 0.1 µs", "36 µs". */
function timeText(seconds: number): string {
  return seconds < 1e-7 ? '< 0.1 µs' : formatSeconds(seconds);
}

function shareText(share: number): string {
  const percent = share * 100;
  return percent < 1 ? '' : `, ${percent.toFixed(0)} %`;
}

const NOT_KNOWN = 'not known';

/** "reads 112 MiB · writes 4 KiB", "33.6 MFLOP"; nothing where a box has none of it. */
function workLines(work: Work): string[] {
  const { weightBytesRead, cacheBytesRead, cacheBytesWritten, stateBytesRead, stateBytesWritten, flops } = work;
  const bytes = (name: string, all: readonly (number | null)[]): string[] => {
    if (all.includes(null)) return [`${name} ${NOT_KNOWN}`];
    const sum = all.reduce<number>((total, one) => total + (one ?? 0), 0);
    return sum === 0 ? [] : [`${name} ${formatSize(sum)}`];
  };
  const lines = [
    ...bytes('reads', [weightBytesRead, cacheBytesRead, stateBytesRead]),
    ...bytes('writes', [cacheBytesWritten, stateBytesWritten]),
  ].join(' · ');
  const operations = flops === null ? `operations ${NOT_KNOWN}` : flops === 0 ? '' : formatFlops(flops);
  return [lines, operations].filter((line) => line !== '');
}

/** "One decode step for 1 sequence at 8,192 tokens", "Prefill of 8,192 tokens". */
function stepText({ step, batch, tokens }: Flight): string {
  const sequences = `${formatInteger(batch)} ${batch === 1 ? 'sequence' : 'sequences'}`;
  return step === 'decode'
    ? `A decode step for ${sequences} at ${formatInteger(tokens)} tokens`
    : `Prefill of ${formatInteger(tokens)} tokens${batch === 1 ? '' : ` for each of ${sequences}`}`;
}

/** "weights 15 GiB, cache 1 GiB"; parts that are 0 are left out. */
function partsText(parts: readonly (readonly [name: string, bytes: number | null])[]): string {
  return parts
    .filter(([, bytes]) => bytes !== 0)
    .map(([name, bytes]) => `${bytes === null ? NOT_KNOWN : formatSize(bytes)} of ${name}`)
    .join(', ');
}

/** What a step takes and what of it most, in sentences. */
export function stepSentences(flight: Flight, { limit }: Pick<StepBoxes, 'limit'>): readonly string[] {
  const { whole, time, device, devices, tooLarge, weightBytes, unknownLayers, notes } = flight;
  const on = device ? ` on ${devices > 1 ? `${formatInteger(devices)} × ` : ''}${device.name}` : '';
  const reads = partsText([
    ['weights', whole.weightBytesRead],
    ['cache', whole.cacheBytesRead],
    ['state', whole.stateBytesRead],
  ]);
  const writes = partsText([
    ['cache', whole.cacheBytesWritten],
    ['state', whole.stateBytesWritten],
  ]);
  const flops = whole.flops === null ? 'operations not known' : formatFlops(whole.flops);
  return [
    time
      ? `${stepText(flight)}${on} takes at least ${formatSeconds(time.timeS)}, ${limitText(time)}.`
      : `${stepText(flight)}${on}: how long it takes is not known.`,
    ...(limit ? [limitSentence(limit)] : []),
    `It reads ${reads === '' ? 'nothing' : reads}; writes ${writes === '' ? 'nothing' : writes}; computes ${flops}.`,
    ...(tooLarge && weightBytes !== null
      ? [`The weights, ${formatSize(weightBytes)}, do not fit there: the times are those if they did.`]
      : []),
    ...(unknownLayers.length > 0
      ? [
          `${formatInteger(unknownLayers.length)} of ${formatInteger(flight.anatomy.spec.layers.length)} layers are not understood: what they read and compute is not known.`,
        ]
      : []),
    ...notes,
  ];
}

/** "Experts take most, 55 % of the time of all boxes: they read weights." */
function limitSentence({ titles, share, layers, limitedBy, reads }: StepLimit): string {
  const last = titles.at(-1) ?? '';
  const names = titles.length > 1 ? `${titles.slice(0, -1).join(', ')} and ${last}` : last;
  const where = layers > 1 ? ` of ${formatInteger(layers)} layers` : '';
  const each = titles.length > 1 ? ' each' : '';
  const why =
    limitedBy === 'compute' ? 'limited by compute' : `limited by memory bandwidth, reading ${reads ?? 'weights'}`;
  return `Takes most: ${names}${where}, ${(share * 100).toFixed(0)} %${each}, ${why}.`;
}

const TEXT = 12;
const BODY = 11;
const ROW_BAR = 10;
const LEADING = 1.32;

function placeStep(canvas: Canvas, flight: Flight, step: StepBoxes, x: number, top: number, width: number): number {
  let y = top;
  for (const [index, text] of stepSentences(flight, step).entries())
    y = placeText(canvas, text, TEXT, index < 2, index < 2 ? 'text' : 'muted', x, y, width);
  return placeGrowth(canvas, flight, x, y + 8, width);
}

/** One bar: what a kind of layers keeps. */
export interface GrowthRow {
  readonly title: string;
  readonly text: string;
  readonly ink: Ink;
  /** Null where it is not known. */
  readonly bytes: number | null;
  /** Where it stops; null where it grows on, or never grew. */
  readonly fullBytes: number | null;
  readonly isFull: boolean;
}

export interface Growths {
  readonly rows: readonly GrowthRow[];
  /** Bytes of the longest bar that there can be. */
  readonly scaleBytes: number;
  readonly scaleTokens: number;
}

/**
 * What each kind keeps, on one scale for every context up to the trained one: the bars grow with the context, and none needs another
 * scale.
 */
export function growthRows({ anatomy, growth, tokens, batch, cacheCopies }: Flight): Growths {
  const { kinds, spec, kvDtype } = anatomy;
  const scaleTokens = Math.max(tokens, spec.contextLength?.value ?? 0);
  const copies = batch * Math.max(1, cacheCopies);
  const rows: GrowthRow[] = [];
  let scaleBytes = 0;
  for (const one of growth) {
    const [first] = one.kinds;
    const kind = first === undefined ? undefined : kinds[first];
    if (!kind) continue;
    const letters = one.kinds.map(kindLetter).join(', ');
    const at = (context: number): number => copies * one.layers * layerCacheBytes(kind.attention, kvDtype, context);
    const title = `${letters}: ${kindTitle(kind.attention.kind)}, ${formatInteger(one.layers)} ${one.layers === 1 ? 'layer' : 'layers'}`;
    if (one.cacheBytes !== 0) {
      const bounded = one.windowTokens !== null && kind.attention.kind !== 'compressed';
      const fullBytes = bounded ? at(one.windowTokens ?? 0) : null;
      rows.push({
        title,
        text: growthText(one),
        ink: kindInk(kind),
        bytes: one.cacheBytes,
        fullBytes,
        isFull: bounded && one.windowIsFull,
      });
      scaleBytes = Math.max(scaleBytes, one.cacheBytes === null ? 0 : at(scaleTokens));
    }
    if (one.stateBytes > 0) {
      const ink: Ink = 'kind-recurrent';
      const text = `state ${formatSize(copies * one.layers * layerStateBytes(kind.state, kvDtype))}: does not grow`;
      rows.push({ title, text, ink, bytes: one.stateBytes, fullBytes: one.stateBytes, isFull: true });
      scaleBytes = Math.max(scaleBytes, one.stateBytes);
    }
  }
  return { rows, scaleBytes, scaleTokens };
}

function growthText({ cacheBytes, nextBytes, windowTokens, windowIsFull }: CacheGrowth): string {
  if (cacheBytes === null || nextBytes === null) return NOT_KNOWN;
  const now = formatSize(cacheBytes);
  if (nextBytes === 0)
    return windowTokens === null
      ? `${now}: does not grow`
      : `${now}: full at ${formatInteger(windowTokens)} tokens, grows no more`;
  const next = `+ ${formatSize(nextBytes)} a token`;
  return windowTokens === null || windowIsFull
    ? `${now}, ${next}`
    : `${now}, ${next} up to ${formatInteger(windowTokens)} tokens`;
}

function placeGrowth(canvas: Canvas, flight: Flight, x: number, top: number, width: number): number {
  const { rows, scaleBytes, scaleTokens } = growthRows(flight);
  if (rows.length === 0) return top;
  let y = top;
  for (const [index, row] of rows.entries()) {
    const part = growthPart(row, `growth.${index}`, scaleBytes, x, y, width);
    canvas.parts.push(part);
    y = part.y + part.height + 6;
  }
  const trained = scaleTokens === flight.anatomy.spec.contextLength?.value ? ', the trained context' : '';
  const scale =
    scaleBytes > 0
      ? `A whole bar is ${formatSize(scaleBytes)}: the most that one of them holds at ${formatInteger(scaleTokens)} tokens${trained}.`
      : '';
  return placeText(canvas, scale, BODY, false, 'muted', x, y, width);
}

function growthPart(row: GrowthRow, id: string, scaleBytes: number, x: number, y: number, width: number): Part {
  const text = `${sentence(row.title)}: ${row.text}`;
  const shapes: Shape[] = [];
  let at = y;
  for (const line of wrapText(text, width, BODY)) {
    at += BODY * LEADING;
    shapes.push({
      shape: 'text',
      x,
      y: round(at - BODY * (LEADING - 1)),
      text: line,
      size: BODY,
      bold: false,
      ink: 'text',
    });
  }
  at += 3;
  if (row.bytes !== null && scaleBytes > 0) {
    shapes.push(...barShapes(row.bytes / scaleBytes, x, at, width, row.ink, ROW_BAR));
    if (row.fullBytes !== null) shapes.push(wall(row, scaleBytes, x, at, width));
  }
  const height = round(at + ROW_BAR - y);
  return { id, says: text, key: null, parameters: 0, flops: 0, x, y, width, height, shapes };
}

/** Where a window ends: a line before it is full, a block once it is. */
function wall({ fullBytes, isFull }: GrowthRow, scaleBytes: number, x: number, y: number, width: number): Shape {
  const across = isFull ? 4 : 1;
  const end = x + Math.min(width - across, Math.max(1.5, ((fullBytes ?? 0) / scaleBytes) * width));
  return {
    shape: 'rect',
    x: round(end),
    y: round(y),
    width: across,
    height: ROW_BAR,
    fill: 'text',
    stroke: null,
    radius: 0,
  };
}

function round(value: number): number {
  return Math.round(value * 10) / 10;
}
