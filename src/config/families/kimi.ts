import type { Source } from '../../model/spec';
import type { Family } from '../family';
import { latentLayout, layerCount, missing } from '../heads';
import { draftsOf, layerLabels, type LayerWord, withSources } from '../layers';
import type { ConfigReader } from '../reader';
import { kdaState, recurrentDraft, type SourcedState } from '../states';
import { consultDecoys } from './deepseek';

/** Widths of the delta attention: in `linear_attn_config`, else in keys of their own. */
function state(reader: ConfigReader, nested: ConfigReader | null): SourcedState | null {
  const heads = nested?.integer(['num_heads']) ?? reader.integer(['linear_num_heads']);
  const headDim = nested?.integer(['head_dim']) ?? reader.integer(['linear_head_dim']);
  const conv = nested?.integer(['short_conv_kernel_size']) ?? reader.integer(['linear_conv_kernel_dim']);
  if (heads && headDim && conv) return kdaState(heads, headDim, conv);
  missing(reader, 'num_heads, head_dim and short_conv_kernel_size of linear_attn_config', 'linear_attn_config');
  return null;
}

/** 1-based layer numbers of both kinds; a layer in neither list, or in both, is not understood. */
function fromNumbers(
  nested: ConfigReader,
  count: number,
): { readonly labels: readonly string[]; readonly source: Source } | null {
  const full = nested.list(['full_attn_layers']);
  const linear = nested.list(['kda_layers']);
  if (!full || !linear) return null;
  const [fullSet, linearSet] = [new Set(full.value), new Set(linear.value)];
  const labels = Array.from({ length: count }, (_, index) => {
    const [isFull, isLinear] = [fullSet.has(index + 1), linearSet.has(index + 1)];
    if (isFull === isLinear)
      return isFull ? 'in full_attn_layers and in kda_layers' : 'neither in full_attn_layers nor in kda_layers';
    return isFull ? 'full_attention' : 'linear_attention';
  });
  return { labels, source: full.source };
}

/** Kimi Linear and K3: delta attention, and latent attention in the layers that `full_attn_layers` counts from 1. */
export const kimiLinear: Family = {
  id: 'kimi-linear',
  modelTypes: ['kimi_linear', 'kimi_k3', 'kimi_k3_text', 'k3'],
  cite: 'transformers 5.18 models/kimi_linear/configuration_kimi_linear.py; vLLM model_executor/models/kimi_linear.py',
  read: (reader) => {
    consultDecoys(reader);
    const count = layerCount(reader);
    const latent = count && latentLayout(reader);
    if (!count || !latent) {
      if (!count) missing(reader, 'the number of layers', 'num_hidden_layers');
      return { layers: [] };
    }
    const nested = reader.nested('linear_attn_config');
    reader.consult([
      'mla_use_nope',
      'mla_use_output_gate',
      'linear_num_heads',
      'linear_head_dim',
      'linear_conv_kernel_dim',
    ]);
    const listed = layerLabels(reader, count.value);
    const numbered = listed ? null : nested && fromNumbers(nested, count.value);
    const word = (index: number): LayerWord => (index > 0 && index % 4 === 0 ? 'full' : 'linear');
    const labels =
      listed?.value ??
      numbered?.labels ??
      Array.from({ length: count.value }, (_, index) =>
        word(index) === 'full' ? 'full_attention' : 'linear_attention',
      );
    const drafts = draftsOf(labels, { full: () => latent, linear: () => recurrentDraft(state(reader, nested)) });
    const kind = listed?.source ?? numbered?.source ?? null;
    return { layers: withSources(drafts, { layers: count.source, ...(kind ? { kind } : {}) }) };
  },
};
