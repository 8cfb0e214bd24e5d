/** Problems of open model configs, in the editor's own list. */

import {
  type Diagnostic,
  type DiagnosticCollection,
  DiagnosticSeverity,
  languages,
  Range,
  type TextDocument,
  Uri,
  workspace,
} from 'vscode';
import type { ConfigDocument } from '../../config/document';
import { lintReading } from '../../lint/lint';
import type { Problem, Severity, TextRange } from '../../model/spec';
import type { FollowedReading } from '../../reading/follow';
import { SETTINGS } from '../ids';
import { Owner } from '../lifecycle';
import { CONFIG_LANGUAGES } from '../readings';
import { ignoredRules, isEnabled } from '../settings';
import { diagnostic } from '../sinks';
import type { Insight, Insights } from './insights';
import { isIgnored } from './lintIgnore';
import { ruleUri } from './rulePages';

/** Long enough that a pasted block is looked at once, short enough to follow the typing. */
const DEBOUNCE_MS = 25;
export const SOURCE = 'Headlight';

/** What published models do as well is shown as three dots, and not listed. */
const SEVERITIES: Readonly<Record<Severity, DiagnosticSeverity>> = {
  error: DiagnosticSeverity.Error,
  warning: DiagnosticSeverity.Warning,
  information: DiagnosticSeverity.Hint,
};

interface Reported {
  readonly problem: Problem;
  readonly diagnostic: Diagnostic;
}

export class ConfigDiagnostics extends Owner {
  private readonly collection: DiagnosticCollection;
  private readonly reported = new Map<string, readonly Reported[]>();
  private readonly timers = new Map<string, ReturnType<typeof setTimeout>>();

  constructor(private readonly insights: Insights) {
    super();
    this.collection = this.own(languages.createDiagnosticCollection('headlight'));
    this.own(workspace.onDidOpenTextDocument((document) => this.schedule(document)));
    this.own(
      workspace.onDidChangeTextDocument(
        ({ document, contentChanges }) => contentChanges.length > 0 && this.schedule(document),
      ),
    );
    this.own(workspace.onDidCloseTextDocument((document) => this.forget(document)));
    this.own(insights.onDidChange(() => workspace.textDocuments.forEach((document) => this.schedule(document))));
    this.own({ dispose: () => this.timers.forEach((timer) => clearTimeout(timer)) });
    workspace.textDocuments.forEach((document) => this.schedule(document));
  }

  /** The problem that a diagnostic of ours tells, as of the last look. */
  problemOf(document: TextDocument, { code, range }: Diagnostic): Problem | null {
    const rule = typeof code === 'object' ? code.value : code;
    const found = this.reported
      .get(document.uri.toString())
      ?.find((each) => each.problem.rule === rule && each.diagnostic.range.start.line === range.start.line);
    return found?.problem ?? null;
  }

  /** A newer version supersedes the look that has not begun. */
  private schedule(document: TextDocument): void {
    if (!CONFIG_LANGUAGES.includes(document.languageId)) return;
    const key = document.uri.toString();
    clearTimeout(this.timers.get(key));
    this.timers.set(
      key,
      setTimeout(() => this.insights.measured(() => this.check(document)), DEBOUNCE_MS),
    );
  }

  private check(document: TextDocument): void {
    this.timers.delete(document.uri.toString());
    if (this.disposed || document.isClosed) return;
    const insight = isEnabled(SETTINGS.lintEnabled) ? this.insights.of(document) : null;
    if (!insight) return this.clear(document);
    if (insight.found.stale) return this.keepTrue(document, insight.found);
    this.insights.counts.lints++;
    const ignored = ignoredRules(document);
    const path = workspace.asRelativePath(document.uri, false);
    const reported = problemsOf(insight, document)
      .filter(({ rule }) => !isIgnored(ignored, rule, path))
      .map((problem): Reported => ({ problem, diagnostic: diagnosticOf(document, insight.found.document, problem) }));
    this.reported.set(document.uri.toString(), reported);
    this.collection.set(
      document.uri,
      reported.map((each) => each.diagnostic),
    );
  }

  /**
   * Half-typed: the squiggles move with the text until it is complete again, but for those about a value that is no more, or another; what
   * they say of it would be said of what is being typed.
   */
  private keepTrue(document: TextDocument, { document: now, reading }: FollowedReading): void {
    const key = document.uri.toString();
    const before = this.reported.get(key) ?? [];
    const kept = before.flatMap(({ problem }): Reported[] => {
      const then = valueText(reading.document, problem);
      const range = valueRange(now, problem);
      if (problem.key !== null && valueText(now, problem) !== then) return [];
      return [{ problem, diagnostic: diagnosticOf(document, now, { ...problem, range }) }];
    });
    if (kept.length === before.length) return;
    this.reported.set(key, kept);
    this.collection.set(
      document.uri,
      kept.map((each) => each.diagnostic),
    );
  }

  private clear(document: TextDocument): void {
    if (this.reported.delete(document.uri.toString())) this.collection.delete(document.uri);
  }

  private forget(document: TextDocument): void {
    clearTimeout(this.timers.get(document.uri.toString()));
    this.timers.delete(document.uri.toString());
    this.clear(document);
  }
}

function problemsOf({ found, plan }: Insight, { encoding }: TextDocument): Problem[] {
  const { kvDtype, sharding } = plan.scenario;
  return lintReading(found.reading, {
    byteOrderMark: encoding === 'utf8bom',
    ...(sharding.tp > 1 ? { tp: sharding.tp } : {}),
    ...(kvDtype === 'auto' ? {} : { kvDtype }),
  });
}

function diagnosticOf(document: TextDocument, config: ConfigDocument, problem: Problem): Diagnostic {
  const { offset, length } = placeOf(config, problem);
  const range = new Range(document.positionAt(offset), document.positionAt(offset + length));
  const shown = diagnostic(range, problem.message, SEVERITIES[problem.severity]);
  shown.source = SOURCE;
  shown.code = { value: problem.rule, target: Uri.parse(ruleUri(problem.rule)) };
  return shown;
}

/** Where the value of a problem's key stands; null where it has none. */
function valueRange(config: ConfigDocument, { key }: Problem): TextRange | null {
  const path = key?.split('.') ?? [];
  const parent = config.objectAt(path.slice(0, -1));
  const node = parent && config.propertiesOf(parent).get(path.at(-1) ?? '')?.valueNode;
  return node ? config.rangeOfNode(node) : null;
}

function valueText(config: ConfigDocument, problem: Problem): string | null {
  const range = valueRange(config, problem);
  return range && config.text.slice(range.offset, range.offset + range.length);
}

type Place = Pick<TextRange, 'offset' | 'length'>;

/** A value on one line, else its key; what is missing is missed at the object that should have it. */
function placeOf(config: ConfigDocument, { range, key }: Problem): Place {
  if (range && !config.text.slice(range.offset, range.offset + range.length).includes('\n')) return range;
  const path = key?.split('.') ?? [];
  for (let depth = path.length; depth > 0; depth--) {
    const parent = config.objectAt(path.slice(0, depth - 1));
    const entry = parent && config.propertiesOf(parent).get(path[depth - 1] ?? '');
    if (entry) return entry.keyNode;
  }
  const type = config.root?.type === 'object' ? config.propertiesOf(config.root).get('model_type') : undefined;
  return type?.keyNode ?? { offset: config.root?.offset ?? 0, length: 1 };
}
