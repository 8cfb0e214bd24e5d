/** Places of a forward pass that can be changed: what is written there by one part of the model. */

import { headDims, type RunnableAttention } from '../../attention/spec/layerSpec';

/**
 * - `head`: a query head's row of what the output projection receives (after gate and norm, where a layer has them);
 * - `group`: the heads that share a KV head, together; of latent attention, which makes K and V for each head, one head;
 * - `attention`: all heads of the layer; an output bias is no head's and stays;
 * - `mlp`: what the feed-forward or the experts put out, before its norm and the residual;
 * - `residual`: what enters the layer.
 */
export type PlaceKind = 'head' | 'group' | 'attention' | 'mlp' | 'residual';
export const PLACE_KINDS = ['head', 'group', 'attention', 'mlp', 'residual'] as const satisfies readonly PlaceKind[];

export interface Place {
  readonly kind: PlaceKind;
  readonly layer: number;
  /** Of the head or the group; 0 elsewhere. */
  readonly index: number;
  /** The only position that is changed; null: all. */
  readonly position: number | null;
}

/** A place that is not there, or words that name none. */
export class PlaceError extends Error {}

/** `3.5`, `3.group1`, `3.attention`, `3.mlp`, `3.residual`; `@7` behind it: at this position only. */
export function placeLabel({ kind, layer, index, position }: Place): string {
  const part = kind === 'head' ? String(index) : kind === 'group' ? `group${index}` : kind;
  return `${layer}.${part}${position === null ? '' : `@${position}`}`;
}

const FORM = /^(\d{1,6})\.(?:(\d{1,6})|group(\d{1,6})|attention|mlp|residual)(?:@(\d{1,9}))?$/;

/** @throws PlaceError */
export function parsePlace(label: string): Place {
  const found = FORM.exec(label);
  if (found === null)
    throw new PlaceError(
      `"${label.slice(0, 40)}" names no place: 3.5 is head 5 of layer 3; others are 3.group1, 3.attention, 3.mlp, 3.residual; @7 behind one is its position`,
    );
  const [, layer, head, group, position] = found;
  const word = label.replace(/^\d+\./, '').replace(/@.*$/, '');
  const kind = head !== undefined ? 'head' : group !== undefined ? 'group' : (word as PlaceKind);
  return {
    kind,
    layer: Number(layer),
    index: Number(head ?? group ?? 0),
    position: position === undefined ? null : Number(position),
  };
}

/** Query heads that a place takes in; none for what is no head's. */
export function headsAt({ kind, index }: Place, attention: RunnableAttention): readonly number[] {
  const { queryHeads, kvHeads } = headDims(attention);
  if (kind === 'head') return [index];
  if (kind === 'attention') return Array.from({ length: queryHeads }, (_, head) => head);
  if (kind !== 'group') return [];
  return Array.from({ length: queryHeads }, (_, head) => head).filter(
    (head) => Math.floor((head * kvHeads) / queryHeads) === index,
  );
}

/** @throws PlaceError for a place that a model of these layers, on so many tokens, does not have. */
export function checkPlace(place: Place, layers: readonly RunnableAttention[], tokens: number): void {
  const attention = layers[place.layer];
  if (attention === undefined)
    throw new PlaceError(`there is no layer ${place.layer}: the model has layers 0 to ${layers.length - 1}`);
  const { queryHeads, kvHeads } = headDims(attention);
  if (place.kind === 'head' && place.index >= queryHeads)
    throw new PlaceError(`layer ${place.layer} has heads 0 to ${queryHeads - 1}, no ${place.index}`);
  if (place.kind === 'group' && place.index >= kvHeads)
    throw new PlaceError(`layer ${place.layer} has groups 0 to ${kvHeads - 1}, no ${place.index}`);
  if (place.position !== null && place.position >= tokens)
    throw new PlaceError(`there is no position ${place.position}: the prompt has ${tokens} tokens`);
}

/** All places of these kinds in a layer. */
export function placesOf(layer: number, attention: RunnableAttention, kinds: readonly PlaceKind[]): readonly Place[] {
  const { queryHeads, kvHeads } = headDims(attention);
  return kinds.flatMap((kind) => {
    const count = kind === 'head' ? queryHeads : kind === 'group' ? kvHeads : 1;
    return Array.from({ length: count }, (_, index) => ({ kind, layer, index, position: null }));
  });
}
