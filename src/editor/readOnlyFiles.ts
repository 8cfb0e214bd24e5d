/** What every read-only file system of ours answers to writing: no. */

import { Disposable, EventEmitter, type FileChangeEvent, FileSystemError } from 'vscode';
import { Owner } from './lifecycle';

/** The rest of a `FileSystemProvider`: who extends it says what there is to read. */
export abstract class ReadOnlyFiles extends Owner {
  protected readonly changes = this.own(new EventEmitter<FileChangeEvent[]>());
  readonly onDidChangeFile = this.changes.event;

  watch(): Disposable {
    return new Disposable(() => undefined);
  }

  createDirectory(): never {
    throw FileSystemError.NoPermissions();
  }

  writeFile(): never {
    throw FileSystemError.NoPermissions();
  }

  delete(): never {
    throw FileSystemError.NoPermissions();
  }

  rename(): never {
    throw FileSystemError.NoPermissions();
  }
}
