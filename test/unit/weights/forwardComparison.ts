/**
 * Tiny models of every architecture through Headlight's forward pass and through libllama: logits behind a prompt, and 20 greedy tokens.
 * Used by forwardLibllama.test.ts, and by the script that writes the accuracy page.
 */

import { rmSync } from 'node:fs';
import type { Activation } from '../../../src/attention/spec/blockSpec';
import { createEngine } from '../../../src/compute/engines/createEngine';
import { ForwardPass } from '../../../src/compute/heads/forward';
import { generate } from '../../../src/compute/heads/generate';
import { HeadModel } from '../../../src/compute/heads/headModel';
import { UNWATCHED } from '../../../src/compute/heads/watch';
import { dequantize, GGML_TYPES } from '../../../src/weights/ggml';
import { openModel } from '../../../src/weights/openModel';
import { activate } from '../../oracle/activations';
import { relativeError } from '../golden';
import type { Libllama } from '../support/libllama';
import { gguf, type GgufTensor, temporaryFolder, write } from './files';
import { forward } from './forward';
import { fitsBlocks, halfBits, halfValue, quantise, TENSOR_TYPES, type TensorType } from './quantise';
import { TINY_MODELS, type TinyModel, tinyPrompt, tinyValues } from './tinyModels';

const GREEDY_TOKENS = 20;
/** Room for the prompt and what follows it. */
const CONTEXT = 64;

/** What a program makes of a file. */
export interface Continuation {
  /** Behind the last token of the prompt. */
  readonly logits: ArrayLike<number>;
  readonly tokens: readonly number[];
}

export interface ForwardDifference {
  readonly model: string;
  readonly architecture: string;
  /** The model type that the file was read as. */
  readonly readAs: string;
  readonly type: TensorType;
  readonly gelu: boolean;
  /**
   * Largest difference of a logit over the largest logit: ours of the file against libllama's of the same numbers in float32. Of a quantised
   * file libllama quantises what goes through its matrices too, so that its own two results differ by `engineError`.
   */
  readonly error: number;
  readonly sameTokens: boolean;
  /** libllama's result of the file against its result of the same numbers in float32; 0 for float32. */
  readonly engineError: number;
  readonly engineSameTokens: boolean;
}

/** Our result of a file. */
export async function ourContinuation(
  path: string,
  prompt: readonly number[],
): Promise<Continuation & { readonly readAs: string }> {
  const engine = createEngine('onnxruntime-cpu', { threads: 1 });
  const model = await HeadModel.open(path);
  const pass = new ForwardPass(model.model, engine);
  try {
    const layer = model.model.plan.layers.length - 1;
    const { logits } = await pass.capture({ ids: prompt, layer, captures: [], logits: true }, UNWATCHED);
    const { generated } = await generate(model, engine, prompt, GREEDY_TOKENS, UNWATCHED);
    return { logits: logits ?? [], tokens: generated, readAs: model.model.plan.family };
  } finally {
    await pass.dispose();
    await model.close();
  }
}

/** GELU as ggml's CPU has it (ggml-cpu/vec.h ggml_vec_gelu_f32): a table of half-precision numbers, by half-precision numbers. */
function tableGelu(activation: Activation, x: number): number {
  if (activation !== 'gelu-tanh' || x >= 10) return activate(activation, x);
  return x <= -10 ? 0 : half(activate(activation, half(x)));
}

const half = (value: number): number => halfValue(halfBits(value));

/** Logits of the float64 reference of our plan, with that table. */
export async function referenceWithTable(path: string, prompt: readonly number[]): Promise<Float32Array> {
  const model = await openModel(path);
  try {
    return (await forward(model.store, model.plan, prompt, true, { activate: tableGelu })).logits;
  } finally {
    await model.close();
  }
}

/** libllama's, with a cache of float32 and without fused attention, whose sums are in half precision. */
export async function libllamaContinuation(
  library: Libllama,
  path: string,
  prompt: readonly number[],
  tokens = CONTEXT,
): Promise<Continuation> {
  const model = await library.open(path);
  if ('refused' in model) throw new Error(`libllama refuses ${path}: ${model.refused.slice(-600)}`);
  try {
    const context = await library.context(model, { tokens, k: 'f32', v: 'f32', flash: 'off' });
    if ('refused' in context) throw new Error(`libllama has no context for ${path}: ${context.refused.slice(-600)}`);
    const [logits] = await library.decode(context, prompt);
    await library.clear(context);
    return { logits: logits ?? [], tokens: await library.greedy(context, prompt, GREEDY_TOKENS) };
  } finally {
    await library.closeModel(model);
  }
}

