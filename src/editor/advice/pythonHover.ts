/** Hovers over model configs in Python sources. */

import { type CancellationToken, type Hover, type Position, Range, type TextDocument } from 'vscode';
import type { ConfigDocument } from '../../config/document';
import type { PythonModel } from '../../python/python';
import type { Reading } from '../../reading/read';
import { HOVER_COMMANDS, hoverOf } from '../../present/hover';
import { keyTextOf } from '../../present/keyCostText';
import { SETTINGS } from '../ids';
import { isEnabled, scenarioSetting, taughtFamilies } from '../settings';
import { hover } from '../sinks';
import type { WorkCounts } from './insights';

interface Scanned {
  readonly version: number;
  readonly models: readonly PythonModel[];
  readonly readings: Map<PythonModel, { readonly document: ConfigDocument; readonly reading: Reading } | null>;
}

export class PythonHovers {
  /** The last source that was asked about: one is enough, hovers come one after the other. */
  private last: { readonly document: TextDocument; readonly scanned: Scanned } | null = null;

  constructor(private readonly counts: WorkCounts) {}

  async hoverAt(document: TextDocument, position: Position, token: CancellationToken): Promise<Hover | null> {
    if (!isEnabled(SETTINGS.pythonEnabled)) return null;
    // A file of its own: the grammar of Python is in it, and configs have no use for that.
    const { findPythonModels, readPythonModel, toJson, toSource } = await import('../../python/python');
    if (token.isCancellationRequested) return null;
    const offset = document.offsetAt(position);
    const { models, readings } = this.scan(document, findPythonModels);
    const model = models.find(({ start, end }) => start <= offset && offset < end);
    const at = model && toJson(model, offset);
    if (!model || at == null) return null;
    if (!readings.has(model)) readings.set(model, readPythonModel(model, { families: taughtFamilies() }));
    const read = readings.get(model);
    const scenario = scenarioSetting(document);
    const content =
      read &&
      hoverOf(read.reading, read.document, at, scenario, false, {
        keyText: (path) => keyTextOf(read.reading, path, scenario),
      });
    const span = content && toSource(model, content.range.offset, content.range.length);
    if (!content || !span) return null;
    const range = new Range(document.positionAt(span.start), document.positionAt(span.end));
    return hover(content.markdown, range, HOVER_COMMANDS);
  }

  private scan(document: TextDocument, find: (source: string) => PythonModel[]): Scanned {
    if (this.last?.document === document && this.last.scanned.version === document.version) return this.last.scanned;
    this.counts.pythonScans++;
    const scanned: Scanned = {
      version: document.version,
      models: find(document.getText()),
      readings: new Map(),
    };
    this.last = { document, scanned };
    return scanned;
  }
}
