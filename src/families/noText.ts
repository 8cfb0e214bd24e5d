/** Models that generate no text: of images, sound and series. They see all of their input at once, or keep what does not grow. */

import { encoderOf } from './encoders';
import type { LayersFacet } from './facets';

const TYPES = `
  aimv2_text_model albert align_text_model altclip_text_model audio-spectrogram-transformer beit bit bridgetower
  bros canine chinese_clip_text_model chmv2 clap_text_model clip_text_model clip_vision_model clipseg_text_model
  clvp_encoder conditional_detr convbert convnext convnextv2 cvt d_fine dab-detr dac data2vec-audio
  data2vec-vision deberta deberta-v2 deformable_detr deimv2 deit depth_anything depth_pro detr dinat dinov2
  dinov2_with_registers dinov3_convnext dinov3_vit distilbert donut-swin dpr dpt edgetam edgetam_video
  efficientloftr efficientnet encodec eomt eomt_dinov3 esm esmc eurobert fastspeech2_conformer
  fastspeech2_conformer_with_hifigan flaubert flava_text_model fnet focalnet funnel glpn granite_speech5_ctc
  groupvit_text_model gte hgnet_v2 hiera higgs_audio_v2_tokenizer hubert ibert ijepa jina_embeddings_v3 lasr_ctc
  layoutlm layoutlmv2 layoutlmv3 levit lightglue lilt llama_bidirec longformer luke lw_detr lw_detr_vit lxmert
  markuplm mask2former maskformer maskformer-swin metaclip_2_text_model mgp-str mlcd mobilebert mobilenet_v1
  mobilenet_v2 mobilevit mobilevitv2 modernbert mpnet mra new nemotron3_diarization neobert neomme neucodec nomic_bert
  nystromformer oneformer openai_privacy_filter owlv2_text_model owlvit_text_model parakeet_ctc patchtsmixer
  patchtst pe_audio_video pe_video perceiver pixio pixtral poolformer pp_doclayout_v2 pp_doclayout_v3 pp_lcnet
  pp_lcnet_v3 pp_lcnet_v4 pp_ocrv5_mobile_det pp_ocrv5_mobile_rec pp_ocrv5_server_det pp_ocrv5_server_rec
  pp_ocrv6_medium_det pp_ocrv6_small_det pp_ocrv6_small_rec pp_ocrv6_tiny_rec prompt_depth_anything pvt pvt_v2
  radio regnet resnet rf_detr rf_detr_dinov2 rt_detr rt_detr_resnet rt_detr_v2 sam sam2 sam2_video sam3_lite_text
  sam3_tracker sam3_tracker_video sam3_video sam_hq sapiens2 segformer seggpt sew sew-d siglip2_text_model
  siglip2_vision_model siglip_text_model siglip_vision_model slanet slanext splinter squeezebert superglue
  bridgetower_text_model esmfold2 layoutxlm mlcd_vision_model sam3_lite_text_text_model t5gemma2_text videoprism_text_model
  superpoint swiftformer swin swin2sr swinv2 table-transformer tapas textnet timesfm timesfm2_5 timesformer
  timm_backbone timm_wrapper tipsv2_dpt tipsv2_text_model tipsv2_vision_model tvp unispeech unispeech-sat univnet
  upernet uvdoc uvdoc_backbone vibevoice_acoustic_tokenizer videomae videomt videoprism videoprism_vision_model
  vilt visual_bert vit vit_mae vit_msn vitdet vitmatte vitpose vitpose_backbone vits vivit vjepa2 wav2vec2
  wav2vec2-bert wav2vec2-conformer wavlm xclip_text_model xcodec xcodec2 xlm yolos yoso zoedepth`;

export const layers = (): readonly LayersFacet[] => [
  {
    id: 'no-text',
    modelTypes: TYPES.trim().split(/\s+/),
    cite: 'transformers 5.18 models/: none of their classes takes past_key_values when it is run',
    read: (reader) => encoderOf(reader, 'no text is generated: nothing grows with the tokens'),
  },
];
