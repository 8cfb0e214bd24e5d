import type { Family } from '../family';
import { decoderLayers, type LayerWord, slidingWindow } from '../layers';
import type { ConfigReader } from '../reader';

/** `sliding_window_pattern` is a number (every n-th layer is full) or letters ("LLLG", repeated). */
function pattern(reader: ConfigReader): ((index: number) => LayerWord) | null {
  const value = reader.value('sliding_window_pattern');
  reader.consult(['sliding_window_pattern']);
  if (typeof value === 'string' && /^[LG]+$/.test(value))
    return (index) => (value[index % value.length] === 'G' ? 'full' : 'sliding');
  if (value === undefined || value === null || value === 0)
    return value === 0 ? () => 'full' : (index) => ((index + 1) % 4 === 0 ? 'full' : 'sliding');
  return typeof value === 'number' && Number.isInteger(value) && value > 0
    ? (index) => ((index + 1) % value === 0 ? 'full' : 'sliding')
    : null;
}

/** EXAONE 4: three sliding layers, then a full one; without a window all are full. */
export const exaone: Family = {
  id: 'exaone4',
  modelTypes: ['exaone4', 'exaone_moe'],
  cite: 'transformers 5.18 models/exaone4/configuration_exaone4.py; LGAI-EXAONE/EXAONE-4.0 configs write "LLLG"',
  read: (reader) => {
    const kindAt = pattern(reader);
    const window = slidingWindow(reader);
    if (!kindAt && !reader.hasValue('layer_types'))
      reader.log.note('sliding_window_pattern was not understood', true, reader.pathOf('sliding_window_pattern'));
    return {
      layers: decoderLayers(reader, {
        window: () => window,
        kindAt: (index) => (window ? (kindAt?.(index) ?? 'full') : 'full'),
      }),
    };
  },
};
