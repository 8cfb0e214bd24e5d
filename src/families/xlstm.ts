/** xLSTM: per head a key × value matrix, a normaliser of the key's width and a maximum, in float32. */

import type { ConfigReader } from '../config/reader';
import { HIDDEN_KEYS } from '../config/spellings';
import type { LayerView } from './counted/facet';
import { flag, ratio } from './counted/switches';
import type { CountsFacet, LayersFacet } from './facets';
import { repeat, withLayerSource } from './kit/decoder';
import { layerCount, missing } from './kit/headLayout';
import { stateDtypeOf } from './kit/states';

/** Widths are multiples of 64. */
const roundedUp = (value: number): number => Math.ceil(value / 64) * 64;

export const layers = (): readonly LayersFacet[] => [
  {
    id: 'xlstm',
    modelTypes: ['xlstm'],
    cite: 'transformers 5.18 models/xlstm/configuration_xlstm.py (widths rounded up to 64, inference_state_dtype float32), xLSTMCache',
    read: (reader) => {
      const count = layerCount(reader, ['num_hidden_layers']);
      const hidden = reader.integer(['hidden_size']);
      // Other names of what is given twice, which count for nothing.
      reader.consult(['embedding_dim', 'num_blocks']);
      const heads = reader.integer(['num_heads']);
      const key = reader.factor(['qk_dim_factor'])?.value ?? 0.5;
      const value = reader.factor(['v_dim_factor'])?.value ?? 1;
      if (!count || !hidden || !heads) {
        missing(reader, 'num_hidden_layers, hidden_size and num_heads', 'num_heads');
        return { layers: [] };
      }
      const keyDim = Math.floor(roundedUp(hidden.value * key) / heads.value);
      const valueDim = Math.floor(roundedUp(hidden.value * value) / heads.value);
      const elements = heads.value * (keyDim * valueDim + keyDim + 1);
      const state = {
        flavour: 'linear' as const,
        conv: null,
        recurrentElements: elements,
        recurrentDtype: stateDtypeOf(reader, ['inference_state_dtype'], 'float32'),
        heads: heads.value,
      };
      const recurrent = { ...heads.source, rule: `${heads.value} heads × (${keyDim} × ${valueDim} + ${keyDim} + 1)` };
      return {
        layers: withLayerSource(
          repeat({ attention: { kind: 'recurrent', state }, sources: { recurrent } }, count.value),
          count.source,
        ),
      };
    },
  },
];

export const counts = (): readonly CountsFacet[] => [
  {
    modelTypes: ['xlstm'],
    tied: false,
    norms: 2,
    mixer: mlstmLayer,
    width: feedForwardWidth,
    mlpBias: flag('use_bias'),
  },
];

/** T:xlstm xLSTMLayer: queries and keys of half the width, an output gate, two scalar gates a head. */
function mlstmLayer(config: ConfigReader, { hidden }: LayerView): number {
  const heads = config.size('num_heads');
  const key = roundedUp(hidden * ratio(config, 'qk_dim_factor', 0.5));
  const value = roundedUp(hidden * ratio(config, 'v_dim_factor', 1));
  const bias = config.flag(['use_bias'], false) ? 2 * key + 2 * value + hidden : 0;
  return hidden * (2 * key + 2 * value) + 2 * heads * (hidden + 1) + value + value * hidden + bias;
}

function feedForwardWidth(config: ConfigReader): number {
  const step = config.size('ffn_round_up_to_multiple_of', 64);
  return Math.ceil((config.size(HIDDEN_KEYS) * ratio(config, 'ffn_proj_factor', 2.667)) / step) * step;
}
