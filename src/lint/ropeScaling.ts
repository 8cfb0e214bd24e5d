/** Scaling of rotary positions: which type, and the fields that it needs. Source: transformers 5.18 modeling_rope_utils.py, vLLM get_rope. */

import { type ConfigReader, show } from '../config/reader';
import { type LintContext, numberIn, removeKey } from './context';
import { ROPE_KEYS, type RopeObject, ropeObjects, rotaryWidths } from './ropeObjects';

interface TypeFields {
  /** Without one of these (any spelling of an entry) engines stop. */
  readonly required: readonly (readonly string[])[];
  /** Lists of factors, one per pair of rotated dimensions. */
  readonly lists?: readonly string[];
  /** True when the scaling starts from `original_max_position_embeddings`. */
  readonly original?: boolean;
}

const NO_FIELDS: TypeFields = { required: [] };
const FACTOR: TypeFields = { required: [['factor']] };
const LONG: TypeFields = { required: [], lists: ['short_factor', 'long_factor'], original: true };
const YARN: TypeFields = { required: [['factor']], original: true };

const TYPES: Readonly<Record<string, TypeFields>> = {
  default: NO_FIELDS,
  none: NO_FIELDS,
  mrope: NO_FIELDS,
  axial: NO_FIELDS,
  proportional: NO_FIELDS,
  mllama4: NO_FIELDS,
  openpangu: NO_FIELDS,
  linear: FACTOR,
  ntk: FACTOR,
  dynamic: { required: [['factor', 'alpha']] },
  xdrope: { required: [['alpha', 'factor']] },
  yarn: YARN,
  deepseek_yarn: YARN,
  deepseek_llama_scaling: YARN,
  'telechat3-yarn': YARN,
  llama3: { required: [['factor'], ['low_freq_factor'], ['high_freq_factor']], original: true },
  longrope: LONG,
  su: LONG,
};

export function lintRopeScaling(context: LintContext): void {
  for (const key of ROPE_KEYS) {
    const value = context.own.own(key);
    if (value === undefined || value === null || (typeof value === 'object' && !Array.isArray(value))) continue;
    context.report(context.own, 'wrong-value', 'error', key, `${key} must be an object or null.`);
  }
  const ropes = ropeObjects(context.own);
  for (const reader of [context.own, ...ropes.map((rope) => rope.reader)]) lintBase(context, reader);
  for (const rope of ropes) {
    lintType(context, rope);
    const fields = Object.hasOwn(TYPES, rope.type) ? TYPES[rope.type] : undefined;
    if (fields) lintFields(context, rope, fields);
    lintFactor(context, rope);
  }
  lintTwice(context, ropes);
}

/** Frequencies are powers of the base: of nothing, or of less, there are none. */
function lintBase(context: LintContext, reader: ConfigReader): void {
  for (const key of ['rope_theta', 'rotary_emb_base', 'rope_local_base_freq']) {
    const value = reader.own(key);
    if (value === undefined || value === null || (typeof value === 'number' && value > 0)) continue;
    context.report(reader, 'wrong-value', 'error', key, `${key} must be a number above 0, but is ${show(value)}.`);
  }
}

/** Names of one thing: `mrope` is the default rotation with sections, `su` the first name of longrope. */
function canonical(type: string): string {
  if (type === 'su') return 'longrope';
  return type === 'mrope' || type === 'none' ? 'default' : type;
}

function lintType(context: LintContext, { reader, name, type, typeKey }: RopeObject): void {
  const other = reader.own('type');
  if (typeKey === 'rope_type' && typeof other === 'string' && canonical(other.toLowerCase()) !== canonical(type)) {
    const message = `${name} says both rope_type "${type}" and type "${other.slice(0, 40)}": rope_type is used.`;
    context.report(reader, 'rope-type-disagrees', 'warning', 'type', message, removeKey(reader, 'type'));
  }
  if (typeKey !== null && !Object.hasOwn(TYPES, type)) {
    // Code of its own may know the type: only where the family is ours is it likely to be a slip.
    const severity = context.reading.spec.family === null ? 'information' : 'warning';
    context.report(
      reader,
      'rope-type-unknown',
      severity,
      typeKey,
      `"${type.slice(0, 40)}" is not a rope_type that transformers or vLLM knows.`,
    );
  }
  const factor = numberIn(reader, 'factor');
  if (typeKey === null && factor !== null && factor !== 1) {
    const message = `${name} has factor ${factor} but no rope_type: nothing is scaled.`;
    context.report(reader, 'rope-type-missing', 'warning', 'factor', message);
  }
}

