/** Mistral, Ministral and Mixtral, and what is built on Mistral's decoder (Voxtral). */

import { HIDDEN_KEYS } from '../config/spellings';
import type { BlocksFacet, CountsFacet, GgufFacet, LayersFacet, NamesFacet } from './facets';
import { llamaBlocks } from './kit/blocks';
import { decoderLayers, slidingWindow, oneWindow } from './kit/decoder';
import { moe, softmaxRouter } from './kit/mixtures';
import { llamaNames, MIXTRAL_EXPERTS, type MixtureNames, mixtureNames, part } from './kit/tensorNames';
import { activation, gated } from './kit/parts';
import { numberOf, orNoted, ropeParameters } from './kit/rotary';
import { routing, take } from './kit/ggufBlocks';
import { isJsonObject } from '../config/reader';
import type { GgufConfig, GgufSource } from './kit/ggufMetadata';

export const layers = (): readonly LayersFacet[] => [
  {
    id: 'mistral',
    modelTypes: ['mistral', 'mixtral', 'ministral3', 'llava_mistral'],
    cite: 'transformers 5.18 models/mistral/configuration_mistral.py (sliding_window = 4096 where absent); mixtral: None',
    llamacpp: { windows: false },
    defaults: {
      ministral3: {
        rope_parameters: {
          rope_type: 'yarn',
          rope_theta: 1_000_000,
          factor: 16,
          original_max_position_embeddings: 16_384,
          beta_fast: 32,
          beta_slow: 1,
          mscale: 1,
          mscale_all_dim: 1,
          llama_4_scaling_beta: 0.1,
        },
      },
    },
    read: oneWindow,
  },
  {
    id: 'mistral',
    modelTypes: ['voxtral_realtime_text'],
    cite: 'transformers 5.18 models/voxtral_realtime/modeling_voxtral_realtime.py: encoder_past_key_values beside past_key_values',
    llamacpp: { windows: false },
    read: (reader, modelType) => {
      reader.log.note('the audio encoder keeps windows of its own while it streams; they are not counted', false);
      return oneWindow(reader, modelType);
    },
  },
  {
    // As Mistral, but with `layer_types`.
    id: 'ministral',
    modelTypes: ['ministral'],
    cite: 'transformers 5.18 models/ministral/configuration_ministral.py',
    llamacpp: { windows: false },
    read: (reader) => {
      const window = slidingWindow(reader);
      return { layers: decoderLayers(reader, { window: () => window, kindAt: () => (window ? 'sliding' : 'full') }) };
    },
  },
];

export const blocks = (): readonly BlocksFacet[] => [
  { modelTypes: ['mistral', 'ministral'], build: (input) => llamaBlocks(input) },
  {
    // Queries grow with the log of their position beyond the trained context.
    modelTypes: ['ministral3'],
    build: (input) => {
      const parameters = orNoted(input, () => ropeParameters(input.config, undefined)) ?? {};
      const scale = numberOf(parameters['llama_4_scaling_beta']);
      const interval = numberOf(parameters['original_max_position_embeddings']);
      const temperature =
        scale === undefined || interval === undefined
          ? input.cannotRun('rope_parameters without llama_4_scaling_beta')
          : { scale, interval, offset: 0 };
      return llamaBlocks(input, { attention: () => ({ temperature }) });
    },
  },
  {
    modelTypes: ['mixtral'],
    build: (input) => {
      const { config } = input;
      const mixture = moe(
        softmaxRouter(input, 'num_local_experts', 'num_experts_per_tok', { normalize: true }),
        gated(config.need('intermediate_size'), activation(input)),
      );
      return llamaBlocks(input, { feedForward: () => mixture });
    },
  },
];

/** `block_sparse_moe.experts.N.w1` as published; `mlp.experts.gate_up_proj` as transformers 5 holds it. */
export const MIXTRAL_NAMES: MixtureNames = (mixture, index, input) => {
  const base = input.has(`layers.${index}.mlp.experts.gate_up_proj`) ? 'mlp' : 'block_sparse_moe';
  const own = { router: part(`${base}.gate`), experts: `${base}.experts`, parts: MIXTRAL_EXPERTS };
  return mixtureNames(own)(mixture, index, input);
};

export const names = (): readonly NamesFacet[] => [
  { modelTypes: ['mistral', 'ministral', 'ministral3'] },
  { modelTypes: ['mixtral'], of: llamaNames({ mixture: MIXTRAL_NAMES }) },
];

/** llama.cpp has one architecture for Llama and Mixtral. */
export const asMixture: NonNullable<GgufFacet['adapt']> = (config) => {
  if (config['num_local_experts'] !== undefined) config['model_type'] = 'mixtral';
};

/** Softmax over all experts, the chosen ones scaled to a sum of 1. */
export function mixtralRouting(): NonNullable<GgufFacet['block']> {
  return routing({ scoring: 'softmax', normalize: true });
}

/** YaRN with the bounds of the file; mscale is 1, and the file has `mscale_all_dim` itself (models/mistral3.cpp, llama-context.cpp). */
function mistralYarn(source: GgufSource): GgufConfig {
  const factor = source.number('rope.scaling.factor') ?? 1;
  const all = source.number('rope.scaling.yarn_log_multiplier') ?? 0;
  const mscale = (weight: number): number => (factor <= 1 ? 1 : 0.1 * weight * Math.log(factor) + 1);
  const given = source.number('rope.scaling.attn_factor') ?? 1;
  const yarn: GgufConfig = {
    mscale: 1,
    mscale_all_dim: all,
    attention_factor: (given * mscale(1)) / mscale(all),
  };
  take(yarn, source, { 'rope.scaling.yarn_beta_fast': 'beta_fast', 'rope.scaling.yarn_beta_slow': 'beta_slow' });
  return yarn;
}

export const gguf = (): readonly GgufFacet[] => [
  {
    architecture: 'mistral3',
    modelType: 'ministral3',
    alsoOf: ['mistral'],
    rope: 'interleaved',
    adapt: (config, source) => {
      const scaling = config['rope_scaling'];
      const own: GgufConfig = isJsonObject(scaling) ? { ...scaling } : { rope_type: 'default' };
      if (own['rope_type'] === 'yarn') Object.assign(own, mistralYarn(source));
      const scale = source.number('attention.temperature_scale') ?? 0;
      const interval = source.number('rope.scaling.original_context_length') ?? source.number('context_length');
      // Mistral Small comes under this name too: its queries do not grow.
      if (scale === 0 || interval === undefined)
        config['model_type'] = config['num_local_experts'] === undefined ? 'mistral' : 'mixtral';
      else Object.assign(own, { llama_4_scaling_beta: scale, original_max_position_embeddings: interval });
      delete config['rope_scaling'];
      config['rope_parameters'] = { ...own, rope_theta: config['rope_theta'] ?? 10_000 };
    },
    block: mixtralRouting(),
  },
];

export const counts = (): readonly CountsFacet[] => [
  {
    modelTypes: ['voxtral_realtime_text'],
    extra: (config, tally, layerViews) =>
      tally.add('norms', layerViews.length * 2 * config.size(HIDDEN_KEYS) * config.size('ada_rms_norm_t_cond_dim', 32)),
  },
];
