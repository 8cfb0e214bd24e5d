/**
 * Where the editor is given text to show: the only file that may (lint: scripts/lint/sinks.mjs). Messages, labels and hovers hold text of
 * files, and VS Code makes links of `[text](command:…)` and icons of `$(name)` in most of them. Here everything but our own Markdown becomes
 * plain text that can be seen.
 */

import {
  CodeAction,
  type CodeActionKind,
  CodeLens,
  commands,
  type Command,
  CompletionItem,
  type CompletionItemKind,
  Diagnostic,
  type DiagnosticSeverity,
  type Disposable,
  Hover,
  InlayHint,
  type InputBox,
  LanguageModelTextPart,
  LanguageModelToolResult,
  languages,
  type DocumentSelector,
  type LanguageStatusItem,
  LanguageStatusSeverity,
  MarkdownString,
  type Position,
  type Progress,
  ProgressLocation,
  type CancellationToken,
  type QuickPick,
  type QuickPickItem,
  type Range,
  StatusBarAlignment,
  type StatusBarItem,
  TreeItem,
  type TreeView,
  window,
} from 'vscode';
import { visibleLines } from '../model/visibleText';
import { inert } from '../present/inert';
import { type Markdown, md } from '../present/markdown';
import { messageOf } from '../shared/rpcError';

// Messages

export function tell(message: string, ...answers: readonly string[]): Thenable<string | undefined> {
  return window.showInformationMessage(inert(message), ...answers);
}

export function warn(message: string): void {
  void window.showWarningMessage(inert(message));
}

export function complain(message: string): void {
  void window.showErrorMessage(inert(message));
}

/** A question that must be answered; `detail`: lines below it. */
export function ask(
  message: string,
  detail: readonly string[],
  ...answers: readonly string[]
): Thenable<string | undefined> {
  const shown = { modal: true, detail: detail.map(inert).join('\n') };
  return window.showInformationMessage(inert(message), shown, ...answers);
}

/** Progress in a message that can be cancelled. */
export function withProgress<T>(
  title: string,
  work: (report: (increment: number, message?: string) => void, token: CancellationToken) => Promise<T>,
): Thenable<T> {
  return window.withProgress(
    { location: ProgressLocation.Notification, title: inert(title), cancellable: true },
    (progress: Progress<{ increment: number; message?: string }>, token) =>
      work(
        (increment, message) =>
          progress.report({ increment, ...(message === undefined ? {} : { message: inert(message) }) }),
        token,
      ),
  );
}

/** What a command throws is shown by the editor, as a message. */
export function registerCommand<A extends unknown[]>(id: string, run: (...parameters: A) => unknown): Disposable {
  return commands.registerCommand(id, async (...parameters: A) => {
    try {
      return await run(...parameters);
    } catch (error) {
      throw new Error(inert(messageOf(error)), { cause: error });
    }
  });
}

// Questions

/** An entry of a list, of the same kind. */
function inertItem<T extends QuickPickItem>(item: T): T {
  const { label, description, detail } = item;
  return {
    ...item,
    label: inert(label),
    ...(description === undefined ? {} : { description: inert(description) }),
    ...(detail === undefined ? {} : { detail: inert(detail) }),
  };
}

/** A list to choose from. Its entries are given by `list`, which returns them as they are shown. */
export interface Picker<T extends QuickPickItem> extends Disposable {
  readonly widget: Omit<QuickPick<T>, 'title' | 'placeholder' | 'items'>;
  list(items: readonly T[]): readonly T[];
}

export function createPicker<T extends QuickPickItem>(title: string, placeholder: string): Picker<T> {
  const widget = window.createQuickPick<T>();
  widget.title = inert(title);
  widget.placeholder = inert(placeholder);
  return {
    widget,
    list: (items) => (widget.items = items.map(inertItem)),
    dispose: () => widget.dispose(),
  };
}

export async function pickFrom<T extends QuickPickItem>(title: string, items: readonly T[]): Promise<T | undefined> {
  return window.showQuickPick(items.map(inertItem), { title: inert(title), matchOnDescription: true });
}

/** A field to type into, which can say what is wrong with what stands in it. */
export interface Field extends Disposable {
  readonly widget: Omit<InputBox, 'title' | 'placeholder' | 'prompt' | 'validationMessage'>;
  /** Undefined: nothing is. */
  problem(text: string | undefined): void;
}

export function createField(title: string, placeholder: string, prompt: string): Field {
  const widget = window.createInputBox();
  widget.title = inert(title);
  widget.placeholder = inert(placeholder);
  widget.prompt = inert(prompt);
  return {
    widget,
    problem: (text) => (widget.validationMessage = text === undefined ? undefined : inert(text)),
    dispose: () => widget.dispose(),
  };
}

export interface TextQuestion {
  readonly title: string;
  readonly prompt?: string;
  readonly value: string;
  /** What is wrong with an answer. */
  readonly problem?: (value: string) => string | undefined;
}

export function askText({ title, prompt, value, problem }: TextQuestion): Thenable<string | undefined> {
  return window.showInputBox({
    title: inert(title),
    value,
    ignoreFocusOut: true,
    ...(prompt === undefined ? {} : { prompt: inert(prompt) }),
    ...(problem ? { validateInput: problem } : {}),
  });
}

/** What is typed does not show. */
export function askSecret(title: string, prompt: string): Thenable<string | undefined> {
  return window.showInputBox({ title: inert(title), prompt: inert(prompt), password: true, ignoreFocusOut: true });
}

