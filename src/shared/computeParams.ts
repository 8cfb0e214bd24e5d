/** Validation of what the compute process is asked. */

import { CACHE_RULES, CAPTURES } from '../attention/program';
import type {
  ComputeMethods,
  DescribeLayerParams,
  DevicesParams,
  LayerOnnxParams,
  RunLayerParams,
} from './computeContract';
import { CONFIG_SOURCE } from './configSource';
import { ENGINE_IDS } from './devices';
import { HEADS_PARAMS } from './headsParams';
import { layerCheck } from './layerParams';
import type { MethodParams } from './rpc';
import { WEIGHTS_PARAMS } from './weightsContract';
import { array, boolean, type Check, integer, nullable, object, oneOf, optional, params, text } from './validate';

/** Beyond any run that fits in memory; keeps products of sizes exact. */
const MOST_TOKENS = 2 ** 24;

const runLayer: Check<RunLayerParams> = object({
  layer: layerCheck,
  engine: oneOf(...ENGINE_IDS),
  seed: integer(0, 2 ** 32 - 1),
  batch: integer(1, 4096),
  tokens: integer(1, MOST_TOKENS),
  steps: integer(0, 65536),
  captures: array(oneOf(...CAPTURES), CAPTURES.length),
  form: nullable(oneOf('expanded', 'absorbed')),
  rule: optional(oneOf(...CACHE_RULES)),
});

const devices: Check<DevicesParams> = object({ refresh: boolean });

const describeLayer: Check<DescribeLayerParams> = object({ ...CONFIG_SOURCE, layer: integer(0, 4096) });

const layerOnnx: Check<LayerOnnxParams> = object({
  layer: layerCheck,
  mode: oneOf('prefill', 'decode'),
  form: nullable(oneOf('expanded', 'absorbed')),
  seed: integer(0, 2 ** 32 - 1),
  name: text(200),
});

type Validators = { readonly [K in keyof ComputeMethods]: (value: unknown) => MethodParams<ComputeMethods, K> };

export const COMPUTE_PARAMS: Validators = {
  'compute/status': params(object({})),
  'compute/devices': params(devices),
  'compute/describeLayer': params(describeLayer),
  'compute/layerOnnx': params(layerOnnx),
  'compute/runLayer': params(runLayer),
  ...HEADS_PARAMS,
  ...WEIGHTS_PARAMS,
};
