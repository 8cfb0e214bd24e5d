/** Points of size against damage: scales, ticks, the line along those that none beats, labels. Pure geometry, in pixels. */

import { formatSize, shownUnits } from '../../../src/model/units';
import { spread } from '../../../src/present/spread';
import { elide, FONT_WIDTH } from '../curve/labels';

export interface ScatterPoint {
  readonly id: string;
  readonly title: string;
  /** Bytes; more than 0. */
  readonly bytes: number;
  /** What is on the other axis. */
  readonly damage: number;
  readonly series: ScatterSeries;
  /** No other is both smaller and less damaging. */
  readonly best: boolean;
  /** For screen readers, and the line below: size and damage. */
  readonly says: string;
}

export interface ScatterSeries {
  readonly name: string;
  readonly color: string;
  /** A path around 0, 0. */
  readonly sign: string;
}

/** How damage is drawn: from `least` on a logarithmic axis (what is less stands on its edge), or from zero. */
export type DamageScale =
  | { readonly kind: 'log'; readonly least: number; readonly format: (value: number) => string }
  | { readonly kind: 'linear'; readonly format: (value: number) => string };

/** Something to compare with, that cannot be chosen. */
export interface ScatterMark {
  readonly title: string;
  readonly bytes: number;
  readonly damage: number;
  /** Beside the mark; empty: none. */
  readonly label: string;
  readonly kind: 'trained' | 'published';
}

export interface ScatterModel {
  readonly points: readonly ScatterPoint[];
  readonly marks: readonly ScatterMark[];
  readonly scale: DamageScale;
  readonly bytesTitle: string;
  readonly damageTitle: string;
  /** Bytes of the unchanged model: a line to compare with. */
  readonly unchangedBytes: number;
}

interface Tick {
  readonly at: number;
  readonly text: string;
}

export interface Placed {
  readonly point: ScatterPoint;
  readonly x: number;
  readonly y: number;
}

export interface Label {
  readonly placed: Placed;
  readonly text: string;
  readonly y: number;
}

export interface ScatterLayout {
  readonly width: number;
  readonly height: number;
  readonly left: number;
  readonly right: number;
  readonly top: number;
  readonly bottom: number;
  readonly xTicks: readonly Tick[];
  readonly yTicks: readonly Tick[];
  /** Larger caches first. */
  readonly placed: readonly Placed[];
  readonly marks: readonly { readonly mark: ScatterMark; readonly x: number; readonly y: number }[];
  readonly front: string;
  readonly unchangedX: number;
  /** Of the best points, beside the area; none where there is no room. */
  readonly labels: readonly Label[];
}

/** Room for labels beside the area, where the whole is wide enough. */
const [LABELS_FROM, LABELS] = [620, 210];
const [X_ROOM, Y_ROOM] = [52, 30];

export function layoutScatter(model: ScatterModel, width: number, height: number): ScatterLayout {
  const { points, marks, scale, unchangedBytes } = model;
  const labelled = width >= LABELS_FROM;
  const box = { left: 52, right: width - (labelled ? LABELS : 12), top: 20, bottom: height - 40 };
  const sizes = [...[...points, ...marks].map(({ bytes }) => bytes), unchangedBytes];
  const x = logarithmic(Math.min(...sizes) / 1.25, Math.max(...sizes) * 1.25, box.left, box.right);
  const damages = [...points, ...marks].map(({ damage }) => damage);
  const y = damageScale(scale, damages, box.bottom, box.top);
  const placed = points
    .map((point) => ({ point, x: x.at(point.bytes), y: y.at(point.damage) }))
    .toSorted((a, b) => b.x - a.x || b.y - a.y);
  const front = placed.filter(({ point }) => point.best);
  const wanted = front.toSorted((a, b) => a.y - b.y);
  const tops = spread(
    wanted.map((one) => one.y),
    box.top + 4,
    box.bottom,
  );
  return {
    width,
    height,
    ...box,
    xTicks: sizeTicks(x.least, x.most, x.at, box.right - box.left).map((value) => ({
      at: x.at(value),
      text: formatSize(value),
    })),
    yTicks: y.ticks.map((value) => ({ at: y.at(value), text: scale.format(value) })),
    placed,
    marks: marks.map((mark) => ({ mark, x: x.at(mark.bytes), y: y.at(mark.damage) })),
    front: front.map((one, i) => `${i === 0 ? 'M' : 'L'}${one.x.toFixed(1)} ${one.y.toFixed(1)}`).join(''),
    unchangedX: x.at(unchangedBytes),
    labels: labelled
      ? wanted.map((one, i) => ({
          placed: one,
          text: elide(one.point.title, Math.floor((LABELS - 26) / FONT_WIDTH)),
          y: tops[i] ?? one.y,
        }))
      : [],
  };
}

