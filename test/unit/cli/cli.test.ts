/** The command line's contract (design §6): one JSON object on stdout, problems on stderr, exit codes, never a stack trace. */

import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { runCli } from '../../../src/cli/run';
import { readModelConfig } from '../../../src/reading/read';
import { fitModel } from '../../../src/serving/fit';
import { deviceOf } from '../../../src/serving/hardware';
import { sampleConfig, scenario } from '../support';

const samples = resolve(import.meta.dirname, '../../../media/sample-configs');
let folder = '';

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'headlight-cli-'));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

async function cli(...args: string[]): Promise<{ code: number; out: string; err: string }> {
  const out: string[] = [];
  const err: string[] = [];
  const code = await runCli(args, { out: (text) => out.push(text), err: (text) => err.push(text) });
  return { code, out: out.join('\n'), err: err.join('\n') };
}

function file(name: string, text: string): string {
  const path = join(folder, name);
  writeFileSync(path, text);
  return path;
}

async function json(...args: string[]): Promise<Record<string, unknown>> {
  const { code, out } = await cli(...args, '--json');
  // `fit` says by its exit code, too, that it does not.
  expect(code).toBe(
    args[0] === 'fit' && /"verdict":\s*"(?:doesNotFit|refused)"/.test(out.replace(/"suggestions"[^]*/, '')) ? 3 : 0,
  );
  expect(out.split('\n')).toHaveLength(1);
  return JSON.parse(out) as Record<string, unknown>;
}

