// What a model is made of: its parts sum to the numbers of the other surfaces, to the unit.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { layerGroups } from '../../../src/cache/groups';
import { planCache } from '../../../src/cache/plan';
import { UNSHARDED } from '../../../src/model/scenario';
import { readModelConfig } from '../../../src/reading/read';
import { PARTS } from '../../../src/families/counted/tally';
import { decodeAttentionFlops } from '../../../src/serving/attentionWork';
import { type Anatomy, anatomyOf } from '../../../src/serving/anatomy/anatomy';
import { foldLayers, type Repeat } from '../../../src/serving/anatomy/fold';
import { someOf } from '../support/cases';
import { referenceConfig, referenceNames } from '../support/reference';

const TOKENS = 32_768;

function anatomy(name: string): Anatomy {
  const reading = readModelConfig(referenceConfig(name));
  if (!reading) throw new Error(name);
  return anatomyOf(reading, 'bf16', TOKENS);
}

const unfold = (stack: readonly Repeat[]): number[] =>
  stack.flatMap(({ times, runs }) =>
    Array.from({ length: times }, () => runs.flatMap(({ kind, count }) => Array<number>(count).fill(kind))).flat(),
  );

describe('the order of layers, folded', () => {
  it('says what repeats once', () => {
    expect(foldLayers([0, 0, 0, 1, 0, 0, 0, 1, 0, 0])).toEqual([
      {
        times: 2,
        runs: [
          { kind: 0, count: 3 },
          { kind: 1, count: 1 },
        ],
      },
      { times: 1, runs: [{ kind: 0, count: 2 }] },
    ]);
    expect(foldLayers([0, 0, 0, 1, 1, 1, 1])).toEqual([
      {
        times: 1,
        runs: [
          { kind: 0, count: 3 },
          { kind: 1, count: 4 },
        ],
      },
    ]);
  });

  it('begins what comes again where it began before, as Nemotron 3 Nano is drawn', () => {
    const [mamba, experts, attention] = [0, 1, 2];
    const pairs = (times: number): number[] => Array.from({ length: times }, () => [mamba, experts]).flat();
    const stack = foldLayers([...pairs(3), mamba, attention, experts, ...pairs(4)]);
    expect(stack.map(({ times, runs }) => [times, runs.map(({ kind }) => kind)])).toEqual([
      [3, [mamba, experts]],
      [1, [mamba, attention, experts]],
      [4, [mamba, experts]],
    ]);
  });

  it('finds a long sequence within a short one, in Nemotron-H (arXiv 2504.03624, figure 2, has 15 boxes in three groups)', () => {
    const kinds = [...'M-M-M-M*-M-M-M-M-M*-M-M-M-M-M*-M-M-M-M-M*-M-M-M-M-M-'].map((letter) => 'M-*'.indexOf(letter));
    const stack = foldLayers(kinds);
    expect(stack.map(({ times, runs }) => `${times} ${runs.map(({ kind }) => 'M-*'.charAt(kind)).join('')}`)).toEqual([
      '4 M-M-M-M*-M-',
      '4 M-',
    ]);
    expect(unfold(stack)).toEqual(kinds);
  });

  it('unfolds to what it was', () => {
    const layers = fc.array(fc.nat(3), { maxLength: 60 });
    fc.assert(
      fc.property(layers, (kinds) => {
        expect(unfold(foldLayers(kinds))).toEqual(kinds);
      }),
    );
  });
});

describe('the parts of a model', () => {
  it.each(someOf(referenceNames()))('%s: sum to its parameters, cache and operations', (name) => {
    const { spec, kinds, stack, ends, count } = anatomy(name);
    const layers = unfold(stack);
    expect(layers).toHaveLength(spec.layers.length);
    // A decoder of two stacks lists its own caches first, then those of the source; each layer has one of both.
    const half = spec.variant.startsWith('encoder-decoder') ? layers.length / 2 : null;
    const indexAt = (at: number): number => (half === null ? at : Math.floor(at / 2) + (at % 2) * half);
    for (const [place, { indexes }] of kinds.entries())
      expect(indexes).toEqual(layers.flatMap((kind, at) => (kind === place ? [indexAt(at)] : [])));
    const sum = (of: (kind: (typeof kinds)[number]) => number): number =>
      kinds.reduce((total, kind) => total + of(kind) * kind.indexes.length, 0);
    const plan = planCache(spec, {
      engine: 'intrinsic',
      sharding: UNSHARDED,
      kvDtype: 'bf16',
      workload: { batch: 1, tokens: TOKENS },
    });
    expect(sum(({ cacheBytesPerToken }) => cacheBytesPerToken)).toBe(plan.atLeast.bytesPerToken);
    expect(sum(({ cacheBytes, stateBytes }) => cacheBytes + stateBytes)).toBe(plan.atLeast.totalBytes);
    expect(sum(({ attentionFlops }) => attentionFlops)).toBe(decodeAttentionFlops(spec, TOKENS));
    if (!count) return;
    const own = PARTS.reduce(
      (total, part) => total + (ends.parameters?.parts[part] ?? 0) + (ends.encoder?.parts[part] ?? 0),
      0,
    );
    const each = sum(({ parameters }) => PARTS.reduce((total, part) => total + (parameters?.parts[part] ?? 0), 0));
    expect(own + each).toBe(count.total);
    expect(sum(({ parameters }) => parameters?.idle ?? 0) + (ends.parameters?.idle ?? 0)).toBe(
      count.total - count.activePerToken,
    );
    for (const { block, parameters, weights } of kinds) {
      if (!block || !parameters) continue;
      const named = [...weights.values()].reduce((total, one) => total + one, 0);
      const { experts, ...dense } = parameters.parts;
      expect(experts === 0 || block.feedForward.kind === 'moe').toBe(true);
      expect(named).toBe(Object.values(dense).reduce((total, one) => total + one, 0));
    }
  });

  it('are told apart by all that is drawn of them: dense layers first, then experts', () => {
    expect(anatomy('deepseek-r1').stack).toEqual([
      {
        times: 1,
        runs: [
          { kind: 0, count: 3 },
          { kind: 1, count: 58 },
        ],
      },
    ]);
    expect(layerGroups(anatomy('deepseek-r1').spec)).toHaveLength(1);
  });
});
