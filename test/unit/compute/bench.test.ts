/** The bench: cores are the layers without their projections, peers get the same numbers, ratios say who is faster. */

import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { describe, expect, it } from 'vitest';
import { buildAttentionProgram } from '../../../src/attention/onnx/buildAttention';
import { elementCount, type Tensor } from '../../../src/attention/onnx/graph';
import type { LatentForm } from '../../../src/attention/onnx/program';
import { layerWeights } from '../../../src/attention/spec/weightNames';
import { byColumns, withRoom, writeRows } from '../../../src/compute/bench/cacheRows';
import { benchCases, caseWork } from '../../../src/compute/bench/cases';
import { caseTensors } from '../../../src/compute/bench/caseTensors';
import { attentionCore } from '../../../src/compute/bench/coreGraph';
import { predictions, predictionText } from '../../../src/compute/bench/prediction';
import { benchRatios } from '../../../src/compute/bench/ratios';
import { createEngine } from '../../../src/compute/engines/createEngine';
import { noiseTensor, seededNoise, seededWeights } from '../../../src/compute/seededWeights';
import { relativeError } from '../golden';
import { LAYERS } from '../attention/support/layers';

const engine = createEngine('onnxruntime-cpu', { threads: 1 });
const floats = (shape: readonly number[], data: Float32Array): Tensor => ({ type: 'float32', shape, data });

describe('the core of a layer', () => {
  it.each([
    ['mha', {}],
    ['gqa 2', {}],
    ['latent', {}],
    ['latent, q compressed', {}],
    ['latent', { form: 'absorbed' }],
    ['latent', { form: 'absorbed', folded: true }],
  ] as const)(
    '"%s" is the layer without its projections %o',
    async (name, { form, folded = false }: { form?: LatentForm; folded?: boolean }) => {
      const layer = LAYERS[name];
      if (!layer) throw new Error('no such layer');
      const spec = { ...layer, biases: { q: false, k: false, v: false, o: false } };
      const weights = seededWeights(layerWeights(spec), 1);
      const shapes = new Map(layerWeights(spec).map((info) => [info.name, info.shape]));
      const { graph } = buildAttentionProgram(spec, {
        mode: 'prefill',
        cache: 'none',
        mask: false,
        ...(form ? { form } : {}),
      });
      const core = attentionCore(graph, { shape: (weight) => shapes.get(weight) ?? [], folded });
      const heads = core.graph.outputs[0]?.name ?? '';
      // The whole layer, with what enters and leaves its core as outputs of its own.
      const border = core.projected.map(({ name: input }) => input.slice('core_'.length));
      const products = border.map(
        (weight) =>
          graph.nodes.find((node) => node.op === 'MatMul' && (node.name === weight || node.inputs[1] === weight))
            ?.outputs[0] ?? '',
      );
      const ranks = [...core.projected, core.graph.outputs[0]].map((info) => info?.shape.length ?? 0);
      const watched = {
        ...graph,
        outputs: [...products, heads].map((value, i) => ({
          name: value,
          type: 'float32' as const,
          shape: ['a', 'b', 'c', 'd'].slice(0, ranks[i]),
        })),
      };
      const feeds = new Map([['hidden', floats([2, 3, spec.hiddenSize], seededNoise(6 * spec.hiddenSize, 5))]]);
      if (spec.rotary) {
        const table = seededNoise(3 * (spec.rotary.dim / 2), 6);
        for (const input of ['cos', 'sin']) feeds.set(input, floats([1, 1, 3, spec.rotary.dim / 2], table));
      }
      const constants = new Map(
        layerWeights(spec).map((info) => [info.name, floats(info.shape, weights.get(info.name) ?? new Float32Array())]),
      );
      const of = (names: readonly string[]): Map<string, Tensor> =>
        new Map([...constants].filter(([key]) => names.includes(key)));
      const whole = await (await engine.load(watched, { constants: of(graph.inputs.map((input) => input.name)) })).run(
        feeds,
        [...products, heads],
      );
      border.forEach((weight, i) => feeds.set(`core_${weight}`, whole.get(products[i] ?? '') as Tensor));
      const inputs = core.graph.inputs.map((input) => input.name);
      const loaded = await engine.load(core.graph, { constants: of(inputs) });
      const alone = await loaded.run(new Map([...feeds].filter(([key]) => inputs.includes(key))), [heads]);
      expect(inputs).not.toContain('hidden');
      expect(inputs.filter((input) => input.startsWith('w_u'))).toHaveLength(
        spec.attention.kind === 'latent' && !folded ? 2 : 0,
      );
      expect(
        relativeError(alone.get(heads)?.data as Float32Array, whole.get(heads)?.data as Float32Array),
      ).toBeLessThan(1e-6);
    },
  );
});