describe('estimate', () => {
  it('gives the whole contract', async () => {
    const result = await json('estimate', join(samples, 'llama-3-8b'), '--batch', '2', '--tokens', '4096');
    expect(result).toMatchObject({
      modelType: 'llama',
      variant: 'GQA',
      dtype: 'bf16',
      bytesPerToken: 131_072,
      cacheBytes: 2 * 4_096 * 131_072,
      stateBytes: 0,
      totalBytes: 2 * 4_096 * 131_072,
      parameters: 8_030_261_248,
      unknownLayers: 0,
      exact: true,
    });
    expect(result['layers']).toHaveLength(32);
    expect((result['layers'] as object[])[31]).toEqual({
      index: 31,
      kind: 'full',
      kvHeads: 8,
      keyDim: 128,
      valueDim: 128,
      window: null,
      sharedWith: null,
      stateBytes: 0,
      cacheBytes: 2 * 4_096 * 4_096,
    });
  });

  it.each([
    ['vllm', ['--opt', 'block-size=32'], 32],
    ['vllm@0.11', ['--opt', 'block_size=32'], 32],
    ['sglang', ['--opt=--page-size=64'], 64],
    ['trtllm', ['--opt', 'tokens-per-block=128'], 128],
  ])('takes options of %s by its own names: %j', async (engine, options, tokens) => {
    const result = await json('estimate', join(samples, 'llama-3-8b'), '--tokens', '1', '--engine', engine, ...options);
    expect(result['cacheBytes']).toBe(tokens * 131_072);
  });

  it('refuses an option of another engine', async () => {
    const { code, err } = await cli(
      'estimate',
      join(samples, 'llama-3-8b'),
      '--engine',
      'sglang',
      '--opt',
      'block-size=32',
    );
    expect(code).toBe(2);
    expect(err).toContain('SGLang has no option block-size: use one of page-size');
  });

  it.each([
    [['--engine', 'vllm', '--opt', 'block-size=many'], 'block-size takes a whole number of at least 1'],
    [['--engine', 'vllm', '--opt', 'async-scheduling=maybe'], 'async-scheduling takes true or false'],
    [['--engine', 'vllm@0.1'], 'vllm@0.1 is not supported: use one of vllm@0.6 (2024-09)'],
    [['--engine', 'vllm@2020-01'], 'vllm@2020-01 is not supported'],
    [['--opt', 'block-size=16'], 'the theoretical minimum has no options to set'],
  ])('says what is wrong with %j', async (options, sentence) => {
    const { code, err } = await cli('estimate', join(samples, 'llama-3-8b'), ...options);
    expect([code, err.includes(sentence)]).toEqual([2, true]);
  });

  it('names the engine, its release and every option with its value', async () => {
    const { engine } = await json(
      'estimate',
      join(samples, 'llama-3-8b'),
      '--engine',
      'vllm@2026-03',
      '--opt',
      'max-num-batched-tokens=2048',
    );
    expect(engine).toMatchObject({
      rule: 'vllm',
      release: '2026-03',
      options: { 'max-num-batched-tokens': 2_048, 'async-scheduling': true, 'enable-prefix-caching': true },
    });
  });

  it('knows a micro-batch and a unified cache of llama.cpp', async () => {
    const gemma = join(samples, '../presets/gemma-3-27b.json');
    const at = (...options: string[]): Promise<Record<string, unknown>> =>
      json('estimate', gemma, '--tokens', '32768', '--batch', '2', '--engine', 'llamacpp', ...options);
    const [usual, small, unified] = [await at(), await at('--opt', 'ubatch-size=64'), await at('--opt', 'kv-unified')];
    expect(Number(small['totalBytes'])).toBeLessThan(Number(usual['totalBytes']));
    expect(unified['totalBytes']).not.toBe(usual['totalBytes']);
  });

  it.each([
    ['vllm', 'fp8', 8, 61 * 576 * 64],
    ['vllm', 'fp8_ds_mla', 1, 61 * 656 * 64],
    ['intrinsic', 'fp8', 8, (61 * 576 * 64) / 8],
    ['llamacpp', 'q8_0', 1, 61 * 612 * 256],
    ['transformers', 'auto', 1, 61 * 1_152 * 64],
  ])('knows the engine: DeepSeek-V3, 64 tokens, %s %s on %i ranks', async (engine, dtype, tp, bytes) => {
    const result = await json(
      'estimate',
      join(samples, 'deepseek-v3'),
      '--tokens',
      '64',
      '--engine',
      engine,
      '--kv-dtype',
      dtype,
      '--tp',
      String(tp),
    );
    expect(result['cacheBytes']).toBe(bytes);
  });

  it('reads the KV format of quantization_config and of hf_quant_config.json, and no other', async () => {
    const config = JSON.parse(sampleConfig('llama-3-8b')) as object;
    const with8Bits = (quantization: object): string =>
      JSON.stringify({ ...config, quantization_config: quantization });
    const declared = file(
      'declared.json',
      with8Bits({ quant_method: 'compressed-tensors', kv_cache_scheme: { num_bits: 8, type: 'float' } }),
    );
    const weightsOnly = file('weights.json', with8Bits({ quant_method: 'fp8', kv_cache_scheme: null }));
    expect((await json('estimate', declared))['dtype']).toBe('fp8');
    expect((await json('estimate', weightsOnly))['dtype']).toBe('bf16');
    file('hf_quant_config.json', '{"quantization": {"quant_algo": "FP8", "kv_cache_quant_algo": "NVFP4"}}');
    expect((await json('estimate', weightsOnly))['dtype']).toBe('nvfp4');
  });

  it.each([
    ['no path', [], 2],
    ['two paths', ['a', 'b'], 2],
    ['an unknown option', ['a', '--bogus'], 2],
    ['an unknown engine', ['a', '--engine', 'ollama'], 2],
    ['a batch of zero', ['a', '--batch', '0'], 2],
    ['a file that is not there', ['/nowhere/config.json'], 1],
  ])('refuses %s', async (_, args, code) => {
    const result = await cli('estimate', ...args);
    expect(result.code).toBe(code);
    expect(result.out).toBe('');
    expect(result.err).not.toMatch(/\bat .*\.ts/);
  });

  it.each([
    ['a package', '{"name": "x"}'],
    ['nothing', ''],
    ['binary', '\u0000\u0001\u0002'],
    ['a config without sizes', '{"model_type": "mystery", "hidden_size": 3}'],
    ['deep nesting', '[{"a":'.repeat(50_000)],
  ])('says of %s that it is no model config', async (name, text) => {
    const result = await cli('estimate', file(`${name}.json`, text));
    expect(result.code).toBe(1);
    expect(result.err).not.toMatch(/internal error|RangeError|\bat .*\.ts/);
  });
});

