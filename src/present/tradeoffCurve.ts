/**
 * Cache against damage of a whole model, both on logarithmic axes, with the methods that none beats joined by a line. Stars are models that were
 * trained apart; hollow marks are what others published, of which scores of tasks have a strip of their own.
 */

import type { Anchor } from '../insight/tradeoff/anchors';
import { isRefused, type MethodResult, paretoFront, type Sweep, type SweptMethod } from '../insight/tradeoff/result';
import { elementAt } from '../model/elementAt';
import { formatInteger } from '../model/units';
import { spread } from './spread';
import { type Svg, svg } from './svg';
import { anchorParts } from './tradeoffBeside';

const WIDTH = 760;
const AREA = { left: 64, right: 470, top: 46, bottom: 400 };
/** Under the axis' title: points of scores that were lost. */
const STRIP = { top: AREA.bottom + 68, bottom: AREA.bottom + 128 };
/** Of the legend: its columns, and the height of a row. */
const [PER_ROW, ROW] = [3, 16];
/** Less than this is drawn at the lower edge: it is rounding, or nothing at all. */
export const LEAST_KL = 1e-7;

/** Colours of kinds in turn; signs tell them apart without. */
const COLORS = [
  'blue, #3794ff',
  'purple, #a371f7',
  'green, #3fb950',
  'orange, #d18616',
  'red, #f85149',
  'yellow, #bf8803',
] as const;
/** Around 0, 0: signs of kinds. */
export const TRADEOFF_SIGNS = [
  'M-4 0a4 4 0 1 0 8 0a4 4 0 1 0 -8 0z',
  'M-4 -4h8v8h-8z',
  'M0 -5L5 4H-5z',
  'M0 -5.5L5.5 0L0 5.5L-5.5 0z',
  'M0 5L5 -4H-5z',
  'M-5 -1.5h3.5v-3.5h3v3.5h3.5v3h-3.5v3.5h-3v-3.5h-3.5z',
] as const;

interface Kind {
  readonly name: string;
  readonly color: string;
  readonly sign: string;
}

const STAR = 'M0 -6.5L1.6 -2.1L6.2 -2L2.6 0.8L3.9 5.3L0 2.7L-3.9 5.3L-2.6 0.8L-6.2 -2L-1.6 -2.1z';
const HOLLOW = 'M0 -5L5 0L0 5L-5 0z';

/** Null where there is nothing to draw. @param anchors Those with a share of the cache are drawn. */
export function tradeoffCurve(sweep: Sweep, anchors: readonly Anchor[] = []): Svg | null {
  const measured = (of: readonly SweptMethod[]): readonly MethodResult[] =>
    of.filter((one): one is MethodResult => !isRefused(one));
  const found = measured(sweep.methods);
  if (found.length === 0) return null;
  const trained = measured(sweep.siblings ?? []);
  const whole = sweep.unchanged.bytesPerToken;
  const published = anchors.flatMap((anchor): readonly Placed[] =>
    anchor.cacheShare === null ? [] : [{ anchor, bytesPerToken: anchor.cacheShare * whole }],
  );
  const kinds = kindsOf(found);
  const x = logScale(
    [...found, ...trained, ...published].map(({ bytesPerToken }) => bytesPerToken).concat(whole),
    AREA.left,
    AREA.right,
    2,
  );
  const y = logScale(
    [
      ...[...found, ...trained].map(({ damage }) => damage.klMean),
      ...published.flatMap(({ anchor: { measure } }) => (measure.kind === 'kl' ? [measure.klMean] : [])),
    ].map((kl) => Math.max(LEAST_KL, kl)),
    AREA.bottom,
    AREA.top,
    10,
  );
  const place = ({ bytesPerToken, damage }: MethodResult): readonly [number, number] => [
    x.at(bytesPerToken),
    y.at(Math.max(LEAST_KL, damage.klMean)),
  ];
  const front = frontOf(found);
  const line = front.map((one, i) => `${i === 0 ? 'M' : 'L'}${place(one).map(tenth).join(' ')}`).join('');
  const title = `Cache against damage: ${sweep.model}`;
  const below = strip(published, x);
  const signs = [...kinds, ...othersOf(trained, published)];
  const top = (below === null ? AREA.bottom : STRIP.bottom) + 56;
  const height = top + ROW * Math.ceil(signs.length / PER_ROW);
  return svg`<svg viewBox="0 0 ${WIDTH} ${height}" width="${WIDTH}" height="${height}" role="img" aria-label="${title}" style="max-width: 100%; min-width: 480px; height: auto; font: 12px system-ui, sans-serif"><title>${title}</title><g fill="currentColor" stroke="none"><text x="8" y="18" font-weight="600">${title}</text><text x="8" y="34">${subtitle(sweep)}</text>${axes(x, y)}<path d="${line}" fill="none" stroke="currentColor" stroke-opacity="0.55" stroke-width="1.5" stroke-dasharray="4 3"/>${found.map((one) => mark(one, place(one), kindOf(kinds, one), front.includes(one)))}${published.map((one) => hollow(one, x, y))}${stars(trained, place)}${labels(front, place)}${below ?? ''}${legend(signs, top)}</g></svg>`;
}