interface Scale {
  readonly least: number;
  readonly most: number;
  readonly at: (value: number) => number;
}

function logarithmic(least: number, most: number, start: number, end: number): Scale {
  return {
    least,
    most,
    at: (value) => start + (Math.log(value / least) / Math.log(most / least)) * (end - start),
  };
}

function damageScale(
  scale: DamageScale,
  damages: readonly number[],
  start: number,
  end: number,
): { readonly at: (value: number) => number; readonly ticks: readonly number[] } {
  const room = Math.abs(start - end);
  const highest = Math.max(0, ...damages);
  if (scale.kind === 'linear') {
    const step = niceStep(Math.max(highest, 1e-6), Math.max(2, Math.floor(room / Y_ROOM)));
    const most = step * Math.max(1, Math.ceil(highest / step));
    return {
      at: (value) => start + (Math.max(0, value) / most) * (end - start),
      ticks: Array.from({ length: Math.round(most / step) + 1 }, (_, i) => i * step),
    };
  }
  // What is less than the least stands on the edge, and the edge says so; else a little below the lowest, so that no sign is cut.
  const lowest = Math.min(...damages);
  const least = lowest <= scale.least ? scale.least : lowest / 1.5;
  const { most, at } = logarithmic(least, Math.max(highest * 1.5, least * 10), start, end);
  const decades = Math.log10(most / least);
  const every = Math.max(1, Math.ceil((decades * Y_ROOM) / room));
  const first = Math.ceil(Math.log10(least) - 1e-9);
  const ticks = Array.from(
    { length: Math.max(0, Math.floor((Math.log10(most) - first) / every) + 1) },
    (_, i) => first + i * every,
  );
  return { at: (value) => at(Math.max(least, value)), ticks: ticks.map((power) => 10 ** power) };
}

/** 1, 2 or 5 times a power of ten, so that at most so many steps reach the value. */
function niceStep(value: number, steps: number): number {
  const ten = 10 ** Math.floor(Math.log10(value / steps));
  return [1, 2, 5].map((factor) => factor * ten).find((step) => value / step <= steps) ?? 10 * ten;
}

/** Round sizes in the units that are shown, as many as there is room for. */
function sizeTicks(least: number, most: number, at: (value: number) => number, room: number): readonly number[] {
  const binary = shownUnits() === 'GiB';
  const all: number[] = [];
  for (let value = 1; value <= most; value *= binary ? 2 : 10)
    for (const factor of binary ? [1] : [1, 2, 5])
      if (value * factor >= least && value * factor <= most) all.push(value * factor);
  const fits = (values: readonly number[]): boolean =>
    values.every((value, i) => i === 0 || at(value) - at(values[i - 1] ?? value) >= Math.min(X_ROOM, room));
  for (let every = 1; every < all.length; every++) {
    const some = all.filter((_, i) => (all.length - 1 - i) % every === 0);
    if (fits(some)) return some;
  }
  return all.slice(-1);
}

/** Pixels from a sign within which it is meant. */
const NEAR = 22;

export function pointNear({ placed }: ScatterLayout, x: number, y: number): string | null {
  const [nearest] = placed
    .map((one) => ({ id: one.point.id, away: Math.hypot(one.x - x, one.y - y) }))
    .filter(({ away }) => away <= NEAR)
    .sort((a, b) => a.away - b.away);
  return nearest?.id ?? null;
}

/** The next point to the right (larger) or left, of all or of the best; the same where there is none. */
export function pointBeside({ placed }: ScatterLayout, id: string | null, steps: number, best: boolean): string | null {
  const order = placed.toReversed();
  const at = order.findIndex(({ point }) => point.id === id);
  if (at < 0) return (order.find(({ point }) => point.best) ?? order[0])?.point.id ?? null;
  const side = steps > 0 ? order.slice(at + 1) : order.slice(0, at).reverse();
  const wanted = best ? side.filter(({ point }) => point.best) : side;
  return (wanted[Math.abs(steps) - 1] ?? wanted.at(-1))?.point.id ?? id;
}
