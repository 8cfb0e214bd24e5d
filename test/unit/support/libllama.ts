/**
 * llama.cpp's own library in a process of its own, for tests that compare with it (test/harness/libllama.mjs has the release).
 * A request that crashes it fails by what it printed; the next one starts another process.
 */

import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { jsonLine } from '../../harness/jsonLine.mjs';
import { ensureLibllama, libllamaMissing } from '../../harness/libllama.mjs';

/** Why this machine cannot run it, as the title of the skipped test; null where it can. */
export const noLibllama: string | null = libllamaMissing();

/** Installing takes a few seconds, once per machine. */
export const LIBLLAMA_TIMEOUT_MS = 300_000;

export type CacheType = 'f32' | 'f16' | 'bf16' | 'q8_0' | 'q5_1' | 'q5_0' | 'q4_1' | 'q4_0' | 'iq4_nl';

/** How a context is made: `llama_context_params` by our names. */
export interface ContextSetup {
  /** `n_ctx`: of all sequences together. */
  readonly tokens: number;
  readonly batch?: number;
  readonly microBatch?: number;
  /** `n_seq_max`. */
  readonly sequences?: number;
  readonly unified?: boolean;
  readonly swaFull?: boolean;
  readonly k?: CacheType;
  readonly v?: CacheType;
  readonly flash?: 'on' | 'off' | 'auto';
  /** `n_rs_seq`: states kept besides, to go back to. */
  readonly draftStates?: number;
  /** The context of the layers that predict further tokens. */
  readonly draftContext?: boolean;
  readonly threads?: number;
}

/** What the library refused, with what it printed. */
export interface Refused {
  readonly refused: string;
}

export interface ModelHandle {
  readonly model: number;
  readonly lines: string;
}

export interface ContextHandle {
  readonly context: number;
  /** `llama_get_memory_breakdown`, all buffer types together. `context`: cache and states. */
  readonly bytes: { readonly model: number; readonly context: number; readonly compute: number };
  readonly contextTokens: number;
  readonly sequenceTokens: number;
  readonly microBatch: number;
  readonly sequences: number;
  readonly draftStates: number;
  /** What it printed while the context was made. */
  readonly lines: string;
}

export interface ArchitectureFacts {
  readonly name: string;
  readonly recurrent: boolean;
  readonly hybrid: boolean;
  /** `llm_arch_supports_rs_rollback`. */
  readonly keepsDraftStates: boolean;
}

/** The library ended during a request. */
export class LibllamaCrash extends Error {}

interface Running {
  readonly child: ChildProcessWithoutNullStreams;
  readonly printed: () => string;
}

/** Ask one thing at a time; `close` when done. */
export class Libllama {
  private running: Running | null = null;
  private waiting: { answer: (line: string) => void; fail: (error: Error) => void } | null = null;

  private constructor(private readonly places: Awaited<ReturnType<typeof ensureLibllama>>) {}

  /** Installs the library where it is not there yet. */
  static async start(): Promise<Libllama> {
    return new Libllama(await ensureLibllama());
  }

  close(): void {
    this.running?.child.kill('SIGKILL');
    this.running = null;
  }

  /** Every architecture that the library knows (`llm_arch_all`). */
  architectures(): Promise<readonly ArchitectureFacts[]> {
    return this.ask('architectures', {});
  }

  /**
   * Loads a file. `headerOnly`: from metadata without tensors; the library makes those that it asks for, with no values in them, so that
   * contexts can be made and nothing computed. `vocabularyOnly`: for tokens.
   */
  open(
    path: string,
    how: { headerOnly?: boolean; vocabularyOnly?: boolean; draftLayers?: boolean } = {},
  ): Promise<ModelHandle | Refused> {
    return this.ask('open', { path, ...how });
  }

  closeModel({ model }: ModelHandle): Promise<unknown> {
    return this.ask('close', { model });
  }

  context({ model }: ModelHandle, setup: ContextSetup): Promise<ContextHandle | Refused> {
    return this.ask('context', { model, ...setup });
  }

  closeContext({ context }: ContextHandle): Promise<unknown> {
    return this.ask('closeContext', { context });
  }

