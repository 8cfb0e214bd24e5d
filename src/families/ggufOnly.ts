/**
 * Architectures of llama.cpp that have no lineage here: read from GGUF files alone, under names of their own, and those whose files are read as
 * a model type of another file. What their code caches is `create_memory` of llama-model.cpp and `load_arch_hparams` of each.
 */

import type { GgufFacet, LayersFacet } from './facets';
import { decoderLayers, NO_ATTENTION, repeat, slidingWindow, withLayerSource } from './kit/decoder';
import type { GgufConfig, GgufSource } from './kit/ggufMetadata';
import { ggufHeadWidth } from './kit/ggufKeys';
import { ggufKvHeads, ggufLayers, ggufPerLayer } from './kit/ggufStates';
import { layerCount } from './kit/headLayout';

/** Plain decoders: K and V of every token, inside a window where the file says so. */
const DECODERS = [
  ...['codeshell', 'cogvlm', 'grovemoe', 'maincoder', 'maple', 'plamo3', 'pockettts', 'qwen3tts', 'refact', 'spark2_5'],
  ...['t5encoder', 'talkie'],
];

/** Name of a type that only GGUF files have: a config of the same name may say more than its file. */
const named = (architecture: string): string => `${architecture}-gguf`;

export const layers = (): readonly LayersFacet[] => [
  {
    // An encoder of T5 by itself has a cache, too.
    id: 'gguf-decoder',
    modelTypes: DECODERS.map(named),
    cite: 'llama.cpp v0.5.0 src/llama-model.cpp create_memory and src/models/*.cpp load_arch_hparams',
    llamacpp: { windows: true },
    read: (reader) => ({ layers: decoderLayers(reader, { window: slidingWindow }) }),
  },
  {
    // A drafter that reads the cache of the model that it drafts for; a vocoder that has all of its input at once.
    id: 'gguf-stateless',
    modelTypes: ['gemma4-assistant-gguf', 'wavtokenizer-dec-gguf'],
    cite: 'llama.cpp v0.5.0 src/llama-model.cpp create_memory: layers of ctx_other are shared; no memory',
    read: (reader) => {
      const count = layerCount(reader);
      reader.takeAll();
      return { layers: count ? withLayerSource(repeat(NO_ATTENTION, count.value), count.source) : [] };
    },
  },
];

/** Behind the layers stands a router with one head, whose keys and values are cached with the others'. */
function adaptRouter(config: GgufConfig, source: GgufSource): void {
  const [queryAt, kvAt] = [ggufPerLayer(source, 'attention.head_count'), ggufKvHeads(source)];
  const [query, kv] = [ggufLayers(source, queryAt), ggufLayers(source, kvAt)];
  const width = ggufHeadWidth(source);
  if (query === undefined || kv === undefined || width === undefined) return;
  delete config['num_key_value_heads'];
  config['num_hidden_layers'] = query.length + 1;
  config['num_query_heads'] = [...query, 1];
  config['num_kv_heads'] = [...kv, 1];
  config['head_dim'] = width;
}

/** Where the file has a window and no list of its layers: every `period`-th is full, the first or the last of a period. */
// @__NO_SIDE_EFFECTS__
function period(length: number, first = false): NonNullable<GgufFacet['adapt']> {
  return (config, source) => {
    const window = source.number('attention.sliding_window') ?? 0;
    const given = source.number('attention.sliding_window_pattern');
    delete config['sliding_window_pattern'];
    if (window === 0 || config['layer_types'] !== undefined) return;
    const every = given ?? length;
    const types = ggufLayers(source, (index) => {
      const full = every > 0 && index % every === (first ? 0 : every - 1);
      return full ? 'full_attention' : 'sliding_attention';
    });
    if (types !== undefined) config['layer_types'] = types;
  };
}

/** Leading dense layers keep K and V, the others index keys besides. */
function adaptSparse(config: GgufConfig, source: GgufSource): void {
  const dense = source.number('leading_dense_block_count') ?? 0;
  const types = ggufLayers(source, (index) => (index < dense ? 'full_attention' : 'minimax_m3_sparse'));
  if (types !== undefined) config['layer_types'] = types;
}

/** Full attention in every eighth layer where the file says nothing else, lightning attention in the others. */
function adaptLightning(config: GgufConfig, source: GgufSource): void {
  const recurrent = source.flags('attention.recurrent_layers');
  const interval = source.number('full_attention_interval') ?? 8;
  const types = ggufLayers(source, (index) =>
    Number(recurrent ? !(recurrent[index] ?? false) : (index + 1) % interval === 0),
  );
  if (types !== undefined) config['attn_type_list'] = types;
}

/** dots3-note: latents of another width inside windows, and index keys in full layers. */
function adaptTwoLatents(config: GgufConfig, source: GgufSource): void {
  const [latent, row] = [source.number('attention.kv_lora_rank_swa'), source.number('attention.key_length_swa')];
  const sliding = source.flags('attention.sliding_window_pattern')?.indexOf(true) ?? 0;
  const heads = ggufPerLayer(source, 'attention.head_count')(sliding);
  const window = source.number('attention.sliding_window');
  if (latent !== undefined && row !== undefined) {
    config['swa_kv_lora_rank'] = latent;
    config['swa_qk_rope_head_dim'] = row - latent;
  }
  if (heads !== undefined) config['swa_num_attention_heads'] = heads;
  if (window !== undefined) config['sliding_window_size'] = window;
}

export const gguf = (): readonly GgufFacet[] => [
  ...DECODERS.map((architecture) => ({ architecture, modelType: named(architecture), adapt: period(8) })),
  ...['gemma4-assistant', 'wavtokenizer-dec'].map((architecture) => ({
    architecture,
    modelType: named(architecture),
  })),
  // Heads of each layer, as OpenELM's configs say them.
  { architecture: 'graniteswitch', modelType: 'graniteswitch-gguf', adapt: adaptRouter },
  { architecture: 'arctic', modelType: 'arctic' },
  { architecture: 'deepseek2-ocr', modelType: 'deepseek_ocr2_text' },
  { architecture: 'dots3note', modelType: 'dots3_note', adapt: adaptTwoLatents },
  { architecture: 'hy_v3', modelType: 'hy_v3' },
  { architecture: 'hy_v4', modelType: 'hy_v4' },
  { architecture: 'laguna', modelType: 'laguna', adapt: period(4, true) },
  { architecture: 'llama-embed', modelType: 'llama' },
  { architecture: 'minimax-01', modelType: 'minimax_text_01', adapt: adaptLightning },
  { architecture: 'minimax-m3', modelType: 'minimax_m3_vl_text', adapt: adaptSparse },
  { architecture: 'muse-glimmer', modelType: 'muse_glimmer_text', adapt: period(4) },
  { architecture: 'paddleocr', modelType: 'paddleocr_vl_text' },
  { architecture: 'pangu-embedded', modelType: 'PanguEmbedded' },
];
