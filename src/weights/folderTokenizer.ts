/** Text ↔ token ids by a tokenizer.json, with Hugging Face's library. */

import { Tokenizer, Unigram } from '@huggingface/tokenizers';
import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { formatInteger } from '../model/units';
import { parseObject } from './safetensorsHeader';
import { readText } from './modelFolder';
import type { TextTokenizer } from './textTokenizer';
import {
  Beyond,
  boundedDescription,
  checkText,
  checkTokens,
  cutting,
  Growth,
  openingMs,
  Stopped,
  stoppedAfter,
  textMs,
  writing,
} from './tokenizerBounds';
import { fileError, shown, WeightsError } from './weightsError';

/** Largest tokenizer.json read; the largest published have some 35 MB. */
const MAX_TOKENIZER_BYTES = 96 * 1024 * 1024;

/** Nodes of a lattice, for the places where tokens fit a piece: some 200 bytes each. A text has a few for each of its characters. */
const MAX_LATTICE_NODES = 4_000_000;

/**
 * The library runs what a stranger wrote: expressions that backtrack, steps that multiply a text. Each use ends within a time, and what could
 * fill the memory sooner is refused or counted (tokenizerBounds.ts).
 */
class LibraryTokenizer implements TextTokenizer {
  private readonly growth = new Growth();
  private readonly tokenizer: Tokenizer;
  /** One that ran out of time is not tried again: it would again. */
  private failure: WeightsError | null = null;

  /** @throws WeightsError when the library does not understand the description, or it asks for too much. */
  constructor(
    private readonly file: string,
    description: Record<string, unknown>,
    settings: object,
    bytes: number,
  ) {
    this.growth.reset(bytes);
    this.tokenizer = this.bounded(
      openingMs(bytes),
      'it was being opened',
      () => new Tokenizer(boundedDescription(description, this.growth), settings),
    );
    const { model } = this.tokenizer;
    if (model instanceof Unigram) this.countLattice(model);
  }

  encode(text: string, special = true): number[] {
    const { ids, tokens } = this.bounded(textMs(text.length), cutting(text.length), () => {
      checkText(text.length);
      this.growth.reset(text.length);
      return this.tokenizer.encode(text, { add_special_tokens: special });
    });
    const unknown = ids.findIndex((id) => !Number.isInteger(id) || id < 0);
    if (unknown >= 0) throw this.error(`it has no id for ${shown(JSON.stringify(tokens[unknown] ?? ''))}`);
    return [...ids];
  }

  decode(ids: readonly number[], special = false): string {
    return this.readable(ids, () => this.text(ids, special));
  }

  piece(id: number): string {
    return this.pieces([id])[0] ?? '';
  }

  pieces(ids: readonly number[]): string[] {
    const known = new Map<number, string>();
    return this.readable(ids, () =>
      ids.map((id) => {
        const piece = known.get(id) ?? this.label(id);
        known.set(id, piece);
        return piece;
      }),
    );
  }

  knows(id: number): boolean {
    return this.tokenizer.id_to_token(id) !== undefined;
  }

  private label(id: number): string {
    const token = this.tokenizer.id_to_token(id);
    if (token === undefined) return `#${id}`;
    const byte = /^<0x([0-9A-Fa-f]{2})>$/.exec(token)?.[1];
    if (byte !== undefined) return String.fromCharCode(parseInt(byte, 16));
    if (token.includes('▁')) return token.replaceAll('▁', ' ');
    return this.text([id], true) || token;
  }

  private text(ids: readonly number[], special: boolean): string {
    return this.tokenizer.decode([...ids], { skip_special_tokens: !special, clean_up_tokenization_spaces: false });
  }

  private readable<T>(ids: readonly number[], work: () => T): T {
    const characters = ids.reduce((sum, id) => sum + (this.tokenizer.id_to_token(id)?.length ?? 0), 0);
    return this.bounded(textMs(characters), writing(ids.length), () => {
      checkTokens(characters);
      this.growth.reset(characters);
      return work();
    });
  }

  private countLattice(model: Unigram): void {
    const populate = model.populate_nodes.bind(model);
    model.populate_nodes = (lattice) => {
      const insert = lattice.insert.bind(lattice);
      let nodes = 0;
      lattice.insert = (...node) => {
        if (++nodes > MAX_LATTICE_NODES)
          throw new Beyond(
            `this text could be tokenised in too many ways (more than ${formatInteger(MAX_LATTICE_NODES)})`,
          );
        insert(...node);
      };
      populate(lattice);
    };
  }

  private bounded<T>(limitMs: number, doing: string, work: () => T): T {
    if (this.failure !== null) throw this.failure;
    try {
      return stoppedAfter(limitMs, doing, work);
    } catch (error) {
      const failure = this.error(error instanceof Beyond ? error.message : reasonOf(error), error);
      if (error instanceof Stopped) this.failure = failure;
      throw failure;
    }
  }

  private error(why: string, cause?: unknown): WeightsError {
    return new WeightsError({
      file: this.file,
      problem: `its tokenizer cannot be used (${why}).`,
      fix: 'Give token ids instead of text.',
      cause,
    });
  }
}

/** What the library says; where it fell over something, its words are about its own code. */
function reasonOf(error: unknown): string {
  if (error instanceof TypeError || !(error instanceof Error)) return 'its definition is not supported';
  return shown(error.message);
}

/**
 * The tokenizer of a model folder (tokenizer.json, tokenizer_config.json); null where there is none: token ids only.
 * @throws WeightsError when there is one that cannot be used.
 */
export async function folderTokenizer(folder: string): Promise<TextTokenizer | null> {
  const file = join(folder, 'tokenizer.json');
  if (!(await exists(file))) return null;
  const settingsFile = join(folder, 'tokenizer_config.json');
  const { content, bytes } = await readJson(file);
  const settings = (await exists(settingsFile)) ? await readJson(settingsFile) : { content: {}, bytes: 0 };
  return new LibraryTokenizer(file, content, settings.content, bytes + settings.bytes);
}

async function exists(path: string): Promise<boolean> {
  return stat(path).then(
    (stats) => stats.isFile(),
    (error: unknown) => {
      if (
        typeof error === 'object' &&
        error !== null &&
        'code' in error &&
        (error.code === 'ENOENT' || error.code === 'ENOTDIR')
      )
        return false;
      throw fileError(path, error);
    },
  );
}

async function readJson(file: string): Promise<{ readonly content: Record<string, unknown>; readonly bytes: number }> {
  const text = new TextEncoder().encode(await readText(file, MAX_TOKENIZER_BYTES));
  const limits = { maxDepth: 64, maxArrayLength: 5_000_000, maxNames: 10_000_000 };
  return { content: parseObject(file, text, limits, 'content', true), bytes: text.length };
}
