/** Sliding windows: set but off, set but never reached, needed but not set. */

import type { JsonValue } from '../config/document';
import { wordOf } from '../families/kit/decoder';
import { show } from '../config/reader';
import { type LintContext, numberIn, plural, removeKey } from './context';

export function lintWindow(context: LintContext): void {
  lintNoSize(context);
  lintUnused(context);
  lintMissing(context);
  lintReach(context);
}

/** True for layers whose cache a window bounds. */
function slides(context: LintContext): boolean {
  return context.distinct.some(({ attention }) => attention.kind === 'sliding' || attention.kind === 'compressed');
}

/** transformers asks for null alone (`sliding_window is not None`), vLLM and configs of others take these for none. */
function lintNoSize(context: LintContext): void {
  const { own } = context;
  const window = own.own('sliding_window');
  if (window !== 0 && window !== -1 && window !== false) return;
  const message = `sliding_window is ${show(window)}: it is read as no window, but loaders that only check for null take it as a window.`;
  context.report(own, 'wrong-value', 'warning', 'sliding_window', message);
}

function lintUnused(context: LintContext): void {
  const { own, reading } = context;
  const window = numberIn(own, 'sliding_window');
  if (
    window === null ||
    window < 1 ||
    slides(context) ||
    reading.spec.layers.length === 0 ||
    reading.spec.unknownLayers > 0
  )
    return;
  const inFile = own.condition('use_sliding_window') === false;
  if (!own.flag(['use_sliding_window'], true)) {
    const off = inFile
      ? `use_sliding_window is ${show(own.own('use_sliding_window'))}`
      : 'use_sliding_window is absent, and false by default';
    const message = `sliding_window ${window} is ignored, because ${off}: every layer keeps all tokens.`;
    context.report(
      own,
      'window-off',
      'information',
      'sliding_window',
      message,
      inFile ? removeKey(own, 'sliding_window') : undefined,
    );
    return;
  }
  const first = numberIn(own, 'max_window_layers');
  const layers = reading.spec.layers.length;
  if (own.condition('use_sliding_window') === true && first !== null && first >= layers) {
    const message = `use_sliding_window is true, but only layers from max_window_layers ${first} onward are sliding, and the model has ${layers === 1 ? '1 layer' : `${layers} layers`}, so none is.`;
    context.report(own, 'window-unused', 'warning', 'max_window_layers', message);
    return;
  }
  context.report(
    own,
    'window-unused',
    'information',
    'sliding_window',
    `sliding_window ${window} is ignored: no layer of this model is sliding.`,
  );
}

function lintMissing(context: LintContext): void {
  const { own, reading } = context;
  const key = own.spelling(['sliding_window']);
  const window = key === null ? null : own.value(key);
  const given = typeof window === 'number' && window > 0;
  const off = !own.flag(['use_sliding_window'], true);
  const list = own.own('layer_types');
  const named: readonly JsonValue[] = Array.isArray(list) ? list : [];
  const sliding = named.filter((label) => typeof label === 'string' && wordOf(label) === 'sliding').length;
  const unread = reading.spec.layers.some(
    ({ attention }) => attention.kind === 'unknown' && wordOf(attention.label) === 'sliding',
  );
  if (sliding > 0 && unread && (!given || off)) {
    const why = given
      ? 'use_sliding_window is false'
      : own.has('sliding_window')
        ? `sliding_window is ${show(own.own('sliding_window'))}`
        : 'no sliding_window is given';
    const message = `layer_types has ${plural(sliding, 'sliding layer')}, but ${why}: their window is not known.`;
    context.report(own, 'window-missing', 'error', 'layer_types', message);
  } else if (own.condition('use_sliding_window') === true && !given) {
    context.report(
      own,
      'window-missing',
      'warning',
      'use_sliding_window',
      'use_sliding_window is true, but no sliding_window says how many tokens a layer keeps.',
    );
  }
}

/** A window that is not smaller than the context never drops a token. */
function lintReach(context: LintContext): void {
  const length = context.contextLength;
  if (!length) return;
  for (const { attention, spec, count } of context.distinct) {
    const reach =
      attention.kind === 'sliding' ? attention.window : attention.kind === 'chunked' ? attention.chunk : null;
    if (reach === null || reach < length.value) continue;
    const source = spec.sources[attention.kind === 'chunked' ? 'chunk' : 'window'];
    const message = `The window of ${reach} tokens never takes effect: ${length.key} is ${length.value}, so ${plural(count, 'layer')} ${count === 1 ? 'keeps' : 'keep'} every token.`;
    context.reportAt(source, 'window-never-binds', 'information', message);
  }
}
