/** The frame that most decoders share: attention, feed-forward, norms and RoPE; families fill in what differs. */

import type {
  Activation,
  BlockNorms,
  BlockSpec,
  FeedForward,
  GatedFeedForward,
  PlainFeedForward,
} from '../../attention/spec/blockSpec';
import { NO_NORMS } from '../../attention/spec/blockSpec';
import { type AttentionLayerSpec, headDims, PLAIN_LAYER, type RunnableAttention } from '../../attention/spec/layerSpec';
import type { NormSpec } from '../../attention/spec/normSpec';
import type { RotarySpec } from '../../attention/spec/rotarySpec';
import type { BlockInput, BlockModel } from '../facets';
import { activation, gated, plain, rmsNorm } from './parts';
import { rotary } from './rotary';

/** The attention of a layer; configs without one for every layer are refused earlier. */
export function attentionAt(input: BlockInput, index: number): RunnableAttention {
  return input.attentions[index] ?? input.config.unsupported(`layer ${index}`);
}

/** An attention layer scaled by 1/√keyDim with everything optional off, plus the given changes. */
export function attentionLayer(
  attention: RunnableAttention,
  hiddenSize: number,
  changes: Partial<AttentionLayerSpec> = {},
): AttentionLayerSpec {
  // Not a spread: V8 takes ten times as long to extend an object of this many properties, and models have hundreds of layers.
  const own = { attention, hiddenSize, scale: headDims(attention).keyDim ** -0.5 };
  return Object.assign({}, PLAIN_LAYER, own, changes);
}

export function block(
  layer: AttentionLayerSpec,
  feedForward: FeedForward,
  norms: Partial<BlockNorms>,
  changes: Partial<BlockSpec> = {},
): BlockSpec {
  return {
    layer,
    feedForward,
    norms: { ...NO_NORMS, ...norms },
    arrangement: 'sequential',
    residualMultiplier: 1,
    residualFrom: 'sum',
    ...changes,
  };
}

/** The two norms of a pre-norm block. */
export function preNorms(norm: NormSpec): Partial<BlockNorms> {
  return { attention: norm, feedForward: norm };
}

/** A gated feed-forward, of `intermediate_size` unless told otherwise. */
export function gatedMlp(
  { config, ...input }: BlockInput,
  options: {
    readonly width?: number;
    readonly bias?: boolean;
    readonly activationKey?: string;
    readonly activation?: Activation;
  } = {},
): GatedFeedForward {
  const width = options.width ?? config.need('intermediate_size');
  return gated(
    width,
    options.activation ?? activation({ config, ...input }, options.activationKey),
    options.bias ?? false,
  );
}

/** An up and a down projection without a gate. */
export function plainMlp(input: BlockInput, bias: boolean, activationKey?: string): PlainFeedForward {
  return plain(input.config.need('intermediate_size'), activation(input, activationKey), bias);
}

/** q, k, v and o alike. */
export function biases(qkv: boolean, o = qkv): Pick<AttentionLayerSpec, 'biases'> {
  return { biases: { q: qkv, k: qkv, v: qkv, o } };
}

/** RoPE over the heads (or their rotary part, for MLA) of a layer. */
export function plainRotary(
  input: BlockInput,
  attention: RunnableAttention,
  layout: RotarySpec['layout'] = 'half',
  partial?: number,
): RotarySpec | null {
  const dim = attention.kind === 'latent' ? attention.ropeDim : headDims(attention).keyDim;
  return rotary(input, { dim, layout, ...(partial === undefined ? {} : { partial }) });
}

export interface LlamaBlocks {
  /** Of the blocks and of the output; RMS with `rms_norm_eps` by default. */
  readonly norm?: NormSpec;
  readonly norms?: Partial<BlockNorms>;
  /** Rotary of a layer; over the whole head in halves by default. */
  readonly rotary?: (index: number, attention: RunnableAttention) => RotarySpec | null;
  /** What differs in the attention of a layer. */
  readonly attention?: (index: number, attention: RunnableAttention) => Partial<AttentionLayerSpec>;
  /** Gated, of `intermediate_size`, by default. */
  readonly feedForward?: (index: number) => FeedForward;
  readonly block?: (index: number) => Partial<BlockSpec>;
  readonly embedding?: BlockModel['embedding'];
  readonly output?: Partial<BlockModel['output']>;
}

export function llamaBlocks(input: BlockInput, options: LlamaBlocks = {}): BlockModel {
  const { config, hiddenSize } = input;
  const norm = options.norm ?? rmsNorm(config.need('rms_norm_eps'));
  const feedForward = options.feedForward ?? ((): FeedForward => gatedMlp(input));
  return {
    ...(options.embedding ? { embedding: options.embedding } : {}),
    output: { norm, ...options.output },
    block: (index) => {
      const attention = attentionAt(input, index);
      const rotaryOf = options.rotary ? options.rotary(index, attention) : plainRotary(input, attention);
      const layer = attentionLayer(attention, hiddenSize, {
        rotary: rotaryOf,
        ...options.attention?.(index, attention),
      });
      return block(layer, feedForward(index), options.norms ?? preNorms(norm), options.block?.(index));
    },
  };
}
