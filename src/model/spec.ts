/** ModelSpec: a config read into a list of layers, every number with the place it came from. */

import type { AttentionSpec, StateSpec } from './attention';
import type { ElementDtype, ResolvedKvDtype } from './dtype';

/** Half-open character range in the config's text, and its 1-based line. */
export interface TextRange {
  readonly offset: number;
  readonly length: number;
  readonly line: number;
}

/** Where a number came from. */
export interface Source {
  /** Path of the key (`text_config.num_key_value_heads`), or null when no key gave it. */
  readonly key: string | null;
  readonly range: TextRange | null;
  /** How the key (or its absence) became the number: "given", "hidden_size ÷ num_attention_heads", … */
  readonly rule: string;
}

/** A number and its source. */
export interface Sourced<T> {
  readonly value: T;
  readonly source: Source;
}

/** Sources of a layer's factors, by the name of the AttentionSpec field (`kvHeads`, `keyDim`, `window`, …). */
export type FactorSources = Readonly<Record<string, Source>>;

export interface LayerSpec {
  /** Position in the list of caches, from 0. Encoder-decoder models list decoder self, then decoder cross layers. */
  readonly index: number;
  readonly attention: AttentionSpec;
  /** A recurrent mixer that runs beside the attention in the same layer (Falcon-H1). */
  readonly parallelState?: StateSpec;
  /** Shared between layers of one kind: compare by identity to group. */
  readonly sources: FactorSources;
  /** True when the kind was assumed from common key names because the family is not known. */
  readonly assumed?: boolean;
}

/** Something the reader must be told: a guess, a convention, a layer left out. */
export interface Note {
  readonly text: string;
  /** Key that the note is about. */
  readonly key?: string;
  /** True when it makes the numbers inexact (a guess), false when it only explains. */
  readonly inexact: boolean;
}

export type Severity = 'error' | 'warning' | 'information';

/** An edit of the config that mends a problem: the value of `key` becomes `value` (undefined removes it). */
export interface ProblemFix {
  readonly title: string;
  readonly key: string;
  readonly value: string | number | boolean | null | undefined;
  /** The key keeps its value and its place, and gets this name; `value` is undefined. */
  readonly renameTo?: string;
}

/** A defect of the config: what, where, how to mend it. */
export interface Problem {
  /** Stable id (`heads-not-divisible`), for tests and for "ignore this rule". */
  readonly rule: string;
  readonly severity: Severity;
  readonly key: string | null;
  readonly range: TextRange | null;
  readonly message: string;
  readonly fix?: ProblemFix;
}

/** How SGLang's implementation of a family caches, where the model alone does not say it. */
export interface SglangCaching {
  /**
   * True, or the day since when, where windows have a pool of their own; else every layer keeps every token. A day where SGLang had
   * the model before.
   */
  readonly windows?: boolean | string;
  /** True where states are tracked while decoding: more slots for a running request. */
  readonly tracksStates?: boolean;
  /** True where the config says which element type states have; else they are float32. */
  readonly cacheDtypeStates?: boolean;
}

/** How llama.cpp's implementation of a family caches, where the model alone does not say it. */
export interface LlamacppCaching {
  /** False where it has no windows for the family: windowed layers keep every token. Absent where that is not known. */
  readonly windows?: boolean;
  /** True where it caches K and V of every head instead of latents. */
  readonly expandsLatents?: boolean;
  /** False where it keeps no K and V of the source (T5); absent where that is not known. */
  readonly cachesSource?: boolean;
  /** True where it keeps a state for each drafted token, to go back to; absent where that is not known. */
  readonly keepsDraftStates?: boolean;
  /** False where it has no implementation of the family: its converter refuses the model. */
  readonly runs?: boolean;
  /** False where it switches flash attention off, whatever was asked for. */
  readonly flashAttention?: boolean;
  /** True where layers without heads have a cache of values all the same, as wide as in the widest layer, without flash attention. */
  readonly padsEmptyLayers?: boolean;
  /** True where index keys have values beside them, as any cache of K and V (MiniMax-M3). */
  readonly indexValues?: boolean;
}

/** How the file spells its keys. */
export type Dialect = 'huggingface' | 'params' | 'gguf';

export interface ModelSpec {
  readonly dialect: Dialect;
  /** `model_type` of the language model, or the name of the dialect's architecture. */
  readonly modelType: string;
  /** One of our families, or null when the type is not known. */
  readonly family: string | null;
  /** "GQA", "MLA + DSA", "GQA + sliding/full", … */
  readonly variant: string;
  readonly layers: readonly LayerSpec[];
  /** Element type that the config names; null when it names none. */
  readonly nativeDtype: ElementDtype | null;
  readonly nativeDtypeSource: Source;
  /** KV-cache format that the config prescribes (kv_cache_scheme), else null. */
  readonly declaredKvDtype: ResolvedKvDtype | null;
  readonly hiddenSize: number | null;
  /** Trained context length in tokens, where given. */
  readonly contextLength: Sourced<number> | null;
  /** Multi-token-prediction layers, not in `layers`. */
  readonly draftLayers: number;
  readonly sglang: SglangCaching;
  readonly llamacpp: LlamacppCaching;
  /** Layers not understood: kind unknown, or assumed. */
  readonly unknownLayers: number;
  /** False when anything was guessed; `notes` says what. */
  readonly exact: boolean;
  readonly notes: readonly Note[];
}
