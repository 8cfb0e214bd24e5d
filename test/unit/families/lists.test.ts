/** Every name in the model lists of engines and libraries is exact, keeps no cache, or is refused by name. */

import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { countsOf, type ModelList } from '../../../scripts/modelLists';
import { eachOrSkip, noCases } from '../support/cases';

const FOLDER = 'test/fixtures/lists';
const lists = readdirSync(FOLDER).map((file) => JSON.parse(readFileSync(join(FOLDER, file), 'utf8')) as ModelList);

describe('a list of models', () => {
  it('is there', () => expect(lists.length).toBeGreaterThan(0));

  it('tells what is read from what is not', () => {
    const { exact, noCache, refused, unread } = countsOf({
      of: 'a test',
      source: 'nowhere',
      key: 'model_type',
      names: {
        llama: 'LlamaForCausalLM',
        bert: 'BertModel',
        gemma3_text: { layer_types: ['no_such_attention'], num_hidden_layers: 1 },
        no_such_model: { num_hidden_layers: 2, num_attention_heads: 4, hidden_size: 64 },
      },
      refused: [],
    });
    expect([exact, noCache]).toEqual([['llama'], ['bert']]);
    expect(refused.map(({ name }) => name)).toEqual(['gemma3_text']);
    expect(unread.map(({ name }) => name)).toEqual(['no_such_model']);
  });
});

eachOrSkip(lists, noCases, (list) => {
  describe(`the model list of ${list.of}`, () => {
    const counts = countsOf(list);
    it('has no name that is not read', () => expect(counts.unread).toEqual([]));
    it('has no name that is refused, but those that it says', () => {
      expect(counts.refused.map(({ name }) => name).sort()).toEqual([...list.refused].sort());
      expect(counts.refused.filter(({ why }) => why === '')).toEqual([]);
    });
    it('adds up', () => {
      const { exact, noCache, refused } = counts;
      expect(exact.length).toBeGreaterThan(0);
      expect(exact.length + noCache.length + refused.length).toBe(counts.names);
    });
  });
});
