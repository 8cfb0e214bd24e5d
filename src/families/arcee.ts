/** Arcee: AFM (plain feed-forward with relu²) and Trinity (AFMoE). */

import { afterDense, deepseekExperts } from './counted/experts';
import { flag } from './counted/switches';
import type { ArrangementsFacet, BlocksFacet, CountsFacet, GgufFacet, LayersFacet, NamesFacet } from './facets';
import { biases, llamaBlocks, plainMlp } from './kit/blocks';
import { decoderLayers, plainDecoder, slidingWindow } from './kit/decoder';
import { llamaNames, PLAIN_MLP } from './kit/tensorNames';

export const layers = (): readonly LayersFacet[] => [
  {
    id: 'arcee',
    modelTypes: ['arcee'],
    cite: 'transformers 5.18 models/arcee/configuration_arcee.py',
    refusesRemainder: 'class',
    read: plainDecoder,
  },
  {
    // Trinity: sliding layers, every n-th full.
    id: 'afmoe',
    modelTypes: ['afmoe'],
    cite: 'transformers 5.18 models/afmoe/configuration_afmoe.py: full where (i + 1) % global_attn_every_n_layers == 0',
    llamacpp: { windows: true },
    read: (reader) => {
      const period = reader.computed(['global_attn_every_n_layers'])?.value ?? 4;
      return {
        layers: decoderLayers(reader, {
          window: slidingWindow,
          kindAt: (index) => ((index + 1) % period === 0 ? 'full' : 'sliding'),
          patternKey: 'global_attn_every_n_layers',
        }),
      };
    },
  },
];

export const blocks = (): readonly BlocksFacet[] => [
  {
    modelTypes: ['arcee'],
    build: (input) =>
      llamaBlocks(input, {
        attention: () => biases(input.config.on('attention_bias')),
        feedForward: () => plainMlp(input, input.config.on('mlp_bias')),
      }),
  },
];

export const names = (): readonly NamesFacet[] => [{ modelTypes: ['arcee'], of: llamaNames({ sources: PLAIN_MLP }) }];

export const gguf = (): readonly GgufFacet[] => [
  { architecture: 'arcee', modelType: 'arcee', rope: 'interleaved' },
  { architecture: 'afmoe', modelType: 'afmoe' },
];

export const counts = (): readonly CountsFacet[] => [
  {
    modelTypes: ['afmoe'],
    bias: flag('attention_bias'),
    gate: 'wide',
    qkNorm: 'head',
    norms: 4,
    experts: { ...deepseekExperts, router: (_config, experts) => experts, sparse: afterDense('num_dense_layers', 1) },
  },
];

export const arrangements = (): readonly ArrangementsFacet[] => [
  {
    modelTypes: ['afmoe'],
    cite: 'transformers 5.18 modeling_afmoe.py AfmoeDecoderLayer; full layers have no positions',
    norms: 'four',
    positions: (_config, { kind }) => (kind === 'full' ? 'none' : 'rope'),
    router: () => ({ scoring: 'sigmoid', correctionBias: true }),
  },
];
