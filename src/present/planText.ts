/** A plan as plain text, for terminals. */

import type { Adjustment, CachePlan } from '../cache/plan';
import { formatBinary, formatBytes, formatExactBytes, formatInteger, formatRanges } from '../model/units';
import { NOT_KNOWN, notKnownText, sizeText } from './sizeText';
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
  const total = sizeText(plan, 'totalBytes', formatBytes);
  const where = `at ${contextText(plan)}`;
  return perToken === NOT_KNOWN && total === NOT_KNOWN
    ? `cache not known ${where}`
    : `${perToken} per token; ${total} ${where}`;
}

/** From the lines above, each at the workload, to the total: only where they are not that number by themselves. */
function sumLines({ known, derivation, adjustments, scenario, atLeast }: CachePlan): string[] {
  if (!known || adjustments.length === 0) return [];
  const above = derivation.reduce((sum, term) => sum + term.bytes, 0) * scenario.workload.batch;
  return [
    `  the lines above at ${workloadText(scenario)}: ${formatInteger(above)} B`,
    ...adjustments.map(adjustmentLine),
    `  together ${formatInteger(atLeast.totalBytes)} B`,
  ];
}

function adjustmentLine({ text, bytes }: Adjustment): string {
  return `  ${text}: ${bytes < 0 ? '−' : '+'}${formatInteger(Math.abs(bytes))} B`;
}

/** Needed, reserved and steady state, where they differ, and why. */
function threeNumbers(plan: CachePlan): string[] {
  if (!plan.known) return [];
  const { neededBytes, reservedBytes, steadyBytes } = plan;
  if (neededBytes === reservedBytes && reservedBytes === steadyBytes) return [];
  return [
    `  needed ${formatBinary(neededBytes)}, occupied ${formatBinary(steadyBytes)}, reserved ${formatBinary(reservedBytes)}`,
    ...plan.reasons.map((reason) => `    ${reason.text}`),
  ];
}
