/** Models that see all of their input at once cache nothing, unless `is_decoder` makes them decoders. */

import type { ConfigReader } from '../config/reader';
import { HIDDEN_KEYS } from '../config/spellings';
import { inPart, wholeAttention } from './counted/encoderDecoder';
import type { WholeCount } from './counted/facet';
import { denseWeights } from './counted/feedForward';
import { flag, type Switch, switched } from './counted/switches';
import type { ArrangementsFacet, CountsFacet, FamilyReading, GgufFacet, LayersFacet } from './facets';
import { crossDraft, selfAndCross } from './kit/crossLayers';
import { fullDraft, NO_ATTENTION, repeat, unknownDraft, withSources } from './kit/decoder';
import { headLayout, layerCount, missing, type SourcedLayout } from './kit/headLayout';

const LAYERS = ['num_hidden_layers', 'n_layers', 'n_layer', 'num_layers', 'encoder_layers', 'depth', 'layers'];

const CITE = 'transformers 5.18: no cache without is_decoder; models/openai_privacy_filter is bidirectional';

export const layers = (): readonly LayersFacet[] => [
  {
    // Their class can be a decoder (`is_decoder: true`), with plain multi-head attention.
    id: 'encoders',
    // biome-ignore format: names fill their lines
    modelTypes: [
      'bert', 'roberta', 'xlm-roberta', 'xlm-roberta-xl', 'camembert', 'electra', 'ernie', 'megatron-bert',
      'rembert', 'roformer', 'data2vec-text', 'roberta-prelayernorm', 'xmod', 'roc_bert', 'big_bird',
    ],
    cite: CITE,
    read: (reader, modelType) => encoder(reader, modelType, { heads: plainHeads }),
  },
  {
    // Language models that see all of their input: an embedding Gemma and diffusion models, by the names of GGUF files.
    id: 'encoders',
    modelTypes: ['gemma-embedding', 'dream', 'llada', 'llada_moe', 'rnd1'],
    cite: 'llama.cpp v0.5.0 llama-model.cpp create_memory: no memory for these architectures',
    read: (reader, modelType) => encoder(reader, modelType, { heads: () => null }),
  },
  {
    // A decoder unless `is_decoder` is false.
    id: 'encoders',
    modelTypes: ['bert-generation'],
    cite: CITE,
    read: (reader, modelType) => encoder(reader, modelType, { heads: plainHeads, isDecoder: true }),
  },
  {
    // Writes captions of an image that every layer attends to.
    id: 'encoders',
    modelTypes: ['blip_text_model'],
    cite: 'transformers 5.18 models/blip/modeling_blip_text.py BlipTextLayer: cross attention with is_decoder, which is true where absent',
    read: (reader, modelType) => encoder(reader, modelType, { heads: plainHeads, isDecoder: true, cross: true }),
  },
];

const plainHeads = (reader: ConfigReader): SourcedLayout | null => headLayout(reader, { kvKeys: [], headDimKeys: [] });

interface EncoderOptions {
  /** Heads of its decoder form; null where that is not known. */
  readonly heads: (reader: ConfigReader) => SourcedLayout | null;
  /** The class's default for `is_decoder`. */
  readonly isDecoder?: boolean;
  /** The decoder has cross attention, whether the config says so or not. */
  readonly cross?: boolean;
}

export const WHOLE_INPUT = 'an encoder: sees all of its input at once, keeps nothing';

/** Layers that keep nothing, for the reason given; `variant` names the design where it is no encoder. */
export function encoderOf(reader: ConfigReader, why: string, variant?: string): FamilyReading {
  // A bidirectional model may carry the keys of the decoder that it was made from.
  reader.takeAll();
  // Stages and stacks have counts of their own, which say nothing here.
  const key = LAYERS.find((name) => typeof reader.value(name) === 'number');
  const count = key === undefined ? null : layerCount(reader, [key]);
  return {
    layers: withSources(repeat(NO_ATTENTION, count?.value ?? 1), {
      kind: reader.derived(why),
      ...(count ? { layers: count.source } : {}),
    }),
    ...(variant === undefined ? {} : { variant }),
  };
}

function encoder(reader: ConfigReader, modelType: string, options: EncoderOptions): FamilyReading {
  if (!reader.flag(['is_decoder'], options.isDecoder ?? false)) return encoderOf(reader, WHOLE_INPUT);
  reader.takeAll();
  const count = layerCount(reader, LAYERS);
  if (!count) {
    missing(reader, 'the number of layers', 'num_hidden_layers');
    return { layers: [] };
  }
  const heads = options.heads(reader);
  if (!heads) return { layers: repeat(unknownDraft(`${modelType} as a decoder`), count.value) };
  const self = withSources(repeat(fullDraft(heads), count.value), {
    layers: count.source,
    kind: reader.source('is_decoder'),
  });
  if (!options.cross && !reader.flag(['add_cross_attention'], false)) return { layers: self };
  return {
    layers: selfAndCross(
      count,
      self,
      crossDraft(heads, { tokens: 'target' }, options.cross ? null : reader.source('add_cross_attention')),
    ),
  };
}

