/** The grid on an engine: every kind of layer, prefill and decode, against the float64 reference. */

import { buildAttentionProgram } from '../../src/attention/onnx/buildAttention';
import { canFuse } from '../../src/attention/onnx/fusedGraph';
import type { Tensor } from '../../src/attention/onnx/graph';
import type { LatentForm, ProgramOptions } from '../../src/attention/onnx/program';
import type { AttentionLayerSpec } from '../../src/attention/spec/layerSpec';
import { layerWeights } from '../../src/attention/spec/weightNames';
import { ringSlots, slotPositions } from '../../src/attention/step/ring';
import { stepInputs } from '../../src/attention/step/stepInputs';
import { inRing } from '../../src/compute/bench/cacheRows';
import { type Engine, errorSentence } from '../../src/compute/engines/engine';
import { seededNoise, seededWeights } from '../../src/compute/seededWeights';
import type { Precision } from '../../src/shared/devices';
import { referenceLayer } from '../oracle/layer';
import { Tensor64 } from '../oracle/tensor64';
import { LAYERS } from '../unit/attention/support/layers';

export interface GridCase {
  readonly label: string;
  readonly layer: string;
  readonly past: number;
  readonly tokens: number;
  readonly batch: number;
  readonly form: LatentForm | null;
  readonly fused: boolean;
  readonly precision: Precision;
}

export interface GridResult {
  readonly label: string;
  readonly precision: Precision;
  /** Largest difference ÷ largest value, of the output and of the cache; null where it did not run. */
  readonly error: number | null;
  readonly right: boolean;
  readonly reason: string | null;
}

const LARGEST_ERROR: Readonly<Record<Precision, number>> = { float32: 1e-4, float16: 3e-2 };

/** A few that reach every operator, for an adapter that compiles slowly. */
const FEW = ['latent', 'sliding'];

export function gridCases(small: boolean): readonly GridCase[] {
  const layers = Object.entries(LAYERS).filter(([name]) => !small || FEW.includes(name));
  const precisions: readonly Precision[] = ['float32', 'float16'];
  return precisions.flatMap((precision) =>
    layers.flatMap(([layer, spec]) => {
      const forms = spec.attention.kind === 'latent' && !small ? (['expanded', 'absorbed'] as const) : [null];
      return forms.flatMap((form) =>
        [false, ...(!small && canFuse(spec, { mode: 'decode' }) ? [true] : [])].flatMap((fused) =>
          [
            { past: 0, tokens: 7, batch: 1 },
            { past: 5, tokens: 1, batch: small ? 1 : 2 },
          ].map((shape) => ({
            ...shape,
            layer,
            form,
            fused,
            precision,
            label: `${layer}${form ? `, ${form}` : ''}${fused ? ', fused' : ''}, ${shape.past > 0 ? 'decode' : 'prefill'}`,
          })),
        ),
      );
    }),
  );
}

export async function runGridCase(engine: Engine, test: GridCase): Promise<GridResult> {
  const { label, precision } = test;
  try {
    const error = await caseError(engine, test);
    const right = error <= LARGEST_ERROR[precision];
    return { label, precision, error, right, reason: right ? null : 'the numbers are wrong' };
  } catch (error) {
    return { label, precision, error: null, right: false, reason: errorSentence(error) };
  }
}

async function caseError(
  engine: Engine,
  { layer, past, tokens, batch, form, fused, precision }: GridCase,
): Promise<number> {
  const spec = LAYERS[layer] as AttentionLayerSpec;
  const weights = seededWeights(layerWeights(spec), 7);
  const random = (count: number, seed: number): Tensor64 =>
    new Tensor64([batch, count, spec.hiddenSize], seededNoise(batch * count * spec.hiddenSize, seed));
  const before = past === 0 ? null : referenceLayer(spec, weights, random(past, 1)).cache;
  const hidden = random(tokens, 2);
  const expected = referenceLayer(spec, weights, hidden, before);
  const inPlace = engine.writesInPlace === true && past > 0;
  const slots = ringSlots(spec.attention, past + tokens, tokens);
  const options: ProgramOptions = {
    mode: past > 0 ? 'decode' : 'prefill',
    fused,
    ...(form ? { form } : {}),
    ...(inPlace ? { cache: 'inPlace', room: { batch, tokens: slots } } : {}),
  };
  const program = buildAttentionProgram(spec, options);
  const floats = ({ shape, data }: Tensor64): Tensor => ({ type: 'float32', shape, data: Float32Array.from(data) });
  const constants = new Map(
    program.weightInputs.map(({ name, shape }) => [
      name,
      { type: 'float32' as const, shape, data: weights.get(name) ?? new Float32Array() },
    ]),
  );
  const held = program.cache.flatMap(({ role, past: name, present, shape }) => {
    const tensor = before?.[role];
    return name === null || present === null || !tensor ? [] : [{ role, name, present, shape, tensor: floats(tensor) }];
  });
  const loaded = await engine.load(program.graph, {
    constants,
    precision,
    ...(inPlace
      ? {
          inPlace: new Map(
            held.map(({ name, present, shape, tensor }) => [
              name,
              { tensor: { ...inRing(tensor, slots, past), shape: shape.map(Number) }, output: present },
            ]),
          ),
        }
      : {}),
  });
  try {
    const inputs = new Map([
      ['hidden', floats(hidden)],
      ...stepInputs(spec, program, { batch, newTokens: tokens, pastTokens: past }),
      ...(inPlace ? [] : held.map(({ name, tensor }) => [name, tensor] as const)),
    ]);
    const presents = program.cache.flatMap(({ role, present }) => (present === null ? [] : [[role, present] as const]));
    const results = await loaded.run(inputs, ['output', ...(inPlace ? [] : presents.map(([, name]) => name))]);
    let worst = difference(results.get('output'), expected.output);
    for (const [role, name] of presents) {
      const own = held.find((each) => each.role === role);
      const tensor = inPlace && own ? inOrder(await loaded.read?.(own.name), slots, past + tokens) : results.get(name);
      worst = Math.max(worst, difference(tensor, expected.cache[role]));
    }
    return worst;
  } finally {
    await loaded.dispose();
  }
}

/** Rows of a ring [sequences · heads · slots, dim], or of a buffer, by position, the oldest first. */
function inOrder(tensor: Tensor | undefined, slots: number, tokens: number): Tensor | undefined {
  if (!tensor) return undefined;
  const dim = tensor.shape.at(-1) ?? 0;
  const order = [...slotPositions(slots, tokens).entries()].toSorted(([, a], [, b]) => a - b).map(([slot]) => slot);
  const source = tensor.data as Float32Array;
  const data = new Float32Array(source.length);
  for (let part = 0; part < source.length; part += slots * dim)
    order.forEach((slot, row) =>
      data.set(source.subarray(part + slot * dim, part + (slot + 1) * dim), part + row * dim),
    );
  return { ...tensor, data };
}

/** NaN where there is nothing to compare, or a number is none. */
function difference(actual: Tensor | undefined, expected: Tensor64 | undefined): number {
  if (!actual || !expected || actual.data.length !== expected.data.length) return Number.NaN;
  let [largest, error] = [0, 0];
  expected.data.forEach((value, i) => {
    const off = Math.abs(value - Number(actual.data[i]));
    if (!(off <= error)) error = off;
    largest = Math.max(largest, Math.abs(value));
  });
  return error / largest;
}
