/** Files that commands write: beside the old one, which is replaced by the whole new one or stays as it is. */

import { open, realpath, rename, rm, stat } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { InputError, reason } from './errors';

/** @throws InputError with the file and why it could not be written. */
export async function writeWhole(file: string, pieces: Iterable<string | Uint8Array>): Promise<void> {
  try {
    // Through a link: the file that it names is the one to replace.
    const target = await realpath(file).catch(() => file);
    const old = await stat(target).catch(() => null);
    // A device or a pipe has nothing that could be lost, and no file can take its place.
    if (old !== null && !old.isFile()) return await write(target, 'w', 0o666, pieces);
    const beside = join(dirname(target), `.${basename(target).slice(0, 100)}.${process.pid}.part`);
    try {
      await write(beside, 'wx', old === null ? 0o666 : old.mode & 0o777, pieces);
      await rename(beside, target);
    } catch (error) {
      await rm(beside, { force: true }).catch(() => undefined);
      throw error;
    }
  } catch (error) {
    throw new InputError(`${file}: ${reason(error, 'written')}`);
  }
}

async function write(
  file: string,
  flags: 'w' | 'wx',
  mode: number,
  pieces: Iterable<string | Uint8Array>,
): Promise<void> {
  const handle = await open(file, flags, mode);
  try {
    for (const piece of pieces) await handle.appendFile(piece);
    // A full disk may say so only now. Pipes and devices have nothing to sync.
    if (flags === 'wx') await handle.sync();
  } finally {
    await handle.close();
  }
}
