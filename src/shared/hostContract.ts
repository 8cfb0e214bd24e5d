/** What the extension host answers to the compute process, which itself has no way to the network. */

import * as v from 'valibot';
import { bytes, type MethodsOf, natural, text } from './schema';

export const HOST = {
  /** Bytes `[from, to)` of a weight file of which only parts are here. Refused unless they were asked for and allowed. */
  'parts/fetch': { params: v.strictObject({ path: text(8192), from: natural, to: natural }), result: bytes },
};
export type HostMethods = MethodsOf<typeof HOST>;
