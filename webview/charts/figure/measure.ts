/** Widths of text in the page's font, one character at a time: kerning only brings them closer. */

import type { Advance } from '../../../src/drawing/textWidth';

const SIZE = 100;

const known = new Map<string, Advance>();

/** Of the font that an element has. */
export function advanceIn(element: Element): Advance {
  const { fontFamily } = getComputedStyle(element);
  const before = known.get(fontFamily);
  if (before) return before;
  const context = document.createElement('canvas').getContext('2d');
  if (!context) throw new Error('This page cannot measure text: close the panel and open it again.');
  const widths = [new Map<string, number>(), new Map<string, number>()] as const;
  const advance: Advance = (character, bold) => {
    const of = widths[bold ? 1 : 0];
    const width = of.get(character);
    if (width !== undefined) return width;
    context.font = `${bold ? 'bold ' : ''}${SIZE}px ${fontFamily}`;
    const measured = (context.measureText(character).width * 1000) / SIZE;
    of.set(character, measured);
    return measured;
  };
  known.set(fontFamily, advance);
  return advance;
}
