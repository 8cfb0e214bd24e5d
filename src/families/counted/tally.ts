/** Parameters by part, summed while walking through a model. */

/** Parts that a count is split into. */
export const PARTS = ['embedding', 'outputHead', 'attention', 'mlp', 'norms', 'experts', 'router', 'other'] as const;
export type Part = (typeof PARTS)[number];

/** Layers of experts of one shape. */
export interface ExpertGroup {
  /** Layers of this shape. */
  readonly layers: number;
  /** Routed experts of a layer. */
  readonly experts: number;
  /** Routed experts that one token uses in a layer. */
  readonly perToken: number;
  /** Parameters of one routed expert. */
  readonly parametersEach: number;
}

/** Sums by part. A number that a config lacks is NaN and makes its sum NaN. */
export class Tally {
  readonly parts: Record<Part, number> = {
    embedding: 0,
    outputHead: 0,
    attention: 0,
    mlp: 0,
    norms: 0,
    experts: 0,
    router: 0,
    other: 0,
  };
  /** Of the embedding: what is only looked up. */
  lookup = 0;
  /** Of all: what runs for the prompt alone. */
  encoder = 0;
  /** The config does not say how many experts a token uses: all count as used. */
  openRouting = false;
  private readonly groups = new Map<string, ExpertGroup>();

  add(part: Part, count: number): void {
    this.parts[part] += count;
  }

  /** `layers` layers of `experts` experts, of which a token uses `perToken`. */
  addExperts(layers: number, experts: number, perToken: number, parametersEach: number): void {
    this.parts.experts += layers * experts * parametersEach;
    if (!(layers > 0 && experts > 0)) return;
    // 0 where experts serve other tokens than text; NaN where the config does not say.
    const used = Number.isNaN(perToken) ? experts : Math.min(perToken, experts);
    this.openRouting ||= Number.isNaN(perToken);
    const key = `${experts}/${used}/${parametersEach}`;
    const known = this.groups.get(key);
    this.groups.set(key, { layers: layers + (known?.layers ?? 0), experts, perToken: used, parametersEach });
  }

  get total(): number {
    return PARTS.reduce((sum, part) => sum + this.parts[part], 0);
  }

  get expertGroups(): readonly ExpertGroup[] {
    return [...this.groups.values()];
  }
}

/** Parameters of routed experts that a token does not use. */
export function idleExperts(groups: readonly ExpertGroup[]): number {
  return groups.reduce((sum, group) => sum + group.layers * (group.experts - group.perToken) * group.parametersEach, 0);
}