describe('compare', () => {
  it("makes the lectures' comparison", async () => {
    const { rows } = (await json(
      'compare',
      join(samples, 'deepseek-v3'),
      '--as',
      'mha,gqa:8,mqa,mla:512+64',
      '--tokens',
      '100000',
    )) as {
      rows: { label: string; bytesPerToken: number; cacheBytes: number; ratio: number; parametersDelta: number }[];
    };
    expect(rows.map((row) => row.label)).toEqual(['deepseek_v3 (MLA)', 'MHA', 'GQA-8', 'MQA', 'MLA 512 + 64']);
    expect(rows.map((row) => row.bytesPerToken)).toEqual([70_272, 3_997_696, 249_856, 31_232, 70_272]);
    expect((1 / (rows[1]?.ratio ?? 0)).toFixed(1)).toBe('56.9');
    expect(rows[4]?.parametersDelta).toBe(0);
  });

  it('refuses groups that do not divide the heads', async () => {
    const result = await cli('compare', join(samples, 'llama-3-8b'), '--as', 'gqa:5');
    expect(result.code).toBe(1);
    expect(result.err).toMatch(/5 groups do not divide 32 query heads/);
    expect((await cli('compare', join(samples, 'llama-3-8b'), '--as', 'mla:x')).code).toBe(2);
  });
});

