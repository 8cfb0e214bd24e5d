/** Text ↔ token ids, with the model's own tokenizer. */

import { Tokenizer } from '@huggingface/tokenizers';
import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { parseObject } from './safetensorsHeader';
import type { GgufMetadata } from './gguf';
import { ggufTokenizer, type TokenizerJson } from './ggufTokenizer';
import { readText } from './modelFolder';
import { fileError, shown, WeightsError } from './weightsError';

/** Largest tokenizer.json read; the largest published have some 35 MB. */
const MAX_TOKENIZER_BYTES = 96 * 1024 * 1024;

export class TextTokenizer {
  private constructor(private readonly tokenizer: Tokenizer) {}

  /** @throws WeightsError when the library does not understand the description. */
  static from(file: string, description: TokenizerJson, settings: object): TextTokenizer {
    try {
      return new TextTokenizer(new Tokenizer(description, settings));
    } catch (error) {
      throw new WeightsError({
        file,
        problem: `its tokenizer cannot be used (${shown(error instanceof Error ? error.message : String(error))}).`,
        fix: 'Give token ids instead of text.',
        cause: error,
      });
    }
  }

  /** Ids of a text; with the special tokens that the model expects around it unless `special` is false. */
  encode(text: string, special = true): number[] {
    return [...this.tokenizer.encode(text, { add_special_tokens: special }).ids];
  }

  /** Text of ids; special tokens are left out unless asked for. */
  decode(ids: readonly number[], special = false): string {
    return this.tokenizer.decode([...ids], { skip_special_tokens: !special, clean_up_tokenization_spaces: false });
  }

  /** What one id stands for, spaces kept, for labels; `#id` where it is no token. */
  piece(id: number): string {
    const token = this.tokenizer.id_to_token(id);
    if (token === undefined) return `#${id}`;
    const byte = /^<0x([0-9A-Fa-f]{2})>$/.exec(token)?.[1];
    if (byte !== undefined) return String.fromCharCode(parseInt(byte, 16));
    if (token.includes('▁')) return token.replaceAll('▁', ' ');
    return this.tokenizer.decode([id], { skip_special_tokens: false, clean_up_tokenization_spaces: false }) || token;
  }

  /** Whether the id is a token. */
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
  return TextTokenizer.from(file, description, (await exists(settings)) ? await readJson(settings) : {});
}

/** The tokenizer in a GGUF file; null where its kind is not known: token ids only. */
export function tokenizerOfGguf(file: string, metadata: GgufMetadata): TextTokenizer | null {
  const made = ggufTokenizer(metadata);
  return made && TextTokenizer.from(file, made.description, made.settings);
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
