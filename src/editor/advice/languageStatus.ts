/** The language status of a model config: its family, and whether the numbers are exact. */

import { l10n, type TextDocument, window, workspace } from 'vscode';
import { familyStatus } from '../../present/familyText';
import { COMMANDS, SETTINGS } from '../ids';
import { Owner } from '../lifecycle';
import { CONFIG_LANGUAGES, CONFIG_SELECTOR } from '../readings';
import { isEnabled } from '../settings';
import { LanguageStatus, type ShownStatus } from '../sinks';
import type { Insights } from './insights';

const DEBOUNCE_MS = 100;

export class FamilyStatus extends Owner {
  private item: LanguageStatus | null = null;
  private timer: ReturnType<typeof setTimeout> | undefined;

  constructor(private readonly insights: Insights) {
    super();
    this.own(window.onDidChangeActiveTextEditor(() => this.update()));
    this.own(insights.onDidChange(() => this.update()));
    this.own(
      workspace.onDidChangeTextDocument(({ document }) => {
        if (document !== window.activeTextEditor?.document || !CONFIG_LANGUAGES.includes(document.languageId)) return;
        clearTimeout(this.timer);
        this.timer = setTimeout(() => this.update(), DEBOUNCE_MS);
      }),
    );
    this.own({ dispose: () => this.clear() });
    this.update();
  }

  /** For tests: the editor does not tell. */
  get shown(): ShownStatus | null {
    return this.item?.shown ?? null;
  }

  private update(): void {
    clearTimeout(this.timer);
    const document = window.activeTextEditor?.document;
    const insight =
      document && isEnabled(SETTINGS.languageStatusEnabled)
        ? this.insights.measured(() => this.insights.of(document))
        : null;
    if (!document || !insight) this.clear();
    else this.show(document, familyStatus(insight.plan));
  }

  private show(document: TextDocument, { text, detail, exact }: ReturnType<typeof familyStatus>): void {
    // Made anew only when there was none: the item is taken away while another kind of file is active.
    this.item ??= new LanguageStatus('headlight.family', CONFIG_SELECTOR, 'Headlight');
    const command = { title: l10n.t('Open Panel'), command: COMMANDS.openPanel, arguments: [document.uri] };
    this.item.show({ text, detail, warning: !exact }, command);
  }

  private clear(): void {
    clearTimeout(this.timer);
    this.item?.dispose();
    this.item = null;
  }
}
