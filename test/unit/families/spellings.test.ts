/** One config in the spellings that published files use gives one model. */

import { cpSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { describeLayer } from '../../../src/compute/describeLayer';
import { openModel } from '../../../src/weights/openModel';
import { eachOrSkip, noCases } from '../support/cases';
import { goldenNamed, itWith } from '../support/reference';
import { temporaryFolder } from '../weights/files';

describe('BLOOM, whose published configs say n_embed for hidden_size', () => {
  eachOrSkip(goldenNamed('bloom'), noCases, ({ folder: place }) => {
    itWith(place, 'opens its weights under either name', async (folder) => {
      const copy = temporaryFolder();
      cpSync(folder, copy, { recursive: true });
      const config = join(copy, 'config.json');
      const { hidden_size: width, ...rest } = JSON.parse(readFileSync(config, 'utf8')) as Record<string, unknown>;
      expect(width).toBeGreaterThan(0);
      writeFileSync(config, JSON.stringify({ ...rest, n_embed: width }));
      const [given, renamed] = [await openModel(folder), await openModel(copy)];
      expect(renamed.plan).toEqual(given.plan);
      await Promise.all([given.close(), renamed.close()]);
    });
  });

  it('has seeded layers of its width', () => {
    const config = { model_type: 'bloom', n_layer: 24, num_attention_heads: 16, vocab_size: 100 };
    const layer = (more: object): number =>
      describeLayer({ text: JSON.stringify({ ...config, ...more }) }, 0).layer.hiddenSize;
    expect(layer({ n_embed: 1024 })).toBe(1024);
    expect(layer({ hidden_size: 1024 })).toBe(1024);
  });
});
