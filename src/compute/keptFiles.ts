/**
 * Results that are kept as files of JSON, each under names that are hashes: written whole or not at all, and so bounded that the oldest go first.
 * What cannot be read counts as not there.
 */

import { mkdir, readdir, readFile, rename, rm, rmdir, stat, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { type KeptBounds, NONE_REMOVED, type Removed } from '../shared/keptBounds';

/** Names of hashes. Anything else in the folder is not ours. */
const FOLDER = /^[0-9a-f]{24}$/;
const FILE = /^[0-9a-f]{24}\.json$/;
const PARTIAL = /^[0-9a-f]{24}\.json\.\d+\.partial$/;
/** Folders within each other. */
const DEEPEST = 2;
/** A part of a file that is so old was left by a run that ended. */
const LEFT_MS = 24 * 60 * 60_000;

interface KeptFile {
  readonly path: string;
  readonly bytes: number;
  readonly at: number;
}

export class KeptFiles {
  /** Once the folder was looked at: what is in it, as far as this process knows. */
  private held: Removed | null = null;
  private gone: Removed = NONE_REMOVED;

  /** @param folder Null: nothing is kept. @param bounds Null: everything stays. */
  constructor(
    private readonly folder: string | null,
    private readonly bounds: KeptBounds | null,
  ) {}

  /** Null where there is nothing that can be read. */
  async read(names: readonly string[]): Promise<unknown> {
    if (this.folder === null) return null;
    try {
      return JSON.parse(await readFile(fileOf(this.folder, names), 'utf8')) as unknown;
    } catch {
      return null;
    }
  }

  async write(names: readonly string[], value: unknown): Promise<void> {
    if (this.folder === null) return;
    const file = fileOf(this.folder, names);
    await mkdir(dirname(file), { recursive: true });
    const partial = `${file}.${process.pid}.partial`;
    const text = JSON.stringify(value);
    await writeFile(partial, text);
    await rename(partial, file);
    if (this.bounds !== null) await this.keepWithin(this.folder, this.bounds, Buffer.byteLength(text));
  }

  /** What was removed since this was asked for last. */
  takeRemoved(): Removed {
    const { gone } = this;
    this.gone = NONE_REMOVED;
    return gone;
  }

  private async keepWithin(folder: string, bounds: KeptBounds, added: number): Promise<void> {
    const { held } = this;
    const now = held === null ? null : { files: held.files + 1, bytes: held.bytes + added };
    this.held = now;
    if (now !== null && isWithin(now, bounds)) return;
    const files = (await filesIn(folder, DEEPEST)).toSorted((a, b) => a.at - b.at || (a.path < b.path ? -1 : 1));
    let left: Removed = { files: files.length, bytes: files.reduce((sum, { bytes }) => sum + bytes, 0) };
    for (const { path, bytes } of files) {
      if (isWithin(left, bounds)) break;
      await rm(path, { force: true });
      left = { files: left.files - 1, bytes: left.bytes - bytes };
      this.gone = { files: this.gone.files + 1, bytes: this.gone.bytes + bytes };
      await removeEmpty(dirname(path), folder);
    }
    this.held = left;
  }
}

function fileOf(folder: string, names: readonly string[]): string {
  return `${join(folder, ...names)}.json`;
}

function isWithin({ files, bytes }: Removed, bounds: KeptBounds): boolean {
  return files <= bounds.files && bytes <= bounds.bytes;
}

/** Another process may write or remove meanwhile: what is gone is not counted. */
async function filesIn(folder: string, deeper: number): Promise<readonly KeptFile[]> {
  const entries = await readdir(folder, { withFileTypes: true }).catch(() => []);
  const found: KeptFile[] = [];
  for (const entry of entries) {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) {
      if (deeper > 0 && FOLDER.test(entry.name)) found.push(...(await filesIn(path, deeper - 1)));
      continue;
    }
    const [isFile, isPartial] = [FILE.test(entry.name), PARTIAL.test(entry.name)];
    const info = entry.isFile() && (isFile || isPartial) ? await stat(path).catch(() => null) : null;
    if (info === null) continue;
    if (isFile) found.push({ path, bytes: info.size, at: info.mtimeMs });
    else if (Date.now() - info.mtimeMs > LEFT_MS) await rm(path, { force: true });
  }
  return found;
}

/** Up to the folder itself, which stays. */
async function removeEmpty(path: string, folder: string): Promise<void> {
  for (let at = path; at !== folder; at = dirname(at)) {
    const done = await rmdir(at).then(
      () => true,
      () => false,
    );
    if (!done) return;
  }
}
