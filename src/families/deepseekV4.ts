/** DeepSeek-V4: K and V are one vector that is stored once; a window of raw entries, plus compressed ones. */

import { type ConfigReader, show } from '../config/reader';
import { HEAD_KEYS, HIDDEN_KEYS } from '../config/spellings';
import type { IndexerSpec } from '../model/attention';
import type { Source, Sourced } from '../model/spec';
import { deepseekExperts } from './counted/experts';
import type { CountedDecoder, LayerView } from './counted/facet';
import { flag } from './counted/switches';
import type { Weights } from './counted/weights';
import type { ArrangementsFacet, CountsFacet, GgufFacet, LayerDraft, LayersFacet, RouterWords } from './facets';
import {
  draftsOfWords,
  layerLabels,
  type LayerWord,
  slidingWindow,
  unknownDraft,
  withSources,
  wordOf,
} from './kit/decoder';
import { layerCount, missing } from './kit/headLayout';

/** `compress_ratios`: tokens that become one entry; 0 = the window alone. One more entry than layers is for the draft layer. */
const RATIO_WORDS: Readonly<Record<number, LayerWord>> = { 0: 'sliding', 4: 'csa', 128: 'hca' };

export interface Parts {
  readonly queryHeads: Sourced<number>;
  readonly headDim: Sourced<number>;
  readonly rope: Sourced<number>;
  readonly window: Sourced<number>;
}

export const layers = (): readonly LayersFacet[] => [
  {
    // Compressed entries: CSA 4:1 with an indexer, HCA 128:1.
    id: 'deepseek-v4',
    modelTypes: ['deepseek_v4', 'deepseek_ref'],
    cite: 'transformers 5.18 models/deepseek_v4/configuration_deepseek_v4.py and its cache classes; vLLM SlidingWindowMLASpec',
    sglang: { windows: true },
    llamacpp: { windows: true, keepsDraftStates: true },
    read: (reader) => {
      // biome-ignore format: names fill their lines
      reader.consult([
        'index_head_dim', 'index_n_heads', 'index_topk', 'num_key_value_heads', 'num_hash_layers',
        'compress_rope_theta', 'q_lora_rank', 'o_lora_rank',
      ]);
      const count = layerCount(reader);
      const parts = partsOf(reader);
      if (!count || !parts) {
        if (!count) missing(reader, 'the number of layers', 'num_hidden_layers');
        return { layers: [] };
      }
      const { labels, source } = layerWords(reader, count.value);
      const words = labels.map((label) => (typeof label === 'string' ? wordOf(label) : null));
      const known = draftsOfWords(
        words.map((word) => word ?? 'full'),
        {
          sliding: () => slidingEntry(parts),
          csa: () =>
            compressed(reader, parts, rate(reader, 'compressed_sparse_attention', 'compress_rate_csa', 4), true),
          hca: () =>
            compressed(reader, parts, rate(reader, 'heavily_compressed_attention', 'compress_rate_hca', 128), false),
        },
      );
      const unknown = new Map<unknown, LayerDraft>();
      const layers = words.map((word, index) => {
        const draft = known[index];
        if (word === 'sliding' || word === 'csa' || word === 'hca') return draft ?? unknownDraft(word);
        const label = labels[index];
        const made =
          unknown.get(label) ??
          unknownDraft(typeof label === 'string' ? label : `compress ratio ${show(label ?? undefined)}`);
        unknown.set(label, made);
        return made;
      });
      return { layers: withSources(layers, { layers: count.source, ...(source ? { kind: source } : {}) }) };
    },
  },
];

export function partsOf(reader: ConfigReader): Parts | null {
  const queryHeads = reader.integer(HEAD_KEYS);
  const headDim = reader.integer(['head_dim']);
  const window = slidingWindow(reader);
  if (!queryHeads || !headDim || !window) {
    missing(reader, 'num_attention_heads, head_dim and sliding_window', 'head_dim');
    return null;
  }
  const given = reader.integer(['qk_rope_head_dim'], 0);
  const factor = reader.number(['partial_rotary_factor']);
  // The class works the rotary width out of the factor, and takes the width itself only where there is none.
  const value = Math.trunc(headDim.value * (factor?.value ?? 64 / 512));
  const rope = factor || !given ? { value, source: (factor ?? headDim).source } : given;
  return { queryHeads, headDim, window, rope };
}

