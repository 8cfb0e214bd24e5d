/** Where a config describes its rotary positions: one object, or one per kind of layer. */

import { type LayerWord, wordOf } from '../families/kit/decoder';
import type { ConfigReader } from '../config/reader';
import { type LintContext, numberIn } from './context';

export const ROPE_KEYS = ['rope_scaling', 'rope_parameters'] as const;
/** Keys of the part of a head that is rotated, as a fraction. */
export const FACTOR_KEYS = ['partial_rotary_factor', 'rotary_pct', 'rope_pct'];
/** The same as a number of dimensions. */
export const ROTARY_DIM_KEYS = ['rotary_dim', 'rotary_ndims'];

export interface RopeObject {
  readonly reader: ConfigReader;
  /** `rope_scaling`, `rope_parameters`, or `rope_parameters.full_attention`. */
  readonly name: string;
  /** Kind of layer that it is for; null: all. */
  readonly word: LayerWord | null;
  /** Lower-case type; `default` where none is named. */
  readonly type: string;
  /** The key that names the type, or null. */
  readonly typeKey: 'rope_type' | 'type' | null;
}

/** The RoPE objects of a config, those per kind of layer taken apart. */
export function ropeObjects(own: ConfigReader): readonly RopeObject[] {
  return ROPE_KEYS.flatMap((key) => {
    const reader = own.nested(key);
    if (!reader) return [];
    const perKind = reader.keys().flatMap((kind): RopeObject[] => {
      const inner = wordOf(kind) === null ? null : reader.nested(kind);
      return inner ? [ropeObject(inner, `${key}.${kind}`, wordOf(kind))] : [];
    });
    return perKind.length > 0 ? perKind : [ropeObject(reader, key, null)];
  });
}

function ropeObject(reader: ConfigReader, name: string, word: LayerWord | null): RopeObject {
  const typeKey =
    typeof reader.own('rope_type') === 'string' ? 'rope_type' : typeof reader.own('type') === 'string' ? 'type' : null;
  const type = typeKey === null ? 'default' : String(reader.own(typeKey)).toLowerCase();
  return { reader, name, word, type, typeKey };
}

/** A head width that is rotated, in whole or in part. */
export interface RotaryWidth {
  readonly headDim: number;
  readonly rotated: number;
}

/** Distinct rotated widths of the layers that a RoPE object is for. Fractions cut off, as `int()` does in transformers. */
export function rotaryWidths(context: LintContext, rope: RopeObject | null): readonly RotaryWidth[] {
  const { own } = context;
  const latent = context.latent.map(({ attention }) => ({ headDim: attention.ropeDim, rotated: attention.ropeDim }));
  if (latent.length > 0) return latent;
  const factor = [...(rope ? [rope.reader] : []), own]
    .flatMap((reader) => FACTOR_KEYS.map((key) => numberIn(reader, key)))
    .find((value) => value !== null);
  const dim = ROTARY_DIM_KEYS.map((key) => numberIn(own, key)).find((value) => value !== null);
  const widths = new Map<number, RotaryWidth>();
  for (const { attention } of context.headed) {
    if (attention.kind === 'cross' || (rope?.word != null && rope.word !== attention.kind)) continue;
    const headDim = attention.keyDim;
    widths.set(headDim, { headDim, rotated: dim ?? Math.trunc(headDim * (factor ?? 1)) });
  }
  return [...widths.values()];
}
