/** Explain This Number: the whole derivation as a document, the key under the cursor first. */

import { l10n, window } from 'vscode';
import { planCache } from '../../cache/plan';
import { explainMarkdown } from '../../present/explainText';
import type { Services } from '../services';
import { requestOf, scenarioFor, showPage, type Subject, subjectOf, type WorkloadRequest } from './subject';

export interface ExplainRequest extends WorkloadRequest {
  /** Dotted path of a key. */
  readonly key?: string;
}

/** The document's text. */
export async function explainNumber(services: Services, uri: unknown, argument: unknown): Promise<string | null> {
  const subject = await subjectOf(services, uri);
  if (!subject) return null;
  const request = requestOf<ExplainRequest>(argument) ?? {};
  const plan = planCache(subject.reading.spec, scenarioFor(subject.document, request));
  const key = typeof request.key === 'string' ? request.key : keyAtCursor(subject);
  const markdown = explainMarkdown(subject.name, plan, key);
  await showPage(services, subject, l10n.t('Derivation'), markdown);
  return markdown.source;
}

function keyAtCursor({ document, reading }: Subject): string | null {
  const editor = window.visibleTextEditors.find((visible) => visible.document === document);
  const found = editor && reading.document.propertyAt(document.offsetAt(editor.selection.active));
  return found ? found.path.join('.') : null;
}
