/** GGUF files whose settings are not known are refused, and not run otherwise. */

import { describe, expect, it } from 'vitest';
import { openModel } from '../../../src/weights/openModel';
import { ggufValue, temporaryFolder } from './files';
import { writeTiny } from './forwardComparison';
import { TINY_MODELS, type TinyModel } from './tinyModels';

const { u32, u32s, f32, text } = ggufValue;

/** A tiny model with other metadata or without some tensors. */
function changed(name: string, metadata: TinyModel['metadata'], tensors: TinyModel['tensors'] = {}): string {
  const model = TINY_MODELS.find((one) => one.name === name);
  if (model === undefined) throw new Error(`no ${name}`);
  const other = { ...model, metadata: { ...model.metadata, ...metadata }, tensors: { ...model.tensors, ...tensors } };
  return writeTiny(temporaryFolder(), other, 'F32').path;
}

describe('a GGUF file is refused', () => {
  it.each([
    ['whose gate is another', 'dots1', { 'dots1.expert_gating_func': u32(4) }, {}, /expert_gating_func 4 is not supp/],
    [
      'whose sections leave pairs to another position, when RoPE is scaled besides',
      'qwen2vl',
      {
        'qwen2vl.rope.dimension_sections': u32s([8, 12, 4, 8]),
        'qwen2vl.rope.scaling.type': text('linear'),
        'qwen2vl.rope.scaling.factor': f32(2),
      },
      {},
      /positions in sections is not supported/,
    ],
    [
      'with a tensor that its architecture has not',
      'llama',
      {},
      { 'blk.1.attn_q_norm.weight': { dims: [64], values: 'norm' } },
      /has no such tensor/,
    ],
    [
      'with divisors beside YaRN',
      'llama, Llama 3 RoPE, biases, tied',
      { 'llama.rope.scaling.type': text('yarn'), 'llama.rope.scaling.factor': f32(4) },
      {},
      /rope_freqs together with RoPE scaling yarn is not supported/,
    ],
  ] as const)('%s', async (_title, name, metadata, tensors, message) => {
    await expect(openModel(changed(name, metadata, tensors))).rejects.toThrow(message);
  });
});
