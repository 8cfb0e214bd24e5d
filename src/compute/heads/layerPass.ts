/** What a look at a layer needs of whatever runs it: a model's own weights, or seeded ones. */

import type { Tensor } from '../../attention/onnx/graph';
import type { AttentionLayerSpec, RunnableAttention } from '../../attention/spec/layerSpec';
import type { CaptureName } from '../../attention/onnx/program';
import type { WeightInfo } from '../../attention/spec/weightNames';
import type { CaptureResult, HeadsModelInfo } from '../../shared/headsContract';
import type { Engine } from '../engines/engine';
import type { WeightTensors } from './layerReader';
import type { ProgramCache } from './programs';
import type { Watch } from './watch';

export interface CaptureAsk {
  readonly ids: readonly number[];
  readonly layer: number;
  readonly captures: readonly CaptureName[];
  /** Run all layers and compute the last token's logits. */
  readonly logits: boolean;
}

/** What was seen of one layer. */
export interface LayerCapture {
  readonly ids: readonly number[];
  readonly layer: number;
  readonly spec: AttentionLayerSpec;
  /** Shapes as in `CAPTURES`, without the batch axis. */
  readonly tensors: ReadonlyMap<CaptureName, Tensor>;
  /** One logit per query head that takes part in its softmax; null in most models. */
  readonly sinks: Float32Array | null;
  /** `[vocabulary]`, or null where they were not asked for. */
  readonly logits: Float32Array | null;
}

export interface ForwardLimits {
  /** Bytes that a run may take; a layer whose weights need more is refused before it is read. */
  readonly memoryCeiling?: number;
  /** Bytes of the scores of one step of a long sequence. */
  readonly stepBytes?: number;
}

export interface LayerPass {
  readonly sessions: ProgramCache;
  /** Bytes that a run may take. */
  readonly memoryCeiling: number;
  /** Undefined for a layer that is not there or cannot be run: `capture` says why. */
  attention(layer: number): RunnableAttention | undefined;
  /** Whether a layer's scores over so many tokens are computed in one piece; otherwise they are read in tiles. */
  atOnce(layer: number, tokens: number): boolean;
  capture(ask: CaptureAsk, watch: Watch): Promise<LayerCapture>;
  /**
   * Bytes of weights that are not on this machine and that `capture` would have fetched, at most. Absent: none ever.
   * @param beside What `weights` is asked of the layer, besides.
   */
  lacking?(ask: CaptureAsk, beside?: (spec: AttentionLayerSpec) => readonly WeightInfo[]): Promise<number>;
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
