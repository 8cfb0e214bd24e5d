import { type CrossSource, isHeaded } from '../../model/attention';
import type { Source, Sourced } from '../../model/spec';
import type { Family, LayerDraft } from '../family';
import { headLayout, type HeadOptions, layerCount, missing, type SourcedLayout } from '../heads';
import { decoderLayers, fullDraft, repeat, slidingWindow, unknownDraft, withSources } from '../layers';
import type { ConfigReader } from '../reader';

/** A layer that caches the source's K and V once. */
export function crossDraft({ layout, sources }: SourcedLayout, source: CrossSource, kind: Source | null): LayerDraft {
  return { attention: { kind: 'cross', ...layout, source }, sources: { ...sources, ...(kind ? { kind } : {}) } };
}

/** Decoder self layers, then as many cross layers. */
export function selfAndCross(count: Sourced<number>, self: readonly LayerDraft[], cross: LayerDraft): LayerDraft[] {
  return withSources([...self, ...repeat(cross, count.value)], { layers: count.source });
}

function bothFull(
  reader: ConfigReader,
  count: Sourced<number> | null,
  options: HeadOptions,
  source: CrossSource,
  kind: Source | null,
): ReturnType<Family['read']> {
  const heads = headLayout(reader, options);
  if (!count || !heads) {
    if (!count) missing(reader, 'the number of decoder layers', 'decoder_layers');
    return { layers: [] };
  }
  const selfOnly = reader.own('is_encoder_decoder') === false && !reader.flag(['add_cross_attention'], false);
  const self = repeat(fullDraft(heads), count.value);
  if (selfOnly) return { layers: withSources(self, { layers: count.source }) };
  if (source.tokens === 'target')
    reader.log.note('cross attention is counted with as many source tokens as target tokens', false);
  return { layers: selfAndCross(count, self, crossDraft(heads, source, kind)) };
}

/** T5 and its kin: `d_kv` is the head width whatever the hidden size; the decoder has `num_layers` unless it says otherwise. */
export const t5Like: Family = {
  id: 't5',
  modelTypes: ['t5', 'mt5', 'umt5', 'longt5', 'pop2piano', 'udop', 'switch_transformers'],
  cite: 'transformers 5.18 models/t5/configuration_t5.py (num_decoder_layers, d_kv), T5Attention',
  read: (reader) => {
    const count = layerCount(reader, ['num_decoder_layers']) ?? layerCount(reader, ['num_layers', 'num_hidden_layers']);
    const options: HeadOptions = {
      headKeys: ['num_heads', 'num_attention_heads'],
      kvKeys: [],
      headDimKeys: ['d_kv', 'head_dim'],
    };
    return bothFull(reader, count, options, { tokens: 'target' }, null);
  },
};

const DECODER_LAYERS: readonly string[] = ['decoder_layers', 'num_decoder_layers', 'decoder_num_hidden_layers'];
const DECODER_HEADS: readonly string[] = [
  'decoder_attention_heads',
  'num_decoder_attention_heads',
  'decoder_num_attention_heads',
  'num_attention_heads',
];

/** BART and its kin: decoder layers and heads of their own, one K and V per head, d_model ÷ heads wide. */
export const bartLike: Family = {
  id: 'bart',
  modelTypes: [
    'bart',
    'mbart',
    'pegasus',
    'pegasus_x',
    'bigbird_pegasus',
    'blenderbot',
    'blenderbot-small',
    'marian',
    'm2m_100',
    'nllb-moe',
    'plbart',
    'mvp',
    'led',
    'fsmt',
    'prophetnet',
    'speech_to_text',
    'speecht5',
    'seamless_m4t',
    'seamless_m4t_v2',
    'moonshine',
  ],
  cite: 'transformers 5.18 models/bart/configuration_bart.py, BartDecoderLayer: self and cross attention',
  read: (reader, modelType) => {
    reader.consult([
      'attention_window',
      'local_radius',
      'num_random_blocks',
      'attention_type',
      'max_source_positions',
      'encoder_num_key_value_heads',
      'conv_kernel',
      'conv_kernel_sizes',
      'num_hidden_layers',
    ]);
    const moonshine = modelType === 'moonshine';
    const options: HeadOptions = {
      headKeys: DECODER_HEADS,
      kvKeys: moonshine ? ['decoder_num_key_value_heads'] : [],
      headDimKeys: [],
      hiddenKeys: ['d_model', 'hidden_size'],
    };
    return bothFull(reader, layerCount(reader, DECODER_LAYERS), options, { tokens: 'target' }, null);
  },
};

