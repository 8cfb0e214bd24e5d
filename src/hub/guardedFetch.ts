/**
 * The one road to the Hub: a `fetch` that goes to the endpoint and to where the endpoint sends it, gives the token to nobody else, takes no
 * more bytes than were asked for, and never waits for ever. `@huggingface/hub` is handed this one, and no token.
 */

import { ENVIRONMENT_WAYS, HubError, type HubWays, refusal } from './hubError';

/** What may be fetched, as whom. */
export interface HubAccess {
  /** `HF_ENDPOINT`, without a slash at its end. */
  readonly endpoint: string;
  readonly token: string | null;
  readonly fetch: typeof fetch;
  /**
   * `ours`: each is looked at before it is followed. A browser shows none of them: it follows them itself, and takes the token off where one
   * leads to another origin (the Fetch standard, HTTP-redirect fetch, step 13).
   */
  readonly redirects: 'ours' | 'browser';
  /** For advice; as in Python where it is left out. */
  readonly ways?: HubWays;
  readonly signal?: AbortSignal;
  /** Told of every piece of every answer. */
  readonly onBytes?: (bytes: number) => void;
  /** Told before every request. */
  readonly onRequest?: () => void;
  readonly limits?: Partial<Limits>;
}

export interface Limits {
  /** Of an answer that is no range. */
  readonly bytes: number;
  readonly redirects: number;
  /** Without a byte. */
  readonly silenceMs: number;
  /** Waits before the second, third … try, where a try can help. */
  readonly retryMs: readonly number[];
  /** A longer wait that the Hub asks for is told, not done. */
  readonly mostRetryAfterSeconds: number;
}

const LIMITS: Limits = {
  bytes: 64 * 1024 ** 2,
  redirects: 5,
  silenceMs: 30_000,
  retryMs: [500, 2_000],
  mostRetryAfterSeconds: 10,
};

interface Asked {
  readonly what: string;
  readonly repo: string;
  readonly headers: Headers;
  readonly method: string;
  readonly body: RequestInit['body'];
  /** Bytes of the range, both ends included; null: the whole. */
  readonly range: { readonly from: number; readonly to: number } | null;
}

/** @throws HubError from the returned function, never anything else. */
export function guardedFetch(access: HubAccess): typeof fetch {
  const limits: Limits = { ...LIMITS, ...access.limits };
  const home = new URL(access.endpoint);
  const ways = access.ways ?? ENVIRONMENT_WAYS;
  const checkEndpoint = `Check ${ways.endpoint}.`;
  /** Where a file was found last: a signed address holds for its ranges, too. */
  const moved = new Map<string, string>();

  return async (input, init = {}) => {
    const start = new URL(input instanceof Request ? input.url : String(input));
    if (start.origin !== home.origin && ![...moved.values()].includes(start.href))
      throw new HubError('refused', `${start.host} is not the address of the Hub that was configured.`, checkEndpoint);
    const headers = new Headers(init.headers);
    // The library is given none; whatever else comes here has no right to it.
    headers.delete('Authorization');
    const asked: Asked = {
      what: whatOf(start, home),
      repo: repoOf(start, home),
      headers,
      method: init.method ?? 'GET',
      body: init.body,
      range: rangeOf(headers),
    };
    for (let attempt = 0; ; attempt++) {
      const known = moved.get(start.href);
      try {
        return await once(new URL(known ?? start), start, asked);
      } catch (error) {
        const failure = asHubError(error, access.signal, ways);
        // A signed address runs out: it is asked for once more.
        if (known !== undefined && moved.delete(start.href) && failure.kind !== 'cancelled') continue;
        const wait = limits.retryMs[attempt];
        if (wait === undefined || !mayRetry(failure)) throw failure;
        await pause(failure instanceof Retriable ? Math.max(wait, failure.afterMs) : wait, access.signal);
      }
    }
  };

  async function once(address: URL, start: URL, asked: Asked): Promise<Response> {
    for (let hop = 0; ; hop++) {
      const silence = new Silence(limits.silenceMs);
      const response = await ask(address, asked, silence.signal).finally(() => silence.end());
      if (![301, 302, 303, 307, 308].includes(response.status)) {
        if (!response.ok) throw await failureOf(response, asked);
        return bounded(response, asked, silence);
      }
      await response.body?.cancel();
      if (hop >= limits.redirects)
        throw new HubError('refused', `The Hub redirects ${asked.what} in a loop.`, 'Try again later.');
      const target = redirectTarget(response.headers.get('Location'), address);
      const linked = response.headers.get('X-Linked-Size');
      address = target;
      // A file of its own store: its ranges need not ask the Hub each time.
      if (linked !== null && asked.method === 'GET' && target.origin !== home.origin)
        moved.set(start.href, target.href);
    }
  }

  function redirectTarget(location: string | null, from: URL): URL {
    const target = location === null ? null : URL.canParse(location, from.href) ? new URL(location, from.href) : null;
    const sound =
      target !== null && (target.protocol === 'https:' || (target.protocol === 'http:' && home.protocol === 'http:'));
    if (!sound || target.username !== '' || target.password !== '')
      throw new HubError('refused', 'The Hub redirects this request to an address that is not safe.', checkEndpoint);
    return target;
  }

  async function ask(address: URL, asked: Asked, silence: AbortSignal): Promise<Response> {
    access.onRequest?.();
    const headers = new Headers(asked.headers);
    if (access.token !== null && address.origin === home.origin) headers.set('Authorization', `Bearer ${access.token}`);
    const signal = access.signal ? AbortSignal.any([silence, access.signal]) : silence;
    const { method, body } = asked;
    return access.fetch(address, {
      method,
      headers,
      ...(body != null && { body }),
      redirect: access.redirects === 'ours' ? 'manual' : 'follow',
      signal,
      credentials: 'omit',
      referrerPolicy: 'no-referrer',
    });
  }

  async function failureOf(response: Response, { what, repo }: Asked): Promise<HubError> {
    await response.body?.cancel();
    const after = response.headers.get('Retry-After');
    const seconds = after !== null && /^\d{1,6}$/.test(after) ? Number(after) : null;
    const failure = refusal({
      status: response.status,
      errorCode: response.headers.get('X-Error-Code'),
      retryAfterSeconds: seconds,
      hasToken: access.token !== null,
      what,
      repo,
      endpoint: home.origin,
      ways,
    });
    const soon = response.status === 429 && seconds !== null && seconds <= limits.mostRetryAfterSeconds;
    return soon || response.status >= 500 ? new Retriable(failure, (seconds ?? 0) * 1_000) : failure;
  }

  /** The same answer, cut off with an error where it is longer, shorter or another one than what was asked for. */
  function bounded(response: Response, { what, range }: Asked, silence: Silence): Response {
    const most = range === null ? limits.bytes : range.to - range.from + 1;
    const said = /^bytes (\d+)-(\d+)\/(\d+|\*)$/.exec(response.headers.get('Content-Range') ?? '');
    if (range !== null) {
      const problem =
        response.status !== 206
          ? `The server answered a request for a part of ${what} with the whole file.`
          : said === null || Number(said[1]) !== range.from || Number(said[2]) > range.to
            ? `The server answered a request for a part of ${what} with another part.`
            : null;
      if (problem !== null) {
        void response.body?.cancel();
        throw new HubError('refused', problem, 'Download the model, and open its folder.');
      }
    }
    const expected = said === null ? null : Number(said[2]) - Number(said[1]) + 1;
    if (response.body === null) return response;
    const body = response.body.pipeThrough(counted(what, most, expected, silence));
    const { status, statusText, headers } = response;
    const copy = new Response(body, { status, statusText, headers });
    Object.defineProperty(copy, 'url', { value: response.url });
    return copy;
  }

  function counted(
    what: string,
    most: number,
    expected: number | null,
    silence: Silence,
  ): TransformStream<Uint8Array, Uint8Array> {
    let bytes = 0;
    silence.begin();
    return new TransformStream({
      transform(piece, controller) {
        bytes += piece.byteLength;
        silence.begin();
        access.onBytes?.(piece.byteLength);
        if (bytes > most) {
          silence.end();
          throw new HubError('refused', `The server sends more of ${what} than was asked for.`, checkEndpoint);
        }
        controller.enqueue(piece);
      },
      flush() {
        silence.end();
        if (expected !== null && bytes !== expected)
          throw new HubError('offline', `The connection ended in the middle of ${what}.`, 'Try again.');
      },
    });
  }
}

