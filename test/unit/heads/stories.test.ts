/** A real trained model end to end: known text, known sharing of keys and values. */

import { existsSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { describe, expect, it } from 'vitest';
import { runJson, runText } from './support/cli';

const ROOT = process.env['HEADLIGHT_REFERENCE'] ?? resolve(import.meta.dirname, '../../../../shared/reference');
const MODEL = join(ROOT, 'models', 'stories260K.gguf');
if (!existsSync(MODEL)) console.warn(`SKIPPED: ${MODEL} is absent; set HEADLIGHT_REFERENCE`);

/** karpathy/llama2.c, doc/stories260K.md: temperature 0. */
const STORY =
  'Once upon a time, there was a little girl named Lily. She loved to play outside in the park. One day, she saw a big, red ball. ' +
  'She wanted to play with it, but it was too high.\n' +
  'Lily\'s mom said, "Lily, let\'s go to the park." Lily was sad and didn\'t know what to do. She said, "I want to play with your ball, but I can\'t find it."';
const FIRST_IDS = [1, 403, 407, 261, 378, 432, 383, 286, 261, 376, 298, 315];

interface Report {
  readonly heads: readonly {
    readonly head: number;
    readonly group: number;
    readonly entropy: number;
    readonly sink: number;
  }[];
  readonly identity: Readonly<Record<'k' | 'v', { readonly inside: number; readonly between: number }>>;
}

describe.skipIf(!existsSync(MODEL))('stories260K', () => {
  it('tells its story word for word', async () => {
    const { value, errors } = await runJson<{ text: string; ids: number[] }>([
      'generate',
      MODEL,
      '--ids',
      '1',
      '--tokens',
      '230',
      '--json',
    ]);
    expect(errors).toBe('');
    expect(value?.ids.slice(0, FIRST_IDS.length)).toEqual(FIRST_IDS);
    expect(value?.text.trim().startsWith(STORY)).toBe(true);
  });

  it('goes on from the beginning of it', async () => {
    const { value } = await runJson<{ text: string }>([
      'generate',
      MODEL,
      '--prompt',
      'Once upon a time, there was a',
      '--tokens',
      '40',
      '--json',
    ]);
    expect(STORY.startsWith(value?.text.trim() ?? '?')).toBe(true);
  });

  it.each([0, 4])('shares K and V inside its 4 groups and not between them, layer %i', async (layer) => {
    const { value } = await runJson<Report>([
      'heads',
      MODEL,
      '--layer',
      String(layer),
      '--prompt',
      'Once upon a time',
      '--json',
    ]);
    expect(value?.heads.map(({ group }) => group)).toEqual([0, 0, 1, 1, 2, 2, 3, 3]);
    for (const name of ['k', 'v'] as const) {
      expect(value?.identity[name].inside).toBe(0);
      expect(value?.identity[name].between).toBeGreaterThan(0.1);
    }
    expect(
      (await runText(['heads', MODEL, '--layer', String(layer), '--prompt', 'Once upon a time'])).printed,
    ).toContain('inside groups 0,');
  });
});
