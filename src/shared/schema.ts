/** What contracts are written with: valibot's schemas, those that it lacks, and the sentence that a wrong value becomes. */

import * as v from 'valibot';
import type { CancelSignal } from './platform';
import type { CallContext, Handlers, MethodParams, MethodResult, MethodTable } from './rpc';
import { RpcError, type RpcErrorCode } from './rpcError';

export type Schema<T = unknown> = v.GenericSchema<unknown, T>;

/** A schema for every key of T, optional ones too: a key that the type gains is a compile error until it has a schema. */
export type SchemasOf<T> = { readonly [K in keyof T]-?: Schema<Exclude<T[K], undefined>> };

interface Method {
  readonly params: Schema;
  readonly result: Schema;
  /** One such call at a time: the next begins when this one has ended. */
  readonly inTurn?: true;
}

/** Methods by name, `'area/verb'`. */
export type Contract = Readonly<Record<string, Method>>;
export type MethodsOf<C extends Contract> = {
  readonly [K in keyof C]: (params: v.InferOutput<C[K]['params']>) => v.InferOutput<C[K]['result']>;
};
export type Answers<M extends MethodTable<M>> = {
  readonly [K in keyof M]: (
    params: MethodParams<M, K>,
    context: CallContext,
  ) => MethodResult<M, K> | Promise<MethodResult<M, K>>;
};

type Answer = (params: unknown, context: CallContext) => unknown;

/** Handlers whose parameters are checked against the contract first; `queue` has those that it wants in turn. */
export function handlersOf<C extends Contract>(
  contract: C,
  answers: Answers<MethodsOf<C>>,
  queue?: (signal: CancelSignal, work: () => Promise<unknown>) => Promise<unknown>,
): Handlers<MethodsOf<C>> {
  const handlers = Object.entries(contract).map(([name, { params, inTurn }]) => {
    const answer = answers[name] as Answer;
    const queued: Answer = (asked, context) => queue?.(context.signal, async () => answer(asked, context));
    return [
      name,
      {
        validate: (value: unknown) => check(params, value, 'params'),
        handle: inTurn && queue ? queued : answer,
      },
    ];
  });
  return Object.fromEntries(handlers) as unknown as Handlers<MethodsOf<C>>;
}

/** Checks what another process answered; a wrong answer is our own failure (`internal`), not the caller's. */
export function answerCheck(contract: Contract): (method: string, value: unknown) => unknown {
  return (method, value) => {
    const schema = contract[method]?.result;
    return schema ? check(schema, value, `the answer to ${method}`, 'internal') : value;
  };
}

/** @throws RpcError naming the place: "params.layer.attention.window must be a whole number from 1 to 16777216". */
function check<T>(schema: Schema<T>, value: unknown, place: string, code: RpcErrorCode = 'invalidInput'): T {
  const result = v.safeParse(schema, value, { abortEarly: true, message: expectation });
  if (result.success) return result.output;
  throw new RpcError(code, sentence(result.issues[0], place));
}

function sentence({ path, type, expected, message }: v.BaseIssue<unknown>, place: string): string {
  // Keys may come from a hostile message.
  const keys = path?.map(({ key }) => (typeof key === 'number' ? `[${key}]` : `.${String(key).slice(0, 60)}`)) ?? [];
  const name = place + keys.join('');
  if (type !== 'strict_object' || path?.at(-1)?.origin !== 'key') return `${name} must be ${message}`;
  const last = keys.pop()?.slice(1);
  return expected === 'never' ? `${place}${keys.join('')} has an unknown key ${last}` : `${name} is missing`;
}

/** What a schema without a message of its own expects. */
function expectation({ expected }: v.BaseIssue<unknown>): string {
  const words: Readonly<Record<string, string>> = { Object: 'an object', boolean: 'true or false', string: 'a string' };
  const text = expected ?? 'something else';
  return words[text] ?? `one of ${text.replaceAll(/^\(|\)$|"/g, '').replaceAll(' | ', ', ')}`;
}

/** A result that the caller takes as it is: typed, not checked. */
export function trusted<T>(): Schema<T> {
  return v.custom<T>(() => true);
}

/** Nothing is asked. */
export const nothing: Schema<null> = v.pipe(
  v.custom<null | undefined>((value) => value === null || value === undefined, 'null'),
  v.transform(() => null),
);

export const finite: Schema<number> = v.custom<number>(Number.isFinite, 'a finite number');
/** Measures are NaN where there is nothing to measure. */
export const anyNumber: Schema<number> = v.custom<number>((value) => typeof value === 'number', 'a number');

export function whole(least: number, most: number): Schema<number> {
  const fits = (value: unknown): boolean => Number.isInteger(value) && Number(value) >= least && Number(value) <= most;
  return v.custom<number>(fits, `a whole number from ${least} to ${most}`);
}

/** Beyond any size that fits in memory; keeps products of sizes exact. */
const MOST_SIZE = 2 ** 24;
export const count: Schema<number> = whole(0, MOST_SIZE);
export const size: Schema<number> = whole(1, MOST_SIZE);
/** In results, where no limit of a request holds. */
export const natural: Schema<number> = whole(0, Number.MAX_SAFE_INTEGER);

export function text(most: number): Schema<string> {
  const fits = (value: unknown): boolean => typeof value === 'string' && value.length <= most;
  return v.custom<string>(fits, `a string of at most ${most} characters`);
}

/** The length is checked before the items: a longer list costs nothing. */
export function list<T>(item: Schema<T>, most: number): Schema<readonly T[]> {
  const fits = (value: unknown): boolean => Array.isArray(value) && value.length <= most;
  return v.pipe(v.custom<unknown[]>(fits, `a list of at most ${most} items`), v.array(item), v.readonly());
}

export const pair: Schema<readonly [number, number]> = v.pipe(
  v.custom<unknown[]>((value) => Array.isArray(value) && value.length === 2, 'two whole numbers'),
  v.tuple([count, count]),
  v.readonly(),
);

export const floats: Schema<Float32Array> = v.instance(Float32Array, 'a Float32Array');
export const bytes: Schema<Uint8Array> = v.instance(Uint8Array, 'a Uint8Array');

/** Neither a list nor a typed array, whose indices would count as keys. */
export const plain: Schema<object> = v.custom<object>(isPlain, 'an object');
function isPlain(value: unknown): value is object {
  return typeof value === 'object' && value !== null && !Array.isArray(value) && !ArrayBuffer.isView(value);
}

/** Keys that objects inherit: refused, where valibot would drop them silently. */
const INHERITED = ['__proto__', 'prototype', 'constructor'];

export function record<T>(item: Schema<T>, most: number): Schema<Readonly<Record<string, T>>> {
  const few = (value: object): boolean => Object.keys(value).length <= most;
  const own = (value: object): boolean => !INHERITED.some((key) => Object.hasOwn(value, key));
  return v.pipe(
    plain,
    v.check(few, `an object of at most ${most} keys`),
    v.check(own, `an object without the keys ${INHERITED.join(', ')}`),
    v.record(v.string(), item),
  );
}
