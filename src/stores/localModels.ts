/**
 * The models that other programs keep on this machine: Hugging Face's cache, Ollama, LM Studio, llama.cpp. Configs and headers are read, never
 * weights; what is broken is said beside what is not.
 */

import { stat } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { visibleUpTo } from '../model/visibleText';
import {
  type LocalModel,
  type LocalModels,
  type LocalState,
  MOST_CONFIG_TEXT,
  type StoreEnvironment,
  type StoreId,
  STORES,
} from '../shared/storesContract';
import { openGguf } from '../weights/gguf';
import { ggufConfig } from '../weights/ggufConfig';
import { readText } from '../weights/modelFolder';
import { WeightsError } from '../weights/weightsError';
import { blobAt, manifestAt, modelLayer, ollamaName } from './ollama';
import { weightsOf } from './shards';
import { placesOf } from './storePlaces';
import { Walk, WALK_LIMITS, type WalkLimits } from './storeWalk';

export interface LookOptions {
  readonly signal?: { readonly aborted: boolean };
  readonly limits?: Partial<WalkLimits>;
  readonly stores?: readonly StoreId[];
}

/** Never throws for what is on the disk. */
export async function localModels(environment: StoreEnvironment, options: LookOptions = {}): Promise<LocalModels> {
  const walk = new Walk({ ...WALK_LIMITS, ...options.limits }, options.signal);
  const models: LocalModel[] = [];
  const problems: string[] = [];
  const places: { store: StoreId; path: string }[] = [];
  for (const store of options.stores ?? STORES)
    for (const path of await placesOf(store, environment)) {
      if (!walk.goesOn) break;
      const info = await stat(path).catch(() => null);
      // A program that is not here is no problem.
      if (info === null) continue;
      places.push({ store, path });
      if (!info.isDirectory()) problems.push(`${named(path)} is not a folder.`);
      else {
        const look: Look = { walk, place: path, models, problems };
        await LOOKS[store](look).catch((error: unknown) =>
          problems.push(`${named(path)} cannot be read: ${why(error)}`),
        );
      }
    }
  models.sort((a, b) => STORES.indexOf(a.store) - STORES.indexOf(b.store) || (a.name < b.name ? -1 : 1));
  return { models, problems, places, cut: walk.cut };
}

interface Look {
  readonly walk: Walk;
  readonly place: string;
  readonly models: LocalModel[];
  readonly problems: string[];
}

const LOOKS: Readonly<Record<StoreId, (look: Look) => Promise<void>>> = {
  huggingFace: lookAtHuggingFace,
  ollama: lookAtOllama,
  lmStudio: (look) => lookAtFolders(look, 'lmStudio', 4),
  llamaCpp: (look) => lookAtFolders(look, 'llamaCpp', 1),
};

/** Files of a model are no deeper in its repository. */
const REPO_DEPTH = 3;

/** `models--ORG--NAME` with `blobs`, `refs` and `snapshots` (huggingface_hub's `scan_cache_dir`; docs: hub/local-cache). */
async function lookAtHuggingFace(look: Look): Promise<void> {
  const { walk, place, problems } = look;
  for (const entry of await walk.list(place)) {
    if (!walk.goesOn) return;
    const repo = /^models--(.+)$/.exec(entry.name)?.[1]?.replaceAll('--', '/');
    if (repo === undefined) continue;
    const folder = join(place, entry.name);
    try {
      await lookAtRepo(look, repo, folder);
    } catch (error) {
      problems.push(`${named(folder)} is not a model in Hugging Face's cache: ${why(error)}`);
    }
  }
}

async function lookAtRepo(look: Look, repo: string, folder: string): Promise<void> {
  const { walk } = look;
  const snapshots = (await walk.list(join(folder, 'snapshots'))).filter((entry) => entry.isDirectory());
  const blobs = await walk.list(join(folder, 'blobs')).catch(() => []);
  const unfinished = blobs.some(({ name }) => name.endsWith('.incomplete'));
  const refs = new Map<string, string>();
  for (const ref of await walk.files(join(folder, 'refs'), 2)) {
    const commit = await readText(join(folder, 'refs', ref), 200).catch(() => '');
    // `main` is what a name without a revision means.
    if (!refs.has(commit.trim()) || ref === 'main') refs.set(commit.trim(), ref);
  }
  for (const { name: commit } of snapshots) {
    if (!walk.goesOn) return;
    const ref = refs.get(commit) ?? commit;
    const revision = ref === 'main' ? '' : `@${ref.replaceAll('/', '%2F')}`;
    const label = ref === 'main' ? '' : `@${ref === commit ? commit.slice(0, 8) : ref}`;
    await lookAtSnapshot(look, { repo, revision, label, commit, folder, unfinished });
  }
}

