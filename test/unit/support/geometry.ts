// Whether a scene is drawn as it should be: by bounding boxes and the widths of its widest font.
import type { Part, Place, Scene, TextShape } from '../../../src/drawing/scene';
import { wrapText } from '../../../src/drawing/textWidth';

const overlap = (a: Place, b: Place): boolean =>
  a.x < b.x + b.width && b.x < a.x + a.width && a.y < b.y + b.height && b.y < a.y + a.height;

/** Pairs of parts that lie on each other. */
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

/** Texts and marks that are not within their part. */
export function cut(scene: Scene): string[] {
  const texts = [
    ...scene.ground.flatMap((shape) =>
      shape.shape === 'text' && !textInside(shape, { x: 0, y: 0, width: scene.width, height: scene.height })
        ? [shape.text]
        : [],
    ),
    ...scene.parts.flatMap((part) =>
      part.shapes.flatMap((shape) => {
        if (shape.shape === 'text') return textInside(shape, part) ? [] : [`${part.id}: ${shape.text}`];
        if (shape.shape !== 'rect') return [];
        const { x, y, width, height } = shape;
        const inside =
          x >= part.x - 0.1 &&
          y >= part.y - 0.1 &&
          x + width <= part.x + part.width + 0.1 &&
          y + height <= part.y + part.height + 0.1;
        return inside ? [] : [`${part.id}: a mark`];
      }),
    ),
  ];
  return texts;
}
