/** What is wrong in a drawing by its numbers: things that overlap, texts that leave their place, lines that cross a box. */

import type { Place, Part, Scene, TextShape } from '../../../src/drawing/scene';
import { wrapText } from '../../../src/drawing/textWidth';

function overlap(a: Place, b: Place): boolean {
  return a.x < b.x + b.width && b.x < a.x + a.width && a.y < b.y + b.height && b.y < a.y + a.height;
}

export function overlapping(parts: readonly Part[]): string[] {
  return parts.flatMap((part, index) =>
    parts.slice(index + 1).flatMap((other) => (overlap(part, other) ? [`${part.id} and ${other.id}`] : [])),
  );
}

/** By its widest font, with the descent of its letters. */
function textInside({ x, y, text, size, bold }: TextShape, place: Place): boolean {
  return (
    x >= place.x &&
    wrapText(text, place.x + place.width + 0.5 - x, size, bold).join('|') === text &&
    y - size >= place.y - 0.5 &&
    y + size * 0.3 <= place.y + place.height + 0.5
  );
}

function within(place: Place, part: Place): boolean {
  return (
    place.x >= part.x - 0.1 &&
    place.y >= part.y - 0.1 &&
    place.x + place.width <= part.x + part.width + 0.1 &&
    place.y + place.height <= part.y + part.height + 0.1
  );
}

/** Texts and marks that are not wholly in their part, and parts that are not wholly in the picture. */
export function cut({ ground, parts, width, height }: Scene): string[] {
  const page = { x: 0, y: 0, width, height };
  return [
    ...ground.flatMap((shape) => (shape.shape === 'text' && !textInside(shape, page) ? [shape.text] : [])),
    ...ground.flatMap((shape) => (shape.shape === 'rect' && !within(shape, page) ? ['a frame'] : [])),
    ...parts.flatMap((part) => (within(part, page) ? [] : [`${part.id} leaves the page`])),
    ...parts.flatMap((part) =>
      part.shapes.flatMap((shape) => {
        if (shape.shape === 'text') return textInside(shape, part) ? [] : [`${part.id}: ${shape.text}`];
        return shape.shape !== 'rect' || within(shape, part) ? [] : [`${part.id}: a mark`];
      }),
    ),
  ];
}

/** Texts beside the boxes that lie on a box or on each other. */
export function covered({ ground, parts }: Scene): string[] {
  const texts = ground.flatMap((shape) => {
    if (shape.shape !== 'text') return [];
    const { x, y, text, size } = shape;
    // As narrow as half of its widest: what overlaps so overlaps in every font.
    return [{ id: text, x, y: y - size * 0.8, width: text.length * size * 0.3, height: size }];
  });
  return texts.flatMap((text, index) =>
    [...parts, ...texts.slice(index + 1)].flatMap((other) =>
      overlap(text, other) ? [`${text.id} and ${other.id}`] : [],
    ),
  );
}

/** Lines that run through a box (or what is said beside one) instead of ending at it. */
export function crossed({ ground, parts }: Scene): string[] {
  const inside = ({ x, y, width, height, id }: Part): Part | (Place & { readonly id: string }) => ({
    id,
    x: x + 1,
    y: y + 1,
    width: width - 2,
    height: height - 2,
  });
  const places = parts.map(inside);
  return ground.flatMap((shape) =>
    shape.shape === 'path'
      ? shape.points.slice(1).flatMap(([toX, toY], index) => {
          const [fromX, fromY] = shape.points[index] ?? [toX, toY];
          const line = {
            x: Math.min(fromX, toX),
            y: Math.min(fromY, toY),
            width: Math.abs(toX - fromX) || 0.1,
            height: Math.abs(toY - fromY) || 0.1,
          };
          return places.flatMap((place) => (overlap(line, place) ? [`a line through ${place.id}`] : []));
        })
      : [],
  );
}
