/** Measured = formula: the cache tensors that a run leaves have the bytes that the plan says, exactly, under both rules. */

import { afterAll, describe, expect, it } from 'vitest';
import { CACHE_RULES, type CacheRule } from '../../../src/attention/onnx/program';
import { layerCacheBytes } from '../../../src/cache/layerBytes';
import { layerGroups } from '../../../src/cache/groups';
import { planCache } from '../../../src/cache/plan';
import { readModelConfig } from '../../../src/reading/read';
import { describeLayer } from '../../../src/compute/describeLayer';
import { createEngine } from '../../../src/compute/engines/createEngine';
import { type LayerOutcome, type LayerRun, runLayer } from '../../../src/compute/runLayer';
import { isRunnable } from '../../../src/attention/spec/layerSpec';
import type { AttentionKind, AttentionSpec } from '../../../src/model/attention';
import { UNSHARDED } from '../../../src/model/scenario';
import { expectClose, valuesOf } from '../attention/support/compare';
import { LAYERS } from '../attention/support/layers';
import { depthNote, sampled } from '../depth';
import { casesOf, describeAll, eachOrSkip, modelTypesIn, noCases } from '../support/cases';

const engine = createEngine('onnxruntime-cpu', { threads: 1 });
const watch = { signal: new AbortController().signal, progress: () => undefined };
afterAll(() => engine.dispose());

type Shape = Pick<LayerRun, 'batch' | 'tokens' | 'steps'>;

/** Short of the windows and chunks of 3 and 4, at them, and beyond; odd; one token; with and without decode. */
const RUNS: readonly Shape[] = [
  { batch: 1, tokens: 1, steps: 0 },
  { batch: 1, tokens: 1, steps: 2 },
  { batch: 2, tokens: 4, steps: 0 },
  { batch: 3, tokens: 7, steps: 4 },
];
const LONGEST = RUNS.slice(-1);

const run = (layer: LayerRun['layer'], shape: Shape, rule: CacheRule): Promise<LayerOutcome> =>
  runLayer(engine, { layer, seed: 1, captures: ['output'], form: null, rule, ...shape }, watch);

const isWindowed = ({ attention }: LayerRun['layer']): boolean =>
  attention.kind === 'sliding' || attention.kind === 'chunked';
const WINDOWED = Object.entries(LAYERS).filter(([, layer]) => isWindowed(layer));
const OTHERS = Object.entries(LAYERS).filter(([, layer]) => !isWindowed(layer));

async function expectPlanned(layer: LayerRun['layer'], shapes: readonly Shape[], rule: CacheRule): Promise<void> {
  for (const shape of shapes) {
    const { cacheBytes, planned } = await run(layer, shape, rule);
    expect({ ...shape, cacheBytes }).toEqual({ ...shape, cacheBytes: planned.bytes });
    expect(planned.rule).toBe(rule);
    if (rule === 'intrinsic')
      expect(cacheBytes).toBe(shape.batch * layerCacheBytes(layer.attention, 'f32', shape.tokens + shape.steps));
  }
}

describeAll('a layer caches what a plan says', () => {
  eachOrSkip(sampled(OTHERS), noCases, ([name, layer]) => {
    it(`under both rules: ${name}${depthNote}`, async () => {
      await expectPlanned(layer, RUNS, 'intrinsic');
      await expectPlanned(layer, LONGEST, 'transformers');
    });
  });

  eachOrSkip(WINDOWED, noCases, ([name, layer]) => {
    it(`under both rules, window or chunk: ${name}`, async () => {
      for (const rule of CACHE_RULES) await expectPlanned(layer, RUNS, rule);
    });
  });

  eachOrSkip(WINDOWED, noCases, ([name, layer]) => {
    it(`with one token less between steps in transformers, and computes the same: ${name}`, async () => {
      for (const shape of LONGEST) {
        const [whole, less] = [await run(layer, shape, 'intrinsic'), await run(layer, shape, 'transformers')];
        expect(whole.cacheBytes - less.cacheBytes).toBe(shape.batch * layerCacheBytes(layer.attention, 'f32', 1));
        const output = whole.captures['output'];
        expectClose('output', less.captures['output'], output && valuesOf(output), 1e-5);
      }
    });
  });
});

