/** A cache by columns gives the numbers of one by rows. */

import { describe, expect, it } from 'vitest';
import { buildAttentionProgram } from '../../../src/attention/onnx/buildAttention';
import type { Tensor } from '../../../src/attention/onnx/graph';
import { type AttentionLayerSpec, headDims } from '../../../src/attention/spec/layerSpec';
import type { LatentForm } from '../../../src/attention/onnx/program';
import { stepInputs } from '../../../src/attention/step/stepInputs';
import { layerWeights } from '../../../src/attention/spec/weightNames';
import { withColumnCache } from '../../../src/compute/columnCache';
import { createEngine } from '../../../src/compute/engines/createEngine';
import { seededNoise, seededWeights } from '../../../src/compute/seededWeights';
import { expectClose } from '../attention/support/compare';
import { LAYERS } from '../attention/support/layers';
import { eachOrSkip, noCases } from '../support/cases';

const PAST = 6;
const noise = (shape: readonly number[], seed: number): Tensor => ({
  type: 'float32',
  shape,
  data: seededNoise(
    shape.reduce((a, b) => a * b, 1),
    seed,
  ),
});

function byColumns({ shape, data }: Tensor): Tensor {
  const [rows = 0, columns = 0] = shape.slice(-2);
  const turned = new Float32Array(data.length).map((_, i) => {
    const matrix = Math.floor(i / (rows * columns)) * rows * columns;
    const [column, row] = [Math.floor((i - matrix) / rows), (i - matrix) % rows];
    return Number(data[matrix + row * columns + column]);
  });
  return { type: 'float32', shape: [...shape.slice(0, -2), columns, rows], data: turned };
}

async function outputs(
  layer: AttentionLayerSpec,
  form: LatentForm | null,
  sharing: number,
): Promise<(Tensor | undefined)[] | null> {
  const program = buildAttentionProgram(layer, {
    mode: 'decode',
    cache: 'append',
    mask: false,
    ...(form ? { form } : {}),
  });
  const columns = withColumnCache(program, sharing);
  if (!columns) return null;
  const weights = seededWeights(layerWeights(layer), 1);
  const constants = new Map(
    program.weightInputs.map(({ name, shape }) => [
      name,
      { type: 'float32' as const, shape, data: weights.get(name) ?? new Float32Array() },
    ]),
  );
  const inputs = new Map([
    ['hidden', noise([2, 1, layer.hiddenSize], 2)],
    ...stepInputs(layer, program, { newTokens: 1, pastTokens: PAST }),
  ]);
  const past = new Map(
    program.cache.flatMap(({ past: name, shape }) => {
      const sizes = shape.map((size, i) => (typeof size === 'number' ? size : i === 0 ? 2 : PAST));
      return name === null ? [] : [[name, noise(sizes, name.length)] as const];
    }),
  );
  const engine = createEngine('onnxruntime-cpu', { threads: 1 });
  const run = async (graph: typeof columns, resident: ReadonlyMap<string, Tensor>): Promise<Tensor | undefined> => {
    const loaded = await engine.load(graph, { constants, resident });
    const result = (await loaded.run(inputs, ['output'])).get('output');
    await loaded.dispose();
    return result;
  };
  return [
    await run(program.graph, past),
    await run(columns, new Map([...past].map(([name, tensor]) => [name, byColumns(tensor)]))),
  ];
}

describe('a cache by columns', () => {
  const grouped = Object.entries(LAYERS).filter(
    ([, { attention }]) => attention.kind === 'full' && attention.queryHeads > attention.kvHeads,
  );
  eachOrSkip(grouped, noCases, ([name, layer]) => {
    it(`agrees for "${name}"`, async () => {
      const { queryHeads, kvHeads } = headDims(layer.attention);
      const [rows, columns] = (await outputs(layer, null, queryHeads / kvHeads)) ?? [];
      expectClose('output', columns, rows && { shape: rows.shape, data: rows.data as Float32Array }, 1e-5);
    });
  });

  it('is not offered where every query has its own key, nor for latents', async () => {
    expect(await outputs(LAYERS['mha'] as AttentionLayerSpec, null, 1)).toBeNull();
    for (const form of ['expanded', 'absorbed'] as const)
      expect(await outputs(LAYERS['latent'] as AttentionLayerSpec, form, 128)).toBeNull();
  });
});
