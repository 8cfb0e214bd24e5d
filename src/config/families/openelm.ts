import type { Source, Sourced } from '../../model/spec';
import type { Family, LayerDraft } from '../family';
import { layerCount, missing } from '../heads';
import { fullDraft, unknownDraft, withLayerSource } from '../layers';
import type { ConfigReader } from '../reader';

/** Counts of one head kind, a layer each; a single number serves all layers. */
function counts(reader: ConfigReader, key: string, layers: number): Sourced<readonly (number | null)[]> | null {
  const value = reader.value(key);
  reader.consult([key]);
  const list: readonly unknown[] = Array.isArray(value) ? value : new Array<unknown>(layers).fill(value);
  if (list.length !== layers) return null;
  const numbers = list.map((entry) =>
    typeof entry === 'number' && Number.isInteger(entry) && entry > 0 && entry < 1e6 ? entry : null,
  );
  return { value: numbers, source: reader.source(key) };
}

/** OpenELM: every layer has its own number of query and KV heads. */
export const openelm: Family = {
  id: 'openelm',
  modelTypes: ['openelm'],
  cite: 'apple/OpenELM configuration_openelm.py and modeling_openelm.py OpenELMMultiHeadCausalAttention',
  read: (reader) => {
    const count = layerCount(reader, ['num_transformer_layers', 'num_hidden_layers']);
    const headDim = reader.integer(['head_dim']);
    const query = count && counts(reader, 'num_query_heads', count.value);
    const kv = count && counts(reader, 'num_kv_heads', count.value);
    if (!count || !headDim || !query || !kv) {
      missing(reader, 'num_query_heads and num_kv_heads of every layer', 'num_kv_heads');
      return { layers: [] };
    }
    const made = new Map<string, LayerDraft>();
    const layers = Array.from({ length: count.value }, (_, index): LayerDraft => {
      const [queryHeads, kvHeads] = [query.value[index] ?? null, kv.value[index] ?? null];
      const id = `${queryHeads} ${kvHeads}`;
      const draft = made.get(id) ?? perLayer(queryHeads, kvHeads, headDim, query.source, kv.source);
      made.set(id, draft);
      return draft;
    });
    return { layers: withLayerSource(layers, count.source) };
  },
};

function perLayer(
  queryHeads: number | null,
  kvHeads: number | null,
  headDim: Sourced<number>,
  query: Source,
  kv: Source,
): LayerDraft {
  if (queryHeads === null || kvHeads === null) return unknownDraft('a layer whose head counts are no numbers');
  return fullDraft({
    layout: { queryHeads, kvHeads, keyDim: headDim.value, valueDim: headDim.value },
    sources: { queryHeads: query, kvHeads: kv, keyDim: headDim.source, valueDim: headDim.source },
  });
}
