/** An editor's settings of engine, release and options as typed values, and back. */

import { type EngineOptions, type EngineRule, ENGINES, isEngineRule, type Scenario } from '../../model/scenario';
import { type ChosenEngine, parseEngine } from './choose';
import { usualRelease } from './options';
import { readEngineOptions } from './parseOptions';
import { allocationRule } from './register';

/** What the settings choose. */
export interface EngineSettings extends ChosenEngine {
  /** Of every engine that has some. */
  readonly options: Readonly<Partial<Record<EngineRule, EngineOptions>>>;
  /** What of them is wrong, with the name of the setting: said beside every number. */
  readonly problems: readonly string[];
}

/** What the settings are called, for sentences about them. */
export interface SettingNames {
  readonly engine: string;
  readonly options: string;
}

/** Settings may hold anything. An engine that is none is the intrinsic rule, a release that is none the usual one. */
export function readEngineSettings(engine: unknown, given: unknown, names: SettingNames): EngineSettings {
  const problems: string[] = [];
  const all = isObject(given) ? given : {};
  if (given !== undefined && !isObject(given)) problems.push(`${names.options} must be an object`);
  const options: Partial<Record<EngineRule, EngineOptions>> = {};
  for (const [name, value] of Object.entries(all)) {
    if (!isEngineRule(name))
      problems.push(`${names.options} names the engine ${name}: known engines are ${ENGINES.join(', ')}`);
    else if (!isObject(value)) problems.push(`${names.options}.${name} must be an object`);
    else {
      const read = readEngineOptions(allocationRule(name), value);
      options[name] = read.options;
      problems.push(...read.problems.map((problem) => `${names.options}: ${problem}`));
    }
  }
  const text = typeof engine === 'string' ? engine : 'intrinsic';
  const chosen = parseEngine(text);
  if (chosen.engine !== null) return { ...chosen, options, problems };
  const named = parseEngine(text.split('@')[0] ?? '');
  const used = named.engine === null ? INTRINSIC : named;
  return { ...used, options, problems: [`${names.engine}: ${chosen.problem}`, ...problems] };
}

const INTRINSIC: ChosenEngine = { engine: 'intrinsic', release: usualRelease(allocationRule('intrinsic')).id };

/** The part of a scenario that settings choose; `engine`: of another than they choose, at its usual release. */
export function engineOf(
  { engine: set, release, options, problems }: EngineSettings,
  engine: EngineRule = set,
): Pick<Scenario, 'engine' | 'release' | 'options' | 'untaken'> {
  return {
    engine,
    release: engine === set ? release : usualRelease(allocationRule(engine)).id,
    options: options[engine] ?? {},
    ...(problems.length > 0 ? { untaken: problems } : {}),
  };
}

/** The setting of options as it stands in one scope (user, workspace, folder); undefined where it does not. */
export type OptionsInScope = Readonly<Record<string, unknown>> | undefined;

/**
 * What each scope has to say so that an engine has just these options; undefined: nothing. The editor puts the scopes of an object
 * together, later ones first: what is new goes to the last that has any (to the first where none has), and what is not wanted at all
 * is taken out of each. What is no option stays, and stays said, unless all are to go.
 */
export function editedOptions(
  scopes: readonly OptionsInScope[],
  engine: EngineRule,
  wanted: EngineOptions,
): readonly OptionsInScope[] {
  const rule = allocationRule(engine);
  const none = Object.keys(wanted).length === 0;
  const target = Math.max(
    0,
    scopes.findLastIndex((scope) => scope !== undefined),
  );
  const outer: Record<string, unknown> = {};
  return scopes.map((scope, index) => {
    const own: Record<string, unknown> = {};
    for (const [spelling, value] of Object.entries(isObject(scope?.[engine]) ? scope[engine] : {})) {
      const [name] = Object.keys(readEngineOptions(rule, { [spelling]: value }).options);
      if (name === undefined ? !none : name in wanted) own[name ?? spelling] = value;
    }
    if (index === target) {
      for (const [name, value] of Object.entries(wanted))
        if (name in own || !same(outer[name], value)) own[name] = value;
    }
    Object.assign(outer, own);
    const { [engine]: _, ...others } = scope ?? {};
    const next = Object.keys(own).length > 0 ? { ...others, [engine]: own } : others;
    return Object.keys(next).length > 0 ? next : undefined;
  });
}

function same(a: unknown, b: unknown): boolean {
  return JSON.stringify(a) === JSON.stringify(b);
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
