/** Hovers over model configs. */

import { type CancellationToken, Hover, type HoverProvider, MarkdownString, type Position, Range, type TextDocument } from 'vscode';
import { HOVER_COMMANDS, hoverOf } from '../present/hover';
import { SETTINGS } from './ids';
import type { Readings } from './readings';
import { isEnabled, scenarioSetting } from './settings';

export class ConfigHoverProvider implements HoverProvider {
  constructor(private readonly readings: Readings) {}

  provideHover(document: TextDocument, position: Position, token: CancellationToken): Hover | null {
    return token.isCancellationRequested ? null : this.hoverAt(document, position);
  }

  hoverAt(document: TextDocument, position: Position): Hover | null {
    if (!isEnabled(SETTINGS.hoverEnabled)) return null;
    const found = this.readings.of(document);
    if (!found) return null;
    const content = hoverOf(found.reading, found.document, document.offsetAt(position), scenarioSetting(document), found.stale);
    if (!content) return null;
    const markdown = new MarkdownString(content.markdown);
    markdown.isTrusted = { enabledCommands: HOVER_COMMANDS };
    markdown.supportHtml = false;
    const { offset, length } = content.range;
    return new Hover(markdown, new Range(document.positionAt(offset), document.positionAt(offset + length)));
  }
}
