/** The operations of a step written out, `X · W = C` with the matrices themselves: what stands in them, and how large it can be. */

import {
  type CellChoice,
  cellHeight,
  cellSize,
  LARGE,
  type LineItem,
  type MatrixModel,
  MOST_LABEL,
  WRITTEN_FROM,
} from '../../charts/matrix/viewModel';
import { equationOf, partFor, type StagePart } from './equation';
import { cellOf, type Grid } from './grid';
import { isMasked, knownColumns, knownRows, matrixOf, nameOf, numberText, originOf, type Walk } from './walk';

/** `both`: of no side. */
export type StageSide = 'both' | 'left' | 'right';

/** A side's operations, in their order. */
export interface StageColumn {
  readonly side: StageSide;
  readonly equations: readonly (readonly StagePart[])[];
}

/** What a step computes, by side; in a step that computes nothing: what is kept. */
export function columnsOf(walk: Walk, step: number): StageColumn[] {
  const operations = walk.steps[step]?.operations ?? [];
  const equations = operations.map((operation): [StageSide, StagePart[]] => {
    const { band } = matrixOf(walk, operation.result);
    return [band === 'shared' ? 'both' : band, equationOf(walk, operation, step)];
  });
  const kept =
    operations.length > 0
      ? []
      : walk.matrices
          .filter(({ cached }) => cached)
          .map(({ id, band, grid }): [StageSide, StagePart[]] => [
            band === 'left' ? band : 'right',
            [partFor(walk, step, id, [], 0, grid.rows, false, null)],
          ]);
  const all = [...equations, ...kept];
  return (['both', 'left', 'right'] as const).flatMap((side) => {
    const own = all.filter(([one]) => one === side).map(([, parts]) => parts);
    // What is kept stands in one line.
    return own.length === 0 ? [] : [{ side, equations: [operations.length > 0 ? together(own) : own.flat()] }];
  });
}

/** `X · W = K` and `X · U = V` as `X · W, U = K, V`. */
function together(equations: readonly (readonly StagePart[])[]): StagePart[] {
  const [first = []] = equations;
  return first.flatMap((_, at) =>
    at === 0
      ? first.slice(0, 1)
      : equations.flatMap((parts, index) =>
          parts.slice(at, at + 1).map((part) => (index === 0 ? part : { ...part, sign: [','] })),
        ),
  );
}

export interface StageLayout {
  /** The sides stand beside each other. */
  readonly beside: boolean;
  /** Pixels of a cell. */
  readonly cell: number;
  /** Tokens stand at the left of the first matrix. */
  readonly labelled: boolean;
  readonly height: number;
}

const CHARACTER = 6.2;
/** Smaller cells tell little: the sides then stand below each other, unless that is higher than a page. */
const LEAST_BESIDE = 6;
/** A place as wide as an editor is high, too. */
const WIDE_FROM = 860;
const HIGHEST = 340;
const HIGHEST_WIDE = 500;
/** Words at smaller rows cannot be read. */
const LEAST_LABELLED = 9;
export const STAGE_GAP = 16;
/** Name and size above a matrix, and what is between two operations. */
const ABOVE = 40;
/** A side's title and its count. */
const AROUND = 38;

export function labelPixels(names: readonly string[] | null): number {
  return names ? Math.ceil(Math.min(MOST_LABEL, Math.max(...names.map((name) => name.length))) * CHARACTER) + 8 : 0;
}

/** What a matrix takes of a line, with `before` pixels at its left. */
export function lineItem(
  { name, grid, cached }: Pick<StagePart, 'name' | 'grid' | 'cached'>,
  before: number,
): LineItem {
  return {
    columns: grid.columns,
    labelCharacters: Math.max(name.length + (cached ? 2 : 0), `${grid.rows} × ${grid.columns}`.length),
    rowLabelPixels: before,
  };
}

function lineOf(parts: readonly StagePart[], labelled: boolean): LineItem[] {
  return parts.map((part, index) => {
    // A single sign fits into the gap.
    const longest = Math.max(0, ...part.sign.map((line) => line.length));
    return lineItem(
      part,
      (labelled && index === 0 ? labelPixels(part.rowNames) : 0) + (longest > 1 ? longest * CHARACTER : 0),
    );
  });
}

