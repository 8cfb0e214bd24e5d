/** A real trained model end to end: known text, known sharing of keys and values. */

import { describe, expect } from 'vitest';
import { besideFile, itWith } from '../support/reference';
import { runJson, runText } from './support/cli';

const MODEL = besideFile('models/stories260K.gguf');

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

describe('stories260K', () => {
  itWith(MODEL, 'tells its story word for word', async (model) => {
    const { value, errors } = await runJson<{ text: string; ids: number[] }>([
      'generate',
      model,
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

  itWith(MODEL, 'goes on from the beginning of it', async (model) => {
    const { value } = await runJson<{ text: string }>([
      'generate',
      model,
      '--prompt',
      'Once upon a time, there was a',
      '--tokens',
      '40',
      '--json',
    ]);
    expect(STORY.startsWith(value?.text.trim() ?? '?')).toBe(true);
  });

  for (const layer of [0, 4])
    itWith(MODEL, `shares K and V inside its 4 groups and not between them, layer ${layer}`, async (model) => {
      const { value } = await runJson<Report>([
        'heads',
        model,
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
        (await runText(['heads', model, '--layer', String(layer), '--prompt', 'Once upon a time'])).printed,
      ).toContain('inside groups 0,');
    });
});
