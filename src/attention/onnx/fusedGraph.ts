/**
 * A headed layer with onnxruntime's fused operators: RotaryEmbedding and com.microsoft GroupQueryAttention, which never
 * hold scores or repeated keys, and skip what the causal mask hides. For layers that no one looks inside of.
 */

import type { Value } from './graphBuilder';
import { BATCH, cacheRows, type LayerContext, type LayerResult, PAST, stepInput, TOKENS } from './layerContext';
import { type AttentionLayerSpec, headDims, keyLimit } from '../spec/layerSpec';
import { projectOutputRows } from './outputGraph';
import { projectHeads } from './headedGraph';
import type { CaptureName, ProgramOptions } from './program';

/** Captures that lie outside of the fused operators. */
const OUTSIDE: readonly CaptureName[] = ['attentionInput', 'output', 'feedForwardInput', 'routerLogits', 'hidden'];

/** Whether the operators can express the layer, and nothing inside is asked for. */
export function canFuse(spec: AttentionLayerSpec, options: ProgramOptions): boolean {
  const { attention, rotary } = spec;
  if (attention.kind !== 'full' && attention.kind !== 'sliding') return false;
  if (attention.keyDim !== attention.valueDim || attention.keyDim % 8 !== 0) return false;
  if (spec.alibi || spec.temperature || rotary?.layout === 'interleaved-to-half') return false;
  if ([spec.queryNorm, spec.keyNorm].some((norm) => norm?.stage === 'after-rope')) return false;
  if (options.cache === 'append' || options.cache === 'written') return false;
  // The operator knows no ring: its rows lie in the order of their positions.
  if (options.cache === 'inPlace' && keyLimit(attention) !== null) return false;
  return (options.captures ?? []).every((capture) => OUTSIDE.includes(capture));
}

export function fusedLayer(c: LayerContext, x: Value): LayerResult {
  const { g, spec, options } = c;
  const { queryHeads, kvHeads, keyDim } = headDims(spec.attention);
  const q = rotatedSideBySide(c, projectHeads(c, x, 'q', queryHeads, keyDim, spec.queryNorm), queryHeads, keyDim, 'q');
  const k = rotatedSideBySide(c, projectHeads(c, x, 'k', kvHeads, keyDim, spec.keyNorm), kvHeads, keyDim, 'k');
  const v = flat(c, projectHeads(c, x, 'v', kvHeads, keyDim, spec.valueNorm), kvHeads, keyDim, 'v');
  const decode = options.mode === 'decode';
  const { room } = options;
  const held =
    options.cache === 'inPlace' && room ? [room.batch, kvHeads, room.tokens, keyDim] : [BATCH, kvHeads, PAST, keyDim];
  const past = decode ? (['past_key', 'past_value'] as const).map((name) => g.input(name, held)) : ['', ''];
  const inputs = [
    q,
    k,
    v,
    ...past,
    stepInput(c, 'seqlens_k', [BATCH], 'int32'),
    stepInput(c, 'total_sequence_length', [], 'int32'),
  ];
  // Then cos_cache, sin_cache, position_ids, attention_bias, head_sink.
  if (spec.sinks) inputs.push('', '', '', '', c.weights.value('sinks'));
  const limit = keyLimit(spec.attention);
  const [heads = '', key = '', value = ''] = g.node(
    'GroupQueryAttention',
    inputs,
    3,
    {
      num_heads: queryHeads,
      kv_num_heads: kvHeads,
      scale: { float: spec.scale },
      ...(limit !== null && { local_window_size: limit }),
      ...(spec.softcap !== null && { softcap: { float: spec.softcap } }),
    },
    'heads',
    'com.microsoft',
  );
  return {
    ...projectOutputRows(c, x, heads, keyDim),
    captures: {},
    cache: [
      cacheRows(c, 'key', key, [BATCH, kvHeads], keyDim, past[0]).cache,
      cacheRows(c, 'value', value, [BATCH, kvHeads], keyDim, past[1]).cache,
    ],
  };
}

/** Heads [B,T,heads,dim] side by side, after RoPE: [B,T,heads·dim]. */
function rotatedSideBySide(c: LayerContext, heads: Value, count: number, dim: number, label: string): Value {
  const rows = flat(c, heads, count, dim, label);
  const { rotary } = c.spec;
  if (!rotary) return rows;
  const { g } = c;
  const pairs = rotary.dim / 2;
  const table = (name: 'cos' | 'sin'): Value =>
    g.reshape(stepInput(c, name, ['position_batch', 1, TOKENS, pairs]), [-1, pairs], `${name}/table`);
  return g.op(
    'RotaryEmbedding',
    [rows, table('cos'), table('sin'), stepInput(c, 'rotary_rows', [BATCH, TOKENS], 'int64')],
    {
      num_heads: count,
      interleaved: rotary.layout === 'interleaved' ? 1 : 0,
      ...(rotary.dim < dim && { rotary_embedding_dim: rotary.dim }),
    },
    `${label}/rope`,
  );
}

function flat(c: LayerContext, heads: Value, count: number, dim: number, label: string): Value {
  return c.g.reshape(heads, [0, 0, count * dim], `${label}/rows`);
}
