/** The figure in pieces, for a page that sets their headings itself and opens and closes them: the stack, and each kind of layer. */

import type { AttentionKind } from '../model/attention';
import { sentence } from '../present/words';
import type { Anatomy } from '../serving/anatomy/anatomy';
import { inStep, kindDrawing, kindLetter, kindLines, kindName, placeStack, type StepFigure } from './figure';
import { Canvas, placeLayer } from './layout';
import type { Scene } from './scene';

/** A kind of layer: what stands above its block. */
export interface KindPiece {
  /** What the stack calls it. */
  readonly letter: string;
  readonly title: string;
  readonly lines: readonly string[];
  readonly attention: AttentionKind;
  /** How many layers are of this kind. */
  readonly layers: number;
}

/** Tokens, embedding, the layers folded, norm, head. */
export function stackScene(anatomy: Anatomy, width: number, step?: StepFigure): Scene {
  const canvas = new Canvas();
  // A pixel for the strokes at the edges, three for the hue of a kind.
  const bottom = placeStack(canvas, anatomy, 4, 1, width - 5, step);
  return sceneOf(canvas, width, bottom, 'The model from its tokens to its output');
}

export function kindPieces({ kinds }: Anatomy): readonly KindPiece[] {
  return kinds.map((kind, place) => ({
    letter: kindLetter(place),
    title: sentence(kindName(kind, kinds)),
    lines: kindLines(kind),
    attention: kind.attention.kind,
    layers: kind.indexes.length,
  }));
}

/** The block of a kind, by its place in the anatomy's kinds. */
export function kindScene(anatomy: Anatomy, place: number, width: number, step?: StepFigure): Scene {
  const { kinds } = anatomy;
  const kind = kinds[place];
  const canvas = new Canvas();
  const prefix = `layer.${kindLetter(place)}`;
  const bottom = kind
    ? placeLayer(canvas, inStep(kindDrawing(anatomy, kind), prefix, step), prefix, 0, 0, width - 1)
    : 0;
  return sceneOf(canvas, width, bottom, kind ? `${kindLetter(place)}, ${kindName(kind, kinds)}` : '');
}

function sceneOf({ ground, parts }: Canvas, width: number, bottom: number, title: string): Scene {
  return { width, height: Math.ceil(bottom) + 2, title, ground, parts };
}
