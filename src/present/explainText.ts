/** "Explain this number": a whole derivation as a Markdown document. Every factor, the key and line that gave it, rule and notes. */

import type { DerivationTerm, Factor } from '../cache/derivation';
import { formulaText } from './formula';
import type { CachePlan, KnownPlan } from '../cache/plan';
import { KEYS } from '../config/keys';
import { ENGINE_NAMES } from '../model/scenario';
import type { Source } from '../model/spec';
import { formatBytes, formatExactBytes, formatInteger, formatRanges } from '../model/units';
import {
  codeSpan,
  documentOf,
  heading,
  joined,
  list,
  type Markdown,
  type MarkdownPart,
  md,
  NOTHING,
  sentenceText,
  table,
} from './markdown';
import { threeText } from './scopeText';
import { beyondText, hasState, notKnownText, scopedText, sizeInAllText, sizeText } from './sizeText';
import { contextText, designText, factorsText, inexactText, numberText, termTitle, tokensText } from './words';

/** `key`: the dotted path under the cursor, whose factors come first and are marked; null for none. */
export function explainMarkdown(name: string, plan: CachePlan, key: string | null = null): Markdown {
  const what = plan.known
    ? `where ${formatBytes(plan.everywhere.totalBytes)} comes from`
    : 'what is known of its cache';
  return documentOf([heading(1, md`${name}: ${what}`), explanation(plan, key, 2)]);
}

/** The derivation below a title, with headings of one level. */
export function explanation(plan: CachePlan, key: string | null, level: 2 | 3): Markdown {
  const perToken =
    plan.known || plan.atLeast.bytesPerToken > 0
      ? `${sizeText(plan, 'bytesPerToken', formatExactBytes)} per token${beyondText(plan)}`
      : 'Not known per token';
  const state = hasState(plan)
    ? `, of which ${sizeInAllText(plan, 'stateBytes', formatExactBytes)} recurrent state`
    : '';
  return joined(
    [
      designText(plan.spec),
      list([
        md`**${perToken}** (one more token of one sequence${beyondText(plan) === '' ? '' : ', by the length of its context'}, all layers)`,
        md`**${scopedText(plan, 'totalBytes', formatExactBytes)}** at ${contextText(plan)}${state}`,
        exactness(plan),
      ]),
      keyText(plan, key),
      ...orderedTerms(plan, key).flatMap((term) => termText(term, key, level)),
      ...(plan.known ? [heading(level, 'From one sequence to the total'), totalText(plan)] : []),
      heading(level, 'The rule'),
      ruleText(plan),
      ...(plan.notes.length > 0
        ? [
            heading(level, 'Notes'),
            list(plan.notes.map(({ text, inexact }) => (inexact ? md`**Not exact:** ${text}` : text))),
          ]
        : []),
    ],
    '\n\n',
  );
}

function exactness(plan: CachePlan): Markdown {
  if (plan.exact) return md`Exact: every number below was read from the config or follows from a rule.`;
  return plan.known ? md`**Not exact:** ${inexactText(plan)}.` : md`**${sentenceText(notKnownText(plan))}.**`;
}

function keyText(plan: CachePlan, key: string | null): Markdown {
  if (key === null) return NOTHING;
  const name = key.split('.').at(-1) ?? key;
  const info = Object.hasOwn(KEYS, name) ? KEYS[name] : undefined;
  const used = plan.derivation.filter((term) => mentions(term, key)).length;
  const role =
    used === 0
      ? 'is not a factor of the cache.'
      : `is a factor of ${used === plan.derivation.length ? 'every product below' : `${used} of ${plan.derivation.length} products below`}.`;
  return info ? md`${codeSpan(key)} ${role} ${info.text}` : md`${codeSpan(key)} ${role}`;
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

function termText(term: DerivationTerm, key: string | null, level: 2 | 3): Markdown[] {
  const rows = term.factors.flatMap((factor) => [
    factorRow(factor, key, factor.name),
    ...(factor.parts ?? []).map((part) => factorRow(part, key, `· ${part.name}`)),
  ]);
  const formula = formulaText(term);
  return [
    heading(level, termTitle(term)),
    md`Layers ${sentenceText(formatRanges(term.layers))}.`,
    table(['factor', 'value', 'from', 'line'], rows, ['left', 'right', 'left', 'right']),
    joined(
      [
        ...(formula === null ? [] : [md`In symbols: ${formula}`]),
        md`${codeSpan(`${factorsText(term.factors)} = ${formatInteger(term.bytesPerEntry)} B`, 400)} ${term.what === 'state' ? 'for each sequence' : 'for each entry'}`,
        ...(term.what === 'state'
          ? []
          : [
              md`${formatInteger(term.bytesPerEntry)} B × ${formatInteger(term.entries)} ${term.entries === 1 ? 'entry' : 'entries'} (${term.entriesRule}) = **${formatExactBytes(term.bytes)}** for one sequence`,
            ]),
      ],
      '  \n',
    ),
  ];
}

function factorRow(factor: Factor, key: string | null, name: string): MarkdownPart[] {
  const { symbol } = factor;
  const title = symbol === undefined || symbol === String(factor.value) ? name : `${name}, ${symbol}`;
  return [
    key !== null && factor.source?.key === key ? md`**${title}**` : title,
    numberText(factor.value),
    factor.source ? originText(factor.source) : 'the engine rule',
    factor.source?.range ? String(factor.source.range.line) : '',
  ];
}

/** The whole path and how it became the number. */
function originText({ key, rule }: Source): MarkdownPart {
  if (key === null) return rule;
  return rule === 'given' ? codeSpan(key) : md`${codeSpan(key)}: ${rule}`;
}

function totalText(plan: KnownPlan): Markdown {
  const { batch, tokens } = plan.scenario.workload;
  const one = plan.derivation.reduce((sum, term) => sum + term.bytes, 0);
  const { devices, duplication, fullestStage } = plan.sharding;
  return list([
    md`One sequence of ${tokensText(tokens)} (theoretical minimum): ${formatExactBytes(one)}`,
    md`${formatInteger(batch)} ${batch === 1 ? 'sequence' : 'sequences'}: ${formatExactBytes(one * batch)}`,
    ...plan.adjustments.map(
      ({ text, bytes }) => md`${sentenceText(text)}: ${bytes < 0 ? '−' : '+'}${formatExactBytes(Math.abs(bytes))}`,
    ),
    md`Total${devices > 1 ? ' on one device' : ''}: **${formatExactBytes(plan.totalBytes)}**`,
    ...(devices > 1
      ? [
          md`All ${devices} devices: **${formatExactBytes(plan.everywhere.totalBytes)}**${duplication > 1 ? `, stored ${duplication.toFixed(2)} times over` : ''}; the device above is in the fullest stage (layers ${fullestStage[0]} to ${fullestStage[1] - 1})`,
        ]
      : []),
    ...(plan.steadyBytes === plan.neededBytes && plan.reservedBytes === plan.neededBytes
      ? []
      : [md`Under the rule below: ${threeText(plan)}`]),
  ]);
}

function ruleText(plan: CachePlan): Markdown {
  const { engine, setup, kvDtype, kvDtypeSource, reasons } = plan;
  return list([
    `${ENGINE_NAMES[engine.id]} (${setup.release.code}): ${engine.cite}`,
    md`Cached as ${kvDtype}: ${originText(kvDtypeSource)}${kvDtypeSource.range ? `, line ${kvDtypeSource.range.line}` : ''}`,
    ...reasons.map((reason) => reason.text),
  ]);
}
