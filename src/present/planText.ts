/** A plan as plain text, for terminals. */

import type { CachePlan } from '../cache/plan';
import { formatBinary, formatBytes, formatExactBytes, formatRanges } from '../model/units';
import { contextText, designText, factorsText, inexactText, termTitle } from './words';

export function planText(plan: CachePlan): string {
  const lines = [
    `${plan.spec.modelType}: ${designText(plan.spec)}`,
    `${formatExactBytes(plan.bytesPerToken)} per token; ${formatBytes(plan.totalBytes)} at ${contextText(plan)}`,
    ...plan.derivation.map(
      (term) =>
        `  ${termTitle(term)} (layers ${formatRanges(term.layers)}): ${factorsText(term.factors)} = ${formatExactBytes(term.bytesPerEntry)} × ${term.entriesRule}`,
    ),
    ...threeNumbers(plan),
    ...plan.notes.map((note) => `  note: ${note.text}`),
  ];
  if (!plan.exact) lines.push(`  not exact: ${inexactText(plan)}`);
  return lines.join('\n');
}

/** Needed, reserved and steady state, where they differ, and why. */
function threeNumbers(plan: CachePlan): string[] {
  const { neededBytes, reservedBytes, steadyBytes } = plan;
  if (neededBytes === reservedBytes && reservedBytes === steadyBytes) return [];
  return [
    `  needed ${formatBinary(neededBytes)}, occupied ${formatBinary(steadyBytes)}, reserved ${formatBinary(reservedBytes)}`,
    ...plan.reasons.map((reason) => `    ${reason.text}`),
  ];
}
