/** StableLM: LayerNorms, RoPE on a quarter of the head, optionally parallel halves and one norm per head. */

import { headDims } from '../attention/spec/layerSpec';
import type { BlockInput, BlockModel, BlocksFacet, GgufFacet, LayersFacet, NamesFacet } from './facets';
import { biases, llamaBlocks, plainRotary, preNorms } from './kit/blocks';
import { plainDecoder } from './kit/decoder';
import { llamaNames, part } from './kit/tensorNames';
import { headNorm, layerNorm } from './kit/parts';
import type { Part } from './kit/weightSource';
import { givePartialRotary } from './kit/ggufBlocks';

export const layers = (): readonly LayersFacet[] => [
  {
    id: 'stablelm',
    modelTypes: ['stablelm'],
    cite: 'transformers 5.18 models/stablelm/configuration_stablelm.py',
    refusesRemainder: 'model',
    read: plainDecoder,
  },
  {
    // The same model in its first implementation, with other keys for norms and RoPE.
    id: 'stablelm',
    modelTypes: ['stablelm_epoch'],
    cite: 'stabilityai/stablelm-3b-4e1t configuration_stablelm_epoch.py of 2023: norm_eps, rope_pct',
    defaults: { stablelm_epoch: { hidden_act: 'silu', norm_eps: 1e-5, rope_pct: 0.25 } },
    read: plainDecoder,
  },
];

export const blocks = (): readonly BlocksFacet[] => [
  {
    modelTypes: ['stablelm'],
    build: (input) => stableBlocks(input, input.config.need('layer_norm_eps'), 0.25),
  },
  {
    modelTypes: ['stablelm_epoch'],
    build: (input) => {
      const { config } = input;
      const epsilon = config.numberOr('layer_norm_eps', null) ?? config.need('norm_eps');
      return stableBlocks(input, epsilon, config.need('rope_pct'));
    },
  },
];

/** @param partial Fraction of a head that RoPE rotates, where the config has no `partial_rotary_factor`. */
function stableBlocks(input: BlockInput, epsilon: number, partial: number): BlockModel {
  const { config } = input;
  const norm = layerNorm(epsilon);
  const head = config.on('qk_layernorm') ? headNorm(layerNorm(epsilon, false), 'head-own') : null;
  const parallel = config.on('use_parallel_residual');
  return llamaBlocks(input, {
    norm,
    norms: parallel ? { attention: norm } : preNorms(norm),
    rotary: (_, attention) => plainRotary(input, attention, 'half', partial),
    attention: () => ({ ...biases(config.on('use_qkv_bias'), false), queryNorm: head, keyNorm: head }),
    block: () => ({ arrangement: parallel ? 'parallel' : 'sequential' }),
  });
}

/** A tensor for the norm of each head. */
function perHead(base: string, heads: number): readonly Part[] {
  return Array.from({ length: heads }, (_, index) => part(`${base}.norms.${index}`));
}

export const names = (): readonly NamesFacet[] => [
  {
    modelTypes: ['stablelm', 'stablelm_epoch'],
    of: llamaNames({
      sources: ({ layer }) => {
        const { queryHeads, kvHeads } = headDims(layer.attention);
        return {
          q_norm: perHead('self_attn.q_layernorm', queryHeads),
          k_norm: perHead('self_attn.k_layernorm', kvHeads),
        };
      },
    }),
  },
];

export const gguf = (): readonly GgufFacet[] => [
  {
    architecture: 'stablelm',
    modelType: 'stablelm',
    alsoOf: ['stablelm_epoch'],
    rope: 'half',
    adapt: givePartialRotary,
    // llama.cpp takes the missing norm for the sign of parallel halves; the key says nothing reliable.
    fromTensors: (config, has) => {
      config['use_parallel_residual'] = !has('blk.0.ffn_norm.weight');
      config['qk_layernorm'] = has('blk.0.attn_q_norm.weight');
    },
  },
];
