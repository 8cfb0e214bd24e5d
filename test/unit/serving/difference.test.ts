// What differs between two models: nothing beside itself, the mirror image the other way round, and every value that changed.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { formatRanges } from '../../../src/model/units';
import { readModelConfig } from '../../../src/reading/read';
import { type Anatomy, anatomyOf, type LayerKind } from '../../../src/serving/anatomy/anatomy';
import { type AnatomyDifference, differenceOf, type FactValue, isSame } from '../../../src/serving/anatomy/difference';
import { someOf } from '../support/cases';
import { referenceConfig, referenceNames } from '../support/reference';

const known = new Map<string, Anatomy>();

function anatomy(name: string): Anatomy {
  const made = known.get(name) ?? made_(referenceConfig(name));
  known.set(name, made);
  return made;
}

function made_(text: string): Anatomy {
  const reading = readModelConfig(text);
  if (!reading) throw new Error(text.slice(0, 100));
  return anatomyOf(reading, 'bf16', 4096);
}

const edited = (name: string, edit: Readonly<Record<string, unknown>>): Anatomy =>
  made_(JSON.stringify({ ...(JSON.parse(referenceConfig(name)) as object), ...edit }));

const names = referenceNames();
const pairs = fc.tuple(fc.constantFrom(...names), fc.constantFrom(...names));

/** Written for this test, not the code's own: every value of a kind by its path. */
function flat(value: unknown, path: string[] = []): [string, FactValue][] {
  if (value === undefined) return [];
  if (value === null || typeof value !== 'object')
    return [[path.join('.'), Number.isNaN(value) ? 'not a number' : (value as FactValue)]];
  return Object.entries(value).flatMap(([key, below]) => flat(below, [...path, key]));
}

function plain(kind: LayerKind): [string, FactValue][] {
  const { attention, sees, state, description, weights, parameters, indexes } = kind;
  const found = flat({
    attention,
    ...(sees === attention ? {} : { sees }),
    state,
    block: description,
    weights: weights.size === 0 ? null : Object.fromEntries(weights),
    parameters,
    layers: indexes.length,
    indexes: formatRanges(indexes),
    attentionFlops: kind.attentionFlops,
    cacheBytesPerToken: kind.cacheBytesPerToken,
    cacheBytes: kind.cacheBytes,
    stateBytes: kind.stateBytes,
  });
  return found
    .filter(
      ([path, value]) =>
        !path.startsWith('block.layer.attention.') &&
        // What a layer has not.
        !(path.startsWith('block.') && value === null),
    )
    .map(([path, value]) => [path, value === 'not a number' ? null : value]);
}

/** What faces what, whatever the order. */
function facing({ pairs: all }: AnatomyDifference, swap = false): string[] {
  return all
    .map((pair) => (swap ? [pair.after, pair.before] : [pair.before, pair.after]))
    .map((sides) => sides.map((place) => String(place)).join(' | '))
    .sort();
}

function kindsFacing({ before, after, pairs: all }: AnatomyDifference): string[] {
  const kind = ({ kinds }: Anatomy, place: number | null): string =>
    place === null ? '–' : (kinds[place]?.attention.kind ?? '?');
  return all.map((pair) => `${kind(before, pair.before)} | ${kind(after, pair.after)}`);
}

