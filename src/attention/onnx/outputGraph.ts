/** The end of an attention layer as nodes: heads side by side, gate, norm, output projection. */

import type { Value } from './graphBuilder';
import type { LayerContext, LayerEnd } from './layerContext';

/** From heads [B,H,T,valueDim] and the layer's input x [B,T,hidden]. */
export function projectOutput(c: LayerContext, x: Value, heads: Value, valueDim: number): LayerEnd {
  const byToken = c.g.transpose(heads, [0, 2, 1, 3], 'heads/by_token');
  return projectOutputRows(
    c,
    x,
    c.g.reshape(byToken, [0, 0, c.spec.attention.queryHeads * valueDim], 'heads/merged'),
    valueDim,
  );
}

/** The same from heads side by side, [B,T,H·valueDim]. */
export function projectOutputRows(c: LayerContext, x: Value, rows: Value, valueDim: number): LayerEnd {
  const { g, spec, weights } = c;
  const { queryHeads } = spec.attention;
  let merged = rows;
  if (spec.outputGate !== 'none') {
    let gate = g.op('Sigmoid', [weights.linear(x, 'gate')], {}, 'gate/sigmoid');
    if (spec.outputGate === 'head') {
      const repeated = g.op(
        'Expand',
        [g.op('Unsqueeze', [gate, g.int64s([3])], {}, 'gate/by_head'), g.int64s([1, 1, 1, valueDim])],
        {},
        'gate/repeated',
      );
      gate = g.reshape(repeated, [0, 0, queryHeads * valueDim], 'gate/rows');
    }
    merged = g.mul(rows, gate, 'heads/gated');
  }
  if (spec.outputNorm) merged = weights.normalize(merged, 'o_norm', spec.outputNorm);
  return { rows: merged, output: weights.linear(merged, 'o') };
}
