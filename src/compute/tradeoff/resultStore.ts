/** Results that were found once: a file for each model, text and method. */

import { createHash } from 'node:crypto';
import type { MethodResult, SweptMethod } from '../../insight/tradeoff/result';
import type { KeptBounds, Removed } from '../../shared/keptBounds';
import { KeptFiles } from '../keptFiles';

export class ResultStore {
  private readonly files: KeptFiles;

  /** @param folder Null: nothing is kept. @param bounds Null: everything stays. */
  constructor(folder: string | null, bounds: KeptBounds | null) {
    this.files = new KeptFiles(folder, bounds);
  }

  async get(model: string, text: string, precision: string, method: string): Promise<SweptMethod | null> {
    const found = await this.files.read(namesOf(model, text, precision, method));
    return isResult(found, method) ? found : null;
  }

  put(model: string, text: string, precision: string, result: SweptMethod): Promise<void> {
    return this.files.write(namesOf(model, text, precision, result.method), result);
  }

  /** Older results that had to go since this was asked for last. */
  takeRemoved(): Removed {
    return this.files.takeRemoved();
  }
}

function namesOf(model: string, text: string, precision: string, method: string): readonly string[] {
  return [model, text, createHash('sha256').update(`${precision} ${method}`).digest('hex').slice(0, 24)];
}

/** Files are ours, but may be old or cut. */
function isResult(value: unknown, method: string): value is SweptMethod {
  if (typeof value !== 'object' || value === null) return false;
  const { method: own, refused, damage, bytesPerToken } = value as Partial<MethodResult & { refused: string }>;
  return (
    own === method && (typeof refused === 'string' || (typeof damage === 'object' && typeof bytesPerToken === 'number'))
  );
}
