/** Heads: what the compute process answers about models with their own weights, or with seeded ones. */

import * as v from 'valibot';
import type { RunnableAttention } from '../attention/spec/layerSpec';
import type { Conversion } from '../insight/conversion/convert';
import { type ConversionRequest, METHODS } from '../insight/conversion/target';
import type { GroupIdentity } from '../insight/identity';
import type { PatternMeasures } from '../insight/pattern';
import { configSource } from './configSource';
import { ENGINE_IDS } from './engineIds';
import { MOST_PROMPT_TOKENS, MOST_SEED } from './limits';
import {
  type Contract,
  anyNumber,
  count,
  floats,
  list,
  type MethodsOf,
  natural,
  pair,
  type SchemasOf,
  text,
  trusted,
  whole,
} from './schema';
import { tensor } from './transfer';

/** What can be captured of a layer; shapes are those of `CAPTURES` without the batch axis. */
// biome-ignore format: names fill their lines
export const HEAD_CAPTURES = [
  'q', 'k', 'v', 'scores', 'weights', 'heads', 'output', 'hidden', 'qRaw', 'kRaw', 'latent', 'ropeKey',
  'attentionInput',
] as const;
export type HeadCapture = (typeof HEAD_CAPTURES)[number];

const MOST_ID = 2 ** 31 - 1;

/** Weights from a seed for the shapes of a config. */
const seededSource = v.strictObject({ ...configSource.entries, seed: whole(0, MOST_SEED) });
export type SeededSource = Readonly<v.InferOutput<typeof seededSource>>;

export const model = v.strictObject({
  /** A model folder, its config.json, or a weight file; with `seeded` the folder that may hold a tokenizer, or empty. */
  path: text(4096),
  /** In place of the weights at `path`. */
  seeded: v.exactOptional(seededSource),
});
export type ModelParams = Readonly<v.InferOutput<typeof model>>;
/** How a model is named. */
export const MODEL = model.entries;

const MOST_TEXT = 1_000_000;
/** What is asked of a model, in whichever way it is named. */
export const TOKENS = { text: text(MOST_TEXT) };
export const CAPTURE = {
  ids: list(whole(0, MOST_ID), MOST_PROMPT_TOKENS),
  layer: count,
  /** Nothing is read or computed that these do not need. `weights` and `scores` are there for tiles whenever `q` and `k` are. */
  captures: list(v.picklist(HEAD_CAPTURES), HEAD_CAPTURES.length),
  /** Adds q, k and v, and measures every head. */
  measures: v.boolean(),
  /** Run all layers. */
  logits: v.boolean(),
};

const engine = v.picklist(ENGINE_IDS);
const capture = v.strictObject({ ...model.entries, engine, ...CAPTURE });
export type CaptureParams = Readonly<v.InferOutput<typeof capture>>;

/** Part of a capture `[heads, rows, columns]`: rows are queries or tokens, columns keys or dims; no heads: one panel. */
const tile = v.strictObject({
  capture: count,
  what: v.picklist(HEAD_CAPTURES),
  /** In this order; all by default. K and V have as many heads as there are groups. */
  heads: v.exactOptional(list(count, 65536)),
  /** Half-open ranges; all by default. */
  rows: v.exactOptional(pair),
  columns: v.exactOptional(pair),
  /** Rows and columns that the ranges are reduced to, as equal as can be; never more than there are. Default: no reduction. */
  size: v.exactOptional(pair),
  /** Default `mean`. */
  reduction: v.exactOptional(v.picklist(['mean', 'max'])),
});
export type TileParams = Readonly<v.InferOutput<typeof tile>>;

/** What a layer loses as another design, measured on a text. */
const convert = v.strictObject({
  ...model.entries,
  ...TOKENS,
  engine,
  layer: count,
  /** `to` as in `parseTarget`; null: those that are worth a look for this layer. */
  conversions: v.nullable(list(v.strictObject({ to: text(40), method: v.picklist(METHODS) }), 64)),
});
export type ConvertParams = Readonly<v.InferOutput<typeof convert>>;

/** A layer whose heads cannot be shown, and why: "layer 3 …" without its first words. */
export interface RefusedLayer {
  readonly kind: 'refused';
  readonly why: string;
}

