/** Settings as typed values. What is out of range falls back to the default rather than failing. */

import { ConfigurationTarget, type ConfigurationScope, workspace } from 'vscode';
import type { JsonValue } from '../config/document';
import { parseTaughtFamilies, type TaughtFamilies } from '../reading/taught';
import { isKvDtype } from '../model/dtype';
import { isEngineRule, type Scenario, UNSHARDED } from '../model/scenario';
import { type EngineChoice, isEngineId } from '../shared/engineIds';
import { SETTINGS } from './ids';

const DEFAULT_TOKENS = 32_768;
const DEFAULT_GPU = 'h100-sxm';

export function scenarioSetting(scope?: ConfigurationScope): Scenario {
  const settings = workspace.getConfiguration(SETTINGS.section, scope ?? null);
  const kvDtype = settings.get<string>(SETTINGS.kvDtype, 'auto');
  const engine = settings.get<string>(SETTINGS.engine, 'intrinsic');
  return {
    workload: {
      batch: count(settings.get<unknown>(SETTINGS.batch), 1),
      tokens: count(settings.get<unknown>(SETTINGS.tokens), DEFAULT_TOKENS),
    },
    kvDtype: isKvDtype(kvDtype) ? kvDtype : 'auto',
    engine: isEngineRule(engine) ? engine : 'intrinsic',
    sharding: { ...UNSHARDED, tp: count(settings.get<unknown>(SETTINGS.tp), 1) },
  };
}

/** The device of `src/serving/hardware.json` that the scenario is about. */
export function gpuSetting(scope?: ConfigurationScope): string {
  return workspace.getConfiguration(SETTINGS.section, scope ?? null).get<string>(SETTINGS.gpu, DEFAULT_GPU);
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

export interface ComputeSettings {
  readonly engine: EngineChoice;
  readonly allowSoftwareGpu: boolean;
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
    memoryCeilingBytes: typeof ceiling === 'number' && ceiling > 0 ? ceiling * 2 ** 30 : null,
    tensorflowPath: path === '' ? null : path,
  };
}

/** Writes a scenario value to the scope where it already stands, else to the user's settings. */
export async function writeScenario(setting: string, value: string | number): Promise<void> {
  const settings = workspace.getConfiguration(SETTINGS.section);
  const found = settings.inspect(setting);
  const target =
    found?.workspaceFolderValue !== undefined
      ? ConfigurationTarget.WorkspaceFolder
      : found?.workspaceValue !== undefined
        ? ConfigurationTarget.Workspace
        : ConfigurationTarget.Global;
  await settings.update(setting, value, target);
}

function count(value: unknown, fallback: number): number {
  return typeof value === 'number' && Number.isSafeInteger(value) && value >= 1 ? value : fallback;
}
