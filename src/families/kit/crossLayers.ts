/** Layers that attend to an encoder's output: its K and V are cached once, however much is generated. */

import type { ConfigReader } from '../../config/reader';
import { type CrossSource, isHeaded } from '../../model/attention';
import type { Source, Sourced } from '../../model/spec';
import type { FamilyReading, LayerDraft } from '../facets';
import { fullDraft, repeat, unknownDraft, withSources } from './decoder';
import { headLayout, type HeadOptions, layerCount, missing, type SourcedLayout } from './headLayout';

/** Spellings of the decoder's own layers in encoder-decoders. */
export const DECODER_LAYERS: readonly string[] = ['decoder_layers', 'num_decoder_layers', 'decoder_num_hidden_layers'];
const DECODER_HEADS: readonly string[] = [
  'decoder_attention_heads',
  'num_decoder_attention_heads',
  'decoder_num_attention_heads',
  'num_attention_heads',
];

export const SOURCE_AS_TARGET = 'cross attention is counted with as many source tokens as target tokens';

/** Heads as BART has them: one K and V per head, d_model ÷ heads wide. */
export const DECODER_HEAD_OPTIONS: HeadOptions = {
  headKeys: DECODER_HEADS,
  kvKeys: [],
  headDimKeys: [],
  hiddenKeys: ['d_model', 'hidden_size'],
};

/** A layer that caches the source's K and V once. */
export function crossDraft({ layout, sources }: SourcedLayout, source: CrossSource, kind: Source | null): LayerDraft {
  return { attention: { kind: 'cross', ...layout, source }, sources: { ...sources, ...(kind ? { kind } : {}) } };
}

/** Self-attention layers of the decoder, then the same number of cross layers. */
export function selfAndCross(count: Sourced<number>, self: readonly LayerDraft[], cross: LayerDraft): LayerDraft[] {
  return withSources([...self, ...repeat(cross, count.value)], { layers: count.source });
}

/** Full attention to the target, and to the source unless the config describes a decoder alone. */
export function bothFull(
  reader: ConfigReader,
  count: Sourced<number> | null,
  options: HeadOptions,
  source: CrossSource,
  kind: Source | null = null,
): FamilyReading {
  const heads = headLayout(reader, options);
  checkOtherNames(reader);
  if (!count || !heads) {
    if (!count) missing(reader, 'the number of decoder layers', 'decoder_layers');
    return { layers: [] };
  }
  const selfOnly = reader.condition('is_encoder_decoder') === false && !reader.flag(['add_cross_attention'], false);
  const self = repeat(fullDraft(heads), count.value);
  if (selfOnly) return { layers: withSources(self, { layers: count.source }) };
  if (source.tokens === 'target') reader.log.note(SOURCE_AS_TARGET, false);
  return { layers: selfAndCross(count, self, crossDraft(heads, source, kind)) };
}

/** BART's names, which transformers writes into the common ones of any encoder-decoder (PreTrainedConfig.get_text_config): what those refuse. */
function checkOtherNames(reader: ConfigReader): void {
  const { defaults } = reader;
  if (!defaults) return;
  for (const key of ['decoder_layers', 'decoder_attention_heads']) {
    const value = reader.own(key);
    if (value === undefined || Object.hasOwn(defaults.values, key)) continue;
    reader.consult([key]);
    if (typeof value !== 'number' || !Number.isInteger(value)) reader.wrong(key, 'a whole number', value);
  }
}

/** The decoder of BART and its relatives: one KV head per query head unless a key of `kvKeys` says otherwise. */
export function bartDecoder(reader: ConfigReader, kvKeys: readonly string[] = []): FamilyReading {
  // biome-ignore format: names fill their lines
  reader.consult([
    'attention_window', 'local_radius', 'num_random_blocks', 'attention_type', 'max_source_positions',
    'encoder_num_key_value_heads', 'conv_kernel', 'conv_kernel_sizes', 'num_hidden_layers',
  ]);
  const options = { ...DECODER_HEAD_OPTIONS, kvKeys };
  return bothFull(reader, layerCount(reader, DECODER_LAYERS), options, { tokens: 'target' });
}

/** Adds one cross layer for each layer that has heads. */
export function withCross(reader: ConfigReader, self: readonly LayerDraft[]): LayerDraft[] {
  if (self.some((draft) => draft.attention.kind === 'cross')) return [...self];
  const made = new Map<string, LayerDraft>();
  const cross = self.map((draft): LayerDraft => {
    const { attention, sources } = draft;
    if (!isHeaded(attention)) return unknownDraft('cross attention of a layer without heads');
    const { queryHeads, kvHeads, keyDim, valueDim } = attention;
    const id = `${queryHeads} ${kvHeads} ${keyDim} ${valueDim}`;
    const known =
      made.get(id) ??
      crossDraft({ layout: { queryHeads, kvHeads, keyDim, valueDim }, sources }, { tokens: 'target' }, null);
    made.set(id, known);
    return known;
  });
  reader.log.note(SOURCE_AS_TARGET, false);
  return [...self, ...cross];
}
