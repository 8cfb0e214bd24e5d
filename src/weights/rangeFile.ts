/** A local file read by byte range, which notices when it changes meanwhile. */

import { read } from 'node:fs';
import type { FileHandle } from 'node:fs/promises';
import { PartsFile } from './partsFile';
import { openRegular } from './regularFile';
import { fileError, WeightsError } from './weightsError';

/** Size of the pieces of a long read. Large enough to hide the call, small enough to stay in the processor's cache. */
const CHUNK_BYTES = 2 * 1024 * 1024;
/** Pieces in flight while one is being consumed. */
const READ_AHEAD = 2;

/** Where buffers of pieces come from, if there are some left; the others are allocated. */
export interface PieceBuffers {
  acquire(bytes: number): Uint8Array<ArrayBuffer> | null;
  release(buffer: Uint8Array): void;
}

interface Fingerprint {
  readonly size: bigint;
  readonly mtimeNs: bigint;
}

export class RangeFile {
  private constructor(
    readonly path: string,
    readonly size: number,
    private readonly handle: FileHandle | PartsFile,
    private readonly fingerprint: Fingerprint,
  ) {}

  /** @throws WeightsError when the path is missing, unreadable or no regular file. */
  static async open(path: string): Promise<RangeFile> {
    const parts = await PartsFile.open(path);
    if (parts !== null) return new RangeFile(path, parts.size, parts, await statOf(parts));
    const handle = await openRegular(path, 'Name a .safetensors or .gguf file.');
    try {
      const { size, mtimeNs } = await statOf(handle);
      return new RangeFile(path, Number(size), handle, { size, mtimeNs });
    } catch (error) {
      await handle.close();
      throw fileError(path, error);
    }
  }

  /**
   * Fills `target` from `position` on.
   * @throws WeightsError when the file ends before.
   */
  async readExact(target: Uint8Array<ArrayBuffer>, position: number, tensor?: string): Promise<void> {
    let done = 0;
    while (done < target.byteLength) {
      let bytesRead: number;
      try {
        bytesRead = await readSome(this.handle, target, done, position + done);
      } catch (error) {
        throw fileError(this.path, error, tensor);
      }
      if (bytesRead === 0) throw this.truncated(tensor);
      done += bytesRead;
    }
  }

  /**
   * Reads `[position, position + length)` in pieces whose size is a multiple of `unit`; the next pieces are on their way
   * while `consume` works on one. A piece is only valid during the call.
   * @throws WeightsError when the file ends early or changed since it was opened.
   */
  async readChunks(
    position: number,
    length: number,
    unit: number,
    consume: (piece: Uint8Array<ArrayBuffer>, offset: number) => void,
    options: { readonly tensor?: string; readonly signal?: AbortSignal; readonly buffers?: PieceBuffers | null } = {},
  ): Promise<void> {
    // Once for all pieces: each would be a request of its own.
    if (this.handle instanceof PartsFile) await this.prepare(position, length, options.tensor);
    const pieceBytes = Math.max(unit, Math.floor(CHUNK_BYTES / unit) * unit);
    const buffers: Uint8Array<ArrayBuffer>[] = [];
    const pending: {
      readonly done: Promise<Error | null>;
      readonly buffer: Uint8Array<ArrayBuffer>;
      readonly piece: Uint8Array<ArrayBuffer>;
      readonly offset: number;
    }[] = [];
    const used = new Set<Uint8Array<ArrayBuffer>>();
    let next = 0;
    const start = (): void => {
      const bytes = Math.min(pieceBytes, length - next);
      const whole = Math.min(pieceBytes, length);
      const buffer = buffers.pop() ?? options.buffers?.acquire(whole) ?? new Uint8Array(whole);
      used.add(buffer);
      const piece = buffer.subarray(0, bytes);
      const done = this.readExact(piece, position + next, options.tensor).then(
        () => null,
        (error: unknown) => fileError(this.path, error, options.tensor),
      );
      pending.push({ done, buffer, piece, offset: next });
      next += bytes;
    };
    try {
      while (next < length && pending.length < READ_AHEAD) start();
      for (let read = pending.shift(); read !== undefined; read = pending.shift()) {
        const failure = await read.done;
        if (failure !== null) throw failure;
        options.signal?.throwIfAborted();
        if (next < length) start();
        consume(read.piece, read.offset);
        buffers.push(read.buffer);
      }
    } finally {
      // Reads that are still under way write into buffers of ours: they must end before the call does.
      await Promise.all(pending.map((read) => read.done));
      for (const buffer of used) options.buffers?.release(buffer);
    }
    await this.checkUnchanged(options.tensor);
  }

  /** @throws WeightsError when size or modification time differ from those at opening. */
  async checkUnchanged(tensor?: string): Promise<void> {
    const now = await statOf(this.handle).catch((error: unknown) => {
      throw fileError(this.path, error, tensor);
    });
    if (now.size === this.fingerprint.size && now.mtimeNs === this.fingerprint.mtimeNs) return;
    throw new WeightsError({
      file: this.path,
      problem: 'the file changed while it was being read.',
      fix: 'Wait until it is written completely, then open the model again.',
      ...(tensor === undefined ? {} : { tensor }),
    });
  }

  async close(): Promise<void> {
    if (!(this.handle instanceof PartsFile)) await this.handle.close().catch(() => undefined);
  }

  private async prepare(position: number, length: number, tensor?: string): Promise<void> {
    if (!(this.handle instanceof PartsFile)) return;
    if (position + length > this.size) throw this.truncated(tensor);
    await this.handle.prepare(position, position + length).catch((error: unknown) => {
      throw fileError(this.path, error, tensor);
    });
  }

  private truncated(tensor?: string): WeightsError {
    return new WeightsError({
      file: this.path,
      problem: 'the file ends before the data does.',
      fix: 'Download it again: it is truncated, or was changed while it was open.',
      ...(tensor === undefined ? {} : { tensor }),
    });
  }
}

/** `FileHandle.read` does the same at half the speed: its promise costs more than copying a megabyte. */
function readSome(
  handle: FileHandle | PartsFile,
  target: Uint8Array<ArrayBuffer>,
  offset: number,
  position: number,
): Promise<number> {
  if (handle instanceof PartsFile) return handle.read(target.subarray(offset), position);
  return new Promise((resolve, reject) => {
    read(handle.fd, target, offset, target.byteLength - offset, position, (error, bytesRead) => {
      if (error) reject(error);
      else resolve(bytesRead);
    });
  });
}

async function statOf(handle: FileHandle | PartsFile): Promise<Fingerprint> {
  // Its content has a name: it cannot change.
  if (handle instanceof PartsFile) return { size: BigInt(handle.size), mtimeNs: 0n };
  const { size, mtimeNs } = await handle.stat({ bigint: true });
  return { size, mtimeNs };
}
