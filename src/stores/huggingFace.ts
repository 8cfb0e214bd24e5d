/**
 * Hugging Face's cache on this machine, as `huggingface_hub` lays it out: blobs by what they contain, snapshots that link to them, refs that
 * name commits. Python finds what is put here, and what Python put here is found.
 */

import { randomUUID } from 'node:crypto';
import { copyFile, mkdir, opendir, readFile, rename, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import { dirname, join, relative } from 'node:path';
import { getHFHubCachePath, getRepoFolderName } from '@huggingface/hub';
import { HUB_ENDPOINT, soundToken } from '../hub/endpoint';
import { type HubName, withoutSlashes } from '../hub/hubName';

type Environment = Readonly<Record<string, string | undefined>>;

/** `constants.py` of `huggingface_hub`: HF_ENDPOINT, else the Hub itself. */
export function hubEndpoint(env: Environment): string {
  return withoutSlashes(env['HF_ENDPOINT'] || HUB_ENDPOINT);
}

/** Whether Python, too, would stay off the network (`HF_HUB_OFFLINE`). */
export function isOffline(env: Environment): boolean {
  return ['1', 'ON', 'YES', 'TRUE'].includes(
    (env['HF_HUB_OFFLINE'] || env['TRANSFORMERS_OFFLINE'] || '').toUpperCase(),
  );
}

/** The token as `get_token` of `huggingface_hub/utils/_auth.py` finds it: environment first, then the file of the login. */
export async function hubToken(env: Environment): Promise<string | null> {
  const said = env['HF_TOKEN'] || env['HUGGING_FACE_HUB_TOKEN'];
  const home = env['HF_HOME'] || join(env['XDG_CACHE_HOME'] || join(homedir(), '.cache'), 'huggingface');
  const text = said ?? (await readFile(env['HF_TOKEN_PATH'] || join(home, 'token'), 'utf8').catch(() => ''));
  // A wrong file is no token.
  return soundToken(text);
}

export interface Blob {
  readonly path: string;
  /** Its name among the blobs. */
  readonly etag: string;
}

/** One model in the cache. */
export class CachedModel {
  /** `models--org--name`. */
  readonly folder: string;

  constructor(repo: string, cache: string = getHFHubCachePath()) {
    this.folder = join(cache, getRepoFolderName({ type: 'model', name: repo }));
  }

  /** The commit that a revision meant when it was fetched last; null: never. */
  async commit(revision: string): Promise<string | null> {
    if (/^[0-9a-f]{40}$/.test(revision)) return revision;
    const text = await readFile(join(this.folder, 'refs', ...revision.split('/')), 'utf8').catch(() => '');
    return /^[0-9a-f]{40}$/.test(text.trim()) ? text.trim() : null;
  }

  snapshot(commit: string): string {
    return join(this.folder, 'snapshots', commit);
  }

  /** Beside Python's own folders, which it neither reads nor minds; `hf cache rm` removes it with the model. */
  parts(commit: string): string {
    return join(this.folder, 'headlight', commit);
  }

  async has(commit: string, path: string): Promise<boolean> {
    const info = await stat(join(this.snapshot(commit), ...path.split('/'))).catch(() => null);
    return info?.isFile() === true;
  }

  async name(revision: string, commit: string): Promise<void> {
    if (revision === commit) return;
    await writeBeside(join(this.folder, 'refs', ...revision.split('/')), commit);
  }

  /** Puts a whole file into the snapshot of a commit. */
  async put(commit: string, { path, etag }: Blob, content: Uint8Array): Promise<void> {
    const blob = join(this.folder, 'blobs', etag);
    await writeBeside(blob, content);
    await link(blob, join(this.snapshot(commit), ...path.split('/')));
  }
}

/** A file of a cached model: as it was downloaded, or a folder of its parts; null where neither is here. */
export async function cachedFile({ repo, revision, path }: HubName): Promise<string | null> {
  const cached = new CachedModel(repo);
  const commit = await cached.commit(revision ?? 'main');
  if (commit === null) return null;
  for (const root of [cached.snapshot(commit), cached.parts(commit)]) {
    const file = join(root, ...path.split('/'));
    if ((await stat(file).catch(() => null)) !== null) return file;
  }
  return null;
}

/** Names of the models in the cache, without a look into them; the first `most`. */
export async function cachedNames(most: number): Promise<readonly string[]> {
  const names: string[] = [];
  const entries = await opendir(getHFHubCachePath()).catch(() => null);
  if (entries === null) return [];
  for await (const { name } of entries) {
    const repo = /^models--([\w.-]+)$/.exec(name)?.[1]?.replaceAll('--', '/');
    if (repo !== undefined) names.push(repo);
    if (names.length >= most) break;
  }
  return names.sort();
}

/** A relative link, as `_create_symlink` makes it; a copy where the system allows no links. */
export async function link(target: string, path: string): Promise<void> {
  await mkdir(dirname(path), { recursive: true });
  await rm(path, { force: true });
  try {
    await symlink(relative(dirname(path), target), path);
  } catch {
    await copyFile(target, path);
  }
}

async function writeBeside(path: string, content: string | Uint8Array): Promise<void> {
  await mkdir(dirname(path), { recursive: true });
  const beside = `${path}.${randomUUID().slice(0, 8)}.incomplete`;
  try {
    await writeFile(beside, content, { flag: 'wx' });
    await rename(beside, path);
  } catch (error) {
    await rm(beside, { force: true }).catch(() => undefined);
    throw error;
  }
}