  vocabulary({ model }: ModelHandle): Promise<{ size: number; addsBos: boolean; addsEos: boolean }> {
    return this.ask('vocabulary', { model });
  }

  async tokenize(
    { model }: ModelHandle,
    text: string,
    how: { addSpecial?: boolean; parseSpecial?: boolean } = {},
  ): Promise<readonly number[]> {
    return (await this.ask<{ ids: number[] }>('tokenize', { model, text, ...how })).ids;
  }

  /** As `tokenize`, for many texts. */
  async tokenizeAll(
    { model }: ModelHandle,
    texts: readonly string[],
    how: { addSpecial?: boolean; parseSpecial?: boolean } = {},
  ): Promise<readonly (readonly number[])[]> {
    return (await this.ask<{ ids: number[][] }>('tokenizeAll', { model, texts, ...how })).ids;
  }

  /** Bytes of single tokens' text. */
  async pieces({ model }: ModelHandle, ids: readonly number[], special = true): Promise<readonly Uint8Array[]> {
    const { pieces } = await this.ask<{ pieces: string[] }>('pieces', { model, ids, special });
    return pieces.map((piece) => Buffer.from(piece, 'base64'));
  }

  /** Runs tokens behind those that the context holds. One row of logits for each, or for the last. */
  async decode(
    { context }: ContextHandle,
    tokens: readonly number[],
    outputs: 'all' | 'last' = 'last',
  ): Promise<readonly Float32Array[]> {
    const { logits } = await this.ask<{ logits: string[] }>('decode', { context, tokens, outputs });
    return logits.map((row) => new Float32Array(Uint8Array.from(Buffer.from(row, 'base64')).buffer));
  }

  encode({ context }: ContextHandle, tokens: readonly number[]): Promise<unknown> {
    return this.ask('encode', { context, tokens });
  }

  /** `count` further tokens, always the likeliest. */
  async greedy({ context }: ContextHandle, tokens: readonly number[], count: number): Promise<readonly number[]> {
    return (await this.ask<{ tokens: number[] }>('greedy', { context, tokens, count })).tokens;
  }

  /** Numbers as blocks of a type (its number in ggml), as the library's reference code makes them. */
  async quantise(type: number, values: Float32Array): Promise<Uint8Array> {
    const { bytes } = await this.ask<{ bytes: string }>('quantise', {
      type,
      values: Buffer.from(values.buffer, values.byteOffset, values.byteLength).toString('base64'),
    });
    return Uint8Array.from(Buffer.from(bytes, 'base64'));
  }

  /** Forgets the tokens of a context. */
  clear({ context }: ContextHandle): Promise<unknown> {
    return this.ask('clear', { context });
  }

  private async ask<T>(what: string, request: object): Promise<T> {
    const { child, printed } = (this.running ??= this.spawn());
    const line = await new Promise<string>((resolve, reject) => {
      this.waiting = { answer: resolve, fail: reject };
      child.stdin.write(jsonLine({ do: what, ...request }), (error) => {
        if (error) reject(new LibllamaCrash(`${what}: ${error.message}\n${printed()}`));
      });
    });
    const answer = JSON.parse(line) as { result?: T; error?: string };
    if (answer.error !== undefined) throw new Error(`libllama, ${what}: ${answer.error}`);
    return answer.result as T;
  }

  private spawn(): Running {
    const child = spawn(process.execPath, [this.places.process, JSON.stringify(this.places)], { stdio: 'pipe' });
    let printed = '';
    child.stderr.setEncoding('utf8').on('data', (text: string) => (printed += text));
    // Dead is dead: the write's own callback says so.
    child.stdin.on('error', () => undefined);
    createInterface({ input: child.stdout }).on('line', (line) => {
      this.waiting?.answer(line);
      this.waiting = null;
    });
    const running = { child, printed: () => printed };
    child.once('close', (code, signal) => {
      if (this.running !== running) return;
      this.running = null;
      this.waiting?.fail(new LibllamaCrash(`libllama ended (${signal ?? code ?? '?'}): ${printed.slice(-2000)}`));
      this.waiting = null;
    });
    return running;
  }
}
