/** Phi: 1 to 4, with experts (PhiMoE), block-sparse (Phi-3-small) and multimodal. */

import type { BlockSpec } from '../attention/spec/blockSpec';
import { headDims, type RunnableAttention } from '../attention/spec/layerSpec';
import { isHeaded } from '../model/attention';
import type { RotarySpec } from '../attention/spec/rotarySpec';
import type {
  ArrangementsFacet,
  BlockInput,
  BlocksFacet,
  CountsFacet,
  GgufFacet,
  LayersFacet,
  NamesFacet,
} from './facets';
import { fourTimes } from './gpt2';
import { biases, llamaBlocks, plainMlp, plainRotary } from './kit/blocks';
import { decoderLayers, plainDecoder, oneWindow } from './kit/decoder';
import { moe, softmaxRouter } from './kit/mixtures';
import { fusedGateUp, fusedQkv, llamaNames, part } from './kit/tensorNames';
import { activation, gated, headNorm, layerNorm } from './kit/parts';
import { numberOf, orNoted, ropeParameters, rotary } from './kit/rotary';
import type { WeightSources } from './kit/weightSource';
import { MIXTRAL_NAMES } from './mistral';
import { activated, changes, givePartialRotary, routing, take } from './kit/ggufBlocks';
import type { NormSpec } from '../attention/spec/normSpec';

export const layers = (): readonly LayersFacet[] => [
  {
    // Phi-1, 1.5 and 2.
    id: 'phi',
    modelTypes: ['phi'],
    cite: 'transformers 5.18 models/phi/modeling_phi.py PhiAttention',
    read: plainDecoder,
  },
  {
    // Phi-1 and 2 in their first implementation: `n_head_kv: null` means one KV head per head.
    id: 'phi-msft',
    modelTypes: ['phi-msft', 'mixformer-sequential', 'phixtral'],
    cite: 'microsoft/phi-2 configuration_phi.py of 2023: n_layer, n_head, n_head_kv',
    read: (reader) => ({
      layers: decoderLayers(reader, {
        layerTypes: false,
        headDimKeys: [],
        kvKeys: ['n_head_kv', 'num_key_value_heads'],
      }),
    }),
  },
  {
    id: 'phi3',
    modelTypes: ['phi3', 'phi4_multimodal', 'phi4mm', 'phi3_v', 'phimoe'],
    cite: 'transformers 5.18 models/phi3/configuration_phi3.py (sliding_window None where absent) and those of phi4_multimodal, phimoe',
    llamacpp: { windows: false },
    read: oneWindow,
  },
  {
    // Block-sparse attention in most layers, but every layer keeps all tokens.
    id: 'phi3-small',
    modelTypes: ['phi3small'],
    cite: 'microsoft/Phi-3-small-8k-instruct modeling_phi3_small.py Phi3SmallSelfAttention; vLLM model_executor/models/phi3_small.py',
    read: (reader) => {
      reader.consult([
        'dense_attention_every_n_layers',
        'blocksparse_block_size',
        'blocksparse_num_local_blocks',
        'blocksparse_vert_stride',
        'blocksparse_homo_head_pattern',
        'blocksparse_triton_kernel_block_size',
      ]);
      return { layers: decoderLayers(reader, { layerTypes: false, headDimKeys: [] }) };
    },
  },
];

export const blocks = (): readonly BlocksFacet[] => [
  {
    // One LayerNorm, attention and feed-forward in parallel, biases everywhere, the output head included.
    modelTypes: ['phi'],
    build: (input) => {
      const { config } = input;
      const norm = layerNorm(config.need('layer_norm_eps'));
      const head = config.on('qk_layernorm') ? headNorm(norm) : null;
      return llamaBlocks(input, {
        norm,
        norms: { attention: norm },
        rotary: (_, attention) => plainRotary(input, attention, 'half', 0.5),
        attention: () => ({ ...biases(true), queryNorm: head, keyNorm: head }),
        feedForward: () => plainMlp(input, true),
        block: () => ({ arrangement: 'parallel' }),
        output: { bias: true },
      });
    },
  },
  {
    modelTypes: ['phi3'],
    build: (input) => llamaBlocks(input, { rotary: (_, attention) => plainRotary(input, attention, 'half', 1) }),
  },
  {
    // LayerNorms, biases in attention, its own kind of router (SparseMixer).
    modelTypes: ['phimoe'],
    build: (input) => {
      const { config } = input;
      const router = softmaxRouter(input, 'num_local_experts', 'num_experts_per_tok', {
        scoring: 'sparsemixer',
        jitter: config.need('router_jitter_noise'),
      });
      if (router.topK !== 2) input.cannotRun(`choosing ${router.topK} experts`);
      const mixture = moe(router, gated(config.need('intermediate_size'), activation(input)));
      return llamaBlocks(input, {
        norm: layerNorm(config.need('rms_norm_eps')),
        rotary: (_, attention) => phimoeRotary(input, attention),
        attention: () => biases(config.on('attention_bias')),
        feedForward: () => mixture,
        output: { bias: config.on('lm_head_bias') },
      });
    },
  },
];

