/**
 * Requests, events, progress and cancellation over any pair of message ports: host ↔ compute process and
 * host ↔ webview. Every request settles: with a result, a typed error, its deadline, or the end of the connection.
 */

import { type CancelController, type CancelSignal, newCancelController, startTimer } from './platform';
import { fromWireError, RpcError, toWireError } from './rpcError';

const VERSION = 1;

export interface Transport {
  /** May throw when the other side is gone or the message cannot be sent. */
  post(message: unknown): void;
  /** The result stops listening. */
  onMessage(listener: (message: unknown) => void): () => void;
}

/** A table of methods: an interface of one-parameter functions, `'area/verb'(params: P): R`. */
export type MethodTable<M> = { readonly [K in keyof M]: (params: never) => unknown };
export type MethodName<M> = keyof M & string;
export type MethodParams<M extends MethodTable<M>, K extends keyof M> = Parameters<M[K]>[0];
export type MethodResult<M extends MethodTable<M>, K extends keyof M> = ReturnType<M[K]>;

/** How far a long request is. */
export interface Progress {
  readonly message: string;
  /** 0…1, absent where it cannot be known. */
  readonly fraction?: number;
}

export interface CallOptions {
  readonly signal?: CancelSignal;
  /** Milliseconds after which the call fails with `deadline` and the other side is told to stop. */
  readonly deadlineMs?: number;
  /** A newer call with the same key cancels this one with `superseded`. */
  readonly supersedeKey?: string;
  readonly onProgress?: (progress: Progress) => void;
}

export interface CallContext {
  /** Aborted when the caller gave up or the connection ended. */
  readonly signal: CancelSignal;
  progress(progress: Progress): void;
}

interface Handler<P, R> {
  /** Throws on anything that is not what the method takes. */
  readonly validate: (params: unknown) => P;
  readonly handle: (params: P, context: CallContext) => R | Promise<R>;
}

export type Handlers<M extends MethodTable<M>> = {
  readonly [K in keyof M]: Handler<MethodParams<M, K>, MethodResult<M, K>>;
};

/** Nothing can be called, nothing is sent. */
export type NoMethods = Record<never, never>;

interface Envelope {
  readonly v: typeof VERSION;
  readonly kind: 'request' | 'result' | 'error' | 'cancel' | 'progress' | 'event';
  readonly id?: number;
  readonly name?: string;
  readonly data?: unknown;
}

interface Pending {
  readonly supersedeKey: string | undefined;
  readonly onProgress: ((progress: Progress) => void) | undefined;
  resolve(value: unknown): void;
  reject(error: RpcError): void;
}

/**
 * One end of a connection. `Remote` and `RemoteEvents` are what the other side answers and sends, `Local` and
 * `LocalEvents` what this side does.
 */
export class RpcPeer<
  Remote extends MethodTable<Remote>,
  Local extends MethodTable<Local> = NoMethods,
  RemoteEvents extends object = NoMethods,
  LocalEvents extends object = NoMethods,
