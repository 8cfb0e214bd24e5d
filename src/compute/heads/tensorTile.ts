/** Tiles of tensors that are held: any panels × rows × columns, reduced to a given size. */

import type { Tensor } from '../../attention/onnx/graph';
import { RpcError } from '../../shared/rpcError';
import { Cells } from './cells';
import type { Reduction } from './tileGraph';
import { floats } from './tokenAxis';

export interface TensorTileAsk {
  /** Panels of the leading axis, in this order; all by default. */
  readonly panels?: readonly number[];
  /** Half-open ranges; all by default. */
  readonly rows?: readonly [start: number, end: number];
  readonly columns?: readonly [start: number, end: number];
  /** Cells at most; default: no reduction. */
  readonly size?: readonly [rows: number, columns: number];
  readonly reduction?: Reduction;
}

/** A shape as `[panels, rows, columns]`; fewer axes are one panel. */
export function panelShape(shape: readonly number[]): readonly [panels: number, rows: number, columns: number] {
  const [a = 1, b = 1, c = 1] = shape;
  if (shape.length === 3) return [a, b, c];
  return shape.length === 2 ? [1, a, b] : [1, 1, a];
}

/**
 * `[panels, rows, columns]`
 * @throws RpcError `invalidInput` for what is outside.
 */
export function tensorTile(tensor: Tensor, ask: TensorTileAsk): Tensor {
  const [count, height, width] = panelShape(tensor.shape);
  const panels = ask.panels ?? Array.from({ length: count }, (_, panel) => panel);
  const wrong = panels.find((panel) => !(Number.isInteger(panel) && panel >= 0 && panel < count));
  if (wrong !== undefined) throw new RpcError('invalidInput', `there is no ${wrong} among ${count}`);
  const rows = new Cells(...checked(ask.rows, height, 'rows'), ask.size?.[0] ?? Infinity);
  const columns = new Cells(...checked(ask.columns, width, 'columns'), ask.size?.[1] ?? Infinity);
  const values = floats(tensor);
  const data = new Float32Array(panels.length * rows.count * columns.count);
  const max = ask.reduction === 'max';
  let at = 0;
  for (const panel of panels) {
    for (let row = 0; row < rows.count; row++) {
      for (let column = 0; column < columns.count; column++) {
        let result = max ? -Infinity : 0;
        for (let y = rows.border(row); y < rows.border(row + 1); y++) {
          const line = (panel * height + y) * width;
          for (let x = columns.border(column); x < columns.border(column + 1); x++) {
            const value = values[line + x] as number;
            result = max ? Math.max(result, value) : result + value;
          }
        }
        data[at++] = max ? result : result / (rows.size(row) * columns.size(column));
      }
    }
  }
  return { type: 'float32', shape: [panels.length, rows.count, columns.count], data };
}

function checked(range: readonly [number, number] | undefined, size: number, what: string): readonly [number, number] {
  const [start, end] = range ?? [0, size];
  if (Number.isInteger(start) && Number.isInteger(end) && 0 <= start && start < end && end <= size) return [start, end];
  throw new RpcError('invalidInput', `${what} ${start} to ${end} are outside of 0 to ${size}`);
}
