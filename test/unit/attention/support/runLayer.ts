/** Runs a layer's program on onnxruntime with the cache of a reference or of an earlier run. */

import { buildAttentionProgram } from '../../../../src/attention/onnx/buildAttention';
import type { Tensor } from '../../../../src/attention/onnx/graph';
import type { AttentionLayerSpec } from '../../../../src/attention/spec/layerSpec';
import type { AttentionProgram, ProgramOptions } from '../../../../src/attention/onnx/program';
import type { ReferenceCache } from '../../../oracle/layer';
import { Tensor64 } from '../../../oracle/tensor64';
import { stepInputs } from '../../../../src/attention/step/stepInputs';
import type { WeightMap } from '../../../../src/attention/spec/weightNames';
import { randomFloats } from './random';
import { floats, openSession, type Results, runProgram, runSession } from './session';

/** Random hidden states [batch,tokens,hidden] that float32 holds exactly. */
export function randomHidden(spec: AttentionLayerSpec, batch: number, tokens: number, next: () => number): Tensor64 {
  return new Tensor64([batch, tokens, spec.hiddenSize], randomFloats(next, batch * tokens * spec.hiddenSize));
}

/** The cache of a reference with float32 numbers, so that both sides start alike. */
export function roundedCache(cache: ReferenceCache): ReferenceCache {
  const round = (tensor: Tensor64 | undefined): Tensor64 | undefined =>
    tensor && new Tensor64(tensor.shape, Float32Array.from(tensor.data));
  const [key, value, latent] = [round(cache.key), round(cache.value), round(cache.latent)];
  return {
    tokens: cache.tokens,
    positions: cache.positions,
    ...(key && { key }),
    ...(value && { value }),
    ...(latent && { latent }),
  };
}

/** The past of a reference as inputs of a program. */
export function pastFeeds(past: ReferenceCache): Map<string, Tensor> {
  const feeds = new Map<string, Tensor>();
  for (const role of ['key', 'value', 'latent'] as const) {
    const tensor = past[role];
    if (tensor) feeds.set(`past_${role}`, floats(tensor.shape, tensor.data));
  }
  return feeds;
}

export interface LayerRun {
  readonly program: AttentionProgram;
  readonly results: Results;
}

/** One run of a program built for it. */
export async function runLayer(
  spec: AttentionLayerSpec,
  weights: WeightMap,
  hidden: Tensor64,
  pastTokens: number,
  past: ReadonlyMap<string, Tensor>,
  options: ProgramOptions,
): Promise<LayerRun> {
  const program = buildAttentionProgram(spec, options);
  const step = { batch: hidden.size(0), newTokens: hidden.size(1), pastTokens };
  const feeds = new Map([
    ['hidden', floats(hidden.shape, hidden.data)] as const,
    ...stepInputs(spec, program, step),
    ...past,
  ]);
  return { program, results: await runProgram(program, weights, feeds) };
}

/** Feeds the tokens of `hidden` one by one through a decode program; outputs side by side and the cache at the end. */
export async function runSteps(
  spec: AttentionLayerSpec,
  weights: WeightMap,
  hidden: Tensor64,
  options: Omit<ProgramOptions, 'mode'> = {},
): Promise<{ output: Tensor64; cache: ReadonlyMap<string, Tensor> }> {
  const [batch, tokens] = [hidden.size(0), hidden.size(1)];
  const program = buildAttentionProgram(spec, { mode: 'decode', ...options });
  const session = await openSession(program.graph);
  const output = new Tensor64(hidden.shape);
  let past = new Map<string, Tensor>();
  for (const { past: name, shape, tokenAxis } of program.cache) {
    const empty = shape.map((size, axis) => (axis === tokenAxis ? 0 : typeof size === 'number' ? size : batch));
    if (name !== null) past.set(name, floats(empty, []));
  }
  for (let t = 0; t < tokens; t++) {
    const one = new Tensor64([batch, 1, spec.hiddenSize]);
    for (let b = 0; b < batch; b++) one.row(b, 0).set(hidden.row(b, t));
    const feeds = new Map([
      ['hidden', floats(one.shape, one.data)] as const,
      ...program.weightInputs.map(({ name, shape }) => [name, floats(shape, weights.get(name) ?? [])] as const),
      ...stepInputs(spec, program, { batch, newTokens: 1, pastTokens: t, contextTokens: tokens }),
      ...past,
    ]);
    const results = await runSession(session, feeds);
    const step = results.get('output');
    for (let b = 0; b < batch; b++)
      output.row(b, t).set(Array.from(step?.data ?? [], Number).slice(b * spec.hiddenSize, (b + 1) * spec.hiddenSize));
    past = new Map(
      program.cache.flatMap(({ past: name, present }) => {
        const tensor = present === null ? undefined : results.get(present);
        return name !== null && tensor ? [[name, tensor] as const] : [];
      }),
    );
  }
  await session.release();
  return { output, cache: past };
}
