/** Maps that were begun: a file for each model, prompt and way of changing. What cannot be read counts as not there. */

import { createHash } from 'node:crypto';
import * as v from 'valibot';
import { type Effect, effect, type Replacement } from '../../shared/effectsContract';
import type { KeptBounds, Removed } from '../../shared/keptBounds';
import type { OpenModel } from '../../weights/openModel';
import { KeptFiles } from '../keptFiles';
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
  private constructor(
    private readonly files: KeptFiles,
    private readonly names: readonly string[],
  ) {}

  /** @param folder Null: nothing is kept. @param bounds Null: everything stays. */
  static async of(
    model: OpenModel,
    identity: MapIdentity,
    { folder, bounds }: { readonly folder: string | null; readonly bounds: KeptBounds | null },
  ): Promise<EffectStore> {
    const files = new KeptFiles(folder, bounds);
    if (folder === null) return new EffectStore(files, []);
    const name = createHash('sha256')
      .update(JSON.stringify([REVISION, identity]))
      .digest('hex')
      .slice(0, 24);
    return new EffectStore(files, [await modelKey(model), name]);
  }

  async read(): Promise<readonly Effect[]> {
    const found = v.safeParse(stored, await this.files.read(this.names));
    return found.success ? found.output : [];
  }

  write(effects: readonly Effect[]): Promise<void> {
    return this.files.write(this.names, effects);
  }

  /** Older maps that had to go since this was asked for last. */
  takeRemoved(): Removed {
    return this.files.takeRemoved();
  }
}
