/**
 * A Hub on loopback: the paths, headers and errors of the real one (`huggingface_hub`'s client and the Hub's API are the source), and a
 * second port that stands for its file store. It counts requests and bytes, keeps the headers, and misbehaves as told.
 */

import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

export type Content = string | Uint8Array | { readonly file: string; readonly bytes: number; readonly sha256: string };

export interface RepoFile {
  readonly content: Content;
  /** In the file store, behind a redirect. */
  readonly large?: boolean;
  /** Also offered by Xet. */
  readonly xet?: boolean;
}

export interface Repo {
  readonly files: Readonly<Record<string, RepoFile | Content>>;
  /** Of `main`; made from the files' names where it is not given. */
  readonly commit?: string;
  /** Other revisions that lead to the same commit. */
  readonly refs?: readonly string[];
  /** Who may read: tokens; others get what the Hub says of gated ones. */
  readonly gatedTo?: readonly string[];
  readonly privateTo?: readonly string[];
  readonly renamedTo?: string;
}

export interface Seen {
  readonly port: 'hub' | 'store';
  readonly method: string;
  readonly path: string;
  readonly authorization: string | null;
  readonly range: string | null;
  readonly status: number;
  bytes: number;
}

/** What a request meets instead of an answer; null: nothing. */
export type Fault =
  | { readonly status: number; readonly headers?: Readonly<Record<string, string>>; readonly body?: string }
  | { readonly dead: true }
  | { readonly silent: true }
  | { readonly ignoreRange: true }
  | { readonly shiftRange: number }
  | { readonly cutAfter: number }
  | { readonly padWith: number }
  | { readonly msPerPiece: number };

const PAGE = 50;

export class LoopbackHub {
  readonly seen: Seen[] = [];
  /** Asked before each request is answered. */
  fault: (request: { readonly port: Seen['port']; readonly path: string; readonly count: number }) => Fault | null =
    () => null;
  private readonly servers: Server[] = [];
  private storeOrigin = '';
  private hubOrigin = '';

  private constructor(private readonly repos: ReadonlyMap<string, Repo>) {}

  static async start(repos: Readonly<Record<string, Repo>>): Promise<LoopbackHub> {
    const hub = new LoopbackHub(new Map(Object.entries(repos)));
    hub.hubOrigin = await hub.listen('hub');
    hub.storeOrigin = await hub.listen('store');
    return hub;
  }

  get endpoint(): string {
    return this.hubOrigin;
  }

  get bytes(): number {
    return this.seen.reduce((sum, { bytes }) => sum + bytes, 0);
  }

  forget(): void {
    this.seen.length = 0;
  }

  async close(): Promise<void> {
    for (const server of this.servers) {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    }
  }

  private async listen(port: Seen['port']): Promise<string> {
    const server = createServer((request, response) => {
      void this.answer(port, request, response).catch(() => response.destroy());
    });
    this.servers.push(server);
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  }

  private async answer(port: Seen['port'], request: IncomingMessage, response: ServerResponse): Promise<void> {
    const path = request.url ?? '/';
    const fault = this.fault({ port, path, count: this.seen.length });
    const seen = (status: number): Seen => {
      const entry: Seen = {
        port,
        method: request.method ?? '',
        path,
        authorization: request.headers.authorization ?? null,
        range: request.headers.range ?? null,
        status,
        bytes: 0,
      };
      this.seen.push(entry);
      return entry;
    };
    response.setHeader('Access-Control-Allow-Origin', '*');
    response.setHeader('Access-Control-Expose-Headers', '*');
    response.setHeader('Access-Control-Allow-Headers', '*, Authorization');
    if (request.method === 'OPTIONS') return void response.writeHead(204).end();
    if (fault && 'dead' in fault) {
      seen(0);
      request.socket.destroy();
      return;
    }
    if (fault && 'silent' in fault) return void seen(0);
    if (fault && 'status' in fault) {
      seen(fault.status).bytes += (fault.body ?? '').length;
      return void response.writeHead(fault.status, fault.headers).end(fault.body ?? '');
    }
    const url = new URL(path, this.hubOrigin);
    const parts = url.pathname
      .split('/')
      .filter((part) => part !== '')
      .map(decodeURIComponent);
    if (port === 'store') {
      const [, repo, ...file] = parts;
      const found = this.repos.get((repo ?? '').replace('--', '/'))?.files[file.join('/')];
      if (found === undefined || url.searchParams.get('signed') !== 'yes')
        return void response.writeHead(seen(403).status).end();
      return this.send(request, response, seen, entryOf(found), fault);
    }
    return this.hub(request, response, parts, url, seen, fault);
  }

