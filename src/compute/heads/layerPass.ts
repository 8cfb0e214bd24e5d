/** What a look at a layer needs of whatever runs it: a model's own weights, or seeded ones. */

import type { RunnableAttention } from '../../attention/layerSpec';
import type { WeightInfo } from '../../attention/weightNames';
import type { CaptureResult, HeadsModelInfo } from '../../shared/headsContract';
import type { Engine } from '../engines/engine';
import type { CaptureAsk, ForwardLimits, LayerCapture } from './forward';
import type { WeightTensors } from './layerReader';
import type { ProgramCache } from './programs';
import type { Watch } from './watch';

export interface LayerPass {
  readonly sessions: ProgramCache;
  /** Bytes that a run may take. */
  readonly memoryCeiling: number;
  /** Undefined for a layer that is not there or cannot be run: `capture` says why. */
  attention(layer: number): RunnableAttention | undefined;
  /** Whether a layer's scores over so many tokens are computed in one piece; otherwise they are read in tiles. */
  atOnce(layer: number, tokens: number): boolean;
  capture(ask: CaptureAsk, watch: Watch): Promise<LayerCapture>;
  /** Weights of a layer's attention as float32, linear maps `[out, in]`. */
  weights(layer: number, infos: readonly WeightInfo[], watch: Watch): Promise<WeightTensors>;
  /** Ends all sessions. */
  dispose(): Promise<void>;
}

/** A model that can be looked at. */
export interface HeadSubject {
  /** For messages. */
  readonly path: string;
  info(): Promise<HeadsModelInfo>;
  /** Ids of a text. */
  encode(text: string): Promise<readonly number[]>;
  /** What the ids stand for, for labels; `#id` where that is not known. */
  pieces(ids: readonly number[]): Promise<string[]>;
  /** Whether it is still what was opened. */
  unchanged(): Promise<boolean>;
  pass(engine: Engine, limits?: ForwardLimits): LayerPass;
  /** Null for a model's own weights. */
  seeded(layer: number): CaptureResult['seeded'];
  close(): Promise<void>;
}
