/** Entry of the extension: composition only. */

import { commands, type ExtensionContext, languages, window } from 'vscode';
import { ConfigHoverProvider } from './editor/hover';
import { COMMANDS } from './editor/ids';
import { Readings } from './editor/readings';
import { changeScenario } from './editor/scenarioCommand';
import { StatusItem } from './editor/status';

/** What `activate` hands to others (and to the tests). */
export interface HeadlightApi {
  /** Milliseconds that activation took. */
  readonly activationMs: number;
}

export function activate(context: ExtensionContext): HeadlightApi {
  const started = performance.now();
  const log = window.createOutputChannel('Headlight', { log: true });
  const readings = new Readings();
  context.subscriptions.push(
    log,
    readings,
    new StatusItem(readings),
    // Any scheme and any name: what counts is the content.
    languages.registerHoverProvider([{ language: 'json' }, { language: 'jsonc' }], new ConfigHoverProvider(readings)),
    commands.registerCommand(COMMANDS.changeScenario, changeScenario),
    commands.registerCommand(COMMANDS.showLog, () => log.show()),
  );
  const activationMs = performance.now() - started;
  log.info(`activated in ${activationMs.toFixed(1)} ms`);
  return { activationMs };
}
