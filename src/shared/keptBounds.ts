/** How much of what was found once is kept in a folder of ours. */

export interface KeptBounds {
  readonly files: number;
  readonly bytes: number;
}

/** Some hundred sweeps: a result of a usual text takes about 30 KB. Folders that someone names are theirs, and not bounded. */
export const KEPT_BOUNDS: KeptBounds = { files: 10_000, bytes: 256 * 1024 ** 2 };

/** How much was removed so that the rest is within the bounds. */
export interface Removed {
  readonly files: number;
  readonly bytes: number;
}

export const NONE_REMOVED: Removed = { files: 0, bytes: 0 };
