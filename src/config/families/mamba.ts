import type { Family } from '../family';
import { headLayout, HIDDEN_KEYS, layerCount, missing } from '../heads';
import { decoderLayers, fullDraft, repeat, unknownDraft, withLayerSource } from '../layers';
import type { ConfigReader } from '../reader';
import { MAMBA_KEYS, type Mamba2Keys, mamba2State, mambaState, recurrentDraft, type SourcedState } from '../states';

/** Mamba 1 in every layer. */
export const mamba: Family = {
  id: 'mamba',
  modelTypes: ['mamba', 'falcon_mamba'],
  cite: 'transformers 5.18 models/mamba/modeling_mamba.py',
  // Mistral's params.json of a Mamba 2 model calls itself "mamba" too, and leaves its widths to code.
  read: (reader) => everyLayer(reader, reader.has('dim') ? null : mambaState(reader, MAMBA_KEYS)),
};

/** Inner width as Mamba 2 computes it: expand × hidden. */
function expanded(reader: ConfigReader, expandKeys: readonly string[]): number | null {
  const hidden = reader.integer(HIDDEN_KEYS);
  const expand = reader.number(expandKeys);
  return hidden && expand ? Math.trunc(expand.value * hidden.value) : null;
}

/** Mamba 2 in every layer. */
export const mamba2: Family = {
  id: 'mamba2',
  modelTypes: ['mamba2'],
  cite: 'transformers 5.18 models/mamba2/modeling_mamba2.py',
  read: (reader) =>
    everyLayer(
      reader,
      mamba2State(reader, {
        heads: ['num_heads'],
        headDim: ['head_dim'],
        groups: ['n_groups'],
        state: ['state_size'],
        conv: ['conv_kernel'],
        inner: (from) => expanded(from, ['expand']),
      }),
    ),
};

function everyLayer(reader: ConfigReader, state: SourcedState | null): ReturnType<Family['read']> {
  reader.consult(['expand', 'time_step_rank', 'intermediate_size', 'num_heads', 'head_dim']);
  const count = layerCount(reader, ['num_hidden_layers', 'n_layer', 'num_layers']);
  if (!count) missing(reader, 'the number of layers', 'num_hidden_layers');
  const draft = recurrentDraft(state);
  return { layers: count ? withLayerSource(repeat(draft ?? unknownDraft('mamba'), count.value), count.source) : [] };
}

const HYBRID_KEYS: Mamba2Keys = {
  heads: ['mamba_n_heads'],
  headDim: ['mamba_d_head'],
  groups: ['mamba_n_groups'],
  state: ['mamba_d_state'],
  conv: ['mamba_d_conv'],
};

/** Mamba 2 and attention: in turns (Bamba, Granite 4), or both in every layer (Falcon-H1). */
export const mamba2Hybrid: Family = {
  id: 'mamba2-hybrid',
  modelTypes: ['bamba', 'granitemoehybrid', 'falcon_h1'],
  cite: 'transformers 5.18 models/bamba, granitemoehybrid (layer_types), falcon_h1 (every layer is both)',
  read: (reader, modelType) => {
    reader.consult(['mamba_expand', 'mamba_d_ssm', 'attn_layer_indices', 'mamba_use_mlp']);
    const state = mamba2State(reader, {
      ...HYBRID_KEYS,
      inner: (from) => {
        const given = modelType === 'falcon_h1' ? from.integer(['mamba_d_ssm']) : null;
        return given ? given.value : expanded(from, ['mamba_expand']);
      },
    });
    const mixer = (): ReturnType<typeof recurrentDraft> => recurrentDraft(state);
    const attention = new Set(modelType === 'bamba' ? (reader.list(['attn_layer_indices'])?.value ?? []) : []);
    return {
      layers: decoderLayers(reader, {
        layerTypes: modelType === 'granitemoehybrid',
        kindAt: (index) => (modelType === 'falcon_h1' ? 'hybrid' : attention.has(index) ? 'full' : 'mamba'),
        ...(modelType === 'bamba' ? { patternKey: 'attn_layer_indices' } : {}),
        makers: {
          mamba: mixer,
          linear: mixer,
          hybrid: () => {
            const heads = headLayout(reader);
            return (
              heads &&
              state && {
                ...fullDraft(heads),
                sources: { ...heads.sources, ...state.sources },
                parallelState: state.state,
              }
            );
          },
        },
      }),
    };
  },
};
