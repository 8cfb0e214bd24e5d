/** The proof of a device: a matrix product, compared with float64 JavaScript and timed, and the smallest layer. */

import type { Graph, Tensor } from '../../attention/onnx/graph';
import { OPSET } from '../../attention/onnx/graphBuilder';
import type { DeviceProof } from '../../shared/devices';
import { type Engine, WrongNumbersError } from './engine';
import { proveLayer } from './layerProof';

/** Larger ones only while they promise to be quick: a software adapter must not be waited for. */
const SIZES = [96, 512, 1024] as const;
const QUICK_MS = 60;
const RUNS = 5;
/** float32 with a reduction of 1024 stays far below; half precision and wrong kernels do not. */
const LARGEST_ERROR = 1e-4;
/** Rows of a large product that are compared. */
const CHECKED_ROWS = 8;

type MatmulProof = Omit<DeviceProof, 'layerError' | 'float16Error'>;
type Loader = Pick<Engine, 'load' | 'writesInPlace'>;

/** A matrix product, timed, and a decode step of a small layer: products alone do not make an attention layer. */
export async function proveDevice(engine: Loader): Promise<DeviceProof> {
  const product = await proveProducts(engine);
  return { ...product, ...(await proveLayer(engine)) };
}

async function proveProducts(engine: Loader): Promise<MatmulProof> {
  let proof: MatmulProof | null = null;
  for (const size of SIZES) {
    if (proof && expectedMs(proof, size) > QUICK_MS) break;
    proof = await proveSize(engine, size);
  }
  if (!proof) throw new Error('nothing was computed');
  return proof;
}

/** At the speed of the product before. The smallest one's time is mostly what a call costs, so it counts as it is. */
function expectedMs({ size: [done], medianMs }: MatmulProof, size: number): number {
  return done === SIZES[0] ? medianMs : medianMs * (size / done) ** 3;
}

async function proveSize(engine: Loader, size: number): Promise<MatmulProof> {
  const [a, b] = [pattern(size, 1), pattern(size, 2)];
  const tensor = (data: Float32Array): Tensor => ({ type: 'float32', shape: [size, size], data });
  const program = await engine.load(matmulGraph(size), { constants: new Map([['b', tensor(b)]]), repeated: true });
  try {
    const inputs = new Map([['a', tensor(a)]]);
    const times: number[] = [];
    let relativeError = 0;
    for (let run = 0; run <= RUNS; run++) {
      const start = performance.now();
      const result = (await program.run(inputs, ['c'])).get('c')?.data;
      const elapsed = performance.now() - start;
      if (run > 0) times.push(elapsed);
      else relativeError = compare(result, a, b, size);
      if (run > 0 && times.reduce((sum, ms) => sum + ms, 0) > 5 * QUICK_MS) break;
    }
    const medianMs = median(times);
    return { size: [size, size, size], medianMs, gflops: (2 * size ** 3) / medianMs / 1e6, relativeError };
  } finally {
    await program.dispose();
  }
}

function compare(result: Tensor['data'] | undefined, a: Float32Array, b: Float32Array, size: number): number {
  if (!(result instanceof Float32Array) || result.length !== size * size)
    throw new WrongNumbersError('the product has the wrong shape');
  let [largest, error] = [0, 0];
  const step = Math.max(1, Math.floor(size / CHECKED_ROWS));
  for (let i = 0; i < size; i += step) {
    for (let j = 0; j < size; j++) {
      let sum = 0;
      for (let k = 0; k < size; k++) sum += (a[i * size + k] as number) * (b[k * size + j] as number);
      largest = Math.max(largest, Math.abs(sum));
      error = Math.max(error, Math.abs(sum - (result[i * size + j] as number)));
    }
  }
  const relative = error / largest;
  if (!(relative <= LARGEST_ERROR))
    throw new WrongNumbersError(`the product is wrong: relative error ${relative.toExponential(1)}`);
  return relative;
}

function matmulGraph(size: number): Graph {
  const value = (name: string) => ({ name, type: 'float32' as const, shape: [size, size] });
  return {
    name: 'proof',
    inputs: [value('a'), value('b')],
    outputs: [value('c')],
    initializers: [],
    nodes: [{ op: 'MatMul', domain: '', name: 'product', inputs: ['a', 'b'], outputs: ['c'], attributes: {} }],
    opset: OPSET,
  };
}

/** Reproducible numbers in −1…1. */
function pattern(size: number, seed: number): Float32Array {
  let state = seed * 0x9e3779b9;
  return Float32Array.from({ length: size * size }, () => {
    state = (Math.imul(state, 1664525) + 1013904223) | 0;
    return state / 2 ** 31;
  });
}

export function median(values: readonly number[]): number {
  const sorted = values.toSorted((x, y) => x - y);
  const middle = sorted.length >> 1;
  const upper = sorted[middle] ?? Number.NaN;
  return sorted.length % 2 === 1 ? upper : ((sorted[middle - 1] ?? upper) + upper) / 2;
}
