/** What a model says next, what its heads do, and how different they are: what the compute process answers about models with their own weights. */

import * as v from 'valibot';
import type { RunnableAttention } from '../attention/spec/layerSpec';
import type { Edge, HeadName, HeadScores } from '../insight/lens/headScores';
import type { Distribution, RankedToken, TokenChance } from '../insight/lens/distribution';
import type { PairMeans } from '../insight/lens/diversity';
import { ENGINE_IDS } from './engineIds';
import { model } from './headsContract';
import { MOST_PROMPT_TOKENS, MOST_SEED } from './limits';
import { type Contract, count, finite, list, type MethodsOf, natural, text, trusted, whole } from './schema';

const id = whole(0, 2 ** 31 - 1);
const ids = list(id, MOST_PROMPT_TOKENS);
const engine = v.picklist(ENGINE_IDS);
/** Positions that are read at once. */
export const MOST_POSITIONS = 512;
/** Tokens of one copy of a repeated sequence. */
export const MOST_REPEATED = 1024;

/** What is asked of a model, in whichever way it is named. */
export const LENS_ASKS = {
  read: {
    ids,
    positions: list(count, MOST_POSITIONS),
    /** Likeliest tokens to name. */
    top: whole(1, 100),
    /** Tokens whose rank is wanted. */
    tokens: list(id, 64),
  },
  heads: { ids },
  diversity: { ids },
  repeated: {
    /** Tokens of one copy. */
    length: whole(2, MOST_REPEATED),
    seed: whole(0, MOST_SEED),
    /** Texts before the first copy, and between the two. */
    before: text(1000),
    between: text(1000),
  },
  next: {
    ids,
    top: whole(1, 100),
    temperature: v.pipe(finite, v.minValue(0), v.maxValue(100)),
    topK: v.nullable(whole(1, 2 ** 24)),
    topP: v.nullable(v.pipe(finite, v.minValue(0), v.maxValue(1))),
    seed: whole(0, MOST_SEED),
  },
};

/** What each id that occurs stands for. */
export interface Word {
  readonly id: number;
  readonly piece: string;
}

export interface StateRead extends Distribution {
  /** The token that follows in the prompt; null at its end. */
  readonly follows: RankedToken | null;
}

/** What the model would say if it ended here. */
export interface LensState {
  /** Behind this layer; null: the embeddings, before the first. */
  readonly layer: number | null;
  /** One for each position. */
  readonly reads: readonly StateRead[];
}

export interface LensRead {
  readonly positions: readonly number[];
  /** The embeddings, then each layer; the last is what the model says. */
  readonly states: readonly LensState[];
  readonly words: readonly Word[];
}

export interface NamedHead {
  readonly head: number;
  /** Which K and V it uses; latent layers make K and V for each head. */
  readonly group: number;
  readonly scores: HeadScores;
  /** Those whose threshold it reaches, the highest score first. */
  readonly names: readonly HeadName[];
  /** The strongest weights for each name, falling. */
  readonly evidence: Readonly<Record<HeadName, readonly Edge[]>>;
}

export interface NamedLayer {
  readonly layer: number;
  readonly heads: readonly NamedHead[];
  /** Why copy suppression was not measured; null where it was. */
  readonly copySuppression: string | null;
}

export interface NamedHeads {
  readonly layers: readonly NamedLayer[];
}

export interface CacheRank {
  /** `k` and `v` of all heads side by side, `latent` as it is cached. */
  readonly what: 'k' | 'v' | 'latent';
  /** Directions that its rows use, as if alike. */
  readonly rank: number;
  /** It cannot be more: the numbers of a row, or the tokens. */
  readonly most: number;
  /** Numbers of a row. */
  readonly width: number;
}

export interface LayerDiversity {
  readonly layer: number;
  readonly attention: RunnableAttention;
  /** Of heads that share a KV head; one in a latent layer, whose heads share the latent. */
  readonly groups: number;
  /** Linear CKA of what two heads give: 1 is the same up to a turn. */
  readonly cka: PairMeans;
  /** Jensen–Shannon distance of their patterns: 0 the same, 1 disjoint. */
  readonly patternDistance: PairMeans;
  readonly ranks: readonly CacheRank[];
}

export interface Diversity {
  /** The first tokens of the prompt, as many as were compared. */
  readonly tokens: number;
  readonly layers: readonly LayerDiversity[];
}

export interface RepeatedPrompt {
  readonly ids: readonly number[];
  readonly pieces: readonly string[];
  /** Where each copy begins. */
  readonly copies: readonly [number, number];
  /** Of one copy. */
  readonly length: number;
}

/** A layer's cache in one step. */
export interface CacheStep {
  readonly layer: number;
  readonly kind: RunnableAttention['kind'];
  /** Tokens of which K and V (or the latent) lay there and were read. */
  readonly read: number;
  /** Tokens of which they are new. */
  readonly written: number;
  /** Tokens that it holds now: fewer than both together where a window lets go. */
  readonly held: number;
  readonly bytes: number;
}

export interface NextToken {
  readonly chosen: TokenChance & {
    /** Its probability after temperature and cuts, and among how many tokens it was chosen. */
    readonly sampled: number;
    readonly among: number;
    readonly rank: number;
    /** The model ends a text with it. */
    readonly ends: boolean;
  };
  readonly distribution: Distribution;
  readonly words: readonly Word[];
  readonly cache: readonly CacheStep[];
}

const asked = { ...model.entries, engine };
export const LENS = {
  'lens/read': { params: v.strictObject({ ...asked, ...LENS_ASKS.read }), result: trusted<LensRead>(), inTurn: true },
  'lens/heads': {
    params: v.strictObject({ ...asked, ...LENS_ASKS.heads }),
    result: trusted<NamedHeads>(),
    inTurn: true,
  },
  'lens/diversity': {
    params: v.strictObject({ ...asked, ...LENS_ASKS.diversity }),
    result: trusted<Diversity>(),
    inTurn: true,
  },
  /** A random sequence that comes twice, in the model's own tokens. */
  'lens/repeated': {
    params: v.strictObject({ ...model.entries, ...LENS_ASKS.repeated }),
    result: trusted<RepeatedPrompt>(),
    inTurn: true,
  },
  /** One more token, on the cache of the call before where the ids go on from it. */
  'lens/next': { params: v.strictObject({ ...asked, ...LENS_ASKS.next }), result: trusted<NextToken>(), inTurn: true },
  /** Bytes of weights that are not on this machine and that any of these would have fetched, at most. */
  'lens/lacking': { params: model, result: v.object({ bytes: natural }), inTurn: true },
} satisfies Contract;
export type LensMethods = MethodsOf<typeof LENS>;
