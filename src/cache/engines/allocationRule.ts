/** What an engine's allocation rule is, and what all of them share. */

import type { AttentionSpec, StateSpec } from '../../model/attention';
import type { KvDtype, ResolvedKvDtype } from '../../model/dtype';
import type { Sharding, Workload } from '../../model/scenario';
import type { ModelSpec } from '../../model/spec';
import type { StateForm } from '../derivation';
import type { LayerGroup } from '../groups';
import { stateElementBytes } from '../layerBytes';
import { rankAttention, rankState, tokensPerRank } from '../sharding';
import type { Declared, EngineSetup } from './options';

/** What an engine is asked for one rank. */
export interface RuleContext {
  readonly spec: ModelSpec;
  readonly dtype: ResolvedKvDtype;
  /** What the scenario asks for, before the config and the engine have decided. */
  readonly asked: KvDtype;
  readonly workload: Workload;
  readonly sharding: Sharding;
  readonly setup: EngineSetup;
}

/** Bytes of one layer on one rank, for all sequences of the workload. */
export interface LayerCost {
  /** What the attention must keep, in the engine's own row format, split over ranks, without pages. */
  readonly needed: number;
  /** What these tokens occupy, pages and padding included. */
  readonly steady: number;
  /** What must be free before the engine accepts them. */
  readonly reserved: number;
  readonly state: number;
  readonly stateReserved: number;
}

export const NO_COST: LayerCost = { needed: 0, steady: 0, reserved: 0, state: 0, stateReserved: 0 };

/** First and one-past-last layer of a pipeline stage. */
export type Stage = readonly [number, number];

/** What a rank holds and reserves beyond its layers, for all sequences of the workload. */
export interface Overhead {
  readonly steady: number;
  readonly reserved: number;
}

/** Why numbers differ, as a sentence. */
export interface Reason {
  readonly text: string;
  /** True when the engine's behaviour in this point is assumed. */
  readonly inexact: boolean;
}

export interface AllocationRule extends Declared {
  readonly cite: string;
  /** False where devices take whole layers instead of shares of heads: then a rank's bytes are those of all devices. */
  readonly splitsHeads: boolean;
  /** The format that `auto` becomes; engines have defaults of their own. */
  autoDtype(native: ResolvedKvDtype, spec: ModelSpec): ResolvedKvDtype;
  /** The format really used where the engine has none of the asked one for this model. */
  effectiveDtype?(dtype: ResolvedKvDtype, spec: ModelSpec): ResolvedKvDtype;
  cost(group: LayerGroup, context: RuleContext): LayerCost;
  /** First and one-past-last layer of each device, where the engine splits whole layers in its own way; pipeline stages where absent. */
  stages?(context: RuleContext): readonly Stage[];
  /** Bytes of a pipeline stage on top of its layers' own: phantom layers of groups, padding of pages. `groups` are the whole model's. */
  overhead?(groups: readonly LayerGroup[], context: RuleContext, stage: Stage): Overhead;
  /** How it keeps states, for the lines of the derivation; the intrinsic form where absent. */
  stateForm?(context: RuleContext): StateForm;
  reasons(groups: readonly LayerGroup[], context: RuleContext): readonly Reason[];
  /** Why the engine does not start with this set-up, as the words after "refuses"; null where it does. */
  refuses?(groups: readonly LayerGroup[], context: RuleContext): string | null;
}

export function pages(tokens: number, pageTokens: number): number {
  return Math.ceil(tokens / pageTokens);
}

export function roundUp(value: number, multiple: number): number {
  return Math.ceil(value / multiple) * multiple;
}

/** Attention of a rank under tensor parallelism, which attention data parallelism leaves whole. */
export function attentionOf(group: LayerGroup, { sharding }: RuleContext): AttentionSpec {
  return rankAttention(group.attention, sharding.dpAttention ? 1 : sharding.tp);
}

export function rankStateOf(group: LayerGroup, { sharding }: RuleContext): StateSpec | undefined {
  return group.state && rankState(group.state, sharding.dpAttention ? 1 : sharding.tp);
}

/** Sequences whose caches one rank holds: with attention data parallelism each rank has a share of them. */
export function sequences({ workload, sharding }: RuleContext): number {
  return sharding.dpAttention ? Math.ceil(workload.batch / sharding.tp) : workload.batch;
}

/** Tokens of a sequence on a rank; only caches that keep every token are striped over context-parallel ranks. */
export function tokensOf(attention: AttentionSpec, { workload, sharding }: RuleContext): number {
  const striped = attention.kind === 'full' || attention.kind === 'latent';
  return striped ? tokensPerRank(workload.tokens, sharding.dcp) : workload.tokens;
}

/** Bytes of one sequence's state, with the convolution width that engines keep. */
export function engineStateBytes(state: StateSpec | undefined, dtype: ResolvedKvDtype, allFloat32 = false): number {
  if (!state) return 0;
  const cacheBytes = allFloat32 ? 4 : stateElementBytes(dtype);
  const inputs = [state.conv, state.beside].reduce(
    (sum, conv) => sum + (conv ? conv.channels * conv.engineWidth : 0),
    0,
  );
  return inputs * cacheBytes + state.recurrentElements * (state.recurrentDtype === 'float32' ? 4 : cacheBytes);
}
