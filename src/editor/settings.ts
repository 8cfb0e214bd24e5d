/** Settings as typed values. What is out of range falls back to the default rather than failing. */

import { ConfigurationTarget, type ConfigurationScope, workspace } from 'vscode';
import { type ChosenEngine, engineChoice } from '../cache/engines/choose';
import type { JsonValue } from '../config/document';
import { parseTaughtFamilies, type TaughtFamilies } from '../reading/taught';
import { isKvDtype } from '../model/dtype';
import { isUnits, type Units } from '../model/units';
import { weightFormatOf } from '../model/weightFormat';
import { type EngineOptions, type EngineRule, type Scenario, MOST_RANKS, UNSHARDED } from '../model/scenario';
import { type EngineChoice, isEngineId } from '../shared/engineIds';
import {
  editedOptions,
  engineOf,
  type EngineSettings,
  type OptionsInScope,
  readEngineSettings,
} from '../cache/engines/engineSettings';
import { SETTINGS } from './ids';

const DEFAULT_TOKENS = 32_768;
const DEFAULT_GPU = 'h100-sxm';

/** `engine`: of that one instead of the setting's, at its usual release and with its own options. */
export function scenarioSetting(scope?: ConfigurationScope, engine?: EngineRule): Scenario {
  const settings = workspace.getConfiguration(SETTINGS.section, scope ?? null);
  const kvDtype = settings.get<string>(SETTINGS.kvDtype, 'auto');
  const chosen = settings.get<unknown>(SETTINGS.weights);
  const weights = typeof chosen === 'string' ? weightFormatOf(chosen) : null;
  return {
    workload: {
      batch: count(settings.get<unknown>(SETTINGS.batch), 1),
      tokens: count(settings.get<unknown>(SETTINGS.tokens), DEFAULT_TOKENS),
    },
    kvDtype: isKvDtype(kvDtype) ? kvDtype : 'auto',
    ...(weights ? { weights } : {}),
    ...engineOf(engineSettings(scope), engine),
    sharding: { ...UNSHARDED, tp: Math.min(count(settings.get<unknown>(SETTINGS.tp), 1), MOST_RANKS) },
  };
}

export function engineSettings(scope?: ConfigurationScope): EngineSettings {
  const settings = workspace.getConfiguration(SETTINGS.section, scope ?? null);
  return readEngineSettings(settings.get<unknown>(SETTINGS.engine), settings.get<unknown>(SETTINGS.engineOptions), {
    engine: `${SETTINGS.section}.${SETTINGS.engine}`,
    options: `${SETTINGS.section}.${SETTINGS.engineOptions}`,
  });
}

/** The device of `src/serving/hardware.json` that the scenario is about. */
export function gpuSetting(scope?: ConfigurationScope): string {
  return workspace.getConfiguration(SETTINGS.section, scope ?? null).get<string>(SETTINGS.gpu, DEFAULT_GPU);
}

/** What sizes are counted in: one choice for the window, as all of its surfaces change together. */
export function unitsSetting(): Units {
  const units = workspace.getConfiguration(SETTINGS.section).get<unknown>(SETTINGS.units);
  return isUnits(units) ? units : 'GiB';
}

type Switch = Extract<(typeof SETTINGS)[keyof typeof SETTINGS], `${string}.enabled`>;

export function isEnabled(setting: Switch): boolean {
  return workspace.getConfiguration(SETTINGS.section).get<boolean>(setting, true);
}

/** Lint rules that are not reported: `rule` everywhere, `rule@path` in one file. */
export function ignoredRules(scope: ConfigurationScope): readonly string[] {
  const value = workspace.getConfiguration(SETTINGS.section, scope).get<unknown>(SETTINGS.lintIgnore);
  return Array.isArray(value) ? value.filter((entry) => typeof entry === 'string') : [];
}

/** Families that the user taught. */
export function taughtFamilies(): TaughtFamilies {
  const value = workspace.getConfiguration(SETTINGS.section).get<JsonValue>(SETTINGS.families);
  return parseTaughtFamilies(value).families;
}

/** Whether a person is asked before configs and headers are fetched. The user's own word counts, and no workspace's. */
export function asksForConfigs(): boolean {
  return workspace.getConfiguration(SETTINGS.section).inspect(SETTINGS.hubAsk)?.globalValue !== 'weights';
}

