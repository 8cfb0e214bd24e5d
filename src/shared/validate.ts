/** Checks of what arrives: small functions from `unknown` to a type, which throw `invalidInput` naming the place. */

import { RpcError } from './rpcError';

/** `path` names the place in the message: "params.layer.attention.window". */
export type Check<T> = (value: unknown, path: string) => T;

export function invalid(path: string, expected: string): RpcError {
  return new RpcError('invalidInput', `${path} must be ${expected}`);
}

/** A validator for a method's parameters. */
export function params<T>(check: Check<T>): (value: unknown) => T {
  return (value) => check(value, 'params');
}

export const boolean: Check<boolean> = (value, path) => {
  if (typeof value !== 'boolean') throw invalid(path, 'true or false');
  return value;
};

/** A finite number. */
export const finite: Check<number> = (value, path) => {
  if (typeof value !== 'number' || !Number.isFinite(value)) throw invalid(path, 'a finite number');
  return value;
};

export function integer(minimum: number, maximum: number): Check<number> {
  return (value, path) => {
    if (typeof value !== 'number' || !Number.isInteger(value) || value < minimum || value > maximum) {
      throw invalid(path, `a whole number from ${minimum} to ${maximum}`);
    }
    return value;
  };
}

export function text(maximumLength: number): Check<string> {
  return (value, path) => {
    if (typeof value !== 'string' || value.length > maximumLength)
      throw invalid(path, `a text of at most ${maximumLength} characters`);
    return value;
  };
}

export function oneOf<const T extends string | number>(...choices: readonly T[]): Check<T> {
  return (value, path) => {
    const found = choices.find((choice) => choice === value);
    if (found === undefined) throw invalid(path, `one of ${choices.join(', ')}`);
    return found;
  };
}

export function array<T>(item: Check<T>, maximumLength: number): Check<readonly T[]> {
  return (value, path) => {
    if (!Array.isArray(value) || value.length > maximumLength)
      throw invalid(path, `a list of at most ${maximumLength} items`);
    return value.map((element: unknown, index) => item(element, `${path}[${index}]`));
  };
}

export function nullable<T>(check: Check<T>): Check<T | null> {
  return (value, path) => (value === null ? null : check(value, path));
}

/** Marks a key that may be absent. */
export interface OptionalCheck<T> {
  readonly optional: Check<T>;
}

export function optional<T>(check: Check<T>): OptionalCheck<T> {
  return { optional: check };
}

type Fields = Readonly<Record<string, Check<unknown> | OptionalCheck<unknown>>>;
type OptionalKeys<F extends Fields> = { [K in keyof F]: F[K] extends OptionalCheck<unknown> ? K : never }[keyof F];
type CheckedOf<C> = C extends Check<infer T> ? T : C extends OptionalCheck<infer T> ? T : never;
export type Checked<F extends Fields> = { readonly [K in Exclude<keyof F, OptionalKeys<F>>]: CheckedOf<F[K]> } & {
  readonly [K in OptionalKeys<F>]?: CheckedOf<F[K]>;
};

/** An object with exactly these keys; others are refused, so that a misspelt one is noticed. */
export function object<F extends Fields>(fields: F): Check<Checked<F>> {
  return (value, path) => {
    const source = plainObject(value, path);
    for (const key of Object.keys(source)) {
      if (!Object.hasOwn(fields, key))
        throw new RpcError('invalidInput', `${path} has an unknown key ${key.slice(0, 60)}`);
    }
    const result: Record<string, unknown> = {};
    for (const [key, check] of Object.entries(fields)) {
      const present = Object.hasOwn(source, key) && source[key] !== undefined;
      if (typeof check === 'function') result[key] = check(source[key], `${path}.${key}`);
      else if (present) result[key] = check.optional(source[key], `${path}.${key}`);
    }
    return result as Checked<F>;
  };
}

/** An object told apart by one of its fields. */
export function union<T>(tag: string, cases: Readonly<Record<string, Check<T>>>): Check<T> {
  return (value, path) => {
    const name = plainObject(value, path)[tag];
    const check = typeof name === 'string' && Object.hasOwn(cases, name) ? cases[name] : undefined;
    if (!check) throw invalid(`${path}.${tag}`, `one of ${Object.keys(cases).join(', ')}`);
    return check(value, path);
  };
}

export function record<T>(item: Check<T>, maximumSize: number): Check<Readonly<Record<string, T>>> {
  return (value, path) => {
    const entries = Object.entries(plainObject(value, path));
    if (entries.length > maximumSize) throw invalid(path, `an object of at most ${maximumSize} keys`);
    return Object.fromEntries(entries.map(([key, element]) => [key, item(element, `${path}.${key.slice(0, 60)}`)]));
  };
}

function plainObject(value: unknown, path: string): Readonly<Record<string, unknown>> {
  if (typeof value !== 'object' || value === null || Array.isArray(value) || ArrayBuffer.isView(value))
    throw invalid(path, 'an object');
  return value as Readonly<Record<string, unknown>>;
}
