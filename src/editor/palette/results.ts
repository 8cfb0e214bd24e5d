/** The end of a flow: the numbers as a list, and what can be done with them. Nothing needs a webview. */

import { l10n, ThemeIcon } from 'vscode';
import { BACK, type Place } from './flow';
import { type Choice, pickOne, separator } from './pick';

export interface ResultRow {
  readonly label: string;
  readonly description: string;
  readonly detail?: string;
}

export interface ResultAction {
  readonly label: string;
  readonly icon: string;
  run(): unknown;
}

export interface Results {
  readonly title: string;
  readonly rows: readonly ResultRow[];
  /** The first also answers to a row. */
  readonly actions: readonly [ResultAction, ...ResultAction[]];
}

/** Shows the results until one of the actions is taken. */
export async function showResults(
  { title, rows, actions }: Results,
  place: Place,
): Promise<true | typeof BACK | undefined> {
  const choices: Choice<ResultAction>[] = [
    ...actions.map(
      (action): Choice<ResultAction> => ({
        label: action.label,
        iconPath: new ThemeIcon(action.icon),
        value: action,
        alwaysShow: true,
      }),
    ),
    separator(l10n.t('Results')),
    ...rows.map((row): Choice<ResultAction> => ({ ...row, value: actions[0] })),
  ];
  const picked = await pickOne({ title, placeholder: l10n.t('What to do with these numbers'), place, choices });
  if (picked === undefined || picked === BACK) return picked;
  await picked.run();
  return true;
}
