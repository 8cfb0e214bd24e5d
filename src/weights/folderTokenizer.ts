/** Text ↔ token ids by a tokenizer.json, with Hugging Face's library. */

import { Tokenizer } from '@huggingface/tokenizers';
import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { parseObject } from './safetensorsHeader';
import { readText } from './modelFolder';
import type { TextTokenizer } from './textTokenizer';
import { fileError, shown, WeightsError } from './weightsError';

/** Largest tokenizer.json read; the largest published have some 35 MB. */
const MAX_TOKENIZER_BYTES = 96 * 1024 * 1024;

class LibraryTokenizer implements TextTokenizer {
  private constructor(private readonly tokenizer: Tokenizer) {}

  /** @throws WeightsError when the library does not understand the description. */
  static from(file: string, description: Record<string, unknown>, settings: object): LibraryTokenizer {
    try {
      return new LibraryTokenizer(new Tokenizer(description, settings));
    } catch (error) {
      throw new WeightsError({
        file,
        problem: `its tokenizer cannot be used (${shown(error instanceof Error ? error.message : String(error))}).`,
        fix: 'Give token ids instead of text.',
        cause: error,
      });
    }
  }

  encode(text: string, special = true): number[] {
    return [...this.tokenizer.encode(text, { add_special_tokens: special }).ids];
  }

  decode(ids: readonly number[], special = false): string {
    return this.tokenizer.decode([...ids], { skip_special_tokens: !special, clean_up_tokenization_spaces: false });
  }

  piece(id: number): string {
    const token = this.tokenizer.id_to_token(id);
    if (token === undefined) return `#${id}`;
    const byte = /^<0x([0-9A-Fa-f]{2})>$/.exec(token)?.[1];
    if (byte !== undefined) return String.fromCharCode(parseInt(byte, 16));
    if (token.includes('▁')) return token.replaceAll('▁', ' ');
    return this.tokenizer.decode([id], { skip_special_tokens: false, clean_up_tokenization_spaces: false }) || token;
  }

  knows(id: number): boolean {
    return this.tokenizer.id_to_token(id) !== undefined;
  }
}

/**
 * The tokenizer of a model folder (tokenizer.json, tokenizer_config.json); null where there is none: token ids only.
 * @throws WeightsError when there is one that cannot be used.
 */
export async function folderTokenizer(folder: string): Promise<TextTokenizer | null> {
  const file = join(folder, 'tokenizer.json');
  if (!(await exists(file))) return null;
  const settings = join(folder, 'tokenizer_config.json');
  const description = await readJson(file);
  return LibraryTokenizer.from(file, description, (await exists(settings)) ? await readJson(settings) : {});
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

async function readJson(file: string): Promise<Record<string, unknown>> {
  const text = await readText(file, MAX_TOKENIZER_BYTES);
  return parseObject(
    file,
    new TextEncoder().encode(text),
    { maxDepth: 64, maxArrayLength: 5_000_000, maxNames: 10_000_000 },
    'content',
    true,
  );
}
