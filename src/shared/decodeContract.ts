/** "Measure decode": what the compute process is asked, and what it found. */

import * as v from 'valibot';
import { configSource } from './configSource';
import { ENGINE_IDS } from './engineIds';
import { anyNumber, type Contract, list, natural } from './schema';

/** Medians of some runs, beside what a roofline makes of the same work. */
const timing = v.object({
  medianMs: anyNumber,
  runs: natural,
  /** The third quartile of their times over the first. */
  spread: anyNumber,
  /** Operations and bytes that the step needs at least. */
  flops: anyNumber,
  bytesRead: anyNumber,
  /** At the best rates that any row of the run reached. */
  rooflineMs: anyNumber,
});
export type DecodeTiming = Readonly<v.InferOutput<typeof timing>>;

/** One that was not measured says why. */
const measured = v.object({ timing: v.nullable(timing), problem: v.nullable(v.string()) });
export type MeasuredDecode = Readonly<v.InferOutput<typeof measured>>;

const FORMS = ['folded', 'absorbed', 'expanded'] as const;

const design = v.object({
  /** "GQA-8" */
  label: v.string(),
  /** The model as it is. */
  own: v.boolean(),
  /**
   * Of MLA: W_UK and W_UV in the projections around the core (`folded`), multiplied in the step (`absorbed`), or K and V of every head made
   * from the latent (`expanded`). Null: K and V are cached.
   */
  form: v.nullable(v.picklist(FORMS)),
  /** Bytes of the layer's cache at the tokens of the run, float32. */
  cacheBytes: anyNumber,
  ...measured.entries,
});
export type MeasuredDesign = Readonly<v.InferOutput<typeof design>>;

const step = v.object({
  /** With the new one. */
  tokens: natural,
  cached: measured,
  /** All tokens computed again. */
  again: measured,
});
export type MeasuredStep = Readonly<v.InferOutput<typeof step>>;

/** A decode step as MHA and as MLA on a GPU of the table, by roofline. */
const prediction = v.object({
  device: v.string(),
  precision: v.string(),
  scope: v.picklist(['core', 'layer']),
  batch: natural,
  tokens: natural,
  mhaMs: anyNumber,
  mlaMs: anyNumber,
  ratio: anyNumber,
});

const decodeResult = v.object({
  machine: v.string(),
  threads: natural,
  engine: v.picklist(ENGINE_IDS),
  device: v.string(),
  library: v.string(),
  /** Whose widths were taken. */
  layer: natural,
  queryHeads: natural,
  keyDim: natural,
  valueDim: natural,
  /** Tokens of the designs' steps, with the new one. */
  tokens: natural,
  designs: list(design, 16),
  /** Label of the design with and without a cache. */
  stepLabel: v.string(),
  /** The steps with and without a cache ran with the heads and the hidden width divided by this. */
  scale: natural,
  hiddenSize: natural,
  steps: list(step, 16),
  /** Best of the run; null where nothing was measured. */
  rates: v.nullable(v.object({ flopsPerS: anyNumber, bytesPerS: anyNumber })),
  predictions: list(prediction, 8),
  remarks: list(v.string(), 64),
  ms: anyNumber,
});
export type DecodeResult = Readonly<v.InferOutput<typeof decodeResult>>;

export const DECODE = {
  'bench/decode': {
    /** `thorough`: more lengths and runs. */
    params: v.strictObject({ ...configSource.entries, engine: v.picklist(ENGINE_IDS), thorough: v.boolean() }),
    result: decodeResult,
    inTurn: true,
  },
} satisfies Contract;