describe('the cases', () => {
  const cases = benchCases(false);
  it('have the names that the contract knows', () => {
    const named = cases
      .filter(({ name }) => !name.startsWith('token-'))
      .map(({ name, variant }) => `${name} ${variant}`);
    expect(named.toSorted()).toEqual([
      'decode-4096-deepseek-v3 mha',
      'decode-4096-deepseek-v3 mla-absorbed',
      'decode-4096-deepseek-v3 mla-absorbed-unfolded',
      'decode-4096-deepseek-v3 mla-expanded',
      'decode-4096-llama3-8b gqa',
      'prefill-512-llama3-8b gqa',
    ]);
  });

  it.each([false, true])(
    'have tensors for every input of their graphs, whether the runner writes the cache (%s) or not',
    (written) => {
      for (const test of cases.filter(({ tokens, past }) => tokens <= 512 && (past > 0 || !written))) {
        const { graph, program, rows, weights, inputs, past } = caseTensors(test, { written });
        const given = [
          ...Object.keys(weights),
          ...Object.keys(inputs),
          ...program.cache.flatMap(({ past: name, role }) => (past[role] ? [name] : [])),
        ];
        const taken = new Set(
          [graph, ...(rows ? [rows.graph] : [])].flatMap(({ inputs: all }) => all.map(({ name }) => name)),
        );
        for (const step of ['cos', 'sin', 'mask']) taken.delete(step);
        expect([...taken].toSorted(), `${test.name} ${test.variant}`).toEqual(given.toSorted());
        // The same numbers for peers that join past and new themselves.
        const plain = caseTensors(test);
        expect({ weights, inputs, past }).toEqual({ weights: plain.weights, inputs: plain.inputs, past: plain.past });
      }
    },
  );

  it('cost what a hand count says', () => {
    const work = (name: string, variant: string): ReturnType<typeof caseWork> => {
      const found = cases.find((test) => test.name === name && test.variant === variant);
      if (!found) throw new Error('no such case');
      return caseWork(found);
    };
    const weights = 4096 * (4096 + 1024 + 1024 + 4096);
    expect(work('decode-4096-llama3-8b', 'gqa')).toEqual({
      flops: 2 * weights + 2 * 4096 * 32 * 256,
      bytesRead: 4 * (weights + 4096 * 8 * 256),
    });
    expect(work('prefill-512-llama3-8b', 'gqa').flops).toBe(512 * 2 * weights + 2 * ((512 * 513) / 2) * 32 * 256);
    const up = 128 * 256 * 512;
    expect(work('decode-4096-deepseek-v3', 'mla-absorbed')).toEqual({
      flops: 2 * 4096 * 128 * (576 + 512),
      bytesRead: 4 * 4096 * 576,
    });
    expect(work('decode-4096-deepseek-v3', 'mla-absorbed-unfolded')).toEqual({
      flops: 2 * up + 2 * 4096 * 128 * (576 + 512),
      bytesRead: 4 * (up + 4096 * 576),
    });
    expect(work('decode-4096-deepseek-v3', 'mha').bytesRead / 4 / 4096).toBe(32768);
  });
});

describe('ratios', () => {
  const result = (
    name: string,
    variant: string,
    engineName: 'onnxruntime-cpu' | 'pytorch',
    medianMs: number,
    cacheBytes = 1,
  ) => ({
    case: name,
    variant,
    engine: engineName,
    medianMs,
    cacheBytes,
    rooflineMs: medianMs / 2,
  });
  it('are above 1 where we are faster, and leave out what was not measured', () => {
    const deepseek = 'decode-4096-deepseek-v3';
    const ratios = benchRatios([
      result('decode-4096-llama3-8b', 'gqa', 'onnxruntime-cpu', 10),
      result('decode-4096-llama3-8b', 'gqa', 'pytorch', 20),
      result(deepseek, 'mha', 'onnxruntime-cpu', 60, 32768),
      result(deepseek, 'mla-absorbed', 'onnxruntime-cpu', 15, 576),
    ]);
    expect(ratios.map(({ ratio }) => Number(ratio.toFixed(1)))).toEqual([2, 4, 4, 56.9]);
  });
});

