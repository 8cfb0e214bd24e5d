/** Step-1 to Step-3.7 of StepFun. */

import { MAX_LAYERS, show } from '../config/reader';
import { afterDense, type Sparse } from './counted/experts';
import { flag } from './counted/switches';
import type { ArrangementsFacet, CountsFacet, GgufFacet, LayersFacet } from './facets';
import { decoderLayers, decoderMakers, draftsOf, slidingWindow, withSources } from './kit/decoder';
import { setHeadsByKind } from './kit/ggufKeys';
import { layerCount, missing, type SourcedLayout } from './kit/headLayout';
import { gateOf } from './laguna';

export const layers = (): readonly LayersFacet[] => [
  {
    // Multi-matrix factorisation: `num_attention_groups` KV heads in every layer.
    id: 'step3',
    modelTypes: ['step3_text', 'step3', 'step3_vl', 'step1', 'step2'],
    cite: 'stepfun-ai/step3 configuration_step3.py; vLLM model_executor/models/step3_text.py (num_kv_heads = num_attention_groups)',
    read: (reader) => {
      reader.consult(['share_q_dim', 'num_key_value_heads']);
      return { layers: decoderLayers(reader, { layerTypes: false, kvKeys: ['num_attention_groups'] }) };
    },
  },
  {
    // Sliding layers have more query heads, not more KV heads; the list of layers also covers the draft layers.
    id: 'step3p5',
    modelTypes: ['step3p5', 'step3p7_text', 'step3p5_text'],
    cite: 'transformers 5.18 models/step3p7/configuration_step3p7.py Step3p7TextConfig.__post_init__',
    sglang: { windows: true },
    llamacpp: { windows: true },
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
      const draft = reader.computed(['num_nextn_predict_layers'], 0, MAX_LAYERS)?.value ?? 0;
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
  },
];

/** Step-3: layers by number, "3,4,5,…". */
const byNumbers: Sparse = (config) => {
  const text = config.string(['moe_layers_enum'])?.value ?? null;
  const numbers = text === null ? config.list(['moe_layers_enum'])?.value.map(Number) : text.split(',').map(Number);
  const listed = numbers && new Set(numbers);
  return listed ? (layer) => listed.has(layer) : afterDense([], 3)(config);
};

export const gguf = (): readonly GgufFacet[] => [
  {
    architecture: 'step35',
    modelType: 'step3p5',
    adapt: (config, source) =>
      void setHeadsByKind(config, source, { full: 'num_attention_heads', sliding: 'num_sliding_attention_heads' }),
  },
];

export const counts = (): readonly CountsFacet[] => [
  {
    modelTypes: ['step3p5', 'step3p7_text', 'step3p5_text'],
    bias: flag('attention_bias'),
    qkNorm: 'head',
    gate: gateOf,
    mlpBias: flag('mlp_bias'),
    experts: {
      count: ['moe_num_experts', 'num_experts', 'n_routed_experts'],
      perToken: ['moe_top_k', 'num_experts_per_tok'],
      width: ['moe_intermediate_size'],
      shared: (config) => config.size(['share_expert_dim', 'share_expert_dims'], 1280),
      sparse: byNumbers,
    },
  },
];

export const arrangements = (): readonly ArrangementsFacet[] => [
  {
    modelTypes: ['step3p5', 'step3p7_text', 'step3p5_text'],
    cite: 'transformers 5.18 modeling_step3p7.py',
    activation: 'silu',
    positions: 'unsaid',
    router: () => ({ scoring: 'sigmoid' }),
  },
];
