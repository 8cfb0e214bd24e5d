/**
 * How the parts of a layer are joined, as figures draw it: the block itself where a family describes its blocks, else what its
 * `arrangements` facet and the counted weights say together.
 */

import { type BlockNorms, type BlockSpec, NO_NORMS } from '../../attention/spec/blockSpec';
import type { Activation, DenseFeedForward, MoeFeedForward, RouterSpec } from '../../attention/spec/blockSpec';
import { type AttentionLayerSpec, isRunnable, type RunnableAttention } from '../../attention/spec/layerSpec';
import type { NormSpec } from '../../attention/spec/normSpec';
import type { RotarySpec } from '../../attention/spec/rotarySpec';
import type { ConfigReader } from '../../config/reader';
import { ConfigRefusal } from '../../config/refusal';
import type { CountedDecoder } from '../../families/counted/facet';
import { switched } from '../../families/counted/switches';
import type { PlacedParts } from '../../families/counted/tally';
import type { ArrangementsFacet, NormPlaces, Positioning, RouterWords } from '../../families/facets';
import { attentionLayer } from '../../families/kit/blocks';
import { activation, headNorm } from '../../families/kit/parts';
import { rotary } from '../../families/kit/rotary';
import { arrangementsRegister, countsRegister } from '../../families/register';
import { type AttentionSpec, isHeaded } from '../../model/attention';
import type { LayerSpec } from '../../model/spec';

/** A feed-forward of experts, as far as a figure says it. */
export interface DescribedMixture extends Pick<MoeFeedForward, 'kind' | 'expert' | 'shared'> {
  readonly router: Pick<RouterSpec, 'experts' | 'topK' | 'bias' | 'correctionBias'> &
    Pick<RouterWords, 'byTable' | 'normalize'> & {
      /** Null where it is not described. */
      readonly scoring: RouterWords['scoring'] | null;
      /** Null where there are none. */
      readonly groups: RouterWords['groups'] | null;
    };
}

export type DescribedFeedForward = DenseFeedForward | DescribedMixture;

export interface LayerDescription
  extends Pick<BlockSpec, 'norms' | 'arrangement' | 'residualMultiplier' | 'residualFrom' | 'outputMultiplier'> {
  /** Null where the layer's mixer is no attention of the usual projections. */
  readonly layer: AttentionLayerSpec | null;
  /** Null where the layer has none. */
  readonly feedForward: DescribedFeedForward | null;
  /** False where it is not known whether and what RoPE turns. */
  readonly positionsKnown: boolean;
  /** The model has positions elsewhere: a layer without RoPE does not go without them. */
  readonly positionsElsewhere: boolean;
  /** Width of the stream in hidden states. */
  readonly streams: number;
  /** Of the gate on the attention's output. */
  readonly gateFunction: 'sigmoid' | 'softplus';
  /** What a figure must say beside its boxes. */
  readonly says: readonly string[];
}

/** A block says all of it. */
export function blockDescription(block: BlockSpec, positionsElsewhere: boolean): LayerDescription {
  return { ...block, positionsKnown: true, positionsElsewhere, streams: 1, gateFunction: 'sigmoid', says: [] };
}

/** @param sees What its queries see: its own attention, or that of the layer whose cache it reads. */
type Describe = (layer: LayerSpec, sees: AttentionSpec, parameters: PlacedParts) => LayerDescription | null;

/** Layers whose blocks are not described, by their arrangement. */
export interface ArrangedLayers {
  readonly describe: Describe;
  /** What tells a layer from others with the same attention and parameters; empty where nothing does. */
  readonly apart: (layer: number) => string;
}

/** Null where their arrangement is not described either. */
export function arrangedLayers(
  modelType: string,
  config: ConfigReader,
  hiddenSize: number | null,
): ArrangedLayers | null {
  const [facet, counted] = [arrangementsRegister.of(modelType), countsRegister.of(modelType)];
  if (!facet || !counted || hiddenSize === null) return null;
  const built = counted.whole ? facet.built : counted;
  if (!built) return null;
  const made = new Arranged(facet, built, config, hiddenSize);
  return {
    describe: (layer, sees, parameters) => made.layer(layer, sees, parameters),
    apart: (layer) => JSON.stringify(orNull(() => facet.router?.(config, layer)) ?? ''),
  };
}

const ACTIVATION_KEYS = ['hidden_act', 'hidden_activation', 'activation_function'];

class Arranged {
  constructor(
    private readonly facet: ArrangementsFacet,
    private readonly counted: CountedDecoder,
    private readonly config: ConfigReader,
    private readonly hidden: number,
  ) {}

