/**
 * What a model is made of: its kinds of layers in their order, and what each layer has, caches and computes. All numbers are those of
 * the other surfaces, taken apart: the parts sum to the parameter count, to the cache and to the operations of a decode step.
 */

import type { BlockSpec } from '../../attention/spec/blockSpec';
import { layerGroups } from '../../cache/groups';
import { layerCacheBytes, layerStateBytes, stateOf } from '../../cache/layerBytes';
import { ReadingLog } from '../../config/reader';
import { ConfigRefusal } from '../../config/refusal';
import { blocksOf, type ModelBlocks } from '../../families/blocksOf';
import type { PlacedParts } from '../../families/counted/tally';
import { tiedEmbeddings } from '../../families/tying';
import type { AttentionSpec, StateSpec } from '../../model/attention';
import type { ResolvedKvDtype } from '../../model/dtype';
import type { FactorSources, ModelSpec } from '../../model/spec';
import type { Reading } from '../../reading/read';
import { decodeLayerFlops, worksOn } from '../attentionWork';
import { countByLayer, type ParameterCount } from '../parameters/count';
import { layerParameters } from '../parameters/derived';
import { foldLayers, type Repeat } from './fold';

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
  /** Names and numbers of its parameters, without routed experts; empty where the blocks are not described. */
  readonly weights: ReadonlyMap<string, number>;
  /** Null where parameters are not known by layer. */
  readonly parameters: PlacedParts | null;
  /** Operations of attention and state in a decode step, beside two for each parameter that is used. */
  readonly attentionFlops: number;
  /** What one more token adds at short context. */
  readonly cacheBytesPerToken: number;
  /** Cache of one sequence at the context. */
  readonly cacheBytes: number;
  /** State of one sequence. */
  readonly stateBytes: number;
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
  const blocks = answered(() => blocksOf(reading, reader));
  const attentions = new Map(layerGroups(spec).map(({ attention }, place) => [attention, place]));
  const kinds: Omit<LayerKind, 'indexes'>[] = [];
  const members: number[][] = [];
  const byKey = new Map<string, number>();
  const order = spec.layers.map((layer): number => {
    const block = blocks && answered(() => blocks.block(layer.index));
    const parameters = counted?.tally.at(layer.index) ?? null;
    const state = stateOf(layer.attention, layer.parallelState);
    const key = JSON.stringify([attentions.get(layer.attention), state, block, parameters]);
    const known = byKey.get(key);
    if (known !== undefined) {
      members[known]?.push(layer.index);
      return known;
    }
    const weights = new Map<string, number>();
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
      weights,
      parameters,
      attentionFlops: decodeLayerFlops(spec, { attention: layer.attention, state }, tokens),
      cacheBytesPerToken: cache(2) - cache(1),
      cacheBytes: cache(tokens),
      stateBytes: layerStateBytes(state, kvDtype),
    });
    return kinds.length - 1;
  });
  return {
    spec,
    kinds: kinds.map((kind, place) => ({ ...kind, indexes: members[place] ?? [] })),
    stack: foldLayers(order),
    ends: {
      hiddenSize: spec.hiddenSize,
      vocabulary: answered(() => reader.size(['vocab_size', 'padded_vocab_size'])),
      tied: tiedEmbeddings(reading, new ReadingLog()),
      blocks,
      parameters: counted?.tally.at(null) ?? null,
    },
    count: counted?.count ?? null,
    tokens,
    kvDtype,
  };
}

/** Null where the config lacks what was asked. */
function answered<T>(make: () => T): T | null {
  try {
    return make();
  } catch (error) {
    if (error instanceof ConfigRefusal) return null;
    throw error;
  }
}