function lintFields(context: LintContext, rope: RopeObject, fields: TypeFields): void {
  const { reader, name, type, typeKey } = rope;
  const at = typeKey ?? 'type';
  for (const spellings of fields.required) {
    // A factor that is null is worked out from the context lengths (transformers, yarn).
    if (type === 'yarn' && reader.own('factor') === null && spellings.includes('factor')) continue;
    if (spellings.some((key) => numberIn(reader, key) !== null)) continue;
    const wrong = spellings.find((key) => reader.hasValue(key));
    const what = spellings.join(' or ');
    const message =
      wrong === undefined
        ? `${name} is of type "${type}", but has no ${what}.`
        : `${wrong} in ${name} must be a number.`;
    context.report(reader, 'rope-field-missing', 'error', wrong ?? at, message);
  }
  for (const key of fields.lists ?? []) lintList(context, rope, key);
  const original = [reader, context.own].some((place) => numberIn(place, 'original_max_position_embeddings') !== null);
  if (fields.original === true && !original) {
    const message = `${name} is of type "${type}", but no original_max_position_embeddings gives the trained length: max_position_embeddings is used instead.`;
    context.report(reader, 'rope-field-missing', 'warning', at, message);
  }
}

/** LongRoPE: one factor per pair of rotated dimensions. */
function lintList(context: LintContext, rope: RopeObject, key: string): void {
  const { reader, name, typeKey } = rope;
  const list = reader.own(key);
  if (!Array.isArray(list)) {
    const message = `${name} is of type "${rope.type}", but has no list ${key}.`;
    context.report(reader, 'rope-field-missing', 'error', reader.has(key) ? key : (typeKey ?? key), message);
    return;
  }
  const pairs = rotaryWidths(context, rope).map(({ rotated }) => Math.floor(rotated / 2));
  if (pairs.length === 0 || pairs.includes(list.length)) return;
  const message = `${key} has ${list.length} factors for ${pairs.join(' or ')} pairs of rotated dimensions.`;
  context.report(reader, 'longrope-length', 'error', key, message);
}

function lintFactor(context: LintContext, { reader, type }: RopeObject): void {
  const factor = numberIn(reader, 'factor');
  if (factor !== null && factor < 1) {
    context.report(
      reader,
      'rope-factor-range',
      'warning',
      'factor',
      `A RoPE factor of ${factor} is below 1: the context would shrink.`,
    );
  }
  const bounds =
    type === 'llama3'
      ? ['low_freq_factor', 'high_freq_factor']
      : type.includes('yarn')
        ? ['beta_slow', 'beta_fast']
        : [];
  const [lowKey, highKey] = bounds;
  if (lowKey === undefined || highKey === undefined) return;
  const low = numberIn(reader, lowKey);
  const high = numberIn(reader, highKey);
  if (low === null || high === null || low <= high) return;
  context.report(
    reader,
    'rope-factor-range',
    'warning',
    lowKey,
    `${lowKey} ${low} is larger than ${highKey} ${high}: the bounds are in the wrong order.`,
  );
}

/** transformers takes rope_scaling where both are given. */
function lintTwice(context: LintContext, ropes: readonly RopeObject[]): void {
  const old = ropes.find(({ name }) => name === 'rope_scaling');
  const now = ropes.find(({ name }) => name === 'rope_parameters');
  if (!old || !now) return;
  const differs =
    canonical(old.type) !== canonical(now.type) || numberIn(old.reader, 'factor') !== numberIn(now.reader, 'factor');
  if (!differs) return;
  const message = `rope_scaling ("${old.type.slice(0, 40)}") and rope_parameters ("${now.type.slice(0, 40)}") contradict each other: transformers uses rope_scaling.`;
  context.report(context.own, 'rope-given-twice', 'warning', 'rope_parameters', message);
}
