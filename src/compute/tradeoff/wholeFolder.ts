/** A folder that is there whole or not at all: written beside its place, then renamed. */

import { mkdir, rename, rm, stat } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { RpcError } from '../../shared/rpcError';

/** @throws RpcError `conflict` where something is there already, and whatever `write` throws: then nothing is left. */
export async function writeFolder(folder: string, write: (beside: string) => Promise<void>): Promise<void> {
  const taken = async (): Promise<boolean> =>
    stat(folder).then(
      () => true,
      () => false,
    );
  const conflict = (): RpcError =>
    new RpcError('conflict', `${basename(folder)} is there already: name another folder`);
  if (await taken()) throw conflict();
  const beside = join(dirname(folder), `.${basename(folder)}.${process.pid}.part`);
  await rm(beside, { recursive: true, force: true });
  await mkdir(beside, { recursive: true });
  try {
    await write(beside);
    // Another one may have come meanwhile.
    if (await taken()) throw conflict();
    await rename(beside, folder);
  } catch (error) {
    await rm(beside, { recursive: true, force: true });
    throw error;
  }
}
