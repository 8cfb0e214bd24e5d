/**
 * What a roofline says of the lectures' "MLA generates more than 6 times faster": a decode step of DeepSeek-V3's attention
 * as MHA and as absorbed MLA, on a GPU from the table and on this machine at the rates that were measured.
 */

import type { AttentionLayerSpec } from '../../attention/spec/layerSpec';
import { elementCount } from '../../attention/onnx/graph';
import { layerWeights } from '../../attention/spec/weightNames';
import { deviceOf, type Device } from '../../serving/hardware';
import { type ParameterCount } from '../../serving/parameters/count';
import { PARTS } from '../../families/counted/tally';
import { decodeRoofline, type Limit, type Roofline } from '../../serving/roofline';
import { oneLayer } from '../plannedCache';
import { DEEPSEEK_V3, DEEPSEEK_V3_MHA } from './cases';

export interface Prediction {
  readonly device: string;
  readonly precision: 'bf16' | 'float32';
  /** `core`: scores, softmax and sum over the cache; `layer`: with the projections and their weights. */
  readonly scope: 'core' | 'layer';
  /** Sequences of a step, each of `tokens` cached tokens. */
  readonly batch: number;
  readonly tokens: number;
  readonly mhaMs: number;
  readonly mlaMs: number;
  readonly mhaLimit: Limit;
  readonly mlaLimit: Limit;
  /** MHA's time over MLA's. */
  readonly ratio: number;
}

/** The lectures' figure. */
const CLAIM = 6;
const GPU = 'h100-sxm';
const MOST_BATCH = 1024;

/** Rates of this machine: the best that any peer of the run reached, in FLOP/s and bytes/s. */
export interface MeasuredRates {
  readonly flopsPerS: number;
  readonly bytesPerS: number;
}

/** On the GPU: the core, the layer for one sequence, and the smallest batch at which the layer reaches the claim. */
export function predictions(tokens: number, rates: MeasuredRates | null): readonly Prediction[] {
  const gpu = deviceOf(GPU);
  const list: Prediction[] = [];
  if (gpu) {
    const at = (scope: Prediction['scope'], batch: number): Prediction | null =>
      predict(gpu, 'bf16', scope, batch, tokens);
    let batch = 1;
    while (batch < MOST_BATCH && (at('layer', batch)?.ratio ?? CLAIM) < CLAIM) batch++;
    list.push(
      ...[at('core', 1), at('layer', 1), ...(batch > 1 ? [at('layer', batch)] : [])].filter((one) => one !== null),
    );
  }
  const here = rates && predict(thisMachine(rates), 'float32', 'core', 1, tokens);
  return here ? [...list, here] : list;
}

export function predictionText({
  device,
  precision,
  scope,
  batch,
  tokens,
  mhaMs,
  mlaMs,
  mhaLimit,
  mlaLimit,
  ratio,
}: Prediction): string {
  const what = scope === 'core' ? 'attention core' : 'attention layer with its projections';
  const time = (ms: number): string => (ms < 0.1 ? `${(ms * 1e3).toPrecision(3)} µs` : `${ms.toPrecision(3)} ms`);
  return `roofline, ${device}, ${precision}, ${what} of DeepSeek-V3, ${batch} × ${tokens} tokens: MHA ${time(mhaMs)} (${mhaLimit}), MLA absorbed ${time(mlaMs)} (${mlaLimit}), ${ratio.toPrecision(3)} times`;
}

function predict(
  device: Device,
  precision: Prediction['precision'],
  scope: Prediction['scope'],
  batch: number,
  tokens: number,
): Prediction | null {
  const step = (layer: AttentionLayerSpec): Roofline | null =>
    attentionStep(device, precision, layer, scope, batch, tokens);
  const [mha, mla] = [step(DEEPSEEK_V3_MHA), step(DEEPSEEK_V3)];
  if (!mha || !mla) return null;
  return {
    device: device.name,
    precision,
    scope,
    batch,
    tokens,
    mhaMs: mha.timeS * 1e3,
    mlaMs: mla.timeS * 1e3,
    mhaLimit: mha.limitedBy,
    mlaLimit: mla.limitedBy,
    ratio: mha.timeS / mla.timeS,
  };
}

function attentionStep(
  device: Device,
  precision: Prediction['precision'],
  layer: AttentionLayerSpec,
  scope: Prediction['scope'],
  batch: number,
  tokens: number,
): Roofline | null {
  const parameters =
    scope === 'core' ? 0 : layerWeights(layer).reduce((sum, { shape }) => sum + elementCount(shape), 0);
  return decodeRoofline(
    {
      spec: oneLayer(layer.attention),
      count: attentionCount(parameters),
      weights: {
        bytes: parameters * (precision === 'bf16' ? 2 : 4),
        expertBytes: 0,
        exact: true,
        rule: 'the attention alone',
      },
      kvDtype: precision === 'bf16' ? 'bf16' : 'f32',
      device,
      devices: 1,
      cacheCopies: 1,
      format: 'bf16',
    },
    batch,
    tokens,
  );
}

function attentionCount(parameters: number): ParameterCount {
  const none = Object.fromEntries(PARTS.map((part) => [part, 0])) as Record<(typeof PARTS)[number], number>;
  return {
    ...none,
    attention: parameters,
    total: parameters,
    activePerToken: parameters,
    lookup: 0,
    encoder: 0,
    expertGroups: [],
    notes: [],
    exact: true,
    notCounted: [],
  };
}

/** The roofline knows no float32: the measured rate stands where a device has its 16-bit one. */
function thisMachine({ flopsPerS, bytesPerS }: MeasuredRates): Device {
  return {
    id: 'this-machine',
    name: 'this machine at the best rates of the run',
    vendor: '',
    memoryBytes: 0,
    memoryBasis: 'driver',
    bandwidthBytesPerS: bytesPerS,
    denseFlops: { bf16: flopsPerS },
    source: 'measured',
  };
}
