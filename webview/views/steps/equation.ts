/** An operation written out, `X · W = C`, with the matrices that stand in it. */

import { cellOf, type Grid, gridOf } from './grid';
import { knownColumns, knownRows, matrixOf, type Operation, type Walk } from './walk';

/** A matrix as an operation reads or makes it: some of its rows, perhaps turned. */
export interface StagePart {
  readonly id: string;
  /** A row of Q is q; turned, K is Kᵀ. */
  readonly name: string;
  /** What stands before it; more than one line where it is words. */
  readonly sign: readonly string[];
  /** First row of the matrix that is shown. */
  readonly from: number;
  /** Rows are shown as columns. */
  readonly turned: boolean;
  readonly grid: Grid;
  /** Rows of the matrix that are computed; null: it is read. */
  readonly made: readonly [number, number] | null;
  readonly rowNames: readonly string[] | null;
  readonly cached: boolean;
}

/** Rows `[from, to)` of a matrix. */
export function partFor(
  walk: Walk,
  step: number,
  id: string,
  sign: readonly string[],
  from: number,
  to: number,
  turned: boolean,
  made: StagePart['made'],
): StagePart {
  const { grid, name, rowNames, weight, cached } = matrixOf(walk, id);
  const columns = knownColumns(walk, id, step);
  const shown = turned
    ? gridOf(columns, to - from, (row, column) => cellOf(grid, from + column, row))
    : gridOf(to - from, columns, (row, column) => cellOf(grid, from + row, column));
  const ofOneRow = !weight && !turned && from > 0;
  return {
    id,
    sign,
    from,
    turned,
    made,
    cached,
    grid: shown,
    name: ofOneRow ? name.charAt(0).toLowerCase() + name.slice(1) : turned ? `${name}ᵀ` : name,
    rowNames: turned ? null : (rowNames?.slice(from, to) ?? null),
  };
}

/** Operands, then the result. What is appended to something kept is shown in it. */
export function equationOf(
  walk: Walk,
  { result, rows, how, left, leftFrom, right, base, baseFrom, root }: Operation,
  step: number,
): StagePart[] {
  const count = rows[1] - rows[0];
  const parts: StagePart[] = [];
  const read = (id: string | undefined, sign: string, from: number, to: number, turned = false): void => {
    if (id !== undefined) parts.push(partFor(walk, step, id, parts.length === 0 ? [] : [sign], from, to, turned, null));
  };
  const rowsFrom = (id: string | undefined, sign: string, from = rows[0]): void => read(id, sign, from, from + count);
  rowsFrom(base, '', baseFrom);
  rowsFrom(left, '+', leftFrom);
  if (right !== undefined) read(right, '·', 0, knownRows(walk, right, step), how === 'transposed' || how === 'added');
  const whole = left === undefined || (rows[0] > 0 && matrixOf(walk, result).cached);
  const equals =
    how === 'softmax'
      ? [`÷ √${root}`, 'softmax', '→']
      : how === 'rotated'
        ? ['RoPE', '→']
        : how === 'heads'
          ? ['+ other', 'heads =']
          : left === undefined
            ? []
            : whole
              ? ['→']
              : ['='];
  parts.push(partFor(walk, step, result, equals, whole ? 0 : rows[0], rows[1], false, rows));
  return parts;
}
