/** From what was measured to what the view shows: points, the best ones, sentences. Pure. */

import { bytesAt, paretoFront } from '../../../src/insight/tradeoff/result';
import { formatInteger, formatRatio, formatSize } from '../../../src/model/units';
import { LEAST_KL, TRADEOFF_SIGNS } from '../../../src/present/tradeoffCurve';
import { shortDamage } from '../../../src/present/tradeoffText';
import {
  type ShownMethod,
  type ShownOutcome,
  type ShownRefusal,
  type TradeoffRunning,
  type TradeoffState,
  UNCHANGED_METHOD,
} from '../../../src/shared/tradeoffState';
import { elementAt } from '../../../src/model/elementAt';
import type {
  DamageScale,
  ScatterMark,
  ScatterModel,
  ScatterPoint,
  ScatterSeries,
} from '../../charts/scatter/viewModel';
import { workloadText } from '../../../src/present/words';

/** What damage is counted in. */
export const MEASURES = ['kl', 'top', 'perplexity'] as const;
export type Measure = (typeof MEASURES)[number];
/** Which size a cache has: of a token, or all of it at the scenario. */
export const SIZES = ['token', 'scenario'] as const;
export type Size = (typeof SIZES)[number];

export interface Workload {
  readonly tokens: number;
  readonly batch: number;
}

interface MeasureWords {
  readonly short: string;
  readonly title: string;
  readonly of: (method: Pick<ShownMethod, 'damage'>) => number;
  readonly says: (value: number) => string;
  readonly scale: DamageScale;
}

const percent = (value: number, digits = 3): string => `${Number(value.toPrecision(digits))} %`;

/** Less of perplexity's change than this is drawn on the edge; so are models that became better. */
const LEAST_CHANGE = 0.01;

export const MEASURE_WORDS: Readonly<Record<Measure, MeasureWords>> = {
  kl: {
    short: 'KL',
    title: 'mean KL of the next token, nats',
    of: ({ damage }) => damage.klMean,
    says: (value) => `KL ${shortDamage(value)}`,
    scale: {
      kind: 'log',
      least: LEAST_KL,
      format: (value) =>
        value <= 1.01 * LEAST_KL
          ? '≤ 1e-7'
          : value < 0.001
            ? value.toExponential(0)
            : String(Number(value.toPrecision(1))),
    },
  },
  top: {
    short: 'Top token',
    title: 'positions with another likeliest token, %',
    of: ({ damage }) => 100 * (1 - damage.sameTopShare),
    says: (value) => `another top token at ${percent(value)}`,
    scale: { kind: 'linear', format: (value) => String(Number(value.toPrecision(3))) },
  },
  perplexity: {
    short: 'Perplexity',
    title: 'rise of perplexity, %',
    of: ({ damage }) => 100 * (damage.perplexityAfter / damage.perplexityBefore - 1),
    says: (value) => `perplexity ${value < 0 ? '−' : '+'}${percent(Math.abs(value))}`,
    scale: {
      kind: 'log',
      least: LEAST_CHANGE,
      format: (value) =>
        value <= 1.01 * LEAST_CHANGE
          ? `≤ ${LEAST_CHANGE}`
          : value >= 1
            ? formatInteger(value)
            : String(Number(value.toPrecision(1))),
    },
  },
};

function isMeasured(outcome: ShownOutcome): outcome is ShownMethod {
  return !('refused' in outcome);
}

/** What was measured, without the unchanged model. */
export function measuredIn(state: TradeoffState): readonly ShownMethod[] {
  return state.outcomes.filter(isMeasured).filter(({ method }) => method !== UNCHANGED_METHOD);
}

export function refusedIn(state: TradeoffState): readonly ShownRefusal[] {
  return state.outcomes.filter((one): one is ShownRefusal => !isMeasured(one));
}

export function unchangedIn(state: TradeoffState): ShownMethod | null {
  return state.outcomes.filter(isMeasured).find(({ method }) => method === UNCHANGED_METHOD) ?? null;
}

/** Methods that were neither measured nor refused yet. */
export function missingIn({ asked, outcomes }: TradeoffState): number {
  const found = new Set(outcomes.map(({ method }) => method));
  return asked.filter(({ method }) => !found.has(method)).length;
}

