/**
 * Widths of text without a page. Advances of DejaVu Sans, which is among the widest of the fonts that editors and browsers fall back to:
 * what fits here fits in Arial, Segoe UI, Roboto and San Francisco too.
 */

/** Advances in thousandths of the font size, by the characters that have them (DejaVu Sans 2.37, hmtx). */
const ADVANCES: readonly (readonly [advance: number, characters: string])[] = [
  [295, "ijlIJ'"],
  [318, ' \u00a0.,·'],
  [337, ':;/|\\'],
  [361, '-'],
  [401, 'tf()[]!²'],
  [460, '"'],
  [525, 'z_–*'],
  [550, 'cs?`'],
  [592, 'vxykrLF'],
  [615, 'eaoYTP'],
  [640, '0123456789bdghnpquSEk$θ{}'],
  [698, 'BRXVKACZ'],
  [752, 'HNU'],
  [790, 'OQ&DG'],
  [838, '+=#~<>×÷≤≥−→w'],
  [890, 'M'],
  [974, 'm%'],
  [1000, 'W@…—'],
];

const BY_CHARACTER = new Map(
  ADVANCES.flatMap(([advance, characters]) => [...characters].map((each) => [each, advance])),
);
/** What is not in the table is taken for as wide as it is high. */
const UNKNOWN = 1000;
/** DejaVu Sans Bold beside the regular one. */
const BOLD = 1.13;

/** Advance of one character in thousandths of the font size. */
export type Advance = (character: string, bold: boolean) => number;

const tableAdvance: Advance = (character, bold) => (BY_CHARACTER.get(character) ?? UNKNOWN) * (bold ? BOLD : 1);

let advance = tableAdvance;

/** What `draw` lays out is for another font: that of a page, which can measure it. */
export function measuredBy<T>(by: Advance, draw: () => T): T {
  advance = by;
  try {
    return draw();
  } finally {
    advance = tableAdvance;
  }
}

/** In pixels, at a font size in pixels. */
export function textWidth(text: string, size: number, bold = false): number {
  let thousandths = 0;
  for (const character of text) thousandths += advance(character, bold);
  return (thousandths / 1000) * size;
}

const NO_BREAK = '\u00a0';

/** Lines no wider than `width`, broken at spaces; a word that is wider is broken where it must be. */
export function wrapText(text: string, width: number, size: number, bold = false): readonly string[] {
  const lines: string[] = [];
  let line = '';
  // What should not be parted is parted at its own spaces before it is within a word.
  const words = text
    .split(' ')
    .flatMap((each) => (textWidth(each, size, bold) > width ? each.split(NO_BREAK) : [each]));
  for (const word of words.flatMap((each) => broken(each, width, size, bold))) {
    const longer = line === '' ? word : `${line} ${word}`;
    if (line !== '' && textWidth(longer, size, bold) > width) {
      lines.push(line);
      line = word;
    } else line = longer;
  }
  return line === '' ? lines : [...lines, line];
}

function broken(word: string, width: number, size: number, bold: boolean): string[] {
  const pieces: string[] = [];
  let piece = '';
  for (const character of word) {
    if (piece !== '' && textWidth(piece + character, size, bold) > width) {
      pieces.push(piece);
      piece = '';
    }
    piece += character;
  }
  return [...pieces, piece];
}