describe('fit', () => {
  it('takes the share of the memory from the engine option', async () => {
    const budget = async (...options: string[]): Promise<number> =>
      Number((await json('fit', join(samples, 'llama-3-8b'), '--gpu', 'h100-sxm', ...options))['cacheBudgetBytes']);
    const [usual, asked, flag] = [
      await budget('--engine', 'vllm@2026-08'),
      await budget('--engine', 'vllm@2026-08', '--opt', 'gpu-memory-utilization=0.5'),
      await budget('--engine', 'vllm@2026-08', '--fraction', '0.92'),
    ];
    expect(usual).toBe(flag);
    expect(asked).toBeLessThan(usual);
    const half = await budget('--engine', 'sglang', '--opt', 'mem-fraction-static=0.5');
    expect(half).toBe(await budget('--engine', 'sglang', '--fraction', '0.5'));
    expect(half).toBeLessThan(await budget('--engine', 'sglang'));
  });

  it('says that a set-up is refused, and then nothing fits', async () => {
    const args = ['fit', join(samples, 'llama-3-8b'), '--gpu', 'h100-sxm', '--engine', 'vllm', '--tp', '3'];
    const { refused, fits } = await json(...args);
    expect([refused, fits]).toEqual(['3 devices for 32 query heads, which do not divide evenly', false]);
    expect((await cli(...args)).out).toContain('vLLM refuses 3 devices for 32 query heads');
  });

  it('says what fits, and that one more does not', async () => {
    const args = [
      'fit',
      join(samples, 'llama-3-8b'),
      '--gpu',
      'h100-sxm',
      '--engine',
      'vllm',
      '--tokens',
      '8192',
      '--overhead-gib',
      '0',
    ];
    const report = await json(...args);
    const fitting = (report['concurrentSequences'] as { value: number }).value;
    const budget = report['cacheBudgetBytes'] as number;
    expect(fitting * 8_192 * 131_072).toBeLessThanOrEqual(budget);
    expect((fitting + 1) * 8_192 * 131_072).toBeGreaterThan(budget);
    expect((await json(...args, '--batch', String(fitting)))['fits']).toBe(true);
    expect((await json(...args, '--batch', String(fitting + 1)))['fits']).toBe(false);
    const longest = (report['longestContext'] as { value: number }).value;
    expect((await json(...args.map((arg) => (arg === '8192' ? String(longest) : arg))))['fits']).toBe(true);
    expect((await json(...args.map((arg) => (arg === '8192' ? String(longest + 16) : arg))))['fits']).toBe(false);
  });

  it('takes the share of the memory that the engine takes, as the editor and the panel do', async () => {
    const budget = async (engine: string): Promise<unknown> =>
      (await json('fit', join(samples, 'llama-3-8b'), '--gpu', 'h100-sxm', '--engine', engine))['cacheBudgetBytes'];
    const reading = readModelConfig(sampleConfig('llama-3-8b'));
    const device = deviceOf('h100-sxm');
    if (!reading || !device) throw new Error('no sample');
    for (const [release, share] of [
      ['2026-08', 0.92],
      ['0.11', 0.9],
    ] as const) {
      const at = { ...scenario(1, 1, { engine: 'vllm' }), release };
      const report = fitModel({ reading, device, scenario: at, weights: null });
      expect(report?.fraction).toBe(share);
      expect(await budget(`vllm@${release}`)).toBe(report?.cacheBudgetBytes);
    }
  });

  it('tells a range, a verdict, the parts and how each was found, and what would make it fit', async () => {
    const args = [
      'fit',
      join(samples, 'llama-3-8b'),
      '--gpu',
      'rtx-4090',
      '--engine',
      'vllm@2026-08',
      '--tokens',
      '131072',
    ];
    const report = await json(...args);
    const [low, high] = ['low', 'high'].map((end) => (report[end] as { cacheBudgetBytes: number }).cacheBudgetBytes);
    expect(low).toBeLessThan(report['cacheBudgetBytes'] as number);
    expect(high).toBeGreaterThan(report['cacheBudgetBytes'] as number);
    expect([report['verdict'], report['fits']]).toEqual(['doesNotFit', false]);
    const parts = report['parts'] as { part: string; how: string; bytes: { low: number; high: number } }[];
    expect(parts.map(({ part }) => part)).toEqual(['weights', 'activations', 'graphs', 'other']);
    for (const { how, bytes } of parts) expect([how.length > 3, bytes.low <= bytes.high]).toEqual([true, true]);
    // Of a 24 GiB card vLLM takes 2,048 tokens and 256 sequences.
    expect(parts[1]?.how).toMatch(/2,048 tokens .* 256 × 128,256 logits/);
    const suggestions = report['suggestions'] as { flag: string; verdict: string }[];
    expect(suggestions.length).toBeGreaterThan(0);
    for (const { flag, verdict } of suggestions) {
      expect(verdict).toBe('fits');
      const [name = '', value] = flag.split(' ');
      const changed = args.includes(name)
        ? args.map((arg, at) => (args[at - 1] === name ? (value ?? '') : arg))
        : [...args, name, value ?? ''];
      expect((await json(...changed))['verdict'], flag).toBe('fits');
    }
    const { out } = await cli(...args);
    expect(out).toMatch(/^room for the cache: [\d.]+ GiB to [\d.]+ GiB$/m);
    expect(out).toMatch(/: does not fit$/m);
    expect(out).toMatch(/^would fit with .*: --/m);
  });

  it('ends with 3 where it does not fit, in text as in JSON, and with 0 for a table or what is not known', async () => {
    const args = ['fit', join(samples, 'llama-3-8b'), '--engine', 'vllm@2026-08', '--tokens', '131072'];
    for (const more of [[], ['--json']]) {
      expect((await cli(...args, '--gpu', 'rtx-4090', ...more)).code).toBe(3);
      expect((await cli(...args, '--gpu', 'h200-sxm', ...more)).code).toBe(0);
      expect((await cli(...args, ...more)).code).toBe(0);
    }
    const help = await cli('fit', '--help');
    expect([help.code, help.err]).toEqual([0, '']);
    expect(help.out).toMatch(/headlight fit PATH[\s\S]*--gpu/);
    expect(help.out).toContain('Exit code 3: it does not');
  });

  it('is told of by estimate, too, where a format is named', async () => {
    const args = ['estimate', join(samples, 'llama-3-8b'), '--tokens', '4096'];
    const plain = await cli(...args);
    const fp8 = await cli(...args, '--weights', 'fp8');
    expect(fp8.out).toBe(
      `${plain.out}\n  weights 8.46 GiB (9.08 GB) in all (as fp8, chosen; the file says bfloat16: 6,979,321,856 parameters of attention, feed-forward and experts, assumed in fp8 with a scale per tensor; embedding, head, norms and routers (1,050,939,392) × 2 bytes), not counted in the cache`,
    );
    expect(await json(...args)).not.toHaveProperty('weights');
    const { weights, ...others } = await json(...args, '--weights', 'fp8');
    expect(weights).toMatchObject({ chosen: { format: 'fp8' } });
    expect(others).toEqual(await json(...args));
  });

  it('assumes a format of the weights where one is named', async () => {
    const args = ['fit', join(samples, 'llama-3-8b'), '--gpu', 'rtx-4090', '--engine', 'llamacpp'];
    const of = async (format: string): Promise<number> =>
      ((await json(...args, '--weights', format))['weights'] as { bytes: number }).bytes;
    expect(Math.abs((await of('q4_k_m')) - 4_920_733_984)).toBeLessThan(0.003 * 4.92e9);
    expect(await of('Q8_0')).toBeGreaterThan(await of('q6-k'));
    expect((await cli(...args, '--weights', 'fp8')).out).toContain(
      '6,979,321,856 parameters of attention, feed-forward and experts, assumed in fp8',
    );
    const unknown = await cli(...args, '--weights', 'fp3');
    expect([unknown.code, unknown.err.includes('--weights must be one of fp32, bf16')]).toEqual([2, true]);
  });

  it('prints every device in numbers of 1 to 16 where none is named, the smallest that fits first', async () => {
    const args = ['fit', join(samples, 'llama-3-8b'), '--engine', 'llamacpp', '--tokens', '8192', '--weights', 'q8_0'];
    const { rows } = (await json(...args)) as {
      rows: { id: string; fitsFrom: number | null; cells: { devices: number; verdict: string }[] }[];
    };
    const memory = (row: (typeof rows)[number]): number => (row.fitsFrom ?? NaN) * (deviceOf(row.id)?.memoryBytes ?? 0);
    const fitting = rows.filter(({ fitsFrom }) => fitsFrom !== null);
    expect(fitting.length).toBeGreaterThan(20);
    expect(fitting.map(memory)).toEqual(fitting.map(memory).sort((a, b) => a - b));
    // Each cell is what --gpu and --tp say.
    for (const { id, cells } of rows.slice(0, 2)) {
      const last = cells.at(-1);
      const alone = await json(...args, '--gpu', id, '--tp', String(last?.devices));
      expect(alone['verdict']).toBe(last?.verdict);
    }
    const { code, out } = await cli(...args);
    expect([code, out.includes('as q8_0, chosen; the file says bfloat16')]).toEqual([0, true]);
    expect(out).toMatch(/\n[^\n]+ {2}fits on one device, [\d.]+ GiB\n/);
  });

  it('says which device the numbers are of where llama.cpp splits layers', async () => {
    const args = ['fit', join(samples, 'llama-3-8b'), '--gpu', 'rtx-4090', '--engine', 'llamacpp', '--tp', '2'];
    const { out } = await cli(...args, '--tokens', '32768');
    expect(out).toContain('the fullest device has 17 of 32 layers: the numbers are for this device');
    expect(out).toContain('cache 4 GiB · 2.13 GiB on the fullest of 2');
    expect((await cli(...args, '--opt', 'split-mode=tensor')).code).toBe(2);
  });

  it('says that a format can be assumed where the quantisation is not known', async () => {
    const path = join(folder, 'quantised.json');
    const config = JSON.parse(sampleConfig('llama-3-8b')) as object;
    writeFileSync(path, JSON.stringify({ ...config, quantization_config: { quant_method: 'of tomorrow' } }));
    const { code, err } = await cli('fit', path, '--gpu', 'h100-sxm');
    expect([code, err.includes('its quantisation is not known: choose a type with --weights FORMAT')]).toEqual([
      1,
      true,
    ]);
    expect((await json('fit', path, '--gpu', 'h100-sxm', '--weights', 'int4'))['verdict']).toBe('fits');
  });

  it('knows months between two releases, and the first V1 and V0', async () => {
    const low = async (release: string): Promise<number> => {
      const args = ['--gpu', 'h100-sxm', '--fraction', '0.95', '--engine', `vllm@${release}`];
      return ((await json('fit', join(samples, 'llama-3-8b'), ...args))['low'] as { cacheBudgetBytes: number })
        .cacheBudgetBytes;
    };
    // Sampling took less from 0.17 (2026-03) on.
    expect(await low('2026-04')).toBeGreaterThan((await low('2026-02')) + 2 * 2 ** 30);
    expect(await low('2026-02')).toBe(await low('0.11'));
    expect(await low('0.6')).toBeGreaterThan(0);
  });

  it('names the devices it knows', async () => {
    const result = await cli('fit', join(samples, 'llama-3-8b'), '--gpu', 'abacus');
    expect(result.code).toBe(2);
    expect(result.err).toMatch(/h100-sxm/);
  });
});