interface Snapshot {
  readonly repo: string;
  readonly revision: string;
  readonly label: string;
  readonly commit: string;
  readonly folder: string;
  readonly unfinished: boolean;
}

async function lookAtSnapshot(look: Look, snapshot: Snapshot): Promise<void> {
  const { walk } = look;
  const { repo, revision, label, commit, folder, unfinished } = snapshot;
  const path = join(folder, 'snapshots', commit);
  const sizes = new Map<string, number | null>();
  for (const file of await walk.files(path, REPO_DEPTH)) sizes.set(file, await sizeOf(join(path, file)));
  const place = `${repo}${revision}`;
  for (const file of ggufs([...sizes.keys()])) {
    const bytes = sizesOf(sizes, ggufParts(file));
    const state = bytes === null ? 'incomplete' : 'whole';
    const model = { store: 'huggingFace', name: `${repo}${label}/${file}`, place: `${place}/${file}`, state } as const;
    await add(look, { ...model, path: join(path, file), bytes: bytes ?? 0 });
  }
  if (!sizes.has('config.json')) {
    if (unfinished && ggufs([...sizes.keys()]).length === 0)
      await add(look, {
        store: 'huggingFace',
        name: `${repo}${label}`,
        place: `${place}/config.json`,
        path,
        bytes: sum(sizes.values()),
        state: 'incomplete',
      });
    return;
  }
  const parts = await partsBytes(walk, join(folder, 'headlight', commit));
  const bytes = sum(sizes.values()) + (parts ?? 0);
  const whole = await weightsOf(
    path,
    [...sizes.keys()].filter((file) => sizes.get(file) !== null),
  );
  const state: LocalState =
    whole === 'whole'
      ? 'whole'
      : parts !== null
        ? 'parts'
        : whole === 'some' || unfinished
          ? 'incomplete'
          : 'configOnly';
  await add(look, { store: 'huggingFace', name: `${repo}${label}`, place: `${place}/config.json`, path, bytes, state });
}

/** Bytes of the parts of weights that Headlight fetched; null where it fetched none. */
async function partsBytes(walk: Walk, folder: string): Promise<number | null> {
  let bytes: number | null = null;
  for (const file of await walk.files(folder, REPO_DEPTH + 1)) {
    if (!/\.(?:safetensors|gguf)\/\d+-\d+$/.test(file)) continue;
    bytes = (bytes ?? 0) + ((await sizeOf(join(folder, file))) ?? 0);
  }
  return bytes;
}

/** `manifests/HOST/NAMESPACE/MODEL/TAG` and `blobs/sha256-…` (manifest/paths.go and types/model/name.go of ollama). */
async function lookAtOllama(look: Look): Promise<void> {
  const { walk, place, problems } = look;
  const manifests = join(place, 'manifests');
  if ((await stat(manifests).catch(() => null)) === null) return;
  for (const file of await walk.files(manifests, 3)) {
    if (!walk.goesOn) return;
    const [host = '', namespace = '', model = '', tag = ''] = file.split('/');
    // Others are hidden files of the system.
    if (tag === '' || [host, namespace, model, tag].some((part) => part.startsWith('.'))) continue;
    const name = ollamaName(host, namespace, model, tag);
    try {
      const layer = modelLayer(await manifestAt(join(manifests, file)));
      if (layer === undefined) {
        problems.push(
          `Ollama stores ${named(name)} as single tensors, not as a GGUF file, so Headlight cannot read it: download its GGUF or safetensors files.`,
        );
        continue;
      }
      const path = blobAt(place, layer.digest);
      const bytes = await sizeOf(path);
      await add(look, {
        store: 'ollama',
        name,
        place: `${host}/${namespace}/${model}:${tag}`,
        path,
        bytes: bytes ?? (await sizeOf(`${path}-partial`)) ?? 0,
        state: bytes === layer.size ? 'whole' : 'incomplete',
      });
    } catch (error) {
      problems.push(`The manifest of ${named(name)} of Ollama cannot be read: ${why(error)}`);
    }
  }
}

