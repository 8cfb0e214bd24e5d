/** Disposal: what an object registers goes with it. */

import type { Disposable } from 'vscode';

export abstract class Owner implements Disposable {
  private readonly owned: Disposable[] = [];
  protected disposed = false;

  protected own<T extends Disposable>(disposable: T): T {
    if (this.disposed) disposable.dispose();
    else this.owned.push(disposable);
    return disposable;
  }

  dispose(): void {
    this.disposed = true;
    for (const disposable of this.owned.splice(0).reverse()) disposable.dispose();
  }
}
