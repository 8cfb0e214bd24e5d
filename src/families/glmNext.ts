/** GLM-5.3-Flash: Kimi's delta attention, and latents without rotary key whose index keys are pooled. */

import type { ConfigReader } from '../config/reader';
import type { LayerDraft, LayersFacet } from './facets';
import { draftsOf, layerLabels, unknownDraft, withSources, wordOf } from './kit/decoder';
import { latentLayout, layerCount, missing } from './kit/headLayout';
import { kdaState, recurrentDraft, type SourcedState } from './kit/states';

export const layers = (): readonly LayersFacet[] => [
  {
    id: 'glm5-next',
    modelTypes: ['glm5_next_text', 'glm5_next'],
    cite: 'transformers 5.18 models/glm5_next/configuration_glm5_next.py __post_init__ (delta where i % 4 != 3), modeling get_pooled_states; vLLM KpoolTailSpec',
    linearLayersFrom: 0,
    read: (reader) => {
      const count = layerCount(reader);
      const latent = latentLayout(reader);
      const dim = reader.integer(['index_head_dim']);
      const pool = reader.integer(['index_kpool']);
      if (!count || !latent || !dim || !pool) {
        missing(reader, 'num_hidden_layers, index_head_dim and index_kpool', 'index_kpool');
        return { layers: [] };
      }
      // biome-ignore format: names fill their lines
      reader.consult([
        'num_key_value_heads', 'head_dim', 'qk_head_dim', 'index_kpool_compress', 'index_kpool_always_select_tail', 'mla_use_nope',
        'linear_lower_bound', 'index_topk_freq', 'index_skip_topk_offset', 'index_topk_pattern',
      ]);
      const nested = reader.nested('linear_attn_config');
      nested?.consult(['kda_layers', 'full_attn_layers']);
      const listed = layerLabels(reader, count.value);
      const labels =
        listed?.value ??
        Array.from({ length: count.value }, (_, index) => (index % 4 === 3 ? 'indexed_attention' : 'linear_attention'));
      checkNumbers(nested, labels);
      const owned = indexers(reader, count.value);
      const heads = reader.integer(['index_n_heads'])?.value ?? null;
      const topK = reader.integer(['index_topk'])?.value ?? null;
      const made = new Map<boolean, LayerDraft>();
      const indexed = (own: boolean): LayerDraft => {
        const draft = made.get(own) ?? {
          attention: {
            ...latent.attention,
            indexer: { headDim: dim.value, heads, topK, owned: own, pool: pool.value },
          },
          sources: { ...latent.sources, indexDim: { ...dim.source, rule: `one key for ${pool.value} tokens` } },
        };
        made.set(own, draft);
        return draft;
      };
      const words = draftsOf(labels, {
        full: () => indexed(true),
        indexed: () => indexed(true),
        linear: () => recurrentDraft(delta(reader, nested)),
      });
      const drafts = words.map((draft, index) => {
        if (draft !== made.get(true)) return draft;
        const own = owned(index);
        return own === null ? unknownDraft('an indexer type that is neither full nor shared') : indexed(own);
      });
      return { layers: withSources(drafts, { layers: count.source, ...(listed ? { kind: listed.source } : {}) }) };
    },
  },
];

function delta(reader: ConfigReader, nested: ConfigReader | null): SourcedState | null {
  const heads = nested?.integer(['num_heads']) ?? reader.integer(['linear_num_heads']);
  const headDim = nested?.integer(['head_dim']) ?? reader.integer(['linear_head_dim']);
  const conv = nested?.integer(['short_conv_kernel_size']) ?? reader.integer(['linear_conv_kernel_dim']);
  return heads && headDim && conv ? kdaState(heads, headDim, conv) : null;
}

/** Which layers keep index keys: `indexer_types`, a pattern of F and S, or every `index_topk_freq`-th layer. */
function indexers(reader: ConfigReader, count: number): (index: number) => boolean | null {
  const listed = layerLabels(reader, count, ['indexer_types']);
  if (listed) return (index) => TYPES[listed.value[index] ?? ''] ?? null;
  const pattern = reader.own('index_topk_pattern');
  if (typeof pattern === 'string') return (index) => TYPES[pattern[index] ?? ''] ?? null;
  if (Array.isArray(pattern)) return (index) => TYPES[String((pattern as readonly unknown[])[index])] ?? null;
  const every = reader.computed(['index_topk_freq'])?.value ?? 1;
  const offset = reader.computed(['index_skip_topk_offset'], 0)?.value ?? 2;
  return (index) => Math.max(index - offset + 1, 0) % every === 0;
}

const TYPES: Readonly<Partial<Record<string, boolean>>> = { full: true, shared: false, F: true, S: false };

/** The lists of `linear_attn_config` count from 0 here; `layer_types` decides, and they should agree. */
function checkNumbers(nested: ConfigReader | null, labels: readonly string[]): void {
  const linear = nested?.indexes(['kda_layers']);
  if (!nested || !linear) return;
  const differs = labels.findIndex((label, index) => linear.value.includes(index) !== (wordOf(label) === 'linear'));
  if (differs >= 0)
    nested.log.note(`kda_layers and layer_types differ on layer ${differs}`, true, nested.pathOf('kda_layers'));
}
