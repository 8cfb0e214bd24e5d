/** The frame that most decoders share: q, k, v, o, a feed-forward, norms, RoPE; families fill in what differs. */

import type { Activation, BlockNorms, BlockSpec, FeedForward } from '../../../attention/blockSpec';
import { type AttentionLayerSpec, headDims, type RunnableAttention } from '../../../attention/layerSpec';
import type { NormSpec } from '../../../attention/normSpec';
import type { RotarySpec } from '../../../attention/rotarySpec';
import { attentionAt, attentionLayer, block, type FamilyInput, type FamilyModel, preNorms } from '../family';
import { LLAMA_ATTENTION, LLAMA_MLP, LLAMA_NORMS } from '../llamaNames';
import { activation, gated, rmsNorm } from '../parts';
import type { EmbeddingPlan, OutputPlan, WeightSources } from '../plan';
import { rotary } from '../rotary';

export interface FeedForwardChoice {
  readonly spec: FeedForward;
  readonly sources: WeightSources;
  readonly expert?: (expert: number) => WeightSources;
}

export interface LlamaLike {
  /** Of the blocks and of the output; RMS with `rms_norm_eps` by default. */
  readonly norm?: NormSpec;
  readonly norms?: Partial<BlockNorms>;
  /** Rotary of a layer; over the whole head in halves by default. */
  readonly rotary?: (index: number, attention: RunnableAttention) => RotarySpec | null;
  /** What differs in the attention of a layer. */
  readonly attention?: (index: number, attention: RunnableAttention) => Partial<AttentionLayerSpec>;
  readonly feedForward?: (index: number) => FeedForwardChoice;
  /** Added to, or in place of, the usual names. */
  readonly sources?: WeightSources | ((index: number) => WeightSources);
  readonly block?: (index: number) => Partial<BlockSpec>;
  readonly embedding?: Partial<EmbeddingPlan>;
  readonly output?: Partial<Omit<OutputPlan, 'head' | 'bias'>>;
  readonly finalNorm?: string;
  readonly headBias?: boolean;
  /** Where `hidden_size` has another name. */
  readonly hiddenKey?: string;
}

/** A gated feed-forward of `intermediate_size` under the usual names. */
export function gatedMlp(
  input: FamilyInput,
  options: {
    readonly width?: number;
    readonly bias?: boolean;
    readonly activationKey?: string;
    readonly activation?: Activation;
  } = {},
): FeedForwardChoice {
  const { config } = input;
  const width = options.width ?? config.number('intermediate_size');
  return {
    spec: gated(width, options.activation ?? activation(config, options.activationKey), options.bias ?? false),
    sources: LLAMA_MLP,
  };
}

/** q, k, v and o alike. */
export function biases(qkv: boolean, o = qkv): Pick<AttentionLayerSpec, 'biases'> {
  return { biases: { q: qkv, k: qkv, v: qkv, o } };
}

/** RoPE over the heads (or their rotary part, for MLA) of a layer. */
export function plainRotary(
  input: FamilyInput,
  attention: RunnableAttention,
  layout: RotarySpec['layout'] = 'half',
  partial?: number,
): RotarySpec | null {
  const dim = attention.kind === 'latent' ? attention.ropeDim : headDims(attention).keyDim;
  return rotary(input.config, { dim, layout, ...(partial === undefined ? {} : { partial }) });
}

export function llamaLike(input: FamilyInput, options: LlamaLike = {}): FamilyModel {
  const { config } = input;
  const hiddenSize = config.number(options.hiddenKey ?? 'hidden_size');
  const norm = options.norm ?? rmsNorm(config.number('rms_norm_eps'));
  const rotaryOf =
    options.rotary ?? ((_: number, attention: RunnableAttention): RotarySpec | null => plainRotary(input, attention));
  const feedForward = options.feedForward ?? ((): FeedForwardChoice => gatedMlp(input));
  return {
    hiddenSize,
    embedding: { tensor: 'embed_tokens.weight', ...options.embedding },
    output: { norm: { spec: norm, base: options.finalNorm ?? 'norm' }, ...options.output },
    head: { base: 'lm_head', tied: config.flag('tie_word_embeddings'), bias: options.headBias ?? false },
    layerPrefix: (index) => `layers.${index}.`,
    layer: (index) => {
      const attention = attentionAt(input, index);
      const mlp = feedForward(index);
      const layer = attentionLayer(attention, hiddenSize, {
        rotary: rotaryOf(index, attention),
        ...options.attention?.(index, attention),
      });
      const own = typeof options.sources === 'function' ? options.sources(index) : options.sources;
      return {
        block: block(layer, mlp.spec, options.norms ?? preNorms(norm), options.block?.(index)),
        sources: { ...LLAMA_ATTENTION, ...LLAMA_NORMS, ...mlp.sources, ...own },
        ...(mlp.expert === undefined ? {} : { expert: mlp.expert }),
      };
    },
  };
}
