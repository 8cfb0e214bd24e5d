/** Configs that the panel can show, named by ids that the page may know: documents, and files that nobody opened. */

import { type TextDocument, Uri, workspace } from 'vscode';
import type { ConfigDocument } from '../../config/document';
import { MAX_CONFIG_CHARACTERS } from '../../config/textCost';
import type { PanelConfig } from '../../shared/panelContract';
import { visible } from '../../model/visibleText';
import { WEIGHT_CONFIG_SCHEME } from '../ids';
import { RpcError } from '../../shared/rpcError';

export interface Target {
  readonly id: string;
  readonly uri: Uri;
  readonly name: string;
  /** False for what lies in the extension itself. */
  readonly own: boolean;
}

/** Schemes whose documents cannot be edited. */
const READ_ONLY: readonly string[] = [
  WEIGHT_CONFIG_SCHEME,
  'git',
  'vscode-remote-resource',
  'output',
  'gitlens',
  'review',
  'conversation',
];

export class Targets {
  private readonly byUri = new Map<string, Target>();
  private readonly byId = new Map<string, Target>();

  constructor(private readonly extension: Uri) {}

  /** The same target, and the same id, for the same file. */
  of(uri: Uri, name = nameOf(uri)): Target {
    const key = uri.toString();
    const known = this.byUri.get(key);
    if (known) return known;
    const target: Target = {
      id: `config-${this.byUri.size + 1}`,
      uri,
      name,
      own: !key.startsWith(`${this.extension.toString()}/`),
    };
    this.byUri.set(key, target);
    this.byId.set(target.id, target);
    return target;
  }

  /** @throws RpcError for an id that was never given out. */
  byName(id: string): Target {
    const target = this.byId.get(id);
    if (!target) throw new RpcError('invalidInput', 'That config is no longer available. Choose another.');
    return target;
  }
}

/** @param quantFile What is known of `hf_quant_config.json` beside it. */
export function configOf(
  target: Target,
  document: Pick<TextDocument, 'getText' | 'version'>,
  quantFile?: ConfigDocument,
  changedAt?: number,
): PanelConfig {
  return {
    id: target.id,
    name: target.name,
    text: document.getText().slice(0, MAX_CONFIG_CHARACTERS + 1),
    ...(quantFile === undefined ? {} : { quantText: quantFile.text }),
    version: document.version,
    editable:
      target.own &&
      !READ_ONLY.includes(target.uri.scheme) &&
      workspace.fs.isWritableFileSystem(target.uri.scheme) !== false,
    ...(changedAt === undefined ? {} : { changedAt }),
  };
}

/** The folder's name for `config.json`, as repositories have it; else the file's. */
export function nameOf(uri: Uri): string {
  const [file = '', folder = ''] = uri.path.split('/').reverse();
  return visible(/^(?:config|params)\.json$/.test(file) && folder !== '' ? folder : file);
}

/** The open document of a target, or it is opened (without an editor). */
export async function documentOf(target: Target): Promise<TextDocument> {
  const key = target.uri.toString();
  return (
    workspace.textDocuments.find((document) => document.uri.toString() === key) ??
    workspace.openTextDocument(Uri.parse(key))
  );
}
