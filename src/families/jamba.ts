/** Jamba: one attention layer in each period of `attn_layer_period`, at `attn_layer_offset`; Mamba 1 in the others. */

import type { ConfigReader } from '../config/reader';
import { wide } from './counted/experts';
import type { ArrangementsFacet, CountsFacet, GgufFacet, LayersFacet } from './facets';
import { decoderLayers } from './kit/decoder';
import type { GgufConfig, GgufSource } from './kit/ggufMetadata';
import { adaptHybrid, HYBRID_MAMBA_NAMES, ggufKvHeads, ggufLayers } from './kit/ggufStates';
import { HYBRID_MAMBA_KEYS, mambaState, recurrentDraft } from './kit/states';

export const layers = (): readonly LayersFacet[] => [
  {
    id: 'jamba',
    modelTypes: ['jamba', 'plamo2-gguf'],
    cite: 'transformers 5.18 models/jamba/configuration_jamba.py layers_block_type',
    llamacpp: { keepsDraftStates: false },
    read: (reader) => {
      reader.consult(['layers_block_type', 'layer_types']);
      const period = reader.computed(['attn_layer_period'])?.value ?? 8;
      const offset = reader.computed(['attn_layer_offset'], 0)?.value ?? 4;
      return {
        layers: decoderLayers(reader, {
          layerTypes: false,
          headDimKeys: ['head_dim'],
          kindAt: (index) => (index % period === offset ? 'full' : 'mamba'),
          patternKey: 'attn_layer_period',
          makers: { mamba: () => recurrentDraft(mambaState(reader, HYBRID_MAMBA_KEYS)) },
        }),
      };
    },
  },
];

export const gguf = (): readonly GgufFacet[] => [
  {
    architecture: 'jamba',
    modelType: 'jamba',
    adapt: adaptPeriod,
  },
  // Mamba 2 without groups: its state is as wide as Jamba's (llama.cpp v0.5.0 conversion/plamo.py Plamo2Model, group count 0).
  { architecture: 'plamo2', modelType: 'plamo2-gguf', adapt: adaptPeriod },
];

/** The period and the offset of attention are read off the layers that have KV heads. */
function adaptPeriod(config: GgufConfig, source: GgufSource): void {
  adaptHybrid(HYBRID_MAMBA_NAMES)(config, source);
  const kvHeads = ggufLayers(source, ggufKvHeads(source));
  if (kvHeads === undefined) return;
  const [first, second] = kvHeads.flatMap((heads, index) => (heads > 0 ? [index] : []));
  if (first === undefined) return;
  config['attn_layer_offset'] = first;
  config['attn_layer_period'] = second === undefined ? kvHeads.length : second - first;
}

export const counts = (): readonly CountsFacet[] => [
  { modelTypes: ['jamba'], mixerParts: { stepNorms: true }, experts: { ...wide, sparse: sparseLayers } },
];

/** T:jamba: experts in one layer of each period. */
function sparseLayers(config: ConfigReader): (layer: number) => boolean {
  const [period, offset] = [config.size('expert_layer_period', 2), config.size('expert_layer_offset', 1)];
  return config.size('num_experts', 16) > 1 ? (layer): boolean => layer % period === offset : (): boolean => false;
}

export const arrangements = (): readonly ArrangementsFacet[] => [
  {
    modelTypes: ['jamba'],
    cite: 'transformers 5.18 modeling_jamba.py: attention without positions',
    positions: 'none',
    router: () => ({ scoring: 'softmax' }),
  },
];
