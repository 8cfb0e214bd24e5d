/** Families that a user teaches, by setting or file: what `headlight.families` holds. */

import type { JsonValue } from '../config/document';
import { visible } from '../model/visibleText';

/** How to read a `model_type` that we don't know. */
export interface TaughtFamily {
  /** `model_type` whose rules it follows; without it the common key names are read and every layer stays assumed. */
  readonly like?: string;
  /** Its spelling of a key -> the name we know. */
  readonly keys?: Readonly<Record<string, string>>;
  /** Its labels in `layer_types` -> words that we know (`full_attention`, `sliding_attention`, …). */
  readonly layerKinds?: Readonly<Record<string, string>>;
}

/** By `model_type`. */
export type TaughtFamilies = Readonly<Record<string, TaughtFamily>>;

/** Takes what has the right shape and leaves out the rest; `rejected` names it. Never throws. */
export function parseTaughtFamilies(value: JsonValue | undefined): {
  readonly families: TaughtFamilies;
  readonly rejected: readonly string[];
} {
  const rejected: string[] = [];
  const families: [string, TaughtFamily][] = [];
  if (value === undefined || value === null) return { families: {}, rejected };
  if (!isRecord(value)) return { families: {}, rejected: ['families must be an object whose keys are model types'] };
  for (const [name, entry] of Object.entries(value)) {
    // As names in a config are (src/config/document.ts): settings of a workspace are a file, too.
    const modelType = visible(name);
    if (!isRecord(entry)) {
      rejected.push(`${modelType} must be an object with like, keys or layerKinds`);
      continue;
    }
    const { like } = entry;
    families.push([
      modelType,
      {
        ...(typeof like === 'string' ? { like: visible(like) } : {}),
        keys: names(entry['keys'], `${modelType}.keys`, rejected),
        layerKinds: names(entry['layerKinds'], `${modelType}.layerKinds`, rejected),
      },
    ]);
  }
  return { families: Object.fromEntries(families), rejected };
}

function names(value: JsonValue | undefined, path: string, rejected: string[]): Readonly<Record<string, string>> {
  if (value === undefined) return {};
  if (!isRecord(value)) {
    rejected.push(`${path} must be an object of names`);
    return {};
  }
  const entries = Object.entries(value).flatMap(([own, known]): [string, string][] => {
    if (typeof known === 'string') return [[visible(own), visible(known)]];
    rejected.push(`${path}.${visible(own)} must be a name`);
    return [];
  });
  return Object.fromEntries(entries);
}

function isRecord(value: JsonValue | undefined): value is Readonly<Record<string, JsonValue>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
