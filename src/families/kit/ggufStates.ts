/** Recurrent layers in GGUF metadata: widths of states, and which layers have one. */

import type { GgufFacet } from '../facets';
import { MAX_LAYERS } from '../../config/reader';
import type { GgufConfig, GgufSource } from './ggufMetadata';

/** State-space widths, in the spellings of Mamba and of the hybrids. */
export function adaptState(config: GgufConfig, source: GgufSource): void {
  const [conv, inner, state, rank, groups] = [
    'ssm.conv_kernel',
    'ssm.inner_size',
    'ssm.state_size',
    'ssm.time_step_rank',
    'ssm.group_count',
  ].map((key) => source.number(key));
  const hidden = source.number('embedding_length');
  const set = (value: number | undefined, ...keys: readonly string[]): void => {
    if (value !== undefined) for (const key of keys) config[key] = value;
  };
  set(conv, 'conv_kernel', 'mamba_d_conv');
  set(state, 'state_size', 'mamba_d_state', 'ssm_state_size');
  set(inner, 'intermediate_size', 'mamba_d_ssm');
  set(rank, 'time_step_rank', 'mamba_dt_rank');
  set(groups, 'n_groups', 'mamba_n_groups');
  if (inner !== undefined && hidden !== undefined && hidden > 0) set(inner / hidden, 'expand', 'mamba_expand');
  // Mamba 2 stores its number of heads as the rank of the time step.
  if (groups !== undefined && rank !== undefined && inner !== undefined) {
    set(rank, 'num_heads', 'mamba_n_heads', 'mamba_num_heads');
    set(inner / rank, 'mamba_d_head', 'mamba_head_dim');
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

/** Widths of states in models that also have a feed-forward, which keeps `intermediate_size`. */
export function adaptHybridWidths(config: GgufConfig, source: GgufSource): void {
  const dense = config['intermediate_size'];
  adaptState(config, source);
  if (dense !== undefined) config['intermediate_size'] = dense;
}

/** Attention where there are KV heads, a state elsewhere. */
export const adaptHybrid: NonNullable<GgufFacet['adapt']> = (config, source) => {
  adaptHybridWidths(config, source);
  const kvAt = ggufKvHeads(source);
  const kinds = ggufLayers(source, (index) => {
    const kvHeads = kvAt(index);
    return kvHeads === undefined ? undefined : kvHeads > 0 ? 'attention' : 'mamba';
  });
  if (kinds === undefined) return;
  config['layer_types'] = kinds;
  config['layers_block_type'] = kinds;
};