// Markdown

/** `links`: commands that its own links may run; without them, none. */
function rendered(markdown: Markdown, links: readonly string[] = []): MarkdownString {
  const string = new MarkdownString(markdown.source);
  string.isTrusted = links.length > 0 ? { enabledCommands: links } : false;
  string.supportHtml = false;
  string.supportThemeIcons = false;
  return string;
}

export function hover(markdown: Markdown, range: Range, links: readonly string[]): Hover {
  return new Hover(rendered(markdown, links), range);
}

// Beside the text of a file

/** A command as it is shown where it can be clicked. */
function inertCommand({ title, tooltip, command, arguments: given }: Command): Command {
  return {
    title: inert(title),
    command,
    ...(tooltip === undefined ? {} : { tooltip: inert(tooltip) }),
    ...(given === undefined ? {} : { arguments: given }),
  };
}

export function codeLens(range: Range, command: Command): CodeLens {
  return new CodeLens(range, inertCommand(command));
}

export function inlayHint(position: Position, text: string, tooltip: string): InlayHint {
  const hint = new InlayHint(position, inert(text));
  hint.tooltip = inert(tooltip);
  hint.paddingLeft = true;
  return hint;
}

export function diagnostic(range: Range, message: string, severity: DiagnosticSeverity): Diagnostic {
  return new Diagnostic(range, inert(message), severity);
}

/** `command`: what it runs, under its own title; without one, it only edits. */
export function codeAction(title: string, kind: CodeActionKind, command?: Omit<Command, 'title'>): CodeAction {
  const action = new CodeAction(inert(title), kind);
  if (command) action.command = inertCommand({ ...command, title });
  return action;
}

export interface Completion {
  readonly label: string;
  readonly description: string;
  readonly documentation?: string;
}

export function completionItem(
  { label, description, documentation }: Completion,
  kind: CompletionItemKind,
): CompletionItem {
  const item = new CompletionItem({ label: inert(label), description: inert(description) }, kind);
  if (documentation !== undefined) item.documentation = rendered(md`${documentation}`);
  return item;
}

// Status and views

export interface StatusText {
  readonly text: string;
  readonly tooltip: Markdown;
  /** For those who hear it. */
  readonly spoken: string;
}

export class StatusBar implements Disposable {
  private readonly item: StatusBarItem;

  constructor(id: string, name: string, command: string) {
    this.item = window.createStatusBarItem(id, StatusBarAlignment.Right, 100);
    this.item.name = name;
    this.item.command = command;
  }

  show({ text, tooltip, spoken }: StatusText): void {
    this.item.text = inert(text);
    this.item.tooltip = rendered(tooltip);
    this.item.accessibilityInformation = { label: inert(spoken) };
    this.item.show();
  }

  hide(): void {
    this.item.hide();
  }

  dispose(): void {
    this.item.dispose();
  }
}

/** What a language status shows. */
export interface ShownStatus {
  readonly text: string;
  readonly detail: string;
  readonly warning: boolean;
}

export class LanguageStatus implements Disposable {
  private readonly item: LanguageStatusItem;

  constructor(id: string, selector: DocumentSelector, name: string) {
    this.item = languages.createLanguageStatusItem(id, selector);
    this.item.name = name;
  }

  get shown(): ShownStatus {
    const { text, detail = '', severity } = this.item;
    return { text, detail, warning: severity === LanguageStatusSeverity.Warning };
  }

  show({ text, detail, warning }: ShownStatus, command: Command): void {
    this.item.text = inert(text);
    this.item.detail = inert(detail);
    this.item.severity = warning ? LanguageStatusSeverity.Warning : LanguageStatusSeverity.Information;
    this.item.command = inertCommand(command);
    this.item.accessibilityInformation = { label: `${this.item.text}. ${this.item.detail}` };
  }

  dispose(): void {
    this.item.dispose();
  }
}

/** An entry of a view; a click runs `command`, where there is one. */
export class ViewItem extends TreeItem {
  constructor(label: string, description: string, tooltip: Markdown, command?: Command) {
    super(inert(label));
    if (command) this.command = inertCommand(command);
    this.description = inert(description);
    this.tooltip = rendered(tooltip);
    this.accessibilityInformation = { label: `${inert(label)}, ${this.description}` };
  }
}

export function setViewMessage(view: TreeView<unknown>, message: string): void {
  view.message = inert(message);
}

// Logs and answers

export interface Log extends Disposable {
  info(text: string): void;
  warn(text: string): void;
  error(text: string): void;
  show(): void;
}

export function createLog(name: string): Log {
  const channel = window.createOutputChannel(name, { log: true });
  return {
    info: (text) => channel.info(visibleLines(text)),
    warn: (text) => channel.warn(visibleLines(text)),
    error: (text) => channel.error(visibleLines(text)),
    show: () => channel.show(),
    dispose: () => channel.dispose(),
  };
}

/** For chat assistants. */
export function toolResult(text: string): LanguageModelToolResult {
  return new LanguageModelToolResult([new LanguageModelTextPart(visibleLines(text))]);
}

export interface ToolQuestion {
  /** While it runs. */
  readonly running: string;
  readonly title: string;
  readonly message: Markdown;
}

export function toolQuestion({ running, title, message }: ToolQuestion): {
  invocationMessage: string;
  confirmationMessages: { title: string; message: MarkdownString };
} {
  return {
    invocationMessage: inert(running),
    confirmationMessages: { title: inert(title), message: rendered(message) },
  };
}