function subtitle({ text, measured, precision, unchanged }: Sweep): string {
  return `${text.name}: ${formatInteger(measured.tokens)} of ${formatInteger(text.tokens)} tokens measured, ${precision}; unchanged: perplexity ${unchanged.perplexity.toPrecision(4)}`;
}

function frontOf(found: readonly MethodResult[]): readonly MethodResult[] {
  const points = found.map((one) => ({ one, bytesPerToken: one.bytesPerToken, klMean: one.damage.klMean }));
  return paretoFront(points).map(({ one }) => one);
}

function kindsOf(found: readonly MethodResult[]): readonly Kind[] {
  return [...new Set(found.map(({ kind }) => kind))].map((name, i) => ({
    name,
    color: `var(--vscode-charts-${elementAt(COLORS, i % COLORS.length)})`,
    sign: elementAt(TRADEOFF_SIGNS, (i + Math.floor(i / COLORS.length)) % TRADEOFF_SIGNS.length),
  }));
}

function kindOf(kinds: readonly Kind[], { kind }: MethodResult): Kind {
  return elementAt(
    kinds,
    kinds.findIndex(({ name }) => name === kind),
  );
}

interface LogScale {
  readonly at: (value: number) => number;
  readonly ticks: readonly number[];
}

/** A little wider than its values, with ticks at powers of `base`, at most so many. */
function logScale(values: readonly number[], start: number, end: number, base: 2 | 10): LogScale {
  const [least, most] = [Math.min(...values) / 1.3, Math.max(...values) * 1.3];
  const power = (value: number): number => Math.log(value) / Math.log(base);
  const [from, to] = [Math.ceil(power(least)), Math.floor(power(most))];
  const every = Math.ceil((to - from + 1) / MOST_TICKS);
  const ticks = Array.from(
    { length: Math.max(0, Math.floor((to - from) / every) + 1) },
    (_, i) => base ** (from + i * every),
  );
  return { ticks, at: (value) => start + (Math.log(value / least) / Math.log(most / least)) * (end - start) };
}

const MOST_TICKS = 9;

const tenth = (value: number): string => value.toFixed(1);

function axes(x: LogScale, y: LogScale): Svg {
  const across = y.ticks.map(
    (tick) =>
      svg`<path d="M${AREA.left} ${tenth(y.at(tick))}H${AREA.right}" stroke="currentColor" stroke-opacity="0.18"/><text x="${AREA.left - 6}" y="${y.at(tick) + 4}" text-anchor="end">${klTick(tick)}</text>`,
  );
  const down = x.ticks.map(
    (tick) =>
      svg`<path d="M${tenth(x.at(tick))} ${AREA.top}V${AREA.bottom}" stroke="currentColor" stroke-opacity="0.18"/><text x="${x.at(tick)}" y="${AREA.bottom + 16}" text-anchor="middle">${bytesTick(tick)}</text>`,
  );
  return svg`${across}${down}<text x="${(AREA.left + AREA.right) / 2}" y="${AREA.bottom + 36}" text-anchor="middle">bytes of cache per token, all layers</text><text transform="translate(14 ${(AREA.top + AREA.bottom) / 2}) rotate(-90)" text-anchor="middle">mean KL of the next token, nats</text>`;
}

function klTick(value: number): string {
  if (value <= LEAST_KL * 1.01) return '≤ 1e-7';
  return value >= 0.001 ? String(Number(value.toPrecision(1))) : value.toExponential(0);
}

/** Powers of two, as everyone who counts caches knows them: not in the units that are chosen for sizes. */
function bytesTick(value: number): string {
  const step = [1, 1024, 1024 ** 2, 1024 ** 3].findLast((size) => value >= size) ?? 1;
  return `${formatInteger(value / step)}${{ 1: '', 1024: ' KiB', 1048576: ' MiB', 1073741824: ' GiB' }[step] ?? ''}`;
}

function mark(
  { method }: MethodResult,
  [left, top]: readonly [number, number],
  { color, sign }: Kind,
  best: boolean,
): Svg {
  const fill = best ? color : 'var(--vscode-editor-background, transparent)';
  return svg`<path transform="translate(${tenth(left)} ${tenth(top)})" d="${sign}" style="stroke: ${color}; fill: ${fill}" stroke-width="1.5"><title>${method}</title></path>`;
}

