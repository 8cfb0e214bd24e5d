/** Linear maps for the whole-model pass: in float64 here, or in float32 by an engine, which large models need. */

import type { Graph } from '../../attention/onnx/graph';
import { linear } from '../../insight/conversion/layerRows';
import type { Matrix } from '../../insight/matrix';
import type { LinearMap } from '../../insight/tradeoff/readLayer';
import type { Engine, LoadedProgram } from '../engines/engine';

/** Y = X · Wᵀ of any sizes. */
const PRODUCT: Graph = {
  name: 'rows times rows',
  inputs: [
    { name: 'x', type: 'float32', shape: ['tokens', 'in'] },
    { name: 'w', type: 'float32', shape: ['out', 'in'] },
  ],
  outputs: [{ name: 'y', type: 'float32', shape: ['tokens', 'out'] }],
  initializers: [],
  nodes: [{ op: 'Gemm', domain: '', name: 'product', inputs: ['x', 'w'], outputs: ['y'], attributes: { transB: 1 } }],
  opset: 23,
};

export interface Linear {
  readonly map: LinearMap;
  /** What numbers are computed in, for reports. */
  readonly precision: 'float64' | 'float32';
  dispose(): Promise<void>;
}

export const FLOAT64: Linear = {
  map: (input, weight, bias) => Promise.resolve(linear(input.data, input.rows, weight, bias)),
  precision: 'float64',
  dispose: () => Promise.resolve(),
};

/** Matrices in float32 on an engine; everything between them stays in float64. */
export function engineLinear(engine: Engine): Linear {
  let loaded: Promise<LoadedProgram> | undefined;
  const map: LinearMap = async (input, weight, bias): Promise<Matrix> => {
    loaded ??= engine.load(PRODUCT, { constants: new Map() });
    const out = weight.length / input.columns;
    const data = weight instanceof Float32Array ? weight : new Float32Array(weight);
    const results = await (await loaded).run(
      new Map([
        ['x', { type: 'float32', shape: [input.rows, input.columns], data: new Float32Array(input.data) }],
        ['w', { type: 'float32', shape: [out, input.columns], data }],
      ]),
      ['y'],
    );
    const found = results.get('y')?.data;
    if (!(found instanceof Float32Array)) throw new TypeError('the engine gave no product');
    const rows = new Float64Array(found);
    if (bias !== null) for (let i = 0; i < rows.length; i++) rows[i] = (rows[i] as number) + (bias[i % out] as number);
    return { rows: input.rows, columns: out, data: rows };
  };
  return {
    map,
    precision: 'float32',
    dispose: async () => {
      if (loaded !== undefined) await (await loaded).dispose();
    },
  };
}
