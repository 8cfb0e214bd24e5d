/** Parameters of encoder-decoder models and of encoders: both stacks, whole. T: transformers 5.18 modeling files. */

import type { Facts } from './facts';
import { dense } from './feedForward';
import type { Tally } from './tally';

/** Adds all parameters of one model. */
export type Whole = (facts: Facts, tally: Tally, tied: boolean) => void;

/** Attention with one width, a bias on each projection (Whisper's keys have none). */
function attention(hidden: number, width: number, biases: number): number {
  return 4 * hidden * width + biases * width;
}

interface BartParts {
  readonly types: string;
  readonly bias?: boolean | string;
  /** Rows of the position table beyond `max_position_embeddings`; null where positions are computed. */
  readonly positions: number | null;
  /** A norm after the embeddings, and one after the last layer, of either stack. */
  readonly norms: number;
  /** Biases of an attention's four projections. */
  readonly attentionBiases?: number;
  readonly extra?: (facts: Facts, tally: Tally, hidden: number) => void;
  /** Embeddings more where they are not tied. */
  readonly untied?: number;
}

const BART: readonly BartParts[] = [
  { types: 'bart mvp plbart', positions: 2, norms: 1 },
  { types: 'mbart', positions: 2, norms: 2 },
  { types: 'blenderbot pegasus', positions: 0, norms: 1 },
  { types: 'blenderbot-small', positions: 0, norms: 1 },
  { types: 'bigbird_pegasus', positions: 0, norms: 1, bias: 'use_bias' },
  { types: 'marian', positions: 0, norms: 0 },
  { types: 'm2m_100 seamless_m4t seamless_m4t_v2', positions: null, norms: 1 },
  { types: 'whisper', positions: null, norms: 1, attentionBiases: 3, untied: 1, extra: whisper },
  { types: 'speech_to_text', positions: null, norms: 1, untied: 1, extra: speechToText },
];

/** T:bart BartForConditionalGeneration and those that follow it. */
const bartLike =
  (parts: BartParts): Whole =>
  (facts, tally, tied) => {
    const hidden = facts.number(['d_model', 'hidden_size']);
    const bias = facts.on(parts.bias ?? true);
    const biases = bias ? (parts.attentionBiases ?? 4) : 0;
    const one = attention(hidden, hidden, biases);
    const stacks = [
      {
        layers: facts.number(['encoder_layers', 'num_hidden_layers']),
        width: facts.number('encoder_ffn_dim'),
        attentions: 1,
      },
      {
        layers: facts.number(['decoder_layers', 'num_hidden_layers']),
        width: facts.number('decoder_ffn_dim'),
        attentions: 2,
      },
    ];
    for (const { layers, width, attentions } of stacks) {
      tally.add('attention', layers * attentions * one);
      tally.add('mlp', layers * dense(hidden, width, false, true));
      tally.add('norms', layers * (attentions + 1) * 2 * hidden + parts.norms * 2 * hidden);
      if (attentions === 1) tally.encoder = tally.total;
    }
    const vocabulary = facts.number('vocab_size');
    tally.add('embedding', vocabulary * hidden);
    // Untied, the stacks have embeddings of their own beside the shared one and the head.
    if (!tied) tally.add('outputHead', (parts.untied ?? 3) * vocabulary * hidden);
    else if (!facts.on('share_encoder_decoder_embeddings=true')) tally.add('embedding', vocabulary * hidden);
    if (parts.positions !== null) {
      const rows = 2 * (facts.number('max_position_embeddings') + parts.positions);
      tally.add('embedding', rows * hidden);
      tally.lookup += rows * hidden;
    }
    parts.extra?.(facts, tally, hidden);
  };

/** T:whisper WhisperEncoder: two convolutions over mel bins, learned positions on both sides. */
function whisper(facts: Facts, tally: Tally, hidden: number): void {
  tally.add('other', 3 * facts.number('num_mel_bins', 80) * hidden + hidden + 3 * hidden * hidden + hidden);
  const rows = facts.number('max_source_positions') + facts.number('max_target_positions');
  tally.add('embedding', rows * hidden);
  tally.lookup += rows * hidden;
}

/** T:speech_to_text Conv1dSubsampler: gated convolutions, each halving its channels. */
function speechToText(facts: Facts, tally: Tally, hidden: number): void {
  const kernels = facts.list('conv_kernel_sizes') ?? [5, 5];
  const middle = facts.number('conv_channels', 1024);
  let channels = facts.number('input_feat_per_channel', 80) * facts.number('input_channels', 1);
  for (const [index, kernel] of kernels.entries()) {
    const out = index < kernels.length - 1 ? middle : hidden * 2;
    tally.add('other', channels * out * Number(kernel) + out);
    channels = out / 2;
  }
}

