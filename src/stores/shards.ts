/** Whether a model's safetensors files are all in its folder, by their names. */

import { join } from 'node:path';
import * as v from 'valibot';
import { readText } from '../weights/modelFolder';

const INDEX = v.object({ weight_map: v.record(v.string(), v.string()) });
/** The index of a large mixture of experts. */
const MOST_INDEX_BYTES = 64 * 1024 ** 2;

/** Whether the safetensors files beside a config are all there. */
export async function weightsOf(folder: string, files: readonly string[]): Promise<'whole' | 'some' | 'none'> {
  const here = new Set(files);
  const index = files.find((file) => file === 'model.safetensors.index.json');
  if (index === undefined) return files.some((file) => /^[^/]+\.safetensors$/.test(file)) ? 'whole' : 'none';
  const text = await readText(join(folder, index), MOST_INDEX_BYTES).catch(() => '');
  const read = v.safeParse(v.pipe(v.string(), v.parseJson(), INDEX), text);
  if (!read.success) return 'some';
  const shards = new Set(Object.values(read.output.weight_map));
  if (shards.size > 0 && [...shards].every((shard) => here.has(shard))) return 'whole';
  return [...shards].some((shard) => here.has(shard)) ? 'some' : 'none';
}
