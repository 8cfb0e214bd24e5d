/** Change Scenario…: what to change, then its value; each value with what the config in sight would take. */

import { l10n } from 'vscode';
import { engineChoice, engineChoices } from '../../cache/engines/choose';
import { engineOf } from '../../cache/engines/engineSettings';
import { planCache } from '../../cache/plan';
import { KV_DTYPES } from '../../model/dtype';
import type { Scenario } from '../../model/scenario';
import { AS_FILED } from '../../model/weightFormat';
import { formatSize, formatInteger } from '../../model/units';
import { guessMark, scopedText } from '../../present/sizeText';
import { engineText, optionTexts, refusalText } from '../../present/words';
import { deviceOf } from '../../serving/hardware';
import { configInSight } from '../activeReading';
import { SETTINGS } from '../ids';
import type { Services } from '../services';
import { engineSettings, gpuSetting, scenarioSetting, writeScenario } from '../settings';
import { setEngineOptions } from './engineOptions';
import { deviceChoices } from './fit';
import { weightChoices, weightsLabel } from './weightChoices';
import { BACK, runFlow, type Step } from './flow';
import { type Choice, pickOne, typedCount } from './pick';

const TOKENS = [1_024, 4_096, 8_192, 32_768, 131_072, 262_144, 1_048_576];
const BATCHES = [1, 2, 4, 8, 16, 32, 64, 128];
const RANKS = [1, 2, 4, 8, 16];

/** One value of the scenario: how it is shown and asked for. */
interface Part {
  readonly setting: string;
  readonly label: string;
  readonly placeholder: string;
  readonly now: string;
  readonly current: string | number;
  readonly choices: readonly Choice<string | number>[];
  /** Questions of its own, in place of the choices; true when something was set. */
  readonly ask?: () => Promise<boolean>;
  /** A value that was typed, where any number may be. */
  readonly typed?: (text: string) => Choice<string | number> | null;
}

interface State {
  readonly part: Part | null;
}

/** Asks until the user leaves, since few change one thing only; true when a value was changed. */
export async function changeScenario(services: Services): Promise<boolean> {
  let last: string | null = null;
  for (;;) {
    const done: State | undefined = await runFlow<State>({ part: null }, [askPart(partsOf(services), last), askValue]);
    if (!done) return last !== null;
    last = done.part?.setting ?? null;
  }
}

function askPart(parts: readonly Part[], last: string | null): Step<State> {
  return async (_, place) => {
    const choices = parts.map((part): Choice<Part> => ({ label: part.label, description: part.now, value: part }));
    const part = await pickOne({
      title: l10n.t('Change Scenario'),
      placeholder: l10n.t('Every number in Headlight is computed for this scenario; press Escape when done'),
      place,
      choices,
      before: ({ setting }) => setting === last,
    });
    return part === undefined || part === BACK ? part : { part };
  };
}

const askValue: Step<State> = async (state, place) => {
  const { part } = state;
  if (!part) return undefined;
  const { setting, label, placeholder, choices, typed, ask } = part;
  if (ask) return (await ask()) ? state : undefined;
  const value = await pickOne({
    title: `${l10n.t('Change Scenario')} · ${label}`,
    placeholder,
    place,
    choices,
    before: (each) => each === part.current,
    ...(typed ? { typed } : {}),
  });
  if (value === undefined || value === BACK) return value;
  await writeScenario(setting, value);
  return state;
};

function partsOf(services: Services): Part[] {
  const found = configInSight(services.readings);
  const set = engineSettings(found?.source);
  const scenario = scenarioSetting(found?.source);
  const gpu = gpuSetting(found?.source);
  const preview = (at: Scenario): string => {
    if (!found) return '';
    const plan = planCache(found.reading.spec, at);
    return refusalText(plan) ?? `${guessMark(plan)}${scopedText(plan)}`;
  };
  const counts = (
    setting: string,
    label: string,
    placeholder: string,
    values: readonly number[],
    now: number,
    at: (value: number) => Scenario,
  ): Part => {
    const choice = (value: number): Choice<number> => ({
      label: formatInteger(value),
      description: preview(at(value)),
      value,
    });
    const listed = [...new Set([...values, now])].sort((a, b) => a - b);
    return {
      setting,
      label,
      placeholder,
      now: formatInteger(now),
      current: now,
      choices: listed.map(choice),
      typed: typedCount(choice),
    };
  };
  const { workload, sharding } = scenario;
  return [
    counts(
      SETTINGS.tokens,
      l10n.t('Tokens'),
      l10n.t('Tokens per sequence: choose or type a number'),
      TOKENS,
      workload.tokens,
      (tokens) => ({ ...scenario, workload: { ...workload, tokens } }),
    ),
    counts(
      SETTINGS.batch,
      l10n.t('Batch'),
      l10n.t('Sequences at the same time: choose or type a number'),
      BATCHES,
      workload.batch,
      (batch) => ({ ...scenario, workload: { ...workload, batch } }),
    ),
    {
      setting: SETTINGS.kvDtype,
      label: l10n.t('KV dtype'),
      placeholder: l10n.t('Element type of the KV cache'),
      now: scenario.kvDtype,
      current: scenario.kvDtype,
      choices: KV_DTYPES.map((kvDtype) => ({
        label: kvDtype,
        description: preview({ ...scenario, kvDtype }),
        value: kvDtype,
      })),
    },
    {
      setting: SETTINGS.weights,
      label: l10n.t('Weights'),
      placeholder: l10n.t('Type of the weights, which decides what fits on a device'),
      now: weightsLabel(scenario.weights),
      current: scenario.weights ?? AS_FILED,
      choices: weightChoices(found?.reading ?? null),
    },
    {
      setting: SETTINGS.engine,
      label: l10n.t('Engine'),
      placeholder: l10n.t('The engine whose allocation rule applies'),
      now: engineText({ ...scenario, options: {} }),
      current: engineChoice(set),
      // At every release.
      choices: engineChoices().map((each) => {
        const chosen = engineOf({ ...set, ...each });
        return {
          label: engineText({ ...chosen, options: {} }),
          description: preview({ ...scenario, ...chosen }),
          value: engineChoice(each),
        };
      }),
    },
    {
      setting: SETTINGS.engineOptions,
      label: l10n.t('Engine options'),
      placeholder: '',
      now: optionTexts(scenario).join(' · ') || l10n.t('defaults'),
      current: '',
      choices: [],
      ask: () => setEngineOptions(services),
    },
    {
      setting: SETTINGS.gpu,
      label: l10n.t('GPU'),
      placeholder: l10n.t('The device that memory and speed are estimated for'),
      now: deviceOf(gpu)?.name ?? gpu,
      current: gpu,
      choices: deviceChoices(({ id, name, memoryBytes }) => ({
        label: name,
        description: formatSize(memoryBytes),
        value: id,
      })),
    },
    counts(
      SETTINGS.tp,
      l10n.t('Devices'),
      l10n.t('Number of devices (tensor parallelism)'),
      RANKS,
      sharding.tp,
      (tp) => ({
        ...scenario,
        sharding: { ...sharding, tp },
      }),
    ),
  ];
}