/** Whisper: the source is always 30 seconds, `max_source_positions` (1,500) positions. */
export const whisperLike: Family = {
  id: 'whisper',
  modelTypes: ['whisper', 'lite-whisper'],
  cite: 'transformers 5.18 models/whisper/configuration_whisper.py, WhisperFeatureExtractor pads to 30 s',
  read: (reader) => {
    const positions = reader.integer(['max_source_positions']) ?? {
      value: 1500,
      source: reader.derived('30 s of audio: 1,500 positions'),
    };
    const options: HeadOptions = {
      headKeys: DECODER_HEADS,
      kvKeys: [],
      headDimKeys: [],
      hiddenKeys: ['d_model', 'hidden_size'],
    };
    const read = bothFull(reader, layerCount(reader, DECODER_LAYERS), options, { tokens: positions.value }, null);
    return { layers: withSources(read.layers, { sourceTokens: positions.source }) };
  },
};

/** Decoders of encoder-decoder models, here on their own: TrOCR, MusicGen. Beside an encoder they get cross layers. */
export const visionDecoder: Family = {
  id: 'cross-decoder',
  modelTypes: ['trocr', 'musicgen_decoder'],
  cite: 'transformers 5.18 models/trocr, models/musicgen MusicgenDecoderLayer',
  read: (reader) => {
    const options: HeadOptions = {
      headKeys: DECODER_HEADS,
      kvKeys: [],
      headDimKeys: [],
      hiddenKeys: ['d_model', 'hidden_size'],
    };
    const heads = headLayout(reader, options);
    const count = layerCount(reader, [...DECODER_LAYERS, 'num_hidden_layers']);
    return {
      layers: count && heads ? withSources(repeat(fullDraft(heads), count.value), { layers: count.source }) : [],
    };
  },
};

/** Speech decoders with the common key names. */
export const audioDecoder: Family = {
  id: 'audio-decoder',
  modelTypes: ['canary_decoder', 'cohere_asr', 'moonshine_streaming'],
  cite: 'transformers 5.18 models/canary, models/cohere_asr, models/moonshine_streaming: self and cross attention in every layer',
  read: (reader) => bothFull(reader, layerCount(reader), {}, { tokens: 'target' }, null),
};

/** T5Gemma: a Gemma decoder (even layers slide in the first, five of six in the second) with cross attention. */
export const t5Gemma: Family = {
  id: 't5gemma',
  modelTypes: ['t5_gemma_module', 't5gemma2_decoder'],
  cite: 'transformers 5.18 models/t5gemma/configuration_t5gemma.py, models/t5gemma2: EncoderDecoderCache',
  read: (reader, modelType) => {
    reader.consult(['cross_attention_hidden_size']);
    const period =
      modelType === 't5_gemma_module'
        ? 2
        : (reader.integer(['sliding_window_pattern', '_sliding_window_pattern'])?.value ?? 6);
    const self = decoderLayers(reader, {
      window: slidingWindow,
      kindAt: (index) => ((index + 1) % period === 0 ? 'full' : 'sliding'),
    });
    return { layers: withCross(reader, self) };
  },
};

/** Composite types whose decoder looks at an encoder, whatever the decoder's own type is. */
export const CROSS_ROOTS: readonly string[] = [
  'encoder-decoder',
  'vision-encoder-decoder',
  'speech-encoder-decoder',
  'musicgen',
];

/** Adds one cross layer for each layer that has heads. */
export function withCross(reader: ConfigReader, self: readonly LayerDraft[]): LayerDraft[] {
  if (self.some((draft) => draft.attention.kind === 'cross')) return [...self];
  const made = new Map<string, LayerDraft>();
  const cross = self.map((draft): LayerDraft => {
    const { attention, sources } = draft;
    if (!isHeaded(attention)) return unknownDraft('cross attention of a layer without heads');
    const { queryHeads, kvHeads, keyDim, valueDim } = attention;
    const id = `${queryHeads} ${kvHeads} ${keyDim} ${valueDim}`;
    const known =
      made.get(id) ??
      crossDraft({ layout: { queryHeads, kvHeads, keyDim, valueDim }, sources }, { tokens: 'target' }, null);
    made.set(id, known);
    return known;
  });
  reader.log.note('cross attention is counted with as many source tokens as target tokens', false);
  return [...self, ...cross];
}
