/** What is known by name and cannot be said in bytes by a config alone: each layer is named as not known, with the reason. */

import type { LayersFacet } from './facets';
import { repeat, unknownDraft } from './kit/decoder';
import { layerCount } from './kit/headLayout';

const STREAM = 'an audio stream, of which every layer keeps a window';
const SERIES = 'a time-series decoder, not a text model';
const BYTES = 'bytes and patches of bytes: the text decides how many patches there are';
const LSTM = 'the state of a prediction network (LSTM)';

/** Model type -> what its layers keep. */
const KEPT: Readonly<Record<string, string>> = {
  reformer: 'hidden states and hash buckets of all tokens (LSH attention)',
  xlnet: 'hidden states of earlier tokens (mems), and the predicted token twice',
  cpmant: 'rows of a prompt (prompt_length) that the model puts before the tokens',
  bark: 'three decoders, one after the other',
  rag: 'the generator of a retriever–generator pair',
  blt: BYTES,
  blt_local_decoder: BYTES,
  blt_local_encoder: BYTES,
  blt_global_transformer: BYTES,
  autoformer: SERIES,
  informer: SERIES,
  time_series_transformer: SERIES,
  mimi: STREAM,
  voxtral_realtime_encoder: STREAM,
  nemotron3_5_asr: STREAM,
  nemotron_asr_streaming: STREAM,
  nemotron_asr_streaming_encoder: STREAM,
  jet_nemotron: 'jet blocks, whose convolution SGLang keeps wider than the model needs',
  moss_vl_text: 'cross layers over the frames of a video',
  pangu_pro_moe_v2: 'keys and values that the model adds as parameters, before the tokens',
  rnj1: 'chunked attention that also sees the previous chunk',
  parakeet_rnnt: LSTM,
  parakeet_tdt: LSTM,
};

export const layers = (): readonly LayersFacet[] => [
  {
    id: 'refused',
    modelTypes: Object.keys(KEPT),
    cite: 'transformers 5.18: models/reformer ReformerDynamicCache, models/xlnet cache_mem, models/cpmant CpmAntModel.forward, models/blt BltModel.forward, models/bark, models/mimi MimiTransformerModel, models/parakeet ParakeetRNNTDecoderCache; SGLang models/jet_nemotron.py, moss_vl.py; vLLM models/rnj1.py chunk_lookback',
    read: (reader, modelType) => {
      reader.takeAll();
      const count = layerCount(reader)?.value ?? 1;
      return { layers: repeat(unknownDraft(KEPT[modelType] ?? modelType), count) };
    },
  },
];
