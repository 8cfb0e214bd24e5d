/** Context length: what was trained, what scaling makes of it, what the config promises. */

import { CONTEXT_KEYS } from '../config/spellings';
import { type LintContext, numberIn, plural, setKey } from './context';
import { type RopeObject, ropeObjects } from './ropeObjects';

/** Where configs give the length before scaling; gpt-oss calls it initial_context_length. */
const ORIGINAL_KEYS = ['original_max_position_embeddings', 'initial_context_length'];
/** Types whose reach is trained length × factor. Llama 3's frequencies and LongRoPE's lists reach as far as they were tuned. */
const PRODUCT_TYPES = ['linear', 'yarn', 'deepseek_yarn', 'telechat3-yarn'];
/** Types that stretch positions at all. */
const PLAIN_TYPES = ['default', 'mrope', 'none', 'axial'];

export function lintContextLength(context: LintContext): void {
  lintSpellings(context);
  const length = numberIn(context.own, 'max_position_embeddings');
  if (length === null || length < 1) return;
  const ropes = ropeObjects(context.own);
  const scaled = ropes.filter(({ type }) => !PLAIN_TYPES.includes(type));
  if (scaled.length === 0) lintUnscaled(context, length);
  for (const rope of scaled) lintScaled(context, rope, length);
}

function lintUnscaled(context: LintContext, length: number): void {
  const { own } = context;
  const key = ORIGINAL_KEYS.find((name) => numberIn(own, name) !== null);
  const original = key === undefined ? null : numberIn(own, key);
  if (key === undefined || original === null || original < 1 || length <= original) return;
  const message = `max_position_embeddings ${length} exceeds the trained ${key} ${original}, and nothing scales the positions.`;
  context.report(own, 'context-beyond-trained', 'warning', 'max_position_embeddings', message);
}

function lintScaled(context: LintContext, { reader, name, type }: RopeObject, length: number): void {
  const { own } = context;
  const place = ORIGINAL_KEYS.some((key) => numberIn(reader, key) !== null) ? reader : own;
  const key = ORIGINAL_KEYS.find((candidate) => numberIn(place, candidate) !== null);
  const original = key === undefined ? null : numberIn(place, key);
  if (key === undefined || original === null || original < 1) return;
  const factor = numberIn(reader, 'factor');
  if (!PRODUCT_TYPES.includes(type) || factor === null || factor <= 0) return;
  const reach = original * factor;
  // Lengths are rounded to what people like to read: a percent is not a contradiction.
  if (Math.abs(reach - length) <= 0.01 * reach) return;
  const sum = `trained ${original} × factor ${factor} = ${Math.round(reach)}`;
  if (length > reach) {
    const message = `max_position_embeddings ${length} exceeds what ${name} reaches: ${sum}.`;
    context.report(
      own,
      'context-beyond-trained',
      'warning',
      'max_position_embeddings',
      message,
      setKey(reader, 'factor', length / original),
    );
    return;
  }
  const message = `${name} reaches further than max_position_embeddings ${length}: ${sum}; engines stop at the smaller of the two unless told otherwise.`;
  context.report(own, 'context-below-scaled', 'information', 'max_position_embeddings', message);
}

/** vLLM takes the smallest of all context keys that it finds. */
function lintSpellings(context: LintContext): void {
  const { own, contextLength } = context;
  if (!contextLength) return;
  for (const key of CONTEXT_KEYS) {
    const value = numberIn(own, key);
    if (key === contextLength.key || value === null || value <= contextLength.value) continue;
    const message = `${key} ${value} and ${contextLength.key} ${contextLength.value} both give a context length: vLLM and Headlight use the smaller one, ${plural(contextLength.value, 'token')}.`;
    context.report(own, 'context-lengths-differ', 'information', key, message);
  }
}
