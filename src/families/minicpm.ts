/** MiniCPM 1 and 2: Llama's block with scaled embeddings, branches and logits. */

import { flag } from './counted/switches';
import type { ArrangementsFacet, CountsFacet, GgufFacet, LayersFacet } from './facets';
import type { ConfigReader } from '../config/reader';
import { draftsOf, fullDraft, layerLabels, plainDecoder, withSources } from './kit/decoder';
import { headLayout, layerCount, missing } from './kit/headLayout';
import { lightningState, recurrentDraft, type SourcedState } from './kit/states';

export const layers = (): readonly LayersFacet[] => [
  {
    id: 'minicpm',
    modelTypes: ['minicpm'],
    cite: 'openbmb/MiniCPM-2B-sft-bf16 configuration_minicpm.py',
    read: plainDecoder,
  },
  {
    // "minicpm4": grouped attention that reads blocks of the cache but keeps all of it. The others: lightning attention.
    id: 'minicpm-sala',
    modelTypes: ['minicpm_sala'],
    cite: 'MiniCPM-SALA modeling_minicpm_sala.py MiniCPMSALACache (by mixer_types), InfLLMv2CacheLayer, LightningCacheLayer; sglang configs/minicpm_hybrid.py',
    read: (reader) => {
      const count = layerCount(reader);
      const heads = headLayout(reader);
      const listed = count && layerLabels(reader, count.value, ['mixer_types']);
      if (!count || !heads || !listed) {
        missing(reader, 'num_hidden_layers and mixer_types', 'mixer_types');
        return { layers: [] };
      }
      reader.consult(['lightning_use_rope', 'lightning_scale', 'sparse_config']);
      // InfLLMv2CacheLayer: compress_k_cache, compress_k2_cache.
      reader.log.note(
        'the pooled keys that choose blocks can be computed from the keys; a cache for them is not counted',
        false,
      );
      const words: Readonly<Record<string, string>> = {
        minicpm4: 'full_attention',
        lightning: 'linear_attention',
        'lightning-attn': 'linear_attention',
      };
      const drafts = draftsOf(
        listed.value.map((word) => (Object.hasOwn(words, word) ? (words[word] ?? word) : word)),
        { full: () => fullDraft(heads), linear: () => recurrentDraft(lightning(reader)) },
      );
      return { layers: withSources(drafts, { layers: count.source, kind: listed.source }) };
    },
  },
];

/** A float32 matrix a head; with fewer KV heads than heads it is not said which of both counts. */
function lightning(reader: ConfigReader): SourcedState | null {
  const heads = reader.integer(['lightning_nkv']);
  const headDim = reader.integer(['lightning_head_dim']);
  const all = reader.integer(['lightning_nh']);
  if (!heads || !headDim || (all && all.value !== heads.value)) {
    missing(reader, 'lightning_nkv (equal to lightning_nh) and lightning_head_dim', 'lightning_nkv');
    return null;
  }
  const { state, sources } = lightningState(reader, heads, headDim);
  return { state: { ...state, recurrentDtype: 'float32' }, sources };
}

export const gguf = (): readonly GgufFacet[] => [{ architecture: 'minicpm', modelType: 'minicpm' }];

export const counts = (): readonly CountsFacet[] => [
  { modelTypes: ['minicpm'], bias: flag('attention_bias'), mlpBias: flag('mlp_bias') },
];

export const arrangements = (): readonly ArrangementsFacet[] => [
  {
    modelTypes: ['minicpm'],
    cite: "openbmb's modeling_minicpm.py: branches × scale_depth ÷ √layers",
    residual: (config) => config.numberOr('scale_depth', 1) / Math.sqrt(config.size('num_hidden_layers')),
  },
];
