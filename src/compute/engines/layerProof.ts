/**
 * The second part of a device's proof: a decode step of a small GQA layer on a cache, against its formula written out in float64. It runs
 * what every layer needs: products of one row, a softmax, rows that are joined to a cache or written into it.
 */

import { buildAttentionProgram } from '../../attention/onnx/buildAttention';
import type { Tensor } from '../../attention/onnx/graph';
import { type AttentionLayerSpec, PLAIN_LAYER } from '../../attention/spec/layerSpec';
import { layerWeights } from '../../attention/spec/weightNames';
import { stepInputs } from '../../attention/step/stepInputs';
import type { DeviceProof, Precision } from '../../shared/devices';
import { withRoom } from '../bench/cacheRows';
import { seededNoise, seededWeights } from '../seededWeights';
import { type Engine, WrongNumbersError } from './engine';

const [HEADS, GROUPS, DIM, HIDDEN, PAST] = [4, 2, 8, 16, 5];

/** @internal */
export const PROOF_LAYER: AttentionLayerSpec = {
  ...PLAIN_LAYER,
  attention: { kind: 'full', queryHeads: HEADS, kvHeads: GROUPS, keyDim: DIM, valueDim: DIM },
  hiddenSize: HIDDEN,
  scale: DIM ** -0.5,
};

/** float32 stays a hundred times below, float16 (11 bits) about ten times. */
const LARGEST_ERROR: Readonly<Record<Precision, number>> = { float32: 1e-4, float16: 2e-2 };

/** What goes into the step. */
export interface ProofStep {
  readonly weights: ReadonlyMap<string, Float32Array>;
  readonly hidden: Float32Array;
  /** [groups, past, dim] */
  readonly key: Float32Array;
  readonly value: Float32Array;
}

/** @internal */
export function proofStep(): ProofStep {
  return {
    weights: seededWeights(layerWeights(PROOF_LAYER), 11),
    hidden: seededNoise(HIDDEN, 12),
    key: seededNoise(GROUPS * PAST * DIM, 13),
    value: seededNoise(GROUPS * PAST * DIM, 14),
  };
}

/**
 * Vaswani et al. 2017, 3.2: softmax(q·Kᵀ / √d)·V for each head, the heads joined and projected; two query heads share a K and V.
 * @internal
 */
export function expectedOutput({ weights, hidden, key, value }: ProofStep): Float64Array {
  const times = (name: string, x: ArrayLike<number>): Float64Array => {
    const matrix = weights.get(`${name}.weight`) ?? new Float32Array();
    return Float64Array.from({ length: matrix.length / x.length }, (_, row) =>
      dot(matrix, row * x.length, x, 0, x.length),
    );
  };
  const [query, newKey, newValue] = [times('q', hidden), times('k', hidden), times('v', hidden)];
  const joined = new Float64Array(HEADS * DIM);
  for (let head = 0; head < HEADS; head++) {
    const group = Math.floor((head * GROUPS) / HEADS);
    const row = (held: Float32Array, fresh: Float64Array, at: number): readonly [ArrayLike<number>, number] =>
      at < PAST ? [held, (group * PAST + at) * DIM] : [fresh, group * DIM];
    const scores = Array.from({ length: PAST + 1 }, (_, at) => {
      const [keys, from] = row(key, newKey, at);
      return PROOF_LAYER.scale * dot(query, head * DIM, keys, from, DIM);
    });
    const highest = Math.max(...scores);
    const powers = scores.map((score) => Math.exp(score - highest));
    const sum = powers.reduce((all, power) => all + power, 0);
    powers.forEach((power, at) => {
      const [values, from] = row(value, newValue, at);
      for (let d = 0; d < DIM; d++) {
        const index = head * DIM + d;
        joined[index] = (joined[index] as number) + (power / sum) * (values[from + d] as number);
      }
    });
  }
  return times('o', joined);
}

function dot(a: ArrayLike<number>, aFrom: number, b: ArrayLike<number>, bFrom: number, count: number): number {
  let sum = 0;
  for (let i = 0; i < count; i++) sum += (a[aFrom + i] as number) * (b[bFrom + i] as number);
  return sum;
}

/** @throws WrongNumbersError */
export async function proveLayer(
  engine: Pick<Engine, 'load' | 'writesInPlace'>,
): Promise<Pick<DeviceProof, 'layerError' | 'float16Error'>> {
  const step = proofStep();
  const expected = expectedOutput(step);
  const layerError = await stepError(engine, step, expected, 'float32');
  if (!(layerError <= LARGEST_ERROR.float32))
    throw new WrongNumbersError(`its attention layer is wrong: relative error ${layerError.toExponential(1)}`);
  // Not offered, or not right: float32 is what counts.
  const half = await stepError(engine, step, expected, 'float16').catch(() => Number.NaN);
  return { layerError, float16Error: half <= LARGEST_ERROR.float16 ? half : null };
}

async function stepError(
  engine: Pick<Engine, 'load' | 'writesInPlace'>,
  { weights, hidden, key, value }: ProofStep,
  expected: Float64Array,
  precision: Precision,
): Promise<number> {
  const inPlace = engine.writesInPlace === true;
  const program = buildAttentionProgram(PROOF_LAYER, {
    mode: 'decode',
    mask: false,
    ...(inPlace ? { cache: 'inPlace', room: { batch: 1, tokens: PAST + 1 } } : {}),
  });
  const floats = (shape: readonly number[], data: Float32Array): Tensor => ({ type: 'float32', shape, data });
  const constants = new Map(
    program.weightInputs.map(({ name, shape }) => [name, floats(shape, weights.get(name) ?? new Float32Array())]),
  );
  const past = program.cache.flatMap(({ role, past: name, present, shape }) => {
    const tensor = floats([1, GROUPS, PAST, DIM], role === 'key' ? key : value);
    return name === null || present === null ? [] : [{ name, output: present, shape, tensor }];
  });
  const held = past.map(
    ({ name, output, shape, tensor }) =>
      [name, { tensor: { ...withRoom(tensor, 1), shape: shape.map(Number) }, output }] as const,
  );
  const loaded = await engine.load(program.graph, {
    constants,
    precision,
    ...(inPlace ? { inPlace: new Map(held) } : {}),
  });
  try {
    const inputs = new Map([
      ['hidden', floats([1, 1, HIDDEN], hidden)],
      ...stepInputs(PROOF_LAYER, program, { newTokens: 1, pastTokens: PAST }),
      ...(inPlace ? [] : past.map(({ name, tensor }) => [name, tensor] as const)),
    ]);
    const output = (await loaded.run(inputs, ['output'])).get('output')?.data;
    if (!(output instanceof Float32Array) || output.length !== expected.length) return Number.NaN;
    const largest = expected.reduce((most, each) => Math.max(most, Math.abs(each)), 0);
    return expected.reduce((most, each, i) => maximum(most, Math.abs(each - (output[i] as number)) / largest), 0);
  } finally {
    await loaded.dispose();
  }
}

/** A difference that is no number is not small. */
function maximum(a: number, b: number): number {
  return Number.isNaN(a) || Number.isNaN(b) ? Number.NaN : Math.max(a, b);
}
