/** The same model with its attention as MHA, GQA, MQA or MLA: the comparison that the lectures make. */

import { PLAIN_LAYER, type RunnableAttention } from '../attention/spec/layerSpec';
import { layerWeights, weightCount } from '../attention/spec/weightNames';
import { type AttentionSpec, type FullAttention, isHeaded, type LatentAttention } from '../model/attention';
import type { LayerSpec, ModelSpec } from '../model/spec';
import { isUnderstood } from './plan';

/** What a layer's attention is turned into. */
export type VariantRequest =
  | { readonly kind: 'mha' | 'mqa' }
  | { readonly kind: 'gqa'; readonly groups: number }
  | { readonly kind: 'mla'; readonly latentDim: number; readonly ropeDim: number };

export interface Variant {
  /** "MHA", "GQA-8", "MLA 512 + 64". */
  readonly label: string;
  readonly spec: ModelSpec;
  /** Parameters of the attention projections, all layers, minus those of the model as it is. Null without a hidden size. */
  readonly parametersDelta: number | null;
  /** Floating-point operations of the attention projections for one token, all layers: 2 per weight. Null without a hidden size. */
  readonly projectionFlops: number | null;
  /** Layers that were left as they are, because they have no heads to share. */
  readonly unchangedLayers: number;
}

/** Latent and rotary width of a request that names none: DeepSeek's. */
export const DEFAULT_LATENT = { latentDim: 512, ropeDim: 64 } as const;

/** Parses `mha`, `gqa:8`, `mqa`, `mla`, `mla:512+64`; null for anything else. */
export function parseVariant(text: string): VariantRequest | null {
  const match = /^(mha|mqa|gqa|mla)(?::(\d{1,6})(?:\+(\d{1,6}))?)?$/.exec(text.trim().toLowerCase());
  if (!match) return null;
  const [, kind, first, second] = match;
  if (kind === 'mha' || kind === 'mqa') return first === undefined ? { kind } : null;
  const value = Number(first);
  if (kind === 'gqa') return first !== undefined && second === undefined && value >= 1 ? { kind, groups: value } : null;
  if (first === undefined) return { kind: 'mla', ...DEFAULT_LATENT };
  return value >= 1 ? { kind: 'mla', latentDim: value, ropeDim: second === undefined ? 0 : Number(second) } : null;
}

export function variantLabel(request: VariantRequest): string {
  switch (request.kind) {
    case 'gqa':
      return `GQA-${request.groups}`;
    case 'mla':
      return request.ropeDim > 0 ? `MLA ${request.latentDim} + ${request.ropeDim}` : `MLA ${request.latentDim}`;
    default:
      return request.kind.toUpperCase();
  }
}

/** Why a model cannot be turned into a variant, or null when it can. */
export function variantProblem(spec: ModelSpec, request: VariantRequest): string | null {
  const convertible = spec.layers.filter((layer) => isConvertible(layer.attention));
  if (convertible.length === 0) return 'the model has no attention layer with heads';
  if (request.kind !== 'gqa') return null;
  for (const { attention } of convertible) {
    const heads = 'queryHeads' in attention ? attention.queryHeads : 0;
    if (heads % request.groups !== 0) return `${request.groups} groups do not divide ${heads} query heads`;
  }
  return null;
}

/** The model with every layer that has heads turned into the variant. Windows and chunks stay; shared layers follow their source. */
export function asVariant(spec: ModelSpec, request: VariantRequest): Variant {
  const made = new Map<AttentionSpec, AttentionSpec>();
  const layers = spec.layers.map((layer): LayerSpec => {
    const attention = made.get(layer.attention) ?? convert(layer.attention, request);
    made.set(layer.attention, attention);
    return attention === layer.attention ? layer : { ...layer, attention };
  });
  const changed: ModelSpec = { ...spec, layers, variant: variantLabel(request) };
  const before = projectionParameters(spec);
  const after = projectionParameters(changed);
  return {
    label: variantLabel(request),
    spec: changed,
    parametersDelta: before === null || after === null ? null : after - before,
    projectionFlops: after === null ? null : 2 * after,
    unchangedLayers: layers.filter(
      (layer) =>
        !isConvertible(spec.layers[layer.index]?.attention ?? layer.attention) && layer.attention.kind !== 'none',
    ).length,
  };
}

function isConvertible(attention: AttentionSpec): boolean {
  return attention.kind === 'latent' || (isHeaded(attention) && attention.kind !== 'cross');
}

function convert(attention: AttentionSpec, request: VariantRequest): AttentionSpec {
  if (!isConvertible(attention)) return attention;
  const headed = attention.kind === 'latent' ? expanded(attention) : attention;
  if (!isHeaded(headed)) return attention;
  switch (request.kind) {
    case 'mha':
      return { ...headed, kvHeads: headed.queryHeads };
    case 'mqa':
      return { ...headed, kvHeads: 1 };
    case 'gqa':
      return { ...headed, kvHeads: request.groups };
    case 'mla': {
      if (attention.kind === 'latent') return { ...attention, latentDim: request.latentDim, ropeDim: request.ropeDim };
      // A window bounds what a layer keeps already; a latent in its place would have to be windowed too, which no model does.
      if (headed.kind !== 'full') return headed;
      const { queryHeads, keyDim, valueDim } = headed;
      return { kind: 'latent', queryHeads, ...latentOf(request), nopeDim: keyDim, valueDim, queryLatentDim: null };
    }
  }
}

function latentOf(request: Extract<VariantRequest, { kind: 'mla' }>): Pick<LatentAttention, 'latentDim' | 'ropeDim'> {
  return { latentDim: request.latentDim, ropeDim: request.ropeDim };
}

/** An MLA layer with a K and V per head, as the lectures compare it: keys of the no-position width, values of theirs. */
function expanded(attention: LatentAttention): FullAttention {
  const { queryHeads, nopeDim, valueDim } = attention;
  return { kind: 'full', queryHeads, kvHeads: queryHeads, keyDim: nopeDim, valueDim };
}

/** Weights of the q, k, v and output projections of all layers, without biases; null where the hidden size or a layer is not known. */
export function projectionParameters(spec: ModelSpec): number | null {
  const { hiddenSize } = spec;
  if (hiddenSize === null || !isUnderstood(spec)) return null;
  return spec.layers.reduce((sum, layer) => sum + layerProjection(layer.attention, hiddenSize), 0);
}

function layerProjection(attention: AttentionSpec, hiddenSize: number): number {
  const projected = projectedAttention(attention);
  if (!projected) return 0;
  const weights = layerWeights({ ...PLAIN_LAYER, attention: projected, hiddenSize, scale: 1 });
  const absent = absentProjections(attention);
  return weights.reduce((sum, weight) => (absent.test(weight.name) ? sum : sum + weightCount(weight)), 0);
}

/** The attention whose projections a layer has; null where it has none of the usual ones. */
function projectedAttention(attention: AttentionSpec): RunnableAttention | null {
  if (attention.kind === 'latent') return attention;
  if (!isHeaded(attention)) return null;
  const { queryHeads, kvHeads, keyDim, valueDim } = attention;
  return { kind: 'full', queryHeads, kvHeads, keyDim, valueDim: valueDim === 0 ? keyDim : valueDim };
}

/** A layer that reads another's cache projects no keys and values; one whose values are its keys (width 0), no values. */
function absentProjections(attention: AttentionSpec): RegExp {
  if (attention.kind === 'shared') return /^[kv]\./;
  return isHeaded(attention) && attention.valueDim === 0 ? /^v\./ : /^$/;
}
