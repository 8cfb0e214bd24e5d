/** What commands share: the config that they are about, their scenario, what was chosen last time, and how results are shown. */

import type { TextDocument } from 'vscode';
import type { Reading } from '../../reading/read';
import type { EngineRule, Scenario } from '../../model/scenario';
import type { Markdown } from '../../present/markdown';
import { activeConfig } from '../activeReading';
import { configName } from '../names';
import type { Services } from '../services';
import { scenarioSetting } from '../settings';

export interface Subject {
  readonly document: TextDocument;
  readonly reading: Reading;
  readonly name: string;
  /** The text is half-typed: the reading is of before. */
  readonly stale: boolean;
}

export async function subjectOf(services: Services, uri: unknown): Promise<Subject | null> {
  const found = await activeConfig(services.readings, uri);
  return (
    found && { document: found.source, reading: found.reading, name: configName(found.source.uri), stale: found.stale }
  );
}

/** Arguments by which commands are driven without questions (key bindings, tests). Anything else in them is ignored. */
export interface WorkloadRequest {
  readonly tokens?: number;
  readonly batch?: number;
}

/** `engine`: of that one instead of the setting's. */
export function scenarioFor(document: TextDocument, { tokens, batch }: WorkloadRequest, engine?: EngineRule): Scenario {
  const scenario = scenarioSetting(document, engine);
  const { workload } = scenario;
  return { ...scenario, workload: { tokens: count(tokens) ?? workload.tokens, batch: count(batch) ?? workload.batch } };
}

/** A whole number of at least 1; callers of commands may pass anything. */
export function count(value: unknown): number | null {
  return typeof value === 'number' && Number.isSafeInteger(value) && value >= 1 ? value : null;
}

/** A command's second argument as a request. */
export function requestOf<T extends object>(value: unknown): Partial<T> | null {
  return typeof value === 'object' && value !== null ? (value as Partial<T>) : null;
}

export function texts(value: unknown): string[] | null {
  return Array.isArray(value) && value.every((entry) => typeof entry === 'string') ? value : null;
}

const MEMORY = 'headlight.palette.';

/** What was chosen last time in this workspace. */
export function remembered({ context }: Services, question: string): unknown {
  return context.workspaceState.get(MEMORY + question);
}

export function remember({ context }: Services, question: string, choice: unknown): void {
  void context.workspaceState.update(MEMORY + question, choice);
}

/** A result as a page beside the config, which stays in sight. */
export async function showPage(
  { pages }: Services,
  { document, name }: Subject,
  kind: string,
  markdown: Markdown,
  csv?: string,
): Promise<void> {
  await pages.show({ kind, name, subject: document.uri.toString(), markdown, ...(csv === undefined ? {} : { csv }) });
}

export function title(text: string, subject: Subject): string {
  return `${text} · ${subject.name}`;
}
