/** Maps that were begun: a file for each model, prompt and way of changing. What cannot be read counts as not there. */

import { createHash } from 'node:crypto';
import { mkdir, readFile, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import * as v from 'valibot';
import { type Effect, effect, type Replacement } from '../../shared/effectsContract';
import type { OpenModel } from '../../weights/openModel';
import { modelKey } from '../tradeoff/identity';

/** Changes when the numbers of the same map would be others. */
const REVISION = 1;

export interface MapIdentity {
  readonly ids: readonly number[];
  readonly other: readonly number[] | null;
  readonly by: Replacement;
  readonly tokens: readonly number[];
  readonly precision: string;
}

const stored = v.array(effect);

export class EffectStore {
  private constructor(private readonly file: string | null) {}

  /** @param folder Null: nothing is kept. */
  static async of(model: OpenModel, identity: MapIdentity, folder: string | null): Promise<EffectStore> {
    if (folder === null) return new EffectStore(null);
    const name = createHash('sha256')
      .update(JSON.stringify([REVISION, identity]))
      .digest('hex')
      .slice(0, 24);
    return new EffectStore(join(folder, await modelKey(model), `${name}.json`));
  }

  async read(): Promise<readonly Effect[]> {
    if (this.file === null) return [];
    try {
      const found = v.safeParse(stored, JSON.parse(await readFile(this.file, 'utf8')));
      return found.success ? found.output : [];
    } catch {
      return [];
    }
  }

  /** Whole or not at all: a run that is stopped here leaves no half of a file. */
  async write(effects: readonly Effect[]): Promise<void> {
    if (this.file === null) return;
    await mkdir(join(this.file, '..'), { recursive: true });
    const partial = `${this.file}.${process.pid}.partial`;
    await writeFile(partial, JSON.stringify(effects));
    await rename(partial, this.file);
  }
}
