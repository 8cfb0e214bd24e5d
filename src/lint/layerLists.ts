/** Lists with one entry per layer: as long as there are layers. */

import type { JsonValue } from '../config/document';
import { type LintContext, plural, setKey } from './context';

/** Lists (or strings of letters) with one entry per layer, beyond `layer_types`, which the reading checks. */
// biome-ignore format: names fill their lines
const PER_LAYER = [
  'no_rope_layers', 'attn_type_list', 'hybrid_layer_pattern', 'indexer_types', 'num_key_value_heads_per_layer',
  'block_configs', 'layers_block_type', 'hybrid_override_pattern', 'compress_ratios', 'num_kv_heads',
  'num_query_heads',
];
/** An entry more is one for the multi-token-prediction layer. */
const DRAFT_KEYS = [
  'num_nextn_predict_layers',
  'num_mtp_layers',
  'mtp_num_hidden_layers',
  'mtp_num_layers',
  'num_mtp_modules',
];
/** Nemotron-H takes the number of layers from these. */
const GIVES_COUNT = ['hybrid_override_pattern'];

export function lintLayerLists(context: LintContext): void {
  const { own, layers } = context;
  if (!layers) return;
  for (const key of PER_LAYER) {
    const value = own.own(key);
    const length = lengthOf(value);
    if (length === null || length === 0 || length === layers.value) continue;
    if (length > layers.value && length <= layers.value + draftLayers(context, key)) continue;
    const short = length < layers.value;
    const counts = GIVES_COUNT.includes(key);
    const consequence = counts
      ? 'transformers uses its length as the number of layers'
      : short
        ? 'the last layers have none'
        : 'the last entries are ignored';
    context.report(
      own,
      'layer-list-length',
      short && !counts ? 'error' : 'warning',
      key,
      `${key} has ${plural(length, 'entry').replace('entrys', 'entries')} for ${plural(layers.value, 'layer')}: ${consequence}.`,
      counts && layers.inFile ? setKey(own, layers.key, length) : undefined,
    );
  }
}

function lengthOf(value: JsonValue | undefined): number | null {
  if (Array.isArray(value)) return value.length;
  return typeof value === 'string' && /^[A-Za-z*+\-|]+$/.test(value) ? value.replaceAll('|', '').length : null;
}

function draftLayers(context: LintContext, key: string): number {
  const given = DRAFT_KEYS.map((name) => context.own.value(name)).find((value) => typeof value === 'number');
  return Math.max(key === 'compress_ratios' ? 1 : 0, typeof given === 'number' ? given : 0);
}
