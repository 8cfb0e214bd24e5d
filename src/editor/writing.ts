/** Files that people asked for: written beside the old one, which is replaced by the whole new one or stays as it is. */

import { FileType, l10n, Uri, workspace } from 'vscode';
import { messageOf } from '../shared/rpcError';

/** @throws Error with a sentence for people. */
export async function writeWhole(target: Uri, bytes: Uint8Array): Promise<void> {
  const name = target.path.split('/').at(-1) ?? '';
  try {
    if (!(await isReplaceable(target))) return await workspace.fs.writeFile(target, bytes);
    const beside = Uri.joinPath(target, '..', `.${name.slice(0, 100)}.${Date.now().toString(36)}.part`);
    try {
      await workspace.fs.writeFile(beside, bytes);
      await workspace.fs.rename(beside, target, { overwrite: true });
    } catch (error) {
      await workspace.fs.delete(beside).then(undefined, () => undefined);
      throw error;
    }
  } catch (error) {
    throw new Error(l10n.t('{0} could not be written: {1}', name, messageOf(error)), { cause: error });
  }
}

/** A plain file of this machine, or none yet. A link would be replaced by a file; elsewhere it is the provider's affair. */
async function isReplaceable(target: Uri): Promise<boolean> {
  if (target.scheme !== 'file') return false;
  const known = await workspace.fs.stat(target).then(
    ({ type }) => type,
    () => FileType.File,
  );
  return known === FileType.File;
}
