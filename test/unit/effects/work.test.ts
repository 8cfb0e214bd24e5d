// How much work a map does, whatever the clock says: what is multiplied how often, and what is read.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { createEngine } from '../../../src/compute/engines/createEngine';
import type { Engine } from '../../../src/compute/engines/engine';
import { stagesFor } from '../../../src/compute/effects/chooseStages';
import { Effects, readPrompt } from '../../../src/compute/effects/effects';
import { HeadModel } from '../../../src/compute/heads/headModel';
import { UNWATCHED } from '../../../src/compute/heads/watch';
import type { Graph } from '../../../src/attention/onnx/graph';
import type { WeightStore } from '../../../src/weights/weightStore';
import { writeTiny } from '../weights/forwardComparison';
import { TINY_MODELS } from '../weights/tinyModels';

const folder = mkdtempSync(join(tmpdir(), 'headlight-work-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** Rows that each graph was given, by its name, run by run. */
function counting(engine: Engine): { readonly engine: Engine; readonly rows: Map<string, number[]> } {
  const rows = new Map<string, number[]>();
  const load: Engine['load'] = async (graph: Graph, options) => {
    const program = await engine.load(graph, options);
    return {
      wholeOnDevice: program.wholeOnDevice,
      dispose: () => program.dispose(),
      run: (inputs, outputs) => {
        const { shape } = inputs.get('hidden') ?? inputs.get('after') ?? inputs.get('x') ?? expect.fail(graph.name);
        const own = rows.get(graph.name) ?? [];
        rows.set(graph.name, [...own, shape.slice(0, -1).reduce((product, size) => product * size, 1)]);
        return program.run(inputs, outputs);
      },
    };
  };
  return {
    engine: {
      id: engine.id,
      describe: () => engine.describe(),
      load,
      probe: () => engine.probe(),
      dispose: () => engine.dispose(),
    },
    rows,
  };
}

/** Numbers that were read of each tensor. */
function readsOf(store: WeightStore): Map<string, number> {
  const reads = new Map<string, number>();
  const read = store.read.bind(store);
  store.read = async (name, options) => {
    const values = await read(name, options);
    reads.set(name, (reads.get(name) ?? 0) + values.length);
    return values;
  };
  return reads;
}

describe('the map of all heads on graphs', () => {
  it('runs each layer behind a cut once for all its heads, begins with the last layer, and reads weights once a part', async () => {
    const tiny = TINY_MODELS.find(({ name }) => name === 'gpt2') ?? expect.fail('no gpt2');
    const { path } = writeTiny(folder, tiny, 'F32');
    const model = await HeadModel.open(path);
    const { engine, rows } = counting(createEngine('onnxruntime-cpu', { threads: 1 }));
    const reads = readsOf(model.model.store);
    const stages = stagesFor(model, engine, 'float32');
    const ids = [3, 14, 15, 9, 26, 5];
    const effects = new Effects(stages, await readPrompt(stages, ids, UNWATCHED), null);
    const layers = stages.layers.length;
    const [{ queryHeads: heads } = expect.fail('no layer')] = stages.layers;
    // The unchanged run: two graphs a layer; nothing in matrices but the head, for all positions and for the last.
    const [tokens, known] = [ids.length, [] as string[]];
    expect(rows.get('block, its heads')).toEqual(Array(layers).fill(tokens));
    expect(rows.get('block, behind its heads')).toEqual(Array(layers).fill(tokens));
    expect(rows.get('rows times rows')?.toSorted((a, b) => a - b)).toEqual([1, tokens]);
    rows.clear();
    reads.clear();
    const order: number[] = [];
    for (let left = Number.POSITIVE_INFINITY; left > 0; ) {
      const next = await effects.map(['head'], 'zero', [], known, UNWATCHED);
      known.push(...next.effects.map(({ place }) => place));
      order.push(...new Set(next.effects.map(({ layer }) => layer)));
      expect(next.effects).toHaveLength(heads);
      // What is promised is known by one product a layer, and not before the first row is there.
      if (order.length === 1) expect(rows.get('rows times rows')).toBeUndefined();
      left = next.left;
    }
    expect(order[0]).toBe(layers - 1);
    expect(order.toSorted((a, b) => a - b)).toEqual([...order.keys()]);
    const batch = heads * tokens;
    expect(rows.get('block, its heads')).toBeUndefined();
    expect(rows.get('block, behind its heads')).toEqual(Array(layers).fill(batch));
    const whole = [...rows].filter(([name]) => name.startsWith('block full'));
    expect(whole.flatMap(([, each]) => each)).toEqual(Array((layers * (layers - 1)) / 2).fill(batch));
    expect(rows.get('predictions compared')).toEqual(Array(layers).fill(batch));
    expect(rows.get('rows times rows')).toHaveLength(layers - 1);
    // A small model stays in memory; the tensors of the head were read by the unchanged run.
    expect([...reads.values()].reduce((sum, count) => sum + count, 0)).toBe(0);
    await stages.dispose();
    await model.close();
  });
});
