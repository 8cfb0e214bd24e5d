/**
 * The trade-off as a picture: how much smaller the cache becomes against what is lost. Above, models that were trained as what they are;
 * below, one layer's conversions without any training. The losses are of different kinds, so each has an axis of its own.
 */

import { elementAt } from '../model/elementAt';
import { formatRatio } from '../model/units';
import type { Conversion } from '../insight/conversion/convert';
import type { ConversionMethod } from '../insight/conversion/target';
import type { Sibling } from './siblings';
import { spread } from './spread';
import { type Svg, svg } from './svg';

/** A conversion with a measured loss. */
export type Measured = Conversion & { readonly outputRelativeError: number };

interface Point {
  /** Cache before ÷ after. */
  readonly ratio: number;
  readonly loss: number;
}

interface Series {
  readonly label: string;
  readonly latent: boolean;
  /** A latent beside RoPE dims. */
  readonly rope: boolean;
  readonly method: ConversionMethod;
  readonly points: readonly Point[];
}

const [WIDTH, LEFT, RIGHT] = [500, 40, 310];
const UPPER = { top: 30, bottom: 150 };
const LOWER = { top: 208, bottom: 398 };
const HEIGHT = 436;
const LABEL = 9;

/** Hues of the kinds as in the panel (webview/styles/kinds.ts), with values for where there is no theme. */
const HEADED = 'var(--vscode-charts-blue, #3794ff)';
const LATENT = 'var(--vscode-charts-purple, #a371f7)';

/** @param found Conversions of one layer. Null where there is nothing to draw. */
export function tradeoffPicture(layer: number, siblings: readonly Sibling[], found: readonly Measured[]): Svg | null {
  const series = seriesOf(found);
  if (series.length === 0) return null;
  const most = Math.max(2, ...series.flatMap(({ points }) => points.map(({ ratio }) => ratio)), ...ratiosOf(siblings));
  const x = (ratio: number): number => LEFT + (Math.log2(ratio) / Math.log2(most)) * (RIGHT - LEFT);
  const title = `Cache against loss: the sample models, and conversions of layer ${layer}`;
  return svg`<svg viewBox="0 0 ${WIDTH} ${HEIGHT}" width="${WIDTH}" height="${HEIGHT}" role="img" aria-label="${title}. The same numbers are in the tables." style="max-width: 100%; min-width: 400px; height: auto; font: 12px system-ui, sans-serif"><title>${title}</title><g fill="currentColor" stroke="none">${upper(siblings, most, x)}${lower(layer, series, most, x)}</g></svg>`;
}

function ratiosOf(siblings: readonly Sibling[]): readonly number[] {
  const whole = Math.max(0, ...siblings.map(({ cachedPerToken }) => cachedPerToken));
  return siblings.map(({ cachedPerToken }) => whole / cachedPerToken);
}

type Across = (ratio: number) => number;

function upper(siblings: readonly Sibling[], most: number, x: Across): Svg {
  if (siblings.length === 0) return svg``;
  const ratios = ratiosOf(siblings);
  const losses = siblings.map(({ heldOutLoss }) => heldOutLoss);
  const scale = scaleOf(Math.min(...losses), Math.max(...losses), UPPER);
  // Labels of one column are moved apart.
  const places = new Map(
    [...new Set(ratios)].flatMap((ratio) => {
      const column = [...siblings.keys()].filter((at) => ratios[at] === ratio);
      const found = spread(
        column.map((at) => scale.y(elementAt(losses, at))),
        UPPER.top,
        UPPER.bottom,
      );
      return column.map((at, i) => [at, elementAt(found, i)] as const);
    }),
  );
  return svg`${frame('Sample models after training: held-out loss, nats per token', UPPER, scale, most, x)}${siblings.map(
    ({ design, latent, heldOutLoss }, at) => {
      const [left, color] = [x(elementAt(ratios, at)), latent ? LATENT : HEADED];
      return svg`${mark(latent ? 'joint-svd' : 'mean-pool', left, scale.y(heldOutLoss), color, true)}<text x="${left + LABEL}" y="${(places.get(at) ?? 0) + 4}">${design} ${heldOutLoss.toFixed(3)}</text>`;
    },
  )}`;
}

function lower(layer: number, series: readonly Series[], most: number, x: Across): Svg {
  const losses = series.flatMap(({ points }) => points.map(({ loss }) => loss));
  const scale = scaleOf(0, Math.max(...losses), LOWER);
  const last = ({ points }: Series): Point => elementAt(points, points.length - 1);
  const places = spread(
    series.map((one) => scale.y(last(one).loss)),
    LOWER.top,
    LOWER.bottom,
  );
  return svg`${frame(`Converted without training: error of layer ${layer}’s output`, LOWER, scale, most, x)}${series.map(
    (one, at) => {
      const color = one.latent ? LATENT : HEADED;
      const path = one.points
        .map(({ ratio, loss }, i) => `${i === 0 ? 'M' : 'L'}${x(ratio).toFixed(1)} ${scale.y(loss).toFixed(1)}`)
        .join('');
      const end = x(last(one).ratio);
      const label = elementAt(places, at);
      return svg`<path d="${path}" fill="none" style="stroke: ${color}" stroke-width="1.25" stroke-dasharray="${one.rope ? '5 3' : 'none'}"/>${one.points.map(({ ratio, loss }) => mark(one.method, x(ratio), scale.y(loss), color, !one.rope))}<path d="M${end + 5} ${scale.y(last(one).loss)}L${RIGHT + 14} ${label}" fill="none" stroke="currentColor" stroke-opacity="0.4"/><text x="${RIGHT + 18}" y="${label + 4}">${one.label}</text>`;
    },
  )}<text x="${(LEFT + RIGHT) / 2}" y="${HEIGHT - 6}" text-anchor="middle">how many times smaller the cache per token is</text>`;
}