  layer({ attention, index }: LayerSpec, sees: AttentionSpec, parameters: PlacedParts): LayerDescription | null {
    const { facet } = this;
    const { says = [], norms = 'pre' } = facet;
    const places = typeof norms === 'function' ? norms(this.config, attention) : norms;
    const feedForward = this.feedForward(parameters, index);
    if (feedForward === undefined) return null;
    const mixes = attention.kind !== 'none' || parameters.weights.has('q');
    const { layer, positionsKnown } = this.attention(attention, sees, parameters.weights);
    return {
      norms: this.norms(places, mixes, feedForward !== null || parameters.weights.has('channel_mix')),
      arrangement: places === 'parallel' ? 'parallel' : 'sequential',
      residualMultiplier: facet.residual?.(this.config) ?? 1,
      residualFrom: facet.fromNormed ? 'normed' : 'sum',
      layer,
      feedForward,
      positionsKnown,
      positionsElsewhere: facet.positions === 'elsewhere',
      streams: facet.streams?.(this.config) ?? 1,
      gateFunction: facet.gateFunction ?? 'sigmoid',
      says: typeof says === 'function' ? says(this.config) : says,
    };
  }

  private norm(own: ArrangementsFacet['norm'] = this.facet.norm): NormSpec {
    const bias = switched(this.config, this.counted.normBias ?? false);
    // No figure shows an epsilon.
    return { kind: 'rms', weight: 'plain', bias, epsilon: Number.NaN, ...own };
  }

  private norms(norms: NormPlaces, mixes: boolean, feeds: boolean): BlockNorms {
    const norm = this.norm();
    const [before, after] = [norms !== 'output' && norms !== 'sum', norms === 'output' || norms === 'four'];
    return {
      ...NO_NORMS,
      attentionResidual: mixes && norms === 'sum' ? norm : null,
      feedForwardResidual: feeds && norms === 'sum' ? norm : null,
      attention: mixes && before ? norm : null,
      attentionOutput: mixes && after ? norm : null,
      feedForward: feeds && before && norms !== 'parallel' ? norm : null,
      feedForwardOutput: feeds && after ? norm : null,
    };
  }

  private attention(
    attention: AttentionSpec,
    sees: AttentionSpec,
    weights: PlacedParts['weights'],
  ): Pick<LayerDescription, 'layer' | 'positionsKnown'> {
    const shape = attention.kind === 'none' && weights.has('q') ? this.encoderHeads() : drawnAs(attention);
    if (!shape) return { layer: null, positionsKnown: true };
    const { counted, config, facet } = this;
    const bias = switched(config, counted.bias ?? false);
    const norm = weights.has('q_norm')
      ? headNorm(
          this.norm({ ...facet.norm, ...facet.headNorm }),
          facet.headNormExtent ?? (counted.qkNorm === 'wide' ? 'projection' : 'head'),
          facet.headNormLast ? 'after-rope' : 'before-rope',
        )
      : null;
    const gate = typeof counted.gate === 'function' ? counted.gate(config) : (counted.gate ?? null);
    const latent = attention.kind === 'latent';
    const { positions, positionsKnown } = this.positions(sees, shape);
    const scale = facet.scale?.(config);
    return {
      positionsKnown,
      layer: attentionLayer(shape, this.hidden, {
        ...(scale === undefined ? {} : { scale }),
        rotary: positions,
        // Of latent attention the down and the output projections have it.
        biases: {
          q: bias,
          k: bias,
          v: bias,
          o: counted.outBias === undefined ? bias : switched(config, counted.outBias),
        },
        queryNorm: latent ? null : norm,
        keyNorm: latent ? null : norm,
        valueNorm: facet.valueNorm ? headNorm(this.norm({ ...facet.norm, weight: 'none' })) : null,
        sinks: counted.sinks === 'all' || (counted.sinks === 'sliding' && attention.kind === 'sliding'),
        outputGate: gate === 'wide' ? 'element' : (gate ?? 'none'),
        latentNorms: latent
          ? { query: attention.queryLatentDim === null ? null : this.norm(), latent: this.norm() }
          : null,
      }),
    };
  }

  /** Of an encoder's layer, which keeps nothing: its heads are in no cache. */
  private encoderHeads(): RunnableAttention | null {
    const heads = this.config.sizeOr('num_attention_heads', null);
    if (heads === null) return null;
    const dim = this.hidden / heads;
    return { kind: 'full', queryHeads: heads, kvHeads: heads, keyDim: dim, valueDim: dim };
  }

