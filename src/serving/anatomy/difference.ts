/**
 * Two models beside each other: which kinds of layers stand for each other, and every value that is not the same on both sides. Nothing
 * is chosen: a value of an anatomy that changed has an entry.
 */

import { formatRanges } from '../../model/units';
import type { Anatomy, LayerKind } from './anatomy';

export type FactValue = string | number | boolean | null;

/** One value on both sides; undefined where that side has no such thing, null where it is not known. */
export interface FactChange {
  /** "attention.kvHeads", "block.layer.rotary.theta". */
  readonly path: string;
  readonly before: FactValue | undefined;
  readonly after: FactValue | undefined;
}

/** Kinds of layers that face each other, by their places in the two anatomies; one side is null where the other stands alone. */
export interface KindPair {
  readonly before: number | null;
  readonly after: number | null;
  /** Empty where both are alike, and where one stands alone. */
  readonly changes: readonly FactChange[];
}

export interface AnatomyDifference {
  readonly before: Anatomy;
  readonly after: Anatomy;
  /** In the order of the layers. */
  readonly pairs: readonly KindPair[];
  /** What changed of the model itself: ends and totals. The order of its layers is in the kinds' `indexes`. */
  readonly changes: readonly FactChange[];
}

export function differenceOf(before: Anatomy, after: Anatomy): AnatomyDifference {
  const pairs = pairsOf(before, after).map(
    (pair): KindPair => ({ ...pair, changes: changesOf(factsAt(before, pair.before), factsAt(after, pair.after)) }),
  );
  return { before, after, pairs, changes: changesOf(modelFacts(before), modelFacts(after)) };
}

/** True where nothing that an anatomy has is another on the other side. */
export function isSame({ pairs, changes }: AnatomyDifference): boolean {
  return changes.length === 0 && pairs.every((pair) => isSamePair(pair));
}

export function isSamePair({ before, after, changes }: KindPair): boolean {
  return before !== null && after !== null && changes.length === 0;
}

type Facts = ReadonlyMap<string, FactValue>;

function factsAt({ kinds }: Anatomy, place: number | null): Facts | null {
  const kind = place === null ? undefined : kinds[place];
  return kind ? kindFacts(kind) : null;
}

function changesOf(before: Facts | null, after: Facts | null): FactChange[] {
  if (!before || !after) return [];
  return [...new Set([...before.keys(), ...after.keys()])]
    .sort()
    .map((path) => ({ path, before: valueAt(before, path), after: valueAt(after, path) }))
    .filter((change) => change.before !== change.after);
}

/** What is not known of a side is null in all its parts: a block that is not described has norms, too. */
const NOT_KNOWN_WHOLE = ['block', 'weights', 'parameters', 'ends'];

function valueAt(facts: Facts, path: string): FactValue | undefined {
  const own = facts.get(path);
  if (own !== undefined) return own;
  const [root = ''] = path.split('.', 1);
  return NOT_KNOWN_WHOLE.includes(root) && facts.get(root) === null ? null : undefined;
}

/** Every value of a kind, by its path. */
function kindFacts(kind: LayerKind): Facts {
  const { indexes, attention, sees, state, description, weights, parameters } = kind;
  return leaves({
    layers: indexes.length,
    indexes: formatRanges(indexes),
    attention,
    ...(sees === attention ? {} : { sees }),
    state,
    // Its attention is the layer's own, which is above.
    block: description && {
      ...description,
      layer: description.layer && { ...description.layer, attention: undefined },
    },
    weights: weights.size === 0 ? null : Object.fromEntries(weights),
    parameters,
    attentionFlops: kind.attentionFlops,
    cacheBytesPerToken: kind.cacheBytesPerToken,
    cacheBytes: kind.cacheBytes,
    stateBytes: kind.stateBytes,
  });
}

/** Every value of a model beside its layers, by its path. */
function modelFacts(anatomy: Anatomy): Facts {
  const { spec, kinds, ends, count, tokens, kvDtype } = anatomy;
  const { embedding, output } = ends.blocks ?? {};
  return leaves({
    modelType: spec.modelType,
    variant: spec.variant,
    layers: spec.layers.length,
    unknownLayers: spec.unknownLayers,
    contextLength: spec.contextLength?.value,
    nativeDtype: spec.nativeDtype,
    tokens,
    kvDtype,
    hiddenSize: ends.hiddenSize,
    vocabulary: ends.vocabulary,
    tied: ends.tied,
    embedding,
    output,
    ends: ends.parameters,
    parameters: count,
    // Layers that are not understood may cache something: their sum is no number.
    ...(spec.unknownLayers > 0
      ? { cacheBytesPerToken: null, cacheBytes: null, stateBytes: null }
      : {
          cacheBytesPerToken: sumOf(kinds, (kind) => kind.cacheBytesPerToken),
          cacheBytes: sumOf(kinds, (kind) => kind.cacheBytes),
          stateBytes: sumOf(kinds, (kind) => kind.stateBytes),
        }),
  });
}

