/** Changes of config values as one edit of the document, which one undo takes back. */

import { Range, type TextDocument, workspace, WorkspaceEdit } from 'vscode';
import type { KeyEdit } from '../reading/convertHeads';
import { textEdits } from '../config/textEdits';

/** The edit, for who applies it (a quick fix, a command). */
export function configEdit(document: TextDocument, edits: readonly KeyEdit[]): WorkspaceEdit {
  const edit = new WorkspaceEdit();
  for (const { offset, length, content } of textEdits(document.getText(), edits)) {
    edit.replace(document.uri, new Range(document.positionAt(offset), document.positionAt(offset + length)), content);
  }
  return edit;
}

/** Applies the changes; false when the editor refused (a read-only document). */
export function applyConfigEdit(document: TextDocument, edits: readonly KeyEdit[]): Thenable<boolean> {
  return workspace.applyEdit(configEdit(document, edits));
}