describe('the difference of two models', () => {
  it.each(someOf(names))('%s differs in nothing from itself', (name) => {
    const difference = differenceOf(anatomy(name), made_(referenceConfig(name)));
    expect(difference.changes).toEqual([]);
    expect(difference.pairs.flatMap(({ changes }) => changes)).toEqual([]);
    expect(isSame(difference)).toBe(true);
    // In the order of its kinds, each once.
    expect(difference.pairs.map(({ before }) => before).sort()).toEqual([...anatomy(name).kinds.keys()].sort());
  });

  it('is its mirror image the other way round', () => {
    fc.assert(
      fc.property(pairs, ([one, other]) => {
        const [there, back] = [differenceOf(anatomy(one), anatomy(other)), differenceOf(anatomy(other), anatomy(one))];
        expect(facing(back, true)).toEqual(facing(there));
        const turned = (changes: AnatomyDifference['changes']): object[] =>
          changes.map(({ path, before, after }) => ({ path, before: after, after: before }));
        expect(turned(back.changes)).toEqual(there.changes);
        for (const pair of there.pairs) {
          const mirrored = back.pairs.find(({ before, after }) => before === pair.after && after === pair.before);
          expect(turned(mirrored?.changes ?? [])).toEqual(pair.changes);
        }
      }),
    );
  });

  it('names every value that changed: one side with the changes is the other', () => {
    let compared = 0;
    fc.assert(
      fc.property(pairs, ([one, other]) => {
        const difference = differenceOf(anatomy(one), anatomy(other));
        for (const { before, after, changes } of difference.pairs) {
          const [old, now] = [difference.before.kinds[before ?? -1], difference.after.kinds[after ?? -1]];
          if (!old || !now) continue;
          const patched = new Map(plain(old));
          for (const change of changes) {
            // Below what is not described there is nothing that could be named.
            if (patched.get(change.path) !== change.before) expect(change.before).toBeNull();
            if (change.after === undefined) patched.delete(change.path);
            else patched.set(change.path, change.after);
          }
          const expected = new Map(plain(now));
          // What one side does not know at all.
          const unknown = [
            ...((now.description === null) === (old.description === null) ? [] : ['block']),
            ...((now.weights.size === 0) === (old.weights.size === 0) ? [] : ['weights']),
            ...((now.parameters === null) === (old.parameters === null) ? [] : ['parameters']),
          ];
          const under = (path: string): boolean => unknown.includes(path.split('.')[0] ?? '');
          const rest = (values: Map<string, FactValue>): [string, FactValue][] =>
            [...values].filter(([path]) => !under(path)).sort(([a], [b]) => (a < b ? -1 : 1));
          expect(rest(patched)).toEqual(rest(expected));
          compared++;
        }
      }),
    );
    expect(compared).toBeGreaterThan(0);
  });

  it('says what is not described as not known, and not as missing', () => {
    const { pairs: all } = differenceOf(anatomy('llama-3-8b'), anatomy('baichuan2-7b'));
    const change = all.flatMap(({ changes }) => changes).find(({ path }) => path === 'block.layer.rotary.theta');
    expect([change?.before, change?.after]).toEqual([500_000, null]);
    const missing = differenceOf(anatomy('llama-3-8b'), edited('llama-3-8b', { attention_bias: true }));
    expect(missing.pairs[0]?.changes.map(({ path }) => path)).toContain('block.layer.biases.q');
  });

  it('has the edited numbers of an edited config, and what follows from them', () => {
    const { pairs: all, changes } = differenceOf(
      anatomy('llama-3-8b'),
      edited('llama-3-8b', { num_key_value_heads: 4 }),
    );
    const of = (path: string): unknown => {
      const change = [...changes, ...(all[0]?.changes ?? [])].find((each) => each.path === path);
      return change && [change.before, change.after];
    };
    expect(of('attention.kvHeads')).toEqual([8, 4]);
    expect(of('cacheBytesPerToken')).toEqual([131_072, 65_536]);
    expect(of('weights.k.weight')).toEqual([4096 * 1024, 4096 * 512]);
    expect(of('parameters.total')).toEqual([8_030_261_248, 8_030_261_248 - 32 * 2 * 4096 * 512]);
    expect(of('hiddenSize')).toBeUndefined();
  });
});

describe('kinds face each other', () => {
  it.each([
    ['gemma-2-27b', 'gemma-3-1b', ['sliding | sliding', 'full | full']],
    ['gpt-oss-20b', 'mixtral-8x7b', ['sliding | –', 'full | full']],
    ['llama-3-8b', 'mamba-codestral-7b', ['full | –', '– | recurrent']],
    ['llama-3-8b', 't5-small', ['full | full', '– | cross']],
    ['nemotron-3-nano-30b-a3b', 'jamba-v0.1', ['– | recurrent', 'recurrent | recurrent', 'none | –', 'full | full']],
    ['deepseek-r1', 'glm-5', ['latent | latent', 'latent | latent']],
  ])('%s and %s', (one, other, expected) => {
    expect(kindsFacing(differenceOf(anatomy(one), anatomy(other)))).toEqual(expected);
  });

  it('dense with dense, experts with experts', () => {
    const { before, after, pairs: all } = differenceOf(anatomy('deepseek-v2-lite'), anatomy('kimi-k2'));
    for (const pair of all) {
      const [one, other] = [before.kinds[pair.before ?? -1], after.kinds[pair.after ?? -1]];
      expect(one?.parameters?.experts.length).toBe(other?.parameters?.experts.length);
    }
    expect(all).toHaveLength(2);
  });
});
