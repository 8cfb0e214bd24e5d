/** Parameters of encoder-decoders with the build of BART: both stacks, whole. T: transformers 5.18 modeling files. */

import type { ConfigReader } from '../../config/reader';
import type { WholeCount } from './facet';
import { dense } from './feedForward';
import { type Switch, switched } from './switches';
import type { Tally } from './tally';

/** Attention with one width and the given number of biases (Whisper's keys have none). */
export function wholeAttention(hidden: number, width: number, biases: number): number {
  return 4 * hidden * width + biases * width;
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
    const stacks = [
      {
        layers: config.size(['encoder_layers', 'num_hidden_layers']),
        width: config.size('encoder_ffn_dim'),
        attentions: 1,
      },
      {
        layers: config.size(['decoder_layers', 'num_hidden_layers']),
        width: config.size('decoder_ffn_dim'),
        attentions: 2,
      },
    ];
    for (const { layers, width, attentions } of stacks) {
      tally.add('attention', layers * attentions * one);
      tally.add('mlp', layers * dense(hidden, width, false, true));
      tally.add('norms', layers * (attentions + 1) * 2 * hidden + parts.norms * 2 * hidden);
      if (attentions === 1) tally.encoder = tally.total;
    }
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
