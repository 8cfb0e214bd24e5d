/** PLaMo: 1, whose `n_shared_head` query heads share one KV head, and 2, Mamba layers with attention between. */

import type { ConfigReader } from '../config/reader';
import { HEAD_KEYS } from '../config/spellings';
import type { ArrangementsFacet, CountsFacet, GgufFacet, LayersFacet } from './facets';
import { decoderLayers } from './kit/decoder';
import { missing } from './kit/headLayout';
import { recurrentDraft, type SourcedState } from './kit/states';

export const layers = (): readonly LayersFacet[] => [
  {
    id: 'plamo',
    modelTypes: ['plamo'],
    cite: 'pfnet/plamo-13b modeling_plamo.py Attention: k_num_heads = ceil(num_attention_heads / n_shared_head)',
    read: (reader) => {
      const heads = reader.integer(HEAD_KEYS);
      const shared = reader.integer(['n_shared_head']);
      reader.consult(['num_key_value_heads']);
      const value = heads && shared ? Math.ceil(heads.value / shared.value) : null;
      return {
        layers: decoderLayers(reader, {
          layerTypes: false,
          headDimKeys: ['hidden_size_per_head'],
          kvKeys: value === null ? ['num_key_value_heads'] : [],
          ...(heads && shared && value !== null
            ? {
                kvHeads: { value, rule: `${heads.value} heads ÷ n_shared_head ${shared.value}`, source: shared.source },
              }
            : {}),
        }),
      };
    },
  },
  {
    // A window stands in the file and in no implementation: attention keeps every token.
    id: 'plamo2',
    modelTypes: ['plamo2'],
    cite: 'vLLM models/plamo2.py is_mamba, Plamo2AttentionMixer, Plamo2MambaMixer.get_state_shape (no groups); mlx-lm models/plamo2.py make_cache',
    defaults: {
      plamo2: {
        hidden_size: 4096,
        num_hidden_layers: 32,
        num_attention_heads: 32,
        num_key_value_heads: 4,
        hidden_size_per_head: 128,
        mamba_d_state: 64,
        mamba_d_conv: 4,
        mamba_num_heads: 64,
        mamba_step: 2,
        mamba_enabled: true,
      },
    },
    read: (reader) => {
      // biome-ignore format: names fill their lines
      reader.consult([
        'attention_window_size', 'full_attention_idx', 'mamba_enabled', 'mamba_chunk_size', 'mamba_d_ssm', 'mamba_n_groups',
        'mamba_n_heads', 'mamba_d_head', 'mamba_expand',
      ]);
      const step = reader.integer(['mamba_step'], 2);
      const middle = Math.floor((step?.value ?? 2) / 2);
      const all = reader.flag(['mamba_enabled'], true);
      return {
        layers: decoderLayers(reader, {
          headDimKeys: ['head_dim', 'hidden_size_per_head'],
          kindAt: (index, count) => {
            if (!all) return 'full';
            if (count <= middle) return index === count - 1 ? 'full' : 'mamba';
            return index % (step?.value ?? 2) === middle ? 'full' : 'mamba';
          },
          patternKey: 'mamba_step',
          makers: { mamba: () => recurrentDraft(plamo2State(reader)) },
        }),
      };
    },
  },
];

/** As Mamba 2 without groups: the convolution runs over the inner stream alone. */
function plamo2State(reader: ConfigReader): SourcedState | null {
  const heads = reader.integer(['mamba_n_heads', 'mamba_num_heads']);
  const headDim = reader.integer(['mamba_d_head', 'hidden_size_per_head']);
  const state = reader.integer(['mamba_d_state']);
  const conv = reader.integer(['mamba_d_conv']);
  if (!heads || !headDim || !state || !conv) {
    missing(reader, 'mamba_num_heads, hidden_size_per_head, mamba_d_state and mamba_d_conv', 'mamba_d_state');
    return null;
  }
  const inner = heads.value * headDim.value;
  return {
    state: {
      flavour: 'mamba2',
      conv: { channels: inner, width: conv.value, engineWidth: conv.value - 1 },
      recurrentElements: inner * state.value,
      recurrentDtype: 'cache',
      heads: heads.value,
    },
    sources: {
      conv: { ...conv.source, rule: `${inner} × kernel ${conv.value}` },
      recurrent: { ...state.source, rule: `${heads.value} heads × ${headDim.value} × state ${state.value}` },
      state: heads.source,
    },
  };
}

export const gguf = (): readonly GgufFacet[] => [{ architecture: 'plamo', modelType: 'plamo' }];

export const counts = (): readonly CountsFacet[] => [{ modelTypes: ['plamo'], norms: 1 }];

export const arrangements = (): readonly ArrangementsFacet[] => [
  {
    modelTypes: ['plamo'],
    cite: 'pfnet/plamo-13b modeling_plamo.py PlamoDecoderLayer: one norm, attention and feed-forward beside each other, SiLU',
    norms: 'parallel',
    activation: 'silu',
  },
];
