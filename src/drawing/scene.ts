/** A drawing as shapes, in pixels from the top left; colours are names that a theme resolves. */

import type { AttentionKind } from '../model/attention';

/** What a colour is for. */
export type Ink =
  | 'paper'
  | 'text'
  | 'muted'
  | 'line'
  | 'card'
  | 'box'
  | 'norm'
  | 'cache'
  | 'query'
  | 'keyValue'
  | 'expert'
  | 'expertUsed'
  /** What is not the same in another model beside it. */
  | 'changed'
  /** Time of a step: what it waits for, and the rest of the track. */
  | 'memory'
  | 'compute'
  | 'track'
  | `kind-${AttentionKind}`;

export interface Place {
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
}

export interface RectShape extends Place {
  readonly shape: 'rect';
  readonly fill: Ink | null;
  readonly stroke: Ink | null;
  readonly radius: number;
  readonly dashed?: boolean;
}

export interface TextShape {
  readonly shape: 'text';
  /** Left end of the baseline. */
  readonly x: number;
  readonly y: number;
  readonly text: string;
  readonly size: number;
  readonly bold: boolean;
  readonly ink: Ink;
}

/** Straight pieces from point to point. */
export interface PathShape {
  readonly shape: 'path';
  readonly points: readonly (readonly [x: number, y: number])[];
  readonly arrow: boolean;
}

export interface CircleShape {
  readonly shape: 'circle';
  readonly x: number;
  readonly y: number;
  readonly radius: number;
  /** A plus in it: where a branch joins the stream. */
  readonly plus: boolean;
}

export type Shape = RectShape | TextShape | PathShape | CircleShape;

/** What is one thing to a reader: pointed at, spoken, tied to a key of the config. */
export interface Part extends Place {
  /** The same for the same thing of another drawing: "layer.0.q". */
  readonly id: string;
  /** One sentence. */
  readonly says: string;
  /** The key that decided it, the first of `keys`; null where none did. */
  readonly key: string | null;
  /** All keys of the config that decided it. */
  readonly keys: readonly string[];
  /** Of one layer where it is a layer's; null where they are not known apart. */
  readonly parameters: number | null;
  /** Operations of one decode step. */
  readonly flops: number | null;
  /** Fractions of the whole model, of all layers of the kind together; null where they are not known, or overlap with other parts'. */
  readonly shares: { readonly parameters: number | null; readonly flops: number | null } | null;
  readonly shapes: readonly Shape[];
}

export interface Scene {
  readonly width: number;
  readonly height: number;
  readonly title: string;
  /** Lines, frames, headings. */
  readonly ground: readonly Shape[];
  readonly parts: readonly Part[];
}
