import { describe, expect, it } from 'vitest';
import { knownPlan as planCache } from '../support/plans';
import { type Reading, readModelConfig } from '../../../src/reading/read';
import type { Scenario } from '../../../src/model/scenario';
import { hoverOf } from '../../../src/present/hover';
import { planText } from '../../../src/present/planText';
import { cellEdges, layerSentence, stripModel } from '../../../webview/charts/strip/viewModel';
import { derivationOf, NUMBERS, problemText, type Step } from '../../../webview/views/overview/viewModel';
import { sampleConfig, sampleNames, scenario } from '../support';
import { referenceConfig, referenceNames } from '../support/reference';
import { eachOrSkip, noCases } from '../support/cases';
import { overviewOn } from '../support/overview';
import { preset } from '../support/presets';

const SCENARIOS: readonly Scenario[] = [scenario(1, 32_768), scenario(4, 100_000, { engine: 'vllm', kvDtype: 'fp8' })];

function read(text: string): Reading {
  const reading = readModelConfig(text);
  if (!reading) throw new Error('not a model config');
  return reading;
}

/** What a hover says to its reader: markup and escapes away. */
function hoverText(reading: Reading, at: Scenario): string {
  const { document } = reading;
  // Keys that give factors, in most families, come first; any key else.
  for (const { index: offset } of [
    ...document.text.matchAll(/"(?:num_hidden_layers|n_layers?|num_layers|kv_lora_rank)"/g),
    ...document.text.matchAll(/"/g),
  ]) {
    const content = hoverOf(reading, document, offset + 1, at, false);
    if (content) return content.markdown.source.replace(/\\(.)/g, '$1').replaceAll('**', '');
  }
  throw new Error('no key has a hover');
}

function sameStrings(text: string): void {
  const reading = read(text);
  for (const at of SCENARIOS) {
    const plan = planCache(reading.spec, at);
    const { design, perTokenBytes, perToken, total, context } = overviewOn(reading, at, 'h100-sxm').figures;
    const [hover, cli] = [hoverText(reading, at), planText(plan)];
    for (const surface of [hover, cli]) for (const string of [total, context]) expect(surface).toContain(string);
    // A hover leaves the design to the line above the file where it has no room.
    expect(cli).toContain(design);
    expect(cli).toContain(
      perTokenBytes === perToken ? `${perToken} per token` : `${perTokenBytes} (${perToken}) per token`,
    );
    if (plan.bytesPerToken > 0) expect(hover).toContain(`${perTokenBytes}/token (${perToken})`);
  }
}

describe('the overview', () => {
  eachOrSkip(sampleNames(), noCases, (name) => {
    it(`says of ${name} what hover and command line say`, () => sameStrings(sampleConfig(name)));
  });

  it(`says of every reference config what hover and command line say`, () => {
    const names = referenceNames();
    expect(names.length).toBeGreaterThan(80);
    for (const name of names) sameStrings(referenceConfig(name));
  });

  it('fills the bar of the memory, and never more', () => {
    for (const name of sampleNames()) {
      for (const at of [...SCENARIOS, scenario(512, 1_000_000)]) {
        const { memory } = overviewOn(read(sampleConfig(name)), at, 'h100-sxm');
        const shares = memory?.segments.map(({ share }) => share) ?? [];
        expect(shares.reduce((sum, share) => sum + share, 0)).toBeCloseTo(1, 6);
        expect(Math.min(...shares)).toBeGreaterThanOrEqual(0);
      }
    }
  });

  it('derives every number, and the product of the factors is the number', () => {
    const model = overviewOn(read(sampleConfig('llama-3-8b')), scenario(1, 32_768, { engine: 'vllm' }), 'h100-sxm');
    const [product] = derivationOf(model, 'perToken');
    if (product?.kind !== 'product') throw new Error('the first step is a product');
    expect(product.rows.reduce((result, { value }) => result * Number(value.replaceAll(',', '')), 1)).toBe(131_072);
    expect(product.result).toBe('131,072 B');
    // Each factor but the 2 of K and V has its line in the file.
    const lines = sampleConfig('llama-3-8b').split('\n');
    for (const { name, origin } of product.rows) {
      if (name === 'K and V') expect(origin).toBeNull();
      else expect(lines[(origin?.range?.line ?? 0) - 1]).toContain(`"${origin?.key}"`);
    }
  });

  it.each([
    ['llama-3-8b', NUMBERS.filter((name) => name !== 'state')],
    ['deepseek-v3', NUMBERS.filter((name) => name !== 'state')],
    ['gpt2', ['total', 'memory']],
  ] as const)('leads from every number of %s to lines of the file', (name, numbers) => {
    const text = sampleConfig(name);
    // On 16 devices all of them fit: what does not decodes nothing.
    const sharding = { tp: 16, pp: 1, dcp: 1, dpAttention: false };
    const model = overviewOn(read(text), scenario(2, 32_768, { engine: 'vllm', sharding }), 'h100-sxm');
    for (const number of numbers) {
      const origins = derivationOf(model, number).flatMap((step) =>
        step.kind === 'text' ? step.from : step.kind === 'sum' ? [] : step.rows.flatMap(({ origin }) => origin ?? []),
      );
      const placed = origins.filter(({ range }) => range);
      expect(placed.length, number).toBeGreaterThan(1);
      for (const { key, range } of placed)
        expect(text.split('\n')[(range?.line ?? 0) - 1], number).toContain(`"${key}"`);
    }
  });

  it('adds up what several kinds of layers hold, and says in symbols what is multiplied', () => {
    const at = { engine: 'intrinsic' } as const;
    const steps = (name: string, number: 'total' | 'perToken'): readonly Step[] =>
      derivationOf(overviewOn(read(preset(name)), scenario(2, 32_768, at), 'h100-sxm'), number);
    const sums = (all: readonly Step[]): string[] => all.flatMap((step) => (step.kind === 'sum' ? [step.text] : []));
    const formulas = (all: readonly Step[]): string[] =>
      all.flatMap((step) => (step.kind === 'product' ? [step.formula] : []));
    expect(sums(steps('gemma-3-27b', 'total'))).toEqual(['832 MiB + 5 GiB = 5.81 GiB (6.24 GB)']);
    expect(sums(steps('gemma-3-27b', 'perToken'))).toEqual(['425,984 B + 81,920 B = 507,904 B']);
    expect(formulas(steps('gemma-3-27b', 'total'))).toEqual([
      'l · 2 · g · h · bytes · min(s, w) · b',
      'l · 2 · g · h · bytes · s · b',
    ]);
    // One kind of layers is its own sum.
    expect(sums(steps('gpt-3-175b', 'total'))).toEqual([]);
    expect(formulas(steps('gpt-3-175b', 'total'))).toEqual(['l · 2 · n · h · bytes · s · b']);
    expect(formulas(steps('deepseek-v3', 'total'))).toEqual(['l · (dₗ + dᵣ) · bytes · s · b']);
    // The letters stand beside the numbers that are put in for them.
    const [product] = steps('gpt-3-175b', 'total');
    expect(product?.kind === 'product' ? product.rows.map(({ value, symbol }) => [value, symbol]) : []).toEqual([
      ['96', 'l'],
      ['2', ''],
      ['96', 'n'],
      ['128', 'h'],
      ['2', 'bytes'],
      ['32,768', 's'],
      ['2', 'b'],
    ]);
  });

  it('multiplies out what each kind of layers holds, state included', () => {
    const hybrid = JSON.stringify({
      model_type: 'qwen3_next',
      architectures: ['Qwen3NextForCausalLM'],
      num_hidden_layers: 8,
      num_attention_heads: 4,
      num_key_value_heads: 2,
      head_dim: 64,
      hidden_size: 256,
      full_attention_interval: 4,
      torch_dtype: 'bfloat16',
    });
    const model = overviewOn(read(hybrid), scenario(3, 1000), 'h100-sxm');
    const results = (steps: readonly Step[]): string[] =>
      steps.flatMap((step) => (step.kind === 'product' ? [step.result] : []));
    // 2 full layers x K and V x 2 heads x 64 x 2 B x 1,000 tokens x 3 sequences
    expect(results(derivationOf(model, 'total'))).toContain('2.93 MiB (3.07 MB)');
    expect(model.state).not.toBeNull();
    expect(results(derivationOf(model, 'state'))).toEqual(
      results(derivationOf(model, 'total')).filter((result) => result !== '2.93 MiB (3.07 MB)'),
    );
  });

  it('says what does not fit, and how many devices make room', () => {
    const at = (tp: number, tokens = 32_768): string =>
      problemText(
        overviewOn(
          read(sampleConfig('deepseek-v3')),
          scenario(1, tokens, { sharding: { tp, pp: 1, dcp: 1, dpAttention: false } }),
          'h100-sxm',
        ),
      );
    expect(at(1)).toBe('Does not fit: the weights alone fill the device; fits from 16 × H100 SXM 80GB up.');
    expect(at(16)).toBe('');
    // 122 GiB halved is more than what is left for certain beside 7.5 of weights: 61 of 58 to 65.
    const llama = overviewOn(read(sampleConfig('llama-3-8b')), scenario(1, 1_000_000), 'h100-sxm');
    expect(problemText(llama)).toMatch(
      /^Does not fit: the cache takes 122.1 GiB, but only [\d.]+ GiB to [\d.]+ GiB are left after the weights; fits from 4 × H100 SXM 80GB up\.$/,
    );
    const weights = llama.memory?.segments.find(({ part }) => part === 'weights');
    expect([weights?.text, weights?.percent]).toEqual(['15.01 GiB', '19 %']);
  });

  it('gives no decode step to an encoder', () => {
    const encoder = overviewOn(
      read(
        '{"model_type": "bert", "hidden_size": 768, "num_hidden_layers": 12, "num_attention_heads": 12, "vocab_size": 30522, "intermediate_size": 3072, "max_position_embeddings": 512, "type_vocab_size": 2}',
      ),
      scenario(1, 512),
      'h100-sxm',
    );
    expect([encoder.memory?.decode, encoder.memory?.sequences]).toEqual([null, 'any number of sequences fits']);
  });

  it('names a device that is not known, and models whose weights are not', () => {
    const reading = read(sampleConfig('llama-3-8b'));
    expect(overviewOn(reading, scenario(1, 1), 'abacus').memoryProblem).toContain('abacus');
    const unknown = overviewOn(
      read('{"model_type": "nobody-knows", "num_hidden_layers": 2, "num_attention_heads": 4, "hidden_size": 64}'),
      scenario(1, 1),
      'h100-sxm',
    );
    expect(unknown.inexact).toBe(
      'model_type "nobody-knows" is not known: its 2 layers are assumed to follow the common key names. The setting headlight.families can teach Headlight this family.',
    );
    expect(unknown.memoryProblem).toContain('Its cache alone takes < 1 % of H100 SXM 80GB (80 GiB).');
  });
});

describe('the strip', () => {
  it('fills its width with cells that differ by one pixel of the screen at most, and has a hair between them where there is room', () => {
    for (const pixel of [1, 0.8, 0.5]) {
      for (const [layers, width] of [
        [61, 296],
        [96, 296],
        [12, 296],
        [126, 1100],
      ] as const) {
        const { edges, hair } = cellEdges(layers, width, pixel);
        const widths = edges.slice(1).map((edge, at) => Math.round((edge - (edges[at] ?? 0)) / pixel));
        expect(Math.max(...widths) - Math.min(...widths)).toBeLessThanOrEqual(1);
        expect(Math.abs((edges.at(-1) ?? 0) - width)).toBeLessThanOrEqual(pixel / 2);
        expect(hair).toBe(pixel);
      }
    }
    // More layers than pixels: each has one, and the strip is wider than its place.
    expect(cellEdges(4, 3, 1)).toEqual({ edges: [0, 1, 2, 3, 4], hair: 0 });
    expect(cellEdges(4, 9, 1).hair).toBe(0);
  });

  it('has a row for every layer, and a run wherever the kind changes', () => {
    const types = ['sliding_attention', 'sliding_attention', 'full_attention', 'sliding_attention'];
    const reading = read(
      JSON.stringify({
        model_type: 'gpt_oss',
        architectures: ['GptOssForCausalLM'],
        num_hidden_layers: 4,
        num_attention_heads: 8,
        num_key_value_heads: 2,
        head_dim: 64,
        hidden_size: 512,
        sliding_window: 128,
        layer_types: types,
        torch_dtype: 'bfloat16',
      }),
    );
    const model = stripModel(reading.spec, 'bf16');
    expect(model.runs.map(({ kind, first, count }) => [kind, first, count])).toEqual([
      ['sliding', 0, 2],
      ['full', 2, 1],
      ['sliding', 3, 1],
    ]);
    expect(model.rows.map(({ layers, count }) => [layers, count])).toEqual([
      ['0–1, 3', 3],
      ['2', 1],
    ]);
    expect(layerSentence(model, 3)).toBe('Layer 3: sliding window, 2 KV heads of 64, window 128; 512 B per token');
    expect(layerSentence(model, 9)).toBe('');
  });
});
