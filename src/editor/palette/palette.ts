/** Commands that ask and answer in the editor: the scenario, comparing, converting, exporting. Loaded at the first of them. */

import { commands } from 'vscode';
import { COMMANDS, type PaletteCommand } from '../ids';
import { Owner } from '../lifecycle';
import type { Services } from '../services';
import { showCacheAt } from './cacheAt';
import { compareVariants, compareWith, exportComparison } from './compare';
import { convertAttention } from './convert';
import { drawDifference } from './difference';
import { setEngineOptions } from './engineOptions';
import { openExample } from './examples';
import { explainNumber } from './explain';
import { fitToGpu } from './fit';
import { openSamples } from './samples';
import { copyResult, exportResult, openResultSource } from './pages';
import { changeScenario } from './scenario';
import { willItFit } from './willItFit';

type Run = (services: Services, uri: unknown, argument: unknown) => Promise<unknown>;

const RUNS: Readonly<Record<PaletteCommand, Run>> = {
  [COMMANDS.changeScenario]: changeScenario,
  [COMMANDS.setEngineOptions]: setEngineOptions,
  [COMMANDS.compareVariants]: compareVariants,
  [COMMANDS.compareWith]: compareWith,
  [COMMANDS.exportComparison]: exportComparison,
  [COMMANDS.showCacheAt]: showCacheAt,
  [COMMANDS.fitToGpu]: fitToGpu,
  [COMMANDS.willItFit]: willItFit,
  [COMMANDS.convertAttention]: convertAttention,
  [COMMANDS.explainNumber]: explainNumber,
  [COMMANDS.showArchitecture]: async (_services, uri) =>
    commands.executeCommand(COMMANDS.openPanel, uri, 'architecture'),
  [COMMANDS.drawDifference]: drawDifference,
  [COMMANDS.showHeads]: async (_services, uri) => commands.executeCommand(COMMANDS.openPanel, uri, 'heads'),
  [COMMANDS.stepByStep]: async (_services, uri) => commands.executeCommand(COMMANDS.openPanel, uri, 'steps'),
  [COMMANDS.copyResult]: copyResult,
  [COMMANDS.exportResult]: exportResult,
  [COMMANDS.openResultSource]: (_services, uri) => openResultSource(uri),
  [COMMANDS.openSamples]: (services, uri, argument) => openSamples(services, argument ?? uri),
  [COMMANDS.openExample]: (services, file) => openExample(services, file),
};

export class Palette extends Owner {
  constructor(private readonly services: Services) {
    super();
  }

  /** `uri`: the config, where the command was called on one; `argument`: answers to what would be asked. */
  run(command: PaletteCommand, uri: unknown, argument: unknown): Promise<unknown> {
    return RUNS[command](this.services, uri, argument);
  }
}

export function createPalette(services: Services): Palette {
  return new Palette(services);
}
