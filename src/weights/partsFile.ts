/**
 * A file of which only parts are here: a folder of its name that holds its length and the parts that were fetched. What is not there is
 * fetched by whoever said how, or is an error: never zeros.
 */

import { mkdir, open, readdir, rename, rm, writeFile } from 'node:fs/promises';
import { join, resolve, sep } from 'node:path';
import * as v from 'valibot';
import { readRegular } from './regularFile';
import { WeightsError } from './weightsError';

const MANIFEST = 'parts.json';
/** A part is at least so long: a header, or a row of an embedding, rarely stands alone. */
const LEAST_BYTES = 64 * 1024;
/** A request is at most so long: what it brings is kept when the next one fails. */
const MOST_BYTES = 32 * 1024 ** 2;

const SIZE = v.pipe(v.number(), v.integer(), v.minValue(0), v.maxValue(Number.MAX_SAFE_INTEGER));
/** `id`: names the content; parts of another content are never mixed with these. */
const MANIFEST_SCHEMA = v.object({ bytes: SIZE, id: v.pipe(v.string(), v.minLength(1), v.maxLength(200)) });

export type Manifest = v.InferOutput<typeof MANIFEST_SCHEMA>;
/** Bytes `[from, to)` of a file in the folder that it was told for. */
export type FetchPart = (path: string, from: number, to: number) => Promise<Uint8Array>;

const fetchers = new Map<string, FetchPart>();

/** Until it is undone, what lacks of the files below `folder` is fetched so. */
export function fetchPartsBy(folder: string, ask: FetchPart): () => void {
  const key = resolve(folder);
  fetchers.set(key, ask);
  return () => void fetchers.delete(key);
}

let fetchOthers: FetchPart | null = null;

/** What lacks of files in parts that no folder's fetcher has, in a process that must ask another. */
export function fetchOtherPartsBy(ask: FetchPart): void {
  fetchOthers = ask;
}

function fetcherOf(path: string): FetchPart | null {
  const absolute = resolve(path);
  for (const [folder, ask] of fetchers) if (absolute.startsWith(folder + sep)) return ask;
  return fetchOthers;
}

/** Makes the folder, without parts; keeps those that are there where they are of the same content. */
export async function declareParts(path: string, manifest: Manifest): Promise<void> {
  const old = await manifestAt(path).catch(() => null);
  if (old !== null && old.bytes === manifest.bytes && old.id === manifest.id) return;
  await rm(path, { recursive: true, force: true });
  await mkdir(path, { recursive: true });
  await writeBeside(path, MANIFEST, JSON.stringify(manifest));
}

/** The file that changes when the content of a file in parts does. */
export function manifestOf(path: string): string {
  return join(path, MANIFEST);
}

/** Null where the path is no such folder. */
async function manifestAt(path: string): Promise<Manifest | null> {
  const bytes = await readRegular(manifestOf(path), 4096).catch(() => null);
  if (bytes === null) return null;
  const read = v.safeParse(v.pipe(v.string(), v.parseJson(), MANIFEST_SCHEMA), new TextDecoder().decode(bytes));
  return read.success ? read.output : null;
}

interface Part {
  readonly from: number;
  readonly to: number;
}

/** The parts that are here, in order; they may overlap. */
async function partsAt(path: string): Promise<Part[]> {
  const parts = (await readdir(path)).flatMap((name): Part[] => {
    const [, from, to] = /^(\d{1,16})-(\d{1,16})$/.exec(name) ?? [];
    return from === undefined || to === undefined ? [] : [{ from: Number(from), to: Number(to) }];
  });
  return parts.sort((a, b) => a.from - b.from || b.to - a.to);
}

export class PartsFile {
  private constructor(
    private readonly path: string,
    readonly size: number,
    private readonly parts: Part[],
  ) {}

  /** Null where the path is no file in parts. */
  static async open(path: string): Promise<PartsFile | null> {
    const manifest = await manifestAt(path);
    return manifest === null ? null : new PartsFile(path, manifest.bytes, await partsAt(path));
  }

