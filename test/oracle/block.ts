/** The float64 reference of a transformer block. */

import { activate, sigmoid } from './activations';
import type { BlockNorms, BlockSpec, DenseFeedForward, MoeFeedForward } from '../../src/attention/spec/blockSpec';
import type { CaptureName } from '../../src/attention/onnx/program';
import { routeTokens } from '../../src/attention/step/routing';
import { NORM_NAMES, type WeightMap } from '../../src/attention/spec/weightNames';
import { forEachRow, type ReferenceCache, referenceLayer, type ReferenceOptions } from './layer';
import { plus, Weights } from './math';
import { Tensor64 } from './tensor64';

export interface ReferenceBlockRun {
  /** [B,T,hidden] */
  readonly hidden: Tensor64;
  readonly captures: Readonly<Partial<Record<CaptureName, Tensor64>>>;
  readonly cache: ReferenceCache;
}

/** `expertWeights` gives the weights of one expert; needed for mixtures only. */
export function referenceBlock(
  spec: BlockSpec,
  weightMap: WeightMap,
  input: Tensor64,
  past: ReferenceCache | null = null,
  options: ReferenceOptions & { readonly expertWeights?: (expert: number) => WeightMap } = {},
): ReferenceBlockRun {
  const layout = options.weightLayout ?? 'out-in';
  const weights = new Weights(weightMap, layout);
  const normed = (place: keyof BlockNorms, x: Tensor64): Tensor64 => {
    const norm = spec.norms[place];
    return norm ? rowsOf(x, (row) => weights.normalize(NORM_NAMES[place], norm, row)) : x;
  };
  const join = (base: Tensor64, branch: Tensor64): Tensor64 => combine(base, branch, spec.residualMultiplier);

  const attentionInput = normed('attention', input);
  const layer = referenceLayer(spec.layer, weightMap, attentionInput, past, options);
  const attended = join(
    spec.residualFrom === 'normed' ? attentionInput : input,
    normed('attentionOutput', layer.output),
  );
  const middle = normed('attentionResidual', attended);

  const parallel = spec.arrangement === 'parallel';
  const feedForwardInput = parallel
    ? spec.norms.feedForward
      ? normed('feedForward', input)
      : attentionInput
    : normed('feedForward', middle);
  const mlp = spec.feedForward;
  let routerLogits: Tensor64 | undefined;
  let fed: Tensor64;
  if (mlp.kind === 'moe') {
    routerLogits = rowsOf(feedForwardInput, (x) => weights.linear('router', x, mlp.router.experts, mlp.router.bias));
    fed = mixture(mlp, weights, feedForwardInput, routerLogits, (expert) => {
      if (!options.expertWeights) throw new Error('A mixture of experts needs the weights of its experts.');
      return new Weights(options.expertWeights(expert), layout);
    });
  } else {
    fed = rowsOf(feedForwardInput, (x) => feedForward(mlp, weights, x, options.activate));
  }
  const base = !parallel && spec.residualFrom === 'normed' ? feedForwardInput : middle;
  const summed = normed('feedForwardResidual', join(base, normed('feedForwardOutput', fed)));
  const hidden = rowsOf(summed, (row) => row.map((value) => value * (spec.outputMultiplier ?? 1)));
  return {
    hidden,
    captures: { ...layer.captures, attentionInput, feedForwardInput, ...(routerLogits && { routerLogits }), hidden },
    cache: layer.cache,
  };
}

function feedForward(
  spec: DenseFeedForward,
  weights: Weights,
  x: Float64Array,
  act: typeof activate = activate,
): Float64Array {
  const up = weights.linear('up', x, spec.width, spec.biasIn);
  let inner: Float64Array;
  if (spec.kind === 'plain') {
    inner = up.map((value) => act(spec.activation, value));
  } else {
    const gate = weights.linear('gate_proj', x, spec.width, spec.biasIn);
    const clamped = spec.clampedSwiglu;
    inner = clamped
      ? gate.map((value, i) => {
          const limitedGate = Math.min(value, clamped.limit);
          const limitedUp = Math.min(Math.max(up[i] ?? 0, -clamped.limit), clamped.limit);
          return limitedGate * sigmoid(clamped.alpha * limitedGate) * (limitedUp + 1);
        })
      : gate.map((value, i) => act(spec.activation, value) * (up[i] ?? 0));
    if (spec.innerNorm) inner = weights.normalize('inner_norm', spec.innerNorm, inner);
  }
  return weights.linear('down', inner, x.length, spec.biasOut);
}

function mixture(
  spec: MoeFeedForward,
  weights: Weights,
  input: Tensor64,
  logits: Tensor64,
  expertWeights: (expert: number) => Weights,
): Tensor64 {
  const correction = spec.router.correctionBias ? weights.get('router.correction') : undefined;
  const routing = routeTokens(spec.router, logits.data, correction);
  let token = 0;
  return rowsOf(input, (x) => {
    let result: Float64Array = new Float64Array(x.length);
    for (let k = token * routing.topK; k < (token + 1) * routing.topK; k++) {
      const [expert, weight] = [routing.experts[k] ?? 0, routing.weights[k] ?? 0];
      const own = expertWeights(expert);
      result =
        spec.weighting === 'input'
          ? plus(
              result,
              feedForward(
                spec.expert,
                own,
                x.map((value) => value * weight),
              ),
            )
          : plus(result, feedForward(spec.expert, own, x), weight);
    }
    token++;
    if (spec.shared) {
      const gate = spec.shared.gate ? sigmoid(weights.linear('shared_gate', x, 1, false)[0] ?? 0) : 1;
      result = plus(result, feedForward(spec.shared.expert, weights.under('shared.'), x), gate);
    }
    return result;
  });
}

function rowsOf(x: Tensor64, change: (row: Float64Array) => Float64Array): Tensor64 {
  const rows: Float64Array[] = [];
  forEachRow(x, (_, row) => rows.push(change(row)));
  const width = rows[0]?.length ?? 0;
  const result = new Tensor64([...x.shape.slice(0, -1), width]);
  rows.forEach((row, i) => {
    result.data.set(row, i * width);
  });
  return result;
}

function combine(base: Tensor64, branch: Tensor64, factor: number): Tensor64 {
  return new Tensor64(base.shape, plus(base.data, branch.data, factor));
}
