import type { Family } from '../family';
import { layerCount, missing, type SourcedLayout } from '../heads';
import { decoderLayers, decoderMakers, draftsOf, slidingWindow, withSources } from '../layers';
import { show } from '../reader';

/** Step-3 (multi-matrix factorisation): `num_attention_groups` KV heads in every layer. */
export const step3: Family = {
  id: 'step3',
  modelTypes: ['step3_text', 'step3', 'step3_vl', 'step1', 'step2'],
  cite: 'stepfun-ai/step3 configuration_step3.py; vLLM model_executor/models/step3_text.py (num_kv_heads = num_attention_groups)',
  read: (reader) => {
    reader.consult(['share_q_dim', 'num_key_value_heads']);
    return { layers: decoderLayers(reader, { layerTypes: false, kvKeys: ['num_attention_groups'] }) };
  },
};

/** Step-3.5 and 3.7: sliding layers have more query heads, not more KV heads; the list of layers is longer by the draft layers. */
export const step3p5: Family = {
  id: 'step3p5',
  modelTypes: ['step3p5', 'step3p7_text', 'step3p5_text'],
  cite: 'transformers 5.18 models/step3p7/configuration_step3p7.py Step3p7TextConfig.__post_init__',
  read: (reader) => {
    const count = layerCount(reader);
    if (!count) {
      missing(reader, 'the number of layers', 'num_hidden_layers');
      return { layers: [] };
    }
    const other = reader.nested('attention_other_setting');
    const kvKeys = ['num_key_value_heads', 'num_attention_groups'];
    reader.consult(['num_sliding_attention_heads', 'per_layer_config']);
    const sliding = (full: SourcedLayout): SourcedLayout => {
      const queryHeads =
        reader.integer(['num_sliding_attention_heads']) ?? other?.integer(['num_attention_heads']) ?? null;
      const kvHeads = other?.integer(['num_attention_groups', 'num_key_value_heads']) ?? null;
      const headDim = other?.integer(['head_dim']) ?? null;
      return {
        layout: {
          queryHeads: queryHeads?.value ?? full.layout.queryHeads,
          kvHeads: kvHeads?.value ?? full.layout.kvHeads,
          keyDim: headDim?.value ?? full.layout.keyDim,
          valueDim: headDim?.value ?? full.layout.valueDim,
        },
        sources: {
          ...full.sources,
          ...(queryHeads ? { queryHeads: queryHeads.source } : {}),
          ...(kvHeads ? { kvHeads: kvHeads.source } : {}),
          ...(headDim ? { keyDim: headDim.source, valueDim: headDim.source } : {}),
        },
      };
    };
    const draft = reader.integer(['num_nextn_predict_layers'], 0)?.value ?? 0;
    const list = reader.list(['layer_types']);
    const labels =
      list?.value.map((entry) => (typeof entry === 'string' ? entry : show(entry))) ??
      new Array<string>(count.value).fill('full_attention');
    if (list && labels.length !== count.value && labels.length !== count.value + draft) {
      reader.problem(
        'layer-types-length',
        'error',
        'layer_types',
        `layer_types has ${labels.length} entries for ${count.value} layers.`,
      );
      reader.log.note(
        `layer_types has ${labels.length} entries for ${count.value} layers`,
        true,
        reader.pathOf('layer_types'),
      );
    }
    const cut = Array.from({ length: count.value }, (_, index) => labels[index] ?? 'not in layer_types');
    const makers = decoderMakers(reader, { kvKeys, window: slidingWindow, slidingHeads: sliding }, true);
    return {
      layers: withSources(draftsOf(cut, makers), { layers: count.source, ...(list ? { kind: list.source } : {}) }),
      draftLayers: draft,
    };
  },
};
