/** EXAONE 3 and 4, and K-EXAONE (EXAONE MoE). */

import type { AttentionLayerSpec, RunnableAttention } from '../attention/spec/layerSpec';
import type { RotarySpec } from '../attention/spec/rotarySpec';
import { type ConfigReader, MAX_LAYERS, show } from '../config/reader';
import type {
  BlockInput,
  BlocksFacet,
  CountsFacet,
  FamilyReading,
  GgufFacet,
  LayerDraft,
  LayersFacet,
  NamesFacet,
} from './facets';
import { gatedMlp, llamaBlocks, plainRotary } from './kit/blocks';
import {
  decoderLayers,
  fullDraft,
  layerLabels,
  type LayerWord,
  plainDecoder,
  slidingDraft,
  slidingWindow,
  unknownDraft,
  withSources,
  wordOf,
} from './kit/decoder';
import { headLayout, layerCount } from './kit/headLayout';
import { v3Mixture, v3Names } from './kit/mixtures';
import { llamaNames, OUTPUT_NORMS } from './kit/tensorNames';
import { headNorm, outputNorms, rmsNorm } from './kit/parts';
import { changes, localBase, routing } from './kit/ggufBlocks';

export const layers = (): readonly LayersFacet[] => [
  {
    id: 'exaone',
    modelTypes: ['exaone'],
    cite: 'LGAI-EXAONE/EXAONE-3.5-7.8B-Instruct configuration_exaone.py',
    read: plainDecoder,
  },
  {
    // Three sliding layers, then a full one; without a window all are full.
    id: 'exaone4',
    modelTypes: ['exaone4', 'exaone_moe'],
    cite: 'transformers 5.18 models/exaone4/configuration_exaone4.py; LGAI-EXAONE/EXAONE-4.0 configs write "LLLG"',
    llamacpp: { windows: true },
    read: (reader, modelType) => {
      const kindAt = pattern(reader);
      const window = slidingWindow(reader);
      checkPattern(reader);
      const listed = windowList(reader);
      if (listed) return { layers: listed, ...cachingOf(modelType, listed.length) };
      if (!kindAt && !reader.hasValue('layer_types'))
        reader.log.note('sliding_window_pattern was not understood', true, reader.pathOf('sliding_window_pattern'));
      const layers = decoderLayers(reader, {
        window: () => window,
        kindAt: (index) => (window ? (kindAt?.(index) ?? 'full') : 'full'),
      });
      return { layers, ...cachingOf(modelType, layers.length) };
    },
  },
];

/** llama.cpp has windows for the 32B alone, which it knows by its 64 layers (models/exaone4.cpp load_arch_hparams). */
function cachingOf(modelType: string, layers: number): Pick<FamilyReading, 'llamacpp'> {
  return modelType === 'exaone4' && layers !== 64 ? { llamacpp: { windows: false } } : {};
}

/**
 * `sliding_windows`: the window of each layer, null where it is full; where it is there, it decides.
 * A list that contradicts `layer_types`, or has another length, is not understood.
 */
function windowList(reader: ConfigReader): readonly LayerDraft[] | null {
  const list = reader.list(['sliding_windows']);
  const count = list && layerCount(reader);
  const heads = count && headLayout(reader);
  if (!list || !count || !heads) return null;
  reader.consult(['layer_types']);
  const words = layerLabels(reader, count.value)?.value ?? null;
  if (list.value.length !== count.value)
    reader.log.note(
      `sliding_windows has ${list.value.length} entries for ${count.value} layers`,
      true,
      reader.pathOf('sliding_windows'),
    );
  const full = fullDraft(heads);
  const made = new Map<string, LayerDraft>();
  const drafts = Array.from({ length: count.value }, (_, index): LayerDraft => {
    const entry = list.value[index];
    const window = entry === null || entry === 0 ? null : entry;
    const word = words?.[index];
    const agrees = word === undefined || wordOf(word) === (window === null ? 'full' : 'sliding');
    const known = typeof window === 'number' && Number.isInteger(window) && window > 0;
    if (agrees && window === null) return full;
    const label = agrees ? `window ${show(entry)}` : `window ${show(entry)} together with ${word}`;
    const draft =
      made.get(label) ??
      (agrees && known ? slidingDraft(heads, { value: window, source: list.source }) : unknownDraft(label));
    made.set(label, draft);
    return draft;
  });
  return withSources(drafts, { layers: count.source, kind: list.source });
}

