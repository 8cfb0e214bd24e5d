// What one head does against what its group does, from the map of both.
import { describe, expect, it } from 'vitest';
import { allGroupEffects, groupEffects } from '../../../src/insight/effects/groupEffects';
import type { Effect } from '../../../src/shared/effectsContract';
import { runJson } from '../heads/support/cli';
import { SAMPLES } from '../heads/support/models';

const placed = (kind: 'head' | 'group', layer: number, ...values: readonly number[]) =>
  values.map((klMean) => ({ kind, layer, klMean }));

describe('a head against its group', () => {
  it('is a mean of each, and what groups lose by what their heads lose', () => {
    const effects = [...placed('head', 1, 1, 2, 3, 4), ...placed('group', 1, 6, 14), ...placed('head', 0, 5, 5)];
    expect(groupEffects(effects)).toEqual([
      { layer: 0, head: 5, group: null, together: null },
      { layer: 1, head: 2.5, group: 10, together: 2 },
    ]);
    expect(allGroupEffects(effects)).toEqual({ head: 20 / 6, group: 10, together: 2 });
    // Each head its own group.
    expect(groupEffects([...placed('head', 0, 1, 2), ...placed('group', 0, 1, 2)])[0]?.together).toBeNull();
    expect(groupEffects([...placed('head', 0, 0, 0), ...placed('group', 0, 0)])[0]?.together).toBeNull();
  });

  it('is in `diversity --effects` what the map of `heads` says', async () => {
    const [, gqa = '', , mla = ''] = SAMPLES;
    const ids = ['--ids', '1,40,41,17,9', '--json'];
    const { value, errors, code } = await runJson<{
      models: {
        effects: object;
        layers: { effects: { head: number; group: number | null; together: number | null } }[];
      }[];
    }>(['diversity', gqa, mla, '--effects', ...ids]);
    expect(code, errors).toBe(0);
    const map = await runJson<{ effects: Effect[] }>([
      ...['heads', gqa, '--ablate', 'all', '--kinds', 'head,group', '--results', 'none'],
      ...ids,
    ]);
    const known = map.value?.effects ?? [];
    const [ofGqa, ofMla] = value?.models ?? [];
    for (const [layer, { effects }] of (ofGqa?.layers ?? []).entries()) {
      const of = (kind: string): number[] =>
        known.flatMap((effect) => (effect.kind === kind && effect.layer === layer ? [effect.klMean] : []));
      const sum = (values: readonly number[]): number => values.reduce((a, b) => a + b, 0);
      expect(of('head')).toHaveLength(8);
      expect(of('group')).toHaveLength(2);
      expect(effects.head).toBeCloseTo(sum(of('head')) / 8, 6);
      expect(effects.group).toBeCloseTo(sum(of('group')) / 2, 6);
      expect(effects.together).toBeCloseTo(sum(of('group')) / sum(of('head')), 5);
    }
    for (const model of [ofMla]) {
      expect(model?.effects).toMatchObject({ group: null, together: null });
      expect(model?.layers.map(({ effects }) => effects.group)).toEqual([null, null, null, null]);
    }
  });
});
