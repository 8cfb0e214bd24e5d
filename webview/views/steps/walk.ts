/**
 * A walk: matrices that stay where they are, and steps that compute one from others. What is known after a step, what takes part in it
 * and how a cell came about follow from the list of steps.
 */

import { cellOf, type Grid } from './grid';

/** Where a matrix stands: above both sides, or on one. */
export type Band = 'shared' | 'left' | 'right';

export interface WalkMatrix {
  readonly id: string;
  readonly band: Band;
  /** Line of its band, from 0. */
  readonly line: number;
  /** "C_KV": what follows the underscore is set lower. */
  readonly name: string;
  /** What it is, for those who ask. */
  readonly about: string;
  readonly grid: Grid;
  /** Weights are there from the beginning. */
  readonly weight: boolean;
  /** Kept between tokens. */
  readonly cached: boolean;
  /** What its rows and columns are called: tokens or words; null: numbered. */
  readonly rowNames: readonly string[] | null;
  readonly columnNames: readonly string[] | null;
  /** Row r sees no column after r + `causal`; null: no mask. */
  readonly causal: number | null;
}

/** How a result comes from its operands. */
export type How =
  /** left · right */
  | 'product'
  /** left · rightᵀ */
  | 'transposed'
  /** Looked up: no operands. */
  | 'lookup'
  /** Scale, mask, softmax of the left operand's row. */
  | 'softmax'
  /** left · right, then rotated by the position. */
  | 'rotated'
  /** `base` + left · rightᵀ */
  | 'added'
  /** left · right, and the same of the other heads added. */
  | 'heads';

export interface Operation {
  readonly result: string;
  /** Rows of the result that are computed: from, one past the last. */
  readonly rows: readonly [number, number];
  readonly how: How;
  readonly left?: string;
  /** Row of the left operand that the result's first row comes from; default: the same row. */
  readonly leftFrom?: number;
  readonly right?: string;
  readonly base?: string;
  readonly baseFrom?: number;
  /** Softmax: what the scores are divided by, squared. */
  readonly root?: number;
}

export interface Step {
  readonly id: string;
  readonly title: string;
  /** One sentence. */
  readonly sentence: string;
  readonly operations: readonly Operation[];
}

export interface Walk {
  readonly matrices: readonly WalkMatrix[];
  readonly steps: readonly Step[];
  /** What the two sides are called. */
  readonly sides: { readonly left: string; readonly right: string };
  /** Largest differences between the sides, measured; shown from the step on. */
  readonly measured: readonly Measured[];
}

export interface Measured {
  readonly what: string;
  readonly difference: number;
  /** Id of the step from which both sides are there. */
  readonly from: string;
}

export function matrixOf(walk: Walk, id: string): WalkMatrix {
  const found = walk.matrices.find((matrix) => matrix.id === id);
  if (!found) throw new Error(`The walkthrough has no matrix ${id}.`);
  return found;
}

/** Rows of a matrix that are known after step `step`, from the top. */
export function knownRows(walk: Walk, id: string, step: number): number {
  const { weight, grid } = matrixOf(walk, id);
  if (weight) return grid.rows;
  return walk.steps
    .slice(0, step + 1)
    .flatMap((one) => one.operations)
    .filter((operation) => operation.result === id)
    .reduce((most, operation) => Math.max(most, operation.rows[1]), 0);
}

/** Columns that are known after step `step`, from the left: of scores and weights those of the tokens that have come. */
export function knownColumns(walk: Walk, id: string, step: number): number {
  const { causal, grid } = matrixOf(walk, id);
  return causal === null ? grid.columns : knownRows(walk, id, step) + causal;
}

/** The part that a matrix takes in a step. */
export type Role = 'none' | 'operand' | 'result';

export interface Part {
  readonly role: Role;
  /** Rows that take part. */
  readonly rows: readonly [number, number];
  /** Of a result: rows that were known before and are computed once more. */
  readonly again: number;
}

const NO_PART: Part = { role: 'none', rows: [0, 0], again: 0 };

