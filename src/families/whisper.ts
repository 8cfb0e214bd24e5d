/** Speech to text: Whisper, Speech2Text, Moonshine, and speech decoders with the common key names. */

import type { ConfigReader } from '../config/reader';
import { bartWhole } from './counted/encoderDecoder';
import type { Tally } from './counted/tally';
import type { ArrangementsFacet, CountsFacet, LayersFacet } from './facets';
import { bartDecoder, bothFull, DECODER_HEAD_OPTIONS, DECODER_LAYERS } from './kit/crossLayers';
import { oneWindow, withSources } from './kit/decoder';
import { layerCount } from './kit/headLayout';

const CITE = 'transformers 5.18 models/whisper/configuration_whisper.py, WhisperFeatureExtractor pads to 30 s';

/** The source is always 30 seconds, `max_source_positions` (1,500) positions. */
const whisperLayers: LayersFacet['read'] = (reader) => {
  const positions = reader.integer(['max_source_positions']) ?? {
    value: 1500,
    source: reader.derived('30 s of audio: 1,500 positions'),
  };
  const count = layerCount(reader, DECODER_LAYERS);
  const read = bothFull(reader, count, DECODER_HEAD_OPTIONS, { tokens: positions.value });
  return { layers: withSources(read.layers, { sourceTokens: positions.source }) };
};

export const layers = (): readonly LayersFacet[] => [
  { id: 'whisper', modelTypes: ['whisper'], cite: CITE, refusesRemainder: 'model', read: whisperLayers },
  { id: 'whisper', modelTypes: ['lite-whisper'], cite: CITE, read: whisperLayers },
  {
    id: 'speech-to-text',
    modelTypes: ['speech_to_text'],
    cite: 'transformers 5.18 models/speech_to_text/configuration_speech_to_text.py, Speech2TextDecoderLayer: as BART',
    read: (reader) => bartDecoder(reader),
  },
  {
    id: 'moonshine',
    modelTypes: ['moonshine'],
    cite: 'transformers 5.18 models/moonshine/configuration_moonshine.py (decoder_num_key_value_heads), MoonshineDecoderLayer',
    read: (reader) => bartDecoder(reader, ['decoder_num_key_value_heads']),
  },
  {
    id: 'audio-decoder',
    modelTypes: ['canary_decoder', 'cohere_asr', 'moonshine_streaming'],
    cite: 'transformers 5.18 models/canary, models/cohere_asr, models/moonshine_streaming: self and cross attention in every layer',
    read: (reader) => bothFull(reader, layerCount(reader), {}, { tokens: 'target' }),
  },
  {
    // A decoder alone: the codes of the sound and the text are its tokens.
    id: 'kyutai-stt',
    modelTypes: ['kyutai_speech_to_text', 'moshi_depth'],
    cite: 'transformers 5.18 models/kyutai_speech_to_text, models/moshi MoshiDepthDecoder: DynamicCache of a config with sliding_window',
    read: (reader, modelType) => {
      if (reader.hasValue('codec_config'))
        reader.log.note('the audio codec keeps windows of its own while it streams; they are not counted', false);
      return oneWindow(reader, modelType);
    },
  },
];

export const counts = (): readonly CountsFacet[] => [
  {
    modelTypes: ['whisper'],
    whole: bartWhole({ positions: null, norms: 1, attentionBiases: 3, untied: 1, extra: whisperFrontEnd }),
  },
  { modelTypes: ['speech_to_text'], whole: bartWhole({ positions: null, norms: 1, untied: 1, extra: subsampler }) },
];

/** T:whisper WhisperEncoder: two convolutions over mel bins, learned positions on both sides. */
function whisperFrontEnd(config: ConfigReader, tally: Tally, hidden: number): void {
  tally.add('other', 3 * config.size('num_mel_bins', 80) * hidden + hidden + 3 * hidden * hidden + hidden);
  const rows = config.size('max_source_positions') + config.size('max_target_positions');
  tally.add('embedding', rows * hidden);
  tally.lookup += rows * hidden;
}

/** T:speech_to_text Conv1dSubsampler: gated convolutions, each halving its channels. */
function subsampler(config: ConfigReader, tally: Tally, hidden: number): void {
  const kernels = config.list(['conv_kernel_sizes'])?.value ?? [5, 5];
  const middle = config.size('conv_channels', 1024);
  let channels = config.size('input_feat_per_channel', 80) * config.size('input_channels', 1);
  for (const [index, kernel] of kernels.entries()) {
    const out = index < kernels.length - 1 ? middle : hidden * 2;
    tally.add('other', channels * out * Number(kernel) + out);
    channels = out / 2;
  }
}

export const arrangements = (): readonly ArrangementsFacet[] => [
  {
    modelTypes: ['whisper', 'speech_to_text'],
    cite: 'transformers 5.18 modeling_whisper.py WhisperDecoderLayer',
    norm: { kind: 'layer' },
    positions: 'elsewhere',
    built: { bias: true, mlpBias: true, plain: true, normBias: true },
  },
];
