/** Files of Meta (`params.json`), Mistral (`params.json`) and DeepSeek's own inference code (`config_671B.json`). */

import type { ConfigReader } from '../config/reader';
import { HIDDEN_KEYS } from '../config/spellings';
import type { Sourced } from '../model/spec';
import { flag, ratio } from './counted/switches';
import type { ArrangementsFacet, CountsFacet, LayerDraft, LayersFacet } from './facets';
import { chunkedDraft, fullDraft, repeat, slidingDraft, withLayerSource, withSources } from './kit/decoder';
import { headLayout, latentLayout, layerCount, missing, type SourcedLayout } from './kit/headLayout';

export const layers = (): readonly LayersFacet[] => [
  {
    id: 'params',
    modelTypes: ['params'],
    cite: 'meta-llama/llama3 ModelArgs; mistralai/mistral-inference TransformerArgs and MambaArgs; deepseek-ai/DeepSeek-V3 inference/model.py ModelArgs',
    llamacpp: { windows: false },
    read: (reader) => {
      const count = layerCount(reader, ['n_layers']);
      if (!count) {
        missing(reader, 'the number of layers', 'n_layers');
        return { layers: [] };
      }
      if (reader.hasValue('kv_lora_rank')) {
        reader.consult(['head_dim', 'n_kv_heads', 'qk_head_dim']);
        const latent = latentLayout(reader);
        const indexDim = reader.hasValue('index_head_dim') ? reader.integer(['index_head_dim']) : null;
        if (!latent) return { layers: [] };
        const draft: LayerDraft = indexDim
          ? {
              attention: {
                ...latent.attention,
                indexer: {
                  headDim: indexDim.value,
                  heads: reader.integer(['index_n_heads'])?.value ?? null,
                  topK: reader.integer(['index_topk'])?.value ?? null,
                  owned: true,
                },
              },
              sources: { ...latent.sources, indexDim: indexDim.source },
            }
          : latent;
        return { layers: withLayerSource(repeat(draft, count.value), count.source) };
      }
      const heads = headLayout(reader, { headKeys: ['n_heads'], kvKeys: ['n_kv_heads'], headDimKeys: ['head_dim'] });
      if (!heads) return { layers: [] };
      const chunk = reader.integer(['attention_chunk_size']);
      if (chunk) return { layers: chunked(reader, heads, chunk, count) };
      const windowed = windows(reader, count.value);
      if (!windowed) return { layers: withLayerSource(repeat(fullDraft(heads), count.value), count.source) };
      const source = reader.source(windowed.key);
      const made = new Map<number, LayerDraft>();
      const full = fullDraft(heads);
      const layers = windowed.labels.map((window): LayerDraft => {
        if (window === null) return full;
        const draft = made.get(window) ?? slidingDraft(heads, { value: window, source });
        made.set(window, draft);
        return draft;
      });
      return { layers: withSources(layers, { layers: count.source, kind: source }) };
    },
  },
];

/** Llama 4: chunks, but in every `nope_layer_interval`-th layer (meta-llama/llama-models llama4/model.py is_nope_layer). */
function chunked(
  reader: ConfigReader,
  heads: SourcedLayout,
  chunk: Sourced<number>,
  count: Sourced<number>,
): readonly LayerDraft[] {
  const interval = reader.integer(['nope_layer_interval']);
  const local = chunkedDraft(heads, chunk);
  const full = fullDraft(heads);
  const drafts = Array.from({ length: count.value }, (_, index) =>
    interval && (index + 1) % interval.value === 0 ? full : local,
  );
  return withSources(drafts, { layers: count.source, kind: interval?.source ?? chunk.source });
}

const WINDOW_KEYS = ['sliding_window', '_sliding_window'];

/** Keys outside this dialect that make the cache differ from what dim, n_heads and n_kv_heads say. */
function windows(
  reader: ConfigReader,
  count: number,
): { readonly labels: readonly (number | null)[]; readonly key: string } | null {
  for (const key of WINDOW_KEYS) {
    const value = reader.own(key);
    reader.consult([key]);
    if (typeof value === 'number' && Number.isInteger(value) && value > 0)
      return { labels: new Array<number>(count).fill(value), key };
    if (Array.isArray(value) && value.length > 0) {
      // A list is repeated over the layers (Mistral: one window for each layer of a period).
      const list = value as readonly unknown[];
      return { labels: Array.from({ length: count }, (_, index) => asWindow(list[index % list.length])), key };
    }
  }
  return null;
}

function asWindow(value: unknown): number | null {
  return typeof value === 'number' && Number.isInteger(value) && value > 0 ? value : null;
}

export const counts = (): readonly CountsFacet[] => [
  { modelTypes: ['params'], width: feedForwardWidth, tied: flag('tied_embeddings') },
];

export const arrangements = (): readonly ArrangementsFacet[] => [
  {
    modelTypes: ['params'],
    cite: 'meta-llama/llama3 model.py TransformerBlock; mistralai/mistral-inference transformer_layers.py TransformerBlock',
    activation: 'silu',
    // Where the file has no base, each release of their code has its own.
    positions: (config) => (config.get('rope_theta') === undefined ? 'unsaid' : 'rope'),
  },
];

/** Meta's files: `multiple_of` and `ffn_dim_multiplier`; Mistral's: `hidden_dim`. meta-llama/llama3 model.py FeedForward. */
function feedForwardWidth(config: ConfigReader): number {
  const given = config.sizeOr('hidden_dim', null);
  if (given !== null) return given;
  const multiple = config.size('multiple_of');
  const width = Math.trunc(Math.trunc((2 * 4 * config.size(HIDDEN_KEYS)) / 3) * ratio(config, 'ffn_dim_multiplier', 1));
  return multiple * Math.ceil(width / multiple);
}
