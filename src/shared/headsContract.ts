/** Heads: what the compute process answers about models with their own weights, or with seeded ones. Validation: `headsParams.ts`. */

import type { Tensor } from '../attention/graph';
import type { RunnableAttention } from '../attention/layerSpec';
import type { Conversion } from '../insight/conversion/convert';
import type { ConversionMethod, ConversionRequest } from '../insight/conversion/target';
import type { GroupIdentity } from '../insight/identity';
import type { PatternMeasures } from '../insight/pattern';
import type { ConfigSource } from './configSource';
import type { EngineId } from './devices';

/** What can be captured of a layer; shapes are those of `CAPTURES` without the batch axis. */
export const HEAD_CAPTURES = [
  'q',
  'k',
  'v',
  'scores',
  'weights',
  'heads',
  'output',
  'hidden',
  'qRaw',
  'kRaw',
  'latent',
  'ropeKey',
  'attentionInput',
] as const;
export type HeadCapture = (typeof HEAD_CAPTURES)[number];

export interface ModelParams {
  /** A model folder, its config.json, or a weight file; with `seeded` the folder that may hold a tokenizer, or empty. */
  readonly path: string;
  /** Weights from a seed for the shapes of a config, in place of those at `path`. */
  readonly seeded?: SeededSource;
}

export interface SeededSource extends ConfigSource {
  readonly seed: number;
}

/** A layer whose heads cannot be shown, and why: "layer 3 …" without its first words. */
export interface RefusedLayer {
  readonly kind: 'refused';
  readonly why: string;
}

export interface HeadsModelInfo {
  readonly family: string;
  readonly hiddenSize: number;
  readonly vocabularySize: number;
  /** Attention of every layer. */
  readonly layers: readonly (RunnableAttention | RefusedLayer)[];
  /** False: token ids only, or words. */
  readonly tokenizer: boolean;
  /** Seeded weights without a tokenizer: each word of a text stands for a token. */
  readonly words: boolean;
}

export interface TokensParams extends ModelParams {
  readonly text: string;
}

export interface TokensResult {
  readonly ids: readonly number[];
  /** What each id stands for. */
  readonly pieces: readonly string[];
}

export interface CaptureParams extends ModelParams {
  readonly engine: EngineId;
  readonly ids: readonly number[];
  readonly layer: number;
  /** Nothing is read or computed that these do not need. `weights` and `scores` are there for tiles whenever `q` and `k` are. */
  readonly captures: readonly HeadCapture[];
  /** Adds q, k and v, and measures every head. */
  readonly measures: boolean;
  /** Run all layers. */
  readonly logits: boolean;
}

export interface HeadMeasures extends PatternMeasures {
  readonly head: number;
  /** Which K and V it uses; latent layers make K and V for each head. */
  readonly group: number;
}

export interface LayerMeasures {
  readonly heads: readonly HeadMeasures[];
  /** Of K after RoPE and of V, one per query head. */
  readonly identity: { readonly k: GroupIdentity; readonly v: GroupIdentity };
}

export interface SeededNote {
  readonly seed: number;
  /** What of the family is left out, or null. */
  readonly note: string | null;
}

export interface CaptureResult {
  /** Names the capture in `heads/tile`; it is kept until newer ones need its memory. */
  readonly capture: number;
  readonly attention: RunnableAttention;
  readonly shapes: Readonly<Partial<Record<HeadCapture, readonly number[]>>>;
  readonly pieces: readonly string[];
  readonly measures: LayerMeasures | null;
  /** `[vocabulary]`, of the last token. */
  readonly logits: Float32Array | null;
  readonly provenance: {
    readonly engine: EngineId;
    readonly device: string;
    readonly library: string;
    readonly precision: 'float32';
  };
  /** Null for a model's own weights. */
  readonly seeded: SeededNote | null;
  readonly ms: number;
}

/** Part of a capture `[heads, rows, columns]`: rows are queries or tokens, columns keys or dims; no heads: one panel. */
export interface TileParams {
  readonly capture: number;
  readonly what: HeadCapture;
  /** In this order; all by default. K and V have as many heads as there are groups. */
  readonly heads?: readonly number[];
  /** Half-open ranges; all by default. */
  readonly rows?: readonly [start: number, end: number];
  readonly columns?: readonly [start: number, end: number];
  /** Cells that the ranges are reduced to, as equal as can be; never more than there are. Default: no reduction. */
  readonly size?: readonly [rows: number, columns: number];
  /** Default `mean`. */
  readonly reduction?: 'mean' | 'max';
}

/** What a layer loses as another design, measured on a text. */
export interface ConvertParams extends ModelParams {
  readonly engine: EngineId;
  readonly text: string;
  readonly layer: number;
  /** `to` as in `parseTarget`; null: those that are worth a look for this layer. */
  readonly conversions: readonly { readonly to: string; readonly method: ConversionMethod }[] | null;
}

/** A conversion that this layer cannot have, and why. */
export interface RefusedConversion extends ConversionRequest {
  readonly refused: string;
}

export type ConversionResult = Conversion | RefusedConversion;

export interface ConvertResult {
  readonly layer: number;
  readonly tokens: number;
  readonly attention: RunnableAttention;
  readonly conversions: readonly ConversionResult[];
  /** Null for a model's own weights. */
  readonly seeded: SeededNote | null;
  readonly ms: number;
}

export interface HeadsMethods {
  'heads/model'(params: ModelParams): HeadsModelInfo;
  'heads/tokens'(params: TokensParams): TokensResult;
  'heads/capture'(params: CaptureParams): CaptureResult;
  /** `[heads, rows, columns]`; NaN where nothing is seen (scores). */
  'heads/tile'(params: TileParams): Tensor;
  'heads/convert'(params: ConvertParams): ConvertResult;
  /** Closes the model's files and drops its captures. */
  'heads/close'(params: ModelParams): null;
}
