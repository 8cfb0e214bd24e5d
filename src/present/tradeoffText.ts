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

const COLUMNS = ['method', 'bytes/token', 'cache', 'mean KL', '±', '99 %', 'same top token', 'perplexity'] as const;

/** What the columns are. */
const LEGEND =
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
      ...cells(one, sweep),
      ...(scenario === null ? [] : [sizeAt(one, scenario)]),
      best.has(one.method) ? '*' : '',
    ]);
  const head = [
    ...COLUMNS,
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
    `unchanged: ${formatBytes(unchanged.bytesPerToken)} bytes of cache a token, perplexity ${unchanged.perplexity.toPrecision(5)}`,
    ...all.map(line),
    LEGEND,
    ...tradeoffNotes(sweep.methods),
  ];
}

const formatBytes = (bytes: number): string => formatInteger(Math.round(bytes));

function cells({ method, bytesPerToken, damage }: MethodResult, { unchanged }: Sweep): readonly string[] {
  const { klMean, klStandardError, kl99, sameTopShare, perplexityAfter, perplexityBefore } = damage;
  const change = 100 * (perplexityAfter / perplexityBefore - 1);
  return [
    method,
    formatBytes(bytesPerToken),
    `${((100 * bytesPerToken) / unchanged.bytesPerToken).toFixed(1)} %`,
    short(klMean),
    short(klStandardError),
    short(kl99),
    `${(100 * sameTopShare).toFixed(1)} %`,
    `${perplexityAfter.toPrecision(4)} (${change >= 0 ? '+' : '−'}${Math.abs(change).toPrecision(2)} %)`,
  ];
}

function short(value: number): string {
  if (value === 0) return '0';
  return value < 1e-3 ? value.toExponential(1) : value.toPrecision(3);
}

function sizeAt(one: MethodResult, { tokens, batch }: TradeoffScenario): string {
  const bytes = bytesAt(one, tokens);
  return bytes === null ? 'not known' : formatSize(bytes * batch);
}

/** Sentences about the rows: what must be known of methods, engines' options, what was refused. */
function tradeoffNotes(methods: readonly SweptMethod[]): readonly string[] {
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
