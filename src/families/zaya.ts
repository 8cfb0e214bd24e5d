/** ZAYA: attention behind a causal convolution over queries and keys; half of each value comes from the token before. */

import type { ConfigReader } from '../config/reader';
import { HIDDEN_KEYS } from '../config/spellings';
import { isHeaded, type StateSpec } from '../model/attention';
import type { LayerView } from './counted/facet';
import { flag } from './counted/switches';
import type { Tally } from './counted/tally';
import type { CountsFacet, LayerDraft, LayersFacet } from './facets';
import { fullDraft, layerLabels, slidingDraft, slidingWindow, unknownDraft, withSources } from './kit/decoder';
import { headLayout, layerCount, missing } from './kit/headLayout';

export const layers = (): readonly LayersFacet[] => [
  {
    id: 'zaya',
    modelTypes: ['zaya'],
    cite: 'transformers 5.18 models/zaya/modeling_zaya.py ZayaCCAProjection: width (cca_time0 − 1) + (cca_time1 − 1)',
    read: (reader) => {
      const count = layerCount(reader);
      const heads = headLayout(reader);
      const first = reader.integer(['cca_time0']);
      const second = reader.integer(['cca_time1']);
      if (!count || !heads || !first || !second) {
        missing(reader, 'num_hidden_layers, cca_time0 and cca_time1', 'cca_time0');
        return { layers: [] };
      }
      const { queryHeads, kvHeads, keyDim } = heads.layout;
      const width = first.value - 1 + second.value - 1;
      const parallelState: StateSpec = {
        flavour: 'short-conv',
        conv: { channels: (queryHeads + kvHeads) * keyDim, width, engineWidth: width },
        recurrentElements: Math.floor((kvHeads * keyDim) / 2),
        recurrentDtype: 'cache',
        heads: null,
      };
      const conv = { ...first.source, rule: `(${queryHeads} + ${kvHeads}) heads × ${keyDim} × ${width}` };
      const beside = (draft: LayerDraft): LayerDraft => ({
        ...draft,
        parallelState,
        sources: { ...draft.sources, conv },
      });
      const window = slidingWindow(reader);
      const full = beside(fullDraft(heads));
      const sliding = window
        ? beside(slidingDraft(heads, window))
        : unknownDraft('hybrid_sliding without sliding_window');
      const listed = layerLabels(reader, count.value);
      const layers = Array.from({ length: count.value }, (_, index): LayerDraft => {
        const word = listed?.value[index] ?? 'hybrid';
        return word === 'hybrid' ? full : word === 'hybrid_sliding' ? sliding : unknownDraft(word);
      });
      return { layers: withSources(layers, { layers: count.source, ...(listed ? { kind: listed.source } : {}) }) };
    },
  },
];

export const counts = (): readonly CountsFacet[] => [
  {
    modelTypes: ['zaya'],
    statesInside: true,
    mixer: () => 0,
    mlpAt: () => false,
    headBias: flag('lm_head_bias'),
    extra: zaya,
  },
];

/** T:zaya CCA: compressed convolutional attention, a routing MLP, scaled residuals. */
function zaya(config: ConfigReader, tally: Tally, layers: readonly LayerView[]): void {
  const hidden = config.size(HIDDEN_KEYS);
  const experts = config.size('num_experts');
  const router = config.size(['router_hidden_size', 'zaya_mlp_expansion'], 256);
  const [first, second] = [config.size('cca_time0', 2), config.size('cca_time1', 2)];
  for (const { attention, index } of layers) {
    if (!isHeaded(attention)) continue;
    const queries = attention.queryHeads * attention.keyDim;
    const keys = attention.kvHeads * attention.keyDim;
    const width = queries + keys;
    const bias = config.flag(['attention_bias'], false) ? queries + 2 * keys : 0;
    tally.add(
      'attention',
      hidden * (queries + 2 * keys) +
        bias +
        queries * hidden +
        width * (first + 1) +
        width * attention.keyDim * second +
        width +
        attention.kvHeads +
        (config.flag(['attention_bias'], false) ? hidden : 0),
    );
    tally.addExperts(1, experts, config.size('num_experts_per_tok'), 3 * hidden * config.size('moe_intermediate_size'));
    tally.add(
      'router',
      hidden * router +
        router +
        router +
        2 * (router * router + router) +
        router * (experts + 1) +
        (index > 0 ? router : 0),
    );
    tally.add('other', 8 * hidden);
  }
  tally.add('other', 2 * hidden);
}
