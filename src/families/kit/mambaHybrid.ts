/** Mamba and attention in one model: in turns, or both in one layer. */

import type { ConfigReader } from '../../config/reader';
import { HIDDEN_KEYS } from '../../config/spellings';
import type { FamilyReading, LayerDraft } from '../facets';
import { decoderLayers, type DecoderOptions, fullDraft } from './decoder';
import { headLayout, type HeadOptions } from './headLayout';
import { type Mamba2Keys, mamba2State, recurrentDraft, type SourcedState } from './states';

/** Inner width as Mamba 2 computes it: expand × hidden. */
export function expandedWidth(reader: ConfigReader, expandKeys: readonly string[]): number | null {
  const hidden = reader.integer(HIDDEN_KEYS);
  // A class whose default is whole takes whole numbers.
  const expand = reader.defaults ? reader.integer(expandKeys) : reader.number(expandKeys);
  return hidden && expand ? Math.trunc(expand.value * hidden.value) : null;
}

/** Attention with its cache, and a mixer with its state, in parallel in one layer. */
export function parallelDraft(
  reader: ConfigReader,
  options: HeadOptions,
  state: SourcedState | null,
): LayerDraft | null {
  const heads = headLayout(reader, options);
  return (
    heads &&
    state && { ...fullDraft(heads), sources: { ...heads.sources, ...state.sources }, parallelState: state.state }
  );
}

const KEYS: Mamba2Keys = {
  heads: ['mamba_n_heads'],
  headDim: ['mamba_d_head'],
  groups: ['mamba_n_groups'],
  state: ['mamba_d_state'],
  conv: ['mamba_d_conv'],
};

/**
 * Layers of Bamba and its relatives: `mamba` is Mamba 2, `hybrid` is Mamba 2 in parallel with attention.
 * @param options Kind of each layer; called once the state has been read.
 * @param inner Inner width where no key gives it.
 */
export function mamba2Hybrid(
  reader: ConfigReader,
  options: () => DecoderOptions,
  inner: NonNullable<Mamba2Keys['inner']> = (from) => expandedWidth(from, ['mamba_expand']),
): FamilyReading {
  reader.consult(['mamba_expand', 'mamba_d_ssm', 'attn_layer_indices', 'mamba_use_mlp']);
  reader.refuseNull(KEYS.headDim);
  const state = mamba2State(reader, { ...KEYS, inner });
  const mixer = (): LayerDraft | null => recurrentDraft(state);
  return {
    layers: decoderLayers(reader, {
      ...options(),
      makers: { mamba: mixer, linear: mixer, hybrid: () => parallelDraft(reader, {}, state) },
    }),
  };
}
