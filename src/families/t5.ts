/** T5 and its relatives, and T5Gemma. */

import type { ConfigReader } from '../config/reader';
import { inPart, wholeAttention } from './counted/encoderDecoder';
import type { LayerWeights } from './counted/tally';
import type { WholeCount } from './counted/facet';
import { denseWeights } from './counted/feedForward';
import type { ArrangementsFacet, CountsFacet, FamilyReading, GgufFacet, LayersFacet } from './facets';
import { bothFull, withCross } from './kit/crossLayers';
import { decoderLayers, fullDraft, repeat, slidingWindow, withSources } from './kit/decoder';
import { ggufHeadWidth } from './kit/ggufKeys';
import { headLayout, type HeadOptions, layerCount } from './kit/headLayout';

const T5_HEADS: HeadOptions = {
  headKeys: ['num_heads', 'num_attention_heads'],
  kvKeys: [],
  headDimKeys: ['d_kv', 'head_dim'],
};

export const layers = (): readonly LayersFacet[] => [
  {
    // `d_kv` is the head width whatever the hidden size; the decoder has `num_layers` unless it says otherwise.
    id: 't5',
    modelTypes: ['t5', 'mt5', 'umt5'],
    cite: 'transformers 5.18 models/t5/configuration_t5.py (num_decoder_layers, d_kv), T5Attention',
    llamacpp: { cachesSource: false },
    read: t5Layers,
  },
  {
    // The same, which llama.cpp does not run.
    id: 't5',
    modelTypes: ['longt5', 'pop2piano', 'udop', 'switch_transformers'],
    cite: 'transformers 5.18 models/longt5/configuration_longt5.py and those of the others',
    read: t5Layers,
  },
  {
    // The decoder of a model that reads pictures of text: the picture is the source, whatever its own flags say.
    id: 't5',
    modelTypes: ['pix2struct_text_model'],
    cite: 'transformers 5.18 models/pix2struct/modeling_pix2struct.py Pix2StructTextBlock: encoder_decoder_attention in every layer',
    read: (reader) => {
      reader.consult(['is_encoder_decoder', 'add_cross_attention', 'is_decoder']);
      const count = layerCount(reader, ['num_layers', 'num_hidden_layers']);
      const heads = headLayout(reader, T5_HEADS);
      if (!count || !heads) return { layers: [] };
      return {
        layers: withCross(reader, withSources(repeat(fullDraft(heads), count.value), { layers: count.source })),
      };
    },
  },
  {
    // A Gemma decoder, in which even layers slide, with cross attention.
    id: 't5gemma',
    modelTypes: ['t5_gemma_module'],
    cite: 'transformers 5.18 models/t5gemma/configuration_t5gemma.py: EncoderDecoderCache',
    refusesRemainder: 'class',
    read: (reader) => t5Gemma(reader, () => 2),
  },
  {
    // Five of six layers slide.
    id: 't5gemma',
    modelTypes: ['t5gemma2_decoder'],
    cite: 'transformers 5.18 models/t5gemma2: EncoderDecoderCache',
    refusesRemainder: 'class',
    read: (reader) =>
      t5Gemma(reader, () => reader.computed(['sliding_window_pattern', '_sliding_window_pattern'])?.value ?? 6),
  },
];

function t5Layers(reader: ConfigReader): FamilyReading {
  const count = layerCount(reader, ['num_decoder_layers']) ?? layerCount(reader, ['num_layers', 'num_hidden_layers']);
  return bothFull(reader, count, T5_HEADS, { tokens: 'target' });
}

/** One layer of each period attends to everything. */
function t5Gemma(reader: ConfigReader, periodOf: () => number): FamilyReading {
  reader.consult(['cross_attention_hidden_size']);
  const period = periodOf();
  const self = decoderLayers(reader, {
    window: slidingWindow,
    kindAt: (index) => ((index + 1) % period === 0 ? 'full' : 'sliding'),
  });
  return { layers: withCross(reader, self) };
}

export const gguf = (): readonly GgufFacet[] => [
  {
    architecture: 't5',
    modelType: 't5',
    adapt: (config, source) => {
      const [width, layers] = [ggufHeadWidth(source), source.number('decoder_block_count')];
      if (width !== undefined) config['d_kv'] = width;
      // llama.cpp makes a cache for each layer of the encoder, also where the decoder has another number.
      if (layers !== undefined) config['num_decoder_layers'] = source.number('block_count') ?? layers;
    },
  },
];

export const counts = (): readonly CountsFacet[] => [
  { modelTypes: ['t5', 'longt5'], whole: t5Whole({}) },
  { modelTypes: ['mt5'], whole: t5Whole({ gated: true }) },
  { modelTypes: ['umt5'], whole: t5Whole({ gated: true, positionsInEach: true }) },
];

/**
 * T:t5: RMS norms, no biases, always tied.
 * @param parts Whether the class's feed-forward is gated; whether every layer has relative-position biases, or only the first of a stack.
 */
function t5Whole(parts: { readonly gated?: boolean; readonly positionsInEach?: boolean }): WholeCount {
  return (config, tally) => {
    const hidden = config.size('d_model');
    const heads = config.size('num_heads');
    const encoders = config.size('num_layers');
    const decoders = config.sizeOr('num_decoder_layers', null) ?? encoders;
    const one = wholeAttention(hidden, heads * config.size('d_kv'), 0);
    const gated = (config.string(['feed_forward_proj'])?.value ?? (parts.gated ? 'gated' : '')).startsWith('gated');
    const buckets = config.size('relative_attention_num_buckets', 32) * heads;
    const feedForward = inPart('mlp', denseWeights(hidden, config.size('d_ff'), gated, false));
    const norms = (count: number): LayerWeights => [['norms', 'norms', count * hidden]];
    tally.addLayers(encoders, [...one, ...feedForward, ...norms(2)], 'encoder');
    tally.addLayers(1, norms(1), 'encoder');
    tally.encoder = tally.total;
    const positions: LayerWeights = parts.positionsInEach ? [['attention', 'relative', buckets]] : [];
    tally.addLayers(decoders, [...one, ...positions, ...norms(1)], 0);
    tally.addLayers(decoders, [...one, ...feedForward, ...norms(2)], decoders);
    tally.add('attention', (parts.positionsInEach ? encoders : 2) * buckets);
    tally.add('norms', hidden);
    const vocabulary = config.size('vocab_size');
    tally.add('embedding', vocabulary * hidden);
  };
}

export const arrangements = (): readonly ArrangementsFacet[] => [
  {
    modelTypes: ['t5', 'mt5', 'umt5', 'longt5'],
    cite: 'transformers 5.18 modeling_t5.py: no biases, scores unscaled, a learned number for each distance is added to them',
    activation: (config) => {
      const name = config.string(['feed_forward_proj'])?.value ?? 'relu';
      return name.includes('gelu') ? 'gelu-tanh' : name.includes('silu') ? 'silu' : 'relu';
    },
    positions: 'elsewhere',
    scale: () => 1,
    built: {},
    says: ['A learned number for each distance is added to the scores of its own attention.'],
  },
];