/** A model's file in a type, and the same numbers in float32. */
export function writeTiny(
  folder: string,
  model: TinyModel,
  type: TensorType,
): { readonly path: string; readonly copy: string } {
  const own: Record<string, GgufTensor> = {};
  const widened: Record<string, GgufTensor> = {};
  for (const [name, { dims, values }] of Object.entries(model.tensors)) {
    const numbers = tinyValues(model, name);
    const big =
      (values === 'matrix' || values === 'table' || values === 'small table') && fitsBlocks(type, dims[0] ?? 1);
    const stored = big ? type : 'F32';
    const bytes = quantise(stored, numbers);
    own[name] = { dims, type: TENSOR_TYPES[stored], bytes };
    widened[name] = { dims, type: 0, bytes: stored === 'F32' ? bytes : asFloats(stored, bytes, numbers.length) };
  }
  const path = write(folder, `${type}.gguf`, gguf(model.metadata, own));
  return { path, copy: type === 'F32' ? path : write(folder, `${type}-f32.gguf`, gguf(model.metadata, widened)) };
}

function asFloats(type: TensorType, bytes: Uint8Array, count: number): Uint8Array {
  const format = GGML_TYPES.get(TENSOR_TYPES[type]);
  if (format === undefined) throw new Error(`no type ${type}`);
  const target = new Float32Array(count);
  dequantize(format, Uint8Array.from(bytes), target, 0);
  return new Uint8Array(target.buffer);
}

const same = (a: readonly number[], b: readonly number[]): boolean => a.join() === b.join();

/** One model in one type. */
async function compareForward(library: Libllama, model: TinyModel, type: TensorType): Promise<ForwardDifference> {
  const folder = temporaryFolder();
  try {
    const { path, copy } = writeTiny(folder, model, type);
    const prompt = tinyPrompt(model);
    const ours = await ourContinuation(path, prompt);
    const expected = await libllamaContinuation(library, copy, prompt);
    const quantised = path === copy ? expected : await libllamaContinuation(library, path, prompt);
    return {
      model: model.name,
      architecture: model.architecture,
      readAs: ours.readAs,
      type,
      gelu: model.gelu,
      error: relativeError(ours.logits, expected.logits),
      sameTokens: same(ours.tokens, expected.tokens),
      engineError: relativeError(quantised.logits, expected.logits),
      engineSameTokens: same(quantised.tokens, expected.tokens),
    };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

export interface ForwardAccuracy {
  readonly architectures: number;
  readonly models: number;
  readonly files: number;
  /** Files whose 20 greedy tokens are libllama's. */
  readonly sameTokens: number;
  /** Quantised files in which libllama's rounding of activations leads it to other tokens than the same numbers in float32: "mellum, Q6_K". */
  readonly roundedApart: readonly string[];
  /** By type: the worst difference of all files without GELU, and of those with it. */
  readonly worst: Readonly<Partial<Record<TensorType, { readonly plain: number; readonly gelu: number }>>>;
  readonly differences: readonly ForwardDifference[];
}

/** Every model of `models` in every type of `types`, with what the accuracy page says of them. */
export async function forwardAccuracy(
  library: Libllama,
  types: readonly TensorType[] = ['F32', 'F16', 'Q8_0', 'Q4_K', 'Q6_K'],
  models: readonly TinyModel[] = TINY_MODELS,
): Promise<ForwardAccuracy> {
  const differences: ForwardDifference[] = [];
  for (const model of models) for (const type of types) differences.push(await compareForward(library, model, type));
  return summarised(differences);
}

function summarised(differences: readonly ForwardDifference[]): ForwardAccuracy {
  const worst: Partial<Record<TensorType, { plain: number; gelu: number }>> = {};
  for (const { type, gelu, error } of differences) {
    const own = (worst[type] ??= { plain: 0, gelu: 0 });
    own[gelu ? 'gelu' : 'plain'] = Math.max(own[gelu ? 'gelu' : 'plain'], error);
  }
  const distinct = (of: (one: ForwardDifference) => string): number => new Set(differences.map(of)).size;
  return {
    architectures: distinct(({ architecture }) => architecture),
    models: distinct(({ model }) => model),
    files: differences.length,
    sameTokens: differences.filter(({ sameTokens }) => sameTokens).length,
    roundedApart: differences
      .filter(({ engineSameTokens }) => !engineSameTokens)
      .map(({ model, type }) => `${model}, ${type}`),
    worst,
    differences,
  };
}
