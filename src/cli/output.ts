/** Where commands write. */
export interface CliOutput {
  out(text: string): void;
  err(text: string): void;
}
