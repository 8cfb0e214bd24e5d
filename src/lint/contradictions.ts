/** One thing said twice, differently: two spellings, two levels, two dtypes. */

import { parseElementDtype } from '../model/dtype';
import { HEAD_DIM_KEYS, HEAD_KEYS, KV_HEAD_KEYS, LAYER_KEYS } from '../config/spellings';
import type { ConfigReader } from '../config/reader';
import { type LintContext, numberIn, removeKey } from './context';

/** Spellings that mean the same in every family; `num_heads` and `decoder_layers` do not. */
const SAME: readonly { readonly keys: readonly string[]; readonly factor: string | null }[] = [
  { keys: KV_HEAD_KEYS, factor: 'kvHeads' },
  { keys: ['num_attention_heads', 'n_head', 'n_heads'], factor: 'queryHeads' },
  { keys: ['num_hidden_layers', 'n_layer', 'n_layers'], factor: 'layers' },
  { keys: ['hidden_size', 'n_embd', 'd_model'], factor: null },
];

export function lintContradictions(context: LintContext): void {
  for (const { keys, factor } of SAME) lintSpellings(context, keys, factor);
  lintLevels(context);
  lintDtypes(context);
}

function lintSpellings(context: LintContext, keys: readonly string[], factor: string | null): void {
  const { own, reading } = context;
  const present = keys.filter((key) => numberIn(own, key) !== null);
  if (present.length < 2) return;
  const used = factor === null ? [] : reading.spec.layers.map((layer) => layer.sources[factor]?.key);
  const counts = factor === null ? present[0] : present.find((key) => used.includes(own.pathOf(key)));
  // Where none counts (MLA, multi-query) there is another problem to report.
  if (counts === undefined) return;
  for (const key of present) {
    if (key === counts || numberIn(own, key) === numberIn(own, counts)) continue;
    const message = `${key} ${numberIn(own, key)} and ${counts} ${numberIn(own, counts)} are two names for the same number: ${counts} is used.`;
    context.report(own, 'spellings-disagree', 'warning', key, message, removeKey(own, key));
  }
}

/** Keys of which a multimodal root should not have another value than its language model. */
const LEVEL_KEYS = [
  ...LAYER_KEYS,
  ...HEAD_KEYS,
  ...KV_HEAD_KEYS,
  ...HEAD_DIM_KEYS,
  'kv_lora_rank',
  'sliding_window',
  'num_kv_shared_layers',
];

function lintLevels(context: LintContext): void {
  const { own, root, reading } = context;
  // Only where we know which of the two is the language model: CLAP's root counts other layers.
  if (own.path.length === 0 || reading.spec.family === null) return;
  const name = own.path.join('.');
  for (const key of LEVEL_KEYS) {
    const outer = numberIn(root, key);
    const inner = numberIn(own, key);
    if (outer === null || inner === null || outer === inner) continue;
    context.report(
      root,
      'nested-disagrees',
      'warning',
      key,
      `${key} is ${outer} here and ${inner} in ${name}: the language model is described in ${name}, so ${inner} is used.`,
    );
  }
}

/** `dtype` is the name since transformers 4.56, `torch_dtype` the one before; where both stand, newer code takes dtype. */
function lintDtypes(context: LintContext): void {
  const { own, root } = context;
  for (const reader of own.path.length === 0 ? [root] : [root, own]) {
    const [older, newer] = [dtypeIn(reader, 'torch_dtype'), dtypeIn(reader, 'dtype')];
    if (older === null || newer === null || older === newer) continue;
    const message = `torch_dtype is ${older} and dtype is ${newer}: older and newer code would use different types.`;
    context.report(reader, 'dtype-disagrees', 'warning', 'torch_dtype', message, removeKey(reader, 'torch_dtype'));
  }
  if (own.path.length === 0) return;
  const keys = ['dtype', 'torch_dtype'];
  const outer = keys.find((key) => dtypeIn(root, key) !== null);
  const inner = keys.find((key) => dtypeIn(own, key) !== null);
  if (outer === undefined || inner === undefined || dtypeIn(root, outer) === dtypeIn(own, inner)) return;
  const message = `${inner} of ${own.path.join('.')} is ${dtypeIn(own, inner) ?? ''}, that of the root is ${dtypeIn(root, outer) ?? ''}: Headlight uses the root’s.`;
  context.report(own, 'dtype-disagrees', 'information', inner, message);
}

function dtypeIn(reader: ConfigReader, key: string): string | null {
  const value = reader.own(key);
  return typeof value === 'string' ? parseElementDtype(value) : null;
}
