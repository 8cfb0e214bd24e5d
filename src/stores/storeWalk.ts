/** Looking into folders of other programs within bounds: of entries, depth and time, and until it is told to stop. */

import type { Dirent } from 'node:fs';
import { opendir } from 'node:fs/promises';
import { join } from 'node:path';

export interface WalkLimits {
  /** Names of files and folders that are looked at in all. */
  readonly entries: number;
  readonly models: number;
  readonly ms: number;
}

export const WALK_LIMITS: WalkLimits = { entries: 50_000, models: 500, ms: 20_000 };

/** One look into all stores. */
export class Walk {
  private entries = 0;
  private models = 0;
  private readonly started = performance.now();
  /** Something was left out. */
  cut = false;

  constructor(
    private readonly limits: WalkLimits,
    private readonly signal: { readonly aborted: boolean } | undefined,
  ) {}

  /** False once a bound is reached, or it was told to stop: what was found until then stands. */
  get goesOn(): boolean {
    const over =
      this.signal?.aborted === true ||
      this.entries >= this.limits.entries ||
      this.models >= this.limits.models ||
      performance.now() - this.started >= this.limits.ms;
    this.cut ||= over;
    return !over;
  }

  found(): void {
    this.models++;
  }

  /** What a folder holds, by name. @throws what the system says */
  async list(folder: string): Promise<readonly Dirent[]> {
    const found: Dirent[] = [];
    // Entry by entry: a folder may hold more than there is memory for.
    for await (const entry of await opendir(folder)) {
      this.entries++;
      if (!this.goesOn) break;
      found.push(entry);
    }
    return found.sort((a, b) => (a.name < b.name ? -1 : 1));
  }

  /** Files below a folder, as paths from it, links to files too; folders that cannot be read are left out. */
  async files(folder: string, depth: number): Promise<readonly string[]> {
    const found: string[] = [];
    const look = async (path: string, left: number): Promise<void> => {
      const entries = await this.list(join(folder, path)).catch((): readonly Dirent[] => []);
      for (const entry of entries) {
        const inside = path === '' ? entry.name : `${path}/${entry.name}`;
        if (entry.isFile() || entry.isSymbolicLink()) found.push(inside);
        // Not through links: they may lead round in circles.
        else if (entry.isDirectory() && left > 0 && this.goesOn) await look(inside, left - 1);
      }
    };
    await look('', depth);
    return found;
  }
}