/** Words of the layers: `layer_types`, then `compress_ratios`, then the class's pattern (HCA, HCA, then alternating HCA and CSA). */
function layerWords(
  reader: ConfigReader,
  count: number,
): { readonly labels: readonly (string | number | null)[]; readonly source: Source | null } {
  reader.consult(['compress_ratios']);
  const listed = layerLabels(reader, count);
  if (listed) return { labels: listed.value, source: listed.source };
  const ratios = reader.list(['compress_ratios']);
  if (!ratios) {
    return {
      labels: Array.from({ length: count }, (_, index) =>
        index >= 2 && index % 2 === 1 ? 'compressed_sparse_attention' : 'heavily_compressed_attention',
      ),
      source: null,
    };
  }
  if (ratios.value.length < count) {
    reader.problem(
      'layer-types-length',
      'error',
      'compress_ratios',
      `compress_ratios has ${ratios.value.length} entries for ${count} layers.`,
    );
  }
  const words: Readonly<Partial<Record<LayerWord, string>>> = {
    sliding: 'sliding_attention',
    csa: 'compressed_sparse_attention',
    hca: 'heavily_compressed_attention',
  };
  const labels = Array.from({ length: count }, (_, index): string | number | null => {
    const ratio = ratios.value[index];
    if (typeof ratio !== 'number') return null;
    const word = RATIO_WORDS[ratio];
    return word === undefined ? ratio : (words[word] ?? ratio);
  });
  return { labels, source: ratios.source };
}

/** Tokens of one compressed entry: from `compress_rates`, its older spelling, or the class. */
function rate(reader: ConfigReader, word: string, older: string, fallback: number): Sourced<number> {
  return (
    reader.nested('compress_rates')?.integer([word]) ??
    reader.integer([older]) ?? {
      value: fallback,
      source: reader.derived(
        `${word}: ${fallback} tokens an entry`,
        reader.has('compress_ratios') ? 'compress_ratios' : null,
      ),
    }
  );
}

export function slidingEntry({ queryHeads, headDim, window }: Parts): LayerDraft {
  return {
    attention: {
      kind: 'sliding',
      queryHeads: queryHeads.value,
      kvHeads: 1,
      keyDim: headDim.value,
      valueDim: 0,
      window: window.value,
    },
    sources: {
      queryHeads: queryHeads.source,
      kvHeads: ONE_HEAD,
      keyDim: headDim.source,
      valueDim: SAME,
      window: window.source,
    },
  };
}

const ONE_HEAD: Source = { key: null, range: null, rule: 'one shared head' };
const SAME: Source = { key: null, range: null, rule: 'K and V are one vector, stored once' };

export function compressed(
  reader: ConfigReader,
  { queryHeads, headDim, rope, window }: Parts,
  ratio: Sourced<number>,
  indexed: boolean,
): LayerDraft | null {
  const dim = indexed ? reader.integer(['index_head_dim']) : null;
  if (indexed && !dim) {
    missing(reader, 'index_head_dim', 'index_head_dim');
    return null;
  }
  const indexer: IndexerSpec | null = dim && {
    headDim: dim.value,
    heads: reader.integer(['index_n_heads'])?.value ?? null,
    topK: reader.integer(['index_topk'])?.value ?? null,
    owned: true,
  };
  return {
    attention: {
      kind: 'compressed',
      queryHeads: queryHeads.value,
      headDim: headDim.value,
      ropeDim: rope.value,
      window: window.value,
      ratio: ratio.value,
      ...(indexer ? { indexer } : {}),
    },
    sources: {
      queryHeads: queryHeads.source,
      headDim: headDim.source,
      ropeDim: rope.source,
      window: window.source,
      ratio: ratio.source,
      ...(dim ? { indexDim: dim.source } : {}),
    },
  };
}

export const gguf = (): readonly GgufFacet[] => [
  {
    architecture: 'deepseek4',
    modelType: 'deepseek_v4',
    adapt: (config, source) => {
      const [ratios, rope] = [source.perLayer('attention.compress_ratios'), source.number('rope.dimension_count')];
      if (typeof ratios === 'object') config['compress_ratios'] = [...ratios];
      if (rope !== undefined) config['qk_rope_head_dim'] = rope;
    },
  },
];

