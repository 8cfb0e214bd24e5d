/** Engine options from people: as text (command line, fields) and as values of JSON (settings), each checked against its declaration. */

import { ENGINE_NAMES, type EngineOptions, type OptionValue } from '../../model/scenario';
import type { Declared, OptionKind } from './options';

export type ParsedOption =
  | { readonly name: string; readonly value: OptionValue }
  | { readonly name: null; readonly problem: string };

/** `NAME=VALUE`, or `NAME` alone for a flag. Leading dashes and underscores of the engine's own spelling are taken too. */
export function parseEngineOption(rule: Declared, text: string): ParsedOption {
  const at = text.indexOf('=');
  const spelling = at < 0 ? text : text.slice(0, at);
  const given = at < 0 ? undefined : text.slice(at + 1).trim();
  return checked(rule, spelling, (kind) => parseOptionValue(kind, given));
}

/** Options as an object of names and values (a setting), and what of it is none. */
export function readEngineOptions(
  rule: Declared,
  given: Readonly<Record<string, unknown>>,
): { readonly options: EngineOptions; readonly problems: readonly string[] } {
  const options: Record<string, OptionValue> = {};
  const problems: string[] = [];
  for (const [spelling, value] of Object.entries(given)) {
    const read = checked(rule, spelling, (kind) => (fits(kind, value) ? value : null));
    if (read.name === null) problems.push(read.problem);
    else options[read.name] = read.value;
  }
  return { options, problems };
}

function checked(
  { id, options }: Declared,
  spelling: string,
  valueFor: (kind: OptionKind) => OptionValue | null,
): ParsedOption {
  const name = spelling.trim().replace(/^--?/, '').replaceAll('_', '-');
  const option = options.find((candidate) => candidate.name === name);
  if (!option) {
    const names = options.map((candidate) => candidate.name).join(', ');
    const problem =
      names === ''
        ? `${id === 'intrinsic' ? 'the theoretical minimum' : ENGINE_NAMES[id]} has no options to set`
        : `${ENGINE_NAMES[id]} has no option ${name === '' ? '""' : name}: use one of ${names}`;
    return { name: null, problem };
  }
  const value = valueFor(option.kind);
  return value === null ? { name: null, problem: `${name} takes ${kindText(option.kind)}` } : { name, value };
}

const TRUE = ['true', '1', 'on', 'yes'];
const FALSE = ['false', '0', 'off', 'no'];

/** A value as people write it; undefined: the name stood alone. Null where it is none of that kind. */
export function parseOptionValue(kind: OptionKind, text: string | undefined): OptionValue | null {
  const value = valueOf(kind, text);
  return value !== undefined && fits(kind, value) ? value : null;
}

function valueOf(kind: OptionKind, text: string | undefined): OptionValue | undefined {
  if (kind.takes === 'flag') {
    if (text === undefined || TRUE.includes(text.toLowerCase())) return true;
    return FALSE.includes(text.toLowerCase()) ? false : undefined;
  }
  if (text === undefined) return undefined;
  switch (kind.takes) {
    case 'count':
      return wholeNumber(text);
    case 'fraction':
      return /^(\d+(?:\.\d*)?|\.\d+)$/.test(text) ? Number(text) : undefined;
    case 'counts':
      return text
        .replace(/^\[|\]$/g, '')
        .split(',')
        .map((part) => wholeNumber(part.trim()));
    case 'word':
      return text;
  }
}

function wholeNumber(text: string): number {
  return /^\d+$/.test(text) ? Number(text) : Number.NaN;
}

/** Whether a value, of whatever type, is one of the kind. */
function fits(kind: OptionKind, value: unknown): value is OptionValue {
  switch (kind.takes) {
    case 'flag':
      return typeof value === 'boolean';
    case 'count':
      return isCount(value, kind.least);
    case 'fraction':
      return typeof value === 'number' && value > 0 && value <= 1;
    case 'counts':
      return Array.isArray(value) && value.length > 0 && value.every((count) => isCount(count, 1));
    case 'word':
      return typeof value === 'string' && kind.words.includes(value);
  }
}

function isCount(value: unknown, least: number): boolean {
  return typeof value === 'number' && Number.isSafeInteger(value) && value >= least;
}

/** "a whole number of at least 1". */
export function kindText(kind: OptionKind): string {
  switch (kind.takes) {
    case 'flag':
      return 'true or false';
    case 'count':
      return `a whole number of at least ${kind.least}`;
    case 'fraction':
      return 'a number above 0 and at most 1';
    case 'counts':
      return 'whole numbers of at least 1, separated by commas';
    case 'word':
      return `one of ${kind.words.join(', ')}`;
  }
}