  private async hub(
    request: IncomingMessage,
    response: ServerResponse,
    parts: readonly string[],
    url: URL,
    seen: (status: number) => Seen,
    fault: Fault | null,
  ): Promise<void> {
    const refuse = (status: number, code: string, message: string): void => {
      seen(status);
      response.writeHead(status, {
        'X-Error-Code': code,
        'X-Error-Message': message,
        'Content-Type': 'application/json',
      });
      response.end(JSON.stringify({ error: message }));
    };
    const api = parts[0] === 'api';
    const rest = api ? parts.slice(2) : parts;
    const verbs = api ? ['tree', 'revision', 'paths-info'] : ['resolve', 'raw'];
    const at = rest.findIndex((part) => verbs.includes(part));
    const name = (at < 0 ? rest : rest.slice(0, at)).join('/');
    const repo = this.repos.get(name);
    const token = /^Bearer (.*)$/.exec(request.headers.authorization ?? '')?.[1] ?? null;
    if (!repo) return refuse(token === null ? 401 : 404, 'RepoNotFound', 'Repository not found');
    if (repo.renamedTo !== undefined) {
      seen(307);
      response.writeHead(307, { Location: url.pathname.replace(name, repo.renamedTo) + url.search });
      return void response.end();
    }
    if (repo.privateTo && !repo.privateTo.includes(token ?? ''))
      return refuse(token === null ? 401 : 404, 'RepoNotFound', 'Repository not found');
    const verb = rest[at] ?? '';
    const commit = commitOf(repo);
    const revision = rest[at + 1] ?? 'main';
    if (![commit, 'main', 'HEAD', ...(repo.refs ?? [])].includes(revision))
      return refuse(404, 'RevisionNotFound', 'Invalid rev id');
    const gated = repo.gatedTo !== undefined && !repo.gatedTo.includes(token ?? '');
    const json = (value: unknown, headers: Record<string, string> = {}): void => {
      const text = JSON.stringify(value);
      seen(200).bytes += text.length;
      response.writeHead(200, { 'Content-Type': 'application/json', ...headers }).end(text);
    };
    if (verb === 'revision')
      return json({
        _id: '1',
        id: name,
        sha: commit,
        private: repo.privateTo !== undefined,
        gated: repo.gatedTo === undefined ? false : 'manual',
        lastModified: '2026-01-01T00:00:00.000Z',
        siblings: Object.keys(repo.files).map((rfilename) => ({ rfilename })),
      });
    if (verb === 'tree') {
      const from = Number(url.searchParams.get('cursor') ?? 0);
      const entries = Object.entries(repo.files);
      const page = entries.slice(from, from + PAGE).map(([path, file]) => treeEntry(path, entryOf(file)));
      url.searchParams.set('cursor', String(from + PAGE));
      return json(page, from + PAGE < entries.length ? { Link: `<${url.href}>; rel="next"` } : {});
    }
    const path = rest.slice(at + 2).join('/');
    const found = repo.files[path];
    if (gated) return refuse(token === null ? 401 : 403, 'GatedRepo', 'Access to this model is restricted');
    if (found === undefined) return refuse(404, 'EntryNotFound', 'Entry not found');
    const file = entryOf(found);
    response.setHeader('X-Repo-Commit', commit);
    if (file.large !== true) return this.send(request, response, seen, file, fault);
    if (file.xet === true) {
      response.setHeader('X-Xet-Hash', idOf(file));
      response.setHeader('Link', `<${this.hubOrigin}/api/models/${name}/xet-read-token/${commit}>; rel="xet-auth"`);
    }
    seen(302);
    response.writeHead(302, {
      'X-Linked-Size': String(sizeOf(file.content)),
      'X-Linked-ETag': `"${idOf(file)}"`,
      Location: `${this.storeOrigin}/repos/${name.replace('/', '--')}/${path}?signed=yes`,
    });
    response.end();
  }

