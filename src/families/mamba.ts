/** Mamba 1 and 2 in every layer. */

import type { ConfigReader } from '../config/reader';
import type { Sourced } from '../model/spec';
import type { CountsFacet, FamilyReading, GgufFacet, LayersFacet } from './facets';
import { repeat, unknownDraft, withLayerSource } from './kit/decoder';
import { adaptState, MAMBA_NAMES } from './kit/ggufStates';
import { layerCount, missing } from './kit/headLayout';
import { expandedWidth } from './kit/mambaHybrid';
import { MAMBA_KEYS, mamba2State, mamba2StateOf, mambaState, recurrentDraft, type SourcedState } from './kit/states';

export const layers = (): readonly LayersFacet[] => [
  {
    id: 'mamba',
    modelTypes: ['mamba', 'falcon_mamba'],
    cite: 'transformers 5.18 models/mamba/modeling_mamba.py; mistral-inference mamba.py: MambaConfig with layer Mamba2 and ngroups',
    llamacpp: { keepsDraftStates: false },
    // Mistral's params.json of a Mamba 2 model calls itself "mamba" too, and leaves its widths to code.
    read: (reader) =>
      reader.has('dim')
        ? everyLayer(reader, paramsState(reader), ['n_layers'])
        : everyLayer(reader, mambaState(reader, MAMBA_KEYS)),
  },
  {
    id: 'mamba2',
    modelTypes: ['mamba2'],
    cite: 'transformers 5.18 models/mamba2/modeling_mamba2.py',
    llamacpp: { keepsDraftStates: false },
    read: (reader) =>
      everyLayer(
        reader,
        mamba2State(reader, {
          heads: ['num_heads'],
          headDim: ['head_dim'],
          groups: ['n_groups'],
          state: ['state_size'],
          conv: ['conv_kernel'],
          inner: (from) => expandedWidth(from, ['expand']),
        }),
      ),
  },
];

/** mistral-inference mamba.py gives `dim` and `n_groups` to mamba_ssm's Mamba2: 128 states, a kernel of 4, heads of 64. */
function paramsState(reader: ConfigReader): SourcedState | null {
  const width = reader.integer(['dim']);
  const groups = reader.integer(['n_groups']);
  if (!width || !groups || (2 * width.value) % 64 !== 0) {
    missing(reader, 'dim and n_groups', 'n_groups');
    return null;
  }
  const rule = 'as in mamba_ssm’s Mamba2';
  const fixed = (value: number): Sourced<number> => ({ value, source: reader.derived(`${value}, ${rule}`) });
  const heads = { value: (2 * width.value) / 64, source: { ...width.source, rule: `2 × ${width.value} ÷ 64` } };
  return mamba2StateOf(reader, { heads, headDim: fixed(64), groups, state: fixed(128), conv: fixed(4) });
}

function everyLayer(
  reader: ConfigReader,
  state: SourcedState | null,
  keys: readonly string[] = ['num_hidden_layers', 'n_layer', 'num_layers'],
): FamilyReading {
  reader.consult(['expand', 'time_step_rank', 'intermediate_size', 'num_heads', 'head_dim']);
  const count = layerCount(reader, keys);
  if (!count) missing(reader, 'the number of layers', 'num_hidden_layers');
  const draft = recurrentDraft(state);
  return { layers: count ? withLayerSource(repeat(draft ?? unknownDraft('mamba'), count.value), count.source) : [] };
}

export const gguf = (): readonly GgufFacet[] => [
  { architecture: 'mamba', modelType: 'mamba', adapt: (config, source) => adaptState(config, source, MAMBA_NAMES) },
  {
    architecture: 'mamba2',
    modelType: 'mamba2',
    adapt: (config, source) =>
      adaptState(config, source, {
        conv: 'conv_kernel',
        state: 'state_size',
        expand: 'expand',
        groups: 'n_groups',
        heads: 'num_heads',
        headDim: 'head_dim',
      }),
  },
];

export const counts = (): readonly CountsFacet[] => [
  { modelTypes: ['mamba', 'falcon_mamba', 'mamba2'], norms: 1, mlpAt: () => false },
];
