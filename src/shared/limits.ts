/** Bounds and defaults that several sides name; the page needs them without the contracts' schemas. */

/** Of weights from a seed. */
export const MOST_SEED = 2 ** 31 - 1;
export const DEFAULT_SEED = 42;

/** Tokens of a prompt. */
export const MOST_PROMPT_TOKENS = 131_072;

/** Tokens that a whole model's damage is measured on: attention over them is computed query by query. */
export const USUAL_SWEPT_TOKENS = 512;
export const MOST_SWEPT_TOKENS = 8192;
/** Tokens of a long-range probe: as many again as a short text, and within what small models were trained on. */
export const USUAL_PROBE_TOKENS = 256;
