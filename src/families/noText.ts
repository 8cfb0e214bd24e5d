/** Models that generate no text: encoders, and models of images, sound and series. Nothing of them grows with the tokens. */

import { encoderOf, WHOLE_INPUT } from './encoders';
import type { LayersFacet } from './facets';

/** They see all of their input at once. */
const ENCODERS = `
  aimv2_text_model albert align_text_model altclip_text_model audio-spectrogram-transformer beit bridgetower
  bridgetower_text_model bros canine chinese_clip_text_model clap_text_model clip_text_model clip_vision_model
  clipseg_text_model clvp_encoder convbert data2vec-audio data2vec-vision deberta deberta-v2 deit dinov2
  dinov2_with_registers dinov3_vit distilbert dpr esm esmc esmfold2 eurobert flaubert flava_text_model fnet funnel
  groupvit_text_model gte hubert ibert ijepa jina_embeddings_v3 layoutlm layoutlmv2 layoutlmv3 layoutxlm lilt
  llama_bidirec longformer luke lxmert markuplm metaclip_2_text_model mobilebert modernbert mpnet mra neobert neomme
  new nomic_bert nystromformer openai_privacy_filter owlv2_text_model owlvit_text_model perceiver pixtral
  sam3_lite_text_text_model sew sew-d siglip2_text_model siglip2_vision_model siglip_text_model siglip_vision_model
  splinter squeezebert swin swinv2 t5gemma2_text tapas tipsv2_text_model unispeech unispeech-sat videomae
  videoprism_text_model vilt visual_bert vit vit_mae vit_msn wav2vec2 wav2vec2-bert wav2vec2-conformer wavlm
  xclip_text_model xlm yolos yoso`;

/** Of these nothing is kept, or what does not grow. */
const NO_TEXT = `
  bit chmv2 conditional_detr convnext convnextv2 cvt d_fine dab-detr dac decision_transformer deformable_detr deimv2
  depth_anything depth_pro detr dinat dinov3_convnext donut-swin dpt edgetam edgetam_video efficientloftr
  efficientnet encodec eomt eomt_dinov3 fastspeech2_conformer fastspeech2_conformer_with_hifigan focalnet glpn
  granite_speech5_ctc hgnet_v2 hiera higgs_audio_v2_tokenizer lasr_ctc levit lightglue lw_detr mask2former
  maskformer mgp-str mlcd mlcd_vision_model mobilenet_v1 mobilenet_v2 mobilevit mobilevitv2 nemotron3_diarization neucodec oneformer
  parakeet_ctc patchtsmixer patchtst pe_audio_video pe_video pixio poolformer pp_doclayout_v2 pp_doclayout_v3
  pp_lcnet pp_lcnet_v3 pp_lcnet_v4 pp_ocrv5_mobile_det pp_ocrv5_mobile_rec pp_ocrv5_server_det pp_ocrv5_server_rec
  pp_ocrv6_medium_det pp_ocrv6_small_det pp_ocrv6_small_rec pp_ocrv6_tiny_rec prompt_depth_anything pvt pvt_v2 radio
  regnet resnet rf_detr rt_detr rt_detr_v2 sam sam2 sam2_video sam3_lite_text sam3_tracker sam3_tracker_video
  sam3_video sam_hq sapiens2 segformer seggpt slanet slanext superglue superpoint swiftformer swin2sr
  table-transformer textnet timesfm timesfm2_5 timesformer timm_wrapper tipsv2_dpt tvp univnet upernet uvdoc
  vibevoice_acoustic_tokenizer videomt videoprism vitdet vitmatte vitpose vits vivit vjepa2 xcodec xcodec2 zoedepth`;

const CITE = 'transformers 5.18 models/: no keys and values are kept from one call to the next';

const words = (text: string): readonly string[] => text.trim().split(/\s+/);

export const layers = (): readonly LayersFacet[] => [
  { id: 'encoders', modelTypes: words(ENCODERS), cite: CITE, read: (reader) => encoderOf(reader, WHOLE_INPUT) },
  {
    id: 'no-text',
    modelTypes: words(NO_TEXT),
    cite: CITE,
    read: (reader) =>
      encoderOf(reader, 'generates no text: nothing grows with the tokens', 'not a text model (no KV cache)'),
  },
];
