/** Hunyuan of Tencent, dense and with experts, and Hy 3 and 4. */

import type { MoeFeedForward } from '../attention/spec/blockSpec';
import { headDims, type RunnableAttention } from '../attention/spec/layerSpec';
import type { RotarySpec } from '../attention/spec/rotarySpec';
import type { ConfigReader } from '../config/reader';
import { afterDense, deepseekExperts, EXPERT_KEYS } from './counted/experts';
import type { ExpertRule } from './counted/facet';
import { flag } from './counted/switches';
import { sparseLatent } from './deepseekSparse';
import { hyperConnections, streamsOf } from './deepseekV4';
import type {
  ArrangementsFacet,
  BlockInput,
  BlockModel,
  BlocksFacet,
  CountsFacet,
  GgufFacet,
  LayerDraft,
  LayersFacet,
  NamesFacet,
} from './facets';
import { biases, llamaBlocks, type LlamaBlocks } from './kit/blocks';
import { fullDraft, plainDecoder, repeat, sharedDraft, withLayerSource } from './kit/decoder';
import { headLayout, layerCount, missing } from './kit/headLayout';
import { moe, PLAIN_ROUTER } from './kit/mixtures';
import { llamaNames, mixtureNames, part, PLAIN_EXPERTS } from './kit/tensorNames';
import { activation, gated, headNorm, rmsNorm } from './kit/parts';
import { numberOf, ropeParameters, rotary } from './kit/rotary';
import { routing, take } from './kit/ggufBlocks';
import { ggufHeadWidth } from './kit/ggufKeys';

export const layers = (): readonly LayersFacet[] => [
  {
    // With `use_cla`, only every n-th layer makes K and V, and the next ones read them. `cla_share_factor` alone has no effect.
    id: 'hunyuan',
    modelTypes: ['hunyuan', 'hunyuan_v1_dense', 'hunyuan_v1_moe', 'hunyuan_vl_text', 'hunyuan_moe', 'hunyuan_dense'],
    cite: 'vLLM model_executor/models/hunyuan_v1.py (cla_factor = cla_share_factor if use_cla else 1); transformers 5.18 models/hunyuan_v1_dense',
    read: (reader) => {
      const count = layerCount(reader);
      const heads = headLayout(reader, { headDimKeys: ['head_dim', 'attention_head_dim'] });
      if (!count || !heads) {
        if (!count) missing(reader, 'the number of layers', 'num_hidden_layers');
        return { layers: [] };
      }
      reader.consult(['cla_share_factor', 'use_mla']);
      if (reader.flag(['use_mla'], false))
        reader.log.note(
          'use_mla is true: latent attention of this family is not known',
          true,
          reader.pathOf('use_mla'),
        );
      const factor = reader.flag(['use_cla'], false) ? (reader.integer(['cla_share_factor'])?.value ?? 1) : 1;
      const full = fullDraft(heads);
      if (factor === 1) return { layers: withLayerSource(repeat(full, count.value), count.source) };
      const source = reader.source('cla_share_factor');
      const layers: LayerDraft[] = [];
      for (let first = 0; first < count.value; first += factor) {
        const shared = sharedDraft(heads.layout, first, { ...heads.sources, sharedWith: source, kind: source });
        for (let index = first; index < Math.min(first + factor, count.value); index++)
          layers.push(index === first ? full : shared);
      }
      return { layers: withLayerSource(layers, count.source) };
    },
  },
  {
    id: 'hy3',
    modelTypes: ['hy_v3'],
    cite: 'transformers 5.18 models/hy_v3/configuration_hy_v3.py',
    read: plainDecoder,
  },
  {
    // Latent attention; the first layer chooses keys, and every fourth from the second on.
    id: 'hy4',
    modelTypes: ['hy_v4'],
    cite: 'transformers 5.18 models/hy_v4/configuration_hy_v4.py',
    read: sparseLatent((_reader, count) => ({
      owned: Array.from({ length: count }, (_, index) => index === 0 || (index - 1) % 4 === 0),
      source: null,
    })),
  },
];

export const blocks = (): readonly BlocksFacet[] => [
  { modelTypes: ['hunyuan_v1_dense'], build: (input) => hunyuanBlocks(input) },
  {
    modelTypes: ['hunyuan_v1_moe'],
    build: (input) => hunyuanBlocks(input, { feedForward: (index) => hunyuanMixture(input, index) }),
  },
];

/** Norms on q and k after RoPE; its own NTK scaling by `alpha`. */
function hunyuanBlocks(input: BlockInput, more: LlamaBlocks = {}): BlockModel {
  const { config } = input;
  const norm = headNorm(rmsNorm(config.need('rms_norm_eps')), 'head', 'after-rope');
  const model = llamaBlocks(input, {
    rotary: (_, attention) => hunyuanRotary(input, attention),
    attention: () => ({ ...biases(config.on('attention_bias')), queryNorm: norm, keyNorm: norm }),
    ...more,
  });
  // transformers has no use_cla: each layer has its own projections.
  return { ...model, sharedLayersProject: true };
}

function hunyuanRotary(input: BlockInput, attention: RunnableAttention): RotarySpec | null {
  const dim = headDims(attention).keyDim;
  const spec = rotary(input, { dim, layout: 'half' });
  if (spec?.scaling?.kind !== 'dynamic') return spec;
  const alpha = numberOf(ropeParameters(input.config, undefined)?.['alpha']);
  if (alpha === undefined || alpha === 0) return spec;
  return { ...spec, theta: spec.theta * alpha ** (dim / (dim - 2)), scaling: null };
}

