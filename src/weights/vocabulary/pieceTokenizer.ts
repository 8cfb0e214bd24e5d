/** What each kind of vocabulary does with text between special tokens. */
export interface PieceTokenizer {
  /**
   * Appends the ids of a text. `first`: nothing or a special token stands before it.
   * @throws WeightsError for a text that llama.cpp cannot tell in tokens of this vocabulary.
   */
  append(text: string, ids: number[], first: boolean): void;
}
