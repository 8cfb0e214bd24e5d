/** Text ↔ token ids, with the model's own tokenizer. */
export interface TextTokenizer {
  /** Ids of a text; with the special tokens that the model expects around it unless `special` is false. */
  encode(text: string, special?: boolean): number[];
  /** Text of ids; special tokens are left out unless asked for. */
  decode(ids: readonly number[], special?: boolean): string;
  /** What one id stands for, spaces kept, for labels; `#id` where it is no token. */
  piece(id: number): string;
  /** The same of many. */
  pieces(ids: readonly number[]): string[];
  /** Whether the id is a token. */
  knows(id: number): boolean;
}