describe('the roofline beside the bench', () => {
  const found = predictions(4096, { flopsPerS: 120e9, bytesPerS: 15e9 });
  const [core, layer, claimed, here] = found;

  it('of the core on an H100 is what bytes and operations say: both read, the caches differ by 56.9', () => {
    // 3.35 TB/s; 4,096 tokens of 2 × 128 × 128 numbers, or of 576; two bytes each.
    expect(core).toMatchObject({
      device: 'H100 SXM 80GB',
      precision: 'bf16',
      scope: 'core',
      batch: 1,
      mhaLimit: 'memory',
      mlaLimit: 'memory',
    });
    expect(core?.mhaMs).toBeCloseTo((4096 * 32768 * 2) / 3.35e9, 6);
    expect(core?.mlaMs).toBeCloseTo((4096 * 576 * 2) / 3.35e9, 6);
    expect(core?.ratio).toBeCloseTo(32768 / 576, 6);
  });

  it('of the layer has the weights of the projections, and reaches the 6 times of the lectures with more sequences', () => {
    const weights = 4 * 7168 * 128 * 128;
    expect(layer?.mhaMs).toBeCloseTo(((weights + 4096 * 32768) * 2) / 3.35e9, 6);
    expect(layer?.ratio).toBeLessThan(6);
    expect(claimed).toMatchObject({ scope: 'layer', batch: 6 });
    expect(claimed?.ratio).toBeGreaterThanOrEqual(6);
  });

  it('of this machine has its measured rates: MHA reads, MLA computes', () => {
    expect(here).toMatchObject({ precision: 'float32', mhaLimit: 'memory', mlaLimit: 'compute' });
    expect(here?.mhaMs).toBeCloseTo((4096 * 32768 * 4) / 15e6, 6);
    expect(here?.mlaMs).toBeCloseTo((2 * 4096 * 128 * (576 + 512)) / 120e6, 6);
    expect(predictions(4096, null)).toHaveLength(3);
  });

  it('is said in a sentence', () => {
    expect(found.map(predictionText)[0]).toBe(
      'roofline, H100 SXM 80GB, bf16, attention core of DeepSeek-V3, 1 × 4096 tokens: MHA 80.1 µs (memory), MLA absorbed 1.41 µs (memory), 56.9 times',
    );
  });
});

describe('a cache written in place', () => {
  it.each([false, true])('has the new rows behind the old ones (by columns: %s)', (columns) => {
    const [heads, past, count, dim] = [3, 4, 2, 5];
    const old = floats([1, heads, past, dim], seededNoise(heads * past * dim, 1));
    const fresh = floats([1, heads, count, dim], seededNoise(heads * count * dim, 2));
    const room = withRoom(old, count);
    const buffer = columns ? byColumns(room) : room;
    writeRows(buffer, fresh, past, columns);
    const at = (head: number, token: number, i: number): number =>
      Number(
        columns
          ? buffer.data[(head * dim + i) * (past + count) + token]
          : buffer.data[(head * (past + count) + token) * dim + i],
      );
    for (let head = 0; head < heads; head++) {
      for (let i = 0; i < dim; i++) {
        for (let token = 0; token < past; token++)
          expect(at(head, token, i)).toBe(old.data[(head * past + token) * dim + i]);
        for (let token = 0; token < count; token++)
          expect(at(head, past + token, i)).toBe(fresh.data[(head * count + token) * dim + i]);
      }
    }
  });
});

describe('noise', () => {
  it('lies in its range around its middle', () => {
    const values = noiseTensor({ shape: [100, 100], stream: 3, scale: 0.5, plus: 1 });
    expect(values).toHaveLength(elementCount([100, 100]));
    expect(Math.min(...values)).toBeGreaterThanOrEqual(0.5);
    expect(Math.max(...values)).toBeLessThanOrEqual(1.5);
    expect(values.reduce((sum, value) => sum + value, 0) / values.length).toBeCloseTo(1, 1);
  });

  const python = [process.env['HEADLIGHT_PYTHON'], 'python3'].find((candidate) => {
    try {
      execFileSync(candidate ?? '', ['-c', 'import torch, numpy'], { stdio: 'ignore' });
      return true;
    } catch {
      return false;
    }
  });
  it.skipIf(!python)(
    `is the same in PyTorch's peer${python ? '' : ' (skipped: no Python with torch; HEADLIGHT_PYTHON names one)'}`,
    () => {
      const recipe = { shape: [7, 11], stream: -1234567, scale: 0.3, plus: 1 };
      const folder = mkdtempSync(join(tmpdir(), 'headlight-noise-'));
      const script = resolve(import.meta.dirname, '../../bench/pytorch_peer.py');
      const code = `import sys, io, json, runpy; sys.stdin = io.StringIO(""); peer = runpy.run_path(sys.argv[1]); print(json.dumps(peer["noise"](json.loads(sys.argv[2])).flatten().tolist()))`;
      writeFileSync(join(folder, 'noise.py'), code);
      const output = execFileSync(python ?? '', [join(folder, 'noise.py'), script, JSON.stringify(recipe)], {
        encoding: 'utf8',
      });
      rmSync(folder, { recursive: true });
      expect(Float32Array.from(JSON.parse(output) as number[])).toEqual(noiseTensor(recipe));
    },
  );
});
