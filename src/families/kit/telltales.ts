/**
 * Keys that hint at a caching mechanism which the family's code does not have: a Llama with `kv_lora_rank`, a Qwen with
 * `cross_layer_kv_sharing`. A config with one has changed its family, and its numbers are no longer certain.
 */

import type { JsonValue } from '../../config/document';
import { HEAD_KEYS, KV_HEAD_KEYS } from '../../config/spellings';
import { wordOf } from './decoder';
import { type ConfigReader, show } from '../../config/reader';

/** Parts of key names that hint at what a layer keeps: sharing, latents, windows, states, patterns of layers. */
const SUSPECT =
  /kv_?(lora|latent|shar|reuse|group|rank|compress|layer|down|cache_(shar|group|layer))|shar\w*_(kv|k_v|attn|attention|layer|cache)|(attn|attention|cache|layer)s?_shar|(^|_)cla($|_)|cross_(layer|attention_layers)|latent(?!s)|compress|(^|_)(ssm|mamba|rwkv|retention|lru|deltanet|kda|gdn|mla|yoco|nsa|dsa|csa|hca|mtla|gla)($|_)|delta_net|linear_(attn|attention|num|key|value|conv|head)|lightning|recurren|state_size|conv_kernel|short_?conv|conv_l_cache|(^|_)sparse_(att|config)|blocksparse|index_(head|n_heads|topk)|indexer|(^|_)(window|chunk|sliding|swa)($|_|s$)|local_(att|layer|win)|window_?(size|len|pattern)|attn_(type|layer|period)|attention_(type|pattern|layer|chunk|window|sink_size)|(layer|block|mixer)s?_(types?|pattern|configs?|kinds?)|hybrid|full_att|global_(att|head|kv|num)|num_global|no_op|qk_(rope|nope)|nope_layer|num_\w*(kv|key_value)\w*_(heads|layers|groups)|(key|value|v|k)_head_dim|block_(types?|configs)|_period$|cache_(size|len|ratio|budget|interval)|evict|merge_(kv|tokens)|tpa_|(q|k|v|kv)_rank|memory_(layers|size|tokens)|ngram_(cache|layers)|ut_steps|(^|_)loops?(_num|_count|s)?$|num_loop|layer_group_size|source_layer_ids?$|index_kpool|mixer_type|^expand_[kv]$|feature_map|^gate_fn$/i;

/** Keys that fit the pattern and say nothing about the cache. */
const HARMLESS =
  /^(attention_(bias|dropout|probs_dropout_prob|softmax_in_fp32|multiplier|in_multiplier|out_multiplier|out_bias|value_scale)|chunk_size_feed_forward|use_cache|attn_implementation|_attn_implementation\w*|\w*attn_logit_softcapping|mlp_layer_types|moe_layer\w*|expert_layer_\w+|indexer_rope_\w+|use_mamba_kernels|share_input_output_layers|mtp_\w+|num_nextn_predict_layers|(\w+_)?(image|video|audio|vision|vit|tokens?)_\w*|cross_attention_hidden_size|add_cross_attention|mamba_(chunk_size|conv_bias|proj_bias|dt_rank|norm\w*|rms_norm\w*|hidden_act|inner_layernorms)|chunk_size|max_window_layers|use_sliding_window|attention_types?|rope_\w+|partial_\w+|original_\w+|pruned_heads|context_window_size|prefill_chunk_size|seconds_per_chunk|for_llm_compressor|\w*moe_\w*latent\w*|latent_moe\w*|\w*_lora|ssm_(in|out)_multiplier|ssm_multipliers|\w+_(alpha|beta)_factor|layernorm_\w+_(alpha|beta)|(speech_)?encoder_\w+|hidden_mamba_act|num_global_tokens|cla_share_factor|quantization_config|\w*lora(_config|_adapter\w*)?|spectral\w*|local_rank)$/;

/** True for values that switch nothing on. */
function idle(value: JsonValue | undefined): boolean {
  if (value === undefined || value === null || value === false || value === 0 || value === -1 || value === '')
    return true;
  if (Array.isArray(value)) return value.every((entry) => idle(entry as JsonValue));
  return typeof value === 'object' && Object.keys(value).length === 0;
}

/** True where a list or word of layers only says "full attention". */
function onlyFull(value: JsonValue | undefined): boolean {
  const words: readonly unknown[] = Array.isArray(value) ? value : [value];
  return words.every((word) => typeof word === 'string' && wordOf(word) === 'full');
}

/** Keys of the config that hint at a mechanism, switch something on, and were not read by the family. */
export function telltales(reader: ConfigReader): readonly string[] {
  const { consulted } = reader.log;
  return reader.keys().filter((key) => {
    const kvHeads = KV_HEAD_KEYS.includes(key);
    if ((!kvHeads && !suspect(key)) || HARMLESS.test(key) || consulted.has(reader.pathOf(key))) return false;
    const value = reader.own(key);
    if (kvHeads) return typeof value === 'number' && !HEAD_KEYS.some((head) => reader.own(head) === value);
    // Some files write the window under two names.
    if (key === 'sliding_window_size' && value === reader.value('sliding_window')) return false;
    return !idle(value) && !onlyFull(value);
  });
}

/** Key names recur between files and between the readings of one hover, so answers are kept, up to this number. */
const MAX_REMEMBERED = 50_000;
const remembered = new Map<string, boolean>();

function suspect(key: string): boolean {
  const known = remembered.get(key);
  if (known !== undefined) return known;
  const answer = SUSPECT.test(key);
  if (remembered.size >= MAX_REMEMBERED) remembered.clear();
  remembered.set(key, answer);
  return answer;
}

/** Notes the telltales; true when there are any. */
export function noteTelltales(reader: ConfigReader, family: string): boolean {
  const found = telltales(reader);
  for (const key of found.slice(0, 5)) {
    reader.log.note(
      `${reader.pathOf(key)} (${show(reader.own(key))}) is not known to ${family}: it may change what is cached`,
      true,
      reader.pathOf(key),
    );
  }
  return found.length > 0;
}
