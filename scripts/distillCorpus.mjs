// Makes test/fixtures/corpus.json: tiny configs, and what executing them with transformers 5.18 left in the cache.
// usage: node scripts/distillCorpus.mjs FOLDER   (FOLDER: one JSON per case: model_type, config, tokens, cache_layers, module_states)
//
// transformers' cache is turned into the intrinsic rule's terms:
// - a sliding or chunked layer shows window - 1 tokens; elements per token and the window are kept, not the count;
// - latent attention shows the latent as K and the rotary key as V: kept as k and v;
// - DeepSeek-V4's sliding layers keep one vector twice: v = 0; of its compressed layers the entry, the index key and the kind are kept;
// - Falcon's new decoder repeats K and V for all query heads: divided back to num_kv_heads;
// - GPT-Neo keeps all tokens in local layers: given their window;
// - layers that read an earlier layer's cache are absent from transformers' list: absent here;
// - RecurrentGemma keeps its state in the modules: taken from there; MiniMax's linear states are not shown: "?";
// - RWKV and xLSTM keep one object for all layers: split;
// - source tokens of cross attention are a choice of the run: not kept.
// Left out: files that transformers refuses, and keys that its classes ignore though published files mean them (CLA, hybrid_layer_pattern,
// attn_type_list, multiquery MPT, _block_types).
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const folder = process.argv[2];
if (!folder) throw new Error('usage: node scripts/distillCorpus.mjs FOLDER');
const target = fileURLToPath(new URL('../test/fixtures/corpus.json', import.meta.url));
const IGNORED_BY_CLASSES =
  /^(hunyuan_v1_(dense|moe)--cla|mimo_v2_flash--hybrid-pattern|minimax--attn-type-list|mpt--multiquery|recurrent_gemma--underscore-block-types)\.json$/;
/** Keys that say nothing about the cache, in any family. */
const NOISE =
  /(_token_id|_token_index|eps|_act|activation\w*|dropout|dtype|architectures|rope_\w+|^rope|transformers_version|initializer\w*|vocab\w*|_bias|^bias|norm\w*|tie_\w+|intermediate\w*|ffn\w*|experts\w*|router\w*|scaling\w*|scale\w*|multiplier\w*|topk_(group|method)|n_group|max_position_embeddings|softcapping|aux_loss|routed\w*|image_\w+|video_\w+|audio_\w+|vision_config|encoder_config|projector\w*|time_step\w*|chunk_size|suppress\w*|_ids?$|_name_or_path|init_std|use_cache|pretraining_tp|hc_\w+|seed|resampler\w*|aligner\w*|protein\w*)$/;
const KEPT =
  /^(qk_rope_head_dim|no_rope_\w+|attention_chunk_size|layer_types|indexer_types|ple_layer_ids|local_layer_ids|full_attn_idxs|attn_layer_indices|hidden_size|head_dim|use_bidirectional_attention|num_experts_per_tok|layers_block_type|attention_types|moe_topk|embed_dim)$/;

const product = (shape) => shape.reduce((all, size) => all * size, 1);

function stripped(config, top = true) {
  const kept = {};
  for (const [key, value] of Object.entries(config)) {
    // Mamba 1 takes its inner width from intermediate_size.
    if (key === 'intermediate_size' && /mamba$/.test(config.model_type)) kept[key] = value;
    if (!KEPT.test(key) && key !== 'model_type' && NOISE.test(key) && !(top && key === 'architectures')) continue;
    const nested = value !== null && typeof value === 'object' && !Array.isArray(value);
    if (nested && /^(encoder|generator)$|vision|audio|acoustic|codec|qformer/.test(key)) continue;
    kept[key] = nested ? stripped(value, false) : value;
  }
  return kept;
}

/** One layer as text: "k32 v32 w16 i12 x c128 r512". */
function layerText(layer, { config, model_type: type }, index) {
  const parts = [];
  const shape = (name) => layer.states?.[name]?.shape;
  const text = config.text_config ?? config;
  const { k_shape: k, v_shape: v } = layer;
  if (k) {
    let [keys, values] = [k[1] * k[3], v ? v[1] * v[3] : 0];
    if (type === 'falcon' && config.new_decoder_architecture) {
      const kv = config.num_kv_heads ?? config.num_attention_heads;
      [keys, values] = [(keys / k[1]) * kv, (values / k[1]) * kv];
    }
    if (layer.v_is_k || (type === 'deepseek_v4' && keys === values)) values = 0;
    parts.push(`k${keys}`, `v${values}`);
    if (layer.sliding_window) parts.push(`w${layer.sliding_window}`);
    const types = config.attention_types?.flatMap(([words, times]) => new Array(times).fill(words).flat());
    if (type === 'gpt_neo' && (types?.[index] ?? (index % 2 ? 'local' : 'global')) === 'local')
      parts.push(`w${config.window_size ?? 256}`);
    if (layer.part === 'cross') parts.push('x');
  }
  const index_ = shape('indexer_keys') ?? shape('idx_keys');
  if (index_) parts.push(`i${shape('indexer_keys') ? product(index_) / index_[1] : index_[1] * index_[3]}`);
  if (shape('compressed_kv.indexer') || layer.class === 'DeepseekV4CSACache')
    parts.push(`i${text.index_head_dim}`, 'csa');
  if (layer.class === 'DeepseekV4HCACache') parts.push('hca');
  let [conv, recurrent] = [0, 0];
  for (const [name, state] of Object.entries(layer.states ?? {})) {
    if (name.startsWith('conv_states')) conv += product(state.shape);
    if (name.startsWith('recurrent_states')) recurrent += product(state.shape);
  }
  if (conv) parts.push(`c${conv}`);
  if (recurrent) parts.push(`r${recurrent}`);
  if (type === 'minimax' && !k) parts.push('?');
  return parts.join(' ');
}

