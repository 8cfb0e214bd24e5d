/** The page of one lint rule as Markdown, from the tables of docs/lint.md. */

import { LINT_RULES } from '../lint/rules';
import { codeSpan, documentOf, heading, type Markdown, isNothing, md, NOTHING, shipped } from './markdown';

const SEVERITIES: Readonly<Record<string, string>> = {
  error: 'transformers, vLLM or llama.cpp refuses it, or a number that the attention cannot be read without is wrong.',
  warning: 'it runs, and is probably not what was meant.',
  information: 'worth knowing; models are published that way.',
};

/** `docs` is the text of docs/lint.md. */
export function rulePage(rule: string, docs: string): Markdown {
  const summary = Object.hasOwn(LINT_RULES, rule) ? LINT_RULES[rule as keyof typeof LINT_RULES] : null;
  if (summary === null) return documentOf([heading(1, 'There is no such rule')]);
  const row = rowOf(rule, docs);
  const severity = row?.severity ?? '';
  const meaning = Object.hasOwn(SEVERITIES, severity)
    ? md`**${severity}**: ${shipped(SEVERITIES[severity] ?? '')}`
    : NOTHING;
  return documentOf([
    heading(1, shipped(rule)),
    shipped(summary),
    row ? row.reason : NOTHING,
    meaning,
    row && !isNothing(row.fix) ? md`Quick fix: ${row.fix}.` : NOTHING,
    heading(2, 'Not wanted?'),
    md`Add ${codeSpan(rule)} to the setting \`headlight.lint.ignore\`, or ${codeSpan(`${rule}@path/of/config.json`)} for one file. The quick fix *Ignore* does it.`,
  ]);
}

interface Row {
  readonly severity: string;
  readonly reason: Markdown;
  readonly fix: Markdown;
}

/** "| `rule` | severity | reason | fix |". */
function rowOf(rule: string, docs: string): Row | null {
  const line = docs.split('\n').find((text) => text.startsWith(`| \`${rule}\` |`));
  if (line === undefined) return null;
  const [, , severity = '', reason = '', fix = ''] = line.split('|').map((cell) => cell.trim());
  return { severity, reason: shipped(reason), fix: shipped(fix) };
}
