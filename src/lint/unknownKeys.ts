/**
 * Keys that nothing reads beside an absent key of nearly the same name: transformers takes any key into the config object without a word
 * (configuration_utils.py, `PreTrainedConfig.__init__` sets what is left in kwargs as attributes), and gives the absent one its default.
 * What the family reads is what its reading asked for and what its class declares, never a list of our own.
 */

import { DESCRIBED_KEYS } from '../config/keyShapes';
import { type ConfigReader, isJsonObject, show } from '../config/reader';
import { CONTEXT_KEYS, HEAD_DIM_KEYS, HEAD_KEYS, HIDDEN_KEYS, KV_HEAD_KEYS, LAYER_KEYS } from '../config/spellings';
import { isDeclaredKey } from '../families/classDefaults';
import { LANGUAGE_KEYS } from '../reading/locate';
import type { TextRange } from '../model/spec';
import type { Reading } from '../reading/read';
import type { LintContext } from './context';
import { type NearName, nearName, nearness } from './nearNames';

/** So many keys of one object are looked at, and so many told of; who has more has another trouble. */
const MOST_READ = 1000;
const MOST_TOLD = 20;

/** What names the family. */
const TYPE_KEYS = ['model_type', 'architectures'];

/** Spellings of one number: where one of them stands in the file, none of the others is missing. */
const SPELLINGS = [LAYER_KEYS, HEAD_KEYS, KV_HEAD_KEYS, HEAD_DIM_KEYS, HIDDEN_KEYS, CONTEXT_KEYS];

export function lintUnknownKeys(context: LintContext): void {
  const { own, root, reading } = context;
  const home = own.path.join('.');
  for (const [path, read] of readKeys(reading)) {
    const reader = path === home ? own : path === root.path.join('.') ? root : reading.readerAt(path.split('.'));
    lintObject(context, reader, read, path === home);
  }
  lintRoot(context);
}

/** What is read of a config: the keys of each object, by its path, that the family asks for or its class declares. */
export function readKeys(reading: Reading): ReadonlyMap<string, ReadonlySet<string>> {
  const objects = askedByObject(reading);
  const home = reading.location.path.join('.');
  const { values = {}, aliases = {} } = reading.reader().defaults ?? {};
  const ofClass = [
    ...Object.keys(values),
    ...Object.keys(aliases),
    ...Object.values(aliases),
    ...CONTEXT_KEYS,
    ...TYPE_KEYS,
  ];
  objects.set(home, new Set([...(objects.get(home) ?? []), ...ofClass]));
  return objects;
}

/** The key that a key of the file is a misspelling of; null where it is read, or near to none. */
export function misspelling(reading: Reading, path: readonly string[]): string | null {
  const parent = path.slice(0, -1);
  const key = path.at(-1) ?? '';
  const read = readKeys(reading).get(parent.join('.'));
  if (!read || read.has(key)) return null;
  const isHome = parent.join('.') === reading.location.path.join('.');
  return meaning(isHome ? reading.reader() : reading.readerAt(parent), read, isHome)(key);
}

/** What says where the language model is, and which: read before any family. */
function lintRoot(context: LintContext): void {
  const { root } = context;
  const objects = LANGUAGE_KEYS.flatMap(([first]) => (first === undefined ? [] : [first]));
  const nested = root.keys().some((key) => objects.includes(key));
  for (const key of root.keys().slice(0, MOST_READ)) {
    if (isDeclaredKey(key)) continue;
    const names = isJsonObject(root.own(key)) ? (nested ? [] : objects) : TYPE_KEYS.filter((name) => !root.has(name));
    const meant = names.includes(key) ? null : nearest(key, names.map(nearName), 2);
    if (meant !== null) tell(context, root, key, meant);
  }
}

/** The keys that the family asked for, by the path of the object that was asked. */
function askedByObject({ consulted, taken }: Reading): Map<string, Set<string>> {
  const objects = new Map<string, Set<string>>();
  for (const full of consulted) {
    if (taken.has(full)) continue;
    const dot = full.lastIndexOf('.');
    const path = full.slice(0, Math.max(dot, 0));
    const known = objects.get(path) ?? new Set<string>();
    known.add(full.slice(dot + 1));
    objects.set(path, known);
  }
  return objects;
}

function lintObject(context: LintContext, reader: ConfigReader, read: ReadonlySet<string>, isHome: boolean): void {
  const meant = meaning(reader, read, isHome);
  let told = 0;
  for (const key of reader.keys().slice(0, MOST_READ)) {
    if (told === MOST_TOLD) break;
    const name = read.has(key) ? null : meant(key);
    if (name === null) continue;
    told++;
    tell(context, reader, key, name);
  }
}

/** What a key of an object means that is not read there: names are prepared once for all of them. */
function meaning(reader: ConfigReader, read: ReadonlySet<string>, isHome: boolean): (key: string) => string | null {
  const absent = (key: string): boolean =>
    !reader.has(key) && !spellingsOf(reader, key).some((spelling) => read.has(spelling) && reader.hasValue(spelling));
  const missing = [...read].filter(absent);
  const near = missing.map(nearName);
  // The keys that are described may be those of a family that this one was changed into.
  const described = isHome ? Object.keys(DESCRIBED_KEYS) : [];
  const ofOthers = described.filter((key) => !read.has(key) && absent(key)).map(nearName);
  return (key) =>
    synonym(key, missing) ??
    nearest(key, near, isDeclaredKey(key) ? 1 : 2) ??
    (isDeclaredKey(key) ? null : nearest(key, ofOthers, 2));
}

function tell(context: LintContext, reader: ConfigReader, key: string, meant: string): void {
  const path = reader.pathOf(key);
  context.reportAt(
    { key: path, range: keyRange(context, reader, key), rule: 'given' },
    'unknown-key',
    'warning',
    `Nothing reads ${show(key)}. Did you mean ${show(meant)}?`,
    { title: `Rename to ${meant}`, key: path, value: undefined, renameTo: meant },
  );
}

/** The key itself is wrong, not its value. */
function keyRange({ reading: { document } }: LintContext, { path }: ConfigReader, key: string): TextRange | null {
  const object = document.objectAt(path);
  const node = object && document.propertiesOf(object).get(key)?.keyNode;
  return node ? document.rangeOfNode(node) : null;
}

/** The name that this family has for a number which others call by `key`. */
function synonym(key: string, missing: readonly string[]): string | null {
  const spellings = SPELLINGS.find((names) => names.includes(key)) ?? [];
  return missing.find((name) => spellings.includes(name)) ?? null;
}

/** The other names of a key, in the class and in general. */
function spellingsOf({ defaults }: ConfigReader, key: string): readonly string[] {
  const target = defaults?.aliases?.[key] ?? key;
  const aliases = Object.entries(defaults?.aliases ?? {}).flatMap(([alias, of]) => (of === target ? [alias] : []));
  return [target, ...aliases, ...(SPELLINGS.find((names) => names.includes(key)) ?? [])];
}

function nearest(key: string, names: readonly NearName[], most: number): string | null {
  const asked = nearName(key);
  let best: string | null = null;
  let least = most + 1;
  for (const other of names) {
    const apart = nearness(asked, other);
    if (apart === null || apart >= least) continue;
    [best, least] = [other.name, apart];
  }
  return best;
}
