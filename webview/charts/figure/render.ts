/** Shapes of a drawing as SVG of the page. */

import { nothing, svg, type TemplateResult } from 'lit';
import type { RectShape, Shape } from '../../../src/drawing/scene';

/** Lines, frames, headings: each by itself, in their order. */
export function groundShapes(shapes: readonly Shape[]): readonly TemplateResult[] {
  return shapes.map(shapeOf);
}

/** Shapes of a part: its small marks, which never lie on each other, are one path for each of their colours. */
export function partShapes(shapes: readonly Shape[]): readonly TemplateResult[] {
  const marks = new Map<string, string>();
  const others: Shape[] = [];
  for (const shape of shapes)
    if (isMark(shape)) marks.set(shape.fill, (marks.get(shape.fill) ?? '') + squareOf(shape));
    else others.push(shape);
  return [...others.map(shapeOf), ...[...marks].map(([ink, d]) => svg`<path class="f-${ink}" d=${d}></path>`)];
}

function isMark(shape: Shape): shape is RectShape & { readonly fill: string } {
  return shape.shape === 'rect' && shape.stroke === null && shape.fill !== null && shape.radius <= 1;
}

function squareOf({ x, y, width, height }: RectShape): string {
  return `M${x} ${y}h${width}v${height}h${-width}z`;
}

function shapeOf(shape: Shape): TemplateResult {
  switch (shape.shape) {
    case 'rect': {
      const { x, y, width, height, radius, fill, stroke, dashed } = shape;
      return svg`<rect class="${fill === null ? 'none' : `f-${fill}`} ${stroke === null ? '' : `s-${stroke}`}" x=${x} y=${y} width=${width} height=${height} rx=${radius} stroke-dasharray=${dashed ? '4 3' : nothing}></rect>`;
    }
    case 'text': {
      // The space parts it from the next line where all that stands in a box is read as one, or copied.
      const { x, y, text, size, bold, ink } = shape;
      return svg`<text class="f-${ink}" x=${x} y=${y} font-size=${size} font-weight=${bold ? 'bold' : nothing}>${text} </text>`;
    }
    case 'path': {
      const [first, ...rest] = shape.points;
      const d = `M${first?.join(' ')}${rest.map((point) => `L${point.join(' ')}`).join('')}`;
      return svg`<path class="none s-line" d=${d} marker-end=${shape.arrow ? 'url(#arrow)' : nothing}></path>`;
    }
    case 'circle': {
      const { x, y, radius, plus } = shape;
      return svg`<circle class="f-paper s-line" cx=${x} cy=${y} r=${radius}></circle>${plus ? svg`<path class="s-line" d="M${x - 4} ${y}h8M${x} ${y - 4}v8"></path>` : nothing}`;
    }
  }
}