/** Ends a request that says nothing for too long; each piece begins the wait anew. */
class Silence {
  private readonly controller = new AbortController();
  private timer: ReturnType<typeof setTimeout> | null = null;

  constructor(private readonly ms: number) {
    this.begin();
  }

  get signal(): AbortSignal {
    return this.controller.signal;
  }

  begin(): void {
    this.end();
    this.timer = setTimeout(() => this.controller.abort(), this.ms);
    // Nobody waits for it: in Node, a timer would.
    if (typeof this.timer === 'object') this.timer.unref();
  }

  end(): void {
    if (this.timer !== null) clearTimeout(this.timer);
    this.timer = null;
  }
}

/** A failure that a second try may mend. */
class Retriable extends HubError {
  constructor(
    failure: HubError,
    readonly afterMs: number,
  ) {
    super(failure.kind, failure.message, failure.fix);
  }
}

function mayRetry(failure: HubError): boolean {
  return failure instanceof Retriable || failure.kind === 'offline';
}

function asHubError(error: unknown, signal: AbortSignal | undefined, ways = ENVIRONMENT_WAYS): HubError {
  if (error instanceof HubError) return error;
  if (signal?.aborted) return new HubError('cancelled', 'The download was cancelled.', 'Start it again.');
  return new HubError('offline', 'The Hub cannot be reached.', `Check the network, the proxy and ${ways.endpoint}.`);
}

function rangeOf(headers: Headers): Asked['range'] {
  const parts = /^bytes=(\d+)-(\d+)$/.exec(headers.get('Range') ?? '');
  return parts === null ? null : { from: Number(parts[1]), to: Number(parts[2]) };
}

/** Behind the endpoint's own path. */
function pathOf(address: URL, home: URL): string {
  return decodeURIComponent(address.pathname.slice(home.pathname.replace(/\/$/, '').length + 1)).replace(
    /^api\/models\//,
    '',
  );
}

function repoOf(address: URL, home: URL): string {
  return pathOf(address, home).replace(/\/(?:resolve|raw|tree|revision|paths-info)\/.*$/, '');
}

/** "org/name" or "org/name/config.json", of an address of the Hub. */
function whatOf(address: URL, home: URL): string {
  return pathOf(address, home)
    .replace(/\/(?:resolve|raw)\/[^/]+\//, '/')
    .replace(/\/(?:tree|revision|paths-info)\/.*$/, '');
}

function pause(ms: number, signal: AbortSignal | undefined): Promise<void> {
  return new Promise((resolve, reject) => {
    const stop = (): void => {
      clearTimeout(timer);
      reject(asHubError(null, signal));
    };
    const timer = setTimeout(() => {
      signal?.removeEventListener('abort', stop);
      resolve();
    }, ms);
    signal?.addEventListener('abort', stop, { once: true });
    if (signal?.aborted) stop();
  });
}
