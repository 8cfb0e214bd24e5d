/** Inkling: five sliding layers with heads of their own, one full; four short convolutions in each. */

import type { ConfigReader } from '../config/reader';
import { HIDDEN_KEYS } from '../config/spellings';
import { isHeaded, type StateSpec } from '../model/attention';
import type { Sourced } from '../model/spec';
import { afterDense, deepseekExperts, sharedExperts } from './counted/experts';
import type { LayerView } from './counted/facet';
import type { Tally } from './counted/tally';
import type { CountsFacet, LayerDraft, LayersFacet } from './facets';
import { fullDraft, layerLabels, slidingDraft, slidingWindow, unknownDraft, withSources } from './kit/decoder';
import { headLayout, layerCount, missing, type SourcedLayout } from './kit/headLayout';

export const layers = (): readonly LayersFacet[] => [
  {
    id: 'inkling',
    modelTypes: ['inkling_text'],
    cite: 'transformers 5.18 models/inkling/configuration_inkling.py, InklingAttention (swa_ keys), number_of_conv_states = 4',
    llamacpp: { runs: false },
    sglang: { windows: true },
    read: (reader) => {
      const count = layerCount(reader);
      const hidden = reader.integer(HIDDEN_KEYS);
      const kernel = reader.integer(['sconv_kernel_size', 'conv_kernel_size']);
      const window = slidingWindow(reader, ['sliding_window_size', 'sliding_window']);
      const full = headLayout(reader);
      const sliding = headLayout(reader, {
        headKeys: ['swa_num_attention_heads'],
        kvKeys: ['swa_num_key_value_heads'],
        headDimKeys: ['swa_head_dim'],
      });
      if (!count || !hidden || !kernel || !window || !full || !sliding) {
        missing(reader, 'num_hidden_layers, conv_kernel_size and sliding_window_size', 'sliding_window_size');
        return { layers: [] };
      }
      const fullLayer = withConvolutions(fullDraft(full), full, hidden, kernel);
      const slidingLayer = withConvolutions(slidingDraft(sliding, window), sliding, hidden, kernel);
      const listed = layerLabels(reader, count.value);
      const local = reader.indexes(['local_layer_ids']);
      reader.consult(['mtp_local_layer_ids']);
      const localSet = local && new Set(local.value);
      const layers = Array.from({ length: count.value }, (_, index): LayerDraft => {
        const word =
          listed?.value[index] ??
          ((localSet ? localSet.has(index) : (index + 1) % 6 !== 0) ? 'hybrid_sliding' : 'hybrid');
        return word === 'hybrid' ? fullLayer : word === 'hybrid_sliding' ? slidingLayer : unknownDraft(word);
      });
      const kind = listed?.source ?? local?.source ?? null;
      return { layers: withSources(layers, { layers: count.source, ...(kind ? { kind } : {}) }) };
    },
  },
];

/** In each layer, next to attention: short convolutions over keys, values, attention output and MLP output. */
function withConvolutions(
  draft: LayerDraft,
  heads: SourcedLayout,
  hidden: Sourced<number>,
  kernel: Sourced<number>,
): LayerDraft {
  const channels = 2 * heads.layout.kvHeads * heads.layout.keyDim + 2 * hidden.value;
  const parallelState: StateSpec = {
    flavour: 'short-conv',
    conv: { channels, width: kernel.value, engineWidth: kernel.value - 1 },
    recurrentElements: 0,
    recurrentDtype: 'cache',
    heads: null,
  };
  const conv = {
    ...kernel.source,
    rule: `(2 × K or V width + 2 × hidden size ${hidden.value}) × kernel ${kernel.value}`,
  };
  return { ...draft, parallelState, sources: { ...draft.sources, conv } };
}

export const counts = (): readonly CountsFacet[] => [
  {
    modelTypes: ['inkling_text'],
    qkNorm: 'head',
    finalNorms: 2,
    tied: false,
    statesInside: true,
    experts: {
      ...deepseekExperts,
      shared: sharedExperts(['n_shared_experts']),
      sparse: afterDense('dense_mlp_idx', 0),
    },
    extra: inkling,
  },
];

/** T:inkling: relative-position projections, short convolutions after keys, values, attention and feed-forward, scales. */
function inkling(config: ConfigReader, tally: Tally, layers: readonly LayerView[]): void {
  const hidden = config.size(HIDDEN_KEYS);
  const relative = config.size('d_rel', 16);
  const kernel = config.size(['conv_kernel_size', 'sconv_kernel_size'], 4);
  const sparse = afterDense('dense_mlp_idx', 0)(config);
  for (const { attention, index } of layers) {
    if (!isHeaded(attention)) continue;
    const extent = attention.kind === 'sliding' ? attention.window : config.size('rel_extent', 1024);
    tally.add(
      'attention',
      hidden * attention.queryHeads * relative + relative * extent + 2 * attention.kvHeads * attention.keyDim * kernel,
    );
    tally.add('other', 2 * hidden * kernel + 1);
    if (sparse(index)) tally.add('router', config.size('n_shared_experts', 0) * hidden);
  }
}
