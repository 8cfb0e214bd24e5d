/**
 * What a model is made of: its kinds of layers in their order, and what each layer has, caches and computes. All numbers are those of
 * the other surfaces, taken apart: the parts sum to the parameter count, to the cache and to the operations of a decode step.
 */

import type { BlockSpec } from '../../attention/spec/blockSpec';
import { layerGroups } from '../../cache/groups';
import { layerCacheBytes, layerStateBytes, stateOf } from '../../cache/layerBytes';
import { ReadingLog } from '../../config/reader';
import { blocksOf, type ModelBlocks } from '../../families/blocksOf';
import type { PlacedParts, TallyPlace } from '../../families/counted/tally';
import { tiedEmbeddings } from '../../families/tying';
import type { AttentionSpec, StateSpec } from '../../model/attention';
import type { ResolvedKvDtype } from '../../model/dtype';
import type { FactorSources, LayerSpec, ModelSpec } from '../../model/spec';
import type { Reading } from '../../reading/read';
import { decodeLayerFlops, stateStepFlops, worksOn } from '../attentionWork';
import { countByLayer, type ParameterCount } from '../parameters/count';
import { layerParameters } from '../parameters/derived';
import { arrangedLayers, blockDescription, type LayerDescription, orNull } from './description';
import { foldLayers, type Repeat } from './fold';
import { KeyFinder } from './keys';

/** Layers that are alike in all that is drawn of them. Numbers are of one layer. */
export interface LayerKind {
  readonly indexes: readonly number[];
  readonly attention: AttentionSpec;
  /** What its queries see: its own attention, or that of the layer whose cache it reads. */
  readonly sees: AttentionSpec;
  readonly state: StateSpec | undefined;
  readonly sources: FactorSources;
  /** Norms, projections, feed-forward; null where the family's blocks are not described. */
  readonly block: BlockSpec | null;
  /** How its parts are joined; null where neither blocks nor their arrangement are described. */
  readonly description: LayerDescription | null;
  /** Names and numbers of its parameters, without routed experts; empty where they are not known apart. */
  readonly weights: ReadonlyMap<string, number>;
  /** Null where parameters are not known by layer. */
  readonly parameters: PlacedParts | null;
  /** Operations of attention and state in a decode step, beside two for each parameter that is used. */
  readonly attentionFlops: number;
  /** Of these, what the state takes. */
  readonly stateFlops: number;
  /** What one more token adds at short context. */
  readonly cacheBytesPerToken: number;
  /** Cache of one sequence at the context. */
  readonly cacheBytes: number;
  /** State of one sequence. */
  readonly stateBytes: number;
  readonly hiddenSize: number | null;
  /** Which keys decided what. */
  readonly keys: KeyFinder;
}

/** What is before, after and beside the layers. */
export interface ModelEnds {
  readonly hiddenSize: number | null;
  /** Rows of the embedding; null where no key says them. */
  readonly vocabulary: number | null;
  /** True where the output head is the embedding. */
  readonly tied: boolean;
  readonly blocks: ModelBlocks | null;
  /** The model's own parameters; null where they are not known. */
  readonly parameters: PlacedParts | null;
  /** An encoder's, which runs for the prompt alone; null where there is none, or it is not known apart. */
  readonly encoder: PlacedParts | null;
  /** Which keys decided what. */
  readonly keys: KeyFinder;
}

export interface Anatomy {
  readonly spec: ModelSpec;
  readonly kinds: readonly LayerKind[];
  /** Kinds by their places in `kinds`, from the first layer to the last. */
  readonly stack: readonly Repeat[];
  readonly ends: ModelEnds;
  readonly count: ParameterCount | null;
  /** What was asked: the context of `cacheBytes` and of the operations. */
  readonly tokens: number;
  readonly kvDtype: ResolvedKvDtype;
}

/** @param tokens Context of one sequence. */
export function anatomyOf(reading: Reading, kvDtype: ResolvedKvDtype, tokens: number): Anatomy {
  const { spec } = reading;
  const counted = countByLayer(reading);
  const reader = reading.reader(new ReadingLog());
  const blocks = orNull(() => blocksOf(reading, reader));
  const arranged = blocks ? null : arrangedLayers(reading.modelType, reader, spec.hiddenSize);
  const keys = new KeyFinder(reader);
  const placed = counted?.tally.isPlacedIn(spec.layers.map(({ index }) => index)) ?? false;
  const partsAt = (place: TallyPlace): PlacedParts | null => (placed ? (counted?.tally.at(place) ?? null) : null);
  const attentions = new Map(layerGroups(spec).map(({ attention }, place) => [attention, place]));
  const kinds: Omit<LayerKind, 'indexes'>[] = [];
  const members: number[][] = [];
  const byKey = new Map<string, number>();
  const order = spec.layers.map((layer): number => {
    const block = blocks && orNull(() => blocks.block(layer.index));
    const parameters = partsAt(layer.index);
    const state = stateOf(layer.attention, layer.parallelState);
    const key = JSON.stringify([
      attentions.get(layer.attention),
      state,
      block,
      parameters,
      arranged?.apart(layer.index),
    ]);
    const known = byKey.get(key);
    if (known !== undefined) {
      members[known]?.push(layer.index);
      return known;
    }
    const weights = new Map(blocks ? [] : parameters?.weights);
    for (const { name, shape } of blocks && block ? layerParameters(blocks, layer, block) : [])
      weights.set(
        name,
        shape.reduce((product, size) => product * size, 1),
      );
    const cache = (at: number): number => layerCacheBytes(layer.attention, kvDtype, at);
    byKey.set(key, kinds.length);
    members.push([layer.index]);
    kinds.push({
      attention: layer.attention,
      sees: worksOn(spec, layer.attention),
      state,
      sources: layer.sources,
      block,
      description: block
        ? blockDescription(block, blocks?.embedding?.positions !== undefined)
        : parameters && arranged && orNull(() => arranged.describe(layer, worksOn(spec, layer.attention), parameters)),
      weights,
      parameters,
      attentionFlops: decodeLayerFlops(spec, { attention: layer.attention, state }, tokens),
      stateFlops: stateStepFlops(state),
      cacheBytesPerToken: cache(2) - cache(1),
      cacheBytes: cache(tokens),
      stateBytes: layerStateBytes(state, kvDtype),
      hiddenSize: spec.hiddenSize,
      keys,
    });
    return kinds.length - 1;
  });
  return {
    spec,
    kinds: kinds.map((kind, place) => ({ ...kind, indexes: members[place] ?? [] })),
    stack: foldLayers(asTheyRun(spec.layers, order)),
    ends: {
      hiddenSize: spec.hiddenSize,
      vocabulary: orNull(() => reader.size(['vocab_size', 'padded_vocab_size'])),
      tied: tiedEmbeddings(reading, new ReadingLog()),
      blocks,
      parameters: placed ? partsAt(null) : (counted?.tally.unplaced() ?? null),
      encoder: partsAt('encoder'),
      keys,
    },
    count: counted?.count ?? null,
    tokens,
    kvDtype,
  };
}

/** A decoder lists the caches of its own attention first and those of the source after them; its layers have one of each. */
function asTheyRun(layers: readonly LayerSpec[], order: readonly number[]): readonly number[] {
  const half = layers.length / 2;
  const crosses = ({ attention }: LayerSpec): boolean => attention.kind === 'cross';
  if (half === 0 || layers.slice(0, half).some(crosses) || !layers.slice(half).every(crosses)) return order;
  return order.slice(0, half).flatMap((kind, index) => [kind, order[half + index] ?? kind]);
}
