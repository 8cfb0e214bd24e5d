/** Query heads and KV heads: every KV head serves a group of query heads, all groups of one size. */

import { type HeadedAttention } from '../model/attention';
import type { ProblemFix } from '../model/spec';
import { KV_HEAD_KEYS } from '../config/spellings';
import { type LayerOf, type LintContext, numberIn, plural, removeKey } from './context';

export function lintHeads(context: LintContext): void {
  for (const layer of context.headed) lintGroups(context, layer);
  if (context.latent.length === 0) lintIgnored(context);
}

function lintGroups(context: LintContext, layer: LayerOf<HeadedAttention>): void {
  const { queryHeads, kvHeads } = layer.attention;
  if (queryHeads % kvHeads === 0) return;
  const source = layer.spec.sources['kvHeads'] ?? layer.spec.sources['queryHeads'];
  const better = largestDivisorUpTo(queryHeads, kvHeads);
  const fix: ProblemFix | undefined =
    source?.key != null && context.isWritten(source, kvHeads)
      ? { title: `Set ${source.key} to ${better}`, key: source.key, value: better }
      : undefined;
  if (kvHeads > queryHeads) {
    const message = `${plural(kvHeads, 'KV head')} are more than the ${plural(queryHeads, 'query head')} that could share them.`;
    context.reportAt(source, 'kv-heads-exceed-heads', 'error', message, fix);
    return;
  }
  const message = `${plural(queryHeads, 'query head')} cannot be split into ${kvHeads} equal groups: ${queryHeads} ÷ ${kvHeads} leaves ${queryHeads % kvHeads}.`;
  context.reportAt(source, 'heads-not-divisible', 'error', message, fix);
}

/** The largest divisor of `value` that is at most `limit`. */
function largestDivisorUpTo(value: number, limit: number): number {
  for (let divisor = Math.min(value, limit); divisor > 1; divisor--) if (value % divisor === 0) return divisor;
  return 1;
}

/** KV-head keys of which no layer takes its number (Falcon's `num_kv_heads` beside `multi_query`). */
function lintIgnored(context: LintContext): void {
  const { own, headed } = context;
  const [first] = headed;
  if (!first || headed.some(({ spec }) => spec.assumed)) return;
  const used = new Set(headed.map(({ spec }) => spec.sources['kvHeads']?.key));
  const present = KV_HEAD_KEYS.flatMap((key) => {
    const value = numberIn(own, key);
    return value === null ? [] : [{ key, value }];
  });
  if (present.some(({ key }) => used.has(own.pathOf(key)))) return;
  const counts = new Set(headed.map(({ attention }) => attention.kvHeads));
  for (const { key, value } of present) {
    if (counts.has(value)) continue;
    const rule = first.spec.sources['kvHeads']?.rule ?? 'the family has another rule';
    const multiQuery = own.flag(['multi_query'], true) && counts.has(1);
    context.report(
      own,
      'kv-heads-ignored',
      'information',
      key,
      `${key} (${value}) is ignored (${rule}): ${plural(first.attention.kvHeads, 'KV head')} ${first.attention.kvHeads === 1 ? 'is' : 'are'} cached.`,
      multiQuery ? removeKey(own, key) : undefined,
    );
  }
}
