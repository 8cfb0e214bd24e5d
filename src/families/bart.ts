/** BART and the encoder-decoders built like it: Pegasus, Marian, M2M-100, Seamless, …. */

import { bartWhole } from './counted/encoderDecoder';
import { flag } from './counted/switches';
import type { ArrangementsFacet, CountsFacet, LayersFacet } from './facets';
import { bartDecoder } from './kit/crossLayers';

/** Decoder layers and heads of their own, one K and V per head, d_model ÷ heads wide. */
const CITE = 'transformers 5.18 models/bart/configuration_bart.py, BartDecoderLayer: self and cross attention';

export const layers = (): readonly LayersFacet[] => [
  {
    id: 'bart',
    modelTypes: ['bart', 'mbart'],
    cite: CITE,
    refusesRemainder: 'model',
    read: (reader) => bartDecoder(reader),
  },
  {
    id: 'bart',
    // biome-ignore format: names fill their lines
    modelTypes: [
      'pegasus', 'pegasus_x', 'bigbird_pegasus', 'blenderbot', 'blenderbot-small', 'marian', 'm2m_100', 'nllb-moe',
      'plbart', 'mvp', 'led', 'fsmt', 'speecht5', 'seamless_m4t', 'seamless_m4t_v2',
    ],
    cite: CITE,
    read: (reader) => bartDecoder(reader),
  },
  {
    // The number of layers is worked out, and the class fails where a file sets it under either name.
    id: 'bart',
    modelTypes: ['prophetnet'],
    cite: 'transformers 5.18 models/prophetnet/configuration_prophetnet.py (setter of num_hidden_layers), PreTrainedConfig.get_text_config',
    read: (reader) => {
      for (const key of ['num_hidden_layers', 'decoder_layers'])
        if (reader.has(key)) reader.wrong(key, 'absent, beside num_decoder_layers', reader.own(key));
      return bartDecoder(reader);
    },
  },
];

export const counts = (): readonly CountsFacet[] => [
  { modelTypes: ['bart', 'mvp', 'plbart'], whole: bartWhole({ positions: 2, norms: 1 }) },
  { modelTypes: ['mbart'], whole: bartWhole({ positions: 2, norms: 2 }) },
  { modelTypes: ['blenderbot', 'blenderbot-small', 'pegasus'], whole: bartWhole({ positions: 0, norms: 1 }) },
  { modelTypes: ['bigbird_pegasus'], whole: bartWhole({ positions: 0, norms: 1, bias: flag('use_bias') }) },
  { modelTypes: ['marian'], whole: bartWhole({ positions: 0, norms: 0 }) },
  { modelTypes: ['m2m_100', 'seamless_m4t', 'seamless_m4t_v2'], whole: bartWhole({ positions: null, norms: 1 }) },
];

export const arrangements = (): readonly ArrangementsFacet[] => [
  {
    modelTypes: ['bart', 'mvp', 'plbart', 'marian', 'blenderbot-small'],
    cite: 'transformers 5.18 modeling_bart.py BartDecoderLayer: norms on the sums',
    norms: 'sum',
    norm: { kind: 'layer' },
    positions: 'elsewhere',
    built: { bias: true, mlpBias: true, plain: true, normBias: true },
  },
  {
    modelTypes: ['mbart', 'blenderbot', 'pegasus', 'm2m_100', 'seamless_m4t', 'seamless_m4t_v2'],
    cite: 'transformers 5.18 modeling_mbart.py MBartDecoderLayer, modeling_seamless_m4t.py SeamlessM4TDecoderLayer',
    norm: { kind: 'layer' },
    positions: 'elsewhere',
    built: { bias: true, mlpBias: true, plain: true, normBias: true },
  },
  {
    modelTypes: ['bigbird_pegasus'],
    cite: 'transformers 5.18 modeling_bigbird_pegasus.py BigBirdPegasusDecoderLayer: as MBart, biases of attention by use_bias',
    norm: { kind: 'layer' },
    positions: 'elsewhere',
    built: { bias: flag('use_bias'), mlpBias: true, plain: true, normBias: true },
  },
];
