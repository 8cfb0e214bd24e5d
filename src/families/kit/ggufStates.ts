/** Recurrent layers in GGUF metadata: widths of states, and which layers have one. */

import type { GgufConfig, GgufFacet, GgufSource } from './gguf';

/** State-space widths, in the spellings of Mamba and of the hybrids. */
export function adaptState(config: GgufConfig, source: GgufSource): void {
  const [conv, inner, state, rank, groups] = [
    'ssm.conv_kernel',
    'ssm.inner_size',
    'ssm.state_size',
    'ssm.time_step_rank',
    'ssm.group_count',
  ].map((key) => source.number(key));
  const hidden = source.number('embedding_length') ?? 0;
  const set = (value: number | undefined, ...keys: readonly string[]): void => {
    if (value !== undefined) for (const key of keys) config[key] = value;
  };
  set(conv, 'conv_kernel', 'mamba_d_conv');
  set(state, 'state_size', 'mamba_d_state', 'ssm_state_size');
  set(inner, 'intermediate_size', 'mamba_d_ssm');
  set(rank, 'time_step_rank', 'mamba_dt_rank');
  set(groups, 'n_groups', 'mamba_n_groups');
  if (inner !== undefined && hidden > 0) set(inner / hidden, 'expand', 'mamba_expand');
  // Mamba 2 stores its number of heads as the rank of the time step.
  if (groups !== undefined && rank !== undefined && inner !== undefined) {
    set(rank, 'num_heads', 'mamba_n_heads', 'mamba_num_heads');
    set(inner / rank, 'mamba_d_head', 'mamba_head_dim');
  }
}

/** Which layers have KV heads, by index. */
export function ggufKvHeads(source: GgufSource): (index: number) => number {
  const kvHeads = source.perLayer('attention.head_count_kv');
  return (index) => (typeof kvHeads === 'number' ? kvHeads : (kvHeads?.[index] ?? 0));
}

/** Something for each layer of the file. */
export function ggufLayers<T>(source: GgufSource, at: (index: number) => T): T[] {
  return Array.from({ length: source.number('block_count') ?? 0 }, (_, index) => at(index));
}

/** Widths of states beside a feed-forward, whose width keeps its key. */
export function adaptHybridWidths(config: GgufConfig, source: GgufSource): void {
  const dense = config['intermediate_size'];
  adaptState(config, source);
  if (dense !== undefined) config['intermediate_size'] = dense;
}

/** Attention where there are KV heads, a state elsewhere. */
export const adaptHybrid: NonNullable<GgufFacet['adapt']> = (config, source) => {
  adaptHybridWidths(config, source);
  const kvAt = ggufKvHeads(source);
  const kinds = ggufLayers(source, (index) => (kvAt(index) > 0 ? 'attention' : 'mamba'));
  config['layer_types'] = kinds;
  config['layers_block_type'] = kinds;
};
