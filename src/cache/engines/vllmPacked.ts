/**
 * vLLM's pool where caches of one model have pages of several sizes: pages lie side by side in a block, and a block is as large as
 * the largest group. Index keys that are pooled (Qwen 4, GLM-5.3-Flash) have pages of fewer rows beside those of the main cache; the
 * keys of the pool that is still filling are a ring of one block a request. Sources, main of autumn 2026:
 * `v1/core/kv_cache_planning.py` `_get_packed_kv_cache_groups` and `_get_kv_cache_groups_glm5_next`, `v1/kv_cache_interface.py`
 * `CircularBufferSpec`, `KpoolTailSpec` and `tokens_per_state`, `models/qwen4_exp/common/qsa_cache.py`.
 */

import type { AttentionSpec } from '../../model/attention';
import { layerGroups, runWithin } from '../groups';
import type { RuleContext, Stage } from './allocationRule';
import type { CacheKind } from './vllmBlocks';

/** Tokens that share an index key in the engine; 1 where each has its own. */
export function pooledTokens(attention: AttentionSpec): number {
  const indexer = attention.kind === 'full' || attention.kind === 'latent' ? attention.indexer : undefined;
  return indexer?.owned === true ? (indexer.pool ?? indexer.enginePool ?? 1) : 1;
}

export function isPackedModel({ spec }: RuleContext): boolean {
  return layerGroups(spec).some(({ attention }) => pooledTokens(attention) > 1);
}

export interface PackedTotal {
  readonly held: number;
  readonly reserved: number;
}

/** Layers of one type: all take the same blocks. */
interface Bucket {
  /** Layers by the size of their page. */
  readonly rows: readonly { readonly page: number; readonly layers: readonly number[] }[];
  readonly isState: boolean;
  readonly held: number;
  readonly reserved: number;
}

/** Bytes of one sequence on a stage. */
export function packedTotal(kinds: readonly CacheKind[], stage: Stage): PackedTotal {
  const buckets = bucketsOf(kinds);
  const counts = buckets.filter(isBalanced).map(repeats);
  // Buckets that mix page sizes stay whole; larger ones are split towards them.
  const least = Math.max(0, ...buckets.filter((one) => isBalanced(one) && one.rows.length > 1).map(repeats));
  const size = least === 0 ? null : leastPadding(counts, least);
  const split = (bucket: Bucket): number =>
    size !== null && isBalanced(bucket) ? Math.ceil(repeats(bucket) / size) : 1;
  const widest = ({ rows }: Bucket, groups: number): number =>
    rows.reduce((sum, { page, layers }) => sum + Math.ceil(layers.length / groups) * page, 0);
  // What a block holds however states are split: they can go down to one a group.
  const anchor = Math.max(0, ...buckets.map((one) => widest(one, one.isState ? repeats(one) : split(one))));
  let [held, reserved, block] = [0, 0, 0];
  for (const bucket of buckets) {
    const statesInBlock = Math.max(1, Math.floor(anchor / (bucket.rows[0]?.page ?? 1)));
    const groups = bucket.isState ? Math.max(split(bucket), Math.ceil(repeats(bucket) / statesInBlock)) : split(bucket);
    held += groups * bucket.held;
    reserved += groups * bucket.reserved;
    block = Math.max(block, largestGroup(bucket, groups, stage));
  }
  return { held: held * block, reserved: reserved * block };
}

/** Most bytes that one group has in a stage: each takes every n-th layer of a bucket. */
function largestGroup({ rows }: Bucket, groups: number, stage: Stage): number {
  const bytes = new Map<number, number>();
  for (const { page, layers } of rows) {
    const [from, to] = runWithin(layers, stage);
    for (let index = from; index < to; index++) bytes.set(index % groups, (bytes.get(index % groups) ?? 0) + page);
  }
  return [...bytes.values()].reduce((most, one) => Math.max(most, one), 0);
}

function bucketsOf(kinds: readonly CacheKind[]): readonly Bucket[] {
  const types = new Map<string, CacheKind[]>();
  for (const kind of kinds) types.set(kind.type, [...(types.get(kind.type) ?? []), kind]);
  return [...types.values()].map((all): Bucket => {
    const rows = new Map<number, number[]>();
    for (const { page, layers } of all) rows.set(page, [...(rows.get(page) ?? []), ...layers]);
    return {
      rows: [...rows].map(([page, layers]) => ({ page, layers: layers.sort((a, b) => a - b) })),
      isState: all.some(({ state }) => state !== undefined),
      held: Math.max(...all.map((kind) => kind.held)),
      reserved: Math.max(...all.map((kind) => kind.reserved)),
    };
  });
}

/** Times that a bucket's pattern of one layer of each page size repeats. */
function repeats({ rows }: Bucket): number {
  return Math.max(...rows.map(({ layers }) => layers.length));
}

function isBalanced({ rows }: Bucket): boolean {
  return new Set(rows.map(({ layers }) => layers.length)).size === 1;
}

/** The group size, at least `least`, that pads the counts least; of equal ones the larger. */
export function leastPadding(counts: readonly number[], least: number): number {
  const padding = (size: number): number =>
    counts.reduce((sum, count) => sum + Math.ceil(count / size) * size - count, 0);
  let best = Math.max(1, least);
  for (let size = best; size <= Math.max(...counts); size++) if (padding(size) <= padding(best)) best = size;
  return best;
}