/** What is drawn in one way: designs of one kind by one method, larger caches first. */
function seriesOf(found: readonly Measured[]): readonly Series[] {
  const byKey = new Map<string, Measured[]>();
  for (const one of found) {
    if (one.fitsAnything) continue;
    const { target, method } = one;
    const key =
      target.kind === 'mla' ? `${target.ropeDim > 0 ? 'MLA + RoPE' : 'MLA'}, ${method}` : `GQA, MQA: ${method}`;
    byKey.set(key, [...(byKey.get(key) ?? []), one]);
  }
  return [...byKey].map(([label, ones]): Series => {
    const { target, method } = elementAt(ones, 0);
    return {
      label,
      latent: target.kind === 'mla',
      rope: target.kind === 'mla' && target.ropeDim > 0,
      method,
      points: ones
        .map(({ cachedBefore, cachedPerToken, outputRelativeError }) => ({
          ratio: cachedBefore / cachedPerToken,
          loss: outputRelativeError,
        }))
        .toSorted((a, b) => a.ratio - b.ratio),
    };
  });
}

interface Band {
  readonly top: number;
  readonly bottom: number;
}

interface Scale {
  readonly ticks: readonly number[];
  readonly y: (loss: number) => number;
  readonly digits: number;
}

/** From a round number below the least to one above the most. */
function scaleOf(least: number, most: number, { top, bottom }: Band): Scale {
  const span = Math.max(most - least, 1e-12);
  const ten = 10 ** Math.floor(Math.log10(span / 3));
  const step = elementAt(
    [1, 2, 5, 10].map((factor) => factor * ten).filter((size) => span / size <= 5),
    0,
  );
  const first = Math.floor(least / step + 1e-9);
  const end = Math.max(first + 1, Math.ceil(most / step - 1e-9));
  const ticks = Array.from({ length: end - first + 1 }, (_, i) => (first + i) * step);
  return {
    ticks,
    y: (loss) => bottom - ((loss / step - first) / (end - first)) * (bottom - top),
    digits: Math.max(0, -Math.floor(Math.log10(step) + 1e-9)),
  };
}

/** Title, axes and their numbers. */
function frame(title: string, { top, bottom }: Band, { ticks, y, digits }: Scale, most: number, x: Across): Svg {
  const ratios = Array.from({ length: Math.floor(Math.log2(most) + 1e-9) + 1 }, (_, octave) => 2 ** octave);
  // At most seven numbers fit.
  const every = Math.ceil(ratios.length / 7);
  return svg`<text x="8" y="${top - 12}" font-weight="600">${title}</text>${ticks.map(
    (tick) =>
      svg`<path d="M${LEFT} ${y(tick)}H${RIGHT}" stroke="currentColor" stroke-opacity="0.2"/><text x="${LEFT - 6}" y="${y(tick) + 4}" text-anchor="end">${tick.toFixed(digits)}</text>`,
  )}${ratios
    .filter((_, octave) => octave % every === 0)
    .map(
      (ratio) =>
        svg`<path d="M${x(ratio)} ${top}V${bottom}" stroke="currentColor" stroke-opacity="0.2"/><text x="${x(ratio)}" y="${bottom + 16}" text-anchor="middle">${formatRatio(ratio, 1)}</text>`,
    )}`;
}

/** The method's sign: told apart without colour. */
function mark(method: ConversionMethod, x: number, y: number, color: string, solid: boolean): Svg {
  const fill = solid ? color : 'var(--vscode-editor-background, transparent)';
  return svg`<path transform="translate(${x} ${y})" d="${SIGNS[method]}" style="stroke: ${color}; fill: ${fill}" stroke-width="1.5"/>`;
}

/** Around 0, 0. */
const SIGNS: Readonly<Record<ConversionMethod, string>> = {
  'mean-pool': 'M-4.5 0a4.5 4.5 0 1 0 9 0a4.5 4.5 0 1 0 -9 0z',
  'aligned-pool': 'M0 -4.5L4.5 4.5H-4.5z',
  'joint-svd': 'M-4 -4h8v8h-8z',
  'split-svd': 'M0 4.5L4.5 -4.5H-4.5z',
  'activation-pca': 'M0 -5.5L5.5 0L0 5.5L-5.5 0z',
};
