/** Everything that turns a ModelSpec into a number. */

import type { KvDtype } from './dtype';
import type { WeightFormat } from './weightFormat';

/** How much is asked of the cache. */
export interface Workload {
  /** Sequences at the same time. */
  readonly batch: number;
  /** Tokens of each sequence. */
  readonly tokens: number;
}

export const ENGINES = ['intrinsic', 'vllm', 'sglang', 'trtllm', 'llamacpp', 'transformers'] as const;
/** Whose allocation rule is applied. `intrinsic` is what the attention itself needs. */
export type EngineRule = (typeof ENGINES)[number];

export function isEngineRule(text: string): text is EngineRule {
  return (ENGINES as readonly string[]).includes(text);
}

export const ENGINE_NAMES: Readonly<Record<EngineRule, string>> = {
  intrinsic: 'theoretical minimum',
  vllm: 'vLLM',
  sglang: 'SGLang',
  trtllm: 'TensorRT-LLM',
  llamacpp: 'llama.cpp',
  transformers: 'transformers',
};

/** Value of an engine's start-up option. */
export type OptionValue = number | boolean | string | readonly number[];

/** Start-up options of an engine, by its own names. */
export type EngineOptions = Readonly<Record<string, OptionValue>>;

/** How a model is split over devices. */
export interface Sharding {
  /** Tensor-parallel ranks. */
  readonly tp: number;
  /** Pipeline-parallel stages. */
  readonly pp: number;
  /** Decode-context-parallel ranks: the tokens of a latent or replicated cache are striped over them. */
  readonly dcp: number;
  /** Attention runs data-parallel: every rank keeps whole heads of its own sequences. */
  readonly dpAttention: boolean;
}

/** Ranks of one kind beyond any machine: larger numbers are slips. */
export const MOST_RANKS = 4096;

export const UNSHARDED: Sharding = { tp: 1, pp: 1, dcp: 1, dpAttention: false };

export interface Scenario {
  readonly workload: Workload;
  readonly engine: EngineRule;
  /** The release whose behaviour is meant (see the rule's `releases`); the newest where it is absent. */
  readonly release?: string;
  /** Start-up options of the engine by its own names; those that are absent have the release's defaults. */
  readonly options?: EngineOptions;
  readonly kvDtype: KvDtype;
  /** The type of the weights; as the file says where it is absent. */
  readonly weights?: WeightFormat;
  readonly sharding: Sharding;
  /** What was asked and could not be taken, a sentence each: the numbers are made without it, and say so. */
  readonly untaken?: readonly string[];
}
