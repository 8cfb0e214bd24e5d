/** `model.safetensors.index.json`: which shard holds which tensor. */

import type { JsonLimits } from './jsonScan';
import { isObject, parseObject } from './safetensorsHeader';
import { shown, WeightsError } from './weightsError';

/** Largest index read; trillion-parameter models reach 60 MB. */
export const MAX_INDEX_BYTES = 128 * 1024 * 1024;
const MAX_SHARDS = 10_000;
const INDEX_LIMITS: JsonLimits = { maxDepth: 6, maxArrayLength: 10_000, maxNames: 4_000_000 };

/**
 * Shard file by tensor name.
 * @throws WeightsError when the index is not usable, or names a file outside its folder.
 */
export function parseIndex(file: string, json: Uint8Array): ReadonlyMap<string, string> {
  const fix = 'The index is damaged: download it again.';
  const index = parseObject(file, json, INDEX_LIMITS, 'index');
  const map = index['weight_map'];
  if (!isObject(map)) throw new WeightsError({ file, problem: 'it has no weight_map.', fix });
  const shards = new Set<string>();
  const result = new Map<string, string>();
  for (const [name, shard] of Object.entries(map)) {
    if (typeof shard !== 'string')
      throw new WeightsError({ file, tensor: name, problem: 'its entry in weight_map is not a file name.', fix });
    if (!/^[^/\\\0]+\.safetensors$/.test(shard)) {
      throw new WeightsError({
        file,
        tensor: name,
        problem: `the index says that it is in ${shown(shard)}, which is not a safetensors file of this folder.`,
        fix,
      });
    }
    shards.add(shard);
    if (shards.size > MAX_SHARDS)
      throw new WeightsError({ file, problem: `it names more than ${MAX_SHARDS} files.`, fix });
    result.set(name, shard);
  }
  if (result.size === 0) throw new WeightsError({ file, problem: 'its weight_map is empty.', fix });
  return result;
}
