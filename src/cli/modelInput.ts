/** What `heads`, `generate` and others share: a model from a path, tokens from a text or ids, a device, errors in words. */

import { dirname } from 'node:path';
import { createEngine, platformEngines } from '../compute/engines/createEngine';
import type { Engine } from '../compute/engines/engine';
import { nativeInstalled } from '../compute/engines/onnxruntimeNative';
import { HeadModel } from '../compute/heads/headModel';
import type { HeadSubject } from '../compute/heads/layerPass';
import { SeededModel } from '../compute/heads/seededModel';
import { computeThreads } from '../compute/machine';
import { MOST_PROMPT_TOKENS, MOST_SEED } from '../shared/limits';
import { isRpcError } from '../shared/rpcError';
import { NoWeightsError } from '../weights/modelFolder';
import { WeightsError } from '../weights/weightsError';
import { type OptionTable, type ParsedArguments } from './arguments';
import { InputError, UsageError } from './errors';
import { modelText } from './modelFiles';

/** Options that give the tokens. */
export const TOKEN_OPTIONS: OptionTable = { prompt: { type: 'string' }, ids: { type: 'string' } };

/** Whole numbers with commas between them. */
export function isIds(text: string): boolean {
  return /^\s*\d+(?:\s*,\s*\d+)*\s*$/.test(text);
}

/** @throws UsageError unless exactly one of `--prompt` and `--ids` is there. */
export function checkTokenOptions({ prompt, ids }: ParsedArguments['values']): void {
  if ((prompt === undefined) === (ids === undefined))
    throw new UsageError('give the tokens with --prompt TEXT or --ids 1,2,3');
  checkIds(ids);
}

/** @throws UsageError for `--ids` that are none. */
export function checkIds(ids: ParsedArguments['values'][string]): void {
  if (typeof ids === 'string' && !isIds(ids))
    throw new UsageError('--ids takes whole numbers separated by commas: --ids 1,2,3');
}

export async function tokensOf(
  model: HeadSubject,
  { prompt, ids }: ParsedArguments['values'],
): Promise<readonly number[]> {
  const tokens = typeof ids === 'string' ? ids.split(',').map(Number) : await model.encode(String(prompt));
  if (ids !== undefined && model instanceof SeededModel) checkVocabulary(tokens, model.vocabulary);
  if (tokens.length === 0) throw new InputError('the prompt has no tokens');
  if (tokens.length > MOST_PROMPT_TOKENS)
    throw new InputError(`the prompt has ${tokens.length} tokens; at most ${MOST_PROMPT_TOKENS} are taken`);
  return tokens;
}

/** Seeded weights have a row for any number; the model has not. Its own weights say so themselves. */
function checkVocabulary(ids: readonly number[], vocabulary: number | null): void {
  const beyond = ids.find((id) => vocabulary !== null && id >= vocabulary);
  if (beyond !== undefined)
    throw new InputError(`token ${beyond} is not in the vocabulary: the config has ids 0 to ${(vocabulary ?? 0) - 1}`);
}

/** A whole number of at least `least` from an option. */
export function wholeNumber(values: ParsedArguments['values'], name: string, least: number): number {
  const text = values[name];
  const value = typeof text === 'string' && /^\d+$/.test(text) ? Number(text) : Number.NaN;
  if (!Number.isSafeInteger(value) || value < least)
    throw new UsageError(`--${name} takes a whole number of at least ${least}`);
  return value;
}

/** `--seed N`; null where it is not given. */
export function seedOf(values: ParsedArguments['values']): number | null {
  if (values['seed'] === undefined) return null;
  const seed = wholeNumber(values, 'seed', 0);
  if (seed > MOST_SEED) throw new UsageError(`--seed takes a whole number of at most ${MOST_SEED}`);
  return seed;
}

/** Opens a model with its weights. */
export function withModel<T>(path: string, work: (model: HeadModel, engine: Engine) => Promise<T>): Promise<T> {
  return withSubject(() => HeadModel.open(path), work);
}

/** Opens a model with its weights, or with those of a seed for the shapes of its config. */
export async function withHeads<T>(
  path: string,
  seed: number | null,
  work: (model: HeadSubject, engine: Engine) => Promise<T>,
): Promise<T> {
  if (seed === null)
    return withSubject(() => HeadModel.open(path).catch((error: unknown) => withoutWeights(path, error)), work);
  const { text, file } = await modelText(path);
  return withSubject(() => SeededModel.open(dirname(file), { text, seed }), work);
}

/** A config alone can be looked at with seeded weights. */
async function withoutWeights(path: string, error: unknown): Promise<never> {
  const configured =
    error instanceof NoWeightsError &&
    (await modelText(path).then(
      () => true,
      () => false,
    ));
  throw configured
    ? new InputError(`${error.message} ${error.fix} Or give --seed 1 for random weights in the shapes of the config.`)
    : error;
}

/** Works on a model and an engine, closes both. Errors of files and runs become messages. */
async function withSubject<M extends HeadSubject, T>(
  open: () => Promise<M>,
  work: (model: M, engine: Engine) => Promise<T>,
): Promise<T> {
  let model: M | undefined;
  try {
    model = await open();
    const id =
      platformEngines().includes('onnxruntime-cpu') && nativeInstalled() ? 'onnxruntime-cpu' : 'onnxruntime-wasm';
    const engine = createEngine(id, { threads: computeThreads() });
    try {
      return await work(model, engine);
    } finally {
      await engine.dispose();
    }
  } catch (error) {
    if (error instanceof WeightsError) throw new InputError(`${error.message} ${error.fix}`);
    if (isRpcError(error))
      throw new InputError(
        error.code === 'tooLarge'
          ? `${error.message}: use a shorter prompt, or a config with smaller layers`
          : error.message,
      );
    throw error;
  } finally {
    await model?.close();
  }
}