export function partOf(walk: Walk, id: string, step: number): Part {
  const operations = walk.steps[step]?.operations ?? [];
  const made = operations.find((operation) => operation.result === id);
  if (made) {
    const before = step === 0 ? 0 : knownRows(walk, id, step - 1);
    return {
      role: 'result',
      rows: made.rows,
      again: matrixOf(walk, id).weight ? 0 : Math.max(0, Math.min(before, made.rows[1]) - made.rows[0]),
    };
  }
  const reading = operations.filter(
    (operation) => operation.left === id || operation.right === id || operation.base === id,
  );
  if (reading.length === 0) return NO_PART;
  const ends = reading.map(({ rows, left, leftFrom, right, baseFrom }): readonly [number, number] => {
    if (right === id) return [0, knownRows(walk, id, step)];
    const from = (left === id ? leftFrom : baseFrom) ?? rows[0];
    return [from, from + rows[1] - rows[0]];
  });
  return { role: 'operand', rows: [Math.min(...ends.flat()), Math.max(...ends.flat())], again: 0 };
}

/** Multiplications of a step on one side, of pairs that the mask allows; `again`: of rows that were known before. */
export function multiplications(
  walk: Walk,
  step: number,
  band: Band,
): { readonly all: number; readonly again: number } {
  let [all, again] = [0, 0];
  for (const operation of walk.steps[step]?.operations ?? []) {
    const result = matrixOf(walk, operation.result);
    if (result.band !== band || operation.left === undefined || operation.how === 'softmax') continue;
    const left = matrixOf(walk, operation.left);
    const known = operation.rows[0] + partOf(walk, operation.result, step).again;
    for (let row = operation.rows[0]; row < operation.rows[1]; row++) {
      const leftRow = (operation.leftFrom ?? operation.rows[0]) + row - operation.rows[0];
      const inner = left.causal === null ? left.grid.columns : leftRow + left.causal + 1;
      const outer = result.causal === null ? result.grid.columns : row + result.causal + 1;
      all += inner * outer;
      if (row < known) again += inner * outer;
    }
  }
  return { all, again };
}

/** Where a cell comes from: the step's operation on it at or before `step`. */
export function originOf(walk: Walk, id: string, row: number, step: number): Operation | null {
  for (let at = step; at >= 0; at--) {
    const found = walk.steps[at]?.operations.find(
      (operation) => operation.result === id && row >= operation.rows[0] && row < operation.rows[1],
    );
    if (found) return found;
  }
  return null;
}

export function isMasked({ causal }: WalkMatrix, row: number, column: number): boolean {
  return causal !== null && column > row + causal;
}

export function nameOf(names: readonly string[] | null, index: number): string {
  return names?.[index] ?? String(index + 1);
}

/** A matrix's known rows as text; masked cells are empty. */
export function valueTable(
  matrix: WalkMatrix,
  known: number,
  width: number,
): {
  readonly columns: readonly string[];
  readonly rows: readonly { readonly name: string; readonly cells: readonly string[] }[];
} {
  const { grid, rowNames, columnNames } = matrix;
  const columns = Array.from({ length: width }, (_, column) => nameOf(columnNames, column));
  const cells = (row: number): string[] =>
    columns.map((_, column) => (isMasked(matrix, row, column) ? '' : numberText(cellOf(grid, row, column))));
  return {
    columns,
    rows: Array.from({ length: known }, (_, row) => ({ name: nameOf(rowNames, row), cells: cells(row) })),
  };
}

/** Three significant digits at most, a true minus. */
export function numberText(value: number): string {
  if (value === 0) return '0';
  const magnitude = Math.abs(value);
  const text =
    magnitude >= 0.0005 && magnitude < 1e6 ? String(Number(magnitude.toPrecision(3))) : magnitude.toExponential(1);
  return value < 0 ? `−${text}` : text;
}

/** A measured difference: "0", "1.1e-16". */
export function differenceText(value: number): string {
  return value === 0 ? '0' : value.toExponential(1);
}

/** One operation of a step; `more`: where other rows are read than those that are made, or what is added. */
export function operation(
  how: How,
  result: string,
  rows: readonly [number, number],
  left?: string,
  right?: string,
  more: Partial<Operation> = {},
): Operation {
  return { how, result, rows, ...(left !== undefined && { left }), ...(right !== undefined && { right }), ...more };
}

export function step(id: string, title: string, sentence: string, ...operations: Operation[]): Step {
  return { id, title, sentence, operations };
}

/** A matrix of a walk: an activation without names unless `traits` say otherwise. */
export function matrix(
  id: string,
  band: Band,
  line: number,
  name: string,
  about: string,
  grid: Grid,
  traits: Partial<WalkMatrix> = {},
): WalkMatrix {
  return {
    id,
    band,
    line,
    name,
    about,
    grid,
    weight: false,
    cached: false,
    rowNames: null,
    columnNames: null,
    causal: null,
    ...traits,
  };
}

export const WEIGHT: Partial<WalkMatrix> = { weight: true };
