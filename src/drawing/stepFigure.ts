/** A step in the figure: sentence, growth of the cache, and what is marked in each box. */

import { formatInteger, formatSize } from '../model/units';
import { layerCacheBytes } from '../cache/layerBytes';
import { formatFlops, formatSeconds } from '../present/quantities';
import { kindTitle, limitText, sentence } from '../present/words';
import type { CacheGrowth, Flight, Work } from '../serving/anatomy/flight';
import { kindInk, kindLetter, type StepFigure } from './figure';
import { Canvas, placeText } from './layout';
import type { Ink, Part, Scene, Shape } from './scene';
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
            ...(time && share !== null && share >= SEEN ? [shareText(time.timeS, share, time.limitedBy)] : []),
            ...(most ? [MOST] : []),
          ],
          share: share !== null && share >= SEEN ? share : null,
          limitedBy: time?.limitedBy ?? 'memory',
          most,
        },
      ]),
    ),
    run: (kind, count, times) => runMark(step, kind, count, times),
    place: (canvas, x, y, width) => placeStep(canvas, flight, step, x, y, width),
    legend:
      'In a box: what one layer reads, writes and computes in the step, at least; the bar is its share of the time in all layers. Activations between boxes are not counted.',
  };
}

/** All layers of a run, every time that it is repeated. */
function runMark({ boxes, timeS }: StepBoxes, kind: number, count: number, times: number): BoxMark | null {
  if (!timeS) return null;
  const own = boxes.filter((box) => box.kind === kind);
  const each = own.reduce((sum, { time }) => sum + (time?.timeS ?? 0), 0);
  const share = (each * count * times) / timeS;
  const reading = own.reduce((sum, { time }) => sum + (time?.limitedBy === 'memory' ? time.timeS : 0), 0);
  const limitedBy = reading * 2 >= each ? 'memory' : 'compute';
  const all = times > 1 ? [`all ${formatInteger(times)} times:`] : [];
  return {
    lines: share >= SEEN ? [[...all, shareText(each * count * times, share, limitedBy)].join(' ')] : [],
    share: share >= SEEN ? share : null,
    limitedBy,
    most: false,
  };
}

/** Of the time: less is neither said nor drawn. */
const SEEN = 0.005;

/** "36 µs (7 %), memory". */
function shareText(seconds: number, share: number, limitedBy: BoxMark['limitedBy']): string {
  const percent = share * 100;
  return `${formatSeconds(seconds)} (${percent < 1 ? '< 1' : percent.toFixed(0)} %), ${limitedBy}`;
}

const NOT_KNOWN = 'not known';

/** "reads 112 MiB", "reads 1 GiB of cache · writes 4 KiB", "33.6 MFLOP"; nothing where a box has none of it. */
function workLines(work: Work): string[] {
  const { weightBytesRead, cacheBytesRead, cacheBytesWritten, stateBytesRead, stateBytesWritten, flops } = work;
  const bytes = (name: string, of: string, size: number | null): string[] =>
    size === 0 ? [] : [`${name} ${size === null ? NOT_KNOWN : formatSize(size)}${of}`];
  const lines = [
    ...bytes('reads', '', weightBytesRead),
    ...bytes('reads', ' of cache', cacheBytesRead),
    ...bytes('reads', ' of state', stateBytesRead),
    ...bytes('writes', '', cacheBytesWritten),
    ...bytes('writes', ' of state', stateBytesWritten),
  ];
  const operations = flops === null ? [`operations ${NOT_KNOWN}`] : flops === 0 ? [] : [formatFlops(flops)];
  return [...lines, ...operations];
}

/** "One decode step for 1 sequence at 8,192 tokens", "Prefill of 8,192 tokens". */
function stepText({ step, batch, tokens }: Flight): string {
  const sequences = `${formatInteger(batch)} ${batch === 1 ? 'sequence' : 'sequences'}`;
  return step === 'decode'
    ? `A decode step for ${sequences} at ${formatInteger(tokens)} tokens`
    : `Prefill of ${formatInteger(tokens)} tokens${batch === 1 ? '' : ` for each of ${sequences}`}`;
}

/** "15 GiB of weights, 1 GiB of cache", "not all known": parts that are 0 are left out, and so are those that are not known. */
function partsText(verb: string, parts: readonly (readonly [name: string, bytes: number | null])[]): string {
  const known = parts.flatMap(([name, bytes]) =>
    bytes === null || bytes === 0 ? [] : [`${formatSize(bytes)} of ${name}`],
  );
  const unknown = parts.flatMap(([name, bytes]) => (bytes === null ? [name] : []));
  const left = unknown.length === 0 ? [] : [`how much ${unknown.join(' and ')} it ${verb} is not known`];
  if (known.length === 0 && left.length === 0) return `it ${verb} nothing`;
  return [...(known.length === 0 ? [] : [`it ${verb} ${known.join(', ')}`]), ...left].join(', ');
}

