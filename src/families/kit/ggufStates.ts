/** Recurrent layers in GGUF metadata: widths of states, and which layers have one. */

import type { GgufFacet } from '../facets';
import { MAX_LAYERS } from '../../config/reader';
import type { GgufConfig, GgufSource } from './ggufMetadata';

/** Names that a family has for the widths of its states; those that it does not read are left out. */
export interface StateNames {
  readonly conv: string;
  readonly state: string;
  readonly inner?: string;
  readonly expand?: string;
  readonly rank?: string;
  readonly groups?: string;
  readonly heads?: string;
  readonly headDim?: string;
}

export const MAMBA_NAMES: StateNames = {
  conv: 'conv_kernel',
  state: 'state_size',
  inner: 'intermediate_size',
  expand: 'expand',
  rank: 'time_step_rank',
};

/** Jamba's, and of all that have Mamba 1 in hybrids. */
export const HYBRID_MAMBA_NAMES: StateNames = {
  conv: 'mamba_d_conv',
  state: 'mamba_d_state',
  expand: 'mamba_expand',
  rank: 'mamba_dt_rank',
};

/** Bamba's, and of the hybrids with Mamba 2 that follow it. */
export const HYBRID_MAMBA2_NAMES: StateNames = {
  conv: 'mamba_d_conv',
  state: 'mamba_d_state',
  inner: 'mamba_d_ssm',
  expand: 'mamba_expand',
  groups: 'mamba_n_groups',
  heads: 'mamba_n_heads',
  headDim: 'mamba_d_head',
};

/** State-space widths in the family's names. Names that it does not read would be taken for signs of another mechanism. */
export function adaptState(config: GgufConfig, source: GgufSource, names: StateNames): void {
  const [conv, inner, state, rank, groups] = [
    'ssm.conv_kernel',
    'ssm.inner_size',
    'ssm.state_size',
    'ssm.time_step_rank',
    'ssm.group_count',
  ].map((key) => source.number(key));
  const hidden = source.number('embedding_length');
  const set = (value: number | undefined, key: string | undefined): void => {
    if (value !== undefined && key !== undefined) config[key] = value;
  };
  set(conv, names.conv);
  set(state, names.state);
  set(inner, names.inner);
  set(rank, names.rank);
  set(groups, names.groups);
  if (inner !== undefined && hidden !== undefined && hidden > 0) set(inner / hidden, names.expand);
  // Mamba 2 stores its number of heads as the rank of the time step.
  if (groups !== undefined && rank !== undefined && inner !== undefined) {
    set(rank, names.heads);
    set(inner / rank, names.headDim);
  }
}

/** A number of a layer, by its index; undefined where the file does not say it. */
export type LayerNumber = (index: number) => number | undefined;

/** Numbers that the file gives once for all layers, or for each. */
export function ggufPerLayer(source: GgufSource, key: string): LayerNumber {
  const values = source.perLayer(key);
  return (index) => (typeof values === 'object' ? values[index] : values);
}

/** KV heads of a layer: as many as query heads where the file does not say (llama.cpp `load_hparams`). */
export function ggufKvHeads(source: GgufSource): LayerNumber {
  const given = source.perLayer('attention.head_count_kv') !== undefined;
  return ggufPerLayer(source, given ? 'attention.head_count_kv' : 'attention.head_count');
}

/** Something for each layer of the file; undefined where it cannot be told for one of them. */
export function ggufLayers<T>(source: GgufSource, at: (index: number) => T | undefined): T[] | undefined {
  const count = source.number('block_count');
  if (count === undefined || !Number.isInteger(count) || count < 0 || count > MAX_LAYERS) return undefined;
  const made: T[] = [];
  for (let index = 0; index < count; index++) {
    const one = at(index);
    if (one === undefined) return undefined;
    made.push(one);
  }
  return made;
}

/** Attention where there are KV heads, a state elsewhere. */
// @__NO_SIDE_EFFECTS__
export function adaptHybrid(names: StateNames): NonNullable<GgufFacet['adapt']> {
  return (config, source) => {
    adaptState(config, source, names);
    const kvAt = ggufKvHeads(source);
    const kinds = ggufLayers(source, (index) => {
      const kvHeads = kvAt(index);
      return kvHeads === undefined ? undefined : kvHeads > 0 ? 'attention' : 'mamba';
    });
    if (kinds !== undefined) config['layer_types'] = kinds;
  };
}
