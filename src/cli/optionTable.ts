/** Which options a command takes, and what was given. */

export type OptionTable = Readonly<
  Record<string, { readonly type: 'string' | 'boolean'; readonly multiple?: boolean }>
>;

export interface ParsedArguments {
  readonly paths: readonly string[];
  /** An option that may be repeated is one text with a line for each time. */
  readonly values: Readonly<Record<string, string | boolean | undefined>>;
}
