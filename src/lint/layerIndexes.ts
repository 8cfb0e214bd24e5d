/** Lists of layer numbers: inside the model, each layer once. Most count from 0, Kimi's from 1. */

import { layersRegister } from '../families/register';
import type { ConfigReader } from '../config/reader';
import { type LintContext, numberIn } from './context';

interface IndexList {
  readonly key: string;
  readonly first: 0 | 1;
}

const LISTS: readonly IndexList[] = [
  { key: 'attn_layer_indices', first: 0 },
  { key: 'cross_attention_layers', first: 0 },
  { key: 'full_attn_idxs', first: 0 },
  { key: 'hybrid_layer_ids', first: 0 },
  { key: 'global_layers', first: 0 },
  { key: 'full_attention_layers', first: 0 },
  { key: 'kv_source_layer_ids', first: 0 },
  { key: 'local_layer_ids', first: 0 },
  { key: 'sliding_window_layers', first: 0 },
  { key: 'ple_layer_ids', first: 1 },
];
/** In `linear_attn_config`, counted as the family counts; together they are all layers. */
const LINEAR_LISTS = ['full_attn_layers', 'kda_layers'];

export function lintLayerIndexes(context: LintContext): void {
  const { own, layers, reading } = context;
  lintOffset(context);
  if (!layers) return;
  for (const list of LISTS) lintList(context, own, list, layers.value);
  const linear = own.nested('linear_attn_config');
  if (!linear) return;
  const first = layersRegister.of(reading.modelType)?.linearLayersFrom ?? 1;
  for (const key of LINEAR_LISTS) lintList(context, linear, { key, first }, layers.value);
  lintPartition(context, linear, layers.value, first);
}

function numbersIn(reader: ConfigReader, key: string): readonly number[] {
  const value = reader.own(key);
  return Array.isArray(value) ? value.filter((entry) => typeof entry === 'number') : [];
}

function lintList(context: LintContext, reader: ConfigReader, { key, first }: IndexList, layers: number): void {
  const numbers = numbersIn(reader, key);
  const last = layers - 1 + first;
  const outside = numbers.filter((index) => !Number.isInteger(index) || index < first || index > last);
  if (outside.length > 0) {
    const hint =
      first === 1 && outside.includes(0)
        ? ' (this list counts from 1)'
        : first === 0 && outside.includes(layers)
          ? ' (this list counts from 0)'
          : '';
    const message = `${key} names layer ${outside.slice(0, 5).join(', ')}, but the ${layers} layers are ${first} to ${last}${hint}.`;
    context.report(reader, 'layer-index-out-of-range', 'warning', key, message);
  }
  const seen = new Set<number>();
  const twice = numbers.find((index) => seen.size === seen.add(index).size);
  if (twice !== undefined)
    context.report(reader, 'layer-indexes-overlap', 'warning', key, `${key} names layer ${twice} more than once.`);
}

function lintPartition(context: LintContext, reader: ConfigReader, layers: number, first: 0 | 1): void {
  const full = new Set(numbersIn(reader, 'full_attn_layers'));
  const linear = new Set(numbersIn(reader, 'kda_layers'));
  if (full.size === 0 || linear.size === 0) return;
  const both = [...full].find((index) => linear.has(index));
  if (both !== undefined) {
    context.report(
      reader,
      'layer-indexes-overlap',
      'warning',
      'kda_layers',
      `Layer ${both} is in full_attn_layers and in kda_layers.`,
    );
    return;
  }
  const lost = Array.from({ length: layers }, (_, index) => index + first).filter(
    (index) => !full.has(index) && !linear.has(index),
  );
  if (lost.length === 0) return;
  const message = `Layer ${lost.slice(0, 5).join(', ')} of ${layers} is in neither full_attn_layers nor kda_layers (they count from ${first}).`;
  context.report(reader, 'layer-index-out-of-range', 'warning', 'kda_layers', message);
}

/** Jamba: transformers refuses an offset that the period never reaches. */
function lintOffset(context: LintContext): void {
  const { own } = context;
  const period = numberIn(own, 'attn_layer_period');
  const offset = numberIn(own, 'attn_layer_offset');
  if (period === null || offset === null || offset < period) return;
  const message = `attn_layer_offset ${offset} must be smaller than attn_layer_period ${period}: no layer would have attention.`;
  context.report(own, 'attn-layer-offset', 'error', 'attn_layer_offset', message);
}
