/** A forward pass in stages, for several runs side by side: between the stages whoever runs them may change what was written. */

import type { RunnableAttention } from '../../attention/spec/layerSpec';
import type { Matrix } from '../../insight/matrix';
import type { Watch } from '../heads/watch';

/** Takes what the feed-forward of a run puts out; returns what takes its place, or the same. */
export type Fed = (run: number, made: Matrix) => Matrix;

/** What is measured of a run against the unchanged one. */
export interface Measured {
  /** Of each position, nats: Σ p ln(p ÷ p′). */
  readonly kl: Float64Array;
  /** −ln of what is given to the token that follows; one fewer than positions. */
  readonly lossBefore: Float64Array;
  readonly lossAfter: Float64Array;
}

export interface Stages {
  readonly precision: 'float64' | 'float32';
  /** Of every layer. */
  readonly layers: readonly RunnableAttention[];
  /** Runs that are worth computing side by side. */
  batch(tokens: number): number;
  /** What enters layer 0, `[tokens, hidden]`. */
  embed(ids: readonly number[]): Promise<Matrix>;
  /** What the head costs for all positions, in layers of the model. */
  readonly headLayers: number;
  /**
   * What the output projection receives, `[tokens, queryHeads · valueDim]`: heads side by side, after gate and norm.
   * @param hidden What enters the layer, of each run.
   */
  attend(layer: number, hidden: readonly Matrix[], watch: Watch): Promise<readonly Matrix[]>;
  /** Through the output projection. */
  project(layer: number, rows: readonly Matrix[], watch: Watch): Promise<readonly Matrix[]>;
  /** From what the output projection receives to what leaves the layer. */
  rest(
    layer: number,
    hidden: readonly Matrix[],
    rows: readonly Matrix[],
    fed: Fed | null,
    watch: Watch,
  ): Promise<readonly Matrix[]>;
  /** The whole layer, unchanged; and all that are left, from this one on. */
  through(layer: number, hidden: readonly Matrix[], watch: Watch): Promise<readonly Matrix[]>;
  onward(layer: number, hidden: readonly Matrix[], watch: Watch): Promise<readonly Matrix[]>;
  /** @param final What leaves the last layer: of the unchanged run, and of others. */
  measure(
    ids: readonly number[],
    unchanged: Matrix,
    final: readonly Matrix[],
    watch: Watch,
  ): Promise<readonly Measured[]>;
  /** −ln of what the unchanged run gives to the token that follows, behind each position but the last. */
  losses(ids: readonly number[], unchanged: Matrix, watch: Watch): Promise<Float64Array>;
  /** Logits `[vocabulary]` behind the last token of each run. */
  logits(final: readonly Matrix[], watch: Watch): Promise<readonly Float64Array[]>;
  /** The same of single tokens, in their order: no other row of the head is read. */
  logitsOf(tokens: readonly number[], final: readonly Matrix[], watch: Watch): Promise<readonly Float64Array[]>;
  dispose(): Promise<void>;
}

/** The logit of a token, or its lead over another. */
export interface Metric {
  readonly token: number;
  readonly against: number | null;
}
