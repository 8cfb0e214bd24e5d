/** vLLM's kinds of caches and the blocks that windows take. */

import { pages, type RuleContext } from './allocationRule';
import { countOption, type EngineRelease, flagOption } from './options';
import { has } from './vllmHistory';

/** `max_num_batched_tokens` of `vllm serve`: at first on devices of 70 GiB and more, except the A100. */
export function batchedTokens(release: EngineRelease): number {
  return has(release, 'largerSteps') ? 16_384 : 8_192;
}

/** Layers that vLLM gives one cache spec: equal pages, held alike. */
export interface CacheKind {
  /** Equal for equal specs, so that layers that were read as different kinds meet in one group. */
  readonly key: string;
  /** Layers of equal type are one group whatever their widths: the same tokens in the same blocks. */
  readonly type: string;
  readonly layers: readonly number[];
  readonly pageTokens: number;
  /** Bytes of one block of one layer. */
  readonly page: number;
  /** Blocks of one sequence after a step, and those that must be free before it is accepted. */
  readonly held: number;
  readonly reserved: number;
  /** Set where the blocks hold states: the bytes of one, without the padding of its page. */
  readonly state?: number;
}

/** `max_num_batched_tokens` as given, or the release's. */
export function stepTokens({ setup }: RuleContext): number {
  return countOption(setup, 'max-num-batched-tokens') ?? batchedTokens(setup.release);
}

/** Tokens scheduled and not settled: those of one step, of two where the next is scheduled meanwhile. */
export function tokensInFlight(context: RuleContext): number {
  const { setup } = context;
  const steps = has(setup.release, 'settledWindows') && flagOption(setup, 'async-scheduling') ? 2 : 1;
  return steps * stepTokens(context);
}

/** Blocks that hold one of the last `window − 1` tokens: what the next query sees beside itself. */
export function windowBlocks(tokens: number, window: number, pageTokens: number): number {
  return pages(tokens, pageTokens) - Math.floor(Math.max(0, tokens - window + 1) / pageTokens);
}

/** A window may start inside a page: one page on top of the window and the tokens in flight. */
export function reservedWindowBlocks(tokens: number, window: number, pageTokens: number, inFlight: number): number {
  return pages(Math.min(window - 1 + inFlight, tokens), pageTokens) + 1;
}
