/** A model on the Hub, at one commit: what it holds, its small files, and parts of its large ones. `@huggingface/hub` does the talking. */

import { downloadFile, listFiles, modelInfo } from '@huggingface/hub';
import * as v from 'valibot';
import { guardedFetch, type HubAccess } from './guardedFetch';
import { ENVIRONMENT_WAYS, HubError, type HubWays, shownName } from './hubError';
import { type HeaderBytes, headerBytes } from './headerBytes';
import { type HubName, isInside } from './hubName';

/** A repository with more files is listed to here, and says so. */
const MOST_FILES = 20_000;
const COMMIT = /^[0-9a-f]{40}$/;
/** Files that stay on the Hub until parts of them are read. */
export const WEIGHT_FILE = /\.(?:safetensors|gguf)$/;

export interface HubFile {
  readonly path: string;
  readonly bytes: number;
  /** Names the content: sha256 of a large file, git's sha1 of a small one. The name of its blob in Hugging Face's cache. */
  readonly etag: string;
  /** Kept beside git: large. */
  readonly large: boolean;
}

/** What of a model stays on the Hub. */
export interface HubWeights {
  readonly files: number;
  readonly bytes: number;
  /** What reading their headers fetches at most. */
  readonly headers: HeaderBytes;
}

export function weightsAmong(files: readonly { readonly path: string; readonly bytes: number }[]): HubWeights {
  const weights = files.filter(({ path }) => WEIGHT_FILE.test(path));
  const bytes = weights.reduce((sum, file) => sum + file.bytes, 0);
  return { files: weights.length, bytes, headers: headerBytes(files) };
}

const ENTRY = v.object({
  type: v.string(),
  path: v.string(),
  size: v.pipe(v.number(), v.integer(), v.minValue(0), v.maxValue(Number.MAX_SAFE_INTEGER)),
  oid: v.optional(v.pipe(v.string(), v.regex(/^[0-9a-f]{40}$/))),
  lfs: v.optional(v.object({ oid: v.pipe(v.string(), v.regex(/^[0-9a-f]{64}$/)) })),
});

export class HubModel {
  private constructor(
    private readonly access: HubAccess,
    private readonly guarded: typeof fetch,
    readonly name: HubName,
    /** As the Hub writes it now: a renamed model has another. */
    readonly repo: string,
    /** The commit that the revision means. */
    readonly commit: string,
    readonly files: ReadonlyMap<string, HubFile>,
  ) {}

  /**
   * Two requests: which commit the revision is, and what it holds.
   * @throws HubError
   */
  static async open(name: HubName, access: HubAccess): Promise<HubModel> {
    const fetch = guardedFetch(access);
    const hub = { hubUrl: access.endpoint, fetch };
    const ways = access.ways ?? ENVIRONMENT_WAYS;
    const strange = (): HubError => strangeAnswer(name.repo, ways);
    const info = await inWords(ways, () =>
      modelInfo({ name: name.repo, revision: name.revision ?? 'main', additionalFields: ['sha'], ...hub }),
    );
    if (typeof info.sha !== 'string' || !COMMIT.test(info.sha)) throw strange();
    // The address of a renamed model leads to it: asked by its old name, it answers with the new one.
    const files = new Map<string, HubFile>();
    await inWords(ways, async () => {
      for await (const entry of listFiles({ repo: name.repo, revision: info.sha, recursive: true, ...hub })) {
        const read = v.safeParse(ENTRY, entry);
        if (!read.success) throw strange();
        const { type, path, size, oid, lfs } = read.output;
        if (type !== 'file') continue;
        const etag = lfs?.oid ?? oid;
        if (etag === undefined || !isInside(path)) throw strange();
        if (files.size >= MOST_FILES)
          throw new HubError(
            'refused',
            `${shownName(name.repo)} has more than ${MOST_FILES} files.`,
            'Name another model.',
          );
        files.set(path, { path, bytes: size, etag, large: lfs !== undefined });
      }
    });
    return new HubModel(access, fetch, name, typeof info.name === 'string' ? info.name : name.repo, info.sha, files);
  }

  get weights(): HubWeights {
    return weightsAmong([...this.files.values()]);
  }

  get host(): string {
    return new URL(this.access.endpoint).host;
  }

  /** @throws HubError where there is no such file. */
  file(path: string): HubFile {
    const file = this.files.get(path);
    if (!file)
      throw new HubError(
        'noFile',
        `${shownName(`${this.name.repo}/${path}`)} is not there.`,
        'Check the name of the file.',
      );
    return file;
  }

  /**
   * A whole file of moderate size.
   * @throws HubError, also where it has more than `limit` bytes
   */
  async read(path: string, limit: number): Promise<Uint8Array<ArrayBuffer>> {
    const file = this.file(path);
    if (file.bytes > limit)
      throw new HubError(
        'refused',
        `${shownName(path)} has ${file.bytes} bytes; at most ${limit} are fetched at once.`,
        'Download the model, and open its folder.',
      );
    return this.bytes(file, 0, file.bytes);
  }

  /**
   * Bytes `[from, to)` of a file.
   * @throws HubError, also where the server gives anything else
   */
  async range(path: string, from: number, to: number): Promise<Uint8Array<ArrayBuffer>> {
    const file = this.file(path);
    if (!(from >= 0 && to <= file.bytes && from <= to)) throw new RangeError(`${path} has no bytes ${from} to ${to}`);
    return this.bytes(file, from, to);
  }

  private async bytes(file: HubFile, from: number, to: number): Promise<Uint8Array<ArrayBuffer>> {
    if (from === to) return new Uint8Array();
    const ways = this.access.ways ?? ENVIRONMENT_WAYS;
    const blob = await inWords(ways, () =>
      downloadFile({
        repo: this.name.repo,
        path: file.path.split('/').map(encodeURIComponent).join('/'),
        revision: this.commit,
        hubUrl: this.access.endpoint,
        fetch: this.guarded,
        // Plain ranges: Xet's own protocol needs other hosts, and gives the same bytes.
        xet: false,
        // Known from the listing: one request less for every file.
        downloadInfo: { size: file.bytes, etag: file.etag, url: this.address(file.path) },
      }),
    );
    if (blob === null)
      throw new HubError('noFile', `${shownName(file.path)} is not there.`, 'Check the name of the file.');
    const bytes = new Uint8Array(
      await inWords(ways, () => (from === 0 && to === file.bytes ? blob : blob.slice(from, to)).arrayBuffer()),
    );
    if (bytes.byteLength !== to - from)
      throw new HubError('changed', `${shownName(file.path)} is not as long as the Hub says.`, 'Open the model again.');
    return bytes;
  }

  private address(path: string): string {
    const parts = path.split('/').map(encodeURIComponent).join('/');
    return `${this.access.endpoint}/${this.name.repo}/resolve/${this.commit}/${parts}`;
  }
}

function strangeAnswer(repo: string, { endpoint }: HubWays): HubError {
  return new HubError('refused', `The Hub's answer about ${shownName(repo)} cannot be read.`, `Check ${endpoint}.`);
}

/** The library throws what it likes; a failure of ours passes through it as the cause or as itself. */
async function inWords<T>({ endpoint }: HubWays, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    for (let cause: unknown = error; cause instanceof Error; cause = cause.cause)
      if (cause instanceof HubError) throw cause;
    throw new HubError('refused', 'The answer of the Hub cannot be read.', `Check ${endpoint}, and try again.`);
  }
}
