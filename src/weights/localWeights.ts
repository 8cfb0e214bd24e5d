/** The bytes of the weights that lie beside a config: exact from headers, or from the index where shards are missing. */

import { readdir } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { ConfigDocument } from '../config/document';
import { storedWeightBytes, type WeightBytes } from '../serving/weights';
import { isGguf, openGguf } from './gguf';
import { readText } from './modelFolder';
import { openSafetensors } from './safetensors';
import { WeightsError } from './weightsError';
import type { WeightStore } from './weightStore';

/** Null where there are none, or (told to `warn`) none that can be read. */
export async function localWeights(file: string, warn: (text: string) => void): Promise<WeightBytes | null> {
  if (await isGguf(file).catch(() => false)) return storeBytes(await openGguf(file));
  const folder = dirname(file);
  const names = await readdir(folder).catch((): string[] => []);
  const index =
    names.find((name) => name === 'model.safetensors.index.json') ??
    names.find((name) => name.endsWith('.safetensors.index.json'));
  const found =
    index ??
    (names.includes('model.safetensors') ? 'model.safetensors' : names.find((name) => name.endsWith('.safetensors')));
  if (found === undefined) return null;
  try {
    return await storeBytes(await openSafetensors(join(folder, found)));
  } catch (error) {
    if (!(error instanceof WeightsError)) throw error;
    const total = index === undefined ? null : await indexTotal(join(folder, index));
    if (total === null) warn(`${error.message} The weights are estimated from the config.`);
    return total;
  }
}

async function storeBytes(store: WeightStore): Promise<WeightBytes> {
  const weights = storedWeightBytes(store.names().map((name) => ({ name, bytes: store.info(name).bytes })));
  await store.close();
  return weights;
}

/** `metadata.total_size` of an index whose shards are not here. */
async function indexTotal(file: string): Promise<WeightBytes | null> {
  const document = ConfigDocument.parse(await readText(file, 128 * 1024 * 1024));
  const node = document.objectAt(['metadata']);
  const total: unknown = node && document.propertiesOf(node).get('total_size')?.valueNode?.value;
  if (typeof total !== 'number' || !Number.isSafeInteger(total) || total <= 0) return null;
  return { bytes: total, expertBytes: 0, exact: true, rule: `total_size of ${basename(file)}` };
}