/** What a step takes and what of it most, in sentences. */
export function stepSentences(flight: Flight, { limit }: Pick<StepBoxes, 'limit'>): readonly string[] {
  const { whole, time, device, devices, cacheCopies, format, tooLarge, weightBytes, unknownLayers, notes } = flight;
  const on = device ? ` on ${devices > 1 ? `${formatInteger(devices)} × ` : ''}${device.name}` : '';
  const reads = partsText('reads', [
    ['weights', whole.weightBytesRead],
    ['cache', whole.cacheBytesRead],
    ['state', whole.stateBytesRead],
  ]);
  const writes = partsText('writes', [
    ['cache', whole.cacheBytesWritten],
    ['state', whole.stateBytesWritten],
  ]);
  const flops =
    whole.flops === null
      ? 'how much it computes is not known'
      : `it computes ${formatFlops(whole.flops)}${format === null ? '' : `, at the peak of ${format}`}`;
  return [
    tooLarge
      ? `${stepText(flight)}${on} cannot run: ${weightBytes === null ? 'the weights do' : `the weights, ${formatSize(weightBytes)}, do`} not fit.`
      : time
        ? `${stepText(flight)}${on} takes at least ${formatSeconds(time.timeS)}, ${limitText(time)}.`
        : `${stepText(flight)}${on}: how long it takes is not known.`,
    ...(limit ? [limitSentence(limit)] : []),
    `${sentence([reads, writes, flops].join('; '))}.`,
    ...(cacheCopies > 1 ? [`Across the devices the cache is stored ${formatInteger(cacheCopies)} times.`] : []),
    ...(unknownLayers.length > 0
      ? [
          `${formatInteger(unknownLayers.length)} of ${formatInteger(flight.anatomy.spec.layers.length)} layers are not understood: what they read and compute is not known.`,
        ]
      : []),
    ...notes,
  ];
}

/** "Takes most, 23 % each: Gate, Up and Down, in 32 layers. Memory bandwidth limits them: they read weights." */
function limitSentence({ titles, share, layers, reads }: StepLimit): string {
  const last = titles.at(-1) ?? '';
  const several = titles.length > 1;
  const names = several ? `${titles.slice(0, -1).join(', ')} and ${last}` : last;
  const where = layers > 1 ? `, in ${formatInteger(layers)} layers` : '';
  const them = several ? 'them' : 'it';
  const why =
    reads === null
      ? `Compute limits ${them}`
      : `Memory bandwidth limits ${them}: ${several ? 'they read' : 'it reads'} ${reads}`;
  return `Takes most, ${(share * 100).toFixed(0)} %${several ? ' each' : ''}: ${names}${where}. ${why}.`;
}

const TEXT = 12;
const BODY = 11;
const ROW_BAR = 10;
/** Its own scale: a whole window. */
const WINDOW = 160;
const WINDOW_BAR = 7;
const BOLT = 5;
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
  /** How full its window is; null where none bounds it. */
  readonly window: { readonly tokens: number; readonly filled: number } | null;
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
      const { windowTokens } = one;
      const window = windowTokens === null ? null : { tokens: windowTokens, filled: Math.min(tokens, windowTokens) };
      rows.push({ title, text: growthText(one, window), ink: kindInk(kind), bytes: one.cacheBytes, window });
      scaleBytes = Math.max(scaleBytes, one.cacheBytes === null ? 0 : at(scaleTokens));
    }
    if (one.stateBytes > 0) {
      const text = `state ${formatSize(one.stateBytes)}, does not grow`;
      rows.push({ title, text, ink: 'kind-recurrent', bytes: one.stateBytes, window: null });
      scaleBytes = Math.max(scaleBytes, one.stateBytes);
    }
  }
  return { rows, scaleBytes, scaleTokens };
}

/** "1 GiB, + 128 KiB a token", "4.5 MiB, window full (128 of 128 tokens): grows no more". */
function growthText({ cacheBytes, nextBytes }: CacheGrowth, window: GrowthRow['window']): string {
  if (cacheBytes === null || nextBytes === null) return NOT_KNOWN;
  const filled =
    window &&
    `window ${window.filled === window.tokens ? 'full' : 'not full'} (${formatInteger(window.filled)} of ${formatInteger(window.tokens)} tokens)`;
  const next = nextBytes === 0 ? 'grows no more' : `+ ${formatSize(nextBytes)} per token`;
  return `${formatSize(cacheBytes)}, ${filled === null ? next : `${filled}: ${next}`}`;
}

/** What each kind keeps, by itself. */
export function flightScene(flight: Flight, width: number): Scene {
  const canvas = new Canvas();
  const bottom = placeGrowth(canvas, flight, 1, 1, width - 2);
  const { ground, parts } = canvas;
  return { width, height: Math.ceil(bottom) + 2, title: 'What each kind of layer keeps', ground, parts };
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
      ? `A full bar is ${formatSize(scaleBytes)}: the most that any of these kinds holds at ${formatInteger(scaleTokens)} tokens${trained}.${rows.some(({ window }) => window) ? ' A framed bar shows a window, on its own scale.' : ''} Without an engine's pages.`
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
  }
  at += ROW_BAR;
  if (row.window) {
    const across = Math.min(WINDOW, width);
    shapes.push(...windowShapes(row.window, row.ink, x, at + 3, across));
    at += 3 + WINDOW_BAR;
  }
  return {
    id,
    says: text,
    key: null,
    keys: [],
    shares: null,
    parameters: 0,
    flops: 0,
    x,
    y,
    width,
    height: round(at - y),
    shapes,
  };
}

/** Beside the scale of all: a frame that fills and, once full, has a bolt at its end. */
function windowShapes(
  { tokens, filled }: NonNullable<GrowthRow['window']>,
  ink: Ink,
  x: number,
  y: number,
  width: number,
): Shape[] {
  const isFull = filled === tokens;
  const across = isFull ? width - BOLT : (width * filled) / tokens;
  const place = { shape: 'rect' as const, x: round(x), y: round(y), height: WINDOW_BAR, radius: 0 };
  const fill: Shape = { ...place, width: round(across), fill: ink, stroke: null };
  const outline: Shape = { ...place, width, fill: null, stroke: 'text' };
  const bolt: Shape = { ...place, x: round(x + width - BOLT), width: BOLT, fill: 'text', stroke: null };
  return [fill, outline, ...(isFull ? [bolt] : [])];
}

function round(value: number): number {
  return Math.round(value * 10) / 10;
}