/** Without a list of layers, the class counts with a pattern of 0 where there is no window, and fails: it divides by it. */
function checkPattern(reader: ConfigReader): void {
  if (reader.hasValue('layer_types') || reader.hasValue('sliding_windows') || !reader.defaults) return;
  if (reader.own('sliding_window') === null) reader.wrong('sliding_window', 'a number, or beside layer_types', null);
  if (reader.own('sliding_window_pattern') === 0)
    reader.wrong('sliding_window_pattern', 'a number above 0, or beside layer_types', 0);
}

/** `sliding_window_pattern` is a number (every n-th layer is full) or letters ("LLLG", repeated). */
function pattern(reader: ConfigReader): ((index: number) => LayerWord) | null {
  const value = reader.value('sliding_window_pattern');
  reader.refuseNull(['sliding_window_pattern']);
  if (typeof value === 'string' && /^[LG]+$/.test(value))
    return (index) => (value[index % value.length] === 'G' ? 'full' : 'sliding');
  if (value === undefined || value === null || value === 0)
    return value === 0 ? () => 'full' : (index) => ((index + 1) % 4 === 0 ? 'full' : 'sliding');
  return typeof value === 'number' && Number.isInteger(value) && value > 0 && value <= MAX_LAYERS
    ? (index) => ((index + 1) % value === 0 ? 'full' : 'sliding')
    : null;
}

/** Norms on each head of queries and keys. */
function normedHeads({ config }: BlockInput): Pick<AttentionLayerSpec, 'queryNorm' | 'keyNorm'> {
  const norm = headNorm(rmsNorm(config.need('rms_norm_eps')));
  return { queryNorm: norm, keyNorm: norm };
}

/** Full layers have no RoPE where others slide. */
function windowRotary(input: BlockInput): (index: number, attention: RunnableAttention) => RotarySpec | null {
  const hasWindow = input.config.numberOr('sliding_window', null) !== null;
  return (_, attention) => (!hasWindow || attention.kind === 'sliding' ? plainRotary(input, attention) : null);
}

export const blocks = (): readonly BlocksFacet[] => [
  {
    modelTypes: ['exaone4'],
    build: (input) =>
      llamaBlocks(input, {
        norms: outputNorms(rmsNorm(input.config.need('rms_norm_eps'))),
        rotary: windowRotary(input),
        attention: () => normedHeads(input),
      }),
  },
  {
    // The attention of EXAONE 4 between the usual norms, DeepSeek-V3's experts.
    modelTypes: ['exaone_moe'],
    build: (input) => {
      const { config } = input;
      const kinds = config.items('mlp_layer_types');
      const sparse = (index: number): boolean =>
        kinds === null ? index >= config.need('first_k_dense_replace') : kinds[index] === 'sparse';
      return llamaBlocks(input, {
        rotary: windowRotary(input),
        attention: () => normedHeads(input),
        feedForward: (index) =>
          sparse(index) ? v3Mixture(input, { experts: 'num_experts', shared: 'num_shared_experts' }) : gatedMlp(input),
      });
    },
  },
];

export const names = (): readonly NamesFacet[] => [
  { modelTypes: ['exaone4'], of: llamaNames({ sources: OUTPUT_NORMS }) },
  {
    modelTypes: ['exaone_moe'],
    of: llamaNames({ mixture: v3Names('mlp.e_score_correction_bias') }),
  },
];

export const gguf = (): readonly GgufFacet[] => [
  { architecture: 'exaone', modelType: 'exaone' },
  {
    architecture: 'exaone4',
    modelType: 'exaone4',
    rope: 'half',
    adapt: (config, source) => {
      // Its graph has windows for the 32B alone, which it knows by its layers (models/exaone4.cpp load_arch_hparams).
      if (source.number('block_count') === 64) {
        config['sliding_window'] ??= 4096;
        return;
      }
      config['sliding_window'] = null;
      config['layer_types'] = new Array<string>(source.number('block_count') ?? 0).fill('full_attention');
      delete config['sliding_window_pattern'];
    },
    block: localBase,
  },
  {
    architecture: 'exaone-moe',
    modelType: 'exaone_moe',
    rope: 'half',
    adapt: (config, source) => {
      const width = source.number('expert_feed_forward_length') ?? 0;
      const shared = source.number('expert_shared_feed_forward_length') ?? 0;
      config['num_shared_experts'] = shared > 0 && width > 0 ? shared / width : 1;
      config['first_k_dense_replace'] ??= 0;
    },
    block: changes(routing({ scaled: true }), localBase),
  },
];

export const counts = (): readonly CountsFacet[] => [{ modelTypes: ['exaone'] }];