/** Null beyond the lengths that were counted. */
function bytesOf(method: ShownMethod, size: Size, { tokens, batch }: Workload): number | null {
  if (size === 'token') return method.bytesPerToken;
  const bytes = bytesAt(method, tokens);
  return bytes === null ? null : bytes * batch;
}

/** Hues of families of methods; the signs tell kinds of one family apart. */
const FAMILIES: readonly (readonly [begins: RegExp, color: string])[] = [
  [/^GQA/, 'var(--orange)'],
  [/^(?:MLA|low rank)/, 'var(--vscode-charts-purple)'],
  [/^shared layers/, 'var(--vscode-charts-yellow)'],
  [/^cache types/, 'var(--vscode-charts-blue)'],
  [/^(?:window|H2O|SnapKV)/, 'var(--vscode-charts-green)'],
];

function seriesOf(methods: readonly ShownMethod[]): ReadonlyMap<string, ScatterSeries> {
  const seen = new Map<string, number>();
  return new Map(
    [...new Set(methods.map(({ kind }) => kind))].map((name): [string, ScatterSeries] => {
      const [, color] = FAMILIES.find(([begins]) => begins.test(name)) ?? [null, 'var(--vscode-foreground)'];
      const at = seen.get(color) ?? 0;
      seen.set(color, at + 1);
      return [name, { name, color, sign: elementAt(TRADEOFF_SIGNS, at % TRADEOFF_SIGNS.length) }];
    }),
  );
}

/** The methods than which none is both smaller and less damaging, smallest caches first. */
export function bestOf(
  methods: readonly ShownMethod[],
  measure: Measure,
  size: Size,
  workload: Workload,
): readonly ShownMethod[] {
  const points = methods.flatMap((method) => {
    const bytes = bytesOf(method, size, workload);
    return bytes === null ? [] : [{ method, bytesPerToken: bytes, klMean: MEASURE_WORDS[measure].of(method) }];
  });
  return paretoFront(points).map(({ method }) => method);
}

/** Null where nothing is measured that could be drawn. */
export function scatterOf(state: TradeoffState, measure: Measure, size: Size, workload: Workload): ScatterModel | null {
  const own = unchangedIn(state);
  const methods = measuredIn(state);
  const whole = own && bytesOf(own, size, workload);
  if (whole === null || methods.length === 0) return null;
  const { title, of, says, scale } = MEASURE_WORDS[measure];
  const series = seriesOf(methods);
  const best = new Set(bestOf(methods, measure, size, workload));
  const points = methods.flatMap((method): ScatterPoint[] => {
    const bytes = bytesOf(method, size, workload);
    const one = series.get(method.kind);
    if (bytes === null || one === undefined) return [];
    const damage = of(method);
    return [
      {
        id: method.method,
        title: method.title,
        bytes,
        damage,
        series: one,
        best: best.has(method),
        says: `${sizeText(bytes, size)}, ${says(damage)}`,
      },
    ];
  });
  if (points.length === 0) return null;
  return {
    points,
    marks: marksOf(state, measure, size, whole),
    scale,
    damageTitle: title,
    bytesTitle: size === 'token' ? 'cache per token, all layers' : `cache at ${workloadText({ workload })}`,
    unchangedBytes: whole,
  };
}

/** Models that were trained, and of what was published the divergences: both per token, as they were counted. */
function marksOf(
  { siblings, anchors }: TradeoffState,
  measure: Measure,
  size: Size,
  whole: number,
): readonly ScatterMark[] {
  if (size !== 'token') return [];
  const { of } = MEASURE_WORDS[measure];
  return [
    ...siblings.map(
      ({ title, bytesPerToken, damage }): ScatterMark => ({
        title,
        label: title.replace(/^trained /, ''),
        bytes: bytesPerToken,
        damage: of({ damage }),
        kind: 'trained',
      }),
    ),
    ...(measure === 'kl' ? anchors : []).flatMap(({ text, point }): readonly ScatterMark[] =>
      point === null
        ? []
        : [{ title: text, label: '', bytes: point.cacheShare * whole, damage: point.klMean, kind: 'published' }],
    ),
  ];
}

function sizeText(bytes: number, size: Size): string {
  return size === 'token' ? `${formatSize(bytes)} per token` : formatSize(bytes);
}

