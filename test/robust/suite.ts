/** The suite: what `run.mjs` and the short form in the unit tests call. */

import { generator } from '../unit/weights/files';
import { fault, kill } from './compute';
import { CORPUS } from './corpus/cases';
import { edit } from './editing';
import { BATCH, batchOf, largeOf, mixed } from './inputs';
import { Providers } from './providers';
import { addReport, emptyReport, LIMIT_MS, type Report, Watch } from './watch';

/** Kills and faults between two signs of life. */
const SLICE = 20;

export interface Part {
  readonly seed: number;
  /** Texts of whole configs. */
  readonly bases: readonly string[];
  /** Small inputs: batches of them are made until there are so many. */
  readonly inputs: number;
  /** Which of the large texts (see `largeOf`): every `step`th from `from` on, below `to`. */
  readonly large: { readonly from: number; readonly to: number; readonly step: number };
  /** Of one open document. */
  readonly edits: number;
  readonly kills: number;
  readonly faults: number;
  /** The compute process, built. */
  readonly script: string;
  readonly corpus: boolean;
  /** Told before each batch with what was seen before it, so that who waits knows that it lives, and where it hangs. */
  readonly onBegin?: (what: string, seen: Report) => void;
}

export async function runPart(part: Part): Promise<Report> {
  const { seed } = part;
  const watch = new Watch();
  const onBegin = (what: string): void => part.onBegin?.(what, watch.report);
  const providers = new Providers(watch, generator(mixed(seed, 1)));
  try {
    for (const { input, did } of part.corpus ? CORPUS : []) {
      onBegin(`corpus: ${did}`);
      await providers.askAll(input);
    }
    for (let index = part.large.from; index < part.large.to; index += part.large.step) {
      onBegin(`large text ${index}`);
      await providers.askAll(largeOf(index, seed));
      watch.lookAtMemory();
    }
    for (let batch = 0; batch * BATCH < part.inputs; batch++) {
      onBegin(`batch ${batch} of seed ${seed}`);
      for (const input of batchOf(mixed(seed, 1_000 + batch), part.bases)) await providers.askAll(input);
      watch.lookAtMemory();
    }
  } finally {
    providers.close();
  }
  if (part.edits > 0) {
    onBegin('edits');
    const text = part.bases.reduce((longest, next) => (next.length > longest.length ? next : longest), '');
    edit(text, part.edits, watch, generator(mixed(seed, 2)));
  }
  for (let from = 0; from < part.faults; from += SLICE) {
    onBegin(`faults ${from}`);
    await fault(Math.min(SLICE, part.faults - from), mixed(seed, 100_000 + from), watch);
  }
  for (let from = 0; from < part.kills; from += SLICE) {
    onBegin(`kills ${from}`);
    await kill(part.script, Math.min(SLICE, part.kills - from), mixed(seed, 200_000 + from), watch);
  }
  watch.lookAtMemory();
  return watch.report;
}

/** The table of a run, and whether it holds. */
export function table(reports: readonly Report[], seed: number): { readonly text: string; readonly holds: boolean } {
  const sum = emptyReport();
  for (const report of reports) addReport(sum, report);
  const number = (value: number): string => value.toLocaleString('en-US');
  const rows = (counts: Readonly<Record<string, number>>): string[] =>
    Object.entries(counts)
      .sort(([a], [b]) => a.localeCompare(b))
      .map(([name, count]) => `  ${name.padEnd(44)} ${number(count).padStart(14)}`);
  const small = Object.entries(sum.inputs).filter(([name]) => !name.startsWith('large'));
  const large = Object.entries(sum.inputs).filter(([name]) => name.startsWith('large'));
  const total = (entries: readonly (readonly [string, number])[]): number =>
    entries.reduce((all, [, count]) => all + count, 0);
  const slowest = Object.entries(sum.slowest).sort(([, a], [, b]) => b.ms - a.ms);
  const kinds = ['throw', 'loss', 'hang', 'slow', 'nonsense', 'text', 'edit', 'memory'];
  const text = [
    `Robustness, seed ${seed}`,
    '',
    `Inputs: ${number(total(small) + total(large))}`,
    ...rows(Object.fromEntries(small)),
    `  ${'large texts, to 16 MB'.padEnd(44)} ${number(total(large)).padStart(14)}`,
    '',
    'Counted',
    ...rows(sum.counts),
    '',
    `Slowest answer by provider (at most ${LIMIT_MS} ms)${' '.repeat(11)} ms   first ms       calls  input (characters)`,
    ...slowest.map(
      ([name, { ms, firstMs, input, calls }]) =>
        `  ${name.padEnd(44)} ${ms.toFixed(1).padStart(8)} ${firstMs.toFixed(1).padStart(10)} ${number(calls).padStart(11)}  ${input}`,
    ),
    '',
    `Peak memory of a process: ${number(Math.round(sum.peakBytes / 2 ** 20))} MiB`,
    '',
    `Breaches: ${kinds.map((kind) => `${sum.breachCounts[kind] ?? 0} ${kind}`).join(', ')}`,
    ...sum.breaches.map(({ kind, where, what, input }) => `  ${kind}, ${where}: ${what}\n    ${JSON.stringify(input)}`),
  ].join('\n');
  return { text, holds: total(Object.entries(sum.breachCounts)) === 0 };
}

/** A breach that the part itself could not report: it hung, or it ended. */
export function brokenPart(where: string, kind: 'hang' | 'throw', what: string): Report {
  return { ...emptyReport(), breaches: [{ kind, where, what, input: '' }], breachCounts: { [kind]: 1 } };
}
