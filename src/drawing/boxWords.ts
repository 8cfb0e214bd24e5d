/** What boxes say of the parts of a layer. */

import type { Activation, DenseFeedForward } from '../attention/spec/blockSpec';
import { type AttentionLayerSpec, headDims } from '../attention/spec/layerSpec';
import type { HeadNormSpec, NormSpec } from '../attention/spec/normSpec';
import type { RotarySpec } from '../attention/spec/rotarySpec';
import type { RouterWords } from '../families/facets';
import { type AttentionSpec, isHeaded, type StateSpec } from '../model/attention';
import { formatInteger } from '../model/units';
import { groupsText, kindTitle, numberText } from '../present/words';
import type { DescribedMixture } from '../serving/anatomy/description';

/** In one piece, wherever its line breaks. */
export const shape = (heads: number, dim: number): string =>
  `${formatInteger(heads)}\u00a0×\u00a0${formatInteger(dim)}`;

export const bias = (has: boolean): string[] => (has ? ['+ bias'] : []);

export function normName({ kind, weight }: NormSpec): string {
  const name = kind === 'rms' ? 'RMSNorm' : 'LayerNorm';
  if (weight === 'none') return `${name}, no weight`;
  return weight === 'plus-one' ? `${name}, 1 + weight` : name;
}

export function extentText({ extent }: HeadNormSpec): string {
  if (extent === 'projection') return 'over all heads';
  return extent === 'head' ? 'each head' : 'each head, own weights';
}

export const grownText = ({ temperature }: AttentionLayerSpec): string[] =>
  temperature ? ['queries are scaled up with position'] : [];

export function rotaryLines({ theta, dim, scaling }: RotarySpec, keyDim: number): string[] {
  const rotated = scaling?.kind === 'proportional' ? scaling.rotatedDim : dim;
  const rotates = rotated >= keyDim ? 'rotates all dims' : `rotates ${rotated} of ${keyDim} dims`;
  return [`base ${formatInteger(theta)}`, rotates, ...(scaling ? [scalingText(scaling)] : [])];
}

function scalingText(scaling: NonNullable<RotarySpec['scaling']>): string {
  switch (scaling.kind) {
    case 'yarn':
      return `YaRN × ${numberText(scaling.factor)} from ${formatInteger(scaling.originalContext)}`;
    case 'llama3':
      return `Llama 3 scaling × ${numberText(scaling.factor)}`;
    case 'longrope':
      return `LongRoPE from ${formatInteger(scaling.originalContext)}`;
    case 'proportional':
      return 'frequencies spaced as if all dims were rotated';
    default:
      return `${scaling.kind} × ${numberText(scaling.factor)}`;
  }
}

export function scoreLines({ sinks, softcap, clip, scale, attention }: AttentionLayerSpec): string[] {
  const usual = 1 / Math.sqrt(headDims(attention).keyDim);
  return [
    ...(Math.abs(scale - usual) < 1e-9
      ? []
      : [`scores × ${scaleText(scale)}, not 1 ÷ √${formatInteger(headDims(attention).keyDim)}`]),
    ...(softcap === null ? [] : [`scores capped at ${numberText(softcap)}`]),
    ...(sinks ? ['a learned sink per head'] : []),
    ...(clip === null ? [] : [`Q, K, V clipped at ${numberText(clip)}`]),
  ];
}

/** "1 ÷ √144" where it is that root. */
function scaleText(scale: number): string {
  const under = Math.round(scale ** -2);
  return under > 1 && Math.abs(under * scale ** 2 - 1) < 1e-9 ? `1 ÷ √${formatInteger(under)}` : numberText(scale);
}

export function attentionTitle(attention: AttentionSpec): string {
  switch (attention.kind) {
    case 'sliding':
      return `Attention to the last ${formatInteger(attention.window)} tokens`;
    case 'chunked':
      return `Attention within chunks of ${formatInteger(attention.chunk)} tokens`;
    case 'compressed':
      return `Attention to the last ${formatInteger(attention.window)} tokens, and to one entry for every ${formatInteger(attention.ratio)} older ones`;
    case 'cross':
      return 'Attention to the source';
    case 'none':
      return 'Attention to all tokens, both ways';
    default: {
      const topK = 'indexer' in attention ? attention.indexer?.topK : null;
      return topK == null
        ? 'Attention to all tokens'
        : `Attention to ${formatInteger(topK)} tokens that an indexer picks`;
    }
  }
}

export function sharingText(
  { kind }: AttentionSpec,
  heads: { readonly queryHeads: number; readonly kvHeads: number },
): string {
  const shared = kind === 'latent' ? 'latent' : 'K = V';
  return kind === 'latent' || kind === 'compressed'
    ? `${formatInteger(heads.queryHeads)} query heads share one ${shared}`
    : groupsText(heads);
}

export function headsOf(attention: AttentionSpec): { readonly queryHeads: number; readonly kvHeads: number } | null {
  if (isHeaded(attention)) return { queryHeads: attention.queryHeads, kvHeads: attention.kvHeads };
  if (attention.kind === 'latent' || attention.kind === 'compressed')
    return { queryHeads: attention.queryHeads, kvHeads: 1 };
  return null;
}

