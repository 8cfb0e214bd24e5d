/** What one head does against what its group does: each taken out by itself, and the heads that share a KV head together. */

import type { PlaceKind } from './place';

/** As much of an effect as is needed. */
interface PlacedEffect {
  readonly kind: PlaceKind;
  readonly layer: number;
  readonly klMean: number;
}

export interface GroupEffect {
  readonly layer: number;
  /** Mean KL without one head, nats. */
  readonly head: number;
  /** Mean KL without a whole group; null where a group is a head. */
  readonly group: number | null;
  /**
   * Σ of the groups ÷ Σ of their heads, each by itself. 1: what heads do adds up; more: one stands in for another, and only together they
   * are missed; less: they do the same. Null where a group is a head, or no head does anything.
   */
  readonly together: number | null;
}

/** Layer by layer. */
export function groupEffects(effects: readonly PlacedEffect[]): readonly GroupEffect[] {
  return [...new Set(effects.map(({ layer }) => layer))]
    .toSorted((a, b) => a - b)
    .map((layer) => ({ layer, ...ofLayers(effects, new Set([layer])) }));
}

/** The same over all layers. Of `group` and `together` those are left out where a group is a head. */
export function allGroupEffects(effects: readonly PlacedEffect[]): Omit<GroupEffect, 'layer'> {
  return ofLayers(effects, new Set(effects.map(({ layer }) => layer)));
}

function ofLayers(effects: readonly PlacedEffect[], layers: ReadonlySet<number>): Omit<GroupEffect, 'layer'> {
  const of = (kind: PlaceKind, layer: number): readonly number[] =>
    effects.filter((effect) => effect.layer === layer && effect.kind === kind).map(({ klMean }) => klMean);
  const heads = [...layers].flatMap((layer) => of('head', layer));
  const shared = [...layers].filter((layer) => {
    const groups = of('group', layer).length;
    return groups > 0 && groups < of('head', layer).length;
  });
  const groups = shared.flatMap((layer) => of('group', layer));
  const alone = sum(shared.flatMap((layer) => of('head', layer)));
  return {
    head: sum(heads) / Math.max(1, heads.length),
    group: groups.length === 0 ? null : sum(groups) / groups.length,
    together: alone === 0 ? null : sum(groups) / alone,
  };
}

function sum(values: readonly number[]): number {
  return values.reduce((all, value) => all + value, 0);
}