function layerTexts(entry) {
  const { cache_layers: layers, model_type: type, module_states: modules } = entry;
  if (type === 'rwkv') {
    const [width, count] = layers[0].states['cache.0'].shape.slice(1);
    return new Array(count).fill(`c${2 * width} r${3 * layers[0].states['cache.2'].shape[1]}`);
  }
  if (type === 'xlstm') {
    const sums = [];
    for (const [name, state] of Object.entries(layers[0].states)) {
      const found = /rnn_state\.(\d+)\./.exec(name);
      if (found) sums[found[1]] = (sums[found[1]] ?? 0) + product(state.shape);
    }
    return sums.map((sum) => `r${sum}`);
  }
  if (layers[0]?.class === 'list' || layers[0]?.class === 'tuple') return null;
  // MiniMax's list ends with its last full layer.
  const missing = type === 'minimax' ? Math.max(0, entry.config.num_hidden_layers - layers.length) : 0;
  return [...layers, ...new Array(missing).fill({})].map((layer, index) => {
    if (type !== 'recurrent_gemma' || layer.k_shape) return layerText(layer, entry, index);
    const state = (name) => modules?.[`model.layers.${index}.temporal_block.${name}`];
    const [conv, recurrent] = [state('conv1d_state'), state('rg_lru.recurrent_states')];
    return conv && recurrent ? `c${product(conv.shape)} r${product(recurrent.shape)}` : '?';
  });
}

/** Same texts in a row once, with their number. */
function runs(texts) {
  const out = [];
  for (const text of texts) {
    const last = out.at(-1);
    if (last?.[0] === text) last[1]++;
    else out.push([text, 1]);
  }
  return out.map(([text, times]) => (times === 1 ? text : `${times}× ${text}`)).join(' | ');
}

/** Changes that make `config` of `base`: [path, value], or [path] for a key that goes. */
function changes(base, config, path = []) {
  const out = [];
  const object = (value) => value !== null && typeof value === 'object' && !Array.isArray(value);
  for (const key of new Set([...Object.keys(base), ...Object.keys(config)])) {
    const at = [...path, key].join('/');
    if (!(key in config)) out.push([at]);
    else if (object(base[key]) && object(config[key])) out.push(...changes(base[key], config[key], [...path, key]));
    else if (JSON.stringify(base[key]) !== JSON.stringify(config[key])) out.push([at, config[key]]);
  }
  return out;
}

const types = {};
const seen = new Set();
let [cases, refused] = [0, 0];
for (const name of readdirSync(folder)
  .filter((file) => file.endsWith('.json'))
  .sort((a, b) => (a.includes('--base') ? 0 : 1) - (b.includes('--base') ? 0 : 1) || (a < b ? -1 : 1))) {
  if (IGNORED_BY_CLASSES.test(name)) continue;
  const entry = JSON.parse(readFileSync(join(folder, name), 'utf8').replace(/-?Infinity|\bNaN\b/g, '1e999'));
  if (!entry.cache_layers) {
    refused++;
    continue;
  }
  const texts = layerTexts(entry);
  if (!texts) continue;
  const config = stripped(entry.config);
  const layers = runs(texts);
  const id = JSON.stringify([config, layers]);
  if (seen.has(id)) continue;
  seen.add(id);
  const type = (types[entry.model_type] ??= { base: config, cases: [] });
  type.cases.push([name.replace(/^.*--|\.json$/g, ''), changes(type.base, config), layers]);
  cases++;
}
const lines = Object.entries(types)
  .sort(([a], [b]) => (a < b ? -1 : 1))
  .map(
    ([type, { base, cases: list }]) =>
      `  ${JSON.stringify(type)}: {"base":${JSON.stringify(base)},"cases":[\n    ${list.map((item) => JSON.stringify(item)).join(',\n    ')}\n  ]}`,
  );
const text = `{\n${lines.join(',\n')}\n}\n`;
writeFileSync(target, text);
console.log(
  `${cases} cases of ${Object.keys(types).length} types, ${refused} refused by transformers, ${text.length} characters`,
);
