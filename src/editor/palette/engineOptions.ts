/** Set Engine Options…: which option of the scenario's engine, then its value; and again, until the user leaves. */

import { l10n } from 'vscode';
import { type EngineOption, type EngineRelease, usualRelease, releaseOf } from '../../cache/engines/options';
import { kindText, parseOptionValue, readEngineOptions } from '../../cache/engines/parseOptions';
import { allocationRule } from '../../cache/engines/register';
import { planCache } from '../../cache/plan';
import { type EngineOptions, type EngineRule, ENGINES, type OptionValue, type Scenario } from '../../model/scenario';
import { aboutOption, valueText } from '../../present/optionText';
import { guessMark, scopedText } from '../../present/sizeText';
import { engineText, refusalText, releaseText, sentence } from '../../present/words';
import { configInSight } from '../activeReading';
import type { Services } from '../services';
import { complain } from '../sinks';
import { engineSettings, scenarioSetting, writeEngine, writeEngineOptions } from '../settings';
import { BACK, runFlow, type Step } from './flow';
import { askText, type Choice, pickOne, separator } from './pick';
import { requestOf } from './subject';

/** Options by which the command is driven without questions. */
interface OptionsRequest {
  /** Exactly these, of the scenario's engine. */
  readonly options: Readonly<Record<string, unknown>>;
}

interface State {
  readonly engine: EngineRule;
  /** Null: all are reset. */
  readonly option: EngineOption | null;
}

/** True when something was set. */
export async function setEngineOptions(services: Services, _uri?: unknown, argument?: unknown): Promise<boolean> {
  const options = requestOf<OptionsRequest>(argument)?.options;
  if (options) return setGiven(options);
  for (let set = false; ; set = true) {
    const { engine } = engineSettings(configInSight(services.readings)?.source);
    const first = allocationRule(engine).options.length === 0 ? [askEngine(services)] : [];
    const done = await runFlow<State>({ engine, option: null }, [...first, askOption(services), askValue(services)]);
    if (!done) return set;
  }
}

async function setGiven(given: Readonly<Record<string, unknown>>): Promise<boolean> {
  const { engine } = engineSettings();
  const { options, problems } = readEngineOptions(allocationRule(engine), given);
  if (problems.length > 0) {
    complain(problems.map(sentence).join('. '));
    return false;
  }
  await writeEngineOptions(engine, options);
  return true;
}

/** What the intrinsic rule needs has no options: first whose. */
function askEngine(services: Services): Step<State> {
  return async (state, place) => {
    const choices = ENGINES.filter((engine) => allocationRule(engine).options.length > 0).map(
      (engine): Choice<EngineRule> => {
        const scenario = scenarioSetting(configInSight(services.readings)?.source, engine);
        return { label: engineText(scenario), description: previewOf(services, scenario), value: engine };
      },
    );
    const engine = await pickOne({
      title: l10n.t('Set Engine Options'),
      placeholder: l10n.t('The engine of the scenario has no options; choose another engine'),
      place,
      choices,
    });
    if (engine === undefined || engine === BACK) return engine;
    await writeEngine({ engine, release: usualRelease(allocationRule(engine)).id });
    return { ...state, engine };
  };
}

function askOption(services: Services): Step<State> {
  return async ({ engine }, place) => {
    const now = startedAs(services, engine);
    const rule = allocationRule(engine);
    const given = Object.keys(now.options).length > 0;
    const reset: Choice<EngineOption | 'all'> = {
      label: l10n.t('Reset all to defaults'),
      description: previewOf(services, { ...now.scenario, options: {} }),
      value: 'all',
    };
    const picked = await pickOne<EngineOption | 'all'>({
      title: titleOf(engine, now.release),
      placeholder: l10n.t('Choose an option, by the name that the engine gives it'),
      place,
      // Not first, where Enter would take it.
      choices: [
        ...rule.options.map((option) => ({
          label: option.name,
          description: valueNow(option, now),
          detail: sentence(option.meaning),
          value: option,
        })),
        ...(given ? [separator<EngineOption | 'all'>(''), reset] : []),
      ],
    });
    if (picked === undefined || picked === BACK) return picked;
    return { engine, option: picked === 'all' ? null : picked };
  };
}

