import type { Family } from '../family';
import { decoderLayers } from '../layers';

/** `attn_config.kv_n_heads` gives the KV heads; without it MPT has one per head, DBRX a single one. */
export const mpt: Family = {
  id: 'mpt',
  modelTypes: ['mpt', 'dbrx'],
  cite: 'transformers 5.18 models/dbrx/configuration_dbrx.py (kv_n_heads 1 where absent); mosaicml/llm-foundry attention.py for MPT',
  read: (reader, modelType) => {
    const attention = reader.nested('attn_config');
    const grouped = attention?.integer(['kv_n_heads']) ?? null;
    const multiQuery = attention?.string(['attn_type'])?.value === 'multiquery_attention';
    if (multiQuery && modelType === 'mpt')
      reader.log.note(
        'multiquery_attention: llm-foundry keeps one K and V head, transformers all of them; one is counted',
        true,
      );
    const single = !grouped && (modelType === 'dbrx' || multiQuery);
    return {
      layers: decoderLayers(reader, {
        layerTypes: false,
        layerKeys: ['n_layers', 'num_hidden_layers'],
        headKeys: ['n_heads', 'num_attention_heads'],
        headDimKeys: [],
        kvKeys: [],
        ...(grouped ? { kvHeads: { value: grouped.value, rule: 'given', source: grouped.source } } : {}),
        ...(single
          ? {
              kvHeads: {
                value: 1,
                rule: multiQuery ? 'attn_config.attn_type: one K and V head' : 'attn_config.kv_n_heads absent: 1',
              },
            }
          : {}),
      }),
    };
  },
};
