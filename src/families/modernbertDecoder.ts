/** ModernBERT as a decoder (Ettin): a full layer, then local ones. */

import type { ConfigReader } from '../config/reader';
import { HIDDEN_KEYS } from '../config/spellings';
import type { Sourced } from '../model/spec';
import { flag } from './counted/switches';
import type { Tally } from './counted/tally';
import type { CountsFacet, LayersFacet } from './facets';
import { decoderLayers, slidingWindow } from './kit/decoder';

export const layers = (): readonly LayersFacet[] => [
  {
    id: 'modernbert-decoder',
    modelTypes: ['modernbert-decoder'],
    cite: 'transformers 5.18 models/modernbert_decoder/configuration_modernbert_decoder.py',
    llamacpp: { runs: false },
    read: (reader) => {
      const period = reader.computed(['global_attn_every_n_layers'])?.value ?? 3;
      return {
        layers: decoderLayers(reader, {
          window,
          headDimKeys: [],
          kvKeys: [],
          kindAt: (index) => (index % period === 0 ? 'full' : 'sliding'),
        }),
      };
    },
  },
];

/** Half of `local_attention`: in the encoder that window spans both sides. */
function window(reader: ConfigReader): Sourced<number> | null {
  reader.consult(['local_attention']);
  const given = slidingWindow(reader);
  if (given) return given;
  const local = reader.integer(['local_attention']);
  return (
    local && {
      value: Math.floor(local.value / 2),
      source: { ...local.source, rule: `local_attention ${local.value} ÷ 2` },
    }
  );
}

export const counts = (): readonly CountsFacet[] => [
  {
    modelTypes: ['modernbert-decoder'],
    norms: 2,
    finalNorms: 2,
    bias: flag('attention_bias'),
    mlpBias: flag('mlp_bias'),
    normBias: flag('norm_bias'),
    headBias: flag('decoder_bias', true),
    extra: modernHead,
  },
];

/** T:modernbert_decoder: the head has a projection and a norm, the first layer lacks a norm: the number of norms stays the same. */
function modernHead(config: ConfigReader, tally: Tally): void {
  tally.add(
    'outputHead',
    config.size(HIDDEN_KEYS) * (config.size(HIDDEN_KEYS) + (config.flag(['classifier_bias'], false) ? 1 : 0)),
  );
}
