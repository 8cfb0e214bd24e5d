/** HRM: the same stack runs many times for a token, and each run has its own cache. */

import { HIDDEN_KEYS } from '../config/spellings';
import { flag } from './counted/switches';
import type { ArrangementsFacet, CountsFacet, GgufFacet, LayersFacet } from './facets';
import { fullDraft, repeat, withLayerSource } from './kit/decoder';
import { headLayout, layerCount, missing } from './kit/headLayout';

export const layers = (): readonly LayersFacet[] => [
  {
    id: 'hrm',
    modelTypes: ['hrm_text'],
    cite: 'transformers 5.18 models/hrm_text/configuration_hrm_text.py: layers × H_cycles × (L_cycles + 1), unless num_layers_per_stack is given',
    refusesRemainder: 'class',
    read: (reader) => {
      const count = layerCount(reader, ['num_hidden_layers']);
      const heads = headLayout(reader, { kvKeys: [] });
      const high = reader.integer(['H_cycles']);
      const low = reader.integer(['L_cycles'], 0);
      if (!count || !heads || !high || !low) {
        missing(reader, 'num_hidden_layers, H_cycles and L_cycles', 'H_cycles');
        return { layers: [] };
      }
      const runs = reader.hasValue('num_layers_per_stack') ? 1 : high.value * (low.value + 1);
      if (count.value * runs > 4096) return { layers: [] };
      const rule = runs === 1 ? 'given' : `${count.value} layers × ${high.value} × (${low.value} + 1) runs`;
      return { layers: withLayerSource(repeat(fullDraft(heads), count.value * runs), { ...count.source, rule }) };
    },
  },
];

export const gguf = (): readonly GgufFacet[] => [
  {
    // The file counts a block for each cache.
    architecture: 'hrm_text',
    modelType: 'hrm_text',
    adapt: (config, source) => {
      delete config['num_key_value_heads'];
      const numbers: Readonly<Record<string, string>> = {
        'hrm.layers_per_stack': 'num_layers_per_stack',
        'hrm.h_cycles': 'H_cycles',
        'hrm.l_cycles': 'L_cycles',
      };
      for (const [from, to] of Object.entries(numbers)) {
        const value = source.number(from);
        if (value !== undefined) config[to] = value;
      }
    },
  },
];

export const counts = (): readonly CountsFacet[] => [
  {
    modelTypes: ['hrm_text'],
    bias: flag('attention_bias'),
    mlpBias: flag('mlp_bias'),
    gate: 'wide',
    gateBias: true,
    built: (config) => 2 * config.size('num_hidden_layers'),
    norms: 0,
    finalNorms: 0,
    extra: (config, tally) => tally.add('other', config.size(HIDDEN_KEYS)),
  },
];

export const arrangements = (): readonly ArrangementsFacet[] => [
  {
    modelTypes: ['hrm_text'],
    cite: 'transformers 5.18 modeling_hrm_text.py HrmTextDecoderLayer: norms without weights',
    norm: { weight: 'none' },
  },
];
