/**
 * Configs of weight files. Safetensors have a config.json beside them; a GGUF file has its own in its metadata, which is a read-only document
 * here: everything that works on a config works on it.
 */

import { EventEmitter, type TextDocumentContentProvider, Uri, workspace } from 'vscode';
import { WEIGHT_CONFIG_SCHEME } from './ids';
import { Owner } from './lifecycle';
import { isWeightFile } from './weightNames';

/** The file's name stands where a folder's would. */
const CONFIG = '/config.json';

/** Where the config of a weight file is, whether there is one or not. */
export function configOfWeights(file: Uri): Uri {
  // What is called in no way that is known here is a GGUF file, or cannot be read.
  return /\.(?:safetensors|json)$/i.test(file.path)
    ? Uri.joinPath(file, '..', 'config.json')
    : Uri.from({ scheme: WEIGHT_CONFIG_SCHEME, path: `${file.path}${CONFIG}` });
}

/** Of a weight file its config; any other document is itself. */
export function configBehind(uri: Uri): Uri {
  return isWeightFile(uri.path) ? configOfWeights(uri) : uri;
}

/** The weight file that a config was made from; null for every other document. */
export function weightsOfConfig(config: Uri): Uri | null {
  return config.scheme === WEIGHT_CONFIG_SCHEME ? Uri.file(config.path.slice(0, -CONFIG.length)) : null;
}

export class WeightConfigs extends Owner implements TextDocumentContentProvider {
  private readonly changes = this.own(new EventEmitter<Uri>());
  readonly onDidChange = this.changes.event;

  constructor(private readonly read: (file: Uri) => Promise<string>) {
    super();
    this.own(workspace.registerTextDocumentContentProvider(WEIGHT_CONFIG_SCHEME, this));
  }

  async provideTextDocumentContent(uri: Uri): Promise<string> {
    const file = weightsOfConfig(uri);
    return file === null ? '' : this.read(file);
  }

  /** The file behind it has changed. */
  refresh(file: Uri): void {
    this.changes.fire(configOfWeights(file));
  }
}
