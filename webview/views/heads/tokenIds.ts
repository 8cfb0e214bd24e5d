import { RpcError } from '../../../src/shared/rpcError';

/** Ids as typed: "1, 2, 3". */
export function parseIds(text: string, vocabulary: number): number[] {
  const words = text.split(/[\s,;]+/).filter((word) => word !== '');
  if (words.length === 0) throw new RpcError('invalidInput', 'There are no token ids.');
  return words.map((word) => {
    const id = Number(word);
    if (/^\d+$/.test(word) && id < vocabulary) return id;
    throw new RpcError(
      'invalidInput',
      `“${word.slice(0, 20)}” is not a token id: this model has no tokenizer here, so the prompt is a list of numbers from 0 to ${vocabulary - 1}.`,
    );
  });
}
