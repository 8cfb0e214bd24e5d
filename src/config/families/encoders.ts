import type { Family } from '../family';
import { headLayout, layerCount, missing } from '../heads';
import { fullDraft, NO_ATTENTION, repeat, unknownDraft, withSources } from '../layers';
import { crossDraft, selfAndCross } from './encoderDecoder';

const LAYERS = ['num_hidden_layers', 'n_layers', 'n_layer', 'num_layers', 'encoder_layers', 'depth', 'layers'];

/** Encoders whose class can be a decoder (`is_decoder: true`), with plain multi-head attention. */
const DECODER_FORM: readonly string[] = [
  'bert',
  'bert-generation',
  'roberta',
  'xlm-roberta',
  'xlm-roberta-xl',
  'camembert',
  'electra',
  'ernie',
  'megatron-bert',
  'rembert',
  'roformer',
  'data2vec-text',
  'roberta-prelayernorm',
  'xmod',
  'roc_bert',
  'big_bird',
];

/** Models that see all of their input at once: there is nothing to keep. */
export const encoders: Family = {
  id: 'encoders',
  modelTypes: [
    ...DECODER_FORM,
    'aimv2_text_model',
    'albert',
    'align_text_model',
    'altclip_text_model',
    'beit',
    'bros',
    'canine',
    'chinese_clip_text_model',
    'clap_text_model',
    'clip_text_model',
    'clip_vision_model',
    'clipseg_text_model',
    'clvp_encoder',
    'convbert',
    'data2vec-audio',
    'data2vec-vision',
    'deberta',
    'deberta-v2',
    'deit',
    'dinov2',
    'dinov2_with_registers',
    'dinov3_vit',
    'distilbert',
    'dpr',
    'esm',
    'esmc',
    'eurobert',
    'flaubert',
    'flava_text_model',
    'fnet',
    'funnel',
    'groupvit_text_model',
    'gte',
    'hubert',
    'ibert',
    'ijepa',
    'jina_embeddings_v3',
    'layoutlm',
    'layoutlmv2',
    'layoutlmv3',
    'lilt',
    'longformer',
    'luke',
    'lxmert',
    'metaclip_2_text_model',
    'mobilebert',
    'modernbert',
    'mpnet',
    'mra',
    'nomic_bert',
    'nystromformer',
    'openai_privacy_filter',
    'owlv2_text_model',
    'owlvit_text_model',
    'pixtral',
    'siglip_text_model',
    'siglip_vision_model',
    'siglip2_text_model',
    'siglip2_vision_model',
    'splinter',
    'squeezebert',
    'tapas',
    'tipsv2_text_model',
    'unispeech',
    'unispeech-sat',
    'vilt',
    'visual_bert',
    'vit',
    'vit_mae',
    'vit_msn',
    'videomae',
    'wav2vec2',
    'wav2vec2-bert',
    'wav2vec2-conformer',
    'wavlm',
    'xclip_text_model',
    'xlm',
    'yolos',
    'yoso',
    'neobert',
    'audio-spectrogram-transformer',
    'sew',
    'sew-d',
    'swin',
    'swinv2',
  ],
  cite: 'transformers 5.18: no cache without is_decoder; models/openai_privacy_filter is bidirectional',
  read: (reader, modelType) => {
    // A bidirectional model may carry the keys of the decoder that it was made from.
    reader.consult(reader.keys());
    const count = layerCount(reader, LAYERS);
    if (!reader.flag(['is_decoder'], modelType === 'bert-generation')) {
      const source = reader.derived('an encoder: sees all of its input at once, keeps nothing');
      return {
        layers: withSources(repeat(NO_ATTENTION, count?.value ?? 1), {
          kind: source,
          ...(count ? { layers: count.source } : {}),
        }),
      };
    }
    if (!count) {
      missing(reader, 'the number of layers', 'num_hidden_layers');
      return { layers: [] };
    }
    const heads = DECODER_FORM.includes(modelType) ? headLayout(reader, { kvKeys: [], headDimKeys: [] }) : null;
    if (!heads) return { layers: repeat(unknownDraft(`${modelType} as a decoder`), count.value) };
    const self = withSources(repeat(fullDraft(heads), count.value), {
      layers: count.source,
      kind: reader.source('is_decoder'),
    });
    if (!reader.flag(['add_cross_attention'], false)) return { layers: self };
    return {
      layers: selfAndCross(count, self, crossDraft(heads, { tokens: 'target' }, reader.source('add_cross_attention'))),
    };
  },
};
