/** RWKV-4 to 6, and files of RWKV-7 (fla.ts has its layers): no keys and values. */

import type { ConfigReader } from '../config/reader';
import { HIDDEN_KEYS } from '../config/spellings';
import type { StateSpec } from '../model/attention';
import type { LayerView } from './counted/facet';
import type { Weights } from './counted/tally';
import type { ArrangementsFacet, CountsFacet, GgufFacet, LayersFacet } from './facets';
import { repeat, withLayerSource } from './kit/decoder';
import type { GgufConfig, GgufSource } from './kit/ggufMetadata';
import { layerCount, missing } from './kit/headLayout';
import { recurrentDraft, rwkv4State } from './kit/states';

export const layers = (): readonly LayersFacet[] => [
  // RWKV-4: five vectors a layer.
  {
    id: 'rwkv',
    modelTypes: ['rwkv'],
    cite: 'transformers 5.18 models/rwkv/modeling_rwkv.py RwkvModel.forward: two token shifts and three accumulators, these in float32',
    read: (reader) => {
      const count = layerCount(reader, ['num_hidden_layers']);
      const hidden = reader.integer(HIDDEN_KEYS);
      const attention = reader.integer(['attention_hidden_size']) ?? hidden;
      const draft = hidden && attention ? recurrentDraft(rwkv4State(hidden, attention)) : null;
      if (!count || !draft) {
        missing(reader, 'num_hidden_layers and hidden_size', 'hidden_size');
        return { layers: [] };
      }
      return { layers: withLayerSource(repeat(draft, count.value), count.source) };
    },
  },
  // RWKV-5 and 6: a square matrix per head in float32, and the last input of both halves of a layer.
  {
    id: 'rwkv5',
    modelTypes: ['rwkv5', 'rwkv6', 'rwkv6qwen2', 'arwkv7'],
    cite: 'RWKV/rwkv-5-world-1b5 and RWKV/rwkv-6-world-1b6 modeling_rwkv5.py, modeling_rwkv6.py; llama.cpp v0.5.0 llama-hparams.cpp n_embd_r, n_embd_s: state [heads, head_size, head_size] and two shifts',
    llamacpp: { keepsDraftStates: false },
    read: (reader) => {
      const count = layerCount(reader, ['num_hidden_layers']);
      const hidden = reader.integer(HIDDEN_KEYS);
      const attention = reader.integer(['attention_hidden_size']) ?? hidden;
      const headSize = reader.integer(['head_size']);
      // Qwen's feed-forward in place of RWKV's has no last input to keep.
      const shifts = reader.integer(['token_shift_count']) ?? null;
      const inputs = shifts?.value ?? 2;
      reader.consult(['num_attention_heads', 'head_size_divisor']);
      if (!count || !hidden || !attention || !headSize) {
        missing(reader, 'num_hidden_layers, hidden_size and head_size', 'head_size');
        return { layers: [] };
      }
      const state: StateSpec = {
        flavour: 'rwkv',
        conv: { channels: hidden.value, width: inputs, engineWidth: inputs },
        recurrentElements: attention.value * headSize.value,
        recurrentDtype: 'float32',
        heads: Math.floor(attention.value / headSize.value),
      };
      const sources = {
        conv: {
          ...hidden.source,
          rule: shifts
            ? `token shifts: ${inputs} × ${hidden.value}`
            : `token shift of both halves: 2 × ${hidden.value}`,
        },
        recurrent: { ...headSize.source, rule: `${attention.value} × head size ${headSize.value}` },
      };
      return {
        layers: withLayerSource(
          repeat({ attention: { kind: 'recurrent', state }, sources }, count.value),
          count.source,
        ),
      };
    },
  },
];

/** llama.cpp reads the width of a head, and two token shifts where the file does not say another number. */
function adaptShifts(config: GgufConfig, source: GgufSource, name: 'head_size' | 'head_dim'): void {
  const size = source.number('wkv.head_size');
  // Heads are the width ÷ their size; the file says 0 of attention.
  delete config['num_attention_heads'];
  delete config['num_key_value_heads'];
  const shifts = source.number('token_shift_count') ?? 2;
  if (name === 'head_dim' && shifts !== 2) return;
  if (size !== undefined) config[name] = size;
  if (shifts !== 2) config['token_shift_count'] = shifts;
}

export const gguf = (): readonly GgufFacet[] => [
  { architecture: 'rwkv6', modelType: 'rwkv6', adapt: (config, source) => adaptShifts(config, source, 'head_size') },
  {
    architecture: 'rwkv6qwen2',
    modelType: 'rwkv6qwen2',
    adapt: (config, source) => adaptShifts(config, source, 'head_size'),
  },
  { architecture: 'arwkv7', modelType: 'arwkv7', adapt: (config, source) => adaptShifts(config, source, 'head_size') },
  { architecture: 'rwkv7', modelType: 'rwkv7', adapt: (config, source) => adaptShifts(config, source, 'head_dim') },
];

export const counts = (): readonly CountsFacet[] => [
  { modelTypes: ['rwkv'], norms: 2, normBias: true, mlpAt: () => false, mixer: rwkvLayer, finalNorms: 2 },
];

/** T:rwkv RwkvSelfAttention and RwkvFeedForward: decays and mixes by channel, four projections and three. */
function rwkvLayer(config: ConfigReader, { hidden }: LayerView): Weights {
  const attention = config.sizeOr('attention_hidden_size', null) ?? hidden;
  const width = config.sizeOr('intermediate_size', null) ?? 4 * hidden;
  return [
    ['time_mix', 2 * attention + 3 * hidden + 4 * hidden * attention],
    ['channel_mix', 2 * hidden + 2 * hidden * width + hidden * hidden],
  ];
}

export const arrangements = (): readonly ArrangementsFacet[] => [
  {
    modelTypes: ['rwkv'],
    cite: 'transformers 5.18 modeling_rwkv.py RwkvBlock',
    norm: { kind: 'layer' },
  },
];