/** Files under their own names: LM Studio's `PUBLISHER/MODEL/FILE`, llama.cpp's flat `OWNER_REPO_FILE.gguf`. */
async function lookAtFolders(look: Look, store: 'lmStudio' | 'llamaCpp', depth: number): Promise<void> {
  const { walk, place } = look;
  const files = await walk.files(place, depth);
  for (const file of ggufs(files)) {
    if (!walk.goesOn) return;
    const sizes = await Promise.all(ggufParts(file).map((part) => sizeOf(join(place, part))));
    const state = sizes.includes(null) ? 'incomplete' : 'whole';
    const name = file.replace(/\.gguf$/i, '');
    await add(look, { store, name, place: file, path: join(place, file), bytes: sum(sizes), state });
  }
  // llama.cpp's name of a download under way (common/download.cpp), and the usual one.
  for (const file of files.filter((each) => /\.gguf\.(?:downloadInProgress|part)$/i.test(each))) {
    const name = file.replace(/\.gguf\..*$/i, '');
    const path = join(place, file);
    await add(look, { store, name, place: file, path, bytes: (await sizeOf(path)) ?? 0, state: 'incomplete' });
  }
  // MLX: a folder as it is on the Hub.
  for (const file of files.filter((each) => basename(each) === 'config.json' && each.includes('/'))) {
    if (!walk.goesOn) return;
    const folder = dirname(file);
    const beside = files.filter((each) => dirname(each) === folder);
    if (!beside.some((each) => each.endsWith('.safetensors'))) continue;
    const bytes = sum(await Promise.all(beside.map((each) => sizeOf(join(place, each)))));
    const whole = await weightsOf(
      join(place, folder),
      beside.map((each) => basename(each)),
    );
    const state = whole === 'whole' ? 'whole' : 'incomplete';
    await add(look, { store, name: folder, place: file, path: join(place, folder), bytes, state });
  }
}

/** The GGUF files that are models: the first of a split one, and no projector of pictures. */
function ggufs(files: readonly string[]): readonly string[] {
  return files.filter(
    (file) =>
      /\.gguf$/i.test(file) && !/^mmproj/i.test(basename(file)) && !/-(?!00001)\d{5}-of-\d{5}\.gguf$/i.test(file),
  );
}

/** All parts of a split file, by their names. */
function ggufParts(file: string): readonly string[] {
  const [, start, count] = /^(.*)-\d{5}-of-(\d{5})\.gguf$/.exec(file) ?? [];
  if (start === undefined || count === undefined) return [file];
  const parts = Math.min(Number(count), 1000);
  return Array.from({ length: parts }, (_, at) => `${start}-${String(at + 1).padStart(5, '0')}-of-${count}.gguf`);
}

async function add(look: Look, model: Omit<LocalModel, 'config' | 'problem'>): Promise<void> {
  look.walk.found();
  look.models.push({ ...model, ...(await configOf(model)) });
}

async function configOf({
  path,
  store,
  place,
  state,
}: Omit<LocalModel, 'config' | 'problem'>): Promise<Pick<LocalModel, 'config' | 'problem'>> {
  try {
    const isFolder = place.endsWith('config.json');
    if (state === 'incomplete' && !isFolder)
      return { config: null, problem: 'Its download is not complete, or a part of it is missing.' };
    const text = isFolder ? await readText(join(path, 'config.json')) : await configOfGguf(path);
    if (text.length > MOST_CONFIG_TEXT) return { config: null, problem: 'Its config is too long.' };
    return { config: text, problem: null };
  } catch (error) {
    const missing = state === 'incomplete' && store === 'huggingFace';
    return { config: null, problem: missing ? 'Its download is not complete.' : why(error) };
  }
}

/** The metadata of a GGUF file as the text of a config. @throws WeightsError */
async function configOfGguf(path: string): Promise<string> {
  const store = await openGguf(path);
  try {
    return JSON.stringify(ggufConfig(store.metadata), null, 2);
  } finally {
    await store.close();
  }
}

/** Null where nothing is: a link may lead nowhere. */
async function sizeOf(path: string): Promise<number | null> {
  const info = await stat(path).catch(() => null);
  return info?.isFile() === true ? info.size : null;
}

function sizesOf(sizes: ReadonlyMap<string, number | null>, files: readonly string[]): number | null {
  const each = files.map((file) => sizes.get(file) ?? null);
  return each.includes(null) ? null : sum(each);
}

function sum(values: Iterable<number | null>): number {
  let total = 0;
  for (const value of values) total += value ?? 0;
  return total;
}

function named(text: string): string {
  return visibleUpTo(300, text);
}

/** A sentence. */
function why(error: unknown): string {
  if (error instanceof WeightsError) return `${error.message} ${error.fix}`;
  const code = typeof error === 'object' && error !== null && 'code' in error ? String(error.code) : '';
  if (code === 'ENOENT') return 'one of its files is missing.';
  if (code === 'EACCES' || code === 'EPERM') return 'you have no permission to read it.';
  return 'it is not in the format that the program that stored it writes; download it again.';
}
