/** Releases of an engine and its own start-up options: how they are declared and chosen. */

import type { EngineOptions, EngineRule, OptionValue } from '../../model/scenario';

/** State of an engine's code whose behaviour a rule models. */
export interface EngineRelease {
  /** What stands behind `@`. */
  readonly id: string;
  /** YYYY-MM: from this month on. */
  readonly date: string;
  /** YYYY-MM-DD: the day whose code is modelled, where it is not the end of the month. */
  readonly asOf?: string;
  /** Version or commit that was read. */
  readonly code: string;
}

/** Whether a release's code is of that day (YYYY-MM-DD) or later. */
export function isSince({ date, asOf = `${date}-31` }: EngineRelease, day: string): boolean {
  return day <= asOf;
}

/** What an option takes. */
export type OptionKind =
  | { readonly takes: 'count'; readonly least: number }
  | { readonly takes: 'fraction' }
  | { readonly takes: 'flag' }
  /** Whole numbers with commas between. */
  | { readonly takes: 'counts' }
  | { readonly takes: 'word'; readonly words: readonly string[] };

export interface EngineOption {
  /** The engine's own name, without leading dashes. */
  readonly name: string;
  readonly kind: OptionKind;
  /** The engine's default in a release; undefined where it follows from the model. */
  readonly usual: (release: EngineRelease) => OptionValue | undefined;
  /** What it changes, for people. */
  readonly meaning: string;
  /** What its number counts, or is a share of: "tokens". */
  readonly unit?: string;
}

/** An engine as it was started: its release, and every option at the given value or at the release's default. */
export interface EngineSetup {
  readonly release: EngineRelease;
  readonly options: EngineOptions;
  /** Names of the options that were given. */
  readonly given: ReadonlySet<string>;
}

/** What releases and options are chosen from. */
export interface Declared {
  readonly id: EngineRule;
  /** Oldest first. */
  readonly releases: readonly [EngineRelease, ...EngineRelease[]];
  /** The release that is meant where none is named: the last where absent. */
  readonly usualRelease?: string;
  readonly options: readonly EngineOption[];
}

/**
 * The release that a text names: its id, or a month (YYYY-MM), which takes the newest release that is not younger.
 * Null where the rule models none.
 */
export function releaseOf(declared: Declared, text: string | undefined): EngineRelease | null {
  const { releases } = declared;
  if (text === undefined) return usualRelease(declared);
  const named = releases.find(({ id }) => id === text);
  if (named) return named;
  return /^\d{4}-(0[1-9]|1[0-2])$/.test(text) ? (releases.findLast(({ date }) => date <= text) ?? null) : null;
}

/** The release that is meant where none is named. */
export function usualRelease({ releases, usualRelease: usual }: Declared): EngineRelease {
  return releases.find(({ id }) => id === usual) ?? releases.at(-1) ?? releases[0];
}

/** How the engine was started. An unknown release is the usual one: whoever takes text from people asks `releaseOf` first. */
export function setupOf(rule: Declared, release: string | undefined, given: EngineOptions = {}): EngineSetup {
  const chosen = releaseOf(rule, release) ?? usualRelease(rule);
  const options: Record<string, OptionValue> = {};
  for (const { name, usual } of rule.options) {
    const value = given[name] ?? usual(chosen);
    if (value !== undefined) options[name] = value;
  }
  return { release: chosen, options, given: new Set(Object.keys(given)) };
}

/** The value of a count, or undefined where neither the scenario nor the engine gives one. */
export function countOption({ options }: EngineSetup, name: string): number | undefined {
  const value = options[name];
  return typeof value === 'number' ? value : undefined;
}

export function fractionOption(setup: EngineSetup, name: string): number | undefined {
  return countOption(setup, name);
}

export function flagOption({ options }: EngineSetup, name: string): boolean {
  return options[name] === true;
}

export function countsOption({ options }: EngineSetup, name: string): readonly number[] | undefined {
  const value = options[name];
  return typeof value === 'object' ? value : undefined;
}

export function wordOption({ options }: EngineSetup, name: string): string | undefined {
  const value = options[name];
  return typeof value === 'string' ? value : undefined;
}

/** The given options that are not what the release does anyway. */
export function changedOptions(rule: Declared, release: EngineRelease, given: EngineOptions = {}): EngineOptions {
  return Object.fromEntries(
    rule.options.flatMap(({ name, usual }): [string, OptionValue][] => {
      const value = given[name];
      return value === undefined || String(value) === String(usual(release)) ? [] : [[name, value]];
    }),
  );
}