  private async send(
    request: IncomingMessage,
    response: ServerResponse,
    seen: (status: number) => Seen,
    file: RepoFile,
    fault: Fault | null,
  ): Promise<void> {
    const size = sizeOf(file.content);
    const asked = /^bytes=(\d+)-(\d+)?$/.exec(request.headers.range ?? '');
    const range = fault && 'ignoreRange' in fault ? null : asked;
    const shift = fault && 'shiftRange' in fault ? fault.shiftRange : 0;
    const from = range ? Number(range[1]) + shift : 0;
    const to = range ? Math.min(range[2] === undefined ? size - 1 : Number(range[2]) + shift, size - 1) : size - 1;
    if (from > to && size > 0)
      return void response.writeHead(seen(416).status, { 'Content-Range': `bytes */${size}` }).end();
    const entry = seen(range ? 206 : 200);
    const pad = fault && 'padWith' in fault ? fault.padWith : 0;
    response.writeHead(entry.status, {
      ETag: `"${idOf(file)}"`,
      'Accept-Ranges': 'bytes',
      'Content-Type': 'application/octet-stream',
      ...(pad === 0 && { 'Content-Length': String(size === 0 ? 0 : to - from + 1) }),
      ...(range && { 'Content-Range': `bytes ${from}-${to}/${size}` }),
    });
    let left = fault && 'cutAfter' in fault ? fault.cutAfter : Number.POSITIVE_INFINITY;
    for await (const piece of pieces(file.content, from, to)) {
      const part = piece.subarray(0, left);
      left -= part.byteLength;
      entry.bytes += part.byteLength;
      if (fault && 'msPerPiece' in fault) await new Promise((resolve) => setTimeout(resolve, fault.msPerPiece));
      if (!response.write(part)) await drained(response);
      if (response.destroyed) return;
      if (left <= 0) return void response.destroy();
    }
    if (pad > 0) response.write(new Uint8Array(pad));
    response.end();
  }
}

/** When it takes more, or never will. */
function drained(response: ServerResponse): Promise<void> {
  return new Promise((resolve) => {
    const done = (): void => {
      response.off('drain', done).off('close', done);
      resolve();
    };
    response.once('drain', done).once('close', done);
  });
}

async function* pieces(content: Content, from: number, to: number): AsyncGenerator<Uint8Array> {
  if (to < from) return;
  if (typeof content === 'object' && 'file' in content) yield* createReadStream(content.file, { start: from, end: to });
  else yield bytesOf(content).subarray(from, to + 1);
}

function bytesOf(content: string | Uint8Array): Uint8Array {
  return typeof content === 'string' ? new TextEncoder().encode(content) : content;
}

function sizeOf(content: Content): number {
  return typeof content === 'object' && 'file' in content ? content.bytes : bytesOf(content).byteLength;
}

function entryOf(file: RepoFile | Content): RepoFile {
  return typeof file === 'object' && 'content' in file ? file : { content: file };
}

/** sha256 of what is large, git's name of a blob for the rest. */
function idOf({ content, large }: RepoFile): string {
  if (typeof content === 'object' && 'file' in content) return content.sha256;
  const bytes = bytesOf(content);
  return large === true
    ? createHash('sha256').update(bytes).digest('hex')
    : createHash('sha1').update(`blob ${bytes.byteLength}\0`).update(bytes).digest('hex');
}

function treeEntry(path: string, file: RepoFile): object {
  const size = sizeOf(file.content);
  const id = idOf(file);
  const lfs = file.large === true ? { lfs: { oid: id, size, pointerSize: 135 } } : {};
  const xet = file.xet === true ? { xetHash: id } : {};
  return { type: 'file', path, size, oid: file.large === true ? id.slice(0, 40) : id, ...lfs, ...xet };
}

function commitOf(repo: Repo): string {
  return repo.commit ?? createHash('sha1').update(Object.keys(repo.files).join('\n')).digest('hex');
}
