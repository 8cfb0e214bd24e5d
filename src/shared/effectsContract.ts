/** What parts of a model do: taken out, replaced, and written to the next token. What the compute process answers about it. */

import * as v from 'valibot';
import { PLACE_KINDS } from '../insight/effects/place';
import { ENGINE_IDS } from './engineIds';
import { model } from './headsContract';
import { anyNumber, type Contract, count, list, type MethodsOf, natural, text, whole } from './schema';

/** Attention over a prompt is computed many times: longer ones are refused. */
export const MOST_EFFECT_TOKENS = 1024;
/** Tokens whose logits are followed. */
const MOST_FOLLOWED = 16;
const MOST_PLACES = 65536;

const id = whole(0, 2 ** 31 - 1);
const prompt = list(id, MOST_EFFECT_TOKENS);
const asked = { ...model.entries, engine: v.picklist(ENGINE_IDS) };
/** As `placeLabel` writes them: `3.5`, `3.group1`, `3.attention`, `3.mlp`, `3.residual`; `@7` behind: this position only. */
const place = text(40);
const places = list(place, MOST_PLACES);

/**
 * What stands in a changed place: nothing; the mean over the prompt; what another prompt has at the same position (`other`; its last token
 * where it is shorter).
 */
export const REPLACEMENTS = ['zero', 'mean', 'other'] as const;
export type Replacement = (typeof REPLACEMENTS)[number];
const replaced = {
  by: v.picklist(REPLACEMENTS),
  /** The other prompt; null with `zero` and `mean`. */
  other: v.nullable(prompt),
  /** Tokens whose logits, behind the last token, are followed. */
  tokens: list(id, MOST_FOLLOWED),
};

/** Several places changed together. */
const change = v.strictObject({ ...asked, ids: prompt, places, ...replaced });
export type ChangeParams = Readonly<v.InferOutput<typeof change>>;

/** What is predicted behind the last token. */
const prediction = v.object({
  /** The likeliest. */
  top: list(v.object({ token: natural, piece: v.string(), logit: anyNumber, probability: anyNumber }), 64),
  /** Of the tokens that were asked for. */
  logits: list(anyNumber, MOST_FOLLOWED),
});
export type Prediction = Readonly<v.InferOutput<typeof prediction>>;

const perPosition = list(anyNumber, MOST_EFFECT_TOKENS);
const changeResult = v.object({
  pieces: list(v.string(), MOST_EFFECT_TOKENS),
  before: prediction,
  after: prediction,
  /** Nats by which the prediction behind each token differs: Σ p ln(p ÷ p′). */
  kl: perPosition,
  /** −ln of what is given to the token that follows: one fewer than tokens. */
  lossBefore: perPosition,
  lossAfter: perPosition,
  precision: v.picklist(['float64', 'float32']),
  ms: anyNumber,
});
export type ChangeResult = Readonly<v.InferOutput<typeof changeResult>>;

/** What one place does when it alone is changed. */
export const effect = v.object({
  place,
  kind: v.picklist(PLACE_KINDS),
  layer: natural,
  /** Of the head or group; 0 elsewhere. */
  index: natural,
  /** Mean over the prompt, and behind its last token; nats. */
  klMean: anyNumber,
  klLast: anyNumber,
  /** Mean loss over the prompt, after less before; null where nothing follows (one token). */
  lossChange: v.nullable(anyNumber),
  /** After less before, of the tokens that were asked for. */
  logitChanges: list(anyNumber, MOST_FOLLOWED),
});
export type Effect = Readonly<v.InferOutput<typeof effect>>;

/** What a map is of: kinds of places, each changed by itself. */
export const MAP_KINDS = ['head', 'group', 'attention', 'mlp'] as const;
/**
 * The next part of a map. Ask again, with what is there as `known`, until `left` is 0: whoever stops keeps what is there, and goes on later by
 * the same question. What is likely to matter most for its time comes first.
 */
const map = v.strictObject({
  ...asked,
  ids: prompt,
  kinds: list(v.picklist(MAP_KINDS), MAP_KINDS.length),
  known: places,
  ...replaced,
});
export type MapParams = Readonly<v.InferOutput<typeof map>>;

const mapResult = v.object({
  /** In no order. */
  effects: list(effect, MOST_PLACES),
  /** Places that are still missing. */
  left: natural,
  /** Of the unchanged model. */
  loss: v.nullable(anyNumber),
  logits: list(anyNumber, MOST_FOLLOWED),
  precision: v.picklist(['float64', 'float32']),
  ms: anyNumber,
});
export type MapResult = Readonly<v.InferOutput<typeof mapResult>>;

