/** The ONNX files: they open, say what they hold, and use operators that engines know. */

import * as ort from 'onnxruntime-node';
import { describe, expect, it } from 'vitest';
import { buildAttentionProgram } from '../../../src/attention/onnx/buildAttention';
import { buildBlockPrograms } from '../../../src/attention/onnx/buildBlock';
import { encodeOnnx } from '../../../src/attention/onnx/encodeOnnx';
import type { Graph } from '../../../src/attention/onnx/graph';
import type { ProgramOptions } from '../../../src/attention/onnx/program';
import { stepInputs } from '../../../src/attention/step/stepInputs';
import { blockWeights, layerWeights } from '../../../src/attention/spec/weightNames';
import { BLOCKS } from './support/blocks';
import { expectClose, valuesOf } from './support/compare';
import { LAYERS } from './support/layers';
import { randomWeights, seeded } from './support/random';
import { randomHidden, runLayer } from './support/runLayer';
import { floats, openSession, runProgram } from './support/session';

/** What an engine must know to run decomposed graphs. */
const OPERATORS = [
  'Add',
  'Clip',
  'Concat',
  'Div',
  'Erf',
  'Exp',
  'Expand',
  'Greater',
  'Identity',
  'MatMul',
  'Min',
  'Mul',
  'Pow',
  'ReduceMean',
  'Relu',
  'Reshape',
  'Shape',
  'Sigmoid',
  'Slice',
  'Softmax',
  'Sqrt',
  'Squeeze',
  'Sub',
  'Tanh',
  'Transpose',
  'Unsqueeze',
  'Where',
]; // prettier-ignore

const VARIANTS: readonly ProgramOptions[] = [
  { mode: 'prefill' },
  { mode: 'decode' },
  { mode: 'decode', cache: 'append' },
  { mode: 'decode', form: 'expanded', cache: 'none' },
  { mode: 'prefill', form: 'absorbed', captures: ['k', 'v', 'kRaw', 'weights'] },
  { mode: 'decode', form: 'expanded' },
];

function allGraphs(): Graph[] {
  const layers = Object.values(LAYERS).flatMap((spec) =>
    VARIANTS.map((options) => buildAttentionProgram(spec, options).graph),
  );
  const blocks = Object.values(BLOCKS).flatMap((spec) => {
    const { main, expert, tail } = buildBlockPrograms(spec, { mode: 'prefill' });
    return [main.graph, ...(expert ? [expert.graph] : []), ...(tail ? [tail.graph] : [])];
  });
  return [...layers, ...blocks];
}

describe('graphs', () => {
  it('are well formed: every value is made once, before it is used', () => {
    const faults: string[] = [];
    for (const graph of allGraphs()) {
      const known = new Set<string>();
      const make = (name: string): void => {
        if (known.has(name)) faults.push(`${graph.name}: ${name} is made twice`);
        known.add(name);
      };
      for (const { name } of [...graph.inputs, ...graph.initializers]) make(name);
      for (const node of graph.nodes) {
        for (const input of node.inputs)
          if (input !== '' && !known.has(input)) faults.push(`${graph.name}: ${node.name} uses ${input} too early`);
        node.outputs.forEach(make);
      }
      for (const { name } of graph.outputs) if (!known.has(name)) faults.push(`${graph.name}: no ${name}`);
      if (new Set(graph.nodes.map((node) => node.name)).size !== graph.nodes.length)
        faults.push(`${graph.name}: two nodes of one name`);
    }
    expect(faults).toEqual([]);
  });

  it('use plain operators only', () => {
    const used = new Set(allGraphs().flatMap((graph) => graph.nodes.map((node) => node.domain + node.op)));
    expect([...used].filter((op) => !OPERATORS.includes(op))).toEqual([]);
  });

  it('hold nothing that no output needs', () => {
    const spec = LAYERS['qkv biases'];
    if (!spec) throw new Error('No such layer.');
    const program = buildAttentionProgram(spec, {
      mode: 'prefill',
      output: false,
      captures: ['k', 'v'],
      cache: 'none',
    });
    expect(program.weightInputs.map((info) => info.name)).toEqual(['k.weight', 'k.bias', 'v.weight', 'v.bias']);
    expect(program.inputs.map((input) => input.name)).toEqual(['hidden', 'cos', 'sin']);
    expect(program.graph.outputs.map((output) => output.name)).toEqual(['k', 'v']);
  });
});

