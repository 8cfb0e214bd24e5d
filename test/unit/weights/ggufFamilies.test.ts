/** Golden models as GGUF files, converted as llama.cpp does it: every capture of every layer, and the logits. */

import { describe, expect } from 'vitest';
import type { Tensor64 } from '../../oracle/tensor64';
import { openModel } from '../../../src/weights/openModel';
import { readGolden, relativeError } from '../golden';
import { casesOf, eachOrSkip, noCases } from '../support/cases';
import { goldenNamed, itWith } from '../support/reference';
import { ggufValue, temporaryFolder, write } from './files';
import { forward } from './forward';
import { type Conversion, convert } from './llamaCpp';

const { u32, f32 } = ggufValue;
const number = (value: unknown): number => (typeof value === 'number' ? value : Number.NaN);

/** By golden folder; those behind HEADLIGHT_GOLDEN are checked where it is set. */
const CONVERSIONS: Readonly<Record<string, Conversion>> = {
  llama: { architecture: 'llama', permuted: true },
  'llama-linear': { architecture: 'llama', permuted: true },
  mixtral: { architecture: 'llama', permuted: true },
  qwen2: { architecture: 'qwen2' },
  qwen3: { architecture: 'qwen3' },
  'qwen3-moe-all': { architecture: 'qwen3moe' },
  gemma: { architecture: 'gemma', plusOne: true },
  'gemma2-gguf': {
    architecture: 'gemma2',
    plusOne: true,
    normsAfter: true,
    extra: (config) => ({
      'gemma2.attention.sliding_window': u32(number(config['sliding_window'])),
      'gemma2.attn_logit_softcapping': f32(number(config['attn_logit_softcapping'])),
      'gemma2.final_logit_softcapping': f32(number(config['final_logit_softcapping'])),
    }),
  },
  'gemma3-default': {
    architecture: 'gemma3',
    plusOne: true,
    normsAfter: true,
    extra: (config) => ({ 'gemma3.attention.sliding_window': u32(number(config['sliding_window'])) }),
  },
  phi3: {
    architecture: 'phi3',
    withoutWindows: true,
    extra: (config) => {
      const dims =
        (number(config['hidden_size']) / number(config['num_attention_heads'])) *
        (typeof config['partial_rotary_factor'] === 'number' ? config['partial_rotary_factor'] : 1);
      const [context, trained] = [
        number(config['max_position_embeddings']),
        number(config['original_max_position_embeddings']),
      ];
      return {
        'phi3.rope.dimension_count': u32(Math.floor(dims)),
        'phi3.rope.scaling.original_context_length': u32(trained),
        'phi3.rope.scaling.attn_factor': f32(Math.sqrt(1 + Math.log(context / trained) / Math.log(trained))),
        'phi3.attention.sliding_window': u32(
          typeof config['sliding_window'] === 'number' ? config['sliding_window'] : 0,
        ),
      };
    },
  },
  gpt2: { architecture: 'gpt2' },
  'starcoder2-full': { architecture: 'starcoder2' },
  olmo2: { architecture: 'olmo2', normsAfter: true },
  'olmo3-default': {
    architecture: 'olmo2',
    normsAfter: true,
    extra: (config) => ({
      'olmo2.attention.sliding_window': u32(number(config['sliding_window'])),
      'olmo2.attention.sliding_window_pattern': ggufValue.flags([true, true, true, false]),
    }),
  },
  granite: {
    architecture: 'granite',
    permuted: true,
    extra: (config) => ({
      'granite.attention.scale': f32(number(config['attention_multiplier'])),
      'granite.embedding_scale': f32(number(config['embedding_multiplier'])),
      'granite.residual_scale': f32(number(config['residual_multiplier'])),
      'granite.logit_scale': f32(number(config['logits_scaling'])),
    }),
  },
  arcee: { architecture: 'arcee', permuted: true },
  'smollm3-default': { architecture: 'smollm3', permuted: true },
  cohere: {
    architecture: 'command-r',
    extra: (config) => ({ 'command-r.logit_scale': f32(number(config['logit_scale'])) }),
  },
  'cohere-plain': {
    architecture: 'command-r',
    extra: (config) => ({ 'command-r.logit_scale': f32(number(config['logit_scale'])) }),
  },
  cohere2: {
    architecture: 'cohere2',
    extra: (config) => ({
      'cohere2.logit_scale': f32(number(config['logit_scale'])),
      'cohere2.attention.sliding_window': u32(number(config['sliding_window'])),
    }),
  },
};

/** K of a permuted file: its pairs are adjacent, golden's are half a head apart. */
function unpaired(values: ArrayLike<number>, dim: number): Float64Array {
  return Float64Array.from({ length: values.length }, (_, i) => {
    const [row, place] = [Math.floor(i / dim) * dim, i % dim];
    return values[row + (place < dim / 2 ? 2 * place : 2 * (place - dim / 2) + 1)] as number;
  });
}

describe('golden models through GGUF', () => {
  const models = goldenNamed(...Object.keys(CONVERSIONS));
  eachOrSkip(
    casesOf(models, ({ modelType }) => modelType),
    noCases,
    ({ name, folder: place }) => {
      const conversion = CONVERSIONS[name];
      if (!conversion) throw new Error(name);
      itWith(place, `${name} as ${conversion.architecture}`, async (folder) => {
        const golden = readGolden(folder);
        const model = await openModel(write(temporaryFolder(), 'm.gguf', await convert(folder, conversion)));
        const run = await forward(model.store, model.plan, golden.input_ids[0] ?? []);
        await model.close();
        const errors: Record<string, number> = {};
        // llama.cpp has no windows for it: behind the first scores the two differ (forwardLibllama.test.ts has the rest).
        const windowed = conversion.withoutWindows === true;
        if (!windowed) errors['logits'] = relativeError(run.logits, golden.logits_last);
        golden.layers.slice(0, windowed ? 1 : undefined).forEach((expected, index) => {
          const actual = run.layers[index];
          const data = (tensor: Tensor64 | undefined): ArrayLike<number> => tensor?.data ?? [];
          const k = actual?.captures.k;
          errors[`${index} k`] = relativeError(
            conversion.permuted === true ? unpaired(data(k), k?.size(3) ?? 1) : data(k),
            expected.k,
          );
          errors[`${index} v`] = relativeError(data(actual?.captures.v), expected.v);
          if (windowed) return;
          errors[`${index} weights`] = relativeError(data(actual?.captures.weights), expected.weights);
          errors[`${index} output`] = relativeError(data(actual?.captures.output), expected.attention_output);
          errors[`${index} hidden`] = relativeError(data(actual?.hidden), expected.hidden_out);
        });
        expect(Object.entries(errors).filter(([, error]) => !(error < 1e-4))).toEqual([]);
      });
    },
  );
});
