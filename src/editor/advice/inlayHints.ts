/** Remarks beside the values of a model config. */

import {
  type CancellationToken,
  type Event,
  type InlayHint,
  type InlayHintsProvider,
  Position,
  type Range,
  type TextDocument,
} from 'vscode';
import type { ConfigDocument } from '../../config/document';
import { hintsOf } from '../../present/hintText';
import { changeOf, isInDiff, type ShownChange } from '../changes';
import { SETTINGS } from '../ids';
import type { Readings } from '../readings';
import { isEnabled } from '../settings';
import { inlayHint } from '../sinks';
import type { Insights } from './insights';

export class ConfigHintsProvider implements InlayHintsProvider {
  readonly onDidChangeInlayHints: Event<void>;

  constructor(
    private readonly insights: Insights,
    private readonly readings: Readings,
  ) {
    this.onDidChangeInlayHints = insights.onDidChange;
  }

  async provideInlayHints(document: TextDocument, range: Range, token: CancellationToken): Promise<InlayHint[]> {
    if (!isEnabled(SETTINGS.inlayHintsEnabled)) return [];
    // Diffs show hints where they show no lenses, which is their default.
    const change = isInDiff(document) ? await changeOf(document, this.readings) : null;
    return token.isCancellationRequested ? [] : this.insights.measured(() => this.hints(document, range, change));
  }

  private hints(document: TextDocument, range: Range, change: ShownChange | null): InlayHint[] {
    const insight = this.insights.of(document);
    if (!insight) return [];
    this.insights.counts.hints++;
    const { found, plan } = insight;
    return hintsOf(plan, found.reading, change).flatMap(({ key, text, detail }): InlayHint[] => {
      // Looked up again: while the text is half-typed, the plan is of an older one and only the names still hold.
      const offset = placeOf(found.document, key);
      if (offset === null) return [];
      const position = document.positionAt(offset);
      if (!range.contains(position)) return [];
      return [inlayHint(new Position(position.line, position.character), text, detail)];
    });
  }
}

/** Behind the value; of a list or an object behind its opening bracket, which is where the eye is. */
function placeOf(document: ConfigDocument, key: string): number | null {
  const path = key.split('.');
  const parent = document.objectAt(path.slice(0, -1));
  const node = parent && document.propertiesOf(parent).get(path.at(-1) ?? '')?.valueNode;
  if (!node) return null;
  return node.type === 'array' || node.type === 'object' ? node.offset + 1 : node.offset + node.length;
}
