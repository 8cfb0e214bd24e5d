/** A small matrix as a picture: which cells have a colour, what is outlined, how large a cell may be. */

import { elementAt } from '../../../src/model/elementAt';

export interface CellPlace {
  readonly row: number;
  readonly column: number;
}

/** What a matrix's event `cell` tells; by keyboard it should be said aloud, too. */
export interface CellChoice extends CellPlace {
  readonly byKeyboard: boolean;
}

export interface MatrixModel {
  readonly id: string;
  /** What follows an underscore is set lower. */
  readonly name: string;
  readonly about: string;
  readonly rows: number;
  readonly columns: number;
  /** Row-major. */
  readonly values: Float64Array;
  /** Rows from the top that are known; the others are empty frames. */
  readonly known: number;
  /** Columns from the left that are known: fewer where tokens that have not come yet will have theirs. */
  readonly knownColumns: number;
  /** Row r sees no column after r + `causal`; null: no mask. */
  readonly causal: number | null;
  readonly cached: boolean;
  readonly role: 'none' | 'operand' | 'result';
  /** Recedes, because others are what it is about. */
  readonly quiet: boolean;
  /** Rows that take part. */
  readonly active: readonly [number, number];
  /** Of the active rows: those that were known before and are computed once more. */
  readonly again: number;
  /** Written at the left of the rows. */
  readonly rowLabels: readonly string[] | null;
  /** Of the colours at both ends. */
  readonly magnitude: number;
  readonly lit: readonly { readonly row: number | null; readonly column: number | null }[];
  readonly cursor: { readonly row: number; readonly column: number } | null;
}

/** True where a picture would look different: most matrices stay as they are while one is pointed at. */
export function looksDifferent(a: MatrixModel, b: MatrixModel | undefined): boolean {
  return a.values !== b?.values || JSON.stringify({ ...a, values: 0 }) !== JSON.stringify({ ...b, values: 0 });
}

export type CellState = 'value' | 'masked' | 'empty';

export function cellState(
  { known, knownColumns, causal }: Pick<MatrixModel, 'known' | 'knownColumns' | 'causal'>,
  row: number,
  column: number,
): CellState {
  if (row >= known || column >= knownColumns) return 'empty';
  return causal !== null && column > row + causal ? 'masked' : 'value';
}

/** Largest magnitude among what is shown: the scale of the colours; 1 where nothing is. */
export function magnitudeOf(
  model: Pick<MatrixModel, 'values' | 'known' | 'knownColumns' | 'columns' | 'causal'>,
): number {
  const { values, known, columns } = model;
  let most = 0;
  for (let i = 0; i < known * columns; i++) {
    if (cellState(model, Math.floor(i / columns), i % columns) === 'value')
      most = Math.max(most, Math.abs(elementAt(values, i)));
  }
  return most === 0 ? 1 : most;
}

/** Index into a diverging colour map whose middle is zero. */
export function colourIndex(value: number, magnitude: number, colours: number): number {
  const middle = (colours - 1) / 2;
  return Math.round(middle + Math.max(-1, Math.min(1, value / magnitude)) * middle);
}

/** "4 × 8": rows that are known, or all while none is. */
export function sizeText({
  rows,
  known,
  columns,
  knownColumns,
}: Pick<MatrixModel, 'rows' | 'known' | 'columns' | 'knownColumns'>): string {
  return known === 0 ? `${rows} × ${columns}` : `${known} × ${knownColumns}`;
}

/** What a line of matrices needs of its width. */
export interface LineItem {
  readonly columns: number;
  /** Characters of the name, or of the size where that is longer. */
  readonly labelCharacters: number;
  /** Pixels of what is written at the left of its rows. */
  readonly rowLabelPixels: number;
}

/** How large matrices in a line are, and what is between them; in pixels. */
export interface LineLook {
  readonly gap: number;
  /** A character of a name or a size. */
  readonly character: number;
  /** Widths that a cell can have, the largest first. */
  readonly cells: readonly number[];
}

/** From this width on a cell shows its number. Between colours alone and numbers there is nothing to gain from size. */
export const WRITTEN_FROM = 30;
export const LEAST_CELL = 3;

function widths(most: number, least: number): number[] {
  return Array.from({ length: most - least + 1 }, (_, index) => most - index);
}

/** Numbers are wider than high. */
export function cellHeight(cell: number): number {
  return cell < WRITTEN_FROM ? cell : Math.round(cell * 0.7);
}

/** A number for a cell: two decimals at most, a true minus. */
export function cellNumber(value: number): string {
  const magnitude = Math.abs(value);
  const text = magnitude.toFixed(magnitude >= 99.5 ? 0 : magnitude >= 9.95 ? 1 : 2);
  return value < 0 && Number(text) !== 0 ? `−${text}` : text;
}

/** Black or white: what is read on a colour, by WCAG's relative luminance (above 0.179 black has the larger contrast). */
export function inkOn(colour: readonly [number, number, number]): '#000' | '#fff' {
  const [red, green, blue] = colour.map((channel) => {
    const share = channel / 255;
    return share <= 0.04045 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4;
  });
  return 0.2126 * (red ?? 0) + 0.7152 * (green ?? 0) + 0.0722 * (blue ?? 0) > 0.179 ? '#000' : '#fff';
}

/** Longer words at rows are cut. */
export const MOST_LABEL = 14;

/** To look into: with numbers where there is room for them. */
export const LARGE: LineLook = {
  gap: 18,
  character: 6,
  cells: [...widths(40, WRITTEN_FROM), ...widths(18, LEAST_CELL)],
};
/** To see where something stands. */
export const SMALL: LineLook = { gap: 6, character: 5.2, cells: widths(10, LEAST_CELL) };

export interface Line {
  readonly items: readonly LineItem[];
  readonly width: number;
}

function lineWidth(items: readonly LineItem[], cell: number, { gap, character }: LineLook): number {
  return items.reduce(
    (sum, item) => sum + item.rowLabelPixels + Math.max(item.columns * cell, item.labelCharacters * character),
    gap * Math.max(0, items.length - 1),
  );
}

/** The largest cell that `suits` and with which every line fits into its width; the least, and false, where none does. */
export function cellSize(
  lines: readonly Line[],
  look: LineLook,
  suits: (cell: number) => boolean = () => true,
): readonly [cell: number, fits: boolean] {
  const found = look.cells.find(
    (cell) => suits(cell) && lines.every(({ items, width }) => lineWidth(items, cell, look) <= width),
  );
  return found === undefined ? [LEAST_CELL, false] : [found, true];
}

/** Where the arrow keys lead from a cell; null for other keys. */
export function movedCursor(
  key: string,
  { row, column }: { readonly row: number; readonly column: number },
  rows: number,
  columns: number,
): { readonly row: number; readonly column: number } | null {
  const [down = 0, right = 0] =
    { ArrowUp: [-1], ArrowDown: [1], ArrowLeft: [0, -1], ArrowRight: [0, 1], Home: [0, -columns], End: [0, columns] }[
      key
    ] ?? [];
  if (down === 0 && right === 0) return null;
  return {
    row: Math.min(rows - 1, Math.max(0, row + down)),
    column: Math.min(columns - 1, Math.max(0, column + right)),
  };
}