describe('encodeOnnx', () => {
  it('names inputs and outputs with types and shapes as onnxruntime reads them', async () => {
    const spec = LAYERS['gqa 2'];
    if (!spec) throw new Error('No such layer.');
    const program = buildAttentionProgram(spec, { mode: 'decode' });
    const session = await openSession(program.graph);
    const read = session.inputMetadata.map((input) =>
      input.isTensor ? { name: input.name, type: input.type, shape: input.shape } : input,
    );
    expect(read).toEqual(program.graph.inputs.map(({ name, type, shape }) => ({ name, type, shape })));
    expect(session.outputNames).toEqual(['output', 'present_key', 'present_value']);
    await session.release();
  });

  it('gives the same numbers with the weights inside', async () => {
    for (const name of ['gqa 3', 'latent', 'gate per head', 'qk norm 1 + w']) {
      const spec = LAYERS[name];
      if (!spec) throw new Error('No such layer.');
      const weights = randomWeights(layerWeights(spec), seeded(31));
      const hidden = randomHidden(spec, 2, 5, seeded(32));
      const outside = (await runLayer(spec, weights, hidden, 0, new Map(), { mode: 'prefill' })).results.get('output');
      const options: ProgramOptions = { mode: 'prefill', weights: 'initializers', weightData: weights };
      const { program, results } = await runLayer(spec, weights, hidden, 0, new Map(), options);
      expect(program.weightInputs).toEqual([]);
      expectClose(name, results.get('output'), outside && valuesOf(outside), 1e-6);
    }
    const spec = BLOCKS['pre and post norms'];
    if (!spec) throw new Error('No such block.');
    const weightData = randomWeights(blockWeights(spec), seeded(33));
    const { main } = buildBlockPrograms(spec, { mode: 'prefill', weights: 'initializers', weightData });
    const hidden = randomHidden(spec.layer, 1, 4, seeded(34));
    const feeds = new Map([
      ['hidden', floats(hidden.shape, hidden.data)] as const,
      ...stepInputs(spec.layer, main, { newTokens: 4, pastTokens: 0 }),
    ]);
    expect((await runProgram(main, new Map(), feeds)).get('hidden_out')?.shape).toEqual([1, 4, 20]);
  });

  it('refuses what a file in one piece can not hold, before it is made', () => {
    /** Pretends to hold a gigabyte. */
    const huge = new Proxy(new Float32Array(1), {
      get: (target, key) => (key === 'length' ? 2 ** 28 : key === 'byteLength' ? 2 ** 30 : Reflect.get(target, key)),
    });
    const initializers = ['a', 'b'].map((name) => ({ name, type: 'float32', shape: [2 ** 28], data: huge }) as const);
    const graph: Graph = { name: 'huge', inputs: [], outputs: [], initializers, nodes: [], opset: 23 };
    expect(() => encodeOnnx(graph)).toThrow(/takes 2147483648 bytes.* is limited to 2147483647/);
  });

  it('writes text beyond ASCII, negative and fractional attributes', async () => {
    const bytes = encodeOnnx(
      {
        name: 'ümläut 図',
        inputs: [{ name: 'x', type: 'float32', shape: ['n', 3] }],
        outputs: [{ name: 'y', type: 'float32', shape: ['n', 3] }],
        initializers: [],
        nodes: [
          { op: 'Softmax', domain: '', name: 's', inputs: ['x'], outputs: ['z'], attributes: { axis: -1 } },
          {
            op: 'LeakyRelu',
            domain: '',
            name: 'l',
            inputs: ['z'],
            outputs: ['y'],
            attributes: { alpha: { float: 0.25 } },
          },
        ],
        opset: 23,
      },
      'one ½',
    );
    const session = await ort.InferenceSession.create(bytes);
    const { y } = await session.run({ x: new ort.Tensor('float32', [1, 1, 1], [1, 3]) });
    expect(Array.from(y?.data as Float32Array)).toEqual([1, 1, 1].map((value) => Math.fround(value / 3)));
    await session.release();
  });
});
