/** Which file of a folder opens its safetensors. */

/** Preferred first. */
const WEIGHT_NAMES = ['model.safetensors.index.json', 'model.safetensors', 'consolidated.safetensors'] as const;

/** Undefined where none does: shards without an index are no model. */
export function safetensorsAmong(names: readonly string[]): string | undefined {
  const [index] = names.filter((name) => name.endsWith('.safetensors.index.json'));
  const singles = names.filter((name) => name.endsWith('.safetensors'));
  return WEIGHT_NAMES.find((name) => names.includes(name)) ?? index ?? (singles.length === 1 ? singles[0] : undefined);
}
