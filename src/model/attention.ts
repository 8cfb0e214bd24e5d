/** What one layer's token mixer is, as far as caching and computing need to know. Shapes in elements. */

/** Sparse-attention indexer (DSA): one small key per token beside the main cache. */
export interface IndexerSpec {
  /** Width of an index key. */
  readonly headDim: number;
  /** Index query heads; they share the one key. Null where the config does not say. */
  readonly heads: number | null;
  /** Keys that a query attends to after selection; null where not given. */
  readonly topK: number | null;
  /** False when the layer reuses the selection of an earlier layer and stores no index keys. */
  readonly owned: boolean;
  /** Tokens that are pooled into one index key; one where absent. Compressed layers have their own ratio. */
  readonly pool?: number;
  /** Tokens that engines pool into one index key where the model's own code keeps the key of every token (Qwen 4). */
  readonly enginePool?: number;
}

/** Per-head K and V: queries `[queryHeads, keyDim]`, cached K `[kvHeads, keyDim]` and V `[kvHeads, valueDim]` a token. */
export interface HeadLayout {
  readonly queryHeads: number;
  readonly kvHeads: number;
  readonly keyDim: number;
  /** 0 where K and V are one tensor that is stored once. */
  readonly valueDim: number;
}

export interface FullAttention extends HeadLayout {
  readonly kind: 'full';
  readonly indexer?: IndexerSpec;
}

export interface SlidingAttention extends HeadLayout {
  readonly kind: 'sliding';
  /** Keys that a query sees, its own included. */
  readonly window: number;
}

export interface ChunkedAttention extends HeadLayout {
  readonly kind: 'chunked';
  /** Tokens of a chunk; a query sees its own chunk up to itself. */
  readonly chunk: number;
}

/** Multi-head latent attention: one latent vector and one rotary key a token, shared by all heads. */
export interface LatentAttention {
  readonly kind: 'latent';
  readonly queryHeads: number;
  /** kv_lora_rank */
  readonly latentDim: number;
  /** qk_rope_head_dim */
  readonly ropeDim: number;
  /** qk_nope_head_dim: the part of a head's key that is expanded from the latent. */
  readonly nopeDim: number;
  /** v_head_dim */
  readonly valueDim: number;
  /** q_lora_rank, null when queries are projected directly. */
  readonly queryLatentDim: number | null;
  readonly indexer?: IndexerSpec;
}

/** DeepSeek-V4: a window of raw entries and one entry per `ratio` tokens; K = V, stored once. */
export interface CompressedAttention {
  readonly kind: 'compressed';
  readonly queryHeads: number;
  readonly headDim: number;
  readonly ropeDim: number;
  readonly window: number;
  readonly ratio: number;
  /** One index key per compressed entry (CSA); absent in HCA layers. */
  readonly indexer?: IndexerSpec;
}

/** How many source tokens a cross-attention layer caches. */
export type CrossSource =
  /** A fixed number (Whisper: 1,500 audio positions). */
  | { readonly tokens: number }
  /** As many as the target has, by the convention of the intrinsic rule (T5, BART). */
  | { readonly tokens: 'target' };

export interface CrossAttention extends HeadLayout {
  readonly kind: 'cross';
  readonly source: CrossSource;
}

/** Convolution state: the last inputs of a causal convolution. */
export interface ConvState {
  readonly channels: number;
  /** Positions kept by the intrinsic rule and by transformers (the kernel's width in most families). */
  readonly width: number;
  /** Positions kept by vLLM, SGLang and llama.cpp (one less where the newest input is not stored). */
  readonly engineWidth: number;
}

/** State of a recurrent mixer: per sequence, not per token. */
export interface StateSpec {
  readonly flavour: StateFlavour;
  readonly conv: ConvState | null;
  /** Convolution of another mixer in the same layer, whole on every rank; engines page it apart (PLE of Qwen 4). */
  readonly beside?: ConvState;
  /** Elements of the recurrent matrix or vector. */
  readonly recurrentElements: number;
  /** `float32` only where the config or the family's code says so; `cache` otherwise. */
  readonly recurrentDtype: 'float32' | 'cache';
  /** Heads over which tensor parallelism splits the recurrent part; null where it splits by channel. */
  readonly heads: number | null;
  /** Convolution channels that groups of B and C (or K) take and that are copied when ranks outnumber groups. */
  readonly groupChannels?: { readonly groups: number; readonly channels: number };
}

export type StateFlavour = 'mamba' | 'mamba2' | 'gated-delta-net' | 'kda' | 'linear' | 'rwkv' | 'rg-lru' | 'short-conv';

export interface RecurrentMixer {
  readonly kind: 'recurrent';
  readonly state: StateSpec;
}

export interface ConvMixer {
  readonly kind: 'conv';
  readonly state: StateSpec;
}

/** Reuses the cache of an earlier layer and stores nothing. */
export interface SharedAttention extends HeadLayout {
  readonly kind: 'shared';
  /** Index of the layer whose cache is read. */
  readonly sharedWith: number;
}

/** Caches nothing: an MLP-only layer, a pruned attention, an encoder layer. */
export interface NoAttention {
  readonly kind: 'none';
}

/** A layer that could not be understood. Counted and named, never guessed. */
export interface UnknownAttention {
  readonly kind: 'unknown';
  /** What stands in the config, for the message. */
  readonly label: string;
}

export type AttentionSpec =
  | FullAttention
  | SlidingAttention
  | ChunkedAttention
  | LatentAttention
  | CompressedAttention
  | CrossAttention
  | RecurrentMixer
  | ConvMixer
  | SharedAttention
  | NoAttention
  | UnknownAttention;

export type AttentionKind = AttentionSpec['kind'];

/** Kinds that hold per-head K and V. */
export type HeadedAttention = FullAttention | SlidingAttention | ChunkedAttention | CrossAttention | SharedAttention;

export function isHeaded(spec: AttentionSpec): spec is HeadedAttention {
  return 'kvHeads' in spec;
}

/** MHA, GQA or MQA of a head layout. */
export function headVariant(layout: Pick<HeadLayout, 'queryHeads' | 'kvHeads'>): 'MHA' | 'GQA' | 'MQA' {
  if (layout.kvHeads === layout.queryHeads) return 'MHA';
  return layout.kvHeads === 1 ? 'MQA' : 'GQA';
}
