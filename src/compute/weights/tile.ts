/** A part of a matrix in a file as a picture: reduced to cells, and read by range. Of a part that is too large some rows of each cell are read. */

import { RpcError } from '../../shared/rpcError';
import type { WeightTile, WeightTileParams } from '../../shared/weightsContract';
import { elementsOf } from '../../weights/tensorGroups';
import type { WeightStore } from '../../weights/weightStore';
import { Cells } from '../heads/cells';

/** Elements that a tile reads at most: a moment's work, whatever the tensor's size is. */
const MOST_ELEMENTS = 3 * 2 ** 20;
/** Rows that are on their way at once. */
const AT_ONCE = 16;
/** A piece of a row is at least so long where not all of the row is read. */
const LEAST_PIECE = 256;

/** The matrix that a tensor is looked at as: its columns are the last dimension. */
function matrixOf(shape: readonly number[]): readonly [rows: number, columns: number] {
  const columns = shape.at(-1) ?? 1;
  return [columns === 0 ? 0 : elementsOf({ shape }) / columns, columns];
}

type Ask = Pick<WeightTileParams, 'rows' | 'columns' | 'size'>;

/** @throws RpcError `invalidInput` for what is outside; WeightsError for what cannot be read. */
export async function weightTile(
  store: WeightStore,
  name: string,
  { rows: rowRange, columns: columnRange, size }: Ask,
  signal: AbortSignal,
): Promise<WeightTile> {
  const [height, width] = matrixOf(store.info(name).shape);
  const [top, bottom] = checked(rowRange, height, 'rows');
  const [left, right] = checked(columnRange, width, 'columns');
  const span = right - left;
  const columns = new Cells(left, right, size[1]);
  // Fewer, higher cells where a row is long.
  const rows = new Cells(top, bottom, Math.min(size[0], Math.max(1, Math.floor(MOST_ELEMENTS / span))));
  const perCell = Math.max(1, Math.floor(MOST_ELEMENTS / (rows.count * span)));
  const piece = pieceOf(columns, rows.count);
  const data = new Float32Array(rows.count * columns.count);
  let rowsRead = 0;
  const work: { readonly row: number; readonly cell: number }[] = [];
  for (let cell = 0; cell < rows.count; cell++) {
    const within = new Cells(rows.border(cell), rows.border(cell + 1), perCell);
    rowsRead += within.count;
    for (let i = 0; i < within.count; i++) work.push({ row: within.border(i), cell });
  }
  const take = (values: Float32Array, cell: number, firstColumn: number): void => {
    for (let column = firstColumn, at = 0; at < values.length; column++) {
      const until = piece === null ? at + columns.size(column) : values.length;
      const place = cell * columns.count + column;
      data[place] = farthest(values, at, until, data[place] as number);
      at = until;
    }
  };
  for (let next = 0; next < work.length; next += AT_ONCE) {
    signal.throwIfAborted();
    await Promise.all(
      work.slice(next, next + AT_ONCE).map(async ({ row, cell }) => {
        if (piece === null) {
          take(await store.readSpan(name, [row * width + left, row * width + right], { signal }), cell, 0);
          return;
        }
        for (let column = 0; column < columns.count; column++) {
          const from = row * width + columns.border(column);
          const until = from + Math.min(piece, columns.size(column));
          take(await store.readSpan(name, [from, until], { signal }), cell, column);
        }
      }),
    );
  }
  return {
    data,
    rows: rows.count,
    columns: columns.count,
    rowsRead,
    columnsRead: piece === null ? span : columns.count * piece,
  };
}

/** Elements of each cell of a row that are read; null where all of them are. */
function pieceOf(columns: Cells, rows: number): number | null {
  if (columns.end - columns.start <= MOST_ELEMENTS) return null;
  return Math.min(columns.slots, Math.max(LEAST_PIECE, Math.floor(MOST_ELEMENTS / (rows * columns.count))));
}

/** The value farthest from zero; NaN where one is NaN. */
function farthest(values: Float32Array, from: number, to: number, before: number): number {
  let best = before;
  for (let i = from; i < to; i++) {
    const value = values[i] as number;
    if (value !== value) return NaN;
    if (Math.abs(value) > Math.abs(best)) best = value;
  }
  return best;
}

function checked([start, end]: readonly [number, number], size: number, what: string): readonly [number, number] {
  if (start < end && end <= size) return [start, end];
  throw new RpcError('invalidInput', `${what} ${start} to ${end} are outside of 0 to ${size}`);
}
