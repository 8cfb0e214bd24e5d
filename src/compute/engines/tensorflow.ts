/** Graphs on TensorFlow through @tensorflow/tfjs-node(-gpu), where the user has it. */

import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import type { Graph } from '../../attention/onnx/graph';
import type { DeviceReport } from '../../shared/devices';
import { computeThreads } from '../machine';
import {
  type Engine,
  type EngineDescription,
  type EngineOptions,
  type LoadedProgram,
  type LoadOptions,
  reportOf,
} from './engine';
import { locateTensorflow, type TensorflowPackage } from './locateTensorflow';
import { proveDevice } from './matmulProof';
import { restoreRemovedUtilities } from './removedUtilities';
import { loadGraph } from './tfjs/interpreter';
import { lackingForGpu, wheelOf } from './tensorflowGpu';
import type { Tf } from './tfjs/value';

/** The parts of the package's backend object that tell what it computes on. */
interface TensorflowBackend {
  readonly isUsingGpuDevice?: boolean;
  readonly binding?: { readonly TF_Version?: string };
}

export class TensorflowEngine implements Engine {
  readonly id = 'tensorflow';
  private library: Tf | undefined;
  private located: TensorflowPackage | undefined;

  constructor(private readonly options: EngineOptions) {}

  probe(): Promise<DeviceReport> {
    return reportOf(this, () => proveDevice(this));
  }

  describe(): EngineDescription {
    const backend = this.library?.backend() as TensorflowBackend | undefined;
    const gpu = backend?.isUsingGpuDevice === true;
    const version = backend?.binding?.TF_Version;
    const packageName = this.located ? `${this.located.name} ${this.located.version}` : '@tensorflow/tfjs-node';
    return {
      kind: gpu ? 'gpu' : 'cpu',
      device: gpu ? 'GPU via TensorFlow' : 'CPU via TensorFlow',
      library: version ? `${packageName}, TensorFlow ${version}` : packageName,
      ...(backend && !gpu ? { remark: this.whyNoGpu() } : {}),
    };
  }

  load(graph: Graph, options: LoadOptions): Promise<LoadedProgram> {
    this.library ??= this.loadLibrary();
    return Promise.resolve(loadGraph(this.library, graph, options));
  }

  dispose(): Promise<void> {
    return Promise.resolve();
  }

  private whyNoGpu(): string {
    const wheel = this.located ? wheelOf(this.located.folder) : null;
    const lacking = wheel === null ? [] : lackingForGpu(wheel);
    return ['TensorFlow sees no GPU here and computes on the CPU', ...lacking].join('; ');
  }

  private loadLibrary(): Tf {
    this.located = locateTensorflow(this.options.tensorflowPath);
    restoreRemovedUtilities();
    // Read by TensorFlow itself: no banner on stderr, as many threads as the other engines.
    process.env['TF_CPP_MIN_LOG_LEVEL'] ??= '2';
    process.env['TF_NUM_INTRAOP_THREADS'] ??= String(this.options.threads ?? computeThreads());
    const load = createRequire(join(dirname(this.located.folder), 'loader.js'));
    return load(this.located.folder) as Tf;
  }
}
