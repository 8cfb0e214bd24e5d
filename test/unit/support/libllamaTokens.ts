/** Token ids of texts, ours against llama.cpp's own. */

import { openGguf } from '../../../src/weights/gguf';
import { tokenizerOfGguf } from '../../../src/weights/ggufTokenizer';
import type { Libllama } from './libllama';

/** A text whose ids differ. */
export interface TokenDifference {
  readonly file: string;
  readonly text: string;
  /** Whether special tokens are put around the text, and taken for what they are in it. */
  readonly special: boolean;
  readonly ours: readonly number[] | null;
  readonly theirs: readonly number[];
}

export interface TokenComparison {
  readonly vocabularies: number;
  /** In all vocabularies together: each text is told with special tokens and without. */
  readonly texts: number;
  readonly differences: readonly TokenDifference[];
}

/**
 * Compares what the vocabularies of `files` make of `texts`, here and in the library.
 * @throws Error where the library refuses a file, or ends.
 */
export async function compareTokens(
  library: Libllama,
  files: readonly string[],
  texts: readonly string[],
): Promise<TokenComparison> {
  const differences: TokenDifference[] = [];
  for (const file of files) {
    const store = await openGguf(file);
    await store.close();
    const model = await library.open(file, { vocabularyOnly: true });
    if ('refused' in model) throw new Error(`libllama refuses ${file}: ${model.refused}`);
    const tokenizer = tokenizerOfGguf(file, store.metadata);
    for (const special of [true, false]) {
      const all = await library.tokenizeAll(model, texts, { addSpecial: special, parseSpecial: special });
      all.forEach((theirs, index) => {
        const text = texts[index] ?? '';
        const ours = tokenizer === null ? null : tokenizer.encode(text, { add: special, parse: special });
        if (String(ours) !== String(theirs)) differences.push({ file, text, special, ours, theirs });
      });
    }
    await library.closeModel(model);
  }
  return { vocabularies: files.length, texts: 2 * files.length * texts.length, differences };
}
