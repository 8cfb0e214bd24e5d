/** The line above a model config. */

import {
  type CancellationToken,
  type CodeLens,
  type CodeLensProvider,
  type Event,
  l10n,
  Range,
  type TextDocument,
} from 'vscode';
import { familyStatus } from '../../present/familyText';
import { lensChangeText, lensDesignText, lensScenarioText } from '../../present/lensText';
import { contextText, designText } from '../../present/words';
import { changeOf, isInDiff } from '../changes';
import { COMMANDS, SETTINGS } from '../ids';
import type { Readings } from '../readings';
import { isEnabled } from '../settings';
import { codeLens } from '../sinks';
import type { Insights } from './insights';

const TOP = new Range(0, 0, 0, 0);

export class ConfigLensProvider implements CodeLensProvider {
  readonly onDidChangeCodeLenses: Event<void>;

  constructor(
    private readonly insights: Insights,
    private readonly readings: Readings,
  ) {
    this.onDidChangeCodeLenses = insights.onDidChange;
  }

  async provideCodeLenses(document: TextDocument, token: CancellationToken): Promise<CodeLens[]> {
    if (token.isCancellationRequested || !isEnabled(SETTINGS.codeLensEnabled)) return [];
    const lenses = this.insights.measured(() => this.lenses(document));
    if (lenses.length === 0 || !isInDiff(document)) return lenses;
    const change = await changeOf(document, this.readings);
    if (token.isCancellationRequested) return [];
    return change
      ? [
          lens(lensChangeText(change), l10n.t('Draw what differs'), COMMANDS.drawDifference, [
            change.modified,
            { with: change.original },
          ]),
          ...lenses,
        ]
      : lenses;
  }

  private lenses(document: TextDocument): CodeLens[] {
    const insight = this.insights.of(document);
    if (!insight) return [];
    this.insights.counts.lenses++;
    const { plan } = insight;
    return [
      lens(
        lensDesignText(plan),
        [
          designText(plan.spec),
          ...(plan.exact ? [] : [l10n.t('not exact: {0}', familyStatus(plan).detail)]),
          l10n.t('Open the panel'),
        ].join(' · '),
        COMMANDS.openPanel,
        [document.uri],
      ),
      lens(
        lensScenarioText(plan, insight.fit()),
        [contextText(plan), l10n.t('Change the scenario')].join(' · '),
        COMMANDS.changeScenario,
        [],
      ),
    ];
  }
}

function lens(title: string, tooltip: string, command: string, parameters: readonly unknown[]): CodeLens {
  return codeLens(TOP, { title, tooltip, command, arguments: [...parameters] });
}
