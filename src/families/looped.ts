/** Looped decoders: the same layers run several times for a token, and every pass has a cache of its own. */

import type { ConfigReader } from '../config/reader';
import { MAX_LAYERS } from '../config/reader';
import type { Sourced } from '../model/spec';
import type { GgufFacet, LayerDraft, LayersFacet } from './facets';
import { decoderLayers, fullDraft, repeat, slidingDraft, unknownDraft, withSources } from './kit/decoder';
import { headLayout, layerCount, missing } from './kit/headLayout';
import { fromWindowLayer, qwenWindow } from './qwen';

export const layers = (): readonly LayersFacet[] => [
  {
    id: 'ouro',
    modelTypes: ['ouro', 'nanbeige'],
    cite: 'ByteDance/Ouro-2.6B modeling_ouro.py UniversalTransformerCache (total_ut_steps × num_hidden_layers); vLLM model_executor/models/ouro.py; llama.cpp v0.5.0 src/models/nanbeige.cpp num_loops',
    defaults: { ouro: { total_ut_steps: 4 }, nanbeige: { num_loops: 1 } },
    read: (reader) => {
      const { layers: once } = fromWindowLayer(reader, qwenWindow(reader));
      const passes = reader.integer(['total_ut_steps', 'num_loops']);
      if (!passes || once.length * passes.value > MAX_LAYERS) {
        missing(reader, 'how often its layers run', 'total_ut_steps');
        return { layers: [] };
      }
      return { layers: perPass(reader, once, 0, once.length, passes) };
    },
  },
  {
    // Later passes look at the keys of the first one, and at a window of their own.
    id: 'iquest-loop',
    modelTypes: ['iquestloopcoder'],
    cite: 'vLLM models/iquest_loopcoder.py LoopCoderAttention (sliding_window=loop_window_size from the second loop on); mlx-lm models/iquestloopcoder.py make_cache',
    defaults: { iquestloopcoder: { loop_num: 2, loop_window_size: 64 } },
    read: (reader) => {
      const once = decoderLayers(reader, { layerTypes: false });
      const passes = reader.integer(['loop_num']);
      const window = reader.integer(['loop_window_size']);
      const heads = headLayout(reader);
      if (!passes || !window || !heads || once.length * passes.value > MAX_LAYERS) {
        missing(reader, 'loop_num and loop_window_size', 'loop_num');
        return { layers: [] };
      }
      const later = withSources(repeat(slidingDraft(heads, window), once.length * (passes.value - 1)), {
        layers: passes.source,
      });
      if (later.length > 0)
        reader.log.note(
          `${once.length} layers run ${passes.value} times per token, and later passes cache a window: counted as ${once.length + later.length} layers`,
          false,
          passes.source.key ?? undefined,
        );
      return { layers: [...once, ...later] };
    },
  },
  {
    // Input layers, a recurrent part that loops, output layers; S slides, * attends to everything, - is a feed-forward.
    id: 'dory',
    modelTypes: ['dory'],
    cite: 'vLLM transformers_utils/configs/dory.py: hybrid_layer_pattern, n_input_layers, n_recurrent_layers, n_recurrent_loops, swa_window_size',
    defaults: {
      dory: {
        num_hidden_layers: 72,
        num_attention_heads: 16,
        num_key_value_heads: 4,
        attention_head_dim: 256,
        swa_window_size: 1024,
        n_input_layers: 0,
        n_output_layers: 0,
        n_recurrent_loops: 1,
      },
    },
    read: (reader) => {
      const count = layerCount(reader);
      const heads = headLayout(reader, { headDimKeys: ['attention_head_dim', 'head_dim'] });
      const window = reader.integer(['swa_window_size']);
      const first = reader.integer(['n_input_layers'], 0);
      const last = reader.integer(['n_output_layers'], 0);
      const loops = reader.integer(['n_recurrent_loops']);
      reader.consult(['n_recurrent_layers', 'swa_num_attention_heads', 'swa_num_key_value_heads', 'swa_head_dim']);
      const pattern = reader.string(['hybrid_layer_pattern']) ?? null;
      const letters = pattern?.value ?? 'S-S-S-*-'.repeat(Math.floor((count?.value ?? 0) / 8));
      if (!count || !heads || !window || !first || !last || !loops || letters.length !== count.value) {
        missing(reader, 'hybrid_layer_pattern with a letter for each layer', 'hybrid_layer_pattern');
        return { layers: [] };
      }
      const kinds: Readonly<Partial<Record<string, LayerDraft>>> = {
        S: slidingDraft(heads, window),
        '*': fullDraft(heads),
        '-': { attention: { kind: 'none' }, sources: {} },
      };
      const unknown = unknownDraft('a letter other than S, * or -');
      const once = withSources(
        [...letters].map((letter) => kinds[letter] ?? unknown),
        { layers: count.source, ...(pattern ? { kind: pattern.source } : {}) },
      );
      if (count.value * loops.value > MAX_LAYERS) return { layers: [] };
      return { layers: perPass(reader, once, first.value, count.value - last.value, loops) };
    },
  },
];

export const gguf = (): readonly GgufFacet[] => [
  {
    architecture: 'nanbeige',
    modelType: 'nanbeige',
    adapt: (config, source) => {
      const loops = source.number('num_loops');
      if (loops !== undefined) config['num_loops'] = loops;
    },
  },
];

/** The layers from `start` to `end` once for each pass. */
function perPass(
  reader: ConfigReader,
  once: readonly LayerDraft[],
  start: number,
  end: number,
  passes: Sourced<number>,
): readonly LayerDraft[] {
  if (passes.value === 1) return once;
  reader.log.note(
    `${end - start} layers run ${passes.value} times per token, and each pass caches: counted as ${once.length + (passes.value - 1) * (end - start)} layers`,
    false,
    passes.source.key ?? undefined,
  );
  const looped = Array.from({ length: passes.value }, () => once.slice(start, end)).flat();
  return [...once.slice(0, start), ...looped, ...once.slice(end)];
}
