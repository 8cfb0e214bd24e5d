/** Parameters of a model from the weights that its blocks have. */

import type { BlockSpec, DenseFeedForward, FeedForward } from '../../attention/spec/blockSpec';
import type { NormSpec } from '../../attention/spec/normSpec';
import { blockWeights, feedForwardWeights, weightCount, type WeightInfo } from '../../attention/spec/weightNames';
import type { ConfigReader } from '../../config/reader';
import type { Part, Tally } from '../../families/counted/tally';
import type { ModelBlocks } from '../../families/blocksOf';
import type { LayerSpec } from '../../model/spec';

/** Weights of a layer that reads another's cache and projects no keys and values of its own: these it lacks. */
const KEYS_AND_VALUES = /^(k|v|k_norm|v_norm)\./;

const VALUES = /^v\./;

/** Adds everything that a model of these blocks has. */
export function tallyBlocks(
  tally: Tally,
  model: ModelBlocks,
  layers: readonly LayerSpec[],
  config: ConfigReader,
  tied: boolean,
): void {
  const { hiddenSize } = model;
  for (const layer of layers) {
    const block = model.block(layer.index);
    tally.place = layer.index;
    for (const weight of layerParameters(model, layer, block)) tally.add(partOf(weight.name), weightCount(weight));
    addFeedForward(tally, block.feedForward, hiddenSize);
  }
  tally.place = null;
  addEnds(tally, model, config, tied);
}

/** The weights of a layer that are parameters, without those of routed experts. */
export function layerParameters(
  model: ModelBlocks,
  { index, attention }: Pick<LayerSpec, 'index' | 'attention'>,
  block: BlockSpec,
): readonly WeightInfo[] {
  const projects = attention.kind !== 'shared' || model.sharedLayersProject === true;
  const keysAreValues = model.valuesFromKeys?.(index) === true;
  return blockWeights(block).filter(
    (weight) =>
      (projects || !KEYS_AND_VALUES.test(weight.name)) &&
      (!keysAreValues || !VALUES.test(weight.name)) &&
      isCounted(weight, block.feedForward),
  );
}

function addFeedForward(tally: Tally, feedForward: FeedForward, hiddenSize: number): void {
  if (feedForward.kind !== 'moe') {
    tally.add('mlp', activationScalars(feedForward));
    return;
  }
  const { router, expert } = feedForward;
  const each = feedForwardWeights(expert, hiddenSize).reduce((sum, weight) => sum + weightCount(weight), 0);
  tally.addExperts(1, router.experts, router.topK, each);
}

/** xIELU learns two slopes; what else it has are buffers. */
function activationScalars({ activation }: DenseFeedForward): number {
  return typeof activation === 'object' ? 2 : 0;
}

/** The router's correction is a buffer in most families, and no parameter. */
function isCounted({ name }: WeightInfo, feedForward: FeedForward): boolean {
  return name !== 'router.correction' || (feedForward.kind === 'moe' && feedForward.router.correctionTrained === true);
}

/** Layer after layer has weights of the same names. */
const parts = new Map<string, Part>();

/** What a weight counts as, by its name. */
export function partOf(name: string): Part {
  const known = parts.get(name) ?? partNamed(name);
  parts.set(name, known);
  return known;
}

function partNamed(name: string): Part {
  if (/^(norm_|inner_norm|o_norm)/.test(name)) return 'norms';
  if (/^(router|shared_gate)/.test(name)) return 'router';
  if (name === 'streams') return 'other';
  return /^(shared\.|gate_proj|up|down)/.test(name) ? 'mlp' : 'attention';
}

function normCount(norm: NormSpec | null | undefined, width: number): number {
  return norm ? width * ((norm.weight === 'none' ? 0 : 1) + (norm.bias ? 1 : 0)) : 0;
}

function addEnds(
  tally: Tally,
  { embedding, output, hiddenSize }: ModelBlocks,
  config: ConfigReader,
  tied: boolean,
): void {
  const vocabulary = config.size(['vocab_size', 'padded_vocab_size']);
  const width = embedding?.width ?? hiddenSize;
  tally.add('embedding', vocabulary * width);
  // A map from the embedding's width to the blocks', and one back.
  if (width !== hiddenSize) tally.add('embedding', 2 * width * hiddenSize);
  if (!tied) {
    tally.add('outputHead', vocabulary * width);
    tally.lookup += vocabulary * width;
  }
  if (output.bias) tally.add('outputHead', vocabulary);
  const rows = embedding?.positions?.kind === 'learned' ? embedding.positions.rows : 0;
  tally.add('embedding', rows * hiddenSize);
  tally.lookup += rows * hiddenSize;
  tally.add('norms', normCount(embedding?.norm, hiddenSize) + normCount(output.norm, hiddenSize));
}
