import type { Sourced } from '../../model/spec';
import type { Family } from '../family';
import { headLayout, layerCount, missing, type SourcedLayout } from '../heads';
import { draftsOf, fullDraft, layerLabels, slidingDraft, slidingWindow, withSources } from '../layers';
import type { ConfigReader } from '../reader';

/** `hybrid_layer_pattern`: 1 = sliding, 0 = full. */
function patternList(reader: ConfigReader, count: number): Sourced<readonly string[]> | null {
  const listed = layerLabels(reader, count, ['hybrid_layer_pattern']);
  return (
    listed && {
      value: listed.value.map((entry) =>
        entry === '1' ? 'sliding_attention' : entry === '0' ? 'full_attention' : entry,
      ),
      source: listed.source,
    }
  );
}

/** Sliding layers have twice the KV heads, or what the `swa_` keys say. */
function slidingHeads(reader: ConfigReader, full: SourcedLayout): SourcedLayout {
  const queryHeads = reader.integer(['swa_num_attention_heads']);
  const kvHeads = reader.integer(['swa_num_key_value_heads']);
  const keyDim = reader.integer(['swa_head_dim']);
  const valueDim = reader.integer(['swa_v_head_dim']);
  const { layout, sources } = full;
  const doubled = { key: null, range: null, rule: `2 × ${layout.kvHeads} KV heads in sliding layers` };
  return {
    layout: {
      queryHeads: queryHeads?.value ?? layout.queryHeads,
      kvHeads: kvHeads?.value ?? layout.kvHeads * 2,
      keyDim: keyDim?.value ?? layout.keyDim,
      valueDim: valueDim?.value ?? layout.valueDim,
    },
    sources: {
      ...sources,
      ...(queryHeads ? { queryHeads: queryHeads.source } : {}),
      kvHeads: kvHeads?.source ?? {
        ...sources['kvHeads'],
        ...doubled,
        key: sources['kvHeads']?.key ?? null,
        range: sources['kvHeads']?.range ?? null,
      },
      ...(keyDim ? { keyDim: keyDim.source } : {}),
      ...(valueDim ? { valueDim: valueDim.source } : {}),
    },
  };
}

/** MiMo-V2: keys are wider than values, and sliding layers have more KV heads than full ones. */
export const mimoV2: Family = {
  id: 'mimo-v2',
  modelTypes: ['mimo_v2_flash', 'mimo_v2'],
  cite: 'transformers 5.18 models/mimo_v2_flash; XiaomiMiMo/MiMo-V2-Flash config.json (hybrid_layer_pattern, swa_num_key_value_heads)',
  read: (reader) => {
    const count = layerCount(reader);
    const heads = headLayout(reader, { valueDimKeys: ['v_head_dim'] });
    const window = slidingWindow(reader, ['sliding_window', 'sliding_window_size']);
    if (!count || !heads || !window) {
      missing(reader, 'num_hidden_layers and sliding_window', 'sliding_window');
      return { layers: [] };
    }
    reader.consult([
      'hybrid_block_size',
      'add_swa_attention_sink_bias',
      'add_full_attention_sink_bias',
      'sliding_window_size',
      'attention_chunk_size',
      'swa_rope_theta',
    ]);
    const listed = layerLabels(reader, count.value) ?? patternList(reader, count.value);
    const byClass = Array.from({ length: count.value }, (_, index) =>
      index === 0 || (index + 1) % 6 === 0 ? 'full_attention' : 'sliding_attention',
    );
    const drafts = draftsOf(listed?.value ?? byClass, {
      full: () => fullDraft(heads),
      sliding: () => slidingDraft(slidingHeads(reader, heads), window),
    });
    return { layers: withSources(drafts, { layers: count.source, ...(listed ? { kind: listed.source } : {}) }) };
  },
};
