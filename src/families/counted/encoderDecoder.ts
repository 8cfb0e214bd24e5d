/** Parameters of encoder-decoders with the build of BART: both stacks, whole. T: transformers 5.18 modeling files. */

import type { ConfigReader } from '../../config/reader';
import type { WholeCount } from './facet';
import { denseWeights } from './feedForward';
import { type Switch, switched } from './switches';
import type { LayerWeights, Part, Tally } from './tally';
import type { Weights } from './weights';

/** Attention of one width; the output's bias comes first, those of queries and values next, that of keys last (Whisper's have none). */
export function wholeAttention(hidden: number, width: number, biases: number): LayerWeights {
  const one = (least: number): number => hidden * width + (biases >= least ? width : 0);
  return [
    ['attention', 'q', one(2)],
    ['attention', 'k', one(4)],
    ['attention', 'v', one(3)],
    ['attention', 'o', one(1)],
  ];
}

/** Of the given part. */
export function inPart(part: Part, weights: Weights): LayerWeights {
  return weights.map(([name, count]) => [part, name, count]);
}

export interface BartParts {
  readonly bias?: Switch;
  /** Rows of the position table beyond `max_position_embeddings`; null where positions are computed. */
  readonly positions: number | null;
  /** A norm after the embeddings, and one after the last layer, of either stack. */
  readonly norms: number;
  /** Biases of an attention's four projections. */
  readonly attentionBiases?: number;
  readonly extra?: (config: ConfigReader, tally: Tally, hidden: number) => void;
  /** Additional embeddings where they are not tied. */
  readonly untied?: number;
}

/** T:bart BartForConditionalGeneration and those that follow it. */
// @__NO_SIDE_EFFECTS__
export function bartWhole(parts: BartParts): WholeCount {
  return (config, tally, tied) => {
    const hidden = config.size(['d_model', 'hidden_size']);
    const bias = switched(config, parts.bias ?? true);
    const biases = bias ? (parts.attentionBiases ?? 4) : 0;
    const one = wholeAttention(hidden, hidden, biases);
    const feedForward = (width: number): LayerWeights => inPart('mlp', denseWeights(hidden, width, false, true));
    const norms = (count: number): LayerWeights => [['norms', 'norms', count * 2 * hidden]];
    tally.addLayers(
      config.size(['encoder_layers', 'num_hidden_layers']),
      [...one, ...feedForward(config.size('encoder_ffn_dim')), ...norms(2)],
      'encoder',
    );
    tally.addLayers(1, norms(parts.norms), 'encoder');
    tally.encoder = tally.total;
    const decoders = config.size(['decoder_layers', 'num_hidden_layers']);
    tally.addLayers(decoders, [...one, ...norms(1)], 0);
    tally.addLayers(decoders, [...one, ...feedForward(config.size('decoder_ffn_dim')), ...norms(2)], decoders);
    tally.add('norms', parts.norms * 2 * hidden);
    const vocabulary = config.size('vocab_size');
    tally.add('embedding', vocabulary * hidden);
    // Untied, each stack has its own embedding, in addition to the shared one and the head.
    if (!tied) tally.add('outputHead', (parts.untied ?? 3) * vocabulary * hidden);
    else if (!config.flag(['share_encoder_decoder_embeddings'], true)) tally.add('embedding', vocabulary * hidden);
    if (parts.positions !== null) {
      const rows = 2 * (config.size('max_position_embeddings') + parts.positions);
      tally.add('embedding', rows * hidden);
      tally.lookup += rows * hidden;
    }
    parts.extra?.(config, tally, hidden);
  };
}
