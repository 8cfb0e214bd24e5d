/** Runs a block's programs on onnxruntime, experts included. */

import type { BlockSpec } from '../../../../src/attention/spec/blockSpec';
import { BLOCK_OUTPUT, buildBlockPrograms } from '../../../../src/attention/onnx/buildBlock';
import { elementCount, type Tensor } from '../../../../src/attention/onnx/graph';
import { runMixture } from '../../../../src/attention/step/mixture';
import type { ProgramOptions } from '../../../../src/attention/onnx/program';
import { stepInputs } from '../../../../src/attention/step/stepInputs';
import type { WeightMap } from '../../../../src/attention/spec/weightNames';
import { type Results, runProgram } from './session';

export interface BlockRun {
  readonly hidden: Tensor;
  /** All outputs of the main program. */
  readonly results: Results;
}

export async function runBlock(
  spec: BlockSpec,
  weights: WeightMap,
  experts: (expert: number) => WeightMap,
  hidden: Tensor,
  past: ReadonlyMap<string, Tensor>,
  pastTokens: number,
  options: ProgramOptions,
): Promise<BlockRun> {
  const { main, expert, tail } = buildBlockPrograms(spec, options);
  const newTokens = hidden.shape[1] ?? 0;
  const feeds = new Map<string, Tensor>([
    ['hidden', hidden],
    ...stepInputs(spec.layer, main, { newTokens, pastTokens }),
    ...past,
  ]);
  const results = await runProgram(main, weights, feeds);
  if (!expert || !tail || spec.feedForward.kind !== 'moe') return { hidden: output(results, BLOCK_OUTPUT), results };
  const data = (name: string): Float32Array => floatsOf(output(results, name));
  const correction = weights.get('router.correction');
  const mixed = await runMixture(
    spec.feedForward,
    {
      rows: data('feedForwardInput'),
      logits: data('routerLogits'),
      ...(correction && { correction }),
      ...(spec.feedForward.shared && { shared: data('shared') }),
    },
    async (index, rows, count) => {
      const input: Tensor = { type: 'float32', shape: [count, rows.length / count], data: rows };
      return floatsOf(output(await runProgram(expert, experts(index), new Map([['rows', input]])), 'result'));
    },
  );
  const mixture: Tensor = { type: 'float32', shape: hidden.shape, data: mixed };
  const finished = await runProgram(
    tail,
    weights,
    new Map([
      ['mixture', mixture],
      ['residual', output(results, 'residual')],
    ]),
  );
  return { hidden: output(finished, BLOCK_OUTPUT), results };
}

export function output(results: Results, name: string): Tensor {
  const tensor = results.get(name);
  if (!tensor) throw new Error(`No output ${name}.`);
  if (tensor.data.length !== elementCount(tensor.shape)) throw new Error(`Output ${name} is not tight.`);
  return tensor;
}

function floatsOf(tensor: Tensor): Float32Array {
  if (!(tensor.data instanceof Float32Array)) throw new Error('Not a float tensor.');
  return tensor.data;
}