/** Softmax over all, the chosen ones scaled to a sum of 1; counts may be one number or one for each layer. */
function hunyuanMixture(input: BlockInput, index: number): MoeFeedForward {
  const { config } = input;
  const count = (key: string): number => {
    const value = config.get(key);
    return numberOf(Array.isArray(value) ? value[index] : value) ?? config.unsupported(`${key} of this form`);
  };
  const act = activation(input);
  const shared = hunyuanShared(config);
  const router = { ...PLAIN_ROUTER, experts: count('num_experts'), topK: count('moe_topk'), normalize: true };
  return moe(router, gated(config.size(ROUTED_WIDTH), act), {
    shared: shared > 0 ? { expert: gated(shared, act), gate: false } : null,
  });
}

const NORMS = { q_norm: part('self_attn.query_layernorm'), k_norm: part('self_attn.key_layernorm') };

const EXPERTS = mixtureNames({
  router: part('mlp.gate.wg'),
  experts: 'mlp.experts',
  parts: PLAIN_EXPERTS,
  shared: 'mlp.shared_mlp',
});

export const names = (): readonly NamesFacet[] => [
  {
    modelTypes: ['hunyuan_v1_dense', 'hunyuan_v1_moe'],
    of: llamaNames({ sources: NORMS, mixture: EXPERTS }),
  },
];

export const gguf = (): readonly GgufFacet[] => [
  {
    architecture: 'hunyuan-dense',
    modelType: 'hunyuan_v1_dense',
    rope: 'half',
    adapt: (config, source) => {
      // NTK scaling of the base (models/hunyuan-vl.cpp load_arch_hparams); converted files mostly have the scaled base.
      const [alpha, width, theta] = [source.number('rope.scaling.alpha'), ggufHeadWidth(source), config['rope_theta']];
      if (alpha !== undefined && alpha > 0 && width !== undefined && typeof theta === 'number')
        config['rope_theta'] = theta * alpha ** (width / (width - 2));
    },
  },
  {
    architecture: 'hunyuan-moe',
    modelType: 'hunyuan_v1_moe',
    rope: 'half',
    // The routed experts have the plain width there; the shared one has its own, or that.
    adapt: (config, source) => {
      const plain = source.number('feed_forward_length');
      take(config, source, { expert_used_count: 'moe_topk' });
      if (plain !== undefined) config['moe_intermediate_size'] = plain;
      take(config, source, { expert_shared_feed_forward_length: 'intermediate_size' });
      config['num_shared_expert'] = 1;
    },
    block: routing({ scoring: 'softmax', normalize: true }),
  },
  { architecture: 'hunyuan_vl', modelType: 'hunyuan_vl_text' },
];

/** One width for all shared experts of a layer: Hunyuan-A13B has one, of `intermediate_size`. */
function hunyuanShared(config: ConfigReader): number {
  const count = config.value('num_shared_expert');
  const shared = Array.isArray(count) ? Number(count[0]) : typeof count === 'number' ? count : 1;
  return shared * config.size('intermediate_size');
}

const ROUTED_WIDTH = ['moe_intermediate_size', 'intermediate_size'];

const hunyuanExperts = (): ExpertRule => ({
  ...EXPERT_KEYS,
  perTokenDefault: 1,
  width: ROUTED_WIDTH,
  shared: hunyuanShared,
});

export const counts = (): readonly CountsFacet[] => [
  { modelTypes: ['hunyuan_vl_text'], bias: flag('attention_bias'), qkNorm: 'head' },
  {
    modelTypes: ['hunyuan_dense'],
    bias: flag('attention_bias'),
    qkNorm: 'head',
    qkNormIf: flag('use_qk_norm', true),
    sharedHaveNoKeys: true,
  },
  {
    modelTypes: ['hunyuan', 'hunyuan_moe'],
    bias: flag('attention_bias'),
    qkNorm: 'head',
    qkNormIf: flag('use_qk_norm', true),
    sharedHaveNoKeys: true,
    experts: hunyuanExperts(),
  },
  {
    modelTypes: ['hy_v3'],
    bias: flag('attention_bias'),
    mlpBias: flag('mlp_bias'),
    qkNorm: 'head',
    experts: { ...deepseekExperts, sparse: afterDense('first_k_dense_replace', 1) },
  },
  {
    modelTypes: ['hy_v4'],
    bias: flag('attention_bias'),
    gate: 'wide',
    sinks: 'all',
    experts: { ...deepseekExperts, sparse: afterDense([], 1) },
    extra: hyperConnections((streams) => 2 * streams, 2),
  },
];

export const arrangements = (): readonly ArrangementsFacet[] => [
  {
    modelTypes: ['hunyuan_vl_text', 'hunyuan_dense', 'hunyuan', 'hunyuan_moe'],
    cite: 'transformers 5.18 modeling_hunyuan_v1_moe.py: queries and keys are normed after RoPE',
    headNormLast: true,
    router: () => ({ scoring: 'softmax' }),
  },
  {
    modelTypes: ['hy_v3'],
    cite: 'transformers 5.18 modeling_hy_v3.py HYV3DecoderLayer',
    router: () => ({ scoring: 'sigmoid', correctionBias: true }),
  },
  {
    modelTypes: ['hy_v4'],
    cite: 'transformers 5.18 modeling_hy_v4.py HYV4DecoderLayer',
    positions: 'unsaid',
    streams: streamsOf,
  },
];
