/** Problems, fixes and completion for model configs. Loaded when the first model config is shown. */

import type { Disposable } from 'vscode';
import { Owner } from '../lifecycle';
import type { Services } from '../services';

export class Advice extends Owner {
  constructor(protected readonly services: Services) {
    super();
  }
}

export function createAdvice(services: Services): Disposable {
  return new Advice(services);
}
