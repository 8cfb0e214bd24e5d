/** Every name in the model lists of engines and libraries is exact, keeps no cache, or is refused by name. */

import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { countsOf, type ListCounts, type ModelList } from '../../../scripts/modelLists';
import { tally } from '../support/accuracy';
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

const walked = lists.map((list) => ({ list, counts: countsOf(list) }));

function summary({ of, names, exact, noCache, refused }: ListCounts): string {
  const said = refused.length === 0 ? '' : `: ${refused.map(({ name }) => name).join(', ')}`;
  return `${of}: ${names} names, ${exact.length} exact, ${noCache.length} that keep nothing which grows, ${refused.length} refused by name${said}.`;
}

const counted = tally(
  {
    id: 'lists',
    part: 'lists',
    what: 'Names in the lists of models that libraries and engines have: exact, or refused by name',
    against: walked.map(({ counts }) => `${counts.of} (${counts.source})`).join('; '),
    unit: 'list',
    off: 'none',
    differences: walked.map(({ counts }) => summary(counts)),
  },
  lists.length,
);

eachOrSkip(walked, noCases, ({ list, counts }) => {
  describe(`the model list of ${list.of}`, () => {
    it('has no name that is not read', () => expect(counts.unread).toEqual([]));
    it('has no name that is refused, but those that it says', () => {
      expect(counts.refused.map(({ name }) => name).sort()).toEqual([...list.refused].sort());
      expect(counts.refused.filter(({ why }) => why === '')).toEqual([]);
    });
    it('adds up', () => {
      const { exact, noCache, refused } = counts;
      expect(exact.length).toBeGreaterThan(0);
      expect(exact.length + noCache.length + refused.length).toBe(counts.names);
      counted.add({ compared: counts.names, equal: exact.length + noCache.length, declined: refused.length });
    });
  });
});
