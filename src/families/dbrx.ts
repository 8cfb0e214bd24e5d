/** DBRX: one LayerNorm without bias before each half, fused clipped qkv, experts stacked along the rows. */

import type { MoeFeedForward } from '../attention/spec/blockSpec';
import { headDims } from '../attention/spec/layerSpec';
import type { BlockInput, BlocksFacet, GgufFacet, LayersFacet, NamesFacet } from './facets';
import { llamaBlocks } from './kit/blocks';
import { decoderLayers } from './kit/decoder';
import { moe, PLAIN_ROUTER } from './kit/mixtures';
import { BARE, fusedQkv, llamaNames, type MixtureNames, part } from './kit/tensorNames';
import { gated, layerNorm } from './kit/parts';
import { rotary } from './kit/rotary';
import type { Part } from './kit/weightSource';
import { adaptMosaic } from './mpt';
import { routing } from './kit/ggufBlocks';

export const layers = (): readonly LayersFacet[] => [
  {
    id: 'dbrx',
    modelTypes: ['dbrx'],
    cite: 'transformers 5.18 models/dbrx/configuration_dbrx.py (attn_config.kv_n_heads 1 where absent)',
    read: (reader) => {
      // transformers writes it at the root, and reads that of attn_config.
      reader.consult(['num_key_value_heads']);
      const attention = reader.nested('attn_config');
      const grouped = attention?.integer(['kv_n_heads']) ?? null;
      const multiQuery = attention?.string(['attn_type'])?.value === 'multiquery_attention';
      const rule = multiQuery ? 'attn_config.attn_type: one K and V head' : 'attn_config.kv_n_heads absent: 1';
      return {
        layers: decoderLayers(reader, {
          layerTypes: false,
          layerKeys: ['n_layers', 'num_hidden_layers'],
          headKeys: ['n_heads', 'num_attention_heads'],
          headDimKeys: [],
          kvKeys: [],
          kvHeads: grouped ? { value: grouped.value, rule: 'given', source: grouped.source } : { value: 1, rule },
        }),
      };
    },
  },
];

export const blocks = (): readonly BlocksFacet[] => [
  {
    modelTypes: ['dbrx'],
    build: (input) => {
      const attn = input.config.nested('attn_config');
      const theta = attn?.number(['rope_theta'])?.value ?? input.config.defaultTheta();
      const clip = attn?.number(['clip_qkv'])?.value ?? null;
      const mixture = experts(input);
      return llamaBlocks(input, {
        norm: layerNorm(1e-5, false),
        rotary: (_, attention) => rotary(input, { dim: headDims(attention).keyDim, layout: 'half', theta }),
        attention: () => ({ clip }),
        feedForward: () => mixture,
      });
    },
  },
];

/** Numbers of `ffn_config`, or of its class. */
function experts({ config, cannotRun }: BlockInput): MoeFeedForward {
  const ffn = config.nested('ffn_config');
  const power = ffn?.value('moe_normalize_expert_weights');
  if (power !== undefined && power !== null && power !== 1)
    cannotRun('expert weights normalised by something other than their sum');
  const act = ffn?.value('ffn_act_fn');
  if (act != null && (typeof act !== 'object' || !('name' in act) || act.name !== 'silu'))
    cannotRun('this activation of the experts');
  return moe(
    {
      ...PLAIN_ROUTER,
      experts: ffn?.size('moe_num_experts', 4) ?? 4,
      topK: ffn?.size('moe_top_k', 1) ?? 1,
      normalize: power !== null,
    },
    gated(ffn?.size('ffn_hidden_size', 3584) ?? 3584, 'silu'),
  );
}

const EXPERTS: MixtureNames = ({ router }) => {
  const slice = (base: string, index: number, transposed = false): Part => ({
    base,
    suffix: BARE,
    index,
    slices: router.experts,
    transposed,
  });
  return {
    sources: { router: part('ffn.router.layer') },
    expert: (index) => ({
      gate_proj: slice('ffn.experts.mlp.w1', index),
      up: slice('ffn.experts.mlp.v1', index),
      down: slice('ffn.experts.mlp.w2', index, true),
    }),
  };
};

export const names = (): readonly NamesFacet[] => [
  {
    modelTypes: ['dbrx'],
    prefixes: ['transformer.'],
    of: llamaNames({
      embedding: 'wte.weight',
      outputNorm: 'norm_f',
      layerPrefix: (index) => `blocks.${index}.`,
      sources: (spec) => ({
        ...fusedQkv('norm_attn_norm.attn.Wqkv', spec),
        o: part('norm_attn_norm.attn.out_proj'),
        norm_attention: part('norm_attn_norm.norm_1'),
        norm_feed_forward: part('norm_attn_norm.norm_2'),
      }),
      mixture: EXPERTS,
    }),
  },
];

export const gguf = (): readonly GgufFacet[] => [
  {
    architecture: 'dbrx',
    modelType: 'dbrx',
    rope: 'half',
    adapt: (config, source) => {
      adaptMosaic(config, source, { rope_theta: config['rope_theta'] ?? 500_000 });
      config['ffn_config'] = {
        ffn_hidden_size: config['intermediate_size'] ?? null,
        moe_num_experts: config['num_experts'] ?? null,
        moe_top_k: config['num_experts_per_tok'] ?? null,
      };
    },
    sources: () => ({ norm_feed_forward: { base: 'attn_output_norm' } }),
    block: routing({ scoring: 'softmax', normalize: true }),
  },
];
