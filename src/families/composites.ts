/** Models of several models: what holds for a composite type, whatever the type of the language model in it is. */

/** Composites whose decoder looks at an encoder, whatever the decoder's own type is: it gets cross layers. */
export const CROSS_ROOTS: readonly string[] = [
  'encoder-decoder',
  'vision-encoder-decoder',
  'speech-encoder-decoder',
  'musicgen',
];

/** Pairs of any two models: the decoder gets attention to the other that its own class does not have, so it is not counted. */
export const PAIRS: readonly string[] = ['encoder-decoder', 'vision-encoder-decoder', 'speech-encoder-decoder', 'rag'];

/** Of these the class has no say in whether embeddings are tied: the language model's key decides. */
export const TEXT_DECIDES: readonly string[] = [
  'audioflamingo3',
  'musicflamingo',
  'qwen2_audio',
  'vibevoice_asr',
  'voxtral',
  'nemotron_h_omni',
];

/** Of these the root takes over the language model's key of tied embeddings where it has none itself. */
export const FOLLOW_TEXT: readonly string[] = [
  'fast_vlm',
  'glm4v',
  'glm4v_moe',
  'glm_ocr',
  'hunyuan_vl',
  'llama4',
  'llava',
  'llava_next_video',
  'llava_onevision',
  'minimax_m3_vl',
  'perception_lm',
  'qwen2_vl',
  'qwen2_5_vl',
  'video_llama_3',
];

/** Composites that complete a nested object which leaves keys out with values of their own; the others leave that to its class. */
export const COMPLETING: readonly string[] = ['voxtral', 'glmasr'];
