/** A plan as plain text, for terminals. */

import type { Adjustment, CachePlan } from '../cache/plan';
import { formatBytes, formatExactBytes, formatInteger, formatRanges } from '../model/units';
import { allAlike, threeText } from './scopeText';
import { beyondText, NOT_KNOWN, notKnownText, scopedText, sizeText } from './sizeText';
import { lines, type TerminalText } from './terminal';
import { contextText, designText, factorsText, inexactText, termTitle, workloadText } from './words';

export function planText(plan: CachePlan): TerminalText {
  const found = [
    `${plan.spec.modelType}: ${designText(plan.spec)}`,
    totalLine(plan),
    ...plan.derivation.map(
      (term) =>
        `  ${termTitle(term)} (layers ${formatRanges(term.layers)}): ${factorsText(term.factors)} = ${formatExactBytes(term.bytesPerEntry)} × ${term.entriesRule}`,
    ),
    ...sumLines(plan),
    ...threeNumbers(plan),
    ...plan.notes.map((note) => `  note: ${note.text}`),
  ];
  if (!plan.known) found.push(`  ${notKnownText(plan)}`);
  else if (!plan.exact) found.push(`  not exact: ${inexactText(plan)}`);
  return lines(found);
}

function totalLine(plan: CachePlan): string {
  const perToken = sizeText(plan, 'bytesPerToken', formatExactBytes);
  const total = scopedText(plan, 'totalBytes', formatBytes);
  const where = `at ${contextText(plan)}`;
  return perToken === NOT_KNOWN && total === NOT_KNOWN
    ? `cache not known ${where}`
    : `${perToken} per token${beyondText(plan)}; ${total} ${where}`;
}

/** From the lines above, each at the workload, to the total: only where they are not that number by themselves. */
function sumLines({ known, derivation, adjustments, scenario, atLeast, everywhere }: CachePlan): string[] {
  if (!known || adjustments.length === 0) return [];
  const above = derivation.reduce((sum, term) => sum + term.bytes, 0) * scenario.workload.batch;
  return [
    `  sum of the lines above at ${workloadText(scenario)}: ${formatInteger(above)} B`,
    ...adjustments.map(adjustmentLine),
    `  total ${formatInteger(atLeast.totalBytes)} B${everywhere.devices > 1 ? ' on one device' : ''}`,
  ];
}

function adjustmentLine({ text, bytes }: Adjustment): string {
  return `  ${text}: ${bytes < 0 ? '−' : '+'}${formatInteger(Math.abs(bytes))} B`;
}

/** Needed, reserved and steady state, where they differ, and why. */
function threeNumbers(plan: CachePlan): string[] {
  if (!plan.known) return [];
  if (allAlike(plan)) return [];
  return [`  ${threeText(plan)}`, ...plan.reasons.map((reason) => `    ${reason.text}`)];
}
