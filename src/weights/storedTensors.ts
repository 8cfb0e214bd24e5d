/** What stores of tensors share, whatever the format of their files. */

import type { FileSpan } from './partsFile';
import type { RangeFile } from './rangeFile';
import { WeightsError } from './weightsError';
import type { ReadOptions, Span } from './weightStore';

/** Where a tensor lies. */
export interface StoredTensor {
  readonly shape: readonly number[];
  /** Of its first byte in the file. */
  readonly offset: number;
  /** Bytes in the file. */
  readonly bytes: number;
  readonly source: RangeFile;
}

/** Rows of a tensor that are read. */
export interface Rows {
  readonly start: number;
  readonly end: number;
  /** Of the whole tensor. */
  readonly rowCount: number;
  /** Elements of one row. */
  readonly rowElements: number;
  /** Elements of all that are read. */
  readonly count: number;
}

export abstract class StoredTensors<Stored extends StoredTensor> {
  readonly totalBytes: number;

  constructor(
    readonly path: string,
    protected readonly tensors: ReadonlyMap<string, Stored>,
    private readonly files: readonly RangeFile[],
    /** What the user can do where a tensor is not as it was asked for. */
    private readonly advice: string,
  ) {
    this.totalBytes = [...tensors.values()].reduce((sum, tensor) => sum + tensor.bytes, 0);
  }

  names(): readonly string[] {
    return [...this.tensors.keys()];
  }

  has(name: string): boolean {
    return this.tensors.has(name);
  }

  span(name: string, rows?: ReadOptions['rows']): FileSpan {
    const stored = this.stored(name);
    const { start, end, rowCount } = this.rowsOf(name, stored, rows === undefined ? {} : { rows });
    const rowBytes = rowCount === 0 ? 0 : stored.bytes / rowCount;
    return { file: stored.source.path, from: stored.offset + start * rowBytes, to: stored.offset + end * rowBytes };
  }

  async close(): Promise<void> {
    await closeAll(this.files);
  }

  /** @throws WeightsError when there is no such tensor. */
  protected stored(name: string): Stored {
    const stored = this.tensors.get(name);
    if (stored !== undefined) return stored;
    throw new WeightsError({ file: this.path, tensor: name, problem: 'there is no such tensor.', fix: this.advice });
  }

  /** @throws WeightsError when rows are asked for that the tensor does not have. */
  protected rowsOf(name: string, { shape, source }: Stored, { rows }: ReadOptions): Rows {
    const rowCount = shape[0] ?? 1;
    const [start, end] = rows ?? [0, rowCount];
    if (!(Number.isInteger(start) && Number.isInteger(end) && 0 <= start && start <= end && end <= rowCount)) {
      throw new WeightsError({
        file: source.path,
        tensor: name,
        problem: `rows ${start} to ${end} were asked of ${rowCount}.`,
        fix: this.advice,
      });
    }
    const rowElements = shape.slice(1).reduce((product, size) => product * size, 1);
    return { start, end, rowCount, rowElements, count: (end - start) * rowElements };
  }

  /** @throws WeightsError when elements are asked for that the tensor does not have. */
  protected checkSpan(name: string, { shape, source }: Stored, [start, end]: Span): void {
    const count = shape.reduce((product, size) => product * size, 1);
    if (Number.isInteger(start) && Number.isInteger(end) && 0 <= start && start <= end && end <= count) return;
    throw new WeightsError({
      file: source.path,
      tensor: name,
      problem: `elements ${start} to ${end} were asked of ${count}.`,
      fix: this.advice,
    });
  }
}

export async function closeAll(files: readonly RangeFile[]): Promise<void> {
  await Promise.all(files.map((file) => file.close()));
}