> {
  private readonly pending = new Map<number, Pending>();
  private readonly running = new Map<number, CancelController>();
  private readonly listeners = new Map<string, Set<(payload: never) => void>>();
  private readonly stopListening: () => void;
  private nextId = 1;
  private ended: RpcError | undefined;

  constructor(
    private readonly transport: Transport,
    private readonly handlers: Handlers<Local>,
    /** Throws on an answer that the method cannot give; for connections whose other end is not trusted. */
    private readonly checkAnswer: (method: string, answer: unknown) => unknown = (_, answer) => answer,
    /** Calls of the other side that run here at once; more are refused as `busy`. */
    private readonly mostRunning = Number.POSITIVE_INFINITY,
  ) {
    this.stopListening = transport.onMessage((message) => this.receive(message));
  }

  /** Number of calls that wait for an answer. */
  get pendingCalls(): number {
    return this.pending.size;
  }

  call<K extends MethodName<Remote>>(
    method: K,
    params: MethodParams<Remote, K>,
    options: CallOptions = {},
  ): Promise<MethodResult<Remote, K>> {
    if (this.ended) return Promise.reject(this.ended);
    if (options.signal?.aborted) return Promise.reject(new RpcError('cancelled', `${method} was cancelled`));
    if (options.supersedeKey !== undefined) this.supersede(options.supersedeKey, method);
    const id = this.nextId++;
    return new Promise<MethodResult<Remote, K>>((resolve, reject) => {
      const giveUp = (code: 'cancelled' | 'deadline', message: string): void => {
        this.settle(id)?.reject(new RpcError(code, message));
        this.tryPost({ v: VERSION, kind: 'cancel', id });
      };
      const onAbort = (): void => giveUp('cancelled', `${method} was cancelled`);
      options.signal?.addEventListener('abort', onAbort, { once: true });
      const { deadlineMs } = options;
      const stopTimer =
        deadlineMs === undefined
          ? undefined
          : startTimer(deadlineMs, () => giveUp('deadline', `${method} took longer than ${deadlineMs} ms`));
      const cleanUp = (): void => {
        options.signal?.removeEventListener('abort', onAbort);
        stopTimer?.();
      };
      this.pending.set(id, {
        supersedeKey: options.supersedeKey,
        onProgress: options.onProgress,
        resolve: (value) => {
          cleanUp();
          try {
            resolve(this.checkAnswer(method, value) as MethodResult<Remote, K>);
          } catch (error) {
            reject(error);
          }
        },
        reject: (error) => {
          cleanUp();
          reject(error);
        },
      });
      try {
        this.transport.post({ v: VERSION, kind: 'request', id, name: method, data: params } satisfies Envelope);
      } catch (error) {
        this.settle(id)?.reject(
          new RpcError('unavailable', `${method} could not be sent: ${toWireError(error).message}`),
        );
      }
    });
  }

  /** Sends an event; lost when the other side is gone. */
  send<K extends keyof LocalEvents & string>(event: K, payload: LocalEvents[K]): void {
    this.tryPost({ v: VERSION, kind: 'event', name: event, data: payload });
  }

  /** Events are not validated here: listeners on untrusted connections must do it. The result stops listening. */
  on<K extends keyof RemoteEvents & string>(event: K, listener: (payload: RemoteEvents[K]) => void): () => void {
    const set = this.listeners.get(event) ?? new Set();
    this.listeners.set(event, set.add(listener));
    return () => set.delete(listener);
  }

  /** Ends the connection: what waits fails with `reason`, what runs here is cancelled. */
  dispose(reason = new RpcError('disposed', 'the connection was closed')): void {
    if (this.ended) return;
    this.ended = reason;
    this.stopListening();
    for (const id of [...this.pending.keys()]) this.settle(id)?.reject(reason);
    for (const controller of this.running.values()) controller.abort();
    this.running.clear();
    this.listeners.clear();
  }

  private settle(id: number): Pending | undefined {
    const pending = this.pending.get(id);
    this.pending.delete(id);
    return pending;
  }

  /** Gives up what waits for an answer under this key. */
  supersede(key: string, method: string): void {
    for (const [id, pending] of this.pending) {
      if (pending.supersedeKey !== key) continue;
      this.settle(id)?.reject(new RpcError('superseded', `a newer ${method} replaced it`));
      this.tryPost({ v: VERSION, kind: 'cancel', id });
    }
  }

  private tryPost(message: Envelope): boolean {
    if (this.ended) return false;
    try {
      this.transport.post(message);
      return true;
    } catch {
      return false;
    }
  }

  private receive(message: unknown): void {
    const envelope = parseEnvelope(message);
    if (!envelope || this.ended) return;
    const { kind, id, name, data } = envelope;
    if (kind === 'event') {
      for (const listener of [...(this.listeners.get(name ?? '') ?? [])]) listener(data as never);
      return;
    }
    if (id === undefined) return;
    if (kind === 'request') void this.serve(id, name ?? '', data);
    else if (kind === 'cancel') this.running.get(id)?.abort();
    else if (kind === 'result') this.settle(id)?.resolve(data);
    else if (kind === 'error') this.settle(id)?.reject(fromWireError(data));
    else if (kind === 'progress' && isProgress(data)) this.pending.get(id)?.onProgress?.(data);
  }

  private async serve(id: number, method: string, data: unknown): Promise<void> {
    // The number of a call that still runs: its answer is on the way.
    if (this.running.has(id)) return;
    const controller = newCancelController();
    const full = this.running.size >= this.mostRunning;
    this.running.set(id, controller);
    let reply: Envelope;
    try {
      if (full) throw new RpcError('busy', `at most ${this.mostRunning} calls run at once`);
      const handler = Object.hasOwn(this.handlers, method)
        ? (this.handlers[method as keyof Local] as Handler<unknown, unknown>)
        : undefined;
      if (!handler) throw new RpcError('unknownMethod', `there is no method ${method}`);
      const params = handler.validate(data);
      const progress = (value: Progress): void => {
        this.tryPost({ v: VERSION, kind: 'progress', id, data: value });
      };
      reply = {
        v: VERSION,
        kind: 'result',
        id,
        data: await handler.handle(params, { signal: controller.signal, progress }),
      };
    } catch (error) {
      reply = { v: VERSION, kind: 'error', id, data: toWireError(error) };
    }
    this.running.delete(id);
    // A result that cannot be sent is an error that can.
    if (!this.tryPost(reply)) {
      const data = toWireError(new RpcError('internal', `the result of ${method} could not be sent`));
      this.tryPost({ v: VERSION, kind: 'error', id, data });
    }
  }
}

/** What the other side says of its progress goes to people: anything else than words and a share is dropped. */
function isProgress(data: unknown): data is Progress {
  if (typeof data !== 'object' || data === null) return false;
  const { message, fraction } = data as Partial<Record<keyof Progress, unknown>>;
  return typeof message === 'string' && (fraction === undefined || Number.isFinite(fraction));
}

/** Null for anything that is not ours: other libraries post on the same ports. */
function parseEnvelope(message: unknown): Envelope | null {
  if (typeof message !== 'object' || message === null) return null;
  const { v, kind, id, name } = message as Partial<Envelope>;
  if (v !== VERSION || typeof kind !== 'string') return null;
  if (id !== undefined && typeof id !== 'number') return null;
  if (name !== undefined && typeof name !== 'string') return null;
  return message as Envelope;
}
