/** Models that draft tokens for another: what of them is cached beside that model. */

import type { ConfigReader } from '../config/reader';
import { encoderOf } from './encoders';
import type { FamilyReading, LayerDraft, LayersFacet } from './facets';
import { unknownDraft, withSources } from './kit/decoder';

export const layers = (): readonly LayersFacet[] => [
  {
    id: 'heads-on-top',
    modelTypes: ['medusa', 'mlp_speculator'],
    cite: 'vLLM models/medusa.py, transformers_utils/configs/mlp_speculator.py: linear layers on the last hidden state',
    read: (reader) => encoderOf(reader, 'a drafter without attention: keeps nothing'),
  },
];

/** Classes with layers of their own, which the file counts: EAGLE, DFlash, DSpark. */
const OWN_LAYERS = /Eagle|DFlash|DSpark/;
/** Classes that have the prediction layers alone of the model whose file it is. */
const PREDICTION_LAYERS = /(?:NextN|MTP(?:Model)?)$/;

/** The layers of a drafter that a class makes of a file (vLLM and SGLang: `DeepSeekMTPModel`, `…ForCausalLMNextN`); else as read. */
export function asDrafter(
  reader: ConfigReader,
  architecture: string | null,
  reading: FamilyReading,
  draftLayers: number,
): FamilyReading {
  if (architecture === null) return reading;
  const own = 'a drafter: keeps K and V of its own layers, beside the model that it drafts for';
  if (OWN_LAYERS.test(architecture)) reader.log.note(`${architecture}: ${own}`, false);
  if (!PREDICTION_LAYERS.test(architecture)) return reading;
  reader.log.note(`${architecture}: ${own}; of the file's layers it has none`, false);
  const layer = predictionLayer(reading.layers);
  const rule = 'prediction layers of the model that the file describes';
  return {
    ...reading,
    layers: withSources(
      Array.from({ length: Math.max(1, draftLayers) }, () => layer),
      { kind: reader.derived(rule) },
    ),
    draftLayers: 0,
  };
}

/** As the others where they are of one kind; full attention beside recurrent ones (Qwen3-Next, Kimi Linear). */
function predictionLayer(all: readonly LayerDraft[]): LayerDraft {
  const kinds = [
    ...new Set(all.filter(({ attention }) => attention.kind !== 'recurrent' && attention.kind !== 'none')),
  ];
  const [only] = kinds;
  return only && kinds.length === 1 ? only : unknownDraft('a prediction layer of a model whose layers differ');
}
