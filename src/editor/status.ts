/** The status bar item: what the active config caches at the scenario. Gone when no model config is active. */

import { l10n, window, workspace } from 'vscode';
import { planCache } from '../cache/plan';
import { statusText } from '../present/lensText';
import { joined, sentenceText } from '../present/markdown';
import { notKnownText } from '../present/sizeText';
import { contextText, designText, engineText } from '../present/words';
import { COMMANDS, SETTINGS } from './ids';
import { Owner } from './lifecycle';
import { CONFIG_LANGUAGES, type Readings } from './readings';
import { isEnabled, scenarioSetting } from './settings';
import { StatusBar } from './sinks';

const DEBOUNCE_MS = 100;

export class StatusItem extends Owner {
  private item: StatusBar | null = null;
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
    const text = statusText(plan);
    item.show({
      text,
      tooltip: joined(
        [
          designText(plan.spec),
          plan.known ? '' : sentenceText(notKnownText(plan)),
          contextText(plan),
          l10n.t('Select to change the scenario'),
        ],
        '\n\n',
      ),
      spoken: l10n.t('KV cache {0}, {1}, {2}. Change scenario.', text, plan.kvDtype, engineText(plan.scenario)),
    });
  }

  private create(): StatusBar {
    return this.own(new StatusBar('headlight.cache', l10n.t('Headlight: KV cache'), COMMANDS.changeScenario));
  }
}
