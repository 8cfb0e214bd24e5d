/**
 * Opening what is a file and nothing else. A pipe would wait for a writer for ever, a device has no end; a name may lead to one through links,
 * and may be exchanged for one between two looks.
 */

import { constants } from 'node:fs';
import { type FileHandle, open, stat } from 'node:fs/promises';
import { fileError, WeightsError } from './weightsError';

/** Opening a pipe does not wait, and reading what has nothing to give fails. Windows has neither pipes by name nor the flag. */
const FLAGS = constants.O_RDONLY | (constants.O_NONBLOCK ?? 0);

/** @throws WeightsError where the path is missing, unreadable, or no regular file. */
export async function openRegular(path: string, fix: string): Promise<FileHandle> {
  let handle: FileHandle | null = null;
  try {
    // Before opening: to open a device may be to do something.
    refuseOther(path, await stat(path), fix);
    handle = await open(path, FLAGS);
    refuseOther(path, await handle.stat(), fix);
    return handle;
  } catch (error) {
    await handle?.close();
    throw fileError(path, error);
  }
}

interface Kind {
  isFile(): boolean;
  isDirectory(): boolean;
}

function refuseOther(path: string, kind: Kind, fix: string): void {
  if (kind.isDirectory()) throw fileError(path, { code: 'EISDIR' });
  if (!kind.isFile())
    throw new WeightsError({ file: path, problem: 'this is not a regular file, but a pipe or a device.', fix });
}

/**
 * The bytes of a file of moderate size, however large it says it is: some files of the system say 0.
 * @throws WeightsError where it is no regular file, cannot be read, or has more than `limit` bytes.
 */
export async function readRegular(path: string, limit: number): Promise<Uint8Array> {
  const handle = await openRegular(path, 'Name a file of the model.');
  try {
    const { size } = await handle.stat();
    if (size > limit) throw tooLarge(path, `${size} bytes`, limit);
    const pieces: Uint8Array[] = [];
    let total = 0;
    for (;;) {
      const piece = new Uint8Array(Math.min(limit + 1 - total, Math.max(size - total, 0) + 64 * 1024));
      const { bytesRead } = await handle.read(piece, 0, piece.length, total);
      if (bytesRead === 0) break;
      total += bytesRead;
      if (total > limit) throw tooLarge(path, `more than ${limit} bytes`, limit);
      pieces.push(piece.subarray(0, bytesRead));
    }
    return pieces.length === 1 && pieces[0] ? pieces[0] : Buffer.concat(pieces);
  } catch (error) {
    throw fileError(path, error);
  } finally {
    await handle.close();
  }
}

function tooLarge(path: string, has: string, limit: number): WeightsError {
  return new WeightsError({
    file: path,
    problem: `it has ${has}; more than ${limit} are not read.`,
    fix: 'Check that this is the right file.',
  });
}
