/** Parameters of a layer's feed-forward: dense, or routed and shared experts. */

import type { Facts } from './facts';
import type { LayerView, Lineage } from './lineage';
import type { Tally } from './tally';

export const WIDTH_KEYS = [
  'intermediate_size',
  'ffn_hidden_size',
  'n_inner',
  'ffn_dim',
  'd_ff',
  'hidden_dim',
  'decoder_ffn_dim',
  'block_ff_dim',
];
export const EXPERT_COUNT_KEYS = ['n_routed_experts', 'num_experts', 'num_local_experts', 'moe_num_experts'];
export const EXPERT_ACTIVE_KEYS = ['num_experts_per_tok', 'num_experts_per_token', 'moe_topk', 'moe_k', 'moe_top_k'];

/** Up and down projection, with a gate of the same width where gated. */
export function dense(hidden: number, width: number, gated: boolean, bias: boolean): number {
  const inner = (gated ? 2 : 1) * width;
  return hidden * (inner + width) + (bias ? inner + hidden : 0);
}

/** Adds the feed-forward of each layer that it is called with. */
export function feedForwardCounter(facts: Facts, lineage: Lineage, tally: Tally): (layer: LayerView) => void {
  const gated = lineage.plain !== true;
  const bias = facts.on(lineage.mlpBias ?? false);
  const rule = lineage.experts;
  const place = rule?.within === undefined ? facts : facts.nested(rule.within);
  const experts = rule ? (place.optional(rule.count) ?? 0) : 0;
  const sparse = rule && experts > 0 ? (rule.sparse?.(facts) ?? (() => true)) : () => false;
  let fixedWidth: number | null = null;
  const widthOf = (layer: LayerView): number => {
    if (typeof lineage.width === 'function') return lineage.width(facts, layer);
    return (fixedWidth ??= facts.number(lineage.width ?? WIDTH_KEYS));
  };
  return (layer) => {
    if (lineage.mlpAt && !lineage.mlpAt(facts, layer)) return;
    const isSparse = sparse(layer.index);
    if (!isSparse || rule?.beside === true) tally.add('mlp', dense(layer.hidden, widthOf(layer), gated, bias));
    if (isSparse && rule) addExperts(place, tally, rule, layer.hidden, experts, gated, bias);
  };
}

function addExperts(
  facts: Facts,
  tally: Tally,
  rule: NonNullable<Lineage['experts']>,
  hidden: number,
  experts: number,
  gated: boolean,
  sharedBias: boolean,
): void {
  const width = facts.number(rule.width);
  const latent = rule.latent ? facts.optional(rule.latent) : null;
  tally.addExperts(
    1,
    experts,
    facts.number(rule.perToken, rule.perTokenDefault),
    dense(latent ?? hidden, width, gated, facts.on(rule.bias ?? false)),
  );
  if (latent !== null) tally.add('mlp', 2 * hidden * latent + (facts.on(rule.latentNorm ?? false) ? latent : 0));
  const shared = rule.shared?.(facts) ?? 0;
  if (shared !== 0) tally.add('mlp', dense(hidden, shared, gated, sharedBias));
  tally.add('router', (rule.ownRouter?.(facts, experts) ?? hidden * experts) + (rule.router?.(facts, experts) ?? 0));
}
