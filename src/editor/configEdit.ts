/** Changes of config values as one edit of the document, which one undo takes back. */

import { Range, type TextDocument, workspace, WorkspaceEdit } from 'vscode';
import type { KeyEdit } from '../reading/convertHeads';
import { type TextEdit, textEdits } from '../config/textEdits';

/** The edit, for who applies it (a quick fix, a command). */
export function configEdit(document: TextDocument, edits: readonly KeyEdit[]): WorkspaceEdit {
  return workspaceEdit(document, textEdits(document.getText(), edits));
}

/** Edits of a document's text, as the editor takes them. */
export function workspaceEdit(document: TextDocument, edits: readonly TextEdit[]): WorkspaceEdit {
  const edit = new WorkspaceEdit();
  for (const { offset, length, content } of edits)
    edit.replace(document.uri, new Range(document.positionAt(offset), document.positionAt(offset + length)), content);
  return edit;
}

/** Applies the changes; false when the editor refused (a read-only document). */
export function applyConfigEdit(document: TextDocument, edits: readonly KeyEdit[]): Thenable<boolean> {
  return workspace.applyEdit(configEdit(document, edits));
}
