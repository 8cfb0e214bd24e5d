import type { Family } from '../family';
import { layerCount, missing } from '../heads';
import { repeat, withLayerSource } from '../layers';

const roundedUp = (value: number): number => Math.ceil(value / 64) * 64;

/** xLSTM: per head a key × value matrix, a normaliser of the key's width and a maximum, in float32. */
export const xlstm: Family = {
  id: 'xlstm',
  modelTypes: ['xlstm'],
  cite: 'transformers 5.18 models/xlstm/configuration_xlstm.py (widths rounded up to 64, inference_state_dtype float32), xLSTMCache',
  read: (reader) => {
    const count = layerCount(reader, ['num_hidden_layers', 'num_blocks']);
    const hidden = reader.integer(['hidden_size', 'embedding_dim']);
    const heads = reader.integer(['num_heads']);
    const key = reader.number(['qk_dim_factor'])?.value ?? 0.5;
    const value = reader.number(['v_dim_factor'])?.value ?? 1;
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
      recurrentDtype:
        reader.string(['inference_state_dtype'])?.value === 'bfloat16' ? ('cache' as const) : ('float32' as const),
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
};
