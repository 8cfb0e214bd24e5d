/** What is compared: which variants of the followed model, and which other configs. Kept across hide and reload. */

import { divisorsOf } from '../../../src/model/divisors';
import {
  DEFAULT_LATENT,
  parseVariant,
  type VariantRequest,
  variantLabel,
  variantProblem,
} from '../../../src/cache/variants';
import { isHeaded } from '../../../src/model/attention';
import type { ModelSpec } from '../../../src/model/spec';
import { changesNothing, requestText } from '../../../src/serving/comparison';

/** Other configs beside the followed one. */
export const MAX_OTHERS = 4;

/** Widths that the inputs take. */
export const LATENT_BOUNDS = { most: 65_536 } as const;

export interface Choices {
  /** Variants by their text (`gqa:8`), as the user left them; null: the usual ones of the model. */
  readonly variants: readonly string[] | null;
  /** The latent that is offered; null: the usual one. */
  readonly latent: { readonly latentDim: number; readonly ropeDim: number } | null;
  /** Ids of candidates. */
  readonly others: readonly string[];
  /** Id of the row whose details are shown. */
  readonly row: string | null;
  readonly asTable: boolean;
  /** Where the cursor of the curve stands; null: at the scenario. */
  readonly cursorTokens: number | null;
}

const NO_CHOICES: Choices = {
  variants: null,
  latent: null,
  others: [],
  row: null,
  asTable: false,
  cursorTokens: null,
};

/** Choices out of a state that an older version may have written. */
export function restoreChoices(kept: unknown): Choices {
  if (typeof kept !== 'object' || kept === null) return NO_CHOICES;
  const { variants, latent, others, row, asTable, cursorTokens } = kept as Readonly<Record<string, unknown>>;
  const latentDim = numberOf(latent, 'latentDim');
  const ropeDim = numberOf(latent, 'ropeDim');
  return {
    variants: texts(variants)?.filter((text) => parseVariant(text) !== null) ?? null,
    latent: latentDim === null || latentDim < 1 || ropeDim === null ? null : { latentDim, ropeDim },
    others: (texts(others) ?? []).slice(0, MAX_OTHERS),
    row: typeof row === 'string' ? row : null,
    asTable: asTable === true,
    cursorTokens:
      typeof cursorTokens === 'number' && Number.isSafeInteger(cursorTokens) && cursorTokens >= 1 ? cursorTokens : null,
  };
}

function texts(value: unknown): string[] | null {
  return Array.isArray(value) ? value.filter((entry): entry is string => typeof entry === 'string') : null;
}

function numberOf(value: unknown, key: string): number | null {
  if (typeof value !== 'object' || value === null) return null;
  const found = (value as Readonly<Record<string, unknown>>)[key];
  return typeof found === 'number' && Number.isSafeInteger(found) && found >= 0 && found <= LATENT_BOUNDS.most
    ? found
    : null;
}

/** A variant that can be shown. */
export interface Offer {
  readonly request: VariantRequest;
  /** `gqa:8` */
  readonly text: string;
  readonly label: string;
  readonly shown: boolean;
  /** It is the model as it is: nothing to show beside it. */
  readonly same: boolean;
}

/** Designs that the model can be turned into: MHA, GQA of every divisor, MQA, MLA; not the one that it is. */
export function offersOf(spec: ModelSpec, choices: Choices): Offer[] {
  const heads = commonHeads(spec);
  const groups = divisorsOf(heads)
    .filter((divisor) => divisor > 1 && divisor < heads)
    .reverse();
  const latent: VariantRequest = { kind: 'mla', ...(choices.latent ?? DEFAULT_LATENT) };
  const requests: VariantRequest[] = [
    { kind: 'mha' },
    ...groups.map((count): VariantRequest => ({ kind: 'gqa', groups: count })),
    { kind: 'mqa' },
  ];
  const offered = [
    ...requests.filter((request) => variantProblem(spec, request) === null && !changesNothing(spec, request)),
    ...(variantProblem(spec, latent) === null ? [latent] : []),
  ];
  const wanted = choices.variants ?? usualVariants(spec, latent);
  return offered.map((request) => {
    const text = requestText(request);
    // The latent's widths may have changed since it was chosen.
    const chosen = request.kind === 'mla' ? wanted.some((other) => other.startsWith('mla')) : wanted.includes(text);
    const same = changesNothing(spec, request);
    return { request, text, label: variantLabel(request), shown: chosen && !same, same };
  });
}

const USUAL: readonly string[] = ['mha', 'gqa:8', 'mqa'];

/** What the command line compares with; a model that is MLA itself is not compared with the same again. */
function usualVariants(spec: ModelSpec, latent: VariantRequest): string[] {
  return [...USUAL, ...(changesNothing(spec, latent) ? [] : ['mla'])];
}

/** Also what this model cannot be turned into: it was chosen for another one, and stays for the next. */
export function toggled({ variants }: Choices, offers: readonly Offer[], text: string): string[] {
  const offered = (one: string): boolean =>
    offers.some((offer) => offer.text === one || (offer.request.kind === 'mla' && one.startsWith('mla')));
  const kept = (variants ?? USUAL).filter((one) => !offered(one));
  return [...kept, ...offers.filter((offer) => offer.shown !== (offer.text === text)).map((offer) => offer.text)];
}

/** The largest count that divides the query heads of every layer that can be converted. */
function commonHeads(spec: ModelSpec): number {
  const counts = spec.layers.flatMap(({ attention }) =>
    attention.kind === 'latent' || (isHeaded(attention) && attention.kind !== 'cross') ? [attention.queryHeads] : [],
  );
  return [...new Set(counts)].reduce(gcd, 0);
}

function gcd(a: number, b: number): number {
  return b === 0 ? a : gcd(b, a % b);
}
