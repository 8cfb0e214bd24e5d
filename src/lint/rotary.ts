/** Which part of a head rotary positions turn: at most all of it, and in pairs. */

import { HEAD_DIM_KEYS, HIDDEN_KEYS } from '../config/spellings';
import type { ConfigReader } from '../config/reader';
import { count, type LintContext, numberIn, setKey } from './context';
import { FACTOR_KEYS, ROPE_KEYS, type RopeObject, ropeObjects, ROTARY_DIM_KEYS, rotaryWidths } from './ropeObjects';

export function lintRotary(context: LintContext): void {
  // MLA has a rotary width of its own (mla.ts).
  if (context.latent.length > 0 || hasRemainder(context)) return;
  const ropes = ropeObjects(context.own);
  for (const key of FACTOR_KEYS) {
    // The RoPE object's own factor counts before the one beside it.
    if (ropes.every(({ reader }) => numberIn(reader, key) === null)) lintFactor(context, context.own, key, null);
  }
  for (const rope of ropes) for (const key of FACTOR_KEYS) lintFactor(context, rope.reader, key, rope);
  for (const key of ROTARY_DIM_KEYS) lintDim(context, key);
  lintWholeHead(context, ropes);
  for (const rope of ropes) lintSections(context, rope);
}

/** A head width that does not come out even has been reported as such: what follows from it is no second problem. */
function hasRemainder({ own, heads }: LintContext): boolean {
  const hidden = count(own, HIDDEN_KEYS);
  return hidden !== null && heads !== null && hidden.value % heads.value !== 0 && count(own, HEAD_DIM_KEYS) === null;
}

function lintFactor(context: LintContext, reader: ConfigReader, key: string, rope: RopeObject | null): void {
  const factor = numberIn(reader, key);
  if (factor === null) return;
  if (factor <= 0 || factor > 1) {
    // 0 is how some configs say "no rotary positions"; vLLM refuses it, so it is worth a word.
    const message = `${key} ${factor} must be above 0 and at most 1: it is the share of a head that is rotated.`;
    context.report(
      reader,
      'rotary-factor-range',
      factor === 0 ? 'information' : 'error',
      key,
      message,
      factor > 1 ? setKey(reader, key, 1) : undefined,
    );
    return;
  }
  if (ROTARY_DIM_KEYS.some((dim) => numberIn(context.own, dim) !== null)) return;
  for (const { headDim, rotated } of rotaryWidths(context, rope)) {
    if (factor === 1 || rotated % 2 === 0) continue;
    const message = `${key} ${factor} × head_dim ${headDim} rotates ${rotated} dimensions, an odd number: dimensions are rotated in pairs, and engines round differently.`;
    context.report(reader, 'rotary-dim-odd', 'warning', key, message);
  }
}

function lintDim(context: LintContext, key: string): void {
  const { own } = context;
  const dim = numberIn(own, key);
  if (dim === null) return;
  const [width] = rotaryWidths(context, null);
  if (!width) return;
  const { headDim } = width;
  if (dim > headDim) {
    const fix = headDim % 2 === 0 ? setKey(own, key, headDim) : undefined;
    context.report(
      own,
      'rotary-dim-too-large',
      'error',
      key,
      `${key} ${dim} is more than the ${headDim} dimensions of a head.`,
      fix,
    );
  } else if (dim % 2 !== 0) {
    context.report(
      own,
      'rotary-dim-odd',
      'error',
      key,
      `${key} ${dim} is odd, but rotary positions rotate pairs of dimensions.`,
    );
  }
  const factorKey = FACTOR_KEYS.find((name) => numberIn(own, name) !== null);
  const factor = factorKey === undefined ? null : numberIn(own, factorKey);
  if (factorKey === undefined || factor === null || Math.trunc(headDim * factor) === dim) return;
  const message = `${key} ${dim} contradicts ${factorKey} ${factor} × head_dim ${headDim} = ${Math.trunc(headDim * factor)}.`;
  context.report(own, 'rotary-dim-disagrees', 'warning', key, message);
}

const ROTARY_EVIDENCE = [...ROPE_KEYS, 'rope_theta', 'rotary_emb_base'];
/** transformers lets the heads of its test models be odd up to this width. */
const TINY_HEAD = 4;

/** A head that is rotated whole needs an even width. Learned positions (GPT-2) do not. */
function lintWholeHead(context: LintContext, ropes: readonly RopeObject[]): void {
  const { own, heads } = context;
  if (
    !ROTARY_EVIDENCE.some((key) => own.hasValue(key)) ||
    [...FACTOR_KEYS, ...ROTARY_DIM_KEYS].some((key) => own.hasValue(key))
  )
    return;
  for (const { attention } of context.headed) {
    if (attention.kind === 'cross' || attention.keyDim % 2 === 0 || attention.keyDim <= TINY_HEAD) continue;
    if (ropes.some(({ reader }) => FACTOR_KEYS.some((key) => reader.hasValue(key)))) continue;
    const message = `A head is ${attention.keyDim} wide, an odd number, but rotary positions rotate pairs of dimensions.`;
    const key = own.spelling(HEAD_DIM_KEYS) ?? heads?.key;
    if (key !== undefined) context.report(own, 'rotary-dim-odd', 'error', key, message);
  }
}

/** Multimodal RoPE gives each axis a section of the pairs; together they are all of them. */
function lintSections(context: LintContext, rope: RopeObject): void {
  const sections = rope.reader.own('mrope_section');
  if (!Array.isArray(sections) || !sections.every((entry) => typeof entry === 'number')) return;
  const sum = sections.reduce<number>((total, entry) => total + (typeof entry === 'number' ? entry : 0), 0);
  const pairs = rotaryWidths(context, rope).map(({ rotated }) => Math.floor(rotated / 2));
  if (pairs.length === 0 || pairs.includes(sum)) return;
  const message = `mrope_section adds up to ${sum} pairs of dimensions, but ${pairs.join(' or ')} are rotated.`;
  context.report(rope.reader, 'mrope-sections', 'warning', 'mrope_section', message);
}
