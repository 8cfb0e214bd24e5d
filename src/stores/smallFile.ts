/** Small files of stores, for those who must not read weights. */

import { readRegular } from '../weights/regularFile';

/** @throws WeightsError where it is no regular file, cannot be read, or has more than `limit` bytes */
export function boundedFile(path: string, limit: number): Promise<Uint8Array> {
  return readRegular(path, limit);
}
