/** The attention temperature: how queries are scaled up with position. */

import type { TemperatureSpec } from '../spec/layerSpec';

/** 1 + scale · ln(1 + floor((position + offset) / interval)) of every position. */
export function queryFactors(temperature: TemperatureSpec, positions: ArrayLike<number>): Float64Array {
  const { scale, interval, offset } = temperature;
  return Float64Array.from(
    positions,
    (position) => 1 + scale * Math.log(1 + Math.floor((position + offset) / interval)),
  );
}
