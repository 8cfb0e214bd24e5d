/** A register of facets, built on first use: loading it costs nothing. */

export interface Register<Facet> {
  /** All entries, in the order of the files. */
  all(): readonly Facet[];
  /** The entry of a model type (or architecture); null where there is none. */
  of(key: string): Facet | null;
  keys(): readonly string[];
}

/**
 * @param files What each file exports.
 * @param keysOf Model types (or the architecture) of an entry.
 * @throws Error where two entries have the same key.
 */
// @__NO_SIDE_EFFECTS__
export function register<Facet>(
  files: () => readonly (() => readonly Facet[])[],
  keysOf: (facet: Facet) => readonly string[],
): Register<Facet> {
  let made: { readonly all: readonly Facet[]; readonly byKey: ReadonlyMap<string, Facet> } | null = null;
  const build = (): NonNullable<typeof made> => {
    const all = files().flatMap((file) => file());
    const byKey = new Map<string, Facet>();
    for (const facet of all) {
      for (const key of keysOf(facet)) {
        if (byKey.has(key)) throw new Error(`${key} is described twice in src/families`);
        byKey.set(key, facet);
      }
    }
    return { all, byKey };
  };
  const ready = (): NonNullable<typeof made> => (made ??= build());
  return {
    all: () => ready().all,
    of: (key) => ready().byKey.get(key) ?? null,
    keys: () => [...ready().byKey.keys()],
  };
}
