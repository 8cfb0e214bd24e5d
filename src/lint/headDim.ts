/** Width of a head: given, or hidden size ÷ heads, and what happens when the two part. */

import { layersRegister } from '../families/register';
import { HEAD_DIM_KEYS, HIDDEN_KEYS } from '../config/spellings';
import { show } from '../config/reader';
import { count, type Found, type LintContext, numberIn, setKey } from './context';

export function lintHeadDim(context: LintContext): void {
  const { own, headed, heads } = context;
  const hidden = count(own, HIDDEN_KEYS);
  if (!heads || !hidden || headed.length === 0) return;
  const widths = new Set(headed.map(({ attention }) => attention.keyDim));
  const given = own.spelling(HEAD_DIM_KEYS);
  const value = given === null ? null : own.value(given);
  if (value === null || value === 0) {
    lintUnset(context, heads, widths);
    lintDivision(context, heads, hidden, widths);
  } else if (given !== null) {
    lintDifference(context, given, heads, hidden, widths);
  }
}

/** `head_dim: null` and `head_dim: 0` say nothing (vLLM takes it only when it is positive). */
function lintUnset(context: LintContext, heads: Found, widths: ReadonlySet<number>): void {
  const { own } = context;
  const [width] = widths;
  for (const key of HEAD_DIM_KEYS) {
    const value = own.own(key);
    if (width === undefined || (value !== null && value !== 0)) continue;
    context.report(
      own,
      'head-dim-unset',
      value === 0 ? 'warning' : 'information',
      key,
      `${key} is ${show(value)}, the same as not given: each of the ${heads.value} heads is ${width} wide${value === 0 ? ', but some engines would use the 0' : ''}.`,
      setKey(own, key, width),
    );
  }
}

function lintDivision(context: LintContext, heads: Found, hidden: Found, widths: ReadonlySet<number>): void {
  const floor = Math.floor(hidden.value / heads.value);
  if (hidden.value % heads.value === 0 || !widths.has(floor)) return;
  const { own, reading } = context;
  const refused = layersRegister.of(reading.modelType)?.refusesRemainder !== undefined;
  const consequence = refused
    ? 'transformers refuses it'
    : `it is cut to ${floor}, and ${hidden.value - floor * heads.value} dimensions belong to no head`;
  context.report(
    own,
    'hidden-not-divisible',
    refused ? 'error' : 'warning',
    heads.key,
    `${hidden.key} ${hidden.value} is not a multiple of ${heads.value} heads, and no head_dim says how wide a head is: ${consequence}.`,
  );
}

/** Families whose class has a head width of its own (Qwen3, Gemma, gpt-oss) part on purpose: nothing to say there. */
function lintDifference(
  context: LintContext,
  key: string,
  heads: Found,
  hidden: Found,
  widths: ReadonlySet<number>,
): void {
  const { own, defaults, reading } = context;
  const value = numberIn(own, key);
  if (hidden.value % heads.value !== 0 && layersRegister.of(reading.modelType)?.refusesRemainder === 'class') {
    const message = `${hidden.key} ${hidden.value} is not a multiple of ${heads.value} heads: transformers refuses this for this model type, even if ${key} is given.`;
    context.report(own, 'hidden-not-divisible', 'error', heads.key, message);
    return;
  }
  if (value === null || value * heads.value === hidden.value || !widths.has(value)) return;
  if (typeof defaults?.values[key] === 'number') return;
  context.report(
    own,
    'head-dim-differs',
    'information',
    key,
    `Attention is ${heads.value * value > hidden.value ? 'wider' : 'narrower'} than the model (${heads.value} heads × ${key} ${value} = ${heads.value * value}; ${hidden.key} ${hidden.value}). That is fine if q_proj and o_proj have this shape.`,
  );
}
