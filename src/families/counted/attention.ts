/** Parameters of a layer's attention projections, from what the layer caches and the lineage's biases and norms. */

import type { ConfigReader } from '../../config/reader';
import { switched } from './switches';
import {
  type AttentionSpec,
  type HeadedAttention,
  type IndexerSpec,
  isHeaded,
  type LatentAttention,
} from '../../model/attention';
import type { LayerView, CountedDecoder } from './facet';
import type { Weights } from './tally';

/** What all layers of one config share, read once. */
interface Projections {
  readonly bias: boolean;
  readonly outBias: boolean;
  readonly keysAreValues: boolean;
  /** Parameters of the query and key norm per unit of width: 0, 1, or 2 with a bias. */
  readonly norm: number;
  readonly gate: 'wide' | 'head' | null;
}

/** The weights of each layer's attention; NaN where the config lacks a number. */
export function attentionCounter(config: ConfigReader, counted: CountedDecoder): (layer: LayerView) => Weights {
  const bias = switched(config, counted.bias ?? false);
  const shared: Projections = {
    bias,
    outBias: counted.outBias === undefined ? bias : switched(config, counted.outBias),
    keysAreValues: switched(config, counted.keysAreValues ?? false),
    norm:
      counted.qkNorm && switched(config, counted.qkNormIf ?? true)
        ? switched(config, counted.qkNormBias ?? false)
          ? 2
          : 1
        : 0,
    gate: typeof counted.gate === 'function' ? counted.gate(config) : (counted.gate ?? null),
  };
  const known = new Map<AttentionSpec, Weights>();
  return (layer) => {
    const own = counted.mixer?.(config, layer) ?? null;
    if (own !== null) return typeof own === 'number' ? [['mixer', own]] : own;
    const count = known.get(layer.attention) ?? attention(counted, shared, layer);
    known.set(layer.attention, count);
    return count;
  };
}

function attention(counted: CountedDecoder, shared: Projections, { attention: spec, hidden }: LayerView): Weights {
  if (spec.kind === 'latent') return latent(counted, shared, spec, hidden);
  if (isHeaded(spec))
    return [
      ...headed(counted, shared, spec, hidden),
      ...('indexer' in spec ? ([['index', blockIndexer(spec.indexer, hidden)]] as const) : []),
    ];
  return spec.kind === 'none' ? [] : [['mixer', Number.NaN]];
}

function headed(counted: CountedDecoder, shared: Projections, spec: HeadedAttention, hidden: number): Weights {
  const valueDim = spec.valueDim || spec.keyDim;
  const queries = spec.queryHeads * spec.keyDim;
  const noKeys = counted.sharedHaveNoKeys === true && spec.kind === 'shared';
  const keys = noKeys ? 0 : spec.kvHeads * spec.keyDim;
  const values = noKeys || (shared.keysAreValues && spec.kind === 'full') ? 0 : spec.kvHeads * valueDim;
  const outputs = spec.queryHeads * valueDim;
  const wide = counted.qkNorm === 'wide';
  const gate = shared.gate === 'head' ? spec.queryHeads : shared.gate === 'wide' ? outputs : 0;
  const input = hidden + (shared.bias ? 1 : 0);
  const sinks =
    counted.sinks === 'all' || (counted.sinks === 'sliding' && spec.kind === 'sliding') ? spec.queryHeads : 0;
  return [
    ['q', queries * input],
    ['k', keys * input],
    ['v', values * input],
    ['gate', gate * (counted.gateBias ? input : hidden)],
    ['q_norm', shared.norm * (wide ? queries : spec.keyDim)],
    ['k_norm', shared.norm * (wide ? keys : noKeys ? 0 : spec.keyDim)],
    ['sinks', sinks],
    ['o', outputs * hidden + (shared.outBias ? hidden : 0)],
  ];
}

/**
 * MLA: queries (direct, or down to a latent and up), one down-projection to the latent and the rotary key, one
 * up-projection to the heads' keys and values. T:deepseek_v3 DeepseekV3Attention: the bias is on the down and out
 * projections only.
 */
function latent(counted: CountedDecoder, shared: Projections, spec: LatentAttention, hidden: number): Weights {
  const { queryHeads, latentDim, ropeDim, nopeDim, valueDim, queryLatentDim } = spec;
  const queries = queryHeads * (nopeDim + ropeDim);
  const bias = shared.bias ? 1 : 0;
  const gate = shared.gate === 'wide' ? queryHeads * valueDim : 0;
  const query: Weights =
    queryLatentDim === null
      ? [['q', hidden * queries]]
      : [
          ['q_a', (hidden + bias) * queryLatentDim],
          ['q_a_norm', queryLatentDim],
          ['q_b', queryLatentDim * queries],
        ];
  return [
    ...query,
    ['kv_a', (hidden + bias) * (latentDim + ropeDim)],
    ['kv_a_norm', latentDim],
    ['kv_b', latentDim * queryHeads * (nopeDim + valueDim)],
    ['index', indexer(spec.indexer, hidden, queryLatentDim ?? hidden)],
    ['gate', hidden * gate],
    ['sinks', counted.sinks === 'all' ? queryHeads : 0],
    ['o', queryHeads * valueDim * hidden + (shared.outBias ? hidden : 0)],
  ];
}

/** DSA: index queries from the query latent, one index key (with a LayerNorm), a weight per index head. T:deepseek_v32 Indexer. */
function indexer(spec: IndexerSpec | undefined, hidden: number, queryInput: number): number {
  if (!spec?.owned) return 0;
  const heads = spec.heads ?? Number.NaN;
  return queryInput * heads * spec.headDim + hidden * spec.headDim + 2 * spec.headDim + hidden * heads;
}

/** Block-sparse indexer for per-head attention: queries and one key, with a norm each. T:minimax_m3_vl MiniMaxM3VLIndexer. */
function blockIndexer(spec: IndexerSpec | undefined, hidden: number): number {
  return spec?.owned
    ? hidden * (spec.heads ?? Number.NaN) * spec.headDim + hidden * spec.headDim + 2 * spec.headDim
    : 0;
}
