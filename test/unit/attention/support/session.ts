/** Runs programs on onnxruntime's CPU provider. */

import * as ort from 'onnxruntime-node';
import { encodeOnnx } from '../../../../src/attention/onnx/encodeOnnx';
import type { Graph, Tensor } from '../../../../src/attention/onnx/graph';
import type { AttentionProgram } from '../../../../src/attention/onnx/program';
import type { WeightMap } from '../../../../src/attention/spec/weightNames';

/** `optimized: false` runs the nodes as they stand. */
export async function openSession(graph: Graph, optimized = true): Promise<ort.InferenceSession> {
  return ort.InferenceSession.create(encodeOnnx(graph), {
    executionProviders: ['cpu'],
    intraOpNumThreads: 1,
    graphOptimizationLevel: optimized ? 'all' : 'disabled',
    logSeverityLevel: 3,
  });
}

export function floats(shape: readonly number[], data: ArrayLike<number>): Tensor {
  return { type: 'float32', shape, data: Float32Array.from(data) };
}

function toOrt(tensor: Tensor): ort.Tensor {
  const dims = [...tensor.shape];
  if (tensor.data instanceof Float32Array) return new ort.Tensor('float32', tensor.data, dims);
  if (tensor.data instanceof Int32Array) return new ort.Tensor('int32', tensor.data, dims);
  if (tensor.data instanceof BigInt64Array) return new ort.Tensor('int64', tensor.data, dims);
  return new ort.Tensor('bool', tensor.data, dims);
}

export type Results = ReadonlyMap<string, Tensor>;

/** Feeds only what the graph takes. */
export async function runSession(session: ort.InferenceSession, feeds: ReadonlyMap<string, Tensor>): Promise<Results> {
  const given = Object.fromEntries(
    session.inputNames.map((name) => {
      const tensor = feeds.get(name);
      if (!tensor) throw new Error(`Nothing to feed to ${name}.`);
      return [name, toOrt(tensor)];
    }),
  );
  const results = await session.run(given);
  return new Map(
    Object.entries(results).map(([name, tensor]) => [
      name,
      { type: 'float32', shape: tensor.dims, data: tensor.data as Float32Array },
    ]),
  );
}

/** Opens, runs and closes a program. */
export async function runProgram(
  program: Pick<AttentionProgram, 'graph' | 'weightInputs'>,
  weights: WeightMap,
  feeds: ReadonlyMap<string, Tensor>,
  optimized = true,
): Promise<Results> {
  const all = new Map(feeds);
  for (const { name, shape } of program.weightInputs)
    all.set(name, { type: 'float32', shape, data: weights.get(name) ?? new Float32Array() });
  const session = await openSession(program.graph, optimized);
  try {
    return await runSession(session, all);
  } finally {
    await session.release();
  }
}
