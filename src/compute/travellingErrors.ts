/** Errors of files and engines as errors that travel between processes: a code, and words without a stack. */

import { isRpcError, RpcError } from '../shared/rpcError';
import { WeightsError } from '../weights/weightsError';
import { EngineUnavailableError, errorSentence } from './engines/engine';

export async function withTravellingErrors<R>(work: () => Promise<R>): Promise<R> {
  try {
    return await work();
  } catch (error) {
    if (isRpcError(error)) throw error;
    if (error instanceof WeightsError) throw new RpcError('invalidInput', `${error.message} ${error.fix}`);
    if (error instanceof EngineUnavailableError) throw new RpcError('unavailable', error.message);
    throw new RpcError('internal', errorSentence(error));
  }
}
