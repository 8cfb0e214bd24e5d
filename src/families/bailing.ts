/** Ling and Ring of inclusionAI: plain grouped attention with DeepSeek's experts; from 2.5 on latents beside linear attention. */

import { deepseekExperts } from './counted/experts';
import { flag } from './counted/switches';
import type { ArrangementsFacet, CountsFacet, GgufFacet, LayersFacet } from './facets';
import {
  plainDecoder,
  draftsOfWords,
  fullDraft,
  layerLabels,
  type LayerWord,
  withSources,
  wordOf,
} from './kit/decoder';
import type { ConfigReader } from '../config/reader';
import { HEAD_KEYS, HIDDEN_KEYS } from '../config/spellings';
import type { Sourced } from '../model/spec';
import { headLayout, latentLayout, layerCount, missing } from './kit/headLayout';
import { kdaState, lightningState, recurrentDraft, type SourcedState } from './kit/states';

export const layers = (): readonly LayersFacet[] => [
  {
    id: 'bailing',
    modelTypes: ['bailing_moe', 'bailing_moe_v2', 'param2moe', 'sarvam_moe', 'llada2_moe'],
    cite: 'inclusionAI/Ling-lite modeling_bailing_moe.py; vLLM models/bailing_moe.py, param2moe.py and sarvam.py; SGLang models/llada2.py',
    read: plainDecoder,
  },
  {
    // Linear attention whose heads are always hidden size ÷ heads wide; grouped heads in the last layer of each group, and in those left over.
    id: 'bailing-linear',
    modelTypes: ['bailing_moe_linear'],
    cite: 'mlx-lm models/bailing_moe_linear.py DecoderLayer.is_global, LinearAttention, make_cache',
    read: (reader) => {
      const count = layerCount(reader);
      const group = reader.integer(['layer_group_size']);
      const full = headLayout(reader);
      const heads = reader.integer(HEAD_KEYS);
      const width = divided(reader, heads);
      reader.consult(['group_norm_size', 'linear_silu', 'linear_backend', 'max_window_layers']);
      if (!count || !group || !full || !heads || !width) {
        if (!group) missing(reader, 'layer_group_size', 'layer_group_size');
        return { layers: [] };
      }
      const drafts = draftsOfWords(groupWords(count.value, group.value), {
        full: () => fullDraft(full),
        linear: () => recurrentDraft(lightning(reader, heads, width)),
      });
      return { layers: withSources(drafts, { layers: count.source, kind: group.source }) };
    },
  },
  {
    // Two generations under one name: 2.5 has lightning attention, 3 (`short_conv_kernel_size`) Kimi's delta attention.
    id: 'bailing-hybrid',
    modelTypes: ['bailing_hybrid'],
    cite: 'sglang configs/bailing_hybrid.py; llama.cpp conversion/bailingmoe3.py is_full_attention; inclusionAI/Ling-3.0-tiny modeling_bailing_moe_v3.py',
    read: (reader) => {
      const count = layerCount(reader);
      const group = reader.integer(['layer_group_size']);
      const latent = latentLayout(reader);
      // biome-ignore format: names fill their lines
      reader.consult([
        'num_key_value_heads', 'qk_head_dim', 'no_kda_lora', 'kda_safe_gate', 'kda_lower_bound', 'linear_silu',
        'linear_attention', 'linear_backend', 'max_window_layers',
      ]);
      if (!count || !group || !latent) {
        if (!count) missing(reader, 'the number of layers', 'num_hidden_layers');
        if (!group) missing(reader, 'layer_group_size', 'layer_group_size');
        return { layers: [] };
      }
      const words = groupWords(count.value, group.value);
      const listed = layerLabels(reader, count.value, ['layer_types', 'layers_block_type']);
      if (listed?.value.some((label, index) => (wordOf(label) === 'full') !== (words[index] === 'full')))
        reader.log.note('layer_types does not follow from layer_group_size', true, reader.pathOf('layer_types'));
      const drafts = draftsOfWords(words, { full: () => latent, linear: () => recurrentDraft(linear(reader)) });
      return { layers: withSources(drafts, { layers: count.source, kind: group.source }) };
    },
  },
];

export const gguf = (): readonly GgufFacet[] => [
  { architecture: 'bailingmoe', modelType: 'bailing_moe' },
  { architecture: 'bailingmoe2', modelType: 'bailing_moe_v2' },
];

/** The last layer of each group attends to everything, and so do layers after the last whole group. */
function groupWords(count: number, group: number): readonly LayerWord[] {
  const whole = Math.floor(count / group) * group;
  return Array.from({ length: count }, (_, index) => ((index + 1) % group === 0 || index >= whole ? 'full' : 'linear'));
}

/** Its kernels keep the state in float32. */
function lightning(reader: ConfigReader, heads: Sourced<number>, headDim: Sourced<number>): SourcedState {
  const { state, sources } = lightningState(reader, heads, headDim);
  return { state: { ...state, recurrentDtype: 'float32' }, sources };
}

/** State of the linear layers, by generation. */
function linear(reader: ConfigReader): SourcedState | null {
  const heads = reader.integer(HEAD_KEYS);
  const headDim = reader.integer(['head_dim']) ?? divided(reader, heads);
  if (!heads || !headDim) {
    missing(reader, 'num_attention_heads and head_dim', 'head_dim');
    return null;
  }
  const conv = reader.integer(['short_conv_kernel_size']);
  if (conv) return kdaState(heads, headDim, conv);
  return lightning(reader, heads, headDim);
}

function divided(reader: ConfigReader, heads: Sourced<number> | null): Sourced<number> | null {
  const hidden = reader.integer(HIDDEN_KEYS);
  if (!hidden || !heads || hidden.value % heads.value !== 0) return null;
  const rule = `${hidden.value} ÷ ${heads.value} heads`;
  return { value: hidden.value / heads.value, source: { ...hidden.source, rule } };
}

export const counts = (): readonly CountsFacet[] => [
  {
    modelTypes: ['bailing_moe', 'bailing_moe_v2'],
    bias: flag('use_qkv_bias'),
    outBias: flag('use_bias'),
    experts: deepseekExperts,
  },
];

export const arrangements = (): readonly ArrangementsFacet[] => [
  {
    modelTypes: ['bailing_moe'],
    cite: "inclusionAI's modeling_bailing_moe.py: as Llama, softmax over all experts",
    router: () => ({ scoring: 'softmax' }),
  },
];
