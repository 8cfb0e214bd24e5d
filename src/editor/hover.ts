/** Hovers over model configs. */

import {
  type CancellationToken,
  commands,
  type Hover,
  type HoverProvider,
  l10n,
  type Position,
  Range,
  type TextDocument,
} from 'vscode';
import { type Change, changeText } from '../present/change';
import { HOVER_COMMANDS, hoverOf } from '../present/hover';
import type { keyTextOf } from '../present/keyCostText';
import { joined, md } from '../present/markdown';
import { changeOf, isInDiff } from './changes';
import type { HoveredLines } from './hoveredLines';
import { CONTEXTS, SETTINGS } from './ids';
import type { Readings } from './readings';
import { isEnabled, scenarioSetting } from './settings';
import { hover } from './sinks';

export type KeyTexts = typeof keyTextOf;

export class ConfigHoverProvider implements HoverProvider {
  private shown = false;

  /** `keyText`: what keys cost beside the cache, from the part that counts parameters; null where it cannot be loaded. */
  constructor(
    private readonly readings: Readings,
    private readonly keyTexts: () => Promise<KeyTexts | null>,
    private readonly lines: HoveredLines,
  ) {}

  async provideHover(document: TextDocument, position: Position, token: CancellationToken): Promise<Hover | null> {
    if (!isEnabled(SETTINGS.hoverEnabled) || !this.readings.of(document)) return null;
    const [change, keyTexts] = await Promise.all([
      isInDiff(document) ? changeOf(document, this.readings) : null,
      this.keyTexts(),
    ]);
    const found = token.isCancellationRequested ? null : this.hoverAt(document, position, change, keyTexts);
    if (found) this.lines.hovered(document);
    if (found && !this.shown) {
      this.shown = true;
      // The first step of the walkthrough.
      void commands.executeCommand('setContext', CONTEXTS.hovered, true);
    }
    return found;
  }

  /** `change`: what the diff that shows the document did. */
  hoverAt(
    document: TextDocument,
    position: Position,
    change: Change | null = null,
    keyTexts: KeyTexts | null = null,
  ): Hover | null {
    if (!isEnabled(SETTINGS.hoverEnabled)) return null;
    const found = this.readings.of(document);
    if (!found) return null;
    const scenario = scenarioSetting(document);
    const { reading } = found;
    const content = hoverOf(reading, found.document, document.offsetAt(position), scenario, found.stale, {
      described: hasSchema(document),
      ...(keyTexts ? { keyText: (path) => keyTexts(reading, path, scenario) } : {}),
    });
    if (!content) return null;
    const markdown = change
      ? joined([md`${l10n.t('This change:')} **${changeText(change)}**`, content.markdown], '\n\n')
      : content.markdown;
    const { offset, length } = content.range;
    return hover(
      markdown,
      new Range(document.positionAt(offset), document.positionAt(offset + length)),
      HOVER_COMMANDS,
    );
  }
}

/** The files for which package.json contributes the schema (`jsonValidation`): its descriptions of keys show by themselves. */
function hasSchema({ uri }: TextDocument): boolean {
  return /(?:^|\/)(?:config|params)\.json$/.test(uri.path);
}
