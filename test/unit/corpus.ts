/** Tiny configs as a base and changes of it: how the corpora of executed model types are written down. */

export type Json = Record<string, unknown>;

/** A key path with `/` between its keys, and its value; without a value the key is taken away. */
export type Change = readonly [path: string, value?: unknown];

export interface TypeCases<Expected> {
  readonly base: Json;
  readonly cases: readonly (readonly [note: string, changes: readonly Change[], expected: Expected])[];
}

export function changed(base: Json, changes: readonly Change[]): Json {
  const config = structuredClone(base);
  for (const change of changes) {
    const keys = change[0].split('/');
    const last = keys.pop() ?? '';
    let place = config;
    for (const key of keys) place = (place[key] ??= {}) as Json;
    if (change.length === 1) Reflect.deleteProperty(place, last);
    else place[last] = change[1];
  }
  return config;
}
