/** The bench: cores are the layers without their projections, peers get the same numbers, ratios say who is faster. */

import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { describe, expect, it } from 'vitest';
import { buildAttentionProgram } from '../../../src/attention/buildAttention';
import { elementCount, type Tensor } from '../../../src/attention/graph';
import { layerWeights } from '../../../src/attention/weightNames';
import { benchCases, caseWork } from '../../../src/compute/bench/cases';
import { caseTensors } from '../../../src/compute/bench/caseTensors';
import { attentionCore } from '../../../src/compute/bench/coreGraph';
import { benchRatios } from '../../../src/compute/bench/ratios';
import { createEngine } from '../../../src/compute/engines/createEngine';
import { noiseTensor, seededNoise, seededWeights } from '../../../src/compute/seededWeights';
import { relativeError } from '../attention/support/compare';
import { LAYERS } from '../attention/support/layers';

const engine = createEngine('onnxruntime-cpu', { threads: 1 });
const floats = (shape: readonly number[], data: Float32Array): Tensor => ({ type: 'float32', shape, data });

describe('the core of a layer', () => {
  it.each(['mha', 'gqa 2', 'latent', 'latent, q compressed'])('"%s" is the layer without its projections', async (name) => {
    const layer = LAYERS[name];
    if (!layer) throw new Error('no such layer');
    const spec = { ...layer, biases: { q: false, k: false, v: false, o: false } };
    const weights = seededWeights(layerWeights(spec), 1);
    const rows = new Map(layerWeights(spec).map((info) => [info.name, info.shape[0] ?? 0]));
    const { graph } = buildAttentionProgram(spec, { mode: 'prefill', cache: 'none', mask: false });
    const core = attentionCore(graph, (weight) => rows.get(weight) ?? 0);
    const heads = core.graph.outputs[0]?.name ?? '';
    // The whole layer, with what enters and leaves its core as outputs of its own.
    const border = core.projected.map(({ name: input }) => input.slice('core_'.length));
    const products = border.map((weight) => graph.nodes.find((node) => node.op === 'MatMul' && node.name === weight)?.outputs[0] ?? '');
    const watched = { ...graph, outputs: [...products, heads].map((value) => ({ name: value, type: 'float32' as const, shape: ['a', 'b', 'c'] })) };
    const feeds = new Map([['hidden', floats([2, 3, spec.hiddenSize], seededNoise(6 * spec.hiddenSize, 5))]]);
    if (spec.rotary) {
      const table = seededNoise(3 * (spec.rotary.dim / 2), 6);
      for (const input of ['cos', 'sin']) feeds.set(input, floats([1, 1, 3, spec.rotary.dim / 2], table));
    }
    const constants = new Map(layerWeights(spec).map((info) => [info.name, floats(info.shape, weights.get(info.name) ?? new Float32Array())]));
    const of = (names: readonly string[]): Map<string, Tensor> => new Map([...constants].filter(([key]) => names.includes(key)));
    const whole = await (await engine.load(watched, { constants: of(graph.inputs.map((input) => input.name)) })).run(feeds, [...products, heads]);
    border.forEach((weight, i) => feeds.set(`core_${weight}`, whole.get(products[i] ?? '') as Tensor));
    const inputs = core.graph.inputs.map((input) => input.name);
    const loaded = await engine.load(core.graph, { constants: of(inputs) });
    const alone = await loaded.run(new Map([...feeds].filter(([key]) => inputs.includes(key))), [heads]);
    expect(inputs).not.toContain('hidden');
    expect(relativeError(alone.get(heads)?.data as Float32Array, whole.get(heads)?.data as Float32Array)).toBeLessThan(1e-6);
  });
});

describe('the cases', () => {
  const cases = benchCases(false);
  it('have the names that the contract knows', () => {
    const named = cases.filter(({ name }) => !name.startsWith('token-')).map(({ name, variant }) => `${name} ${variant}`);
    expect(named.toSorted()).toEqual([
      'decode-4096-deepseek-v3 mha',
      'decode-4096-deepseek-v3 mla-absorbed',
      'decode-4096-deepseek-v3 mla-expanded',
      'decode-4096-llama3-8b gqa',
      'prefill-512-llama3-8b gqa',
    ]);
  });

  it('have tensors for every input of their graphs', () => {
    for (const test of cases.filter(({ tokens }) => tokens <= 512)) {
      const { graph, program, weights, inputs, past } = caseTensors(test);
      const given = [...Object.keys(weights), ...Object.keys(inputs), ...program.cache.flatMap(({ past: name, role }) => (past[role] ? [name] : []))];
      const steps = ['cos', 'sin', 'mask'];
      expect(graph.inputs.map(({ name }) => name).filter((name) => !steps.includes(name)).toSorted(), `${test.name} ${test.variant}`).toEqual(given.toSorted());
    }
  });

  it('cost what a hand count says', () => {
    const work = (name: string, variant: string): ReturnType<typeof caseWork> => {
      const found = cases.find((test) => test.name === name && test.variant === variant);
      if (!found) throw new Error('no such case');
      return caseWork(found);
    };
    const weights = 4096 * (4096 + 1024 + 1024 + 4096);
    expect(work('decode-4096-llama3-8b', 'gqa')).toEqual({ flops: 2 * weights + 2 * 4096 * 32 * 256, bytesRead: 4 * (weights + 4096 * 8 * 256) });
    expect(work('prefill-512-llama3-8b', 'gqa').flops).toBe(512 * 2 * weights + 2 * ((512 * 513) / 2) * 32 * 256);
    const up = 128 * 256 * 512;
    expect(work('decode-4096-deepseek-v3', 'mla-absorbed')).toEqual({ flops: 2 * up + 2 * 4096 * 128 * (576 + 512), bytesRead: 4 * (up + 4096 * 576) });
    expect(work('decode-4096-deepseek-v3', 'mha').bytesRead / 4 / 4096).toBe(32768);
  });
});

describe('ratios', () => {
  const result = (name: string, variant: string, engineName: 'onnxruntime-cpu' | 'pytorch', medianMs: number, cacheBytes = 1) => ({
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
  it.skipIf(!python)(`is the same in PyTorch's peer${python ? '' : ' (skipped: no Python with torch; HEADLIGHT_PYTHON names one)'}`, () => {
    const recipe = { shape: [7, 11], stream: -1234567, scale: 0.3, plus: 1 };
    const folder = mkdtempSync(join(tmpdir(), 'headlight-noise-'));
    const script = resolve(import.meta.dirname, '../../bench/pytorch_peer.py');
    const code = `import sys, io, json, runpy; sys.stdin = io.StringIO(""); peer = runpy.run_path(sys.argv[1]); print(json.dumps(peer["noise"](json.loads(sys.argv[2])).flatten().tolist()))`;
    writeFileSync(join(folder, 'noise.py'), code);
    const output = execFileSync(python ?? '', [join(folder, 'noise.py'), script, JSON.stringify(recipe)], { encoding: 'utf8' });
    rmSync(folder, { recursive: true });
    expect(Float32Array.from(JSON.parse(output) as number[])).toEqual(noiseTensor(recipe));
  });
});
