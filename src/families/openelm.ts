/** OpenELM: every layer has its own number of query and KV heads, and its own feed-forward width. */

import type { ConfigReader } from '../config/reader';
import type { Source, Sourced } from '../model/spec';
import type { LayerView } from './counted/facet';
import { flag, ratio } from './counted/switches';
import type { ArrangementsFacet, CountsFacet, GgufFacet, LayerDraft, LayersFacet } from './facets';
import { fullDraft, unknownDraft, withLayerSource } from './kit/decoder';
import { alsoAs } from './kit/ggufKeys';
import { layerCount, missing } from './kit/headLayout';

export const layers = (): readonly LayersFacet[] => [
  {
    id: 'openelm',
    modelTypes: ['openelm', 'graniteswitch-gguf'],
    cite: 'apple/OpenELM configuration_openelm.py and modeling_openelm.py OpenELMMultiHeadCausalAttention',
    read: (reader) => {
      const count = layerCount(reader, ['num_transformer_layers', 'num_hidden_layers']);
      const headDim = reader.integer(['head_dim']);
      const query = count && headCounts(reader, 'num_query_heads', count.value);
      const kv = count && headCounts(reader, 'num_kv_heads', count.value);
      if (!count || !headDim || !query || !kv) {
        missing(reader, 'num_query_heads and num_kv_heads of every layer', 'num_kv_heads');
        return { layers: [] };
      }
      const made = new Map<string, LayerDraft>();
      const drafts = Array.from({ length: count.value }, (_, index): LayerDraft => {
        const [queryHeads, kvHeads] = [query.value[index] ?? null, kv.value[index] ?? null];
        const id = `${queryHeads} ${kvHeads}`;
        const draft = made.get(id) ?? perLayer(queryHeads, kvHeads, headDim, query.source, kv.source);
        made.set(id, draft);
        return draft;
      });
      return { layers: withLayerSource(drafts, count.source) };
    },
  },
];

/** Heads of one kind in each layer; a single number holds for all layers. */
function headCounts(reader: ConfigReader, key: string, count: number): Sourced<readonly (number | null)[]> | null {
  const value = reader.value(key);
  reader.consult([key]);
  const list: readonly unknown[] = Array.isArray(value) ? value : new Array<unknown>(count).fill(value);
  if (list.length !== count) return null;
  const numbers = list.map((entry) =>
    typeof entry === 'number' && Number.isInteger(entry) && entry > 0 && entry < 1e6 ? entry : null,
  );
  return { value: numbers, source: reader.source(key) };
}

function perLayer(
  queryHeads: number | null,
  kvHeads: number | null,
  headDim: Sourced<number>,
  query: Source,
  kv: Source,
): LayerDraft {
  if (queryHeads === null || kvHeads === null) return unknownDraft('a layer whose head counts are not numbers');
  return fullDraft({
    layout: { queryHeads, kvHeads, keyDim: headDim.value, valueDim: headDim.value },
    sources: { queryHeads: query, kvHeads: kv, keyDim: headDim.source, valueDim: headDim.source },
  });
}

export const gguf = (): readonly GgufFacet[] => [
  {
    architecture: 'openelm',
    modelType: 'openelm',
    adapt: (config, source) => {
      const [heads, kvHeads] = [source.perLayer('attention.head_count'), source.perLayer('attention.head_count_kv')];
      if (typeof heads === 'object') config['num_query_heads'] = [...heads];
      if (typeof kvHeads === 'object') config['num_kv_heads'] = [...kvHeads];
      delete config['num_key_value_heads'];
      delete config['num_key_value_heads_per_layer'];
      alsoAs(config, { num_hidden_layers: 'num_transformer_layers', hidden_size: 'model_dim' });
    },
  },
];

export const counts = (): readonly CountsFacet[] => [
  {
    modelTypes: ['openelm'],
    qkNorm: 'head',
    qkNormIf: flag('normalize_qk_projections'),
    width: growingWidth,
    tied: flag('share_input_output_layers'),
  },
];

/** apple/OpenELM modeling_openelm.py: the feed-forward grows with depth, rounded to a multiple of `ffn_dim_divisor`. */
function growingWidth(config: ConfigReader, { index, hidden }: LayerView): number {
  const factors = config.list(['ffn_multipliers'])?.value;
  const factor = factors ? factors[index] : ratio(config, 'ffn_multipliers', Number.NaN);
  if (typeof factor !== 'number') return Number.NaN;
  const divisor = config.size('ffn_dim_divisor', 256);
  const value = factor * hidden;
  // make_divisible: to the nearest multiple, never more than a tenth below.
  const rounded = Math.max(divisor, Math.floor((value + divisor / 2) / divisor) * divisor);
  return rounded < 0.9 * value ? rounded + divisor : rounded;
}

export const arrangements = (): readonly ArrangementsFacet[] => [
  {
    modelTypes: ['openelm'],
    cite: "apple's modeling_openelm.py: queries and keys are normed before RoPE, SwiGLU",
    activation: 'silu',
  },
];
