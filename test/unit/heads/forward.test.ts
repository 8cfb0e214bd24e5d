/** The streaming pass: long sequences in steps, resuming, cancelling, what is read and what is refused. */

import { readFileSync } from 'node:fs';
import { basename, join, resolve } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { CaptureName } from '../../../src/attention/onnx/program';
import { HiddenCache } from '../../../src/compute/heads/hiddenCache';
import { UNWATCHED } from '../../../src/compute/heads/watch';
import { floats } from '../../../src/compute/heads/tokenAxis';
import { relativeError } from '../golden';
import { eachOrSkip, noCases } from '../support/cases';
import { goldenNamed, itWith } from '../support/reference';
import { SAMPLES, samplesNamed, someIds, withForward } from './support/models';
import { runJson, runText } from './support/cli';
import { depthNote, sampled } from '../depth';

const FIXTURES = resolve(import.meta.dirname, '../../fixtures/samples');
const GQA = SAMPLES[1] ?? '';

describe('long sequences', () => {
  const models = [
    ...samplesNamed('gqa', 'mla'),
    ...goldenNamed('gemma2', 'mistral', 'bloom', 'phi3'),
    ...(process.env['HEADLIGHT_GOLDEN']
      ? goldenNamed('gpt-oss', 'mixtral', 'llama4-text', 'deepseek-v3-yarn', 'llama-dynamic')
      : []),
  ];
  eachOrSkip(sampled(models, 2), noCases, ({ name: model, folder: place }) => {
    itWith(place, `${model}: in steps as at once${depthNote}`, async (folder) => {
      const captures: CaptureName[] = ['q', 'k', 'v', 'qRaw', 'heads', 'output', 'hidden', 'attentionInput'];
      const run = (stepBytes: number): Promise<ReadonlyMap<string, Float32Array>> =>
        withForward(folder, { stepBytes }, async (forward, model) => {
          const ids = someIds(40, Math.min(90, model.model.plan.vocabularySize));
          const layer = Math.min(1, model.model.plan.layers.length - 1);
          expect(forward.atOnce(layer, 40)).toBe(stepBytes > 1);
          const extra: CaptureName[] =
            model.model.plan.layers[layer]?.block.layer.attention.kind === 'latent' ? ['latent', 'ropeKey'] : [];
          const { tensors, logits } = await forward.capture(
            { ids, layer, captures: [...captures, ...extra], logits: true },
            UNWATCHED,
          );
          return new Map([
            ...[...tensors].map(([name, tensor]) => [name, floats(tensor)] as const),
            ['logits', logits ?? new Float32Array(0)] as const,
          ]);
        });
      const whole = await run(2 ** 30);
      const steps = await run(1);
      expect([...steps.keys()].sort()).toEqual([...whole.keys()].sort());
      for (const [name, values] of whole) expect(relativeError(steps.get(name), values), name).toBeLessThan(1e-5);
    });
  });
});

describe('a prompt that begins like an earlier one', () => {
  const captures: CaptureName[] = ['k', 'v', 'hidden'];
  const first = someIds(20, 60);
  const changed = [
    ...first.slice(0, 12),
    ...someIds(22, 60)
      .slice(12)
      .map((id) => id + 1),
  ];
  const look = (
    folder: string,
    prompts: readonly (readonly number[])[],
  ): Promise<{ tensors: ReadonlyMap<string, Float32Array>; layers: number; tokens: number; count: number }> =>
    withForward(folder, {}, async (forward, model) => {
      const count = model.model.plan.layers.length;
      let before = forward.work;
      let tensors: ReadonlyMap<string, Float32Array> = new Map();
      for (const ids of prompts) {
        before = forward.work;
        const capture = await forward.capture({ ids, layer: count - 1, captures, logits: false }, UNWATCHED);
        tensors = new Map([...capture.tensors].map(([name, tensor]) => [name, floats(tensor)]));
      }
      return {
        tensors,
        layers: forward.work.layers - before.layers,
        tokens: forward.work.tokens - before.tokens,
        count,
      };
    });

  const models = [...samplesNamed('gqa', 'mla'), ...goldenNamed('gemma2', 'mistral', 'bloom')];
  eachOrSkip(sampled(models, 2), noCases, ({ name: model, folder: place }) => {
    itWith(place, `${model}: the same result; only what is new is computed${depthNote}`, async (folder) => {
      const fresh = await look(folder, [changed]);
      expect(fresh.tokens).toBe(fresh.count * changed.length);
      const resumed = await look(folder, [first, changed]);
      // The layer that is looked at is always run for all tokens: its captures are wanted.
      expect(resumed.tokens).toBe((resumed.count - 1) * (changed.length - 12) + changed.length);
      for (const [name, values] of fresh.tensors)
        expect(relativeError(resumed.tensors.get(name), values), name).toBeLessThan(1e-5);
      const shorter = await look(folder, [first, first.slice(0, 12)]);
      expect([shorter.layers, shorter.tokens]).toEqual([1, 12]);
      for (const [name, values] of (await look(folder, [first.slice(0, 12)])).tensors)
        expect(relativeError(shorter.tensors.get(name), values), name).toBeLessThan(1e-5);
    });
  });

  eachOrSkip(goldenNamed('phi3'), noCases, ({ name, folder: place }) => {
    itWith(place, `${name}: nothing is taken over where RoPE depends on the length`, async (folder) => {
      const resumed = await look(folder, [first, changed]);
      expect(resumed.tokens).toBe(resumed.count * changed.length);
    });
  });
});

