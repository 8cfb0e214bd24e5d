/** Doge: one window for all layers where there is one; experts that are single vectors. */

import type { ConfigReader } from '../config/reader';
import { HIDDEN_KEYS } from '../config/spellings';
import { isHeaded } from '../model/attention';
import type { LayerView } from './counted/facet';
import { flag } from './counted/switches';
import type { Tally } from './counted/tally';
import type { ArrangementsFacet, CountsFacet, LayersFacet } from './facets';
import { oneWindow } from './kit/decoder';

export const layers = (): readonly LayersFacet[] => [
  {
    id: 'doge',
    modelTypes: ['doge'],
    cite: 'transformers 5.18 models/doge/configuration_doge.py: sliding_window None where absent',
    read: oneWindow,
  },
];

export const counts = (): readonly CountsFacet[] => [
  { modelTypes: ['doge'], bias: flag('attention_bias'), qkNorm: 'head', mlpBias: flag('mlp_bias'), extra: doge },
];

export const arrangements = (): readonly ArrangementsFacet[] => [
  {
    modelTypes: ['doge'],
    cite: 'transformers 5.18 modeling_doge.py DogeDecoderLayer, DogeAttention: input_residual, dt_proj and A make a mask from the values',
  },
];

/** T:doge: a learned decay for each KV head, residual weights, and experts that are single vectors. */
function doge(config: ConfigReader, tally: Tally, layers: readonly LayerView[]): void {
  const hidden = config.size(HIDDEN_KEYS);
  for (const { attention, index } of layers) {
    if (!isHeaded(attention)) continue;
    tally.place = index;
    tally.add(
      'attention',
      attention.kvHeads * (1 + attention.kvHeads * attention.keyDim) +
        (config.flag(['attention_bias'], false) ? attention.kvHeads : 0),
      'decay',
    );
    tally.add('other', 2 * hidden, 'residual');
  }
  tally.place = null;
  const experts = config.sizeOr('num_experts', null) ?? Number.NaN;
  if (!config.flag(['is_moe'], false)) return;
  tally.addExperts(layers.length, experts, config.size('num_experts_per_tok'), 2 * hidden);
  tally.add('router', layers.length * hidden * 2 * Math.floor(Math.sqrt(experts)));
}
