/** Problems of a config as pipelines read them. */

import { isAbsolute } from 'node:path';
import { pathToFileURL } from 'node:url';
import type { Log, Region, ReportingDescriptor, Result } from 'sarif';
import { version } from '../../package.json';
import type { ConfigDocument } from '../config/document';
import { LINT_RULES } from '../lint/rules';
import type { Problem, Severity, TextRange } from '../model/spec';

/** 1-based, as lines are. */
export function columnOf(document: ConfigDocument, { offset }: TextRange): number {
  return offset - (offset === 0 ? -1 : document.text.lastIndexOf('\n', offset - 1));
}

/** The levels of SARIF 2.1.0, §3.27.10. */
const LEVELS: Readonly<Record<Severity, NonNullable<Result['level']>>> = {
  error: 'error',
  warning: 'warning',
  information: 'note',
};

/** A config and what is wrong with it. */
export interface Linted {
  readonly file: string;
  readonly document: ConfigDocument;
  readonly problems: readonly Problem[];
}

/** A log of one run: Static Analysis Results Interchange Format 2.1.0 (OASIS), which code scanning reads. */
export function sarifOf(linted: readonly Linted[]): Log {
  const rules = [...new Set(linted.flatMap(({ problems }) => problems.map(({ rule }) => rule)))];
  return {
    $schema: 'https://json.schemastore.org/sarif-2.1.0.json',
    version: '2.1.0',
    runs: [
      {
        tool: { driver: { name: 'Headlight', semanticVersion: version, rules: rules.map(descriptorOf) } },
        columnKind: 'utf16CodeUnits',
        results: linted.flatMap((each) => each.problems.map((problem) => resultOf(each, problem, rules))),
      },
    ],
  };
}

function resultOf({ file, document }: Linted, problem: Problem, rules: readonly string[]): Result {
  const { rule, severity, message, range } = problem;
  // Relative paths stay relative: to where the command ran, which is what code scanning takes for the checkout.
  const uri = isAbsolute(file) ? pathToFileURL(file).href : encodeURI(file.replaceAll('\\', '/'));
  return {
    ruleId: rule,
    ruleIndex: rules.indexOf(rule),
    level: LEVELS[severity],
    message: { text: message },
    locations: [
      { physicalLocation: { artifactLocation: { uri }, ...(range ? { region: regionOf(document, range) } : {}) } },
    ],
  };
}

function descriptorOf(id: string): ReportingDescriptor {
  const text = Object.entries(LINT_RULES).find(([rule]) => rule === id)?.[1];
  return text === undefined ? { id } : { id, shortDescription: { text } };
}

function regionOf(document: ConfigDocument, range: TextRange): Region {
  return {
    startLine: range.line,
    startColumn: columnOf(document, range),
    charOffset: range.offset,
    charLength: range.length,
  };
}

const ANNOTATIONS: Readonly<Record<Severity, string>> = { error: 'error', warning: 'warning', information: 'notice' };

/** A workflow command of GitHub Actions, which shows the message at its line of a pull request. */
export function annotationOf(
  file: string,
  document: ConfigDocument,
  { rule, severity, message, range }: Problem,
): string {
  const place = range ? `,line=${range.line},col=${columnOf(document, range)}` : '';
  return `::${ANNOTATIONS[severity]} file=${property(file)}${place},title=${property(`Headlight: ${rule}`)}::${escaped(message)}`;
}

/** As the runner takes it apart (actions/toolkit, core/src/command.ts): nothing of a file ends the command or begins another. */
function escaped(text: string): string {
  return text.replaceAll('%', '%25').replaceAll('\r', '%0D').replaceAll('\n', '%0A');
}

function property(text: string): string {
  return escaped(text).replaceAll(':', '%3A').replaceAll(',', '%2C');
}