describe('what is asked in another way than it can be answered', () => {
  it.each([
    'estimate',
    'lint',
    'fit',
    'heads',
    'generate',
    'lens',
    'named',
    'diversity',
    'convert',
    'compare',
    'bench',
  ])('%s --help shows how it is used', async (command) => {
    for (const args of [[command, '--help'], [command, 'x', '-h'], ['-h']]) {
      const { code, out, err } = await cli(...args);
      expect([code, out.split(' ')[0], err]).toEqual([0, 'usage:', '']);
    }
  });

  it('a path may be called like an option', async () => {
    expect((await cli('estimate', '--', '--help')).err).toContain('--help: no such file');
  });

  it.each([
    ['[1]', 'families must be an object'],
    ['', 'A value is expected here'],
    ['null', 'families must be an object'],
    ['{"a": 3}', 'a must be an object with like, keys or layerKinds'],
    ['{"a": {"keys": 5}}', 'a.keys must be an object of names'],
    ['{"a": {"keys": {"x": 5}}', 'A closing brace is missing'],
  ])('a families file %j is an error', async (text, problem) => {
    const { code, out, err } = await cli(
      'estimate',
      join(samples, 'llama-3-8b'),
      '--families',
      file('taught.json', text),
    );
    expect([code, out]).toEqual([1, '']);
    expect(err).toContain(problem);
  });

  it('a broken file is linted as JSON, too', async () => {
    for (const text of ['{"model_type": "llama", "hidden_size": 4096,', '{"model_type" ', '[', 'no JSON']) {
      const { code, out } = await cli('lint', file('broken.json', text), '--json');
      expect(code).toBe(1);
      const { problems } = JSON.parse(out) as { problems: { rule: string; line: number }[] };
      expect(problems[0]).toMatchObject({ rule: 'json-syntax', line: 1 });
    }
  });

  it('a config that is too large says so', async () => {
    const keys = Object.fromEntries(Array.from({ length: 110_000 }, (_, index) => [`k${index}`, index]));
    const { code, err } = await cli('estimate', file('large.json', JSON.stringify({ model_type: 'llama', ...keys })));
    expect([code, err]).toEqual([
      1,
      expect.stringMatching(
        /large\.json:1: The file is too large to be a model config: more than about 320000 JSON tokens\./,
      ),
    ]);
  });

  it.each(['intrinsic', 'sglang', 'trtllm', 'transformers'])(
    'context parallelism is not exact under %s, which has none that is known',
    async (engine) => {
      const { code, out } = await cli(
        'estimate',
        join(samples, 'llama-3-8b'),
        `--engine=${engine}`,
        '--dcp=2',
        '--json',
      );
      const { exact, notes } = JSON.parse(out) as { exact: boolean; notes: string[] };
      expect([code, exact]).toEqual([0, false]);
      expect(notes.join()).toContain('decode context parallelism is modelled for vLLM only');
    },
  );

  it.each(['', ' ', '0x1', '1e', 'NaN', 'Infinity', '-0.5', '1,5', '1.0.0', '2'])(
    '--fraction %j is refused',
    async (text) => {
      const { code, err } = await cli('fit', join(samples, 'llama-3-8b'), '--gpu', 'h100-sxm', `--fraction=${text}`);
      expect(code).toBe(2);
      expect(err).toContain('--fraction must be a number from 0 to 1');
    },
  );

  it('decimals are taken', async () => {
    const budgets = ['0.9', '.9', '9e-1', '0.90'].map(async (text) => {
      const { fraction } = await json('fit', join(samples, 'llama-3-8b'), '--gpu', 'h100-sxm', '--fraction', text);
      return fraction;
    });
    expect(new Set(await Promise.all(budgets)).size).toBe(1);
  });

  it.each([
    [['--pp', '1000000000'], '--pp must be a whole number from 1 to 4096'],
    [['--pp', '5000000000'], '--pp must be a whole number from 1 to 4096'],
    [['--tp', '4096', '--pp', '4096'], '--tp × --pp is more than 4096 devices'],
    [['--batch', '100000000', '--tokens', '100000000'], '--batch × --tokens is more than 2^53 tokens'],
  ])('%j is refused', async (options, problem) => {
    for (const engine of ['vllm', 'llamacpp']) {
      const { code, err } = await cli('estimate', join(samples, 'llama-3-8b'), '--engine', engine, ...options);
      expect(code).toBe(2);
      expect(err).toContain(problem);
    }
  });

  it('more layers that draft than any model has are an error, and are not counted', async () => {
    const text = {
      ...(JSON.parse(readFileSync(join(samples, 'deepseek-v3/config.json'), 'utf8')) as object),
      num_nextn_predict_layers: 1e8,
    };
    const { code, err, out } = await cli('estimate', file('drafts.json', JSON.stringify(text)), '--mtp', '--json');
    expect(code).toBe(0);
    expect(err).toContain('num_nextn_predict_layers must be a whole number from 0 to 4096, but is 100000000');
    expect((JSON.parse(out) as { exact: boolean }).exact).toBe(false);
  });

  it('a token that the config has not is refused with seeded weights, too', async () => {
    const args = ['heads', join(samples, 'llama-3-8b'), '--layer', '0', '--seed', '1', '--ids'];
    const { code, err } = await cli(...args, '1,128256');
    expect([code, err]).toEqual([1, 'token 128256 is not in the vocabulary: the config has ids 0 to 128255']);
  });
});

