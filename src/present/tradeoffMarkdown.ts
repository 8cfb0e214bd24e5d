/** A sweep over methods as a page: the curve as a picture, the same facts as tables, and what must be known to read them. */

import { ANCHORS } from '../insight/tradeoff/anchors';
import { bytesAt, isRefused, type MethodResult, paretoFront, type Sweep } from '../insight/tradeoff/result';
import { formatInteger, formatSize } from '../model/units';
import { documentOf, figure, heading, list, type Markdown, md, sentenceText, table } from './markdown';
import type { Svg } from './svg';
import { anchorRows, applicationRows, siblingRows } from './tradeoffBeside';
import { PROBES_LEGEND, probeAbout, probeTable } from './tradeoffProbes';
import { SEEDED_SAYS_LITTLE } from './tradeoffSays';
import {
  sizeAtScenario,
  TRADEOFF_COLUMNS,
  TRADEOFF_LEGEND,
  tradeoffCells,
  tradeoffNotes,
  type TradeoffScenario,
} from './tradeoffText';

export interface TradeoffPage {
  readonly scenario: TradeoffScenario;
  /** Random weights. */
  readonly seeded: boolean;
  /** Methods that were not measured. */
  readonly missing: number;
  /** Null for Markdown that is read as text. */
  readonly picture: Svg | null;
}

export function tradeoffMarkdown(sweep: Sweep, { scenario, seeded, missing, picture }: TradeoffPage): Markdown {
  const { model, text, measured, precision, unchanged } = sweep;
  const found = inOrder(sweep);
  const of = text.ofTokens > text.tokens ? ` of its ${formatInteger(text.ofTokens)} tokens` : ' tokens';
  const titles = [
    ...TRADEOFF_COLUMNS,
    `at ${formatInteger(scenario.tokens)} × ${formatInteger(scenario.batch)}`,
    'best',
  ];
  const best = frontOf(found);
  return documentOf([
    heading(1, md`What ${model} would lose with a smaller cache`),
    ...(seeded ? [md`**${sentenceText(SEEDED_SAYS_LITTLE)}**`] : []),
    md`Measured on ${text.name}, the first ${formatInteger(text.tokens)}${of}, in ${precision}, without training. Damage is of the last ${formatInteger(measured.tokens)} positions; methods are fitted on those before. Unchanged: ${formatSize(unchanged.bytesPerToken)} of cache per token, perplexity ${unchanged.perplexity.toPrecision(4)}.`,
    ...(missing > 0 ? [md`Stopped: ${missing} ${missing === 1 ? 'method is' : 'methods are'} not measured yet.`] : []),
    ...(picture === null ? [] : [figure(picture)]),
    table(
      titles,
      found.map((one) => [
        ...tradeoffCells(one, sweep),
        sizeAtScenario(one, scenario),
        best.has(one.method) ? 'yes' : '',
      ]),
      ['left', 'right', 'right', 'right', 'right', 'right', 'right', 'right', 'right', 'left'],
    ),
    sentenceText(TRADEOFF_LEGEND.replace(/; \*[^;]*$/, '; best: no other method is both smaller and less damaging')),
    ...(found.length === 0 ? [] : [heading(2, 'Error of each layer’s attention output'), layerTable(found)]),
    ...probesSection(sweep),
    list(tradeoffNotes(sweep.methods).map(sentenceText)),
    ...rowsWithTitle(applicationRows(sweep)),
    ...rowsWithTitle(siblingRows(sweep)),
    ...rowsWithTitle(anchorRows(ANCHORS)),
  ]);
}

function probesSection(sweep: Sweep): readonly Markdown[] {
  const rows = probeTable(sweep);
  if (rows === null) return [];
  const [title = [], ...found] = rows;
  return [
    heading(2, 'Long-range probes'),
    sentenceText(PROBES_LEGEND),
    list(sweep.unchanged.probes.map((probe) => sentenceText(`${probe.name}: ${probeAbout(probe)}`))),
    table(title, found, ['left', ...title.slice(1).map(() => 'right' as const)]),
  ];
}

/** Rows of the command line, whose first ones are an empty line and a title. */
function rowsWithTitle(rows: readonly string[]): readonly Markdown[] {
  const [title, ...items] = rows.filter((row) => row !== '');
  return title === undefined ? [] : [heading(2, title.replace(/:$/, '')), list(items.map(sentenceText))];
}

/** The page's table for other programs. */
export function tradeoffCsv(sweep: Sweep, scenario: TradeoffScenario): string {
  const quoted = (cell: string | number): string =>
    /[",\n]/.test(String(cell)) ? `"${String(cell).replaceAll('"', '""')}"` : String(cell);
  const head = [
    'method',
    'bytes per token',
    `bytes at ${scenario.tokens} x ${scenario.batch}`,
    'mean KL',
    'standard error',
    'KL 99 %',
    'same top token',
    'perplexity before',
    'perplexity after',
    'best',
  ];
  const found = inOrder(sweep);
  const best = frontOf(found);
  const rows = found.map((one) => {
    const { method, bytesPerToken, damage } = one;
    const bytes = bytesAt(one, scenario.tokens);
    return [
      method,
      bytesPerToken,
      bytes === null ? '' : bytes * scenario.batch,
      damage.klMean,
      damage.klStandardError,
      damage.kl99,
      damage.sameTopShare,
      damage.perplexityBefore,
      damage.perplexityAfter,
      best.has(method) ? 1 : 0,
    ];
  });
  return [head, ...rows].map((row) => `${row.map(quoted).join(',')}\n`).join('');
}

/** Larger caches first. */
function inOrder({ methods }: Sweep): readonly MethodResult[] {
  return methods
    .filter((one): one is MethodResult => !isRefused(one))
    .toSorted((a, b) => b.bytesPerToken - a.bytesPerToken || a.damage.klMean - b.damage.klMean);
}

function frontOf(found: readonly MethodResult[]): ReadonlySet<string> {
  const points = found.map(({ method, bytesPerToken, damage }) => ({ method, bytesPerToken, klMean: damage.klMean }));
  return new Set(paretoFront(points).map(({ method }) => method));
}

function layerTable(found: readonly MethodResult[]): Markdown {
  const layers = found[0]?.layers ?? [];
  return table(
    ['layer', ...found.map(({ method }) => method)],
    layers.map(({ layer }, at) => [
      layer,
      ...found.map((one) => {
        const error = one.layers[at]?.outputRelativeError;
        return error === undefined || error === null ? 'not known' : error === 0 ? '0' : error.toPrecision(3);
      }),
    ]),
    ['left', ...found.map(() => 'right' as const)],
  );
}
