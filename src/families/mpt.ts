/** MPT: ALiBi by distance, no biases, clipping of the fused qkv. */

import { bloomSlopes, mptSlopes } from '../attention/spec/alibi';
import { headDims } from '../attention/spec/layerSpec';
import type { JsonValue } from '../config/document';
import { show } from '../config/reader';
import type { BlockInput, BlocksFacet, GgufFacet, LayersFacet, NamesFacet } from './facets';
import { attentionAt, attentionLayer, block, preNorms } from './kit/blocks';
import { decoderLayers } from './kit/decoder';
import type { GgufConfig, GgufSource } from './kit/ggufMetadata';
import { alsoAs } from './kit/ggufKeys';
import { ggufKvHeads } from './kit/ggufStates';
import { fusedQkv, part } from './kit/tensorNames';
import { layerNorm, plain } from './kit/parts';

/** configuration_mpt.py MptAttentionConfig takes the first two; llm-foundry has the third, whose KV heads are `kv_n_heads`. */
const ATTENTION_TYPES: readonly JsonValue[] = [
  'multihead_attention',
  'multiquery_attention',
  'grouped_query_attention',
];

export const layers = (): readonly LayersFacet[] => [
  {
    // `attn_config.kv_n_heads` gives the KV heads; without it there is one per head.
    id: 'mpt',
    modelTypes: ['mpt'],
    cite: 'mosaicml/llm-foundry attention.py; transformers 5.18 models/mpt/modeling_mpt.py',
    read: (reader) => {
      const attention = reader.nested('attn_config');
      const grouped = attention?.integer(['kv_n_heads']) ?? null;
      attention?.consult(['attn_type']);
      const kind = attention?.has('attn_type') ? attention.value('attn_type') : 'multihead_attention';
      const multiQuery = kind === 'multiquery_attention';
      if (!ATTENTION_TYPES.includes(kind ?? null))
        reader.log.note(`attn_config.attn_type is ${show(kind)}, which no loader takes`, true);
      if (multiQuery)
        reader.log.note(
          'multiquery_attention: llm-foundry keeps one K and V head, transformers all of them; one is counted',
          true,
        );
      const single = { value: 1, rule: 'attn_config.attn_type: one K and V head' };
      return {
        layers: decoderLayers(reader, {
          layerTypes: false,
          layerKeys: ['n_layers', 'num_hidden_layers'],
          headKeys: ['n_heads', 'num_attention_heads'],
          headDimKeys: [],
          kvKeys: [],
          ...(grouped ? { kvHeads: { value: grouped.value, rule: 'given', source: grouped.source } } : {}),
          ...(!grouped && multiQuery ? { kvHeads: single } : {}),
        }),
      };
    },
  },
];

export const blocks = (): readonly BlocksFacet[] => [
  {
    modelTypes: ['mpt'],
    build: (input) => {
      const { config, hiddenSize } = input;
      const { scale, clip } = attentionConfig(input);
      const norm = layerNorm(config.need('layer_norm_epsilon'), false);
      const mlp = plain(4 * hiddenSize, 'gelu', false);
      return {
        output: { norm },
        block: (index) => {
          const attention = attentionAt(input, index);
          const { queryHeads, kvHeads, keyDim } = headDims(attention);
          if (kvHeads !== queryHeads) input.cannotRun('fewer KV heads than query heads');
          const layer = attentionLayer(attention, hiddenSize, {
            scale: scale ?? keyDim ** -0.5,
            clip,
            alibi: { slopes: mptSlopes(queryHeads), factor: 1, rounding: 'none', origin: 'last' },
          });
          return block(layer, mlp, preNorms(norm));
        },
      };
    },
  },
];

/** `attn_config` apart from the heads; its other mechanisms are not known here. */
function attentionConfig({ config, cannotRun }: BlockInput): {
  readonly scale: number | null;
  readonly clip: number | null;
} {
  const attention = config.nested('attn_config');
  if (attention?.flag(['qk_ln'], false)) cannotRun('qk_ln');
  if (attention?.flag(['prefix_lm'], false)) cannotRun('prefix_lm');
  if (attention?.flag(['alibi'], true) === false) cannotRun('learned positions');
  return {
    scale: attention?.number(['softmax_scale'])?.value ?? null,
    clip: attention?.number(['clip_qkv'])?.value ?? null,
  };
}

export const names = (): readonly NamesFacet[] => [
  {
    modelTypes: ['mpt'],
    prefixes: ['transformer.'],
    of: () => ({
      embedding: 'wte.weight',
      outputNorm: 'norm_f',
      head: 'lm_head',
      layerPrefix: (index) => `blocks.${index}.`,
      layer: (_, spec) => ({
        sources: {
          ...fusedQkv('attn.Wqkv', spec),
          o: part('attn.out_proj'),
          up: part('ffn.up_proj'),
          down: part('ffn.down_proj'),
          norm_attention: part('norm_1'),
          norm_feed_forward: part('norm_2'),
        },
      }),
    }),
  },
];

/** MosaicML's spelling of the common keys, and `attn_config` with what is a family's own in it (MPT, DBRX). */
export function adaptMosaic(config: GgufConfig, source: GgufSource, own: GgufConfig = {}): void {
  alsoAs(config, {
    hidden_size: 'd_model',
    num_attention_heads: 'n_heads',
    num_hidden_layers: 'n_layers',
    max_position_embeddings: 'max_seq_len',
  });
  const heads = ggufKvHeads(source)(0);
  delete config['num_key_value_heads'];
  config['attn_config'] = {
    ...(heads === undefined ? {} : { kv_n_heads: heads }),
    clip_qkv: config['clip_qkv'] ?? null,
    ...own,
  };
}

const ALIBI = 'attention.max_alibi_bias';

export const gguf = (): readonly GgufFacet[] => [
  {
    architecture: 'mpt',
    modelType: 'mpt',
    rope: 'none',
    adapt: (config, source) => adaptMosaic(config, source, { alibi: (source.number(ALIBI) ?? 0) > 0 }),
    // llama.cpp has BLOOM's slopes for every ALiBi, by the file's exponent.
    block: (block, { source }) => {
      const { alibi, attention } = block.layer;
      if (alibi === null) return block;
      const slopes = bloomSlopes(headDims(attention).queryHeads, source.number(ALIBI));
      return { ...block, layer: { ...block.layer, alibi: { ...alibi, slopes } } };
    },
  },
];
