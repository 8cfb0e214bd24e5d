/** Decoders of encoder-decoder models: TrOCR and MusicGen, read without an encoder; Dia, whose cross heads are others. */

import type { LayersFacet } from './facets';
import {
  bartDecoder,
  crossDraft,
  DECODER_HEAD_OPTIONS,
  DECODER_LAYERS,
  selfAndCross,
  SOURCE_AS_TARGET,
} from './kit/crossLayers';
import { fullDraft, repeat, withSources } from './kit/decoder';
import { headLayout, layerCount } from './kit/headLayout';

export const layers = (): readonly LayersFacet[] => [
  {
    id: 'cross-decoder',
    modelTypes: ['trocr', 'musicgen_decoder', 'musicgen_melody_decoder'],
    // MusicGen Melody puts what it is given before the tokens, and has no cross attention.
    cite: 'transformers 5.18 models/trocr, models/musicgen MusicgenDecoderLayer, models/musicgen_melody MusicgenMelodyDecoder.forward (cat of encoder_hidden_states and inputs_embeds)',
    read: (reader) => {
      const heads = headLayout(reader, DECODER_HEAD_OPTIONS);
      const count = layerCount(reader, [...DECODER_LAYERS, 'num_hidden_layers']);
      return {
        layers: count && heads ? withSources(repeat(fullDraft(heads), count.value), { layers: count.source }) : [],
      };
    },
  },
  {
    // Grouped heads for the sound so far, heads of another number for the text.
    id: 'dia',
    modelTypes: ['dia_decoder'],
    cite: 'transformers 5.18 models/dia/modeling_dia.py DiaSelfAttention, DiaCrossAttention (cross_num_key_value_heads, cross_head_dim)',
    read: (reader) => {
      const count = layerCount(reader);
      const self = headLayout(reader);
      const cross = headLayout(reader, {
        headKeys: ['cross_num_attention_heads'],
        kvKeys: ['cross_num_key_value_heads'],
        headDimKeys: ['cross_head_dim'],
      });
      reader.consult(['cross_hidden_size']);
      if (!count || !self || !cross) return { layers: [] };
      reader.log.note('guidance runs each sequence twice, with the text and without: count it as two', false);
      reader.log.note(SOURCE_AS_TARGET, false);
      const selfLayers = repeat(fullDraft(self), count.value);
      return { layers: selfAndCross(count, selfLayers, crossDraft(cross, { tokens: 'target' }, null)) };
    },
  },
  {
    // BART's decoder over what a formula looks like.
    id: 'bart',
    modelTypes: ['pp_formulanet'],
    cite: 'transformers 5.18 models/pp_formulanet/modeling_pp_formulanet.py PPFormulaNetDecoderLayer: self and cross attention',
    defaults: { pp_formulanet: { decoder_layers: 8, decoder_attention_heads: 16, d_model: 512 } },
    read: (reader) => bartDecoder(reader),
  },
];
