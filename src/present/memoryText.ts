/** How a part of a device's memory was found, in words. */

import { formatSize, formatInteger } from '../model/units';
import type { MemoryPart } from '../serving/memory';
import type { WeightBytes } from '../serving/weights';
import { chosenText } from './verdictText';

/** "fp8, chosen; the file says bf16: 401 parameters …"; "estimated: …". */
export function weightsHow(weights: WeightBytes): string {
  const { chosen, exact, rule } = weights;
  return chosen ? `${chosenText(chosen)}: ${rule}` : `${exact ? '' : 'estimated: '}${rule}`;
}

export function howText({ basis }: MemoryPart, weights: WeightBytes): string {
  switch (basis.of) {
    case 'weights':
      return weightsHow(weights);
    case 'profile': {
      const { tokens, forwardBytes, rows, vocabulary, samplerBytes, workspaceBytes } = basis;
      const sampled = `${formatInteger(rows)} × ${formatInteger(vocabulary)} logits sampled (${whole(samplerBytes.low)} to ${whole(samplerBytes.high)})`;
      const experts = workspaceBytes > 0 ? `; up to ${whole(workspaceBytes)} of workspace for experts` : '';
      return `the profiling run: ${formatInteger(tokens)} tokens through the layers (${whole(forwardBytes)} or more), then ${sampled}${experts}`;
    }
    case 'prompt':
      return `a prompt of ${formatInteger(basis.tokens)} tokens at once`;
    case 'microBatch':
      return `the compute buffer of ${formatInteger(basis.tokens)} tokens`;
    case 'libraries':
      return `libraries and kernels${basis.ranks ? ', communication buffers' : ''}${basis.unified ? ', and what other programs use of the same memory' : ''}`;
    case 'outside':
      return 'outside the share that the engine uses: not counted';
    case 'nothing':
      return 'none';
    case 'eager':
      return 'none: enforce-eager';
    case 'graphs':
      return 'CUDA graphs, which vLLM has counted since 0.21 in some of its model runners';
    case 'estimate':
      return 'estimated';
    case 'given':
      return 'as given';
  }
}

function whole(bytes: number): string {
  return formatSize(Math.round(bytes));
}