describe('tensors', () => {
  const gqa = resolve(import.meta.dirname, '../../../media/samples/gqa');

  it('lists what a file, or a folder, holds: as text with heads, as JSON whole', async () => {
    const { code, out } = await cli('tensors', gqa, '--find', 'K layers.1.');
    expect(code).toBe(0);
    expect(out).toMatch(/^Safetensors: \d+ tensors/);
    expect(out).toMatch(/model\.layers\.1\.self_attn\.k_proj\.weight .* K · 2 heads of \d+, each for 4 query heads/);
    const all = await json('tensors', join(gqa, 'model.safetensors'));
    const list = all['list'] as { name: string; bytes: number; heads: unknown }[];
    expect(list).toHaveLength(Number(all['tensors']));
    expect(list.reduce((sum, { bytes }) => sum + bytes, 0)).toBe((all['weights'] as { bytes: number }).bytes);
    expect(all).toMatchObject({ unmarked: null, mismatchCount: 0, mismatches: [] });
  });

  it('sorts, cuts, and says what is left', async () => {
    const { out } = await cli('tensors', gqa, '--sort', 'bytes', '--limit', '1');
    expect(out).toMatch(/… \d+ more: --limit, or --find$/);
    const { list } = await json('tensors', gqa, '--sort', 'bytes');
    const bytes = (list as { bytes: number }[]).map((tensor) => tensor.bytes);
    expect(bytes).toEqual([...bytes].sort((a, b) => b - a));
  });

  it('measures one tensor', async () => {
    const { count, minimum, mean, maximum, histogram } = await json('tensors', gqa, '--values', 'model.norm.weight');
    expect(Number(minimum)).toBeLessThanOrEqual(Number(mean));
    expect(Number(mean)).toBeLessThanOrEqual(Number(maximum));
    const { counts } = histogram as { counts: number[] };
    expect(counts.reduce((sum, each) => sum + each, 0)).toBe(count);
  });

  it('refuses in sentences', async () => {
    expect(await cli('tensors', gqa, '--sort', 'colour')).toMatchObject({ code: 2 });
    expect(await cli('tensors', gqa, '--limit', '-1')).toMatchObject({ code: 2 });
    expect(await cli('tensors', gqa, '--values', 'nothing')).toMatchObject({
      code: 1,
      err: expect.stringContaining('there is no such tensor'),
    });
    expect(await cli('tensors', resolve(import.meta.dirname, 'cli.test.ts'))).toMatchObject({ code: 1 });
  });
});
