// Tiny configs of every model type of transformers 5.18, against what executing them left in the cache
// (test/fixtures/corpus.json, made by scripts/distillCorpus.mjs, which says how the two are compared).
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { readModelConfig } from '../../../src/reading/read';
import { changed, type TypeCases } from '../corpus';
import { tally } from '../support/accuracy';
import { casesOf, eachOrSkip, noCases } from '../support/cases';
import { layerRuns } from './layerText';

const corpus = JSON.parse(readFileSync('test/fixtures/corpus.json', 'utf8')) as Record<string, TypeCases<string>>;

/** Types that we do not read, and say so. */
const NOT_READ = new Set(['cpmant', 'reformer', 'xlnet']);

/** transformers keeps a key, a gate and a mark of each token (2 × 12 + 1) where the model needs one pooled key of 12. */
const asPooled = (type: string, layers: string): string =>
  type === 'glm5_next' ? layers.replaceAll('i25', 'i12') : layers;

const types = casesOf(Object.entries(corpus), ([type]) => type);

const counted = tally(
  {
    id: 'corpus',
    part: 'model',
    what: 'What each layer of a tiny model keeps, for every model type, one key changed at a time',
    against: 'transformers 5.18, executed: shapes of the tensors in its cache',
    unit: 'config',
    off: 'none',
    differences: [
      `${[...NOT_READ].join(', ')} are not read, and a window that a class does not declare though its cache obeys it is not called exact.`,
    ],
  },
  types.reduce((sum, [, { cases }]) => sum + cases.length, 0),
);

eachOrSkip(types, noCases, ([type, { base, cases }]) => {
  describe(`${type} as transformers executes it`, () => {
    eachOrSkip(cases, noCases, ([note, changes, layers]) => {
      it(note, () => {
        const reading = readModelConfig(JSON.stringify(changed(base, changes)));
        if (!reading) throw new Error('not read as a model config');
        const { spec } = reading;
        // A window or list that the class does not declare, yet transformers' cache obeys: we say that we are not sure.
        const undeclared =
          ['llama', 'mistral', 'minimax', 'nemotron_h'].includes(type) &&
          /undeclared|window-12/.test(note) &&
          !spec.exact;
        if (NOT_READ.has(type) || undeclared) {
          expect(spec.exact).toBe(false);
          counted.add({ compared: 1, equal: 0, declined: 1 });
          return;
        }
        expect(spec.notes.filter((entry) => entry.inexact)).toEqual([]);
        expect(spec.exact).toBe(true);
        const got = layers.includes('?') ? layerRuns(spec).replace(/(?<=^|[|×] )r\d+/g, '?') : layerRuns(spec);
        expect(got).toBe(asPooled(type, layers));
        counted.add({ compared: 1, equal: 1 });
      });
    });
  });
});
