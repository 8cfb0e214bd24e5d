/** Where weights lie when whole layers are split over devices: of each layer, of the embedding, of the output. */

import type { Reading } from '../reading/read';
import { countParameters, type ParameterCount } from './parameters/count';
import { layerParameters } from './weightFormats';
import type { WeightBytes, WeightPlacement } from './weights';

/**
 * As the files or the assumed format have it; else by the parameters of each layer's block, or in equal parts where the blocks of the
 * family are not described. Null where nothing can be counted.
 */
export function placementOf(
  reading: Reading,
  weights: WeightBytes,
  count: ParameterCount | null = countParameters(reading),
): WeightPlacement | null {
  if (weights.placement) return weights.placement;
  if (!count) return null;
  // Embedding and head keep two bytes a weight in the formats that have no placement of their own; less where all is narrower.
  const wide = Math.min(2, weights.bytes / count.total);
  const embedding = Math.round(count.embedding * wide);
  // Without a head of its own the embedding is the output too.
  const head = count.outputHead > 0 ? Math.round(count.outputHead * wide) : embedding;
  const inLayers = weights.bytes - embedding - (count.outputHead > 0 ? head : 0);
  const layers = reading.spec.layers.length;
  const shares = layerParameters(reading, count) ?? new Array<number>(layers).fill(1);
  const sum = shares.reduce((total, share) => total + share, 0);
  return { layers: shares.map((share) => (inLayers * share) / Math.max(1, sum)), embedding, head };
}
