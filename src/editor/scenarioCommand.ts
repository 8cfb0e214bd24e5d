/** The command that changes the scenario: pick what to change, then its value; it stays open until done. */

import { type QuickPickItem, window } from 'vscode';
import { isKvDtype, KV_DTYPES } from '../model/dtype';
import { ENGINE_NAMES, ENGINES, type Scenario } from '../model/scenario';
import { formatInteger } from '../model/units';
import { SETTINGS } from './ids';
import { scenarioSetting, writeScenario } from './settings';

interface SettingItem extends QuickPickItem {
  readonly setting: string;
}

const TOKEN_CHOICES = [1_024, 4_096, 8_192, 32_768, 131_072, 262_144, 1_048_576];
const BATCH_CHOICES = [1, 2, 4, 8, 16, 32, 64, 128];

export async function changeScenario(): Promise<void> {
  const scenario = scenarioSetting();
  const picked = await window.showQuickPick(settingItems(scenario), {
    title: 'Headlight: Change Scenario',
    placeHolder: 'What every number of Headlight is computed for',
  });
  switch (picked?.setting) {
    case SETTINGS.tokens:
      return changeCount(SETTINGS.tokens, 'Tokens of each sequence', TOKEN_CHOICES, scenario.workload.tokens);
    case SETTINGS.batch:
      return changeCount(SETTINGS.batch, 'Sequences at the same time', BATCH_CHOICES, scenario.workload.batch);
    case SETTINGS.kvDtype:
      return changeChoice(SETTINGS.kvDtype, 'KV cache element type', KV_DTYPES.map((label) => ({ label })), scenario.kvDtype);
    case SETTINGS.engine:
      return changeChoice(SETTINGS.engine, 'Whose allocation rule', ENGINES.map((label) => ({ label, description: ENGINE_NAMES[label] })), scenario.engine);
    default:
      return undefined;
  }
}

function settingItems({ workload, kvDtype, engine }: Scenario): SettingItem[] {
  return [
    { label: 'Tokens', description: formatInteger(workload.tokens), setting: SETTINGS.tokens },
    { label: 'Batch', description: formatInteger(workload.batch), setting: SETTINGS.batch },
    { label: 'KV dtype', description: kvDtype, setting: SETTINGS.kvDtype },
    { label: 'Engine', description: ENGINE_NAMES[engine], setting: SETTINGS.engine },
  ];
}

async function changeCount(setting: string, title: string, choices: readonly number[], current: number): Promise<void> {
  const other = { label: 'Other…', value: null };
  const items = choices.map((value) => ({
    label: formatInteger(value),
    ...(value === current ? { description: 'now' } : {}),
    value,
  }));
  const picked = await window.showQuickPick([...items, other], { title });
  if (!picked) return;
  const value = picked.value ?? (await askCount(title, current));
  if (value !== null) await writeScenario(setting, value);
}

async function askCount(title: string, current: number): Promise<number | null> {
  const text = await window.showInputBox({
    title,
    value: String(current),
    validateInput: (input) => (parseCount(input) === null ? 'A whole number of at least 1' : null),
  });
  return text === undefined ? null : parseCount(text);
}

/** Accepts separators as people write them: 32,768 and 32 768 and 32_768. */
function parseCount(text: string): number | null {
  const digits = text.replace(/[\s,_']/g, '');
  const value = /^\d+$/.test(digits) ? Number(digits) : Number.NaN;
  return Number.isSafeInteger(value) && value >= 1 ? value : null;
}

async function changeChoice(setting: string, title: string, items: readonly QuickPickItem[], current: string): Promise<void> {
  const marked = items.map((item) => (item.label === current ? { ...item, description: `${item.description ?? ''} (now)`.trim() } : item));
  const picked = await window.showQuickPick(marked, { title });
  if (picked && (setting !== SETTINGS.kvDtype || isKvDtype(picked.label))) await writeScenario(setting, picked.label);
}