/** With numbers where there is room for them; else side by side where cells stay large enough. Words at the rows where they fit. */
export function layoutOf(columns: readonly StageColumn[], room: number): StageLayout {
  const highest = room >= WIDE_FROM ? HIGHEST_WIDE : HIGHEST;
  const layout = (beside: boolean, labelled: boolean): StageLayout & { readonly fits: boolean } => {
    const width = beside ? (room - STAGE_GAP) / 2 : room;
    const lines = columns.flatMap(({ equations }) =>
      equations.map((parts) => ({ items: lineOf(parts, labelled), width })),
    );
    const heightAt = (cell: number): number => {
      const heights = columns.map(
        ({ equations }) =>
          AROUND +
          equations.reduce(
            (sum, parts) => sum + ABOVE + cellHeight(cell) * Math.max(...parts.map(({ grid }) => grid.rows)),
            0,
          ),
      );
      return beside ? Math.max(...heights) : heights.reduce((sum, one) => sum + one, 0);
    };
    const [cell, fits] = cellSize(lines, LARGE, (one) => one <= LEAST_BESIDE || heightAt(one) <= highest);
    return { beside, cell, labelled, height: heightAt(cell), fits: fits && (!labelled || cell >= LEAST_LABELLED) };
  };
  const besides = columns.length > 1 ? [layout(true, true), layout(true, false)].filter(({ fits }) => fits) : [];
  const below = [layout(false, true), layout(false, false)];
  return (
    [...besides, ...below].find(({ cell, fits }) => fits && cell >= WRITTEN_FROM) ??
    besides.find(({ cell }) => cell >= LEAST_BESIDE) ??
    below.find(({ fits, height }) => fits && height <= highest) ??
    besides[0] ??
    below.find(({ fits }) => fits) ??
    layout(false, false)
  );
}

/** A part as a picture, from the whole matrix as one. */
export function staged(
  model: MatrixModel,
  { name, from, turned, grid, made, rowNames }: StagePart,
  labelled: boolean,
): MatrixModel {
  const placed = <P extends { readonly row: number | null; readonly column: number | null }>(place: P): P[] => {
    const row = place.row === null ? null : place.row - from;
    if (row !== null && (row < 0 || row >= (turned ? grid.columns : grid.rows))) return [];
    return [{ ...place, row: turned ? place.column : row, column: turned ? row : place.column }];
  };
  return {
    ...model,
    name,
    rows: grid.rows,
    columns: grid.columns,
    values: grid.values,
    known: grid.rows,
    knownColumns: grid.columns,
    causal: model.causal === null ? null : model.causal + from,
    quiet: false,
    active: made ? [made[0] - from, made[1] - from] : [0, grid.rows],
    rowLabels: labelled ? rowNames : null,
    lit: model.lit.flatMap(placed),
    cursor: model.cursor && (placed(model.cursor)[0] ?? null),
  };
}

/** The matrix's cell of a part's. */
export function unstaged({ from, turned }: StagePart, { row, column, byKeyboard }: CellChoice): CellChoice {
  return turned ? { row: from + column, column: row, byKeyboard } : { row: from + row, column, byKeyboard };
}

/** What lights up with a cell: a row of one operand and a row or column of the other. */
export interface Lit {
  readonly id: string;
  readonly row: number | null;
  readonly column: number | null;
}

export function litWith(walk: Walk, id: string, row: number, column: number, step: number): Lit[] {
  const origin = originOf(walk, id, row, step);
  if (!origin) return [];
  return equationOf(walk, origin, step)
    .slice(0, -1)
    .map((part) => {
      if (part.id === origin.right)
        return { id: part.id, row: part.turned ? column : null, column: part.turned ? null : column };
      return { id: part.id, row: part.from + row - origin.rows[0], column: part.id === origin.base ? column : null };
    });
}

const MOST_TERMS = 8;

/** "K[is, 2] = 0.3·0.12 + 0.5·(−0.2) = −0.064". */
export function cellText(walk: Walk, id: string, row: number, column: number, step: number): string {
  const matrix = matrixOf(walk, id);
  const place = `${matrix.name}[${nameOf(matrix.rowNames, row)}, ${nameOf(matrix.columnNames, column)}]`;
  if (row >= knownRows(walk, id, step) || column >= knownColumns(walk, id, step)) return `${place}: not computed yet`;
  if (isMasked(matrix, row, column)) return `${place}: not allowed, a later token`;
  const value = numberText(cellOf(matrix.grid, row, column));
  const origin = originOf(walk, id, row, step);
  if (!origin?.left) return `${place} = ${value}`;
  const { how, root = 1, left: leftId, base: baseId } = origin;
  const parts = equationOf(walk, origin, step).slice(0, -1);
  const base = baseId && parts.shift();
  const [left, right] = parts;
  if (!left) return place;
  const at = row - origin.rows[0];
  // What the mask hides weighs nothing.
  const seen = Array.from(left.grid.values.subarray(0, left.grid.columns), (_, k) => k).filter(
    (k) => !isMasked(matrixOf(walk, leftId), left.from + at, k),
  );
  const factor = (grid: Grid, r: number, c: number, divisor = 1): string => {
    const own = cellOf(grid, r, c) / divisor;
    return own < 0 ? `(${numberText(own)})` : numberText(own);
  };
  const power = (k: number): string => `e^${factor(left.grid, at, k, Math.sqrt(root))}`;
  const terms = seen.map((k) => (right ? `${factor(left.grid, at, k)}·${factor(right.grid, k, column)}` : power(k)));
  const sum = [...terms.slice(0, MOST_TERMS), ...(terms.length > MOST_TERMS ? ['…'] : [])].join(' + ');
  if (!right) return `${place} = ${power(column)} ÷ (${sum}) = ${value}`;
  return `${place} = ${base ? `${numberText(cellOf(base.grid, at, column))} + ` : ''}${sum}${how === 'rotated' ? ', then rotated by its position' : how === 'heads' ? ' + the other heads' : ''} = ${value}`;
}
