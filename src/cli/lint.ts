/** `lint`: what is wrong with configs, one line per problem. Exit 1 when one of them holds what cannot run. */

import { ConfigDocument } from '../config/document';
import { mayBeModelConfig } from '../config/mayBe';
import { lintReading } from '../lint/lint';
import { json, line, lines, type Screen, type TerminalText, toned } from '../present/terminal';
import { readDocument } from '../reading/read';
import type { Problem, ProblemFix, Severity } from '../model/spec';
import { type OptionTable, type ParsedArguments, parseArguments, scenarioOf } from './arguments';
import { InputError, UsageError } from './errors';
import { configText } from './modelFiles';
import { annotationOf, columnOf, sarifOf } from './lintFormats';
import type { CliOutput } from './output';

const LINT_OPTIONS: OptionTable = {
  tp: { type: 'string' },
  'kv-dtype': { type: 'string' },
  json: { type: 'boolean' },
  format: { type: 'string' },
  'skip-others': { type: 'boolean' },
};

export async function lint(args: readonly string[], output: CliOutput): Promise<number> {
  const { paths, values } = parseArguments(args, LINT_OPTIONS);
  if (paths.length === 0) throw new UsageError('lint takes at least one PATH');
  const format = formatOf(values);
  const found: Found[] = [];
  let unread = false;
  for (const path of paths) {
    try {
      const each = await problemsOf(path, values);
      if (each) found.push(each);
    } catch (error) {
      // Of several, one that cannot be read does not hide the others.
      if (paths.length === 1 || !(error instanceof InputError)) throw error;
      output.err(line(error.message));
      unread = true;
    }
  }
  output.out(reportOf(format, found, paths.length > 1, output.screen));
  return unread || found.some((each) => each.unread || each.problems.some(({ severity }) => severity === 'error'))
    ? 1
    : 0;
}

interface Found {
  readonly file: string;
  readonly document: ConfigDocument;
  readonly problems: readonly Problem[];
  /** No layer could be read. */
  readonly unread: boolean;
}

/** Null: it is no model config, and such files are passed over. */
async function problemsOf(path: string, values: ParsedArguments['values']): Promise<Found | null> {
  const { sharding, kvDtype } = scenarioOf(values);
  const { text, file, byteOrderMark } = await configText(path);
  if (values['skip-others'] === true && !mayBeModelConfig(text)) return null;
  const document = ConfigDocument.parse(text);
  const reading = readDocument(document);
  // What is no JSON has its errors, whatever it should have been.
  if (!reading && document.errors.length === 0) {
    if (values['skip-others'] === true) return null;
    throw new InputError(`${file}: not a model config`);
  }
  const problems = [
    ...document.errors.map(
      ({ message, range }): Problem => ({ rule: 'json-syntax', severity: 'error', key: null, range, message }),
    ),
    ...(reading
      ? lintReading(reading, { kvDtype, byteOrderMark, ...(values['tp'] === undefined ? {} : { tp: sharding.tp }) })
      : []),
  ];
  return { file, document, problems, unread: !reading || reading.spec.layers.length === 0 };
}

const FORMATS = ['text', 'json', 'sarif', 'github'] as const;
type Format = (typeof FORMATS)[number];

function formatOf(values: ParsedArguments['values']): Format {
  const asked = values['format'] ?? (values['json'] === true ? 'json' : 'text');
  const format = FORMATS.find((each) => each === asked);
  if (!format) throw new UsageError(`--format must be one of ${FORMATS.join(', ')}`);
  if (values['json'] === true && format !== 'json')
    throw new UsageError(`--json and --format ${format} exclude each other`);
  return format;
}

/** `several`: more than one path was given; a program that names one gets an object of one. */
function reportOf(format: Format, found: readonly Found[], several: boolean, screen: Screen | undefined): TerminalText {
  switch (format) {
    case 'json': {
      const files = found.map(({ file, document, problems }) => ({
        file,
        problems: problems.map((problem) => problemJson(problem, document)),
      }));
      return json(several ? { files } : (files[0] ?? { file: null, problems: [] }));
    }
    case 'sarif':
      return json(sarifOf(found));
    case 'github':
      return lines(
        found.flatMap(({ file, document, problems }) =>
          problems.map((problem) => annotationOf(file, document, problem)),
        ),
      );
    case 'text':
      return toned(
        lines(
          found.flatMap(({ file, problems }) =>
            problems.length === 0 ? [`${file}: no problems`] : problems.map((problem) => problemLine(file, problem)),
          ),
        ),
        [
          [/: error: /g, 'bad'],
          [/: warning: /g, 'mild'],
          [/: no problems$/gm, 'good'],
        ],
        screen,
      );
  }
}

/** `file:line: severity: message [rule]`, which editors and CI logs turn into links. */
function problemLine(file: string, { rule, severity, range, message }: Problem): string {
  return `${file}:${range?.line ?? 1}: ${severity}: ${message} [${rule}]`;
}

interface FixJson {
  readonly title: string;
  readonly key: string;
  readonly value: string | number | boolean | null;
  /** Present where the key is to be removed: JSON has no undefined. */
  readonly remove?: true;
  /** Present where the key gets another name, with the value that it has. */
  readonly renameTo?: string;
}

interface ProblemJson {
  readonly rule: string;
  readonly severity: Severity;
  readonly key: string | null;
  readonly line: number;
  readonly column?: number;
  readonly message: string;
  readonly fix: FixJson | null;
}

function problemJson({ rule, severity, key, range, message, fix }: Problem, document: ConfigDocument): ProblemJson {
  return {
    rule,
    severity,
    key,
    line: range?.line ?? 1,
    ...(range ? { column: columnOf(document, range) } : {}),
    message,
    fix: fix ? fixJson(fix) : null,
  };
}

function fixJson({ title, key, value, renameTo }: ProblemFix): FixJson {
  if (renameTo !== undefined) return { title, key, value: null, renameTo };
  return value === undefined ? { title, key, value: null, remove: true } : { title, key, value };
}
