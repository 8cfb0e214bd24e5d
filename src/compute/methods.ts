/** The methods of the compute process. */

import {
  COMPUTE,
  type ComputeMethods,
  type ComputeOptions,
  type RunLayerParams,
  type RunLayerResult,
} from '../shared/computeContract';
import type { DeviceReport } from '../shared/devices';
import type { EngineId } from '../shared/engineIds';
import type { CallContext, Handlers } from '../shared/rpc';
import { isRpcError, RpcError } from '../shared/rpcError';
import { type Answers, handlersOf } from '../shared/schema';
import { tightTensors } from '../shared/transfer';
import { localModels } from '../stores/localModels';
import { createEngine } from './engines/createEngine';
import { type Engine, EngineUnavailableError, errorSentence } from './engines/engine';
import { measureDecode } from './bench/measureDecode';
import { describeLayer } from './describeLayer';
import { layerOnnx } from './layerOnnx';
import { LensService } from './lens/service';
import { EffectsService } from './effects/service';
import { HeadsService } from './heads/service';
import { computeThreads, defaultMemoryCeiling } from './machine';
import { assertFits, layerRunBytes } from './memory';
import { probeDevices } from './probeDevices';
import { KeptProofs, proofConditions } from './keptProofs';
import { runLayer } from './runLayer';
import { showUnits } from '../model/units';
import { SerialQueue } from './serialQueue';
import { TradeoffService } from './tradeoff/service';
import { WeightFiles } from './weights/files';

export class ComputeService {
  private readonly queue = new SerialQueue();
  private readonly engines = new Map<EngineId, Engine>();
  private readonly memoryCeiling: number;
  private readonly heads: HeadsService;
  private reports: readonly DeviceReport[] | undefined;

  constructor(
    private readonly options: ComputeOptions,
    private readonly script: string,
  ) {
    this.memoryCeiling = options.memoryCeiling ?? defaultMemoryCeiling();
    this.heads = new HeadsService((id) => this.engine(id), this.memoryCeiling);
  }

  handlers(): Handlers<ComputeMethods> {
    const answers: Answers<ComputeMethods> = {
      // Answers at once unless a run blocks the thread: that is how the client tells.
      'compute/status': () => ({
        pid: process.pid,
        memoryBytes: process.memoryUsage.rss(),
        memoryCeiling: this.memoryCeiling,
      }),
      'compute/showUnits': ({ units }) => {
        showUnits(units);
        return null;
      },
      'compute/devices': ({ refresh }, context) => this.devices(refresh, context),
      'compute/describeLayer': ({ layer, ...config }) => describeLayer(config, layer),
      'compute/layerOnnx': (params) => {
        assertFits(layerRunBytes(params.layer, 1, 1, 0, 0), this.memoryCeiling);
        return layerOnnx(params);
      },
      'compute/runLayer': (params, context) => this.runLayer(params, context),
      'bench/decode': (params, context) =>
        measureDecode(
          params,
          {
            threads: this.options.threads ?? computeThreads(),
            tensorflowPath: this.options.tensorflowPath ?? null,
            ceiling: this.memoryCeiling,
          },
          context,
        ),
      ...this.heads.answers(),
      ...new LensService(this.heads, this.memoryCeiling).answers(),
      ...new EffectsService(
        (id) => this.engine(id),
        (params) => this.heads.subject(params),
      ).answers(),
      ...new TradeoffService((id) => this.engine(id)).answers(),
      'stores/list': ({ environment }, { signal }) => localModels(environment, { signal }),
      ...new WeightFiles().answers(),
    };
    return handlersOf(COMPUTE, answers, (signal, work) => this.queue.add(signal, work));
  }

  private async devices(refresh: boolean, context: CallContext): Promise<readonly DeviceReport[]> {
    const { proofs, tensorflowPath } = this.options;
    const kept = proofs === undefined ? null : new KeptProofs(proofs, proofConditions(tensorflowPath));
    if (!refresh) this.reports ??= await kept?.read();
    if (refresh || !this.reports) {
      const reports = await probeDevices(this.script, context);
      this.reports = (await kept?.write(reports)) ?? reports;
    }
    return this.reports;
  }

  private async runLayer(params: RunLayerParams, context: CallContext): Promise<RunLayerResult> {
    const { layer, batch, tokens, steps, captures, seed } = params;
    const prefill = layerRunBytes(layer, batch, tokens, 0, steps > 0 ? 0 : captures.length);
    const decode = steps > 0 ? layerRunBytes(layer, batch, 1, tokens + steps - 1, captures.length) : 0;
    assertFits(Math.max(prefill, decode), this.memoryCeiling);
    const engine = this.engine(params.engine);
    try {
      const { captures: tensors, wholeOnDevice, ...outcome } = await runLayer(engine, params, context);
      const { device, library } = engine.describe();
      return {
        ...outcome,
        captures: tightTensors(tensors),
        provenance: {
          engine: engine.id,
          device,
          library,
          precision: params.precision ?? 'float32',
          seed,
          wholeOnDevice,
        },
      };
    } catch (error) {
      if (error instanceof EngineUnavailableError)
        throw new RpcError('unavailable', `${params.engine}: ${error.message}`);
      if (isRpcError(error)) throw error;
      throw new RpcError('internal', `${params.engine}: ${errorSentence(error)}`);
    }
  }

  private engine(id: EngineId): Engine {
    const { threads = computeThreads(), tensorflowPath } = this.options;
    const engine = this.engines.get(id) ?? createEngine(id, { threads, ...(tensorflowPath ? { tensorflowPath } : {}) });
    this.engines.set(id, engine);
    return engine;
  }
}