export const headsModelInfo = v.object({
  family: v.string(),
  hiddenSize: natural,
  vocabularySize: natural,
  /** Attention of every layer, as read from the config by the code that the editor has, too. */
  layers: list(trusted<RunnableAttention | RefusedLayer>(), 65536),
  /** False: token ids only, or words. */
  tokenizer: v.boolean(),
  /** Seeded weights without a tokenizer: each word of a text stands for a token. */
  words: v.boolean(),
});
export type HeadsModelInfo = Readonly<v.InferOutput<typeof headsModelInfo>>;

/** What each id stands for. */
const pieces = list(v.string(), MOST_PROMPT_TOKENS);
/** Of the longest text, a token for each byte. */
const MOST_TOKENS = 4 * MOST_TEXT;
export const tokensResult = v.object({
  ids: list(whole(0, MOST_ID), MOST_TOKENS),
  pieces: list(v.string(), MOST_TOKENS),
});

const headMeasures = v.object({
  head: natural,
  /** Which K and V it uses; latent layers make K and V for each head. */
  group: natural,
  entropy: anyNumber,
  sink: anyNumber,
  previousToken: anyNumber,
  duplicateToken: anyNumber,
  induction: anyNumber,
} satisfies SchemasOf<PatternMeasures & { head: number; group: number }>);
export type HeadMeasures = Readonly<v.InferOutput<typeof headMeasures>>;

const identity = v.object({
  inside: anyNumber,
  between: v.nullable(anyNumber),
} satisfies SchemasOf<GroupIdentity>);
const layerMeasures = v.object({
  heads: list(headMeasures, 65536),
  /** Of K after RoPE and of V, one per query head. */
  identity: v.object({ k: identity, v: identity }),
});
export type LayerMeasures = Readonly<v.InferOutput<typeof layerMeasures>>;

/** Null for a model's own weights. */
const seededNote = v.nullable(
  v.object({
    seed: whole(0, MOST_SEED),
    /** What of the family is left out, or null. */
    note: v.nullable(v.string()),
  }),
);
export type SeededNote = Readonly<NonNullable<v.InferOutput<typeof seededNote>>>;

export const captureResult = v.object({
  /** Names the capture in `heads/tile`; it is kept until newer ones need its memory. */
  capture: natural,
  attention: trusted<RunnableAttention>(),
  shapes: v.record(v.picklist(HEAD_CAPTURES), list(natural, 8)),
  pieces,
  measures: v.nullable(layerMeasures),
  /** `[vocabulary]`, of the last token. */
  logits: v.nullable(floats),
  provenance: v.object({ engine, device: v.string(), library: v.string(), precision: v.literal('float32') }),
  seeded: seededNote,
  ms: anyNumber,
});
export type CaptureResult = Readonly<v.InferOutput<typeof captureResult>>;

/** A conversion that this layer cannot have, and why. */
export interface RefusedConversion extends ConversionRequest {
  readonly refused: string;
}
export type ConversionResult = Conversion | RefusedConversion;

const convertResult = v.object({
  layer: natural,
  tokens: natural,
  attention: trusted<RunnableAttention>(),
  /** Numbers of our own maths, which are only shown. */
  conversions: list(trusted<ConversionResult>(), 1000),
  seeded: seededNote,
  ms: anyNumber,
});
export type ConvertResult = Readonly<v.InferOutput<typeof convertResult>>;

export const HEADS = {
  'heads/model': { params: model, result: headsModelInfo, inTurn: true },
  'heads/tokens': { params: v.strictObject({ ...model.entries, ...TOKENS }), result: tokensResult, inTurn: true },
  'heads/capture': { params: capture, result: captureResult, inTurn: true },
  /** Bytes of weights that are not on this machine and that the same capture would have fetched, at most. */
  'heads/lacking': { params: capture, result: v.object({ bytes: natural }), inTurn: true },
  /** The same for a conversion. */
  'heads/lackingForConversion': { params: convert, result: v.object({ bytes: natural }), inTurn: true },
  /** `[heads, rows, columns]`; NaN where nothing is seen (scores). */
  'heads/tile': { params: tile, result: tensor(), inTurn: true },
  'heads/convert': { params: convert, result: convertResult, inTurn: true },
  /** Closes the model's files and drops its captures. */
  'heads/close': { params: model, result: v.null(), inTurn: true },
} satisfies Contract;
export type HeadsMethods = MethodsOf<typeof HEADS>;
