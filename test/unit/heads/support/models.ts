/** Models that tests run: the samples of the repository, and golden folders where they are. */

import { existsSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { createEngine } from '../../../../src/compute/engines/createEngine';
import { ForwardPass } from '../../../../src/compute/heads/forward';
import { HeadModel } from '../../../../src/compute/heads/headModel';
import type { ForwardLimits } from '../../../../src/compute/heads/layerPass';

const checkout = resolve(import.meta.dirname, '../../../..');
export const SAMPLES = ['mha', 'gqa', 'mqa', 'mla'].map((name) => join(checkout, 'media', 'samples', name));
const GOLDEN = join(process.env['HEADLIGHT_REFERENCE'] ?? resolve(checkout, '../shared/reference'), 'golden');

/** Golden folders of these names that are there; a word on stderr for the others. */
export function goldenNamed(...names: readonly string[]): string[] {
  return names
    .map((name) => join(GOLDEN, name))
    .filter((folder) => {
      const there = existsSync(folder);
      if (!there) console.warn(`SKIPPED: ${folder} is absent; set HEADLIGHT_REFERENCE`);
      return there;
    });
}

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
