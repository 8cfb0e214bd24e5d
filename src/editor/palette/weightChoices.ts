/** Types of weights as a list, each with what the weights of the config in sight would take. */

import { l10n } from 'vscode';
import { formatSize } from '../../model/units';
import { AS_FILED, WEIGHT_FORMATS, type WeightFormat } from '../../model/weightFormat';
import type { Reading } from '../../reading/read';
import { countParameters } from '../../serving/parameters/count';
import { scenarioWeights } from '../../serving/weightFormats';
import { fileWeightsText, type WeightBytes } from '../../serving/weights';
import type { Choice } from './pick';

export function weightsLabel(weights: WeightFormat | undefined): string {
  return weights ?? l10n.t('as the file says');
}

/** `stored`: of the files beside the config, where they were read. */
export function weightChoices(
  reading: Reading | null,
  stored: WeightBytes | null = null,
): readonly Choice<WeightFormat | typeof AS_FILED>[] {
  const count = reading && countParameters(reading);
  const size = (weights?: WeightFormat): string => {
    const found = reading && scenarioWeights(reading, weights ? { weights } : {}, stored, count);
    return found ? formatSize(found.bytes) : '';
  };
  return [
    {
      label: weightsLabel(undefined),
      description: [reading ? fileWeightsText(reading) : '', size()].filter((text) => text !== '').join(' · '),
      value: AS_FILED,
    },
    ...WEIGHT_FORMATS.map((weights) => ({ label: weights, description: size(weights), value: weights })),
  ];
}