  private positions(
    attention: AttentionSpec,
    shape: RunnableAttention,
  ): { readonly positions: RotarySpec | null; readonly positionsKnown: boolean } {
    const { facet, config } = this;
    const given = facet.positions ?? 'rope';
    const positions: Positioning = typeof given === 'function' ? given(config, attention) : given;
    if (positions === 'none' || positions === 'elsewhere') return { positions: null, positionsKnown: true };
    if (positions === 'unsaid') return { positions: null, positionsKnown: false };
    let known = true;
    const cannotRun = (): null => {
      known = false;
      return null;
    };
    const dim = shape.kind === 'latent' ? shape.ropeDim : shape.keyDim;
    const local = attention.kind === 'sliding';
    const layerType = local ? 'sliding_attention' : 'full_attention';
    const thetaKey =
      local && facet.localTheta !== undefined
        ? { thetaKey: facet.localTheta, theta: config.defaultTheta('local') }
        : {};
    const partial = typeof positions === 'number' ? { partial: positions } : {};
    const spec = rotary({ config, cannotRun }, { dim, layout: 'half', layerType, ...partial, ...thetaKey });
    return { positions: spec, positionsKnown: known };
  }

  /** Undefined where what was counted is no feed-forward of the usual projections. */
  private feedForward(
    { parts, experts, weights }: PlacedParts,
    layer: number,
  ): DescribedFeedForward | null | undefined {
    const [group, ...more] = experts;
    if (more.length > 0) return undefined;
    const bias = switched(this.config, this.counted.mlpBias ?? false);
    const dense = (prefix: string): DenseFeedForward | null => {
      const [gate, up] = [weights.get(`${prefix}gate_proj`), weights.get(`${prefix}up`)];
      if (up === undefined) return null;
      const width = up / (this.hidden + (bias ? 1 : 0));
      const act = this.activation();
      return gate === undefined
        ? { kind: 'plain', width, activation: act, biasIn: bias, biasOut: bias }
        : { kind: 'gated', width, activation: act, biasIn: bias, biasOut: bias, clampedSwiglu: null };
    };
    if (!group) return dense('') ?? (parts.mlp + parts.router === 0 ? null : undefined);
    const { facet, counted } = this;
    const act = this.activation();
    const gated = counted.plain !== true;
    const ownBias = switched(this.config, counted.experts?.bias ?? false);
    const latent = weights.get('latent');
    const input = latent === undefined ? this.hidden : null;
    const shared = dense('shared.') ?? dense('');
    // An expert of `width`: each of its projections has width × input numbers, and their biases.
    const width =
      input === null
        ? null
        : (group.parametersEach - (ownBias ? input : 0)) / ((gated ? 3 : 2) * input + (ownBias ? (gated ? 2 : 1) : 0));
    const narrow = width === null ? widthOnLatent(this.config) : width;
    if (narrow === null || !Number.isInteger(narrow)) return undefined;
    const expert: DenseFeedForward = gated
      ? { kind: 'gated', width: narrow, activation: act, biasIn: ownBias, biasOut: ownBias, clampedSwiglu: null }
      : { kind: 'plain', width: narrow, activation: act, biasIn: ownBias, biasOut: ownBias };
    const words = facet.router?.(this.config, layer) ?? {};
    return {
      kind: 'moe',
      expert,
      shared: shared && { expert: shared, gate: facet.sharedGate === true },
      router: {
        experts: group.experts,
        topK: group.perToken,
        scoring: words.scoring ?? null,
        groups: words.groups ?? null,
        bias: false,
        correctionBias: words.correctionBias === true,
        byTable: words.byTable === true,
        normalize: words.normalize === true,
      },
    };
  }

  private activation(): Activation {
    const { facet, config } = this;
    if (facet.activation !== undefined)
      return typeof facet.activation === 'function' ? facet.activation(config) : facet.activation;
    const cannotRun = (): never => config.unsupported('this activation');
    return activation(
      { config, cannotRun },
      ACTIVATION_KEYS.find((key) => config.get(key) !== undefined) ?? 'hidden_act',
    );
  }
}

/** The inner width of experts that work on a latent. */
function widthOnLatent(config: ConfigReader): number | null {
  return config.sizeOr('moe_intermediate_size', null);
}

/** Attention whose projections are the usual ones, as a kind that has a description; null where they are not. */
function drawnAs(attention: AttentionSpec): RunnableAttention | null {
  if (isRunnable(attention)) return attention;
  if (!isHeaded(attention)) return null;
  const { queryHeads, kvHeads, keyDim, valueDim } = attention;
  return { kind: 'full', queryHeads, kvHeads, keyDim, valueDim };
}

/** Null where the config lacks what was asked. */
export function orNull<T>(make: () => T): T | null {
  try {
    return make();
  } catch (error) {
    if (error instanceof ConfigRefusal) return null;
    throw error;
  }
}
