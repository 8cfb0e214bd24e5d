/** Configs of the workspace, weight files, Python sources, tools for chat assistants. Loaded when one of them is first asked for. */

import type { Disposable } from 'vscode';
import { Owner } from '../lifecycle';
import type { Services } from '../services';

export class Explorer extends Owner {
  constructor(protected readonly services: Services) {
    super();
  }
}

export function createExplorer(services: Services): Disposable {
  return new Explorer(services);
}
