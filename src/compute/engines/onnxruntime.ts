/** Graphs on onnxruntime: the native library by execution provider, and the WASM build. */

import type {
  InferenceSession,
  InferenceSessionFactory,
  Tensor as OrtTensor,
  TensorConstructor,
} from 'onnxruntime-common';
import { encodeOnnx } from '../../attention/onnx/encodeOnnx';
import type { Graph, Tensor, TensorType } from '../../attention/onnx/graph';
import type { DeviceKind, DeviceReport } from '../../shared/devices';
import type { EngineId } from '../../shared/engineIds';
import { tensorBytes, tightData } from '../../shared/transfer';
import {
  type Engine,
  type EngineDescription,
  type LoadedProgram,
  type LoadOptions,
  reportOf,
  type TensorMap,
} from './engine';
import { proveDevice } from './matmulProof';

/** What both builds of the library give. */
export interface OrtLibrary {
  readonly InferenceSession: InferenceSessionFactory;
  readonly Tensor: TensorConstructor;
  readonly env: { readonly versions: { readonly common: string } };
}

/** One way to run onnxruntime. */
export interface OrtFlavour {
  readonly id: EngineId;
  /** Execution provider, as the library names it. */
  readonly provider: string;
  readonly sessionOptions: InferenceSession.SessionOptions;
  /** @throws EngineUnavailableError when the library is not there. */
  load(): Promise<OrtLibrary>;
  /** Package that it comes in. */
  readonly name: string;
  /** Asked after a session ran. */
  describe(): { readonly kind: DeviceKind; readonly device: string };
}

/** An ONNX file in one piece must stay below 2 GiB: more weights than this go in as inputs. */
const MOST_INITIALIZER_BYTES = 1.5 * 1024 ** 3;

export class OnnxruntimeEngine implements Engine {
  readonly id: EngineId;
  private library: Promise<OrtLibrary> | undefined;
  private version = '';

  constructor(private readonly flavour: OrtFlavour) {
    this.id = flavour.id;
  }

  probe(): Promise<DeviceReport> {
    return reportOf(this, () => proveDevice(this));
  }

  describe(): EngineDescription {
    return { ...this.flavour.describe(), library: `${this.flavour.name} ${this.version}`.trim() };
  }

  async load(graph: Graph, { constants, resident, repeated = false }: LoadOptions): Promise<LoadedProgram> {
    this.library ??= this.flavour.load();
    const library = await this.library;
    this.version = library.env.versions.common;
    // On the CPU an input is used where it lies; a GPU would receive it anew at every run.
    const embed = (repeated || this.flavour.provider !== 'cpu') && totalBytes(constants) <= MOST_INITIALIZER_BYTES;
    const bytes = encodeOnnx(embed ? withInitializers(graph, constants) : graph);
    const { session, wholeOnDevice } = await this.createSession(library, bytes);
    const feeds: Record<string, OrtTensor> = {};
    if (!embed) for (const [name, tensor] of constants) feeds[name] = toOrt(library, tensor);
    for (const [name, tensor] of resident ?? []) feeds[name] = toOrt(library, tensor);
    return new OrtProgram(library, session, feeds, wholeOnDevice);
  }

  dispose(): Promise<void> {
    return Promise.resolve();
  }

  /** Tries to have the whole graph on the device; where an operator has no kernel there, it may run on the CPU, and that is said. */
  private async createSession(
    library: OrtLibrary,
    bytes: Uint8Array,
  ): Promise<{ session: InferenceSession; wholeOnDevice: boolean }> {
    const { provider, sessionOptions } = this.flavour;
    const options: InferenceSession.SessionOptions = { ...sessionOptions, executionProviders: [provider] };
    const create = (more: InferenceSession.SessionOptions): Promise<InferenceSession> =>
      library.InferenceSession.create(bytes, more);
    if (provider === 'cpu' || provider === 'wasm') return { session: await create(options), wholeOnDevice: true };
    try {
      const session = await create({ ...options, extra: { session: { disable_cpu_ep_fallback: '1' } } });
      return { session, wholeOnDevice: true };
    } catch {
      return { session: await create(options), wholeOnDevice: false };
    }
  }
}

class OrtProgram implements LoadedProgram {
  constructor(
    private readonly library: OrtLibrary,
    private readonly session: InferenceSession,
    private readonly constants: Readonly<Record<string, OrtTensor>>,
    readonly wholeOnDevice: boolean,
  ) {}

  async run(inputs: TensorMap, outputs: readonly string[]): Promise<Map<string, Tensor>> {
    const feeds: Record<string, OrtTensor> = { ...this.constants };
    for (const [name, tensor] of inputs) feeds[name] = toOrt(this.library, tensor);
    const results = await this.session.run(feeds, outputs);
    return new Map(outputs.map((name) => [name, fromOrt(name, results[name] as OrtTensor | undefined)]));
  }

  dispose(): Promise<void> {
    return this.session.release();
  }
}

function withInitializers(graph: Graph, constants: TensorMap): Graph {
  const initializers = [...constants].map(([name, { type, shape, data }]) => ({ name, type, shape, data }));
  return {
    ...graph,
    inputs: graph.inputs.filter(({ name }) => !constants.has(name)),
    initializers: [...graph.initializers, ...initializers],
  };
}

function toOrt({ Tensor }: OrtLibrary, { type, data, shape }: Tensor): OrtTensor {
  // The constructor's overloads pair each type with its array; `Tensor` here promises that pairing itself.
  return new Tensor(type as 'float32', data as Float32Array, shape);
}

const TYPES: readonly TensorType[] = ['float32', 'int64', 'int32', 'bool'];

function fromOrt(name: string, result: OrtTensor | undefined): Tensor {
  const type = TYPES.find((candidate) => candidate === result?.type);
  if (!result || !type) throw new Error(`onnxruntime gave no ${name} of a known type`);
  return { type, shape: [...result.dims], data: tightData(result.data as Tensor['data']) };
}

function totalBytes(tensors: TensorMap): number {
  let bytes = 0;
  for (const tensor of tensors.values()) bytes += tensorBytes(tensor);
  return bytes;
}
