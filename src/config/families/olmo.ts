import type { Sourced } from '../../model/spec';
import type { Family } from '../family';
import { HEAD_KEYS, HIDDEN_KEYS, missing } from '../heads';
import { decoderLayers, slidingWindow } from '../layers';
import type { ConfigReader } from '../reader';
import { deltaNet, recurrentDraft, type SourcedState } from '../states';

/** OLMo 3: three sliding layers, then a full one. */
export const olmo3: Family = {
  id: 'olmo3',
  modelTypes: ['olmo3'],
  cite: 'transformers 5.18 models/olmo3/configuration_olmo3.py: sliding where (i + 1) % 4, window 4096 where absent',
  read: (reader) => ({
    layers: decoderLayers(reader, {
      window: slidingWindow,
      kindAt: (index) => ((index + 1) % 4 === 0 ? 'full' : 'sliding'),
    }),
  }),
};

/** Delta-net widths that the class derives from the heads where they are absent. */
function olmoState(reader: ConfigReader): SourcedState | null {
  const heads = reader.integer(HEAD_KEYS);
  const hidden = reader.integer(HIDDEN_KEYS);
  const conv = reader.integer(['linear_conv_kernel_dim']);
  if (!heads || !hidden || !conv) {
    missing(reader, 'linear_conv_kernel_dim', 'linear_conv_kernel_dim');
    return null;
  }
  const or = (keys: readonly string[], value: number, rule: string): Sourced<number> =>
    reader.integer(keys) ?? { value, source: { ...heads.source, rule } };
  const keyHeads = or(['linear_num_key_heads'], heads.value, 'as many as attention heads');
  const valueHeads = or(['linear_num_value_heads'], heads.value, 'as many as attention heads');
  const keyDim = or(
    ['linear_key_head_dim'],
    Math.trunc((0.75 * hidden.value) / keyHeads.value),
    '¾ hidden size ÷ key heads',
  );
  const valueDim = or(['linear_value_head_dim'], 2 * keyDim.value, 'twice the key width');
  return deltaNet(reader, { keyHeads, valueHeads, keyDim, valueDim, conv });
}

/** OLMo hybrid: three gated delta nets, then full attention. */
export const olmoHybrid: Family = {
  id: 'olmo-hybrid',
  modelTypes: ['olmo_hybrid'],
  cite: 'transformers 5.18 models/olmo_hybrid/configuration_olmo_hybrid.py __post_init__',
  read: (reader) => ({
    layers: decoderLayers(reader, {
      kindAt: (index, count) => (index % 4 === 3 || (count < 4 && index === count - 1) ? 'full' : 'linear'),
      makers: { linear: () => recurrentDraft(olmoState(reader)) },
    }),
  }),
};
