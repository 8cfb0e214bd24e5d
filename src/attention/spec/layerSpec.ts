/** What the maths of one attention layer needs, beyond the shapes that decide its cache. */

import type {
  AttentionSpec,
  ChunkedAttention,
  FullAttention,
  LatentAttention,
  SlidingAttention,
} from '../../model/attention';
import type { HeadNormSpec, NormSpec } from './normSpec';
import type { RotarySpec } from './rotarySpec';

/** Kinds of attention that programs exist for. */
export type RunnableAttention = FullAttention | SlidingAttention | ChunkedAttention | LatentAttention;

const RUNNABLE: readonly AttentionSpec['kind'][] = ['full', 'sliding', 'chunked', 'latent'];

export function isRunnable(attention: AttentionSpec): attention is RunnableAttention {
  return RUNNABLE.includes(attention.kind);
}

/** ALiBi (Press et al. 2021): score += slope of the head × position of the key. */
export interface AlibiSpec {
  /** One per query head: `bloomSlopes`, `mptSlopes`. */
  readonly slopes: readonly number[];
  /** Slope × position × this: 1, or the softmax scale where the bias is added before scaling (Falcon). */
  readonly factor: number;
  /** Falcon rounds slope × position to bfloat16. */
  readonly rounding: 'none' | 'bfloat16';
  /** The factor of a slope: the key's position (BLOOM, Falcon) or its distance to the newest token, ≤ 0 (MPT). */
  readonly origin: 'first' | 'last';
}

/**
 * Queries grow with their position: q × (1 + scale · ln(1 + floor((position + offset) / interval))).
 * Llama 4 NoPE layers: offset 1; Ministral 3: offset 0, interval = original context.
 */
export interface TemperatureSpec {
  readonly scale: number;
  readonly interval: number;
  readonly offset: number;
}

/** Which projections have a bias. For latent attention `q` is that of q_a (or of the direct projection), `k` that of kv_a. */
export interface ProjectionBiases {
  readonly q: boolean;
  readonly k: boolean;
  readonly v: boolean;
  readonly o: boolean;
}

const NO_BIASES: ProjectionBiases = { q: false, k: false, v: false, o: false };

/** Norms on the compressed vectors of latent attention. */
export interface LatentNorms {
  /** On the output of q_a; null where queries are projected directly. */
  readonly query: NormSpec | null;
  /** On the latent part of kv_a's output. */
  readonly latent: NormSpec | null;
  /** Factors on the normed query latent and on the normed latent before they are expanded (LongCat); 1 elsewhere. */
  readonly queryFactor?: number;
  readonly latentFactor?: number;
}

export interface AttentionLayerSpec {
  readonly attention: RunnableAttention;
  /** Width of the input and of the output. */
  readonly hiddenSize: number;
  /** scores = q·k × scale: 1/√d, query_pre_attn_scalar^−½ (Gemma 2), attention_multiplier (Granite), 1 (GPT-Neo), … */
  readonly scale: number;
  /** Gemma 2: scores = cap · tanh(scores / cap), before the mask. */
  readonly softcap: number | null;
  /** gpt-oss: one learned logit per query head takes part in the softmax and is dropped afterwards. */
  readonly sinks: boolean;
  readonly biases: ProjectionBiases;
  /** q, k and v are clamped to ±clip after projection (OLMo, DBRX, MPT `clip_qkv`). */
  readonly clip: number | null;
  /** OLMoE clamps after its QK-norm instead; default false. */
  readonly clipAfterNorm?: boolean;
  readonly queryNorm: HeadNormSpec | null;
  readonly keyNorm: HeadNormSpec | null;
  /** Gemma 4 normalises values (over a head, before caching). */
  readonly valueNorm: HeadNormSpec | null;
  /** Null: no rotary (learned positions, ALiBi, NoPE layers). For latent attention it is that of the decoupled key. */
  readonly rotary: RotarySpec | null;
  readonly alibi: AlibiSpec | null;
  readonly temperature: TemperatureSpec | null;
  /**
   * The heads' output × sigmoid(x · w_gate) before the output projection: a gate for every element (Qwen3-Next,
   * `[hidden, heads · valueDim]`) or one per head (`[hidden, heads]`).
   */
  readonly outputGate: 'none' | 'element' | 'head';
  /** Norm over all heads' outputs together before the output projection (BitNet `attn_sub_norm`), else null. */
  readonly outputNorm: NormSpec | null;
  /** Its width where the class gives one that need not be the heads' (BitNet: the hidden size). */
  readonly outputNormWidth?: number;
  /** Present for latent attention only. */
  readonly latentNorms: LatentNorms | null;
}

/** Everything off: spread it and set what a family has. `scale` is 1/√keyDim; it and `hiddenSize` are the caller's business. */
export const PLAIN_LAYER: Omit<AttentionLayerSpec, 'attention' | 'hiddenSize' | 'scale'> = {
  softcap: null,
  sinks: false,
  biases: NO_BIASES,
  clip: null,
  queryNorm: null,
  keyNorm: null,
  valueNorm: null,
  rotary: null,
  alibi: null,
  temperature: null,
  outputGate: 'none',
  outputNorm: null,
  latentNorms: null,
};

/** Head dims as the score product sees them: a latent layer's expanded key is [nope | rope]. */
export interface HeadDims {
  readonly queryHeads: number;
  readonly kvHeads: number;
  readonly keyDim: number;
  readonly valueDim: number;
}

export function headDims(attention: RunnableAttention): HeadDims {
  if (attention.kind !== 'latent') return attention;
  return {
    queryHeads: attention.queryHeads,
    kvHeads: attention.queryHeads,
    keyDim: attention.nopeDim + attention.ropeDim,
    valueDim: attention.valueDim,
  };
}

/** Keys that a query sees at most, its own included; null: all before it. Chunked layers start again at each chunk. */
export function keyLimit(attention: RunnableAttention): number | null {
  if (attention.kind === 'sliding') return attention.window;
  return attention.kind === 'chunked' ? attention.chunk : null;
}