/** Which places a patch is tried at: heads and parts at all positions, or the residual by layer and position. */
export const PATCH_KINDS = ['head', 'group', 'attention', 'mlp', 'residual'] as const;
/** The next part of a map of recovery: what the clean prompt has at a place, put into the corrupted one. Asked again as `effects/map`. */
const patch = v.strictObject({
  ...asked,
  /** Both of one length. */
  clean: prompt,
  corrupted: prompt,
  kinds: list(v.picklist(PATCH_KINDS), PATCH_KINDS.length),
  /** Its logit behind the last token is what is recovered; less that of `against`, where it is given. */
  token: id,
  against: v.nullable(id),
  known: places,
});
export type PatchParams = Readonly<v.InferOutput<typeof patch>>;

const recovery = v.object({
  place,
  kind: v.picklist(PLACE_KINDS),
  layer: natural,
  index: natural,
  position: v.nullable(natural),
  /** The logit, or the difference, of the corrupted prompt with the patch. */
  value: anyNumber,
  /** (value − corrupted) ÷ (clean − corrupted): 0 recovers nothing, 1 everything; null where the prompts do not differ in it but the patch does. */
  recovered: v.nullable(anyNumber),
});
export type Recovery = Readonly<v.InferOutput<typeof recovery>>;

const patchResult = v.object({
  recoveries: list(recovery, MOST_PLACES),
  left: natural,
  /** The logit, or the difference, of the two prompts. */
  clean: anyNumber,
  corrupted: anyNumber,
  /** Positions where the prompts' tokens differ. */
  differing: list(natural, MOST_EFFECT_TOKENS),
  precision: v.picklist(['float64', 'float32']),
  ms: anyNumber,
});
export type PatchResult = Readonly<v.InferOutput<typeof patchResult>>;

const attribute = v.strictObject({
  ...asked,
  ids: prompt,
  /** Behind which token; null: the last. */
  position: v.nullable(count),
  token: id,
  /** Attributes the difference to this token's logit. */
  against: v.nullable(id),
  /** Heads by source token as well. */
  bySource: v.boolean(),
});
export type AttributeParams = Readonly<v.InferOutput<typeof attribute>>;

/** Who writes to the residual stream: `bias` is what a layer adds whatever it reads, `output` the same at the end. */
const WRITERS = ['embedding', 'head', 'mlp', 'bias', 'output'] as const;
const contribution = v.object({
  writer: v.picklist(WRITERS),
  /** 0 for `embedding`, as many as there are layers for `output`. */
  layer: natural,
  /** The head, 0 elsewhere. */
  index: natural,
  value: anyNumber,
  /** Of a head: what it wrote from the V of each token, up to the position; they sum to `value`. Null where it was not asked for. */
  sources: v.nullable(perPosition),
});
export type Contribution = Readonly<v.InferOutput<typeof contribution>>;

const attributeResult = v.object({
  pieces: list(v.string(), MOST_EFFECT_TOKENS),
  position: natural,
  /** The model's own logit, or the difference; and what the contributions sum to. */
  logit: anyNumber,
  sum: anyNumber,
  contributions: list(contribution, MOST_PLACES),
  /** What must be known to read them, in sentences. */
  notes: list(v.string(), 16),
  precision: v.picklist(['float64', 'float32']),
  ms: anyNumber,
});
export type AttributeResult = Readonly<v.InferOutput<typeof attributeResult>>;

/** How much of what earlier heads write a head could read, by its weights alone. */
const compose = v.strictObject({ ...asked, layer: count, head: count });
export type ComposeParams = Readonly<v.InferOutput<typeof compose>>;

const composition = v.object({
  layer: natural,
  head: natural,
  /** ‖W_read · W_OV‖ ÷ (‖W_read‖ · ‖W_OV‖), Frobenius: by the head's queries, its keys, its values. */
  q: anyNumber,
  k: anyNumber,
  v: anyNumber,
});
export type Composition = Readonly<v.InferOutput<typeof composition>>;

const composeResult = v.object({
  compositions: list(composition, MOST_PLACES),
  notes: list(v.string(), 16),
  ms: anyNumber,
});
export type ComposeResult = Readonly<v.InferOutput<typeof composeResult>>;

/** Host → compute process. Models with their own weights only: seeded ones predict nothing. */
export const EFFECTS = {
  'effects/change': { params: change, result: changeResult, inTurn: true },
  'effects/map': { params: map, result: mapResult, inTurn: true },
  'effects/patch': { params: patch, result: patchResult, inTurn: true },
  'effects/attribute': { params: attribute, result: attributeResult, inTurn: true },
  'effects/compose': { params: compose, result: composeResult, inTurn: true },
} satisfies Contract;
export type EffectsMethods = MethodsOf<typeof EFFECTS>;