/** The methods that none beats, named at the right edge in the order of their damage. */
function labels(front: readonly MethodResult[], place: (one: MethodResult) => readonly [number, number]): Svg {
  const order = front.toSorted((a, b) => place(a)[1] - place(b)[1]);
  const tops = spread(
    order.map((one) => place(one)[1]),
    AREA.top,
    AREA.bottom,
  );
  return svg`${order.map((one, i) => {
    const [left, top] = place(one);
    const to = elementAt(tops, i);
    return svg`<path d="M${tenth(left + 6)} ${tenth(top)}L${AREA.right + 8} ${tenth(to)}" fill="none" stroke="currentColor" stroke-opacity="0.25"/><text x="${AREA.right + 12}" y="${to + 4}">${one.method}</text>`;
  })}`;
}

interface Placed {
  readonly anchor: Anchor;
  readonly bytesPerToken: number;
}

function stars(trained: readonly MethodResult[], place: (one: MethodResult) => readonly [number, number]): Svg {
  const tops = spread(
    trained.map((one) => place(one)[1]),
    AREA.top,
    AREA.bottom,
  );
  return svg`${trained.map((one, i) => {
    const [left, top] = place(one);
    return svg`<path transform="translate(${tenth(left)} ${tenth(top)})" d="${STAR}" fill="currentColor"><title>${one.method}</title></path><text x="${tenth(left + 9)}" y="${tenth(elementAt(tops, i) + 4)}" font-weight="600">${one.method.replace(/^trained /, '')}</text>`;
  })}`;
}

/** Where a divergence was published: beside those that were measured. */
function hollow({ anchor, bytesPerToken }: Placed, x: LogScale, y: LogScale): Svg {
  if (anchor.measure.kind !== 'kl') return svg``;
  const [left, top] = [x.at(bytesPerToken), y.at(Math.max(LEAST_KL, anchor.measure.klMean))];
  return publishedMark(anchor, left, top);
}

function publishedMark(anchor: Anchor, left: number, top: number): Svg {
  return svg`<path transform="translate(${tenth(left)} ${tenth(top)})" d="${HOLLOW}" fill="none" stroke="currentColor" stroke-dasharray="${anchor.training === null ? 'none' : '2 1.5'}"><title>${anchorParts(anchor).map((part) => svg`${part}`)}</title></path>`;
}

/** Scores of tasks: points that were lost, on the same axis of sizes; null where there are none. */
function strip(published: readonly Placed[], x: LogScale): Svg | null {
  const scored = published.flatMap((one) => {
    const { measure } = one.anchor;
    return measure.kind === 'score' ? [{ ...one, lost: Math.max(0, measure.before - measure.after) }] : [];
  });
  if (scored.length === 0) return null;
  const most = Math.max(...scored.map(({ lost }) => lost));
  // Most lose a point or less: the root spreads them.
  const y = (lost: number): number => STRIP.bottom - Math.sqrt(lost / most) * (STRIP.bottom - STRIP.top);
  const ticks = [0, 1, 5, 20].filter((tick) => tick <= most);
  return svg`<text x="${AREA.left}" y="${STRIP.top - 10}">published: points of tasks that were lost, other models</text>${ticks.map(
    (tick) =>
      svg`<path d="M${AREA.left} ${tenth(y(tick))}H${AREA.right}" stroke="currentColor" stroke-opacity="0.18"/><text x="${AREA.left - 6}" y="${tenth(y(tick) + 4)}" text-anchor="end">${tick}</text>`,
  )}${scored.map(({ anchor, bytesPerToken, lost }) => publishedMark(anchor, x.at(bytesPerToken), y(lost)))}`;
}

function othersOf(trained: readonly MethodResult[], published: readonly Placed[]): readonly Kind[] {
  return [
    ...(trained.length === 0 ? [] : [{ name: 'trained as what it is', color: 'currentColor', sign: STAR }]),
    ...(published.length === 0
      ? []
      : [{ name: 'published (dashed: after training)', color: 'currentColor', sign: HOLLOW }]),
  ];
}

function legend(kinds: readonly Kind[], from: number): Svg {
  return svg`${kinds.map(({ name, color, sign }, i) => {
    const [left, top] = [16 + (i % PER_ROW) * 246, from + Math.floor(i / PER_ROW) * ROW];
    return svg`<path transform="translate(${left} ${top - 4})" d="${sign}" style="stroke: ${color}; fill: none" stroke-width="1.5"/><text x="${left + 9}" y="${top}">${name}</text>`;
  })}`;
}
