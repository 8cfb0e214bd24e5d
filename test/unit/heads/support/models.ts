/** Models that tests run: the samples of the repository. Golden ones are in support/reference.ts. */

import { readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { createEngine } from '../../../../src/compute/engines/createEngine';
import { ForwardPass } from '../../../../src/compute/heads/forward';
import { HeadModel } from '../../../../src/compute/heads/headModel';
import type { ForwardLimits } from '../../../../src/compute/heads/layerPass';
import type { GoldenModel } from '../../support/reference';

const checkout = resolve(import.meta.dirname, '../../../..');
export const SAMPLES = ['mha', 'gqa', 'mqa', 'mla'].map((name) => join(checkout, 'media', 'samples', name));

/** Samples of these names, as golden models are listed. */
export const samplesNamed = (...names: readonly string[]): readonly GoldenModel[] =>
  names.map((name) => {
    const folder = join(checkout, 'media', 'samples', name);
    const config = JSON.parse(readFileSync(join(folder, 'config.json'), 'utf8')) as { model_type: string };
    return { name, modelType: config.model_type, folder };
  });

/** Runs `work` on an opened model and closes everything after. */
export async function withForward<T>(
  folder: string,
  limits: ForwardLimits,
  work: (forward: ForwardPass, model: HeadModel) => Promise<T>,
): Promise<T> {
  const model = await HeadModel.open(folder);
  const forward = new ForwardPass(model.model, createEngine('onnxruntime-cpu', { threads: 1 }), limits);
  try {
    return await work(forward, model);
  } finally {
    await forward.dispose();
    await model.close();
  }
}

/** The same ids every time. */
export function someIds(count: number, vocabulary: number): number[] {
  let state = 12345;
  return Array.from({ length: count }, () => {
    state = (Math.imul(state, 1103515245) + 12345) >>> 0;
    return Math.floor((state / 2 ** 32) * vocabulary);
  });
}
