/** Llama 4: chunked layers with RoPE, full ones without, experts fed with weighted input. */

import type { BlocksFacet, GgufFacet, LayersFacet, NamesFacet } from './facets';
import { biases, llamaBlocks, plainRotary } from './kit/blocks';
import { decoderLayers } from './kit/decoder';
import { layerCount } from './kit/headLayout';
import { moe, softmaxRouter } from './kit/mixtures';
import { BARE, LLAMA_PREFIXES, llamaNames, type MixtureNames, part, underShared } from './kit/tensorNames';
import { activation, gated, headNorm } from './kit/parts';
import type { Part, WeightSources } from './kit/weightSource';
import { changes, localBase, routing, take } from './kit/ggufBlocks';

export const layers = (): readonly LayersFacet[] => [
  {
    // Layers with rotary positions see their own chunk, those without (every fourth) see everything.
    id: 'llama4',
    modelTypes: ['llama4_text'],
    cite: 'transformers 5.18 models/llama4/configuration_llama4.py: no_rope_layers [] or absent = (i + 1) % 4 != 0; chunk 8192 where absent',
    // 160a06cab: before, by an option that is gone.
    sglang: { windows: '2025-12-19' },
    llamacpp: { windows: true },
    read: (reader) => {
      const listed = reader.list(['no_rope_layers'])?.value ?? [];
      const interval = reader.computed(['no_rope_layer_interval'])?.value ?? 4;
      const hasRope = (index: number): boolean =>
        listed.length > 0 ? listed[index] !== 0 : (index + 1) % interval !== 0;
      const layers = reader.hasValue('layer_types') ? 0 : (layerCount(reader)?.value ?? 0);
      if (listed.length > 0 && listed.length < layers)
        reader.wrong('no_rope_layers', `a list with an entry for each of the ${layers} layers`, [...listed]);
      return {
        layers: decoderLayers(reader, {
          kindAt: (index) => (hasRope(index) ? 'chunked' : 'full'),
          patternKey: 'no_rope_layers',
          chunk: (from) => from.integer(['attention_chunk_size']),
        }),
      };
    },
  },
];

export const blocks = (): readonly BlocksFacet[] => [
  {
    // Norms on q and k after RoPE, and only where there is RoPE.
    modelTypes: ['llama4_text'],
    build: (input) => {
      const { config } = input;
      const act = activation(input);
      const width = config.need('intermediate_size');
      const router = softmaxRouter(input, 'num_local_experts', 'num_experts_per_tok', { scoring: 'sigmoid' });
      const mixture = moe(router, gated(width, act), {
        weighting: 'input',
        shared: { expert: gated(width, act), gate: false },
      });
      const listed = config.items('no_rope_layers');
      const interval = config.need('no_rope_layer_interval');
      const hasRope = (index: number): boolean =>
        listed !== null && listed.length > 0 ? Boolean(listed[index]) : (index + 1) % interval !== 0;
      const moeLayers = config.items('moe_layers');
      const step = config.need('interleave_moe_layer_step');
      const isMoe = (index: number): boolean =>
        moeLayers !== null ? moeLayers.includes(index) : index >= step - 1 && (index - (step - 1)) % step === 0;
      const l2 = headNorm(
        { kind: 'rms', epsilon: config.need('rms_norm_eps'), weight: 'none', bias: false },
        'head',
        'after-rope',
      );
      return llamaBlocks(input, {
        rotary: (index, attention) => (hasRope(index) ? plainRotary(input, attention, 'interleaved') : null),
        attention: (index) => ({
          ...biases(config.on('attention_bias')),
          queryNorm: hasRope(index) && config.on('use_qk_norm') ? l2 : null,
          keyNorm: hasRope(index) && config.on('use_qk_norm') ? l2 : null,
          temperature:
            config.on('attn_temperature_tuning') && !hasRope(index)
              ? { scale: config.need('attn_scale'), interval: config.need('floor_scale'), offset: 1 }
              : null,
        }),
        feedForward: (index) => (isMoe(index) ? mixture : gated(config.need('intermediate_size_mlp'), act)),
      });
    },
  },
];

function mlpUnder(base: string): WeightSources {
  return { gate_proj: part(`${base}.gate_proj`), up: part(`${base}.up_proj`), down: part(`${base}.down_proj`) };
}

/** All experts are in two transposed tensors; gate comes before up. */
const experts: MixtureNames = ({ expert: { width } }) => {
  const half = (index: number, start: number): Part => ({
    base: 'feed_forward.experts.gate_up_proj',
    suffix: BARE,
    index,
    transposed: true,
    rows: [{ start, count: width }],
  });
  return {
    sources: { router: part('feed_forward.router'), ...underShared(mlpUnder('feed_forward.shared_expert')) },
    expert: (index) => ({
      gate_proj: half(index, 0),
      up: half(index, width),
      down: { base: 'feed_forward.experts.down_proj', suffix: BARE, index, transposed: true },
    }),
  };
};

export const names = (): readonly NamesFacet[] => [
  {
    modelTypes: ['llama4_text'],
    prefixes: ['language_model.model.', ...LLAMA_PREFIXES],
    of: llamaNames({
      sources: ({ feedForward }) => (feedForward.kind === 'moe' ? {} : mlpUnder('feed_forward')),
      mixture: experts,
    }),
  },
];

export const gguf = (): readonly GgufFacet[] => [
  {
    architecture: 'llama4',
    modelType: 'llama4_text',
    rope: 'interleaved',
    adapt: (config, source) => {
      take(config, source, {
        feed_forward_length: 'intermediate_size_mlp',
        expert_feed_forward_length: 'intermediate_size',
        interleave_moe_layer_step: 'interleave_moe_layer_step',
      });
      Object.assign(config, {
        // Of Maverick's two models the one with 128 experts has no norms on queries and keys.
        use_qk_norm: source.number('expert_count') !== 128,
        attn_temperature_tuning: true,
        attn_scale: 0.1,
        floor_scale: 8192,
        attention_chunk_size: 8192,
        no_rope_layer_interval: 4,
      });
    },
    block: changes(routing({ scoring: 'sigmoid', normalize: false }), localBase),
  },
];
