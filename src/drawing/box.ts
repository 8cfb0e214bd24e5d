/** A box of a layer: what figures, differences and steps are laid out from. */

import { type PartCounts } from '../serving/anatomy/ends';
import type { BoxMark } from './stepMarks';

/** Columns of the grid that boxes of one branch share. */
export const COLUMNS = 12;

export type Look = 'norm' | 'step' | 'cache' | 'attention' | 'unknown';

/** Query heads above the K and V that they share. */
export interface HeadMarks {
  readonly mark: 'heads';
  readonly queryHeads: number;
  readonly kvHeads: number;
}

export interface ExpertMarks {
  readonly mark: 'experts';
  readonly experts: number;
  readonly perToken: number;
}

export interface Box {
  /** Within its layer. */
  readonly id: string;
  readonly look: Look;
  readonly title: string;
  readonly lines: readonly string[];
  /** Of one layer; null where they are not known apart. */
  readonly parameters: number | null;
  /** The same by part; absent where all are of one. */
  readonly parts?: PartCounts;
  /** Operations of one decode step, of one layer; null where they are not known apart. */
  readonly flops: number | null;
  /** Columns: from the first to before the last. */
  readonly from: number;
  readonly to: number;
  readonly marks?: HeadMarks | ExpertMarks;
  /** Keys of the config that decided it, the first first. */
  readonly keys: readonly string[];
  /** Of the whole model, all layers of the kind together; absent where it was not asked. */
  readonly shares?: Shares;
  /** What it does in a step, in place of its parameters. */
  readonly step?: BoxMark;
}

/** Fractions of 1; null where a number is not known. */
export interface Shares {
  readonly parameters: number | null;
  readonly flops: number | null;
}

export interface Branch {
  /** Boxes row by row. */
  readonly rows: readonly (readonly Box[])[];
  /** A norm on the sum of stream and branch. */
  readonly onStream: Box | null;
  /** It starts where the next one does, and both join the stream together. */
  readonly withNext: boolean;
}

export interface LayerDrawing {
  readonly branches: readonly Branch[];
  /** What belongs to the layer, without a known place in it. */
  readonly unplaced: readonly Box[];
  /** Beside what the boxes say. */
  readonly notes: readonly string[];
}

export type Span = readonly [from: number, to: number];
export const WHOLE: Span = [0, COLUMNS];
