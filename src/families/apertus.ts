/** Apertus: xIELU with learned slopes in a plain feed-forward. */

import type { Activation } from '../attention/spec/blockSpec';
import type { BlockInput, BlocksFacet, GgufFacet, LayersFacet, NamesFacet } from './facets';
import { biases, llamaBlocks } from './kit/blocks';
import { plainDecoder } from './kit/decoder';
import { llamaNames, part, PLAIN_MLP } from './kit/tensorNames';
import { activation, headNorm, plain, rmsNorm } from './kit/parts';
import { unscaled } from './kit/ggufBlocks';

export const layers = (): readonly LayersFacet[] => [
  {
    id: 'apertus',
    modelTypes: ['apertus'],
    cite: 'transformers 5.18 models/apertus/configuration_apertus.py',
    defaults: {
      apertus: {
        rope_parameters: {
          rope_type: 'llama3',
          rope_theta: 12_000_000,
          factor: 8,
          original_max_position_embeddings: 8192,
          low_freq_factor: 1,
          high_freq_factor: 4,
        },
      },
    },
    read: plainDecoder,
  },
];

/** log(1 + eˣ), without overflow. */
function softplus(x: number): number {
  return x > 20 ? x : Math.log1p(Math.exp(x));
}

/** xIELU with learned slopes, one pair a layer. */
function xielu(input: BlockInput, index: number): Activation {
  const read = (name: string): number =>
    input.scalar(`layers.${index}.mlp.act_fn.${name}`) ?? input.cannotRun(`xIELU without ${name}`) ?? Number.NaN;
  const beta = read('beta');
  return {
    kind: 'xielu',
    alphaPositive: softplus(read('alpha_p')),
    alphaNegative: beta + softplus(read('alpha_n')),
    beta,
    epsilon: read('eps'),
  };
}

export const blocks = (): readonly BlocksFacet[] => [
  {
    modelTypes: ['apertus'],
    build: (input) => {
      const { config } = input;
      const head = headNorm(rmsNorm(config.need('rms_norm_eps')));
      return llamaBlocks(input, {
        attention: () => ({ ...biases(config.on('attention_bias')), queryNorm: head, keyNorm: head }),
        feedForward: (index) =>
          plain(
            config.need('intermediate_size'),
            config.text('hidden_act') === 'xielu' ? xielu(input, index) : activation(input),
            false,
          ),
      });
    },
  },
];

export const names = (): readonly NamesFacet[] => [
  {
    modelTypes: ['apertus'],
    of: llamaNames({
      sources: {
        ...PLAIN_MLP,
        norm_attention: part('attention_layernorm'),
        norm_feed_forward: part('feedforward_layernorm'),
      },
    }),
  },
];

export const gguf = (): readonly GgufFacet[] => [
  {
    architecture: 'apertus',
    modelType: 'apertus',
    rope: 'half',
    adapt: unscaled,
    // `xielu.alpha_p` and the others: a number for each layer, or one for all.
    scalar: (name, source) => {
      const [, layer, key] = /^layers\.(\d+)\.mlp\.act_fn\.(\w+)$/.exec(name) ?? [];
      const values = key === undefined ? undefined : source.apart(`xielu.${key}`);
      return typeof values === 'number' ? values : (values?.[Number(layer)] ?? null);
    },
  },
];
