/** Text of files that nobody has opened: of files only (a pipe would wait for ever, a device has no end), and none that is too large. */

import { FileType, type Uri, workspace } from 'vscode';

/** Null for what is no file, too large, gone or unreadable. */
export async function boundedText(uri: Uri, mostBytes: number): Promise<string | null> {
  try {
    const { type, size } = await workspace.fs.stat(uri);
    if ((type & FileType.File) === 0 || size > mostBytes) return null;
    const bytes = await workspace.fs.readFile(uri);
    // Some files of the system say that they are empty.
    return bytes.length > mostBytes ? null : new TextDecoder().decode(bytes);
  } catch {
    return null;
  }
}
