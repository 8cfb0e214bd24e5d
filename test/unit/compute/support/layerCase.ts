/** One run of a layer's program with its float64 reference: inputs, and what must come out. */

import { buildAttentionProgram } from '../../../../src/attention/onnx/buildAttention';
import type { Tensor } from '../../../../src/attention/onnx/graph';
import type { AttentionLayerSpec } from '../../../../src/attention/spec/layerSpec';
import type { AttentionProgram, CaptureName, ProgramOptions } from '../../../../src/attention/onnx/program';
import { type ReferenceRun, referenceLayer } from '../../../oracle/layer';
import { Tensor64 } from '../../../oracle/tensor64';
import { stepInputs } from '../../../../src/attention/step/stepInputs';
import { layerWeights } from '../../../../src/attention/spec/weightNames';
import type { GraphRunner } from '../../../../src/compute/engines/tfjs/tfjsBackend';
import { seededNoise, seededWeights } from '../../../../src/compute/seededWeights';
import { expectClose } from '../../attention/support/compare';

export interface Shape {
  readonly batch: number;
  readonly past: number;
  readonly tokens: number;
}

export interface LayerCase {
  readonly program: AttentionProgram;
  readonly inputs: ReadonlyMap<string, Tensor>;
  readonly constants: ReadonlyMap<string, Tensor>;
  readonly expected: ReferenceRun;
}

const CAPTURES: readonly CaptureName[] = ['q', 'k', 'v', 'scores', 'weights', 'heads'];
const floats = (tensor: Tensor64): Tensor => ({
  type: 'float32',
  shape: tensor.shape,
  data: Float32Array.from(tensor.data),
});

/** The program of a case, without its numbers. */
export function caseProgram(
  spec: AttentionLayerSpec,
  past: number,
  options: Pick<ProgramOptions, 'form' | 'cache'> = {},
): AttentionProgram {
  return buildAttentionProgram(spec, { mode: past > 0 ? 'decode' : 'prefill', captures: CAPTURES, ...options });
}

export function layerCase(
  spec: AttentionLayerSpec,
  { batch, past, tokens }: Shape,
  options: Pick<ProgramOptions, 'form' | 'cache'> = {},
): LayerCase {
  const infos = layerWeights(spec);
  const weights = seededWeights(infos, 7);
  const random = (count: number, seed: number): Tensor64 =>
    new Tensor64(
      [batch, count, spec.hiddenSize],
      Float64Array.from(seededNoise(batch * count * spec.hiddenSize, seed)),
    );
  const before = past === 0 ? null : referenceLayer(spec, weights, random(past, 1)).cache;
  const hidden = random(tokens, 2);
  const program = caseProgram(spec, past, options);
  const inputs = new Map([
    ['hidden', floats(hidden)],
    ...stepInputs(spec, program, { newTokens: tokens, pastTokens: past }),
  ]);
  for (const { role, past: name } of program.cache) {
    const tensor = before?.[role];
    if (name !== null && tensor) inputs.set(name, floats(tensor));
  }
  const constants = new Map(
    program.weightInputs.map(({ name, shape }) => [
      name,
      { type: 'float32' as const, shape, data: weights.get(name) ?? new Float32Array() },
    ]),
  );
  return { program, inputs, constants, expected: referenceLayer(spec, weights, hidden, before) };
}

/** Every output within `tolerance` of its largest value. */
export async function expectAgreement(
  runner: GraphRunner,
  { program, inputs, constants, expected }: LayerCase,
  tolerance: number,
): Promise<void> {
  const loaded = await runner.load(program.graph, { constants });
  try {
    const results = await loaded.run(
      inputs,
      program.graph.outputs.map(({ name }) => name),
    );
    expectClose('output', results.get('output'), expected.output, tolerance);
    for (const [capture, name] of Object.entries(program.captures)) {
      expectClose(capture, results.get(name), expected.captures[capture as CaptureName], tolerance);
    }
    for (const { role, present } of program.cache) {
      if (present?.startsWith('present')) expectClose(present, results.get(present), expected.cache[role], tolerance);
    }
  } finally {
    await loaded.dispose();
  }
}
