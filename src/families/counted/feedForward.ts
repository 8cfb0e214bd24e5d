/** Parameters of a layer's feed-forward: dense, or routed and shared experts. */

import type { ConfigReader } from '../../config/reader';
import { switched } from './switches';
import type { LayerView, CountedDecoder } from './facet';
import { sumOf, type Tally, type Weights } from './tally';

// biome-ignore format: names fill their lines
const WIDTH_KEYS = [
  'intermediate_size', 'ffn_hidden_size', 'n_inner', 'ffn_dim', 'd_ff', 'hidden_dim', 'decoder_ffn_dim',
  'block_ff_dim',
];
export const EXPERT_COUNT_KEYS = ['n_routed_experts', 'num_experts', 'num_local_experts', 'moe_num_experts'];
export const EXPERT_ACTIVE_KEYS = ['num_experts_per_tok', 'num_experts_per_token', 'moe_topk', 'moe_k', 'moe_top_k'];

/** Parameters of an up and a down projection, with a gate of the same width where gated. */
export function dense(hidden: number, width: number, gated: boolean, bias: boolean): number {
  return sumOf(denseWeights(hidden, width, gated, bias));
}

/** @param prefix Of the names. */
export function denseWeights(hidden: number, width: number, gated: boolean, bias: boolean, prefix = ''): Weights {
  const up = width * (hidden + (bias ? 1 : 0));
  return [
    [`${prefix}gate_proj`, gated ? up : 0],
    [`${prefix}up`, up],
    [`${prefix}down`, hidden * (width + (bias ? 1 : 0))],
  ];
}

/** Adds the feed-forward of each layer that it is called with. */
export function feedForwardCounter(
  config: ConfigReader,
  counted: CountedDecoder,
  tally: Tally,
): (layer: LayerView) => void {
  const gated = counted.plain !== true;
  const bias = switched(config, counted.mlpBias ?? false);
  const rule = counted.experts;
  const place = rule?.within === undefined ? config : (config.nested(rule.within) ?? config);
  const experts = rule ? place.sizeOr(rule.count, 0) : 0;
  const sparse = rule && experts > 0 ? (rule.sparse?.(config) ?? (() => true)) : () => false;
  let fixedWidth: number | null = null;
  const widthOf = (layer: LayerView): number => {
    if (typeof counted.width === 'function') return counted.width(config, layer);
    return (fixedWidth ??= config.size(counted.width ?? WIDTH_KEYS));
  };
  return (layer) => {
    if (counted.mlpAt && !counted.mlpAt(config, layer)) return;
    const isSparse = sparse(layer.index);
    if (!isSparse || rule?.beside === true)
      tally.addNamed('mlp', denseWeights(layer.hidden, widthOf(layer), gated, bias));
    if (isSparse && rule) addExperts(place, tally, rule, layer.hidden, experts, gated, bias);
  };
}

function addExperts(
  config: ConfigReader,
  tally: Tally,
  rule: NonNullable<CountedDecoder['experts']>,
  hidden: number,
  experts: number,
  gated: boolean,
  sharedBias: boolean,
): void {
  const width = config.size(rule.width);
  const latent = rule.latent ? config.sizeOr(rule.latent, null) : null;
  tally.addExperts(
    1,
    experts,
    config.sizeOr(rule.perToken, rule.perTokenDefault ?? Number.NaN),
    dense(latent ?? hidden, width, gated, switched(config, rule.bias ?? false)),
  );
  if (latent !== null)
    tally.addNamed('mlp', [
      ['latent', 2 * hidden * latent],
      ['latent_norm', switched(config, rule.latentNorm ?? false) ? latent : 0],
    ]);
  const shared = rule.shared?.(config) ?? 0;
  if (shared !== 0) tally.addNamed('mlp', denseWeights(hidden, shared, gated, sharedBias, 'shared.'));
  tally.add(
    'router',
    (rule.ownRouter?.(config, experts) ?? hidden * experts) + (rule.router?.(config, experts) ?? 0),
    'router',
  );
}
