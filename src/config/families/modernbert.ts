import type { Sourced } from '../../model/spec';
import type { Family } from '../family';
import { decoderLayers, slidingWindow } from '../layers';
import type { ConfigReader } from '../reader';

/** Half of `local_attention`: that window reached to both sides in the encoder. */
function window(reader: ConfigReader): Sourced<number> | null {
  reader.consult(['local_attention']);
  const given = slidingWindow(reader);
  if (given) return given;
  const local = reader.integer(['local_attention']);
  return (
    local && {
      value: Math.floor(local.value / 2),
      source: { ...local.source, rule: `local_attention ${local.value} ÷ 2` },
    }
  );
}

/** ModernBERT as a decoder: a full layer, then local ones. */
export const modernbertDecoder: Family = {
  id: 'modernbert-decoder',
  modelTypes: ['modernbert-decoder'],
  cite: 'transformers 5.18 models/modernbert_decoder/configuration_modernbert_decoder.py',
  read: (reader) => {
    const period = reader.integer(['global_attn_every_n_layers'])?.value ?? 3;
    return {
      layers: decoderLayers(reader, {
        window,
        headDimKeys: [],
        kvKeys: [],
        kindAt: (index) => (index % period === 0 ? 'full' : 'sliding'),
      }),
    };
  },
};
