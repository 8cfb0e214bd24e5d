/** What a method with these parameters takes: the check of a contract, by the way that the product goes. */

import { handlersOf, nothing, type Schema } from '../../../src/shared/schema';

/** @throws RpcError naming the place: "params.layer must be an object". */
export function checked<T>(schema: Schema<T>, params: unknown): T {
  const { 'area/verb': method } = handlersOf(
    { 'area/verb': { params: schema, result: nothing } },
    { 'area/verb': () => null },
  );
  return method.validate(params);
}