  /** Has `[from, to)` here after it. @throws WeightsError where it lacks, and nobody fetches it */
  async prepare(from: number, to: number): Promise<void> {
    for (let gap = this.gap(from, to); gap !== null; gap = this.gap(from, to)) await this.bring(gap);
  }

  /** Bytes that `prepare(from, to)` would fetch now; what is near a part may make it fewer, never more. */
  lacking(from: number, to: number): number {
    const parts = [...this.parts];
    const other = new PartsFile(this.path, this.size, parts);
    let bytes = 0;
    for (let gap = other.gap(from, to); gap !== null && gap.to > gap.from; gap = other.gap(from, to)) {
      bytes += gap.to - gap.from;
      other.add(gap);
    }
    return bytes;
  }

  /** Reads from one part: as many bytes as it has; 0 at the end of the file. */
  async read(target: Uint8Array<ArrayBuffer>, position: number): Promise<number> {
    if (position >= this.size || target.byteLength === 0) return 0;
    await this.prepare(position, Math.min(position + target.byteLength, this.size));
    const part = this.parts.find(({ from, to }) => from <= position && position < to);
    if (part === undefined) throw this.missing({ from: position, to: position + 1 });
    const handle = await open(join(this.path, nameOf(part)));
    try {
      const wanted = Math.min(target.byteLength, part.to - position);
      return (await handle.read(target, 0, wanted, position - part.from)).bytesRead;
    } finally {
      await handle.close();
    }
  }

  /** The first stretch of `[from, to)` that is not here. */
  private gap(from: number, to: number): Part | null {
    let at = from;
    for (const part of this.parts) {
      if (part.from > at) break;
      at = Math.max(at, part.to);
    }
    if (at >= to) return null;
    const next = this.parts.find((part) => part.from > at)?.from ?? this.size;
    return { from: at, to: Math.min(Math.max(to, at + LEAST_BYTES), at + MOST_BYTES, next, this.size) };
  }

  private async bring(gap: Part): Promise<void> {
    const ask = fetcherOf(this.path);
    if (ask === null || gap.to <= gap.from) throw this.missing(gap);
    const bytes = await ask(this.path, gap.from, gap.to);
    if (bytes.byteLength !== gap.to - gap.from) throw this.missing(gap);
    await writeBeside(this.path, nameOf(gap), bytes);
    this.add(gap);
  }

  private add(part: Part): void {
    this.parts.push(part);
    this.parts.sort((a, b) => a.from - b.from || b.to - a.to);
  }

  private missing({ from, to }: Part): WeightsError {
    return new WeightsError({
      file: this.path,
      problem: `bytes ${from} to ${to} of it are not on this machine.`,
      fix: 'Open the model by its name on the Hub, which fetches them, or download it.',
    });
  }
}

/** A stretch of a file. */
export interface FileSpan {
  readonly file: string;
  readonly from: number;
  readonly to: number;
}

/** What must be fetched before spans are here. Looks at each file once. */
export class LackingBytes {
  private readonly files = new Map<string, PartsFile | null>();

  /** At most; 0 where the files are whole. */
  async of(spans: readonly FileSpan[]): Promise<number> {
    let bytes = 0;
    for (const { file, from, to } of spans) {
      if (!this.files.has(file)) this.files.set(file, await PartsFile.open(file));
      bytes += this.files.get(file)?.lacking(from, to) ?? 0;
    }
    return bytes;
  }
}

function nameOf({ from, to }: Part): string {
  return `${from}-${to}`;
}

/** Whole or not at all: what is half written has no name that is read. */
async function writeBeside(folder: string, name: string, content: string | Uint8Array): Promise<void> {
  const beside = join(folder, `.${crypto.randomUUID()}`);
  try {
    await writeFile(beside, content, { flag: 'wx' });
    await rename(beside, join(folder, name));
  } catch (error) {
    await rm(beside, { force: true }).catch(() => undefined);
    throw error;
  }
}