/** T:t5: RMS norms, no biases, relative-position biases in the first layer of a stack (umt5: in each), tied whatever the file says. */
const t5Like =
  (each: boolean, gatedDefault: boolean): Whole =>
  (facts, tally) => {
    const hidden = facts.number('d_model');
    const heads = facts.number('num_heads');
    const layers = facts.number('num_layers');
    const decoders = facts.optional('num_decoder_layers') ?? layers;
    const one = attention(hidden, heads * facts.number('d_kv'), 0);
    const gated = (facts.word('feed_forward_proj') ?? (gatedDefault ? 'gated' : '')).startsWith('gated');
    const buckets = facts.number('relative_attention_num_buckets', 32) * heads;
    tally.add('attention', (layers + 2 * decoders) * one + (each ? layers + decoders : 2) * buckets);
    tally.add('mlp', (layers + decoders) * dense(hidden, facts.number('d_ff'), gated, false));
    tally.add('norms', (2 * layers + 3 * decoders + 2) * hidden);
    tally.encoder = layers * (one + dense(hidden, facts.number('d_ff'), gated, false) + 2 * hidden) + hidden;
    const vocabulary = facts.number('vocab_size');
    tally.add('embedding', vocabulary * hidden);
  };

interface BertParts {
  readonly types: string;
  /** Rows of token types; the key's default is in the class. */
  readonly tokenTypes: boolean;
  readonly pooler?: boolean;
  /** Untied, the head's bias is there twice. */
  readonly oneBias?: boolean;
  /** Bias of queries, keys and values. */
  readonly bias?: string;
  /** A dense layer and a norm before the tied head. */
  readonly transform: boolean;
  /** Norms of a layer and of the model, in all. */
  readonly outerNorms?: number;
}

const BERT: readonly BertParts[] = [
  { types: 'bert roberta camembert xlm-roberta data2vec-text ernie megatron-bert', tokenTypes: true, transform: true },
  { types: 'electra', tokenTypes: true, transform: true, oneBias: true },
  { types: 'big_bird', tokenTypes: true, transform: true, pooler: true, bias: 'use_bias=true' },
  { types: 'roberta-prelayernorm', tokenTypes: true, transform: true, outerNorms: 2 },
  { types: 'xlm-roberta-xl', tokenTypes: true, transform: true, outerNorms: 1 },
  { types: 'bert-generation', tokenTypes: false, transform: false },
];

/** T:bert BertForMaskedLM: the head is the embedding, a bias, and a transform. */
const bertLike =
  (parts: BertParts): Whole =>
  (facts, tally, tied) => {
    const { hidden } = facts;
    const layers = facts.number('num_hidden_layers');
    const vocabulary = facts.number('vocab_size');
    const embedded = facts.number('embedding_size', hidden);
    const rows =
      facts.number('max_position_embeddings') +
      (parts.tokenTypes ? facts.number('type_vocab_size', 2) : 0) +
      (facts.on('use_task_id') ? facts.number('task_type_vocab_size', 3) : 0);
    tally.add('embedding', (vocabulary + rows) * embedded);
    tally.lookup += rows * embedded;
    if (embedded !== hidden) tally.add('other', embedded * hidden + hidden);
    tally.add('attention', layers * attention(hidden, hidden, facts.on(parts.bias ?? true) ? 4 : 1));
    tally.add('mlp', layers * dense(hidden, facts.number('intermediate_size'), false, true));
    tally.add('norms', layers * 4 * hidden + (parts.outerNorms ?? 1) * 2 * embedded);
    if (parts.transform) tally.add('outputHead', hidden * embedded + 3 * embedded);
    if (parts.pooler) tally.add('outputHead', hidden * hidden + hidden);
    tally.add('outputHead', vocabulary);
    if (!tied) tally.add('outputHead', vocabulary * (embedded + (parts.oneBias ? 0 : 1)));
  };

const wholes = new Map<string, Whole>([
  ...BART.flatMap((parts) => parts.types.split(' ').map((type) => [type, bartLike(parts)] as const)),
  ...BERT.flatMap((parts) => parts.types.split(' ').map((type) => [type, bertLike(parts)] as const)),
  ...['t5', 'mt5', 'longt5'].map((type) => [type, t5Like(false, type === 'mt5')] as const),
  ['umt5', t5Like(true, true)],
]);

/** How to count a model that is more than a decoder; null for decoders and unknown types. */
export function encoderDecoderOf(modelType: string): Whole | null {
  return wholes.get(modelType) ?? null;
}
