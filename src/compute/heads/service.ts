/** Models and captures that the compute process holds, and the methods that look at them. */

import type { Tensor } from '../../attention/graph';
import type { EngineId } from '../../shared/devices';
import type { CaptureParams, CaptureResult, HeadsMethods, HeadsModelInfo, TileParams } from '../../shared/headsContract';
import { HEADS_PARAMS } from '../../shared/headsParams';
import type { CallContext, Handlers } from '../../shared/rpc';
import { RpcError } from '../../shared/rpcError';
import { tensorBytes } from '../../shared/transfer';
import { WeightsError } from '../../weights/weightsError';
import { type Engine, EngineUnavailableError, errorSentence } from '../engines/engine';
import type { SerialQueue } from '../serialQueue';
import { ForwardPass } from './forward';
import { HeadModel } from './headModel';
import { HeadsRun } from './headsRun';

interface Held {
  readonly model: HeadModel;
  /** By engine. */
  readonly passes: Map<EngineId, ForwardPass>;
}

interface HeldCapture {
  readonly path: string;
  readonly run: HeadsRun;
  readonly bytes: number;
}

/** Models whose files stay open. */
const MOST_MODELS = 2;

export class HeadsService {
  private readonly models = new Map<string, Held>();
  private readonly captures = new Map<number, HeldCapture>();
  private nextCapture = 1;

  /** @param memoryCeiling Captures together stay below half of it. */
  constructor(
    private readonly queue: SerialQueue,
    private readonly engine: (id: EngineId) => Engine,
    private readonly memoryCeiling: number,
  ) {}

  handlers(): Handlers<HeadsMethods> {
    const inTurn = <R>(context: CallContext, work: () => Promise<R>): Promise<R> => this.queue.add(context.signal, () => inWords(work));
    return {
      'heads/model': {
        validate: HEADS_PARAMS['heads/model'],
        handle: ({ path }, context) => inTurn(context, async () => infoOf((await this.held(path)).model)),
      },
      'heads/tokens': {
        validate: HEADS_PARAMS['heads/tokens'],
        handle: ({ path, text }, context) =>
          inTurn(context, async () => {
            const { model } = await this.held(path);
            const ids = await model.encode(text);
            return { ids, pieces: await model.pieces(ids) };
          }),
      },
      'heads/capture': {
        validate: HEADS_PARAMS['heads/capture'],
        handle: (params, context) => inTurn(context, () => this.capture(params, context)),
      },
      'heads/tile': {
        validate: HEADS_PARAMS['heads/tile'],
        handle: (params, context) => inTurn(context, () => this.tile(params, context)),
      },
      'heads/close': {
        validate: HEADS_PARAMS['heads/close'],
        handle: ({ path }, context) =>
          inTurn(context, async () => {
            await this.close(path);
            return null;
          }),
      },
    };
  }

  private async capture(params: CaptureParams, context: CallContext): Promise<CaptureResult> {
    const start = performance.now();
    const held = await this.held(params.path);
    const engine = this.engine(params.engine);
    const pass = held.passes.get(params.engine) ?? new ForwardPass(held.model, engine, { memoryCeiling: this.memoryCeiling });
    held.passes.set(params.engine, pass);
    const { ids, layer, captures, measures, logits } = params;
    const run = await HeadsRun.start(pass, held.model, { ids, layer, dumps: logits ? [...captures, 'logits'] : captures, measures }, context);
    const { tensors } = run.capture;
    const id = this.keep({ path: params.path, run, bytes: [...tensors.values()].reduce((sum, tensor) => sum + tensorBytes(tensor), 0) });
    const measured = measures ? await run.measures() : null;
    const { device, library } = engine.describe();
    return {
      capture: id,
      shapes: Object.fromEntries([...tensors].map(([name, { shape }]) => [name, shape])),
      pieces: await held.model.pieces(ids),
      measures: measured,
      logits: run.capture.logits,
      provenance: { engine: params.engine, device, library, precision: 'float32' },
      ms: performance.now() - start,
    };
  }

  private tile({ capture, what, ...ask }: TileParams, context: CallContext): Promise<Tensor> {
    const held = this.captures.get(capture);
    if (held === undefined) throw new RpcError('invalidInput', 'this capture is no longer held: run the layer again');
    this.captures.delete(capture);
    this.captures.set(capture, held);
    return held.run.tile(what, ask, context);
  }

  /** The opened model; opened anew when its files changed. */
  private async held(path: string): Promise<Held> {
    const known = this.models.get(path);
    if (known !== undefined && (await known.model.unchanged())) {
      this.models.delete(path);
      this.models.set(path, known);
      return known;
    }
    await this.close(path);
    for (const [oldest] of this.models) {
      if (this.models.size < MOST_MODELS) break;
      await this.close(oldest);
    }
    const held: Held = { model: await HeadModel.open(path), passes: new Map() };
    this.models.set(path, held);
    return held;
  }

  private async close(path: string): Promise<void> {
    const held = this.models.get(path);
    if (held === undefined) return;
    this.models.delete(path);
    for (const [id, capture] of this.captures) if (capture.path === path) this.captures.delete(id);
    for (const pass of held.passes.values()) await pass.dispose();
    await held.model.close();
  }

  /** Captures that were not looked at for longest make room. */
  private keep(capture: HeldCapture): number {
    const id = this.nextCapture++;
    this.captures.set(id, capture);
    let bytes = [...this.captures.values()].reduce((sum, item) => sum + item.bytes, 0);
    for (const [oldest, item] of this.captures) {
      if (bytes <= this.memoryCeiling / 2 || oldest === id) break;
      this.captures.delete(oldest);
      bytes -= item.bytes;
    }
    return id;
  }
}

/** Errors of files and engines as errors that travel. */
async function inWords<R>(work: () => Promise<R>): Promise<R> {
  try {
    return await work();
  } catch (error) {
    if (error instanceof RpcError) throw error;
    if (error instanceof WeightsError) throw new RpcError('invalidInput', `${error.message} ${error.fix}`);
    if (error instanceof EngineUnavailableError) throw new RpcError('unavailable', error.message);
    throw new RpcError('internal', errorSentence(error));
  }
}

async function infoOf(opened: HeadModel): Promise<HeadsModelInfo> {
  const { plan } = opened.model;
  return {
    family: plan.family,
    hiddenSize: plan.hiddenSize,
    vocabularySize: plan.vocabularySize,
    layers: plan.layers.map(({ block }) => block.layer.attention),
    tokenizer: (await opened.tokenizer().catch(() => null)) !== null,
  };
}