/** transformers uses the short factors at any length, but picks the factor on cos and sin by length. */
function phimoeRotary(input: BlockInput, attention: RunnableAttention): RotarySpec | null {
  const spec = rotary(input, { dim: headDims(attention).keyDim, layout: 'half' });
  if (spec?.scaling == null) return spec;
  if (spec.scaling.kind !== 'longrope') return input.cannotRun(`RoPE scaling ${spec.scaling.kind}`);
  const parameters = orNoted(input, () => ropeParameters(input.config, undefined)) ?? {};
  const [short, long] = [numberOf(parameters['short_mscale']), numberOf(parameters['long_mscale'])];
  if (short === undefined || short !== long) return input.cannotRun('RoPE with short_mscale other than long_mscale');
  return { ...spec, scaling: { ...spec.scaling, longFactor: spec.scaling.shortFactor, attentionFactor: short } };
}

/** Phi-3: q, k and v in one tensor, gate and up in another. */
function fused(block: BlockSpec): WeightSources {
  const { feedForward } = block;
  return {
    ...fusedQkv('self_attn.qkv_proj', block),
    ...(feedForward.kind === 'gated' ? fusedGateUp('mlp.gate_up_proj', 'mlp.down_proj', feedForward.width) : {}),
  };
}

export const names = (): readonly NamesFacet[] => [
  {
    modelTypes: ['phi'],
    of: llamaNames({
      sources: {
        o: part('self_attn.dense'),
        q_norm: part('self_attn.q_layernorm'),
        k_norm: part('self_attn.k_layernorm'),
        up: part('mlp.fc1'),
        down: part('mlp.fc2'),
      },
      outputNorm: 'final_layernorm',
    }),
  },
  { modelTypes: ['phi3'], of: llamaNames({ sources: fused }) },
  { modelTypes: ['phimoe'], of: llamaNames({ mixture: MIXTRAL_NAMES }) },
];

/** The same norm without subtracting the mean. */
function rms<N extends NormSpec | null>(norm: N): N {
  return norm && { ...norm, kind: 'rms' };
}

export const gguf = (): readonly GgufFacet[] => [
  { architecture: 'phi2', modelType: 'phi', rope: 'half', adapt: givePartialRotary, block: activated('gelu-tanh') },
  {
    architecture: 'phi3',
    modelType: 'phi3',
    rope: 'half',
    adapt: (config, source) => {
      const original = source.number('rope.scaling.original_context_length');
      if (original !== undefined) config['original_max_position_embeddings'] = original;
    },
  },
  {
    architecture: 'phimoe',
    modelType: 'phimoe',
    rope: 'half',
    adapt: (config, source) => {
      take(config, source, { 'rope.scaling.original_context_length': 'original_max_position_embeddings' });
      const factor = source.number('rope.scaling.attn_factor') ?? 1;
      config['rope_scaling'] = { rope_type: 'default', short_mscale: factor, long_mscale: factor };
    },
    // Its graph is Phi-3's with experts: RMS norms with a bias, and a plain softmax in place of SparseMixer.
    block: changes(routing({ scoring: 'softmax', normalize: true }), (block) => ({
      ...block,
      norms: { ...block.norms, attention: rms(block.norms.attention), feedForward: rms(block.norms.feedForward) },
    })),
    outputNorm: rms,
  },
];

export const counts = (): readonly CountsFacet[] => [
  { modelTypes: ['phi4_multimodal', 'phi4mm'] },
  { modelTypes: ['phi3small'], bias: true, mlpBias: true, normBias: true, width: ['ff_intermediate_size'] },
  {
    modelTypes: ['phi-msft', 'mixformer-sequential'],
    bias: true,
    plain: true,
    mlpBias: true,
    norms: 1,
    normBias: true,
    headBias: true,
    tied: false,
    width: fourTimes,
  },
];

export const arrangements = (): readonly ArrangementsFacet[] => [
  {
    modelTypes: ['phi4_multimodal', 'phi4mm'],
    cite: 'transformers 5.18 modeling_phi4_multimodal.py',
    activation: 'silu',
    positions: 1,
  },
  {
    modelTypes: ['phi-msft', 'mixformer-sequential'],
    cite: 'microsoft/phi-1_5 modeling_mixformer_sequential.py, microsoft/phi-2 modeling_phi.py ParallelBlock: one norm, both branches from it; rotary_dim',
    norms: 'parallel',
    norm: { kind: 'layer' },
    positions: (config, attention) => {
      const turned = config.sizeOr('rotary_dim', null);
      return turned === null || !isHeaded(attention) ? 'unsaid' : turned / attention.keyDim;
    },
  },
];