// llama.cpp creates no cache for these (llama-model.cpp create_memory).
export const gguf = (): readonly GgufFacet[] => [
  { architecture: 'bert', modelType: 'bert' },
  { architecture: 'eurobert', modelType: 'eurobert' },
  { architecture: 'nomic-bert', modelType: 'nomic_bert' },
  { architecture: 'nomic-bert-moe', modelType: 'nomic_bert' },
  { architecture: 'modern-bert', modelType: 'modernbert' },
  { architecture: 'neo-bert', modelType: 'neobert' },
  { architecture: 'jina-bert-v2', modelType: 'bert' },
  { architecture: 'jina-bert-v3', modelType: 'jina_embeddings_v3' },
  { architecture: 'gemma-embedding', modelType: 'gemma-embedding' },
  { architecture: 'dream', modelType: 'dream' },
  { architecture: 'llada', modelType: 'llada' },
  { architecture: 'llada-moe', modelType: 'llada_moe' },
  { architecture: 'rnd1', modelType: 'rnd1' },
];

export const counts = (): readonly CountsFacet[] => [
  {
    modelTypes: ['bert', 'roberta', 'camembert', 'xlm-roberta', 'data2vec-text', 'ernie', 'megatron-bert'],
    whole: bertWhole({ tokenTypes: true, transform: true }),
  },
  { modelTypes: ['electra'], whole: bertWhole({ tokenTypes: true, transform: true, oneBias: true }) },
  {
    modelTypes: ['big_bird'],
    whole: bertWhole({ tokenTypes: true, transform: true, pooler: true, bias: flag('use_bias', true) }),
  },
  {
    modelTypes: ['roberta-prelayernorm'],
    whole: bertWhole({ tokenTypes: true, transform: true, outerNorms: 2 }),
  },
  { modelTypes: ['xlm-roberta-xl'], whole: bertWhole({ tokenTypes: true, transform: true, outerNorms: 1 }) },
  { modelTypes: ['bert-generation'], whole: bertWhole({ tokenTypes: false, transform: false }) },
];

interface BertParts {
  /** Has an embedding of token types. */
  readonly tokenTypes: boolean;
  readonly pooler?: boolean;
  /** Has one bias at the head even where it is not tied; the others have two there. */
  readonly oneBias?: boolean;
  /** Bias of queries, keys and values. */
  readonly bias?: Switch;
  /** A dense layer and a norm before the tied head. */
  readonly transform: boolean;
  /** Number of norms outside the layers; 1 where absent. */
  readonly outerNorms?: number;
}

/** T:bert BertForMaskedLM: the head is the embedding, a bias, and a transform. */
function bertWhole(parts: BertParts): WholeCount {
  return (config, tally, tied) => {
    const hidden = config.size(HIDDEN_KEYS);
    const count = config.size('num_hidden_layers');
    const vocabulary = config.size('vocab_size');
    const embedded = config.size('embedding_size', hidden);
    const rows =
      config.size('max_position_embeddings') +
      (parts.tokenTypes ? config.size('type_vocab_size', 2) : 0) +
      (config.flag(['use_task_id'], false) ? config.size('task_type_vocab_size', 3) : 0);
    tally.add('embedding', (vocabulary + rows) * embedded);
    tally.lookup += rows * embedded;
    if (embedded !== hidden) tally.add('other', embedded * hidden + hidden);
    tally.addLayers(
      count,
      [
        ...wholeAttention(hidden, hidden, switched(config, parts.bias ?? true) ? 4 : 1),
        ...inPart('mlp', denseWeights(hidden, config.size('intermediate_size'), false, true)),
        ['norms', 'norms', 4 * hidden],
      ],
      0,
    );
    tally.add('norms', (parts.outerNorms ?? 1) * 2 * embedded);
    if (parts.transform) tally.add('outputHead', hidden * embedded + 3 * embedded);
    if (parts.pooler) tally.add('outputHead', hidden * hidden + hidden);
    tally.add('outputHead', vocabulary);
    if (!tied) tally.add('outputHead', vocabulary * (embedded + (parts.oneBias ? 0 : 1)));
  };
}

const BERT = {
  norm: { kind: 'layer' },
  positions: 'elsewhere',
  built: { bias: true, mlpBias: true, plain: true, normBias: true },
} as const;

export const arrangements = (): readonly ArrangementsFacet[] => [
  {
    modelTypes: ['bert', 'roberta', 'camembert', 'xlm-roberta', 'data2vec-text', 'ernie', 'electra', 'bert-generation'],
    cite: 'transformers 5.18 modeling_bert.py BertLayer, modeling_bert_generation.py: norms on the sums',
    norms: 'sum',
    ...BERT,
  },
  {
    modelTypes: ['megatron-bert', 'xlm-roberta-xl', 'roberta-prelayernorm'],
    cite: 'transformers 5.18 modeling_megatron_bert.py, modeling_xlm_roberta_xl.py, modeling_roberta_prelayernorm.py: norms before the branches',
    ...BERT,
  },
];
