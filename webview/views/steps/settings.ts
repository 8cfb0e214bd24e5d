/** What a walk is about: sizes, words, head. Kept across hide and reload. */

/** In the order of their tabs: what is cached at all comes before what is cached instead. */
export const WALKS = ['kvCache', 'mla'] as const;
export type WalkKind = (typeof WALKS)[number];

export interface Sizes {
  readonly heads: number;
  readonly headDim: number;
  /** Width of the latent. */
  readonly latent: number;
  /** Width of the rotary key; even; 0: none. */
  readonly rope: number;
}

export interface WalkSettings {
  readonly walk: WalkKind;
  readonly sizes: Sizes;
  /** The prompt; its words are the tokens. */
  readonly prompt: string;
  readonly newToken: string;
  /** The head that is shown, from 0. */
  readonly head: number;
  /** Id of the step; null: the first. */
  readonly step: string | null;
}

export const SIZE_BOUNDS: Readonly<
  Record<keyof Sizes, { readonly least: number; readonly most: number; readonly step: number; readonly title: string }>
> = {
  heads: { least: 1, most: 8, step: 1, title: 'Heads' },
  headDim: { least: 1, most: 16, step: 1, title: 'Head dimension' },
  latent: { least: 1, most: 16, step: 1, title: 'Latent width' },
  rope: { least: 0, most: 8, step: 2, title: 'Rotary key width' },
};

/** Heads × head dimension: wider pictures do not fit. */
const MOST_HIDDEN = 32;
const MOST_TOKENS = 8;
const MOST_CHARACTERS = 200;

/** The lecture's: X 4 × 8, latent 4. */
export const LECTURE: WalkSettings = {
  walk: 'kvCache',
  sizes: { heads: 2, headDim: 4, latent: 4, rope: 2 },
  prompt: 'The next day is',
  newToken: 'bright',
  head: 0,
  step: null,
};

/** Words of a prompt, at most `MOST_TOKENS`, the last ones; the lecture's where there are none. */
export function wordsOf(prompt: string): readonly string[] {
  const words = prompt
    .slice(0, MOST_CHARACTERS)
    .split(/\s+/)
    .filter((word) => word !== '');
  return words.length === 0 ? wordsOf(LECTURE.prompt) : words.slice(-MOST_TOKENS);
}

export function wordOf(newToken: string): string {
  return newToken.slice(0, MOST_CHARACTERS).trim().split(/\s+/)[0] || LECTURE.newToken;
}

/** Why the sizes cannot be shown, or null when they can. */
export function sizesProblem(sizes: Sizes): string | null {
  for (const name of Object.keys(SIZE_BOUNDS) as (keyof Sizes)[]) {
    const { least, most, step, title } = SIZE_BOUNDS[name];
    const value = sizes[name];
    if (!Number.isSafeInteger(value) || value < least || value > most) return `${title}: ${least} to ${most}.`;
    if (value % step !== 0) return `${title}: an even number, because pairs are rotated.`;
  }
  const hidden = sizes.heads * sizes.headDim;
  return hidden > MOST_HIDDEN
    ? `Heads × head dimension is ${hidden}: at most ${MOST_HIDDEN} fit into the picture.`
    : null;
}

/** Settings out of a state that an older version may have written. */
export function restoreSettings(kept: unknown): WalkSettings {
  if (typeof kept !== 'object' || kept === null) return LECTURE;
  const { walk, sizes, prompt, newToken, head, step } = kept as Readonly<Record<string, unknown>>;
  const restored = sizesOf(sizes);
  return {
    walk: WALKS.find((kind) => kind === walk) ?? LECTURE.walk,
    sizes: restored,
    prompt: typeof prompt === 'string' ? prompt.slice(0, MOST_CHARACTERS) : LECTURE.prompt,
    newToken: typeof newToken === 'string' ? newToken.slice(0, MOST_CHARACTERS) : LECTURE.newToken,
    head: typeof head === 'number' && Number.isSafeInteger(head) && head >= 0 && head < restored.heads ? head : 0,
    step: typeof step === 'string' ? step : null,
  };
}

function sizesOf(kept: unknown): Sizes {
  if (typeof kept !== 'object' || kept === null) return LECTURE.sizes;
  const { heads, headDim, latent, rope } = kept as Sizes;
  // What is no number is a problem, too.
  const sizes = { heads, headDim, latent, rope };
  return sizesProblem(sizes) === null ? sizes : LECTURE.sizes;
}
