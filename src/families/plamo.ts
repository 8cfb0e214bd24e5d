/** PLaMo 1: `n_shared_head` query heads share one KV head. */

import { HEAD_KEYS } from '../config/spellings';
import type { ConfigReader } from '../config/reader';
import type { CountsFacet, GgufFacet, LayerDraft, LayersFacet } from './facets';
import { decoderLayers } from './kit/decoder';
import { adaptHybrid, HYBRID_MAMBA2_NAMES } from './kit/ggufStates';
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
    // Mamba 2 whose convolution sees x alone, without groups of B and C.
    id: 'plamo2',
    modelTypes: ['plamo2-gguf'],
    cite: 'llama.cpp v0.5.0 conversion/plamo.py Plamo2Model, llama-hparams.cpp n_embd_r and n_embd_s (group count 0)',
    llamacpp: { keepsDraftStates: false },
    read: (reader) => {
      const mamba = (): LayerDraft | null => recurrentDraft(plainState(reader));
      return { layers: decoderLayers(reader, { makers: { mamba } }) };
    },
  },
];

function plainState(reader: ConfigReader): SourcedState | null {
  const inner = reader.integer(['mamba_d_ssm']);
  const width = reader.integer(['mamba_d_state']);
  const kernel = reader.integer(['mamba_d_conv']);
  reader.consult(['mamba_expand', 'mamba_n_groups', 'mamba_n_heads', 'mamba_d_head']);
  if (!inner || !width || !kernel) {
    missing(reader, 'mamba_d_ssm, mamba_d_state and mamba_d_conv', 'mamba_d_ssm');
    return null;
  }
  return {
    state: {
      flavour: 'mamba2',
      conv: { channels: inner.value, width: kernel.value, engineWidth: kernel.value - 1 },
      recurrentElements: inner.value * width.value,
      recurrentDtype: 'float32',
      heads: reader.integer(['mamba_n_heads'])?.value ?? null,
    },
    sources: {
      conv: { ...inner.source, rule: `${inner.value} channels × ${kernel.value}` },
      recurrent: { ...width.source, rule: `${inner.value} × state of ${width.value}` },
    },
  };
}

export const gguf = (): readonly GgufFacet[] => [
  { architecture: 'plamo', modelType: 'plamo' },
  { architecture: 'plamo2', modelType: 'plamo2-gguf', adapt: adaptHybrid(HYBRID_MAMBA2_NAMES) },
];

export const counts = (): readonly CountsFacet[] => [{ modelTypes: ['plamo'], norms: 1 }];