function sumOf(kinds: readonly LayerKind[], of: (kind: LayerKind) => number): number {
  return kinds.reduce((sum, kind) => sum + of(kind) * kind.indexes.length, 0);
}

function leaves(value: unknown): Facts {
  const found = new Map<string, FactValue>();
  const walk = (at: unknown, path: string): void => {
    // In a block, null is what the layer has not: a norm, a rotation.
    if (at === null && path.startsWith('block.')) return;
    if (Number.isNaN(at)) found.set(path, null);
    else if (at === null || typeof at === 'string' || typeof at === 'number' || typeof at === 'boolean')
      found.set(path, at);
    else if (typeof at === 'object')
      for (const [key, below] of Object.entries(at)) walk(below, path === '' ? key : `${path}.${key}`);
  };
  walk(value, '');
  return found;
}

/** Where in the model a kind is, from 0 to 1: the middle of its layers. */
function depthOf({ indexes }: LayerKind, { spec }: Anatomy): number {
  return indexes.reduce((sum, index) => sum + index + 0.5, 0) / (indexes.length * Math.max(1, spec.layers.length));
}

function startOf({ indexes }: LayerKind, { spec }: Anatomy): number {
  return Math.min(...indexes) / Math.max(1, spec.layers.length);
}

/** What mixes tokens, coarsely: only kinds of one class can stand for each other. */
function mixerClass({ attention }: LayerKind): 'attention' | 'cross' | 'state' | 'none' | 'unknown' {
  switch (attention.kind) {
    case 'recurrent':
    case 'conv':
      return 'state';
    case 'cross':
    case 'none':
    case 'unknown':
      return attention.kind;
    default:
      return 'attention';
  }
}

function feedForwardClass({ block, parameters }: LayerKind): 'experts' | 'dense' | 'none' | 'unknown' {
  if (block) return block.feedForward.kind === 'moe' ? 'experts' : 'dense';
  if (!parameters) return 'unknown';
  if (parameters.experts.length > 0) return 'experts';
  return parameters.parts.mlp > 0 ? 'dense' : 'none';
}

/** How well a kind stands for another; null where they are not of one class. Both ways the same. */
function likeness(one: LayerKind, other: LayerKind, first: Anatomy, second: Anatomy): number | null {
  if (mixerClass(one) !== mixerClass(other)) return null;
  const share = (kind: LayerKind, { spec }: Anatomy): number => kind.indexes.length / Math.max(1, spec.layers.length);
  const [sees, seen] = [one.sees, other.sees].map(({ kind }) => kind);
  return (
    (one.attention.kind === other.attention.kind ? 16 : 0) +
    (sees === seen ? 8 : 0) +
    (one.state?.flavour === other.state?.flavour ? 4 : 0) +
    (feedForwardClass(one) === feedForwardClass(other) ? 4 : 0) +
    (1 - Math.abs(share(one, first) - share(other, second))) +
    (1 - Math.abs(depthOf(one, first) - depthOf(other, second)))
  );
}

type Places = Pick<KindPair, 'before' | 'after'>;

/** The best pairs first, each kind once; the rest stands alone. */
function pairsOf(before: Anatomy, after: Anatomy): readonly Places[] {
  const candidates = before.kinds.flatMap((one, i) =>
    after.kinds.flatMap((other, j) => {
      const score = likeness(one, other, before, after);
      return score === null ? [] : [{ i, j, score }];
    }),
  );
  // Of equals, first those that are early on both sides: the same whichever model is named first.
  candidates.sort((a, b) => b.score - a.score || a.i + a.j - b.i - b.j || Math.abs(a.i - a.j) - Math.abs(b.i - b.j));
  const [left, right] = [new Set(before.kinds.keys()), new Set(after.kinds.keys())];
  const pairs: Places[] = [];
  for (const { i, j } of candidates)
    if (left.has(i) && right.has(j)) {
      left.delete(i);
      right.delete(j);
      pairs.push({ before: i, after: j });
    }
  for (const place of left) pairs.push({ before: place, after: null });
  for (const place of right) pairs.push({ before: null, after: place });
  const startAt = (anatomy: Anatomy, place: number | null): number[] => {
    const kind = place === null ? undefined : anatomy.kinds[place];
    return kind ? [startOf(kind, anatomy)] : [];
  };
  const orderOf = (pair: Places): number => {
    const starts = [...startAt(before, pair.before), ...startAt(after, pair.after)];
    return starts.reduce((sum, start) => sum + start, 0) / starts.length;
  };
  const lone = (pair: Places): number => (pair.before === null ? 2 : pair.after === null ? 1 : 0);
  return pairs.sort((a, b) => orderOf(a) - orderOf(b) || lone(a) - lone(b));
}