function askValue(services: Services): Step<State> {
  return async (state, place) => {
    const { engine, option } = state;
    const now = startedAs(services, engine);
    if (!option) {
      await writeEngineOptions(engine, {});
      return state;
    }
    const value = await valueFrom(services, option, now, place);
    if (value === BACK || value === undefined) return value;
    const { [option.name]: _, ...others } = now.options;
    await writeEngineOptions(engine, value === DEFAULT ? others : { ...others, [option.name]: value });
    return state;
  };
}

/** How the scenario's engine is started. */
interface Started {
  readonly scenario: Scenario;
  readonly release: EngineRelease;
  readonly options: EngineOptions;
}

function startedAs({ readings }: Services, engine: EngineRule): Started {
  const scenario = scenarioSetting(configInSight(readings)?.source, engine);
  const rule = allocationRule(engine);
  const release = releaseOf(rule, scenario.release) ?? usualRelease(rule);
  return { scenario, release, options: scenario.options ?? {} };
}

/** Not a value: that of the release. */
const DEFAULT = Symbol('default');

async function valueFrom(
  services: Services,
  option: EngineOption,
  { scenario, release, options }: Started,
  place: Parameters<Step<State>>[1],
): Promise<OptionValue | typeof DEFAULT | typeof BACK | undefined> {
  const { name, kind, usual } = option;
  const rule = allocationRule(scenario.engine);
  const { [name]: now, ...others } = options;
  const title = `${titleOf(scenario.engine, release)} · ${name}`;
  const placeholder = aboutOption(rule, option);
  const byDefault = l10n.t('Default: {0}', valueText(usual(release)));
  if (kind.takes === 'flag' || kind.takes === 'word') {
    const values: readonly OptionValue[] = kind.takes === 'flag' ? [true, false] : kind.words;
    const picked = await pickOne<OptionValue | typeof DEFAULT>({
      title,
      placeholder,
      place,
      before: (value) => value === (now ?? DEFAULT),
      choices: [
        { label: byDefault, description: previewOf(services, { ...scenario, options: others }), value: DEFAULT },
        ...values.map((value) => ({
          label: valueText(value),
          description: previewOf(services, { ...scenario, options: { ...others, [name]: value } }),
          value,
        })),
      ],
    });
    return picked;
  }
  const text = await askText({
    title,
    placeholder: byDefault,
    prompt: `${placeholder} ${l10n.t('Leave empty for the default.')}`,
    place,
    before: now === undefined ? '' : valueText(now),
    problem: (typed) =>
      typed.trim() === '' || parseOptionValue(kind, typed.trim()) !== null
        ? null
        : l10n.t('{0} takes {1}', name, kindText(kind)),
  });
  if (typeof text !== 'string') return text;
  return parseOptionValue(kind, text.trim()) ?? DEFAULT;
}

function titleOf(engine: EngineRule, release: EngineRelease): string {
  return `${l10n.t('Set Engine Options')} · ${releaseText(engine, release)}`;
}

function valueNow({ name, usual }: EngineOption, { release, options }: Started): string {
  const value = options[name];
  const byDefault = l10n.t('default: {0}', valueText(usual(release)));
  return value === undefined ? byDefault : `${valueText(value)} · ${byDefault}`;
}

/** What the config in sight would take. */
function previewOf({ readings }: Services, scenario: Scenario): string {
  const found = configInSight(readings);
  if (!found) return '';
  const plan = planCache(found.reading.spec, scenario);
  return refusalText(plan) ?? `${guessMark(plan)}${scopedText(plan)}`;
}