/** Whom the browser asks for models, where no environment says it; null: the Hub itself. The user's own word, and no workspace's. */
export function hubEndpointSetting(): string | null {
  const value = workspace.getConfiguration(SETTINGS.section).inspect(SETTINGS.hubEndpoint)?.globalValue;
  return typeof value === 'string' && value.trim() !== '' ? value.trim() : null;
}

export async function stopAskingForConfigs(): Promise<void> {
  const settings = workspace.getConfiguration(SETTINGS.section);
  await settings.update(SETTINGS.hubAsk, 'weights', ConfigurationTarget.Global);
}

export interface ComputeSettings {
  readonly engine: EngineChoice;
  readonly allowSoftwareGpu: boolean;
  readonly allowFloat16: boolean;
  /** Null: the process's own default. */
  readonly memoryCeilingBytes: number | null;
  readonly tensorflowPath: string | null;
}

/** Paths are machine settings: a workspace cannot name a library to load. */
export function computeSettings(): ComputeSettings {
  const settings = workspace.getConfiguration(SETTINGS.section);
  const engine = settings.get<string>(SETTINGS.computeEngine, 'auto');
  const ceiling = settings.get<unknown>(SETTINGS.memoryCeilingGib);
  const path = settings.get<string>(SETTINGS.tensorflowPath, '');
  return {
    engine: isEngineId(engine) ? engine : 'auto',
    allowSoftwareGpu: settings.get<boolean>(SETTINGS.allowSoftwareGpu, false),
    allowFloat16: settings.get<boolean>(SETTINGS.allowFloat16, false),
    memoryCeilingBytes: typeof ceiling === 'number' && ceiling > 0 ? ceiling * 2 ** 30 : null,
    tensorflowPath: path === '' ? null : path,
  };
}

/** Chooses an engine and its release; the usual one is written without its name. */
export async function writeEngine(chosen: ChosenEngine): Promise<void> {
  await writeScenario(SETTINGS.engine, engineChoice(chosen));
}

/** Gives an engine just these options; see `editedOptions`. */
export async function writeEngineOptions(engine: EngineRule, options: EngineOptions): Promise<void> {
  const settings = workspace.getConfiguration(SETTINGS.section);
  const found = settings.inspect<OptionsInScope>(SETTINGS.engineOptions);
  const before = [found?.globalValue, found?.workspaceValue, found?.workspaceFolderValue];
  const targets = [ConfigurationTarget.Global, ConfigurationTarget.Workspace, ConfigurationTarget.WorkspaceFolder];
  for (const [index, value] of editedOptions(before, engine, options).entries())
    if (JSON.stringify(value) !== JSON.stringify(before[index]))
      await settings.update(SETTINGS.engineOptions, value, targets[index]);
}

/** Writes a value to the scope where it already stands, else to the user's settings. */
export async function writeScenario(setting: string, value: string | number): Promise<void> {
  await workspace.getConfiguration(SETTINGS.section).update(setting, value, targetOf(setting));
}

function targetOf(setting: string): ConfigurationTarget {
  const found = workspace.getConfiguration(SETTINGS.section).inspect(setting);
  if (found?.workspaceFolderValue !== undefined) return ConfigurationTarget.WorkspaceFolder;
  return found?.workspaceValue !== undefined ? ConfigurationTarget.Workspace : ConfigurationTarget.Global;
}

/**
 * Writes several settings at once, where each stands already or else to the user's; what puts them back as they were, or null where all were
 * as they should be.
 */
export async function exchangeSettings(
  values: Readonly<Record<string, string | number>>,
): Promise<(() => Promise<void>) | null> {
  const settings = workspace.getConfiguration(SETTINGS.section);
  const changed = Object.entries(values).filter(([setting, value]) => settings.get<unknown>(setting) !== value);
  const before = changed.map(([setting]) => {
    const target = targetOf(setting);
    const found = settings.inspect<unknown>(setting);
    const at = {
      [ConfigurationTarget.WorkspaceFolder]: found?.workspaceFolderValue,
      [ConfigurationTarget.Workspace]: found?.workspaceValue,
      [ConfigurationTarget.Global]: found?.globalValue,
    };
    return [setting, at[target], target] as const;
  });
  for (const [setting, value] of changed) await writeScenario(setting, value);
  if (before.length === 0) return null;
  return async () => {
    for (const [setting, value, target] of before)
      await workspace.getConfiguration(SETTINGS.section).update(setting, value, target);
  };
}

function count(value: unknown, fallback: number): number {
  return typeof value === 'number' && Number.isSafeInteger(value) && value >= 1 ? value : fallback;
}
