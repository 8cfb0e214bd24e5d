/** Graphs on onnxruntime: the native library by execution provider, and the WASM build. */

import type {
  InferenceSession,
  InferenceSessionFactory,
  Tensor as OrtTensor,
  TensorConstructor,
} from 'onnxruntime-common';
import { encodeOnnx } from '../../attention/onnx/encodeOnnx';
import type { Graph, Tensor, TensorType } from '../../attention/onnx/graph';
import { OPSET } from '../../attention/onnx/graphBuilder';
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
import { halfGraph, halfTensor, wholeTensor } from './float16';
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

  /** Node's binding shares buffers of WebGPU only (`tensor_helper.cc`, "WebGPU_Buf"; 1.30): other providers get a cache at every run. */
  get writesInPlace(): boolean {
    return this.flavour.provider === 'webgpu' && this.flavour.name === 'onnxruntime-node';
  }

  async load(graph: Graph, options: LoadOptions): Promise<LoadedProgram> {
    const { constants, resident, inPlace, precision = 'float32', repeated = false } = options;
    if (inPlace && !this.writesInPlace) throw new Error(`${this.id} cannot write in place`);
    this.library ??= this.flavour.load();
    const library = await this.library;
    this.version = library.env.versions.common;
    const half = precision === 'float16';
    const own = <T extends Tensor>(tensor: T): T => (half ? halfTensor(tensor) : tensor);
    // On the CPU an input is used where it lies; a GPU would receive it anew at every run.
    const embed = (repeated || this.flavour.provider !== 'cpu') && totalBytes(constants) <= MOST_INITIALIZER_BYTES;
    const whole = embed ? withInitializers(graph, constants) : graph;
    const { session, wholeOnDevice } = await this.createSession(library, encodeOnnx(half ? halfGraph(whole) : whole));
    const memory = this.writesInPlace
      ? new DeviceMemory(library, (bytes, more) => this.createSession(library, bytes, more))
      : null;
    const held = async (tensor: Tensor): Promise<OrtTensor> =>
      memory ? memory.upload(own(tensor)) : toOrt(library, own(tensor));
    const feeds: Record<string, OrtTensor> = {};
    const shared: Record<string, OrtTensor> = {};
    for (const [name, tensor] of [...(embed ? [] : constants), ...(resident ?? [])]) feeds[name] = await held(tensor);
    for (const [name, { tensor, output }] of inPlace ?? []) shared[output] = feeds[name] = await held(tensor);
    return new OrtProgram(library, session, { feeds, shared, half, memory, wholeOnDevice });
  }

  dispose(): Promise<void> {
    return Promise.resolve();
  }

  /** Tries to have the whole graph on the device; where an operator has no kernel there, it may run on the CPU, and that is said. */
  private async createSession(
    library: OrtLibrary,
    bytes: Uint8Array,
    more: InferenceSession.SessionOptions = {},
  ): Promise<{ session: InferenceSession; wholeOnDevice: boolean }> {
    const { provider, sessionOptions } = this.flavour;
    const options: InferenceSession.SessionOptions = { ...sessionOptions, ...more, executionProviders: [provider] };
    const create = (how: InferenceSession.SessionOptions): Promise<InferenceSession> =>
      library.InferenceSession.create(bytes, how);
    if (provider === 'cpu' || provider === 'wasm') return { session: await create(options), wholeOnDevice: true };
    try {
      const session = await create({ ...options, extra: { session: { disable_cpu_ep_fallback: '1' } } });
      return { session, wholeOnDevice: true };
    } catch {
      return { session: await create(options), wholeOnDevice: false };
    }
  }
}

interface OrtHeld {
  /** Inputs that stay: on the device where it has memory that outlives a run. */
  readonly feeds: Readonly<Record<string, OrtTensor>>;
  /** Outputs that are written into such an input. */
  readonly shared: Readonly<Record<string, OrtTensor>>;
  /** The graph computes in float16. */
  readonly half: boolean;
  readonly memory: DeviceMemory | null;
  readonly wholeOnDevice: boolean;
}

class OrtProgram implements LoadedProgram {
  readonly wholeOnDevice: boolean;
  movedBytes = 0;

  constructor(
    private readonly library: OrtLibrary,
    private readonly session: InferenceSession,
    private readonly held: OrtHeld,
  ) {
    this.wholeOnDevice = held.wholeOnDevice;
  }

