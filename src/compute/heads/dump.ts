/** Captures in the shapes that are handed out: K and V repeated for every query head, batch left out. */

import type { Tensor } from '../../attention/onnx/graph';
import { headDims } from '../../attention/spec/layerSpec';
import { HEAD_CAPTURES } from '../../shared/headsContract';
import { RpcError } from '../../shared/rpcError';
import type { LayerCapture } from './layerPass';
import { floats } from './tokenAxis';

/** What can be dumped: captures of the layer, and the model's logits. */
export const DUMPS = [...HEAD_CAPTURES, 'logits'] as const;
export type DumpName = (typeof DUMPS)[number];

export function isDumpName(text: string): text is DumpName {
  return (DUMPS as readonly string[]).includes(text);
}

/** Captures that only layers with a compressed cache have. */
const LATENT_ONLY: ReadonlySet<string> = new Set(['latent', 'ropeKey']);

/** @throws RpcError `invalidInput` when the layer has no such capture, or it was not asked of the run. */
export function dumpTensor(capture: LayerCapture, name: DumpName): Tensor {
  if (name === 'logits') {
    if (capture.logits === null) throw new RpcError('invalidInput', 'this run has no logits');
    return { type: 'float32', shape: [capture.logits.length], data: capture.logits };
  }
  if (LATENT_ONLY.has(name) && capture.spec.attention.kind !== 'latent') {
    throw new RpcError('invalidInput', `layer ${capture.layer} has no ${name}: its attention is not latent (MLA)`);
  }
  const tensor = capture.tensors.get(name);
  if (tensor === undefined) throw new RpcError('invalidInput', `this run did not capture ${name}`);
  if (name !== 'k' && name !== 'v' && name !== 'kRaw') return tensor;
  const { queryHeads } = headDims(capture.spec.attention);
  return repeatHeads(tensor, queryHeads);
}

/** `[groups, tokens, dim]` → `[heads, tokens, dim]`, neighbours sharing one. */
export function repeatHeads(tensor: Tensor, heads: number): Tensor {
  const [groups = 1, ...rest] = tensor.shape;
  if (groups === heads) return tensor;
  const data = floats(tensor);
  const size = data.length / groups;
  const result = new Float32Array(size * heads);
  for (let head = 0; head < heads; head++) {
    const group = Math.floor((head * groups) / heads);
    result.set(data.subarray(group * size, (group + 1) * size), head * size);
  }
  return { type: 'float32', shape: [heads, ...rest], data: result };
}
