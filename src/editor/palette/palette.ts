/** Commands that ask and answer in the editor: comparing, converting, exporting. Loaded at the first of them. */

import type { Disposable } from 'vscode';
import { Owner } from '../lifecycle';
import type { Services } from '../services';

export class Palette extends Owner {
  constructor(protected readonly services: Services) {
    super();
  }
}

export function createPalette(services: Services): Disposable {
  return new Palette(services);
}
