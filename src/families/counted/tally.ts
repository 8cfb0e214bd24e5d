/** Parameters by part, summed while walking through a model. */

import type { Weights } from './weights';

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

/** Weights of one layer, with the part that each belongs to. */
export type LayerWeights = readonly (readonly [part: Part, name: string, count: number])[];

const NOTHING: Readonly<Record<Part, number>> = {
  embedding: 0,
  outputHead: 0,
  attention: 0,
  mlp: 0,
  norms: 0,
  experts: 0,
  router: 0,
  other: 0,
};

/** Sums by part. A number that a config lacks is NaN and makes its sum NaN. */
export class Tally {
  readonly parts: Record<Part, number> = { ...NOTHING };
  /** Of the embedding: what is only looked up. */
  lookup = 0;
  /** Of all: what runs for the prompt alone. */
  encoder = 0;
  /** The config does not say how many experts a token uses: all count as used. */
  openRouting = false;
  /** Whose parts are added next. */
  place: TallyPlace = null;
  private readonly groups = new Map<string, ExpertGroup>();

  /** @param _name Which weights of the part: what figures know them by. */
  add(part: Part, count: number, _name?: string): void {
    this.parts[part] += count;
  }

  /** Adds weights to a part, each under its name. */
  addNamed(part: Part, weights: Weights): void {
    for (const [name, count] of weights) this.add(part, count, name);
  }

  /** Adds the same weights to each of `count` layers, from layer `first` on; or to an encoder. */
  addLayers(count: number, weights: LayerWeights, _first: number | 'encoder'): void {
    for (const [part, name, each] of weights) this.add(part, count * each, name);
  }

  /** `layers` layers of `experts` experts, of which a token uses `perToken`. */
  addExperts(layers: number, experts: number, perToken: number, parametersEach: number): void {
    this.add('experts', layers * experts * parametersEach);
    if (!(layers > 0 && experts > 0)) return;
    // 0 where experts serve other tokens than text; NaN where the config does not say.
    const used = Number.isNaN(perToken) ? experts : Math.min(perToken, experts);
    this.openRouting ||= Number.isNaN(perToken);
    this.keep({ layers, experts, perToken: used, parametersEach });
  }

  protected keep(group: ExpertGroup): void {
    const { layers, experts, perToken, parametersEach } = group;
    const key = `${experts}/${perToken}/${parametersEach}`;
    this.groups.set(key, { ...group, layers: layers + (this.groups.get(key)?.layers ?? 0) });
  }

  get total(): number {
    return PARTS.reduce((sum, part) => sum + this.parts[part], 0);
  }

  get expertGroups(): readonly ExpertGroup[] {
    return [...this.groups.values()];
  }
}

/** A layer, by its index; an encoder, as a whole; or (null) the model beside both. */
export type TallyPlace = number | 'encoder' | null;

/** Parameters of routed experts that a token does not use. */
export function idleExperts(groups: readonly ExpertGroup[]): number {
  return groups.reduce((sum, group) => sum + group.layers * (group.experts - group.perToken) * group.parametersEach, 0);
}

/** What one layer has, or the model beside its layers. */
export interface PlacedParts {
  readonly parts: Readonly<Record<Part, number>>;
  readonly experts: readonly ExpertGroup[];
  /** Routed experts that a token does not use. */
  readonly idle: number;
  /** Of weights that have names; what else a part has was added to it without one. */
  readonly weights: ReadonlyMap<string, number>;
  /** The part that each of them is in. */
  readonly named: ReadonlyMap<string, Part>;
}

interface Place {
  readonly parts: Record<Part, number>;
  readonly experts: ExpertGroup[];
  readonly weights: Map<string, number>;
  readonly named: Map<string, Part>;
}

/** Layers that are placed one by one at most. */
const MOST_PLACED = 2000;

/** Keeps apart what belongs to which layer. */
export class PlacedTally extends Tally {
  private readonly places = new Map<TallyPlace, Place>();

  override add(part: Part, count: number, name?: string): void {
    super.add(part, count);
    const { parts, weights, named } = this.here;
    parts[part] += count;
    if (name === undefined || count === 0) return;
    weights.set(name, count + (weights.get(name) ?? 0));
    named.set(name, part);
  }

  protected override keep(group: ExpertGroup): void {
    super.keep(group);
    this.here.experts.push(group);
  }

  override addLayers(count: number, weights: LayerWeights, first: number | 'encoder'): void {
    // A damaged file may name any number of layers.
    if (!(count <= MOST_PLACED)) super.addLayers(count, weights, first);
    else
      for (let layer = 0; layer < count; layer++) {
        this.place = first === 'encoder' ? first : first + layer;
        super.addLayers(1, weights, first);
      }
    this.place = null;
  }

  /** Null where nothing was added there. */
  at(place: TallyPlace): PlacedParts | null {
    const found = this.places.get(place);
    return found ? { ...found, idle: idleExperts(found.experts) } : null;
  }

  /** All of it, as if no layer had parts of its own. */
  unplaced(): PlacedParts {
    return {
      parts: this.parts,
      experts: this.expertGroups,
      idle: idleExperts(this.expertGroups),
      weights: new Map(),
      named: new Map(),
    };
  }

  /** Whether these layers, the encoder and the model itself have all that was added. */
  isPlacedIn(layers: readonly number[]): boolean {
    const places: readonly TallyPlace[] = [...layers, 'encoder', null];
    const placed = places.reduce<number>((sum, place) => {
      const parts = this.places.get(place)?.parts;
      return sum + (parts ? PARTS.reduce((own, part) => own + parts[part], 0) : 0);
    }, 0);
    return placed === this.total;
  }

  private get here(): Place {
    const known = this.places.get(this.place);
    if (known) return known;
    const made = {
      parts: { ...NOTHING },
      experts: [],
      weights: new Map<string, number>(),
      named: new Map<string, Part>(),
    };
    this.places.set(this.place, made);
    return made;
  }
}