export const counts = (): readonly CountsFacet[] => [
  {
    modelTypes: ['deepseek_v4', 'deepseek_ref'],
    mixer: deepseekV4,
    mlpBias: flag('mlp_bias'),
    experts: { ...deepseekExperts, sparse: () => () => true },
    extra: hyperConnections((streams) => (2 + streams) * streams, 3),
  },
];

/** T:deepseek_v4: low-rank queries, one K = V vector, grouped low-rank output, a compressor and (CSA) an indexer of the same build. */
function deepseekV4(config: ConfigReader, { attention, hidden }: LayerView): Weights | null {
  if (attention.kind !== 'compressed' && attention.kind !== 'sliding') return null;
  const headDim = attention.kind === 'compressed' ? attention.headDim : attention.keyDim;
  const heads = attention.queryHeads;
  const [queryRank, groups, outRank] = [
    config.size('q_lora_rank'),
    config.size('o_groups', 8),
    config.size('o_lora_rank', 1024),
  ];
  const outputs = heads * headDim;
  const base: Weights = [
    ['q_a', hidden * queryRank],
    ['q_a_norm', queryRank],
    ['q_b', queryRank * outputs],
    ['kv', hidden * headDim],
    ['kv_norm', headDim],
    ['o_a', outputs * outRank],
    ['o', groups * outRank * hidden],
    ['sinks', heads],
  ];
  if (attention.kind === 'sliding') return base;
  const { ratio, indexer } = attention;
  if (!indexer) return [...base, ['compressor', compressor(hidden, ratio, headDim, headDim)]];
  const index = (indexer.heads ?? Number.NaN) * indexer.headDim;
  return [
    ...base,
    ['compressor', compressor(hidden, ratio, 2 * headDim, headDim)],
    [
      'index',
      compressor(hidden, ratio, 2 * indexer.headDim, indexer.headDim) +
        queryRank * index +
        hidden * (indexer.heads ?? Number.NaN),
    ],
  ];
}

/** Two projections, a bias for each position of a group, a norm. */
function compressor(hidden: number, ratio: number, width: number, headDim: number): number {
  return 2 * hidden * width + ratio * width + headDim;
}

/** T:deepseek_v4 HyperConnection: residual streams are mixed before attention and before the feed-forward, and once at the end. */
// @__NO_SIDE_EFFECTS__
export function hyperConnections(
  mixes: (streams: number) => number,
  scales: number,
): NonNullable<CountedDecoder['extra']> {
  return (config, tally, layers) => {
    const streams = streamsOf(config);
    const width = streams * config.size(HIDDEN_KEYS);
    const rows = mixes(streams);
    for (const { index } of layers) {
      tally.place = index;
      for (const branch of ['attention', 'feed_forward'])
        tally.add('other', rows * width + rows + scales, `streams.${branch}`);
    }
    tally.place = null;
    tally.add('other', streams * width + streams + 1, 'streams');
  };
}

/** The width of the stream, in hidden states. */
export function streamsOf(config: ConfigReader): number {
  return config.size('hc_mult', 4);
}

export const arrangements = (): readonly ArrangementsFacet[] => [
  {
    modelTypes: ['deepseek_v4', 'deepseek_ref'],
    cite: 'transformers 5.18 modeling_deepseek_v4.py: streams are mixed before each branch and after it; DeepseekV4HashRouter in the first layers, sqrtsoftplus',
    activation: 'silu',
    router: (config, layer) => {
      const byTable = hashedLayers(config)(layer);
      return { scoring: scoringOf(config), byTable, correctionBias: !byTable };
    },
    streams: streamsOf,
  },
];

/** In these layers a table with an entry for each token of the vocabulary says which experts it uses. */
function hashedLayers(config: ConfigReader): (layer: number) => boolean {
  const words = config.list(['mlp_layer_types'])?.value;
  if (words) return (layer) => words[layer] === 'hash_moe';
  const first = config.sizeOr('num_hash_layers', null) ?? DEFAULT_HASHED;
  return (layer) => layer < first;
}

const DEFAULT_HASHED = 3;

/** Silent where it is another function. */
function scoringOf(config: ConfigReader): RouterWords['scoring'] {
  const name = config.string(['scoring_func'])?.value ?? 'sqrtsoftplus';
  return name === 'sqrtsoftplus' ? 'sqrt-softplus' : name === 'sigmoid' || name === 'softmax' ? name : undefined;
}
