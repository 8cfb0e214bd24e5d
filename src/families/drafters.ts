/** Models that draft tokens for another: what of them is cached beside that model. */

import type { ConfigReader } from '../config/reader';
import { encoderOf } from './encoders';
import type { FamilyReading, LayerDraft, LayersFacet } from './facets';
import { NO_ATTENTION, unknownDraft, withSources } from './kit/decoder';

export const layers = (): readonly LayersFacet[] => [
  {
    id: 'heads-on-top',
    modelTypes: ['medusa', 'mlp_speculator'],
    cite: 'vLLM models/medusa.py, transformers_utils/configs/mlp_speculator.py: linear layers on the last hidden state',
    read: (reader) => encoderOf(reader, 'a drafter without attention: keeps nothing'),
  },
];

/** Classes with layers of their own, which the file counts: EAGLE, DFlash, DSpark. */
const OWN_LAYERS = /^P?[Ee]agle3?(?=[A-Z])|Eagle3?$|DFlash|DSpark/;
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
  const own = 'a drafter: keeps K and V of its own layers, in addition to the model that it drafts for';
  const counted = OWN_LAYERS.test(architecture);
  if (counted) reader.log.note(`${architecture}: ${own}`, false);
  if (counted || !PREDICTION_LAYERS.test(architecture)) return reading;
  const shares = SHARES.test(architecture);
  const target = 'a drafter: reads the cache of the model that it drafts for, keeps nothing';
  reader.log.note(`${architecture}: ${shares ? target : `${own}; none of the layers in the file belong to it`}`, false);
  const layer = shares ? NO_ATTENTION : predictionLayer(reading.layers, WINDOWED.test(architecture));
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

/** Prediction layers that look at the target's keys (vLLM models/gemma4_mtp.py). */
const SHARES = /^Gemma4/;
/** Prediction layers with the windows of the model's windowed layers (vLLM models/mimo_v2_mtp.py: swa_head_dim and its like). */
const WINDOWED = /^MiMoV2/;

/** As the others where they are of one kind; full attention beside recurrent ones (Qwen3-Next, Kimi Linear). */
function predictionLayer(all: readonly LayerDraft[], windowed: boolean): LayerDraft {
  const keeps = ({ attention: { kind } }: LayerDraft): boolean =>
    windowed ? kind === 'sliding' : kind !== 'recurrent' && kind !== 'none';
  const kinds = [...new Set(all.filter(keeps))];
  const [only] = kinds;
  return only && kinds.length === 1 ? only : unknownDraft('a prediction layer of a model whose layers differ');
}
