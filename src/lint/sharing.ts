/** Layers that use the cache of another one: it must exist. */

import { show } from '../config/reader';
import { DRAFTER_ROOTS } from '../families/composites';
import { numberIn, plural, removeKey, type LintContext } from './context';

export function lintSharing(context: LintContext): void {
  lintShared(context);
  lintCla(context);
}

/** Gemma 3n and 4: the last n layers use the last cache of their own kind before them. */
function lintShared(context: LintContext): void {
  const { own, layers, reading } = context;
  // A drafter shares all of them, with its target.
  if (DRAFTER_ROOTS.includes(reading.spec.modelType)) return;
  const shared = numberIn(own, 'num_kv_shared_layers');
  if (shared === null || shared < 1 || !layers) return;
  const report = (severity: 'error' | 'warning', message: string): void =>
    context.report(own, 'kv-sharing-range', severity, 'num_kv_shared_layers', message);
  if (shared === layers.value)
    report('error', `num_kv_shared_layers ${shared} covers every layer: no layer is left whose cache could be shared.`);
  // transformers then shares nothing at all.
  else if (shared > layers.value)
    report(
      'warning',
      `num_kv_shared_layers ${shared} is more than the ${plural(layers.value, 'layer')}: nothing is shared.`,
    );
  else {
    const list = own.own('layer_types');
    if (!Array.isArray(list) || list.length !== layers.value) return;
    const before = new Set(list.slice(0, layers.value - shared));
    const lost = list.slice(layers.value - shared).find((label) => !before.has(label));
    if (lost !== undefined)
      report(
        'error',
        `The last ${shared} layers share caches, but no layer before them is of type ${JSON.stringify(lost).slice(0, 40)}.`,
      );
  }
}

/** Hunyuan: sharing is on only with use_cla, and shares only with a factor above 1. */
function lintCla(context: LintContext): void {
  const { own } = context;
  const factor = numberIn(own, 'cla_share_factor');
  const shares = own.condition('use_cla');
  if (shares === true) {
    if (factor !== null && factor >= 2) return;
    const what = factor === null ? 'no cla_share_factor says' : `cla_share_factor ${factor} does not say`;
    context.report(
      own,
      'cla-incomplete',
      'warning',
      'use_cla',
      `use_cla is ${show(own.own('use_cla'))}, but ${what} how many layers share a cache: each keeps its own.`,
    );
  } else if (factor !== null && factor > 1) {
    const off = shares === false ? `use_cla is ${show(own.own('use_cla'))}` : 'use_cla is not set';
    const message = `cla_share_factor ${factor} is ignored, because ${off}: every layer keeps its own cache.`;
    context.report(own, 'cla-off', 'information', 'cla_share_factor', message, removeKey(own, 'cla_share_factor'));
  }
}
