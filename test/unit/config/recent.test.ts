// Models of the last months (test/fixtures/recent: real keys, some values from class defaults), and what their code caches at one
// sequence of 32,768 tokens in 2-byte elements.
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { planCache } from '../../../src/cache/plan';
import { lintReading } from '../../../src/lint/lint';
import type { ModelSpec } from '../../../src/model/spec';
import { readModelConfig } from '../../../src/reading/read';
import { scenario } from '../support';
import { tally } from '../support/accuracy';
import { casesOf, eachOrSkip, modelTypesIn, noCases } from '../support/cases';

const FOLDER = 'test/fixtures/recent';
const TOKENS = 32_768;

interface Expected {
  readonly cacheBytes_b1_s32768: number;
  readonly stateBytes_b1: number;
}

const expected = JSON.parse(readFileSync(join(FOLDER, 'expected.json'), 'utf8')) as Record<string, Expected>;
const names = readdirSync(FOLDER).filter((name) => !/\.(json|md)$/.test(name));
const textOf = (name: string): string => readFileSync(join(FOLDER, name, 'config.json'), 'utf8');
const typesOf = (name: string): string[] => modelTypesIn(JSON.parse(textOf(name)));

function specOf(name: string): ModelSpec {
  const spec = readModelConfig(textOf(name))?.spec;
  if (!spec) throw new Error('not read as a model config');
  return spec;
}

/** State as the expected values count it: kernel − 1 inputs of a convolution in 2 bytes, the recurrent part in float32. */
function stateAsCounted(spec: ModelSpec): number {
  return spec.layers.reduce((sum, { attention }) => {
    if (attention.kind !== 'recurrent') return sum;
    const { conv, recurrentElements } = attention.state;
    return sum + (conv ? conv.channels * (conv.width - 1) * 2 : 0) + recurrentElements * 4;
  }, 0);
}

const counted = tally(
  {
    id: 'recent',
    part: 'model',
    what: 'Bytes of cache and state, models published August to October 2026',
    against: 'their modeling code, worked out by hand',
    unit: 'model',
    off: 'bytes',
  },
  Object.keys(expected).length,
);

describe('models of the last months', () => {
  eachOrSkip(
    casesOf(Object.entries(expected), ([name]) => typesOf(name)),
    noCases,
    ([name, wanted]) => {
      it(name, () => {
        const spec = specOf(name);
        expect(spec.notes.filter((note) => note.inexact)).toEqual([]);
        expect(spec.unknownLayers).toBe(0);
        expect(spec.exact).toBe(true);
        expect(planCache(spec, scenario(1, TOKENS)).cacheBytes).toBe(wanted.cacheBytes_b1_s32768);
        expect(stateAsCounted(spec)).toBe(wanted.stateBytes_b1);
        counted.add({ compared: 2, equal: 2, difference: 0 });
      });
    },
  );

  eachOrSkip(casesOf(names, typesOf), noCases, (name) => {
    it(`${name} is no wrong file to the linter`, () => {
      const reading = readModelConfig(textOf(name));
      if (!reading) throw new Error('not read as a model config');
      const found = lintReading(reading).filter(({ severity }) => severity === 'error' || severity === 'warning');
      expect(found.map(({ rule, message }) => `${rule}: ${message}`)).toEqual([]);
    });
  });
});

/** Changes a fixture's language model. */
function changedSpec(name: string, changes: Readonly<Record<string, unknown>>): ModelSpec {
  const config = JSON.parse(textOf(name)) as Record<string, unknown>;
  const nested = config['text_config'];
  Object.assign(typeof nested === 'object' && nested !== null ? nested : config, changes);
  const spec = readModelConfig(JSON.stringify(config))?.spec;
  if (!spec) throw new Error('not read as a model config');
  return spec;
}

describe('what decides in them', () => {
  eachOrSkip(
    casesOf(
      [
        {
          type: 'exaone_moe',
          title: 'exaone_moe: every layer has the window of its own entry',
          name: 'exaone-moe-k-exaone-2',
          changes: { num_hidden_layers: 3, sliding_windows: [128, null, 256], layer_types: undefined },
          kinds: ['sliding', 'full', 'sliding'],
          bytes: (128 + TOKENS + 256) * 2 * 8 * 128 * 2,
        },
        {
          type: 'exaone_moe',
          title: 'exaone_moe: a list that contradicts layer_types is not understood there',
          name: 'exaone-moe-k-exaone-2',
          changes: {
            num_hidden_layers: 2,
            sliding_windows: [128, null],
            layer_types: ['sliding_attention', 'sliding_attention'],
          },
          kinds: ['sliding', 'unknown'],
          bytes: null,
        },
        {
          // sglang configs/bailing_hybrid.py: layers after the last whole group are full in llama.cpp and in the model's code.
          type: 'bailing_hybrid',
          title: 'bailing_hybrid of 2.5: lightning attention, and latents in the rest of a group',
          name: 'bailing-hybrid-ling-3.0-tiny-v3-kda-mla',
          changes: { num_hidden_layers: 5, short_conv_kernel_size: undefined },
          kinds: ['recurrent', 'recurrent', 'recurrent', 'latent', 'latent'],
          bytes: 2 * 576 * 2 * TOKENS,
        },
        {
          type: 'llama_swiftkv',
          title: 'llama_swiftkv: a map of readers counts before the groups',
          name: 'llama-swiftkv-8b',
          changes: { num_hidden_layers: 4, num_key_value_layers: 3, kv_sharing_map: { '2': 1 } },
          kinds: ['full', 'full', 'shared', 'full'],
          bytes: 3 * 4096 * TOKENS,
        },
        {
          type: 'ouro',
          title: 'ouro: without total_ut_steps the class runs four times',
          name: 'ouro-2.6b',
          changes: { num_hidden_layers: 1, total_ut_steps: undefined },
          kinds: ['full', 'full', 'full', 'full'],
          bytes: 4 * 8192 * TOKENS,
        },
        {
          type: 'dory',
          title: 'dory: only the recurrent layers are passed again',
          name: 'ouro-2.6b',
          changes: {
            model_type: 'dory',
            num_hidden_layers: 4,
            attention_head_dim: 128,
            num_key_value_heads: 4,
            hybrid_layer_pattern: 'S-*-',
            n_input_layers: 2,
            n_recurrent_loops: 2,
            total_ut_steps: undefined,
          },
          kinds: ['sliding', 'none', 'full', 'none', 'full', 'none'],
          bytes: (1024 + 2 * TOKENS) * 2 * 4 * 128 * 2,
        },
      ],
      ({ type }) => type,
    ),
    noCases,
    ({ title, name, changes, kinds, bytes }) => {
      it(title, () => {
        const spec = changedSpec(name, changes);
        expect(spec.layers.map(({ attention }) => attention.kind)).toEqual(kinds);
        expect(spec.exact).toBe(bytes !== null);
        if (bytes !== null) expect(planCache(spec, scenario(1, TOKENS)).cacheBytes).toBe(bytes);
      });
    },
  );

  eachOrSkip(casesOf(['deepseek-v41', 'dots3-note', 'glm5-next'], typesOf), noCases, (name) => {
    it(`${name}: no engine's rule is called exact`, () => {
      // llama.cpp's was executed (libllamaBytes.test.ts).
      const executed = name === 'dots3-note';
      for (const engine of [
        'vllm',
        'sglang',
        'trtllm',
        ...(executed ? [] : ['llamacpp' as const]),
        'transformers',
      ] as const)
        expect(planCache(specOf(name), scenario(1, TOKENS, { engine })).exact, engine).toBe(false);
    });
  });
});
