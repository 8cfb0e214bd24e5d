/** What a model's weights and a text are called in results that are kept: the same wherever the files lie. */

import { createHash } from 'node:crypto';
import { open, stat } from 'node:fs/promises';
import type { OpenModel } from '../../weights/openModel';
import { manifestOf } from '../../weights/partsFile';

/** Changes when numbers of the same model, text and method would be others: results that were kept before are not taken. */
const REVISION = 2;
/** Of each file so much is read, at its start, its end and between: weights that were trained on differ everywhere. */
const SAMPLE = 64 * 1024;
const SAMPLES = 16;

/** Sizes and samples of the files behind the tensors, and how they are read. */
export async function modelKey({ plan, store }: OpenModel): Promise<string> {
  const hash = createHash('sha256');
  hash.update(
    JSON.stringify([REVISION, plan.family, plan.layers.map(({ block }) => block), plan.embedding, plan.output]),
  );
  for (const name of store.names().toSorted()) hash.update(JSON.stringify([name, store.info(name).shape]));
  const files = [...new Set(store.names().map((name) => store.info(name).file))].sort();
  // Without files the weights are made: how, their store's name says.
  if (files.every((file) => file === '')) return hash.update(store.path).digest('hex').slice(0, 24);
  for (const file of files) {
    const info = await stat(file);
    // A file in parts is read as far as it was fetched; its manifest names its content.
    const handle = await open(info.isDirectory() ? manifestOf(file) : file, 'r');
    try {
      const { size } = await handle.stat();
      hash.update(String(size));
      const buffer = Buffer.alloc(Math.min(SAMPLE, size));
      for (let part = 0; part < SAMPLES; part++) {
        const at = Math.floor(((size - buffer.length) * part) / (SAMPLES - 1));
        const { bytesRead } = await handle.read(buffer, 0, buffer.length, at);
        hash.update(buffer.subarray(0, bytesRead));
      }
    } finally {
      await handle.close();
    }
  }
  return hash.digest('hex').slice(0, 24);
}

/** @param probes Run beside the text: results have them, or not. */
export function textKey(ids: readonly number[], probes: readonly { readonly ids: readonly number[] }[] = []): string {
  const texts = [ids, ...probes.map((probe) => probe.ids)].map((text) => text.join(','));
  return createHash('sha256').update(texts.join(';')).digest('hex').slice(0, 24);
}
