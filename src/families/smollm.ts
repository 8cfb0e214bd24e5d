/** SmolLM3. */

import type { BlocksFacet, GgufFacet, LayersFacet, NamesFacet } from './facets';
import { biases, gatedMlp, llamaBlocks, plainRotary } from './kit/blocks';
import { decoderLayers, slidingWindow } from './kit/decoder';
import { layerCount } from './kit/headLayout';

export const layers = (): readonly LayersFacet[] => [
  {
    // The window is off unless `use_sliding_window`, and then layers without rotary positions slide.
    id: 'smollm3',
    modelTypes: ['smollm3'],
    cite: 'transformers 5.18 models/smollm3/configuration_smollm3.py __post_init__',
    llamacpp: { windows: false },
    read: (reader) => {
      reader.consult(['sliding_window']);
      const window = reader.flag(['use_sliding_window'], false) ? slidingWindow(reader) : null;
      const rotary = reader.list(['no_rope_layers'])?.value ?? null;
      const interval = reader.computed(['no_rope_layer_interval'])?.value ?? 4;
      const hasRope = (index: number): boolean => (rotary ? rotary[index] === 1 : (index + 1) % interval !== 0);
      const layers = reader.hasValue('layer_types') ? 0 : (layerCount(reader)?.value ?? 0);
      if (rotary && rotary.length < layers)
        reader.wrong('no_rope_layers', `a list with an entry for each of the ${layers} layers`, [...rotary]);
      return {
        layers: decoderLayers(reader, {
          window: () => window,
          kindAt: (index) => (window && !hasRope(index) ? 'sliding' : 'full'),
        }),
      };
    },
  },
];

export const blocks = (): readonly BlocksFacet[] => [
  {
    // Every `no_rope_layer_interval`-th layer has no RoPE.
    modelTypes: ['smollm3'],
    build: (input) => {
      const { config } = input;
      const listed = config.items('no_rope_layers');
      const interval = config.need('no_rope_layer_interval');
      return llamaBlocks(input, {
        rotary: (index, attention) =>
          (listed ? Boolean(listed[index]) : (index + 1) % interval !== 0) ? plainRotary(input, attention) : null,
        attention: () => biases(config.on('attention_bias')),
        feedForward: () => gatedMlp(input, { bias: config.on('mlp_bias') }),
      });
    },
  },
];

export const names = (): readonly NamesFacet[] => [{ modelTypes: ['smollm3'] }];

export const gguf = (): readonly GgufFacet[] => [
  { architecture: 'smollm3', modelType: 'smollm3', rope: 'interleaved' },
];
