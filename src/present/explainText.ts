/** "Explain this number": a whole derivation as a Markdown document. Every factor, the key and line that gave it, rule and notes. */

import type { DerivationTerm, Factor } from '../cache/derivation';
import type { CachePlan } from '../cache/plan';
import { KEYS } from '../config/keys';
import { ENGINE_NAMES } from '../model/scenario';
import type { Source } from '../model/spec';
import { formatBytes, formatExactBytes, formatInteger, formatRanges } from '../model/units';
import { codeSpan, escapeText, table } from './markdown';
import { contextText, designText, factorsText, inexactText, numberText, termTitle } from './words';

/** `key`: the dotted path under the cursor, whose factors come first and are marked; null for none. */
export function explainMarkdown(name: string, plan: CachePlan, key: string | null = null): string {
  const { spec } = plan;
  return [
    `# ${escapeText(name)}: where ${formatBytes(plan.totalBytes)} come from`,
    escapeText(designText(spec)),
    [
      `- **${formatExactBytes(plan.bytesPerToken)} per token** (one more token of one sequence at short context, all layers)`,
      `- **${formatExactBytes(plan.totalBytes)}** at ${escapeText(contextText(plan))}${plan.stateBytes > 0 ? `, of which ${formatExactBytes(plan.stateBytes)} recurrent state` : ''}`,
      `- ${plan.exact ? 'Exact: every number below was read or follows from a rule.' : `**Not exact:** ${escapeText(inexactText(plan))}.`}`,
    ].join('\n'),
    keyText(plan, key),
    ...orderedTerms(plan, key).flatMap((term) => termText(term, key)),
    '## From one sequence to the total',
    totalText(plan),
    '## The rule',
    ruleText(plan),
    ...(plan.notes.length > 0
      ? [
          '## Notes',
          plan.notes.map((note) => `- ${note.inexact ? '**Inexact:** ' : ''}${escapeText(note.text)}`).join('\n'),
        ]
      : []),
    '',
  ]
    .filter((part, index, all) => part !== '' || index === all.length - 1)
    .join('\n\n');
}

function keyText(plan: CachePlan, key: string | null): string {
  if (key === null) return '';
  const name = key.split('.').at(-1) ?? key;
  const info = Object.hasOwn(KEYS, name) ? KEYS[name] : undefined;
  const used = plan.derivation.filter((term) => mentions(term, key)).length;
  const role =
    used === 0
      ? 'gave no factor of the cache.'
      : `gave a factor of ${used === plan.derivation.length ? 'every product below' : `${used} of ${plan.derivation.length} products below`}.`;
  return `${codeSpan(key)} ${role}${info ? ` It is: ${escapeText(info.text)}` : ''}`;
}

function orderedTerms(plan: CachePlan, key: string | null): readonly DerivationTerm[] {
  if (key === null) return plan.derivation;
  return [
    ...plan.derivation.filter((term) => mentions(term, key)),
    ...plan.derivation.filter((term) => !mentions(term, key)),
  ];
}

function mentions(term: DerivationTerm, key: string): boolean {
  const inFactor = (factor: Factor): boolean => factor.source?.key === key || (factor.parts ?? []).some(inFactor);
  return term.factors.some(inFactor);
}

function termText(term: DerivationTerm, key: string | null): string[] {
  const rows = term.factors.flatMap((factor) => [
    factorRow(factor, key, ''),
    ...(factor.parts ?? []).map((part) => factorRow(part, key, '· ')),
  ]);
  const entries = term.what === 'state' ? '' : ` × ${formatInteger(term.entries)} entries (${term.entriesRule})`;
  return [
    `## ${escapeText(termTitle(term))}`,
    `Layers ${formatRanges(term.layers)}.`,
    table(['factor', 'value', 'from', 'line'], rows, ['left', 'right', 'left', 'right']),
    [
      `${codeSpan(`${factorsText(term.factors)} = ${formatInteger(term.bytesPerEntry)} B`, 400)} ${term.what === 'state' ? 'for each sequence' : 'for each entry'}`,
      ...(entries === ''
        ? []
        : [
            `${escapeText(`${formatInteger(term.bytesPerEntry)} B${entries}`)} = **${formatExactBytes(term.bytes)}** for one sequence`,
          ]),
    ].join('  \n'),
  ];
}

function factorRow(factor: Factor, key: string | null, indent: string): string[] {
  const name = `${indent}${escapeText(factor.name)}`;
  const marked = key !== null && factor.source?.key === key ? `**${name}**` : name;
  return [
    marked,
    numberText(factor.value),
    factor.source ? originText(factor.source) : 'the rule itself',
    factor.source?.range ? String(factor.source.range.line) : '',
  ];
}

/** The whole path and how it became the number. */
function originText({ key, rule }: Source): string {
  if (key === null) return escapeText(rule);
  return rule === 'given' ? codeSpan(key) : `${codeSpan(key)}: ${escapeText(rule)}`;
}

function totalText(plan: CachePlan): string {
  const { batch, tokens } = plan.scenario.workload;
  const one = plan.derivation.reduce((sum, term) => sum + term.bytes, 0);
  const { devices, duplication, fullestStage } = plan.sharding;
  return [
    `- One sequence of ${formatInteger(tokens)} tokens, as the attention needs it: ${formatExactBytes(one)}`,
    `- ${formatInteger(batch)} ${batch === 1 ? 'sequence' : 'sequences'}: ${formatExactBytes(one * batch)}`,
    ...(devices > 1
      ? [
          `- Over ${devices} devices${duplication > 1 ? `, stored ${escapeText(duplication.toFixed(2))} times over` : ''}; one device of the fullest stage (layers ${fullestStage[0]} to ${fullestStage[1] - 1}) holds ${formatExactBytes(plan.neededBytes)}`,
        ]
      : []),
    ...(plan.steadyBytes === plan.neededBytes && plan.reservedBytes === plan.neededBytes
      ? []
      : [
          `- Under the rule below: needed ${formatExactBytes(plan.neededBytes)}, occupied ${formatExactBytes(plan.steadyBytes)}, reserved ${formatExactBytes(plan.reservedBytes)}`,
        ]),
  ].join('\n');
}

function ruleText(plan: CachePlan): string {
  const { engine, setup, kvDtype, kvDtypeSource, reasons } = plan;
  return [
    `- ${escapeText(`${ENGINE_NAMES[engine.id]} (${setup.release.code}): ${engine.cite}`)}`,
    `- Cached as ${escapeText(kvDtype)}: ${originText(kvDtypeSource)}${kvDtypeSource.range ? `, line ${kvDtypeSource.range.line}` : ''}`,
    ...reasons.map((reason) => `- ${escapeText(reason.text)}`),
  ].join('\n');
}
