/** The status bar item: what the active config caches at the scenario. Gone when no model config is active. */

import { l10n, MarkdownString, StatusBarAlignment, type StatusBarItem, window, workspace } from 'vscode';
import { planCache } from '../cache/plan';
import { statusText } from '../present/lensText';
import { escapeSentence, escapeText } from '../present/markdown';
import { notKnownText } from '../present/sizeText';
import { contextText, designText, engineText } from '../present/words';
import { COMMANDS, SETTINGS } from './ids';
import { Owner } from './lifecycle';
import { CONFIG_LANGUAGES, type Readings } from './readings';
import { isEnabled, scenarioSetting } from './settings';

const DEBOUNCE_MS = 100;

export class StatusItem extends Owner {
  private item: StatusBarItem | null = null;
  private timer: ReturnType<typeof setTimeout> | undefined;

  constructor(private readonly readings: Readings) {
    super();
    this.own(window.onDidChangeActiveTextEditor(() => this.update()));
    this.own(
      workspace.onDidChangeTextDocument(({ document }) => {
        if (document === window.activeTextEditor?.document && CONFIG_LANGUAGES.includes(document.languageId))
          this.schedule();
      }),
    );
    this.own(
      workspace.onDidChangeConfiguration((event) => {
        if (event.affectsConfiguration(SETTINGS.section)) this.update();
      }),
    );
    this.own(readings.onDidChange(() => this.update()));
    this.own({ dispose: () => clearTimeout(this.timer) });
    this.update();
  }

  private schedule(): void {
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.update(), DEBOUNCE_MS);
  }

  private update(): void {
    clearTimeout(this.timer);
    const document = window.activeTextEditor?.document;
    const found = document && isEnabled(SETTINGS.statusBarEnabled) ? this.readings.of(document) : null;
    if (!document || !found) {
      this.item?.hide();
      return;
    }
    const plan = planCache(found.reading.spec, scenarioSetting(document));
    const item = (this.item ??= this.create());
    item.text = statusText(plan);
    item.tooltip = new MarkdownString(
      `${escapeText(designText(plan.spec))}\n\n${plan.known ? '' : `${escapeSentence(notKnownText(plan))}\n\n`}${escapeText(contextText(plan))}\n\n${l10n.t('Select to change the scenario')}`,
    );
    item.accessibilityInformation = {
      label: l10n.t('KV cache {0}, {1}, {2}. Change scenario.', item.text, plan.kvDtype, engineText(plan.scenario)),
    };
    item.show();
  }

  private create(): StatusBarItem {
    const item = this.own(window.createStatusBarItem('headlight.cache', StatusBarAlignment.Right, 100));
    item.name = l10n.t('Headlight: KV cache');
    item.command = COMMANDS.changeScenario;
    return item;
  }
}