describe('whole models, from the text of a config', () => {
  const tiny = {
    hidden_size: 16,
    num_hidden_layers: 4,
    num_attention_heads: 4,
    num_key_value_heads: 2,
    head_dim: 4,
    intermediate_size: 16,
    vocab_size: 32,
    rms_norm_eps: 1e-6,
    max_position_embeddings: 64,
  };
  const mla = {
    num_key_value_heads: 4,
    q_lora_rank: 6,
    kv_lora_rank: 8,
    qk_nope_head_dim: 4,
    qk_rope_head_dim: 4,
    v_head_dim: 4,
    first_k_dense_replace: 4,
  };
  const MODELS: readonly ({ readonly model_type: string } & Readonly<Record<string, unknown>>)[] = [
    { ...tiny, model_type: 'llama' },
    { ...tiny, model_type: 'llama', num_key_value_heads: 4 },
    { ...tiny, model_type: 'llama', num_key_value_heads: 1 },
    { ...tiny, model_type: 'qwen3' },
    { ...tiny, model_type: 'mistral', sliding_window: 5 },
    {
      ...tiny,
      model_type: 'gemma2',
      sliding_window: 5,
      query_pre_attn_scalar: 4,
      attn_logit_softcapping: 50,
      hidden_activation: 'gelu_pytorch_tanh',
    },
    { ...tiny, model_type: 'gemma3_text', sliding_window: 5, sliding_window_pattern: 2, query_pre_attn_scalar: 4 },
    {
      ...tiny,
      model_type: 'gpt_oss',
      sliding_window: 5,
      num_local_experts: 4,
      num_experts_per_tok: 2,
      layer_types: ['sliding_attention', 'full_attention', 'sliding_attention', 'full_attention'],
    },
    {
      ...tiny,
      model_type: 'llama4_text',
      attention_chunk_size: 5,
      no_rope_layers: [1, 1, 1, 0],
      num_local_experts: 2,
      num_experts_per_tok: 1,
      intermediate_size_mlp: 16,
      interleave_moe_layer_step: 2,
    },
    {
      ...tiny,
      ...mla,
      model_type: 'deepseek_v3',
      n_routed_experts: 4,
      num_experts_per_tok: 2,
      n_group: 1,
      topk_group: 1,
      moe_intermediate_size: 8,
      n_shared_experts: 1,
    },
    { model_type: 'gpt2', n_embd: 16, n_head: 4, n_layer: 2, n_positions: 64, vocab_size: 32 },
    { model_type: 'bloom', hidden_size: 16, n_head: 4, n_layer: 2, vocab_size: 32 },
  ];

  eachOrSkip(casesOf(MODELS, modelTypesIn), noCases, (config) => {
    it(config.model_type, async () => {
      const text = JSON.stringify(config);
      const reading = readModelConfig(text);
      if (!reading) throw new Error('not a model');
      const { spec } = reading;
      const shape: Shape = { batch: 2, tokens: 7, steps: 2 };
      const sums = { intrinsic: 0, transformers: 0 };
      for (const { indexes } of layerGroups(spec)) {
        const { layer } = describeLayer({ text }, indexes[0] ?? 0);
        for (const rule of CACHE_RULES) sums[rule] += indexes.length * (await run(layer, shape, rule)).cacheBytes;
      }
      for (const rule of CACHE_RULES) {
        const plan = planCache(spec, {
          workload: { batch: 2, tokens: 9 },
          engine: rule,
          kvDtype: 'f32',
          sharding: UNSHARDED,
        });
        expect(sums[rule], rule).toBe(plan.cacheBytes);
      }
    });
  });
});

/** Every kind that a config can describe: it runs, or it is said by name why there is nothing to measure. */
const KINDS: Readonly<Record<AttentionKind, string>> = {
  full: 'runs',
  sliding: 'runs',
  chunked: 'runs',
  latent: 'runs',
  compressed: 'no program for CSA/HCA: entries are pooled over tokens by learned weights',
  cross: 'no program: keys come from an encoder',
  recurrent: 'no program: a state, not a cache',
  conv: 'no program: a state, not a cache',
  shared: 'caches nothing of its own',
  none: 'caches nothing',
  unknown: 'not understood',
};

const kindsThat = (holds: (word: string) => boolean): (readonly [string, string])[] =>
  Object.entries(KINDS).filter(([, word]) => holds(word));

describeAll('kinds', () => {
  eachOrSkip(
    kindsThat((word) => word === 'runs'),
    noCases,
    ([kind]) => {
      it(`${kind} is in the grid`, () => {
        expect(Object.values(LAYERS).some(({ attention }) => attention.kind === kind)).toBe(true);
      });
    },
  );

  eachOrSkip(
    kindsThat((word) => word !== 'runs'),
    noCases,
    ([kind, word]) => {
      it(`${kind} cannot be measured by a run (${word})`, () => {
        expect(isRunnable({ kind } as AttentionSpec)).toBe(false);
      });
    },
  );
});
