/** Two keys that each give the pattern of layers, and do not agree. Where both stand, the list counts. */

import { type LayerWord, wordOf } from '../families/kit/decoder';
import { count, type LintContext, numberIn } from './context';

export function lintPattern(context: LintContext): void {
  const words = listedWords(context);
  if (words === null) return;
  for (const key of ['sliding_window_pattern', '_sliding_window_pattern', 'global_attn_every_n_layers'])
    lintPeriod(context, words, key, 'sliding');
  lintPeriod(context, words, 'full_attention_interval', 'linear');
  lintFirstSliding(context, words);
  lintNoRope(context, words);
}

/** `layer_types` in our words; null when there is none that the layers can be compared with. */
function listedWords(context: LintContext): readonly (LayerWord | null)[] | null {
  const list = context.own.own('layer_types');
  if (!Array.isArray(list) || list.length === 0 || list.length !== context.layers?.value) return null;
  return list.map((label) => (typeof label === 'string' ? wordOf(label) : null));
}

/** "Every n-th layer is full": compared by number, since families start the count differently. */
function lintPeriod(context: LintContext, words: readonly (LayerWord | null)[], key: string, other: LayerWord): void {
  const { own } = context;
  const period = count(own, [key]);
  if (!period?.inFile || !words.every((word) => word === 'full' || word === other)) return;
  const full = words.filter((word) => word === 'full').length;
  const expected = words.length / period.value;
  if (full >= Math.floor(expected) && full <= Math.ceil(expected)) return;
  const wanted = Number.isInteger(expected) ? String(expected) : `${Math.floor(expected)} or ${Math.ceil(expected)}`;
  const message = `${key} ${period.value} asks for ${wanted} full-attention layers of ${words.length}, layer_types lists ${full}: layer_types is used.`;
  context.report(own, 'pattern-disagrees', 'warning', key, message);
}

/** Qwen: with the window on, layers from max_window_layers on slide. */
function lintFirstSliding(context: LintContext, words: readonly (LayerWord | null)[]): void {
  const { own } = context;
  const first = numberIn(own, 'max_window_layers');
  if (first === null || own.condition('use_sliding_window') !== true) return;
  const wrong = words.filter((word, index) => (word === 'sliding') !== index >= first).length;
  if (wrong === 0) return;
  const message = `max_window_layers ${first} makes layers from ${first} onward sliding, but layer_types says otherwise for ${wrong} of ${words.length}: layer_types is used.`;
  context.report(own, 'pattern-disagrees', 'warning', 'max_window_layers', message);
}

/** Llama 4: layers with rotary positions (1) attend to their chunk, those without (0) to everything. */
function lintNoRope(context: LintContext, words: readonly (LayerWord | null)[]): void {
  const { own } = context;
  const list = own.own('no_rope_layers');
  if (!Array.isArray(list) || list.length !== words.length || !words.includes('chunked')) return;
  const wrong = words.filter((word, index) => (word === 'chunked') !== (list[index] === 1)).length;
  if (wrong === 0) return;
  const message = `no_rope_layers and layer_types disagree about which layers are chunked (${wrong} of ${words.length} differ): layer_types is used.`;
  context.report(own, 'pattern-disagrees', 'warning', 'no_rope_layers', message);
}
