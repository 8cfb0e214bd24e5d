/** Models and captures that the compute process holds, and the methods that look at them. */

import type { Tensor } from '../../attention/onnx/graph';
import { type ConversionRequest, parseTarget } from '../../insight/conversion/target';
import type { EngineId } from '../../shared/engineIds';
import type {
  CaptureParams,
  CaptureResult,
  ConvertParams,
  ConvertResult,
  HeadsMethods,
  ModelParams,
  TileParams,
} from '../../shared/headsContract';
import type { CallContext } from '../../shared/rpc';
import { RpcError } from '../../shared/rpcError';
import type { Answers } from '../../shared/schema';
import { tensorBytes } from '../../shared/transfer';
import type { Engine } from '../engines/engine';
import { withTravellingErrors } from '../travellingErrors';
import { lackingForConversion, measureConversions } from './conversionRun';
import { HeadModel } from './headModel';
import { type HeadsAsk, HeadsRun } from './headsRun';
import type { HeadSubject, LayerPass } from './layerPass';
import { SeededModel } from './seededModel';

interface Held {
  readonly model: HeadSubject;
  /** By engine. */
  readonly passes: Map<EngineId, LayerPass>;
}

interface HeldCapture {
  /** Of its model. */
  readonly key: string;
  readonly run: HeadsRun;
  readonly bytes: number;
}

/** A model that is open, and what runs its layers. */
export interface OpenedModel {
  readonly model: HeadSubject;
  pass(engine: EngineId): LayerPass;
}

/** Models whose files stay open. */
const MOST_MODELS = 2;

export class HeadsService {
  private readonly models = new Map<string, Held>();
  private readonly captures = new Map<number, HeldCapture>();
  private nextCapture = 1;

  /** @param memoryCeiling Captures together stay below half of it. */
  constructor(
    private readonly engine: (id: EngineId) => Engine,
    private readonly memoryCeiling: number,
  ) {}

  answers(): Answers<HeadsMethods> {
    const travelling =
      <P, R>(work: (params: P, context: CallContext) => Promise<R>) =>
      (params: P, context: CallContext): Promise<R> =>
        withTravellingErrors(() => work(params, context));
    return {
      'heads/model': travelling(async (params) => (await this.held(params)).model.info()),
      'heads/tokens': travelling(async ({ text, ...params }) => {
        const { model } = await this.held(params);
        const ids = await model.encode(text);
        return { ids, pieces: await model.pieces(ids) };
      }),
      'heads/capture': travelling((params, context) => this.capture(params, context)),
      'heads/lacking': travelling((params) => this.lacking(params)),
      'heads/lackingForConversion': travelling((params) => this.lackingForConversion(params)),
      'heads/tile': travelling((params, context) => this.tile(params, context)),
      'heads/convert': travelling((params, context) => this.convert(params, context)),
      'heads/close': travelling(async (params) => {
        await this.close(keyOf(params));
        return null;
      }),
    };
  }

  /** For other questions about the same models; not to be kept beyond an answer. */
  async opened(params: ModelParams): Promise<OpenedModel> {
    const held = await this.held(params);
    return { model: held.model, pass: (engine) => this.pass(held, engine) };
  }

  private async convert(params: ConvertParams, context: CallContext): Promise<ConvertResult> {
    const start = performance.now();
    const { layer } = params;
    const held = await this.held(params);
    const conversions = params.conversions?.map(({ to, method }): ConversionRequest => {
      const target = parseTarget(to);
      if (target === null) throw new RpcError('invalidInput', `conversions are gqa:G, mqa and mla:R[+D], not ${to}`);
      return { target, method };
    });
    const ids = await held.model.encode(params.text);
    if (ids.length === 0) throw new RpcError('invalidInput', 'the prompt has no tokens');
    const pass = this.pass(held, params.engine);
    const found = await measureConversions(pass, { ids, layer, conversions: conversions ?? null }, context);
    const attention = pass.attention(layer);
    if (attention === undefined) throw new RpcError('invalidInput', `there is no layer ${layer}`);
    return {
      layer,
      tokens: ids.length,
      attention,
      conversions: found,
      seeded: held.model.seeded(layer),
      ms: performance.now() - start,
    };
  }

  private pass(held: Held, id: EngineId): LayerPass {
    const known = held.passes.get(id) ?? held.model.pass(this.engine(id), { memoryCeiling: this.memoryCeiling });
    held.passes.set(id, known);
    return known;
  }

  private async lacking(params: CaptureParams): Promise<{ readonly bytes: number }> {
    const held = await this.held(params);
    return { bytes: await HeadsRun.lacking(this.pass(held, params.engine), askOf(params)) };
  }

  private async lackingForConversion(params: ConvertParams): Promise<{ readonly bytes: number }> {
    const held = await this.held(params);
    const ids = await held.model.encode(params.text);
    return { bytes: await lackingForConversion(this.pass(held, params.engine), { ids, layer: params.layer }) };
  }

  private async capture(params: CaptureParams, context: CallContext): Promise<CaptureResult> {
    const start = performance.now();
    const held = await this.held(params);
    const engine = this.engine(params.engine);
    const pass = this.pass(held, params.engine);
    const { ids, layer, measures } = params;
    const run = await HeadsRun.start(pass, askOf(params), context);
    const { tensors, spec } = run.capture;
    const id = this.keep({
      key: keyOf(params),
      run,
      bytes: [...tensors.values()].reduce((sum, tensor) => sum + tensorBytes(tensor), 0),
    });
    const measured = measures ? await run.measures() : null;
    const { device, library } = engine.describe();
    return {
      capture: id,
      attention: spec.attention,
      shapes: Object.fromEntries([...tensors].map(([name, { shape }]) => [name, shape])),
      pieces: await held.model.pieces(ids),
      measures: measured,
      logits: run.capture.logits,
      provenance: { engine: params.engine, device, library, precision: 'float32' },
      seeded: held.model.seeded(layer),
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

  /** The opened model, for what asks of it besides its heads. */
  async subject(params: ModelParams): Promise<HeadSubject> {
    return (await this.held(params)).model;
  }

  /** The opened model; opened anew when its files changed. */
  private async held(params: ModelParams): Promise<Held> {
    const key = keyOf(params);
    const known = this.models.get(key);
    if (known !== undefined && (await known.model.unchanged())) {
      this.models.delete(key);
      this.models.set(key, known);
      return known;
    }
    await this.close(key);
    for (const [oldest] of this.models) {
      if (this.models.size < MOST_MODELS) break;
      await this.close(oldest);
    }
    const { path, seeded } = params;
    const held: Held = {
      model: await (seeded === undefined ? HeadModel.open(path) : SeededModel.open(path, seeded)),
      passes: new Map(),
    };
    this.models.set(key, held);
    return held;
  }

  private async close(key: string): Promise<void> {
    const held = this.models.get(key);
    if (held === undefined) return;
    this.models.delete(key);
    for (const [id, capture] of this.captures) if (capture.key === key) this.captures.delete(id);
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

function askOf({ ids, layer, captures, measures, logits }: CaptureParams): HeadsAsk {
  return { ids, layer, dumps: logits ? [...captures, 'logits'] : captures, measures };
}

/** Another text, seed or family is another model. */
function keyOf({ path, seeded }: ModelParams): string {
  return seeded === undefined ? path : JSON.stringify([path, seeded.seed, seeded.families, seeded.text]);
}
