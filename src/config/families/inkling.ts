import type { StateSpec } from '../../model/attention';
import type { Sourced } from '../../model/spec';
import type { Family, LayerDraft } from '../family';
import { headLayout, HIDDEN_KEYS, layerCount, missing, type SourcedLayout } from '../heads';
import { fullDraft, layerLabels, slidingDraft, slidingWindow, unknownDraft, withSources } from '../layers';

/** Short convolutions over keys, values, the attention's and the MLP's output beside the attention of each layer. */
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

/** Inkling: five sliding layers with heads of their own, one full; four short convolutions in each. */
export const inkling: Family = {
  id: 'inkling',
  modelTypes: ['inkling_text'],
  cite: 'transformers 5.18 models/inkling/configuration_inkling.py, InklingAttention (swa_ keys), number_of_conv_states = 4',
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
    const local = reader.list(['local_layer_ids']);
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
};
