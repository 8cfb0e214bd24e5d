/** Phi 1 and 2, Persimmon, StableLM, Apertus: LayerNorms or activations of their own around Llama's names. */

import type { Activation } from '../../../attention/blockSpec';
import { headDims } from '../../../attention/layerSpec';
import { attentionAt, type FamilyDefinition, type FamilyInput } from '../family';
import { LLAMA_PREFIXES } from '../llamaNames';
import { activation, groupedQkv, headNorm, layerNorm, part, plain, rmsNorm } from '../parts';
import type { Part } from '../plan';
import { biases, llamaLike, plainRotary } from './llamaLike';

/** One LayerNorm, parallel, biases everywhere, the output head included. */
export const phi: FamilyDefinition = {
  modelTypes: ['phi'],
  prefixes: LLAMA_PREFIXES,
  build: (input) => {
    const { config } = input;
    const norm = layerNorm(config.number('layer_norm_eps'));
    const head = config.flag('qk_layernorm') ? headNorm(norm) : null;
    return llamaLike(input, {
      norm,
      norms: { attention: norm },
      rotary: (_, attention) => plainRotary(input, attention, 'half', 0.5),
      attention: () => ({ ...biases(true), queryNorm: head, keyNorm: head }),
      feedForward: () => ({
        spec: plain(config.number('intermediate_size'), activation(config)),
        sources: { up: part('mlp.fc1'), down: part('mlp.fc2') },
      }),
      sources: {
        o: part('self_attn.dense'),
        q_norm: part('self_attn.q_layernorm'),
        k_norm: part('self_attn.k_layernorm'),
      },
      block: () => ({ arrangement: 'parallel' }),
      finalNorm: 'final_layernorm',
      headBias: true,
    });
  },
};

/** [q k v] per head, norms on q and k with biases, relu². */
export const persimmon: FamilyDefinition = {
  modelTypes: ['persimmon'],
  prefixes: LLAMA_PREFIXES,
  build: (input) => {
    const { config } = input;
    const norm = layerNorm(config.number('layer_norm_eps'));
    const head = config.flag('qk_layernorm', true) ? headNorm(norm) : null;
    return llamaLike(input, {
      norm,
      rotary: (_, attention) => plainRotary(input, attention, 'half', 0.5),
      attention: () => ({ ...biases(true), queryNorm: head, keyNorm: head }),
      feedForward: () => ({
        spec: plain(config.number('intermediate_size'), activation(config)),
        sources: { up: part('mlp.dense_h_to_4h'), down: part('mlp.dense_4h_to_h') },
      }),
      sources: (index) => {
        const { queryHeads, keyDim } = headDims(attentionAt(input, index));
        return {
          ...groupedQkv('self_attn.query_key_value', queryHeads, 1, keyDim),
          o: part('self_attn.dense'),
          q_norm: part('self_attn.q_layernorm'),
          k_norm: part('self_attn.k_layernorm'),
        };
      },
      finalNorm: 'final_layernorm',
    });
  },
};

/** LayerNorms; RoPE on a quarter of the head; optionally parallel, with a norm of its own for every head. */
export const stablelm: FamilyDefinition = {
  modelTypes: ['stablelm', 'stablelm_epoch'],
  prefixes: LLAMA_PREFIXES,
  build: (input) => {
    const { config } = input;
    const epsilon = config.number('layer_norm_eps');
    const norm = layerNorm(epsilon);
    const head = config.flag('qk_layernorm') ? headNorm(layerNorm(epsilon, false), 'head-own') : null;
    const parallel = config.flag('use_parallel_residual');
    const perHead = (base: string, heads: number): readonly Part[] =>
      Array.from({ length: heads }, (_, index) => part(`${base}.norms.${index}`));
    return llamaLike(input, {
      norm,
      norms: parallel ? { attention: norm } : { attention: norm, feedForward: norm },
      rotary: (_, attention) => plainRotary(input, attention, 'half', 0.25),
      attention: () => ({ ...biases(config.flag('use_qkv_bias'), false), queryNorm: head, keyNorm: head }),
      sources: (index) => {
        const { queryHeads, kvHeads } = headDims(attentionAt(input, index));
        return {
          q_norm: perHead('self_attn.q_layernorm', queryHeads),
          k_norm: perHead('self_attn.k_layernorm', kvHeads),
        };
      },
      block: () => ({ arrangement: parallel ? 'parallel' : 'sequential' }),
    });
  },
};

/** log(1 + eˣ), without overflow. */
function softplus(x: number): number {
  return x > 20 ? x : Math.log1p(Math.exp(x));
}

/** xIELU with learned slopes, one pair a layer. */
function xielu(input: FamilyInput, index: number): Activation {
  const read = (name: string): number =>
    input.scalar(`layers.${index}.mlp.act_fn.${name}`) ?? input.config.unsupported(`xIELU without ${name}`);
  const beta = read('beta');
  return {
    kind: 'xielu',
    alphaPositive: softplus(read('alpha_p')),
    alphaNegative: beta + softplus(read('alpha_n')),
    beta,
    epsilon: read('eps'),
  };
}

export const apertus: FamilyDefinition = {
  modelTypes: ['apertus'],
  prefixes: LLAMA_PREFIXES,
  build: (input) => {
    const { config } = input;
    const head = headNorm(rmsNorm(config.number('rms_norm_eps')));
    return llamaLike(input, {
      attention: () => ({ ...biases(config.flag('attention_bias')), queryNorm: head, keyNorm: head }),
      feedForward: (index) => ({
        spec: plain(
          config.number('intermediate_size'),
          config.string('hidden_act') === 'xielu' ? xielu(input, index) : activation(config),
          false,
        ),
        sources: { up: part('mlp.up_proj'), down: part('mlp.down_proj') },
      }),
      sources: { norm_attention: part('attention_layernorm'), norm_feed_forward: part('feedforward_layernorm') },
    });
  },
};
