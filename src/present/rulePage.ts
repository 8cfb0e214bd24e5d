/** The page of one lint rule as Markdown, from the tables of docs/lint.md. */

import { LINT_RULES } from '../lint/rules';
import { codeSpan } from './markdown';

const SEVERITIES: Readonly<Record<string, string>> = {
  error: 'transformers, vLLM or llama.cpp refuses it, or a number that the attention cannot be read without is wrong.',
  warning: 'it runs, and is probably not what was meant.',
  information: 'worth knowing; models are published that way.',
};

/** `docs` is the text of docs/lint.md. */
export function rulePage(rule: string, docs: string): string {
  const summary = Object.hasOwn(LINT_RULES, rule) ? LINT_RULES[rule as keyof typeof LINT_RULES] : null;
  if (summary === null) return '# There is no such rule\n';
  const row = rowOf(rule, docs);
  const severity = row?.severity ?? '';
  const meaning = Object.hasOwn(SEVERITIES, severity) ? `**${severity}**: ${SEVERITIES[severity] ?? ''}` : '';
  return [
    `# ${rule}`,
    summary,
    row ? row.reason : '',
    meaning,
    row && row.fix !== '' ? `Quick fix: ${row.fix}.` : '',
    '## Not wanted?',
    `Add ${codeSpan(rule)} to the setting \`headlight.lint.ignore\`, or ${codeSpan(`${rule}@path/of/config.json`)} for one file. The quick fix *Ignore* does it.`,
    '',
  ]
    .filter((part, index, all) => part !== '' || index === all.length - 1)
    .join('\n\n');
}

interface Row {
  readonly severity: string;
  readonly reason: string;
  readonly fix: string;
}

/** "| `rule` | severity | reason | fix |". */
function rowOf(rule: string, docs: string): Row | null {
  const line = docs.split('\n').find((text) => text.startsWith(`| \`${rule}\` |`));
  if (line === undefined) return null;
  const [, , severity = '', reason = '', fix = ''] = line.split('|').map((cell) => cell.trim());
  return { severity, reason, fix };
}
