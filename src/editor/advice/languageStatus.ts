/** The language status of a model config: its family, and whether the numbers are exact. */

import {
  l10n,
  languages,
  LanguageStatusSeverity,
  type LanguageStatusItem,
  type TextDocument,
  window,
  workspace,
} from 'vscode';
import { familyStatus } from '../../present/familyText';
import { COMMANDS, SETTINGS } from '../ids';
import { Owner } from '../lifecycle';
import { CONFIG_LANGUAGES, CONFIG_SELECTOR } from '../readings';
import { isEnabled } from '../settings';
import type { Insights } from './insights';

const DEBOUNCE_MS = 100;

/** What the item shows, for tests: the editor does not tell. */
export interface ShownStatus {
  readonly text: string;
  readonly detail: string;
  readonly warning: boolean;
}

export class FamilyStatus extends Owner {
  private item: LanguageStatusItem | null = null;
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

  get shown(): ShownStatus | null {
    const { item } = this;
    return (
      item && { text: item.text, detail: item.detail ?? '', warning: item.severity === LanguageStatusSeverity.Warning }
    );
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
    const item = (this.item ??= languages.createLanguageStatusItem('headlight.family', CONFIG_SELECTOR));
    item.name = 'Headlight';
    item.text = text;
    item.detail = detail;
    item.severity = exact ? LanguageStatusSeverity.Information : LanguageStatusSeverity.Warning;
    item.command = { title: l10n.t('Open Panel'), command: COMMANDS.openPanel, arguments: [document.uri] };
    item.accessibilityInformation = { label: `${text}. ${detail}` };
  }

  private clear(): void {
    clearTimeout(this.timer);
    this.item?.dispose();
    this.item = null;
  }
}
