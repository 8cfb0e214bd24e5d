/** Models that contain other models: rules of a composite type, whatever language model is inside. */

/** Composites whose decoder attends to an encoder: it gets cross layers, whatever its own type. */
export const CROSS_ROOTS: readonly string[] = [
  'encoder-decoder',
  'vision-encoder-decoder',
  'speech-encoder-decoder',
  'musicgen',
];

/** Pairs of any two models: the decoder gets cross attention that its own class does not have, so that is not counted. */
export const PAIRS: readonly string[] = ['encoder-decoder', 'vision-encoder-decoder', 'speech-encoder-decoder', 'rag'];

/** Here the composite's class does not decide whether embeddings are tied: the language model's key does. */
// biome-ignore format: names fill their lines
export const TEXT_DECIDES: readonly string[] = [
  'audioflamingo3', 'musicflamingo', 'qwen2_audio', 'vibevoice_asr', 'voxtral', 'nemotron_h_omni',
];

/** Here the root inherits the language model's key for tied embeddings where it has none itself. */
// biome-ignore format: names fill their lines
export const FOLLOW_TEXT: readonly string[] = [
  'fast_vlm', 'glm4v', 'glm4v_moe', 'glm_ocr', 'hunyuan_vl', 'llama4', 'llava', 'llava_next_video',
  'llava_onevision', 'minimax_m3_vl', 'perception_lm', 'qwen2_vl', 'qwen2_5_vl', 'video_llama_3',
];

/** Composites that fill in absent keys of a nested object with their own values; in others the nested class does. */
export const COMPLETING: readonly string[] = ['voxtral', 'glmasr'];

/** Drafters: every layer reads the cache of the model that they draft for, and keeps nothing (T:gemma4_assistant). */
export const DRAFTER_ROOTS: readonly string[] = ['gemma4_assistant', 'gemma4_unified_assistant'];
