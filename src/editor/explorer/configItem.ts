/** A model config as an entry of the view: what it is and costs, at the scenario. */

import { l10n, ThemeIcon, type Uri } from 'vscode';
import type { CachePlan } from '../../cache/plan';
import { costText, treeText } from '../../present/lensText';
import { joined, sentenceText } from '../../present/markdown';
import { notKnownText, scopedText } from '../../present/sizeText';
import { contextText, designText } from '../../present/words';
import { shownPath } from '../names';
import { ViewItem } from '../sinks';

export class ConfigItem extends ViewItem {
  constructor(
    readonly uri: Uri,
    name: string,
    readonly plan: CachePlan,
    /** What else there is to say, behind the numbers; and where it is, in place of its path. */
    more: { readonly tail: readonly string[]; readonly where: string } = { tail: [], where: shownPath(uri) },
  ) {
    const sentences = [
      more.where,
      designText(plan.spec),
      `${scopedText(plan)} at ${contextText(plan)}`,
      costText(plan),
      ...(plan.known ? [] : [notKnownText(plan)]),
      ...more.tail,
    ];
    super(name, [treeText(plan), ...more.tail].join(' · '), joined(sentences.map(sentenceText), '\n\n'), {
      command: 'vscode.open',
      title: l10n.t('Open'),
      arguments: [uri],
    });
    this.id = uri.toString();
    this.iconPath = new ThemeIcon('symbol-structure');
    this.contextValue = 'headlightConfig';
  }
}
