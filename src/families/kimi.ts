/** Kimi Linear and K3: delta attention, and latent attention in the layers that `full_attn_layers` counts from 1. */

import type { ConfigReader } from '../config/reader';
import type { Source } from '../model/spec';
import { afterDense, deepseekExperts } from './counted/experts';
import { flag } from './counted/switches';
import { consultDecoys } from './deepseek';
import type { ArrangementsFacet, CountsFacet, GgufFacet, LayersFacet } from './facets';
import { draftsOf, layerLabels, type LayerWord, withSources } from './kit/decoder';
import type { GgufConfig, GgufSource } from './kit/ggufMetadata';
import { ggufKvHeads, ggufLayers } from './kit/ggufStates';
import { latentLayout, layerCount, missing } from './kit/headLayout';
import { kdaState, recurrentDraft, type SourcedState } from './kit/states';

export const layers = (): readonly LayersFacet[] => [
  {
    id: 'kimi-linear',
    modelTypes: ['kimi_linear', 'kimi_k3', 'kimi_k3_text', 'k3'],
    cite: 'transformers 5.18 models/kimi_linear/configuration_kimi_linear.py; vLLM model_executor/models/kimi_linear.py',
    sglang: { tracksStates: true },
    read: (reader, modelType) => {
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
      return {
        layers: withSources(drafts, { layers: count.source, ...(kind ? { kind } : {}) }),
        llamacpp: { keepsDraftStates: modelType !== 'kimi_linear' },
      };
    },
  },
];

/** Widths of the delta attention: in `linear_attn_config`, or in separate keys. */
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
  const full = nested.indexes(['full_attn_layers']);
  const linear = nested.indexes(['kda_layers']);
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

/** Layers without KV heads are delta attention; the lists of the config count from 1. */
function adaptDelta(config: GgufConfig, source: GgufSource): void {
  const kvHeads = ggufLayers(source, ggufKvHeads(source));
  const [heads, width, conv] = [
    source.number('attention.head_count'),
    source.number('kda.head_dim'),
    source.number('ssm.conv_kernel'),
  ];
  if (kvHeads === undefined || heads === undefined || width === undefined || conv === undefined) return;
  const numbered = (wanted: boolean): number[] =>
    kvHeads.flatMap((count, index) => (count > 0 === wanted ? [index + 1] : []));
  config['linear_attn_config'] = {
    num_heads: heads,
    head_dim: width,
    short_conv_kernel_size: conv,
    full_attn_layers: numbered(true),
    kda_layers: numbered(false),
  };
}

export const gguf = (): readonly GgufFacet[] => [
  { architecture: 'kimi-linear', modelType: 'kimi_linear', adapt: adaptDelta },
  { architecture: 'kimi-k3', modelType: 'kimi_k3_text', adapt: adaptDelta },
  // Ling 3: the layers of Kimi Linear.
  { architecture: 'bailingmoe3', modelType: 'kimi_k3_text', adapt: adaptDelta },
];

export const counts = (): readonly CountsFacet[] => [
  {
    modelTypes: ['kimi_linear'],
    bias: flag('attention_bias'),
    tied: false,
    // Kimi-K3 has the same model type: experts on a latent, a gate on MLA, and residuals that attend to earlier blocks.
    gate: (config) => (config.flag(['mla_use_output_gate'], false) ? 'wide' : null),
    leftOut: (config) =>
      config.sizeOr('attn_res_block_size', null)
        ? 'weights of the residuals that attend to earlier blocks (attn_res_block_size)'
        : null,
    experts: {
      ...deepseekExperts,
      latent: ['routed_expert_hidden_size'],
      latentNorm: flag('latent_moe_use_norm'),
      sparse: afterDense('first_k_dense_replace', 1),
    },
  },
];

export const arrangements = (): readonly ArrangementsFacet[] => [
  {
    modelTypes: ['kimi_linear'],
    cite: 'transformers 5.18 modeling_kimi_linear.py: latent attention without rotation',
    positions: 'none',
    router: () => ({ scoring: 'sigmoid', correctionBias: true }),
  },
];
