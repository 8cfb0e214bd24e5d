/** GiB or GB: the setting, and the command that switches it. Lens, hover, hints, tree, status and panel follow. */

import { type Disposable, workspace } from 'vscode';
import { otherUnits, showUnits } from '../model/units';
import { COMMANDS, SETTINGS } from './ids';
import { unitsSetting, writeScenario } from './settings';
import { registerCommand } from './sinks';

/** Made before whatever shows a size: listeners are told in the order in which they came, and this one must be the first. */
export function registerUnits(): Disposable[] {
  showUnits(unitsSetting());
  return [
    workspace.onDidChangeConfiguration((event) => {
      if (event.affectsConfiguration(`${SETTINGS.section}.${SETTINGS.units}`)) showUnits(unitsSetting());
    }),
    registerCommand(COMMANDS.switchUnits, switchUnits),
  ];
}

/** To GB from GiB, and back. */
export async function switchUnits(): Promise<void> {
  await writeScenario(SETTINGS.units, otherUnits(unitsSetting()));
}
