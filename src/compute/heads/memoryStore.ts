/** A store of a small model whose tensors stay in memory once they were read. */

import type { FileSpan } from '../../weights/partsFile';
import type { ReadOptions, Span, TensorInfo, WeightMetadata, WeightStore } from '../../weights/weightStore';

export class MemoryStore implements WeightStore {
  private readonly tensors = new Map<string, Promise<Float32Array<ArrayBuffer>>>();

  constructor(private readonly store: WeightStore) {}

  get format(): WeightStore['format'] {
    return this.store.format;
  }

  get path(): string {
    return this.store.path;
  }

  get totalBytes(): number {
    return this.store.totalBytes;
  }

  names(): readonly string[] {
    return this.store.names();
  }

  has(name: string): boolean {
    return this.store.has(name);
  }

  info(name: string): TensorInfo {
    return this.store.info(name);
  }

  span(name: string, rows?: ReadOptions['rows']): FileSpan {
    return this.store.span(name, rows);
  }

  /** Views of what is kept: not to be written to. `into` is not used. */
  async read(name: string, { rows, signal }: ReadOptions = {}): Promise<Float32Array<ArrayBuffer>> {
    let pending = this.tensors.get(name);
    if (pending === undefined)
      this.tensors.set(name, (pending = this.store.read(name, signal === undefined ? {} : { signal })));
    const values = await pending;
    if (rows === undefined) return values;
    const size = values.length / Math.max(1, this.store.info(name).shape[0] ?? 1);
    return values.subarray(rows[0] * size, rows[1] * size);
  }

  async readSpan(name: string, [start, end]: Span): Promise<Float32Array<ArrayBuffer>> {
    return (await this.read(name)).subarray(start, end);
  }

  get metadata(): WeightMetadata {
    return this.store.metadata;
  }

  /** Closes nothing: the store behind belongs to its opener. */
  close(): Promise<void> {
    this.tensors.clear();
    return Promise.resolve();
  }
}

/** Bytes of all tensors as float32. */
export function widenedBytes(store: WeightStore): number {
  return store
    .names()
    .reduce((sum, name) => sum + 4 * store.info(name).shape.reduce((product, size) => product * size, 1), 0);
}
