/** A sweep over methods as rows for the command line. */

import {
  bytesAt,
  isRefused,
  type MethodResult,
  paretoFront,
  type Sweep,
  type SweptMethod,
} from '../insight/tradeoff/result';
import { elementAt } from '../model/elementAt';
import { formatInteger, formatSize } from '../model/units';

export interface TradeoffScenario {
  readonly tokens: number;
  readonly batch: number;
}

export const TRADEOFF_COLUMNS = [
  'method',
  'bytes/token',
  'cache',
  'mean KL',
  '±',
  '99 %',
  'same top token',
  'perplexity',
] as const;

/** What the columns are. */
export const TRADEOFF_LEGEND =
  'cache: of what it was; mean KL: nats by which the next token’s prediction diverges, ± its standard error, and the value that 99 % of positions stay below; same top token: positions where it stays the likeliest one; * no other method is both smaller and better';

/** Rows of one width each. */
export function tradeoffRows(sweep: Sweep, scenario: TradeoffScenario | null): readonly string[] {
  const found = sweep.methods.filter((one): one is MethodResult => !isRefused(one));
  const best = new Set(
    paretoFront(
      found.map(({ method, bytesPerToken, damage }) => ({ method, bytesPerToken, klMean: damage.klMean })),
    ).map(({ method }) => method),
  );
  const rows = found
    .toSorted((a, b) => b.bytesPerToken - a.bytesPerToken || a.damage.klMean - b.damage.klMean)
    .map((one) => [
      ...tradeoffCells(one, sweep),
      ...(scenario === null ? [] : [sizeAtScenario(one, scenario)]),
      best.has(one.method) ? '*' : '',
    ]);
  const head = [
    ...TRADEOFF_COLUMNS,
    ...(scenario === null ? [] : [`at ${formatInteger(scenario.tokens)} × ${formatInteger(scenario.batch)}`]),
    '',
  ];
  const all = [head, ...rows];
  const widths = head.map((_, column) => Math.max(...all.map((row) => row[column]?.length ?? 0)));
  const line = (row: readonly string[]): string =>
    row
      .map((cell, i) => (i === 0 ? cell.padEnd(elementAt(widths, i)) : cell.padStart(elementAt(widths, i) + 2)))
      .join('')
      .trimEnd();
  const { text, measured, unchanged, precision, model } = sweep;
  const cut =
    text.ofTokens > text.tokens
      ? `, the first ${formatInteger(text.tokens)} of its ${formatInteger(text.ofTokens)} tokens`
      : `, ${formatInteger(text.tokens)} tokens`;
  return [
    `${model} on ${text.name}${cut}; damage measured at the last ${formatInteger(measured.tokens)} positions, methods fitted on the earlier ones, in ${precision}, without training`,
    `unchanged: ${formatBytes(unchanged.bytesPerToken)} bytes of cache per token, perplexity ${unchanged.perplexity.toPrecision(5)}`,
    ...all.map(line),
    TRADEOFF_LEGEND,
    ...tradeoffNotes(sweep.methods),
  ];
}

const formatBytes = (bytes: number): string => formatInteger(Math.round(bytes));

/** Cells of one row, in the order of the columns. */
export function tradeoffCells(
  { method, bytesPerToken, damage }: Pick<MethodResult, 'method' | 'bytesPerToken' | 'damage'>,
  { unchanged }: { readonly unchanged: Pick<Sweep['unchanged'], 'bytesPerToken'> },
): readonly string[] {
  const { klMean, klStandardError, kl99, sameTopShare, perplexityAfter, perplexityBefore } = damage;
  const change = 100 * (perplexityAfter / perplexityBefore - 1);
  return [
    method,
    formatBytes(bytesPerToken),
    `${((100 * bytesPerToken) / unchanged.bytesPerToken).toFixed(1)} %`,
    shortDamage(klMean),
    shortDamage(klStandardError),
    shortDamage(kl99),
    `${(100 * sameTopShare).toFixed(1)} %`,
    `${perplexityAfter.toPrecision(4)} (${change >= 0 ? '+' : '−'}${Number(Math.abs(change).toPrecision(2))} %)`,
  ];
}

/** Damage to three digits. */
export function shortDamage(value: number): string {
  if (value === 0) return '0';
  return value < 1e-3 ? value.toExponential(1) : value.toPrecision(3);
}

/** Of the whole scenario; "not known" beyond the lengths that were counted. */
export function sizeAtScenario(one: Pick<MethodResult, 'cacheBytes'>, { tokens, batch }: TradeoffScenario): string {
  const bytes = bytesAt(one, tokens);
  return bytes === null ? 'not known' : formatSize(bytes * batch);
}

/** Sentences about the rows: what must be known of methods, engines' options, what was refused. */
export function tradeoffNotes(methods: readonly SweptMethod[]): readonly string[] {
  const byNote = new Map<string, string[]>();
  for (const one of methods)
    if (!isRefused(one)) for (const note of one.notes) byNote.set(note, [...(byNote.get(note) ?? []), one.method]);
  const launched = methods.flatMap((one) =>
    isRefused(one) || one.launch === null ? [] : [`${one.method}: ${one.launch}`],
  );
  return [
    ...[...byNote].map(([note, names]) => `${names.join(', ')}: ${note}`),
    ...(launched.length === 0 ? [] : [`options of the engines: ${launched.join('; ')}`]),
    ...methods.flatMap((one) => (isRefused(one) ? [`${one.method} is not possible: ${one.refused}`] : [])),
  ];
}
