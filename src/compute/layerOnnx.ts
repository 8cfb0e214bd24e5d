/** One attention layer as an ONNX file: with seeded weights inside while that stays small, else with weights as inputs. */

import { buildAttentionProgram } from '../attention/onnx/buildAttention';
import { encodeOnnx } from '../attention/onnx/encodeOnnx';
import { layerWeights } from '../attention/spec/weightNames';
import type { LayerOnnxParams, LayerOnnxResult } from '../shared/computeContract';
import { seededWeights } from './seededWeights';

/** More than this is not written into a file: the graph is what the file is for. */
const INLINE_LIMIT_BYTES = 256 * 2 ** 20;

export function layerOnnx({ layer, mode, form, seed, name }: LayerOnnxParams): LayerOnnxResult {
  const infos = layerWeights(layer);
  const weightBytes = infos.reduce((sum, { shape }) => sum + 4 * shape.reduce((product, size) => product * size, 1), 0);
  const inline = weightBytes <= INLINE_LIMIT_BYTES;
  const program = buildAttentionProgram(layer, {
    mode,
    captures: [],
    ...(form ? { form } : {}),
    ...(inline
      ? { weights: 'initializers' as const, weightData: seededWeights(infos, seed) }
      : { weights: 'inputs' as const }),
  });
  const about = `${name}, ${mode}${form ? `, ${form}` : ''}. Written by Headlight; ${inline ? `weights are seeded (${seed}), not trained` : 'weights are inputs'}.`;
  return { bytes: encodeOnnx(program.graph, about), inlineWeights: inline, weightBytes };
}