describe('states that are kept', () => {
  const state = (tokens: number): Float32Array => Float32Array.from({ length: tokens * 2 }, (_, i) => i);

  it('the longest common beginning, of causal models; what was used last stays', () => {
    const cache = new HiddenCache(8 * 8);
    cache.add([1, 2, 3, 4], 1, state(4));
    cache.add([1, 2, 9], 1, state(3));
    expect(cache.known([1, 2, 3, 5], 1, true)?.tokens).toBe(3);
    expect(cache.known([1, 2, 3, 5], 1, true)?.hidden.length).toBe(6);
    expect(cache.known([1, 2, 3, 5], 1, false)).toBeNull();
    expect(cache.known([7], 1, true)).toBeNull();
    expect(cache.known([1, 2, 3, 4], 2, true)).toBeNull();
    expect(cache.nearest([1, 2, 9], 3, false)?.layer).toBe(1);
    expect(cache.nearest([1, 2], 3, false)).toBeNull();
    expect(cache.nearest([1, 2], 3, true)?.hidden.length).toBe(4);
    // 7 tokens of 8 bytes are held, 8 fit: the one that was not looked at for longest goes.
    cache.nearest([1, 2, 3, 4], 1, true);
    cache.add([5, 6], 1, state(2));
    expect(cache.known([1, 2, 9], 1, false)).toBeNull();
    expect(cache.known([1, 2, 3, 4], 1, false)?.tokens).toBe(4);
    cache.add(
      Array.from({ length: 9 }, () => 1),
      1,
      state(9),
    );
    expect(cache.known([5, 6], 1, false)?.tokens).toBe(2);
  });
});

describe('the pass', () => {
  it('reads only what captures need', async () => {
    await withForward(GQA, {}, async (forward, model) => {
      const { store } = model.model;
      const read: string[] = [];
      const original = store.read.bind(store);
      store.read = (name, options) => {
        read.push(name);
        return original(name, options);
      };
      await forward.capture({ ids: [1, 2], layer: 0, captures: ['k', 'v'], logits: false }, UNWATCHED);
      expect(
        [...new Set(read)]
          .filter((name) => name.includes('layers.'))
          .map((name) => name.replace(/^.*layers\.0\./, ''))
          .sort(),
      ).toEqual(['input_layernorm.weight', 'self_attn.k_proj.weight', 'self_attn.v_proj.weight']);
      // The next layer needs the whole block before it; the one after starts from the state that was kept.
      await forward.capture({ ids: [1, 2], layer: 1, captures: ['k'], logits: false }, UNWATCHED);
      read.length = 0;
      await forward.capture({ ids: [1, 2], layer: 1, captures: ['v'], logits: false }, UNWATCHED);
      expect(read.filter((name) => name.includes('layers.0.'))).toEqual([]);
      expect(read.some((name) => name.includes('embed'))).toBe(false);
    });
  });

  it('stops when it is told to', async () => {
    await withForward(GQA, {}, async (forward) => {
      const controller = new AbortController();
      const seen: string[] = [];
      const run = forward.capture(
        { ids: [1, 2], layer: 3, captures: ['k'], logits: true },
        {
          signal: controller.signal,
          progress: ({ message, fraction }) => {
            seen.push(message);
            if ((fraction ?? 0) > 0) controller.abort();
          },
        },
      );
      await expect(run).rejects.toThrow(/cancel|abort/i);
      expect(seen.length).toBeLessThan(4);
    });
  });

  it('refuses layers, tokens and memory that are not there', async () => {
    await withForward(GQA, { memoryCeiling: 1000 }, async (forward) => {
      const ask = { ids: [1], layer: 0, captures: ['k'] as const, logits: false };
      await expect(forward.capture({ ...ask, layer: 99 }, UNWATCHED)).rejects.toThrow(
        /there is no layer 99: the model has layers 0 to/,
      );
      await expect(forward.capture({ ...ask, ids: [] }, UNWATCHED)).rejects.toThrow(/no tokens/);
      await expect(forward.capture({ ...ask, ids: [10_000_000] }, UNWATCHED)).rejects.toThrow(/token id 10000000/);
      await expect(forward.capture({ ...ask, captures: ['hidden'] }, UNWATCHED)).rejects.toThrow(/more than the/);
    });
  });
});