export function dimensionLines(attention: AttentionSpec): string[] {
  if (attention.kind === 'shared') return [`Q ${shape(attention.queryHeads, attention.keyDim)}, and the output`];
  if (isHeaded(attention)) {
    const { queryHeads, kvHeads, keyDim, valueDim } = attention;
    return [
      `Q ${shape(queryHeads, keyDim)}, K ${shape(kvHeads, keyDim)}${valueDim === 0 ? ', V = K' : `, V ${shape(kvHeads, valueDim)}`}, and the output`,
    ];
  }
  if (attention.kind === 'latent') {
    const { queryHeads, latentDim, ropeDim, nopeDim, valueDim, queryLatentDim } = attention;
    return [
      queryLatentDim === null
        ? `Q ${shape(queryHeads, nopeDim + ropeDim)}`
        : `Q through a latent: ${formatInteger(queryLatentDim)} → ${shape(queryHeads, nopeDim + ropeDim)}`,
      `latent ${formatInteger(latentDim)}, RoPE key ${formatInteger(ropeDim)}, V ${shape(queryHeads, valueDim)}`,
    ];
  }
  if (attention.kind === 'compressed')
    return [`Q ${shape(attention.queryHeads, attention.headDim)}, one K = V of ${formatInteger(attention.headDim)}`];
  return [];
}

export function cacheLines(attention: AttentionSpec): string[] {
  const index =
    'indexer' in attention && attention.indexer?.owned
      ? [`and an index key of ${formatInteger(attention.indexer.headDim)}`]
      : [];
  if (isHeaded(attention)) {
    const { kvHeads, keyDim, valueDim } = attention;
    const what =
      valueDim === 0
        ? `K = V, ${shape(kvHeads, keyDim)}`
        : keyDim === valueDim
          ? `K and V, ${shape(kvHeads, keyDim)} each`
          : `K ${shape(kvHeads, keyDim)}, V ${shape(kvHeads, valueDim)}`;
    return [what, ...boundText(attention), ...index];
  }
  if (attention.kind === 'latent')
    return [
      `latent ${formatInteger(attention.latentDim)} + RoPE key ${formatInteger(attention.ropeDim)}, shared by all heads`,
      ...index,
    ];
  if (attention.kind === 'compressed')
    return [
      `K = V of ${formatInteger(attention.headDim)} for each of the last ${formatInteger(attention.window)} tokens`,
      `then one for every ${formatInteger(attention.ratio)} tokens`,
      ...index,
    ];
  return index;
}

function boundText(attention: AttentionSpec): string[] {
  if (attention.kind === 'sliding') return [`of ${formatInteger(attention.window)} tokens at most`];
  if (attention.kind === 'chunked') return [`of ${formatInteger(attention.chunk)} tokens at most`];
  if (attention.kind === 'cross') return ['of the source tokens'];
  return [];
}

const MIXERS: Readonly<Record<StateSpec['flavour'], string>> = {
  mamba: 'Mamba mixer',
  mamba2: 'Mamba-2 mixer',
  'gated-delta-net': 'Gated DeltaNet mixer',
  kda: 'Kimi Delta Attention',
  linear: 'Linear attention',
  rwkv: 'RWKV mixer',
  'rg-lru': 'RG-LRU mixer',
  'short-conv': 'Short convolution',
};

/** What a layer mixes tokens with, where it is no attention. */
export function mixerTitle(attention: AttentionSpec, state: StateSpec | undefined): string {
  return state ? MIXERS[state.flavour] : kindTitle(attention.kind);
}

export function stateLines(state: StateSpec | undefined): string[] {
  if (!state) return [];
  return [
    ...(state.recurrentElements > 0
      ? [
          `${formatInteger(state.recurrentElements)} numbers in ${state.recurrentDtype === 'cache' ? 'the type of the cache' : state.recurrentDtype}${state.heads === null ? '' : `, ${formatInteger(state.heads)} heads`}`,
        ]
      : []),
    ...(state.conv ? [`convolution: ${formatInteger(state.conv.channels)} channels × ${state.conv.width} inputs`] : []),
  ];
}

export function denseText(expert: DenseFeedForward, hiddenSize: number): string {
  return `${formatInteger(hiddenSize)} → ${formatInteger(expert.width)} → ${formatInteger(hiddenSize)}, ${actName(expert)}`;
}

export function actName(spec: DenseFeedForward): string {
  const { kind, activation } = spec;
  if (spec.kind === 'gated' && spec.clampedSwiglu) return `clamped SwiGLU, limit ${spec.clampedSwiglu.limit}`;
  return kind === 'gated' ? `gated ${activationName(activation)}` : activationName(activation);
}

const SCORES: Readonly<Record<NonNullable<RouterWords['scoring']>, string>> = {
  softmax: 'softmax scores',
  'softmax-selected': 'softmax over those chosen',
  sparsemixer: 'softmax scores',
  sigmoid: 'sigmoid scores',
  'sqrt-softplus': '√softplus scores',
};

export function scoresText({ scoring, normalize }: DescribedMixture['router']): string[] {
  if (scoring == null) return [];
  // Over all, and then divided by the sum of the chosen: the same numbers.
  return [SCORES[scoring === 'softmax' && normalize ? 'softmax-selected' : scoring]];
}

const ACTIVATIONS: Readonly<Record<Exclude<Activation, object>, string>> = {
  silu: 'SiLU',
  gelu: 'GELU',
  'gelu-tanh': 'GELU (tanh)',
  'quick-gelu': 'quick GELU',
  relu: 'ReLU',
  relu2: 'ReLU²',
  tanh: 'tanh',
  sigmoid: 'sigmoid',
  identity: 'no activation',
};

export function activationName(activation: Activation): string {
  return typeof activation === 'object' ? 'xIELU' : ACTIVATIONS[activation];
}
