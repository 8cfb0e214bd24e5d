/**
 * An independent witness: which cache mlx-lm makes for each layer (test/fixtures/mlxLmCaches.json), beside what we read of the same
 * config.
 */

import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { configOf, type ModelList } from '../../../scripts/modelLists';
import type { LayerSpec } from '../../../src/model/spec';
import { readModelConfig } from '../../../src/reading/read';
import { casesOf, describeAll, eachOrSkip, noCases } from '../support/cases';

interface Witness {
  readonly caches: Readonly<Record<string, string>>;
  /** Names for which mlx-lm has another one, with the reason. */
  readonly differs: Readonly<Record<string, string>>;
}

const read = <T>(path: string): T => JSON.parse(readFileSync(path, 'utf8')) as T;
const list = read<ModelList>('test/fixtures/lists/mlxLm.json');
const { caches, differs } = read<Witness>('test/fixtures/mlxLmCaches.json');

/** What mlx-lm would call the cache of a layer; empty for layers without one of their own. */
function cacheOf({ attention, parallelState }: LayerSpec): string {
  const own = ((): string => {
    switch (attention.kind) {
      case 'full':
      case 'latent':
        return attention.indexer ? '(K+K)' : 'K';
      case 'sliding':
        return `R${attention.window}`;
      case 'chunked':
        return `C${attention.chunk}`;
      case 'recurrent':
      case 'conv':
        return 'S';
      case 'none':
      case 'shared':
        return '';
      default:
        return '?';
    }
  })();
  return parallelState ? `(S+${own})` : own;
}

function runs(words: readonly string[]): string {
  const found: [word: string, count: number][] = [];
  for (const word of words) {
    const last = found.at(-1);
    if (last?.[0] === word) last[1] += 1;
    else found.push([word, 1]);
  }
  return found.map(([word, count]) => (count > 1 ? `${count}×${word}` : word)).join(' ');
}

function ours(name: string): string {
  const layers = readModelConfig(JSON.stringify(configOf(list, name)))?.spec.layers ?? [];
  return runs(layers.map(cacheOf).filter((word) => word !== ''));
}

eachOrSkip(
  casesOf(Object.entries(caches), ([name]) => name),
  noCases,
  ([name, wanted]) => {
    it(`${name} has the caches that mlx-lm makes`, () => {
      expect(ours(name)).toBe(wanted);
    });
  },
);

describeAll('where mlx-lm makes others', () => {
  it('the reason is known', () => {
    expect(Object.keys(differs).length).toBeGreaterThan(0);
    for (const [name, why] of Object.entries(differs)) {
      expect(why.length, name).toBeGreaterThan(20);
      expect(Object.hasOwn(caches, name), name).toBe(false);
      expect(Object.hasOwn(list.names, name), name).toBe(true);
    }
  });
});
