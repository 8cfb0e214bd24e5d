/** What the page of a weight file and the extension host say to each other. The page never names a path: it asks of the file that it shows. */

import * as v from 'valibot';
import type { Units } from '../model/units';
import { type MethodsOf, nothing, text, trusted } from './schema';
import {
  metadataItems,
  OF_OPENED,
  statistics,
  weightsMarks,
  weightTile,
  type WeightsContents,
} from './weightsContract';

export interface WeightEditorInit {
  /** Of the file, for people. */
  readonly name: string;
  /** What sizes are counted in. */
  readonly units: Units;
  /** Why such files cannot be read here; null where they can. */
  readonly problem: string | null;
}

/** What the config says that belongs to the weights, in the words of the scenario that is set. */
export interface WeightFacts {
  /** "llama"; null where there is no config that can be read. */
  readonly modelType: string | null;
  /** "GQA · 32 query heads in 8 groups of 4 · 32 layers", or why nothing is known of it. */
  readonly design: string;
  /** Where it is from: "config.json beside it". */
  readonly from: string | null;
  /** Bytes of one more token; null where that is not known. */
  readonly perToken: number | null;
  /** The cache at the scenario. */
  readonly cache: string | null;
  /** What is not exact, or not known. */
  readonly notes: readonly string[];
}

export interface OpenedWeights {
  readonly contents: WeightsContents;
  readonly facts: WeightFacts;
}

/** What a button does. */
const ACTIONS = ['heads', 'compare', 'fit', 'copy', 'panel', 'config'] as const;
export type WeightAction = (typeof ACTIONS)[number];

export const WEIGHT_EDITOR = {
  'editor/ready': { params: nothing, result: trusted<WeightEditorInit>() },
  /** Reads the headers anew. */
  'editor/open': { params: nothing, result: trusted<OpenedWeights>() },
  'editor/marks': { params: v.strictObject(OF_OPENED.marks), result: weightsMarks },
  'editor/metadata': { params: v.strictObject(OF_OPENED.metadata), result: metadataItems },
  'editor/tile': { params: v.strictObject(OF_OPENED.tile), result: weightTile },
  'editor/statistics': { params: v.strictObject(OF_OPENED.statistics), result: statistics },
  'editor/act': { params: v.strictObject({ action: v.picklist(ACTIONS) }), result: trusted<null>() },
  /** A line for the log, from a failure that the page could only show. */
  'editor/log': { params: v.strictObject({ text: text(10_000) }), result: trusted<null>() },
};
export type WeightEditorMethods = MethodsOf<typeof WEIGHT_EDITOR>;

/** Sent by the host. */
export interface WeightEditorEvents {
  /** The file, one of its parts, or the config beside it has changed on the disk. */
  changed: null;
  units: Units;
}
