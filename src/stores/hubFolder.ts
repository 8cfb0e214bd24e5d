/**
 * A model on the Hub as a folder of this machine: its small files are fetched and kept in Hugging Face's cache, its weights are files of which
 * parts are fetched as they are read. What reads model folders reads it, and a second opening needs no network.
 */

import { mkdir, readdir, readFile, rename, stat, writeFile } from 'node:fs/promises';
import { join, relative, sep } from 'node:path';
import * as v from 'valibot';
import type { HubAccess } from '../hub/guardedFetch';
import { HubError } from '../hub/hubError';
import { HubModel, type HubWeights, WEIGHT_FILE } from '../hub/hubModel';
import { type HubName, hubNameText } from '../hub/hubName';
import { declareParts, type FetchPart, fetchPartsBy } from '../weights/partsFile';
import { CachedModel, link } from './huggingFace';
import { weightsOf } from './shards';

/** Configs, tokenizers and indexes: read whole. */
const SMALL =
  /(?:^|\/)(?:config|params|generation_config|hf_quant_config|tokenizer|tokenizer_config|special_tokens_map|[\w.-]+\.safetensors\.index)\.json$/;
/** A tokenizer has up to 40 MB, the index of a large model 10. */
const MOST_SMALL_BYTES = 128 * 1024 ** 2;
/** What the folder lists of the Hub's files: names of weights are needed before their first byte is. */
const LISTING = '.headlight-files.json';

/** What is about to be fetched. */
export interface Announcement {
  readonly name: string;
  readonly host: string;
  readonly files: readonly { readonly path: string; readonly bytes: number }[];
  /** Files of weights, which stay there. */
  readonly weights: HubWeights;
}

export interface ListedFile {
  readonly path: string;
  readonly bytes: number;
}

export interface HubFolder {
  /** A folder, or the file in it that the name means. */
  readonly path: string;
  /** Without the file. */
  readonly folder: string;
  readonly commit: string;
  /** What the model has, as paths in the folder; of a model that is whole here, what is in its folder. */
  files(): Promise<readonly ListedFile[]>;
  /** Bytes of a file in the folder, from the Hub. */
  readonly fetchPart: FetchPart;
  close(): void;
}

export interface Opening {
  readonly name: HubName;
  /** Null: nothing may be fetched. */
  readonly access: HubAccess | null;
  readonly cache?: string;
  /** Before the first request for a file. Throws to stop. */
  readonly announce: (what: Announcement) => Promise<void> | void;
}

/** @throws HubError, also where nothing may be fetched and it is not here */
export async function openHubFolder({ name, access, cache, announce }: Opening): Promise<HubFolder> {
  const cached = new CachedModel(name.repo, cache);
  const revision = name.revision ?? 'main';
  let model: Promise<HubModel> | null = null;
  const online = (): Promise<HubModel> => {
    if (access === null)
      throw new HubError(
        'offline',
        `${hubNameText(name)} is not complete on this machine, and the network is off.`,
        'Unset HF_HUB_OFFLINE.',
      );
    model ??= HubModel.open(name, access);
    return model;
  };
  const known = await cached.commit(revision);
  const listedHere = known !== null && (await isListed(cached, known));
  if (known !== null) {
    const here = join(cached.snapshot(known), ...(name.path === '' ? [] : name.path.split('/')));
    if (await isDownloaded(cached.snapshot(known), here, access === null && !listedHere)) {
      const nothing: FetchPart = (path) =>
        Promise.reject(
          new HubError(
            'noFile',
            `${path} is complete on this machine, so no part of it is fetched.`,
            'Open the model again.',
          ),
        );
      const folder = cached.snapshot(known);
      const files = async (): Promise<readonly ListedFile[]> =>
        (await readdir(folder)).map((path) => ({ path, bytes: 0 }));
      return { path: here, folder, commit: known, files, fetchPart: nothing, close: () => undefined };
    }
  }
  const commit = known !== null && listedHere ? known : await fetchSmall(await online(), cached, revision, announce);
  const folder = cached.parts(commit);
  const fetchPart: FetchPart = async (path, from, to) => {
    const file = relative(folder, path).split(sep).join('/');
    const opened = await online();
    if (opened.commit !== commit)
      throw new HubError(
        'changed',
        `${hubNameText(name)} has changed on the Hub since it was opened.`,
        'Open it again.',
      );
    return opened.range(file, from, to);
  };
  const close = fetchPartsBy(folder, fetchPart);
  const path = name.path === '' ? folder : join(folder, ...name.path.split('/'));
  return { path, folder, commit, files: () => listed(folder), fetchPart, close };
}

/** Whether Python (or llama.cpp) has all of it here; offline, whatever is here. */
async function isDownloaded(snapshot: string, path: string, offline: boolean): Promise<boolean> {
  const info = await stat(path).catch(() => null);
  if (info === null) return false;
  if (info.isFile() && path.endsWith('.gguf')) return true;
  const names = await readdir(snapshot).catch((): string[] => []);
  if (!names.includes('config.json')) return false;
  return offline || (await weightsOf(snapshot, names)) === 'whole';
}

/** All that a folder needs before weights are read. */
export async function isListed(cached: CachedModel, commit: string): Promise<boolean> {
  const info = await stat(join(cached.parts(commit), LISTING)).catch(() => null);
  return info?.isFile() === true;
}

async function fetchSmall(
  model: HubModel,
  cached: CachedModel,
  revision: string,
  announce: Opening['announce'],
): Promise<string> {
  const { commit } = model;
  const folder = cached.parts(commit);
  await mkdir(folder, { recursive: true });
  const small = [...model.files.values()].filter(({ path, bytes }) => SMALL.test(path) && bytes <= MOST_SMALL_BYTES);
  const lacking = [];
  for (const file of small) if (!(await cached.has(commit, file.path))) lacking.push(file);
  const weights = [...model.files.values()].filter(({ path }) => WEIGHT_FILE.test(path));
  if (lacking.length > 0)
    await announce({
      name: hubNameText(model.name),
      host: model.host,
      files: lacking.map(({ path, bytes }) => ({ path, bytes })),
      weights: model.weights,
    });
  for (const file of lacking) await cached.put(commit, file, await model.read(file.path, MOST_SMALL_BYTES));
  for (const { path } of small)
    await link(join(cached.snapshot(commit), ...path.split('/')), join(folder, ...path.split('/')));
  for (const { path, bytes, etag } of weights) {
    const here = join(folder, ...path.split('/'));
    if (await cached.has(commit, path)) await link(join(cached.snapshot(commit), ...path.split('/')), here);
    else await declareParts(here, { bytes, id: etag });
  }
  await cached.name(revision, commit);
  await writeListing(folder, model);
  return commit;
}

const LISTED = v.array(v.object({ path: v.string(), bytes: v.pipe(v.number(), v.minValue(0)) }));

async function listed(folder: string): Promise<readonly ListedFile[]> {
  const text = await readFile(join(folder, LISTING), 'utf8').catch(() => '');
  const read = v.safeParse(v.pipe(v.string(), v.parseJson(), LISTED), text);
  return read.success ? read.output : [];
}

async function writeListing(folder: string, model: HubModel): Promise<void> {
  const beside = join(folder, `${LISTING}.new`);
  await writeFile(beside, JSON.stringify([...model.files.values()]));
  await rename(beside, join(folder, LISTING));
}