describe('samples', () => {
  interface Fixture {
    readonly text: string;
    readonly input_ids: number[][];
    readonly logits_last: number[];
    readonly layers: readonly {
      readonly k: number[];
      readonly k_shape: number[];
      readonly v: number[];
      readonly weights: number[];
      readonly attention_output: number[];
    }[];
  }
  interface Dump {
    readonly tokens: number[];
    readonly captures: Readonly<Record<string, { readonly shape: number[]; readonly data: number[] }>>;
  }
  it.each(SAMPLES.map((folder) => [basename(folder), folder] as const))(
    '%s: what PyTorch computed when it was trained',
    async (name, folder) => {
      const fixture = JSON.parse(readFileSync(join(FIXTURES, `${name}.json`), 'utf8')) as Fixture;
      for (const [layer, expected] of fixture.layers.entries()) {
        const dumps = layer === 0 ? 'k,v,weights,output,logits' : 'k,v,weights,output';
        const { value, errors } = await runJson<Dump>([
          'heads',
          folder,
          '--layer',
          String(layer),
          '--prompt',
          fixture.text,
          '--dump',
          dumps,
          '--json',
        ]);
        expect(errors).toBe('');
        expect(value?.tokens).toEqual(fixture.input_ids[0]);
        const of = (what: string): number[] => value?.captures[what]?.data ?? [];
        const heads = value?.captures['k']?.shape[0] ?? 1;
        const groups = expected.k_shape[0] ?? 1;
        const repeated = (values: readonly number[]): number[] => {
          const size = values.length / groups;
          return Array.from({ length: heads }, (_, head) =>
            values.slice(Math.floor((head * groups) / heads) * size).slice(0, size),
          ).flat();
        };
        expect(relativeError(of('k'), repeated(expected.k))).toBeLessThan(1e-5);
        expect(relativeError(of('v'), repeated(expected.v))).toBeLessThan(1e-5);
        expect(relativeError(of('weights'), expected.weights)).toBeLessThan(1e-5);
        expect(relativeError(of('output'), expected.attention_output)).toBeLessThan(1e-4);
        if (layer === 0) expect(relativeError(of('logits'), fixture.logits_last)).toBeLessThan(1e-4);
      }
    },
  );
});

describe('the command', () => {
  const wrong: readonly (readonly [readonly string[], number, RegExp])[] = [
    [['heads'], 2, /one model folder/],
    [['heads', GQA, '--layer', '0'], 2, /--prompt TEXT or --ids/],
    [['heads', GQA, '--layer', '-1', '--ids', '1'], 2, /layer/],
    [['heads', GQA, '--layer', '0', '--ids', '1,x'], 2, /whole numbers/],
    [['heads', GQA, '--layer', '0', '--ids', '1', '--dump', 'z'], 2, /--dump takes/],
    [['heads', GQA, '--layer', '0', '--ids', '1', '--out', 'a.txt'], 2, /\.json or \.png/],
    [['heads', GQA, '--layer', '0', '--ids', '1', '--dump', 'latent'], 1, /not latent/],
    [['heads', GQA, '--layer', '77', '--ids', '1'], 1, /no layer 77/],
    [['heads', GQA, '--layer', '0', '--ids', '999999'], 1, /embed.*token id 999999/],
    [['heads', join(GQA, 'nothing'), '--layer', '0', '--ids', '1'], 1, /does not exist/],
    [['heads', GQA, '--layer', '0', '--ids', '1', '--out', '/nowhere/f.json'], 1, /no such file/],
    [['generate', GQA, '--ids', '1', '--tokens', '0'], 2, /at least 1/],
  ];
  it.each(wrong)('%j', async (args, code, message) => {
    const result = await runText(args);
    expect(result.code).toBe(code);
    expect(result.errors).toMatch(message);
    expect(result.errors).not.toMatch(/\n\s+at |internal error/);
    expect(result.printed).toBe('');
  });
});
