/**
 * What a roofline says of the lectures' "MLA generates more than 6 times faster": a decode step of DeepSeek-V3's attention
 * as MHA and as absorbed MLA, on a GPU from the table and on this machine at the rates that were measured.
 */

import type { AttentionLayerSpec } from '../../attention/spec/layerSpec';
import { layerWeights, weightCount } from '../../attention/spec/weightNames';
import { cacheReadBytes, decodeAttentionFlops } from '../../serving/attentionWork';
import { denseFlops } from '../../serving/device';
import { deviceOf } from '../../serving/hardware';
import { type Limit, type Rates, stepTimes } from '../../serving/roofline';
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

/** One layer as both designs. */
export interface Designs {
  readonly mha: AttentionLayerSpec;
  readonly mla: AttentionLayerSpec;
}

const DEEPSEEK: Designs = { mha: DEEPSEEK_V3_MHA, mla: DEEPSEEK_V3 };

/**
 * On the GPU: the core, the layer for one sequence, and the smallest batch at which the layer reaches the claim (the largest that is
 * tried, where none does).
 * @param measured Rates of this machine: the best that any peer of the run reached.
 */
export function predictions(
  tokens: number,
  measured: Rates | null,
  designs: Designs = DEEPSEEK,
): readonly Prediction[] {
  const gpu = deviceOf(GPU);
  const peak = gpu && denseFlops(gpu, 'bf16');
  const list: Prediction[] = [];
  if (gpu && peak) {
    const rates = { flopsPerS: peak.flopsPerS, bytesPerS: gpu.bandwidthBytesPerS };
    const at = (scope: Prediction['scope'], batch: number): Prediction =>
      predict(designs, gpu.name, rates, { precision: 'bf16', scope, batch, tokens });
    let batch = 1;
    while (batch < MOST_BATCH && at('layer', batch).ratio < CLAIM) batch++;
    list.push(at('core', 1), at('layer', 1), ...(batch > 1 ? [at('layer', batch)] : []));
  }
  if (measured) {
    const here = { precision: 'float32', scope: 'core', batch: 1, tokens } as const;
    list.push(predict(designs, 'this machine at the highest rates measured in this run', measured, here));
  }
  return list;
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

type Case = Pick<Prediction, 'precision' | 'scope' | 'batch' | 'tokens'>;

function predict(designs: Designs, device: string, rates: Rates, of: Case): Prediction {
  const [mha, mla] = [attentionStep(designs.mha, rates, of), attentionStep(designs.mla, rates, of)];
  return {
    device,
    ...of,
    mhaMs: mha.timeS * 1e3,
    mlaMs: mla.timeS * 1e3,
    mhaLimit: mha.limitedBy,
    mlaLimit: mla.limitedBy,
    ratio: mha.timeS / mla.timeS,
  };
}

function attentionStep(
  layer: AttentionLayerSpec,
  rates: Rates,
  { precision, scope, batch, tokens }: Case,
): ReturnType<typeof stepTimes> {
  const weights = scope === 'core' ? [] : layerWeights(layer);
  const parameters = weights.reduce((sum, weight) => sum + weightCount(weight), 0);
  const spec = oneLayer(layer.attention);
  const [elementBytes, kvDtype] = precision === 'bf16' ? ([2, 'bf16'] as const) : ([4, 'f32'] as const);
  const bytes = parameters * elementBytes + batch * cacheReadBytes(spec, kvDtype, tokens);
  return stepTimes(bytes, batch * (2 * parameters + decodeAttentionFlops(spec, tokens)), rates);
}
