/** Values that are no numbers. What is computed from them means nothing, though it may look like a result. */

import { formatInteger } from '../model/units';
import { WeightsError } from './weightsError';

/** False where a value is NaN or infinite. */
export function allFinite(data: Float32Array): boolean {
  // A finite number less itself is 0, anything else is NaN, which a sum keeps.
  let sum = 0;
  for (const value of data) sum += value - value;
  return sum === 0;
}

/** The error about a tensor whose values are not all finite; null where they are. */
export function notFinite(file: string, tensor: string, data: Float32Array): WeightsError | null {
  if (allFinite(data)) return null;
  let [nan, infinite] = [0, 0];
  for (const value of data) {
    if (Number.isNaN(value)) nan++;
    else if (!Number.isFinite(value)) infinite++;
  }
  const found = [
    ...(nan > 0 ? [`${formatInteger(nan)} NaN`] : []),
    ...(infinite > 0 ? [`${formatInteger(infinite)} infinite`] : []),
  ];
  return new WeightsError({
    file,
    tensor,
    problem: `of the ${formatInteger(data.length)} values read, ${found.join(' and ')}: results computed from them would mean nothing.`,
    fix: 'Download the file again, or fix it where it was made.',
  });
}
