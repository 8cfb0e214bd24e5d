/** The page of one lint rule as Markdown, from its section in docs/lint.md. */

import { LINT_RULES } from '../lint/rules';
import { codeSpan, documentOf, heading, type Markdown, isNothing, md, NOTHING, shipped } from './markdown';

const SEVERITIES: Readonly<Record<string, string>> = {
  error: 'transformers, vLLM or llama.cpp refuses the config, or a number that the attention needs is wrong.',
  warning: 'the config runs, but is probably not what was meant.',
  information: 'worth knowing; published models have it, too.',
};

/** `docs` is the text of docs/lint.md. */
export function rulePage(rule: string, docs: string): Markdown {
  if (!Object.hasOwn(LINT_RULES, rule)) return documentOf([heading(1, 'There is no such rule')]);
  const { severity, fix } = rowOf(rule, docs);
  const meaning = SEVERITIES[severity];
  return documentOf([
    heading(1, shipped(rule)),
    shipped(sectionOf(rule, docs)),
    meaning === undefined ? NOTHING : md`**${severity}**: ${shipped(meaning)} Since Headlight 0.1.0.`,
    isNothing(fix) ? NOTHING : md`**Quick fix.** ${fix}.`,
    heading(2, 'Not wanted?'),
    md`Use the quick fix *Ignore*, or add ${codeSpan(rule)} to the setting \`headlight.lint.ignore\` (${codeSpan(`${rule}@path/of/config.json`)} for one file).`,
  ]);
}

/** What stands below the heading of a rule: what it finds, why, an example, what to do. */
function sectionOf(rule: string, docs: string): string {
  const [, after = ''] = docs.split(`\n### ${rule}\n`);
  return after.split(/\n##/, 1)[0]?.trim() ?? '';
}

/** "| [`rule`](#rule) | severity | finds | quick fix |". */
function rowOf(rule: string, docs: string): { readonly severity: string; readonly fix: Markdown } {
  const line = docs.split('\n').find((text) => text.startsWith(`| [\`${rule}\`]`)) ?? '';
  const [, , severity = '', , fix = ''] = line.split('|').map((cell) => cell.trim());
  return { severity, fix: shipped(fix.charAt(0).toUpperCase() + fix.slice(1)) };
}
