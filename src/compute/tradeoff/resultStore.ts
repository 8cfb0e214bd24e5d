/** Results that were found once: a file for each model, text and method. What cannot be read counts as not found. */

import { createHash } from 'node:crypto';
import { mkdir, readFile, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { MethodResult, SweptMethod } from '../../insight/tradeoff/result';

export class ResultStore {
  /** @param folder Null: nothing is kept. */
  constructor(private readonly folder: string | null) {}

  async get(model: string, text: string, precision: string, method: string): Promise<SweptMethod | null> {
    if (this.folder === null) return null;
    try {
      const found = JSON.parse(
        await readFile(this.file(this.folder, model, text, precision, method), 'utf8'),
      ) as unknown;
      return isResult(found, method) ? found : null;
    } catch {
      return null;
    }
  }

  /** Whole or not at all: a run that is stopped here leaves no half of a file. */
  async put(model: string, text: string, precision: string, result: SweptMethod): Promise<void> {
    if (this.folder === null) return;
    const file = this.file(this.folder, model, text, precision, result.method);
    await mkdir(join(file, '..'), { recursive: true });
    const partial = `${file}.${process.pid}.partial`;
    await writeFile(partial, JSON.stringify(result));
    await rename(partial, file);
  }

  private file(folder: string, model: string, text: string, precision: string, method: string): string {
    const name = createHash('sha256').update(`${precision} ${method}`).digest('hex').slice(0, 24);
    return join(folder, model, text, `${name}.json`);
  }
}

/** Files are ours, but may be old or cut. */
function isResult(value: unknown, method: string): value is SweptMethod {
  if (typeof value !== 'object' || value === null) return false;
  const { method: own, refused, damage, bytesPerToken } = value as Partial<MethodResult & { refused: string }>;
  return (
    own === method && (typeof refused === 'string' || (typeof damage === 'object' && typeof bytesPerToken === 'number'))
  );
}