/** The least damage with at most a share of the unchanged cache; null where nothing is so small. */
export function leastWithin(
  state: TradeoffState,
  share: number,
  measure: Measure,
  size: Size,
  workload: Workload,
): ShownMethod | null {
  const own = unchangedIn(state);
  const whole = own && bytesOf(own, size, workload);
  if (whole === null) return null;
  const { of } = MEASURE_WORDS[measure];
  const fitting = measuredIn(state).filter((method) => {
    const bytes = bytesOf(method, size, workload);
    return bytes !== null && bytes <= share * whole;
  });
  return fitting.reduce<ShownMethod | null>((best, one) => (best === null || of(one) < of(best) ? one : best), null);
}

/** Methods that a budget is made of: what none beats, layer by layer; layers that share one cache cannot be chosen one at a time. */
export function budgetMethods(state: TradeoffState, workload: Workload): readonly string[] {
  const single = measuredIn(state).filter(({ kind, chosen }) => chosen === undefined && kind !== 'shared layers');
  return bestOf(single, 'kl', 'token', workload).map(({ method }) => method);
}

/** Lines about a method, the most telling first. */
export function detailLines(method: ShownMethod, state: TradeoffState, workload: Workload): readonly string[] {
  const own = unchangedIn(state);
  const { damage, bytesPerToken } = method;
  const at = bytesOf(method, 'scenario', workload);
  const whole = own && bytesOf(own, 'scenario', workload);
  const { klMean, klStandardError, kl99, sameTopShare, perplexityBefore, perplexityAfter, tokens } = damage;
  return [
    `${formatSize(bytesPerToken)} per token${own ? `, ${formatRatio(own.bytesPerToken, bytesPerToken)}` : ''} · ${at === null ? 'size not known' : formatSize(at)} at ${workloadText({ workload })}${at !== null && whole !== null ? `, ${formatRatio(whole, at)}` : ''}`,
    `mean KL ${shortDamage(klMean)} ± ${shortDamage(klStandardError)} nats; 99 % of positions stay below ${shortDamage(kl99)}`,
    `same top token at ${percent(100 * sameTopShare)} of ${formatInteger(tokens)} positions · perplexity ${perplexityBefore.toPrecision(4)} → ${perplexityAfter.toPrecision(4)}`,
    ...(method.expectedKl === undefined
      ? []
      : [`layers changed one at a time add up to KL ${shortDamage(method.expectedKl)}`]),
  ];
}

/** Few positions say little: how sure the numbers are, in a sentence. */
export function confidenceText({ text, layers, precision }: TradeoffState, tokens: number | null): string {
  const of =
    text.ofTokens > text.tokens
      ? `the first ${formatInteger(text.tokens)} of ${formatInteger(text.ofTokens)}`
      : formatInteger(text.tokens);
  const measured = tokens === null ? '' : `, damage at the last ${formatInteger(tokens)}`;
  return `${text.name}: ${of} tokens${measured} · ${layers} ${layers === 1 ? 'layer' : 'layers'} · ${precision} · without training`;
}

/** "12 left, about 40 s". */
export function leftText({ left, leftMs }: TradeoffRunning): string {
  return [left === null ? '' : `${left} left`, leftMs === null ? '' : `about ${durationText(leftMs)}`]
    .filter((part) => part !== '')
    .join(', ');
}

/** Rounded so that nobody takes it for exact. */
export function durationText(ms: number): string {
  const seconds = ms / 1000;
  if (seconds < 100) return `${Math.max(1, Math.ceil(seconds))} s`;
  if (seconds < 5400) return `${Math.ceil(seconds / 60)} min`;
  return `${(seconds / 3600).toFixed(1)} h`;
}

export interface LayerBar {
  readonly layer: number;
  /** Of the largest; null: not known. */
  readonly fraction: number | null;
  readonly text: string;
}

/** Error of each layer's attention output. */
export function layerBars({ layers }: ShownMethod): readonly LayerBar[] {
  const most = Math.max(1e-12, ...layers.map(({ outputRelativeError }) => outputRelativeError ?? 0));
  return layers.map(({ layer, outputRelativeError: error }) => ({
    layer,
    fraction: error === null ? null : error / most,
    text: error === null ? 'not known' : error === 0 ? '0' : shortDamage(error),
  }));
}