  async run(inputs: TensorMap, outputs: readonly string[]): Promise<Map<string, Tensor>> {
    const { half, shared } = this.held;
    const feeds: Record<string, OrtTensor> = { ...this.held.feeds };
    for (const [name, tensor] of inputs) feeds[name] = toOrt(this.library, half ? halfTensor(tensor) : tensor);
    const fetches = { ...Object.fromEntries(outputs.map((name) => [name, null])), ...shared };
    const results = await this.session.run(feeds, Object.keys(shared).length > 0 ? fetches : outputs);
    const given = outputs.map((name) => [name, results[name] as OrtTensor | undefined] as const);
    this.movedBytes = cpuBytes(Object.values(feeds)) + cpuBytes(given.map(([, tensor]) => tensor));
    return new Map(given.map(([name, tensor]) => [name, fromOrt(name, tensor)]));
  }

  async read(input: string): Promise<Tensor> {
    const tensor = this.held.feeds[input];
    if (!tensor) throw new Error(`the program does not hold ${input}`);
    return fromOrt(input, await (this.held.memory?.download(tensor) ?? tensor));
  }

  async dispose(): Promise<void> {
    await this.session.release();
    if (!this.held.memory) return;
    for (const tensor of Object.values(this.held.feeds)) tensor.dispose();
    await this.held.memory.dispose();
  }
}

type CreateSession = (
  bytes: Uint8Array,
  more: InferenceSession.SessionOptions,
) => Promise<{ readonly session: InferenceSession }>;

/** Tensors to the device and back, by graphs that hand on what they get: the binding has no other way. */
class DeviceMemory {
  private readonly sessions = new Map<string, Promise<{ readonly session: InferenceSession }>>();

  constructor(
    private readonly library: OrtLibrary,
    private readonly create: CreateSession,
  ) {}

  async upload(tensor: Tensor): Promise<OrtTensor> {
    const { session } = await this.handOn(tensor.type, tensor.shape.length, true);
    return (await session.run({ x: toOrt(this.library, tensor) }))['y'] as OrtTensor;
  }

  async download(tensor: OrtTensor): Promise<OrtTensor> {
    const { session } = await this.handOn(tensor.type as TensorType, tensor.dims.length, false);
    return (await session.run({ x: tensor }))['y'] as OrtTensor;
  }

  async dispose(): Promise<void> {
    for (const opened of this.sessions.values()) await (await opened).session.release();
    this.sessions.clear();
  }

  private handOn(type: TensorType, rank: number, stays: boolean): Promise<{ readonly session: InferenceSession }> {
    const key = `${type} ${rank} ${stays}`;
    const shape = Array.from({ length: rank }, (_, axis) => `size_${axis}`);
    const graph: Graph = {
      name: 'hand on',
      inputs: [{ name: 'x', type, shape }],
      outputs: [{ name: 'y', type, shape }],
      initializers: [],
      nodes: [{ op: 'Identity', domain: '', name: 'hand_on', inputs: ['x'], outputs: ['y'], attributes: {} }],
      opset: OPSET,
    };
    const opened =
      this.sessions.get(key) ??
      this.create(encodeOnnx(graph), stays ? { preferredOutputLocation: { y: 'gpu-buffer' } } : {});
    this.sessions.set(key, opened);
    return opened;
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

const TYPES: readonly TensorType[] = ['float32', 'float16', 'int64', 'int32', 'bool'];

function fromOrt(name: string, result: OrtTensor | undefined): Tensor {
  const type = TYPES.find((candidate) => candidate === result?.type);
  if (!result || !type) throw new Error(`onnxruntime gave no ${name} of a known type`);
  return wholeTensor({ type, shape: [...result.dims], data: tightData(result.data as Tensor['data']) });
}

/** Bytes of those that lie in the processor's memory. */
function cpuBytes(tensors: readonly (OrtTensor | undefined)[]): number {
  return tensors.reduce((sum, tensor) => {
    if (tensor?.location !== 'cpu') return sum;
    return sum + tensorBytes({ type: tensor.type as TensorType, shape: tensor.dims });
  }, 0);
}

function totalBytes(tensors: TensorMap): number {
  let bytes = 0;
  for (const tensor of tensors.values()) bytes += tensorBytes(tensor);
  return bytes;
}
