/** Numbers as people type them: the one parser of the palette, the panel and the command line's help. */

/** So many things are never asked for. */
const MOST = 2 ** 40;

/** How a number may be typed, for a sentence about one that was not. */
export const TYPED_COUNTS = '131072, 131,072, 131_072, 128k or 1M';

/**
 * A whole number from 1 to 2^40; null where the text is none. Separators stand between digits; k and M are steps of 1,024, as context lengths
 * are named (128k is 131,072), and may have decimals where the result is whole (1.5M).
 */
export function parseTypedCount(text: string): number | null {
  const match = /^(\d+(?:[,_'\s]\d{3})*|\d+\.\d{1,3})\s*(k|m|ki|mi)?$/i.exec(text.trim());
  if (!match) return null;
  const unit = (match[2] ?? '').toLowerCase();
  const value =
    Number((match[1] ?? '').replaceAll(/[,_'\s]/g, '')) * (unit === '' ? 1 : unit.startsWith('k') ? 1024 : 1024 ** 2);
  return Number.isSafeInteger(value) && value >= 1 && value <= MOST ? value : null;
}
