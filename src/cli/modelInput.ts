/** What `heads`, `generate` and others share: a model from a path, tokens from a text or ids, a device, errors in words. */

import { createEngine, platformEngines } from '../compute/engines/createEngine';
import type { Engine } from '../compute/engines/engine';
import { HeadModel } from '../compute/heads/headModel';
import { computeThreads } from '../compute/machine';
import { RpcError } from '../shared/rpcError';
import { WeightsError } from '../weights/weightsError';
import { InputError, type OptionTable, type ParsedArguments, UsageError } from './arguments';

/** Options that give the tokens. */
export const TOKEN_OPTIONS: OptionTable = { prompt: { type: 'string' }, ids: { type: 'string' } };

/** No prompt is longer. */
const MOST_TOKENS = 131_072;

/** @throws UsageError unless exactly one of `--prompt` and `--ids` is there. */
export function checkTokenOptions({ prompt, ids }: ParsedArguments['values']): void {
  if ((prompt === undefined) === (ids === undefined)) throw new UsageError('give the tokens by --prompt TEXT or by --ids 1,2,3');
  if (typeof ids === 'string' && !/^\s*\d+(?:\s*,\s*\d+)*\s*$/.test(ids)) throw new UsageError('--ids takes whole numbers with commas between them: --ids 1,2,3');
}

export async function tokensOf(model: HeadModel, { prompt, ids }: ParsedArguments['values']): Promise<readonly number[]> {
  const tokens = typeof ids === 'string' ? ids.split(',').map(Number) : await model.encode(String(prompt));
  if (tokens.length === 0) throw new InputError('the prompt has no tokens');
  if (tokens.length > MOST_TOKENS) throw new InputError(`the prompt has ${tokens.length} tokens; at most ${MOST_TOKENS} are taken`);
  return tokens;
}

/** A whole number of at least `least` from an option. */
export function wholeNumber(values: ParsedArguments['values'], name: string, least: number): number {
  const text = values[name];
  const value = typeof text === 'string' && /^\d+$/.test(text) ? Number(text) : Number.NaN;
  if (!Number.isSafeInteger(value) || value < least) throw new UsageError(`--${name} takes a whole number of at least ${least}`);
  return value;
}

/** Opens the model and an engine, works, closes both. Errors of files and runs become messages. */
export async function withModel<T>(path: string, work: (model: HeadModel, engine: Engine) => Promise<T>): Promise<T> {
  let model: HeadModel | undefined;
  try {
    model = await HeadModel.open(path);
    const id = platformEngines().includes('onnxruntime-cpu') ? 'onnxruntime-cpu' : 'onnxruntime-wasm';
    const engine = createEngine(id, { threads: computeThreads() });
    try {
      return await work(model, engine);
    } finally {
      await engine.dispose();
    }
  } catch (error) {
    if (error instanceof WeightsError) throw new InputError(`${error.message} ${error.fix}`);
    if (error instanceof RpcError) throw new InputError(error.message);
    throw error;
  } finally {
    await model?.close();
  }
}
