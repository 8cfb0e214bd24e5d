/** dots.llm1: Qwen 3's attention around DeepSeek-V3's experts. dots3-note: two sizes of latents. */

import type { ConfigReader } from '../config/reader';
import type { Source } from '../model/spec';
import { consultDecoys } from './deepseek';
import type { BlocksFacet, GgufFacet, LayerDraft, LayersFacet, NamesFacet } from './facets';
import { biases, gatedMlp, llamaBlocks } from './kit/blocks';
import { draftsOf, layerLabels, slidingWindow, withSources } from './kit/decoder';
import { latentLayout, layerCount, missing } from './kit/headLayout';
import { v3Mixture, v3Names } from './kit/mixtures';
import { llamaNames } from './kit/tensorNames';
import { headNorm, rmsNorm } from './kit/parts';
import { fromWindowLayer } from './qwen';
import { routing } from './kit/ggufBlocks';

const DOTS3 = { sliding_window_size: 513, index_head_dim: 128, index_n_heads: 64, index_topk: 2048 };

export const layers = (): readonly LayersFacet[] => [
  {
    // No use_sliding_window: the window counts wherever it stands.
    id: 'dots1',
    modelTypes: ['dots1'],
    cite: 'transformers 5.18 models/dots1/configuration_dots1.py: layer_types from sliding_window and max_window_layers',
    llamacpp: { windows: false },
    read: (reader) => fromWindowLayer(reader, slidingWindow(reader)),
  },
  {
    // Full layers: latents with index keys. Sliding ones: wider latents, one row for all heads, inside a window.
    id: 'dots3',
    modelTypes: ['dots3_note', 'dots3_note_omni'],
    cite: 'sglang configs/dots3.py and models/dots3.py (swa_kv_lora_rank + swa_qk_rope_head_dim, sliding_window_size 513)',
    llamacpp: { windows: true },
    defaults: { dots3_note: DOTS3, dots3_note_omni: DOTS3 },
    read: (reader) => {
      consultDecoys(reader);
      // biome-ignore format: names fill their lines
      reader.consult([
        'swa_num_key_value_heads', 'swa_q_lora_rank', 'swa_qk_nope_head_dim', 'swa_v_head_dim', 'swa_rope_theta',
        'swa_attention_gate_type', 'sliding_window',
      ]);
      const count = layerCount(reader);
      const latent = latentLayout(reader);
      const dim = reader.integer(['index_head_dim']);
      const listed = count && layerLabels(reader, count.value);
      if (!count || !latent || !dim || !listed) {
        missing(reader, 'num_hidden_layers, index_head_dim and layer_types', 'layer_types');
        return { layers: [] };
      }
      for (const key of ['use_dsa', 'use_sliding_window'])
        if (!reader.flag([key], true)) reader.log.note(`${key}: false is not supported`, true, reader.pathOf(key));
      const indexed = (): LayerDraft => ({
        attention: {
          ...latent.attention,
          indexer: {
            headDim: dim.value,
            heads: reader.integer(['index_n_heads'])?.value ?? null,
            topK: reader.integer(['index_topk'])?.value ?? null,
            owned: true,
          },
        },
        sources: { ...latent.sources, indexDim: dim.source },
      });
      const drafts = draftsOf(listed.value, { full: indexed, indexed, sliding: () => slidingLatent(reader) });
      return { layers: withSources(drafts, { layers: count.source, kind: listed.source }) };
    },
  },
];

/** A window of latents: the row of latent and rotary key is what all heads read, as keys and as values. */
function slidingLatent(reader: ConfigReader): LayerDraft | null {
  const heads = reader.integer(['swa_num_attention_heads']);
  const latent = reader.integer(['swa_kv_lora_rank']);
  const rope = reader.integer(['swa_qk_rope_head_dim'], 0);
  const window = reader.integer(['sliding_window_size']);
  if (!heads || !latent || !rope || !window) {
    missing(reader, 'swa_num_attention_heads, swa_kv_lora_rank, swa_qk_rope_head_dim', 'swa_kv_lora_rank');
    return null;
  }
  const width = latent.value + rope.value;
  const row = (rule: string): Source => ({ ...latent.source, rule });
  return {
    attention: {
      kind: 'sliding',
      queryHeads: heads.value,
      kvHeads: 1,
      keyDim: width,
      valueDim: 0,
      window: window.value,
    },
    sources: {
      queryHeads: heads.source,
      kvHeads: row('one latent row for all heads'),
      keyDim: row(`latent ${latent.value} + rotary key ${rope.value}`),
      valueDim: row('values are made from the same row'),
      window: window.source,
    },
  };
}

export const blocks = (): readonly BlocksFacet[] => [
  {
    modelTypes: ['dots1'],
    build: (input) => {
      const { config } = input;
      const norm = headNorm(rmsNorm(config.need('rms_norm_eps')));
      return llamaBlocks(input, {
        attention: () => ({ ...biases(config.on('attention_bias')), queryNorm: norm, keyNorm: norm }),
        // Without a number of experts, which the class does not give, all layers are dense.
        feedForward: (index) =>
          config.numberOr('n_routed_experts', 0) > 0 && index >= config.need('first_k_dense_replace')
            ? v3Mixture(input)
            : gatedMlp(input),
      });
    },
  },
];

export const names = (): readonly NamesFacet[] => [{ modelTypes: ['dots1'], of: llamaNames({ mixture: v3Names() }) }];

export const gguf = (): readonly GgufFacet[] => [
  { architecture: 'dots1', modelType: 'dots1', rope: 'half', block: routing({ scaled: true }) },
];
