/** Releases of an engine and its own start-up options: how they are declared, chosen and read from text. */

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
  const { releases, usualRelease } = declared;
  if (text === undefined) return releases.find(({ id }) => id === usualRelease) ?? releases.at(-1) ?? releases[0];
  const named = releases.find(({ id }) => id === text);
  if (named) return named;
  return /^\d{4}-(0[1-9]|1[0-2])$/.test(text) ? (releases.findLast(({ date }) => date <= text) ?? null) : null;
}

/** How the engine was started. An unknown release is the oldest one: whoever takes text from people asks `releaseOf` first. */
export function setupOf(rule: Declared, release: string | undefined, given: EngineOptions = {}): EngineSetup {
  const chosen = releaseOf(rule, release) ?? rule.releases[0];
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

export type ParsedOption =
  | { readonly name: string; readonly value: OptionValue }
  | { readonly name: null; readonly problem: string };

/** `NAME=VALUE`, or `NAME` alone for a flag. Leading dashes and underscores of the engine's own spelling are taken too. */
export function parseEngineOption({ id, options }: Declared, text: string): ParsedOption {
  const at = text.indexOf('=');
  const spelling = at < 0 ? text : text.slice(0, at);
  const given = at < 0 ? undefined : text.slice(at + 1).trim();
  const name = spelling.trim().replace(/^--?/, '').replaceAll('_', '-');
  const option = options.find((candidate) => candidate.name === name);
  if (!option) {
    const names = options.map((candidate) => candidate.name).join(', ');
    return {
      name: null,
      problem: `${id} has no option ${name === '' ? '""' : name} here: ${names === '' ? 'it has none' : `it has ${names}`}`,
    };
  }
  const value = valueOf(option.kind, given);
  return value === null ? { name: null, problem: `${name} takes ${kindText(option.kind)}` } : { name, value };
}

const TRUE = ['true', '1', 'on', 'yes'];
const FALSE = ['false', '0', 'off', 'no'];

function valueOf(kind: OptionKind, text: string | undefined): OptionValue | null {
  if (kind.takes === 'flag') {
    if (text === undefined || TRUE.includes(text.toLowerCase())) return true;
    return FALSE.includes(text.toLowerCase()) ? false : null;
  }
  if (text === undefined || text === '') return null;
  switch (kind.takes) {
    case 'count':
      return wholeNumber(text, kind.least);
    case 'fraction': {
      const value = /^(\d+\.?\d*|\.\d+)$/.test(text) ? Number(text) : Number.NaN;
      return value > 0 && value <= 1 ? value : null;
    }
    case 'counts': {
      const counts = text
        .replace(/^\[|\]$/g, '')
        .split(',')
        .map((part) => wholeNumber(part.trim(), 1));
      const known = counts.filter((count) => count !== null);
      return known.length === counts.length ? known : null;
    }
    case 'word':
      return kind.words.includes(text) ? text : null;
  }
}

function wholeNumber(text: string, least: number): number | null {
  const value = /^\d+$/.test(text) ? Number(text) : Number.NaN;
  return Number.isSafeInteger(value) && value >= least ? value : null;
}

function kindText(kind: OptionKind): string {
  switch (kind.takes) {
    case 'flag':
      return 'true or false';
    case 'count':
      return `a whole number of at least ${kind.least}`;
    case 'fraction':
      return 'a number above 0 and at most 1';
    case 'counts':
      return 'whole numbers of at least 1 with commas between';
    case 'word':
      return `one of ${kind.words.join(', ')}`;
  }
}
