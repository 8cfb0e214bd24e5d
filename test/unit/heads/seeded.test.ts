/** Heads of a config without weights: its shapes with numbers from a seed, over a connection as the editor has it, and by the command line. */

import { readFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import type { Tensor } from '../../../src/attention/onnx/graph';
import { createEngine } from '../../../src/compute/engines/createEngine';
import { SeededModel } from '../../../src/compute/heads/seededModel';
import { UNWATCHED } from '../../../src/compute/heads/watch';
import { ComputeService } from '../../../src/compute/methods';
import { COMPUTE, type ComputeMethods } from '../../../src/shared/computeContract';
import type { CaptureParams, CaptureResult, HeadCapture } from '../../../src/shared/headsContract';
import { type CallOptions, type NoMethods, RpcPeer } from '../../../src/shared/rpc';
import { answerCheck } from '../../../src/shared/schema';
import { relativeError } from '../golden';
import { runJson, runText } from './support/cli';
import { SAMPLES } from './support/models';
import { pairedTransports } from './support/transports';

const media = resolve(import.meta.dirname, '../../../media');
const LLAMA = join(media, 'sample-configs', 'llama-3-8b', 'config.json');
const PROMPT = 'The American flag is red, white, and';

/** A connection to a compute process of its own; `memoryCeiling` in bytes. */
function connected(memoryCeiling?: number): RpcPeer<ComputeMethods, NoMethods> {
  const [near, far] = pairedTransports();
  const peer = new RpcPeer<ComputeMethods, NoMethods>(near, {}, answerCheck(COMPUTE));
  const server = new RpcPeer<NoMethods, ComputeMethods>(
    far,
    new ComputeService({ threads: 1, ...(memoryCeiling !== undefined && { memoryCeiling }) }, '').handlers(),
  );
  afterAll(() => {
    peer.dispose();
    server.dispose();
  });
  return peer;
}

const peer = connected();

/** A small Llama in which only what is given differs. */
function llama(changes: object = {}): string {
  return JSON.stringify({
    model_type: 'llama',
    hidden_size: 64,
    num_hidden_layers: 4,
    num_attention_heads: 8,
    num_key_value_heads: 2,
    intermediate_size: 96,
    vocab_size: 100,
    rms_norm_eps: 1e-5,
    ...changes,
  });
}

const preset = (name: string): string => readFileSync(join(media, 'presets', `${name}.json`), 'utf8');

interface Asked extends Partial<Pick<CaptureParams, 'layer' | 'captures' | 'logits'>> {
  readonly seed?: number;
  readonly prompt?: string;
}

interface Looked {
  readonly result: CaptureResult;
  readonly tile: (what: HeadCapture) => Promise<Tensor>;
}

async function look(
  text: string,
  { seed = 7, prompt = PROMPT, layer = 0, captures = ['q', 'k', 'v'], logits = false }: Asked = {},
  from = peer,
  options: CallOptions = {},
): Promise<Looked> {
  const model = { path: '', seeded: { text, seed } };
  const { ids } = await from.call('heads/tokens', { ...model, text: prompt });
  const result = await from.call(
    'heads/capture',
    { ...model, engine: 'onnxruntime-cpu', ids, layer, captures, measures: true, logits },
    options,
  );
  return { result, tile: (what) => from.call('heads/tile', { capture: result.capture, what }) };
}

const numbers = ({ data }: Tensor): number[] => [...(data as Float32Array)];
/** Head `head` of `[heads, tokens, dim]`. */
function headOf({ shape, data }: Tensor, head: number): number[] {
  const size = (shape[1] ?? 0) * (shape[2] ?? 0);
  return [...(data as Float32Array).subarray(head * size, (head + 1) * size)];
}

describe('seeded weights in the shapes of a config', () => {
  it('are one K and V for each group: the same inside, others between', async () => {
    const { result, tile } = await look(llama());
    expect(result.attention).toMatchObject({ kind: 'full', queryHeads: 8, kvHeads: 2, keyDim: 8 });
    expect(result.measures?.heads.map(({ group }) => group)).toEqual([0, 0, 0, 0, 1, 1, 1, 1]);
    for (const letter of ['k', 'v'] as const) {
      expect(result.measures?.identity[letter].inside).toBe(0);
      expect(result.measures?.identity[letter].between).toBeGreaterThan(0.5);
      expect((await tile(letter)).shape).toEqual([2, 9, 8]);
    }
    expect(result.seeded).toEqual({ seed: 7, note: null });
    // Queries differ in every head, though K does not.
    const q = await tile('q');
    expect(new Set(Array.from({ length: 8 }, (_, head) => headOf(q, head).join())).size).toBe(8);
  });

  it('follow the file: half the KV heads are groups twice as large', async () => {
    const { result, tile } = await look(llama({ num_key_value_heads: 4 }));
    expect(result.measures?.heads.map(({ group }) => group)).toEqual([0, 0, 1, 1, 2, 2, 3, 3]);
    expect((await tile('k')).shape).toEqual([4, 9, 8]);
  });

  it('are the same numbers for the same seed, and others for another seed or layer', async () => {
    const k = async (asked: Asked): Promise<number[]> => numbers(await (await look(llama(), asked)).tile('k'));
    const first = await k({});
    expect(await k({})).toEqual(first);
    expect(relativeError(await k({ seed: 8 }), first)).toBeGreaterThan(0.1);
    expect(relativeError(await k({ layer: 1 }), first)).toBeGreaterThan(0.1);
    // Another process makes the same.
    const other = connected();
    expect(numbers(await (await look(llama(), {}, other)).tile('k'))).toEqual(first);
  });

  it('keep what enters and leaves of the size that a norm gives', async () => {
    const v = numbers(await (await look(llama({ hidden_size: 256 }))).tile('v'));
    const size = Math.sqrt(v.reduce((sum, value) => sum + value * value, 0) / v.length);
    expect(size).toBeGreaterThan(0.8);
    expect(size).toBeLessThan(1.25);
  });

  it('give the same word the same vector, wherever it stands', async () => {
    const { result, tile } = await look(llama(), { prompt: 'red red blue' });
    expect(result.pieces).toEqual(['red', 'red', 'blue']);
    const v = headOf(await tile('v'), 0);
    expect(v.slice(0, 8)).toEqual(v.slice(8, 16));
    expect(v.slice(16, 24)).not.toEqual(v.slice(0, 8));
  });

  it('say which positions they do not know', async () => {
    const gpt2 = readFileSync(join(media, 'sample-configs', 'gpt2', 'config.json'), 'utf8');
    const { result } = await look(gpt2);
    expect(result.seeded?.note).toMatch(/position embeddings of this family are not computed/);
  });

  it('have the shapes of a family that the user taught', async () => {
    const text = llama({ model_type: 'mine', num_key_value_heads: undefined, groups: 2 });
    const families = { mine: { like: 'llama', keys: { groups: 'num_key_value_heads' } } };
    const kvHeads = async (seeded: { readonly families?: typeof families }): Promise<number[]> =>
      (await peer.call('heads/model', { path: '', seeded: { text, seed: 7, ...seeded } })).layers.map((layer) =>
        layer.kind === 'full' ? layer.kvHeads : 0,
      );
    expect(await kvHeads({ families })).toEqual([2, 2, 2, 2]);
    expect(await kvHeads({})).toEqual([8, 8, 8, 8]);
    const ids = [1, 2, 3];
    const result = await peer.call('heads/capture', {
      path: '',
      seeded: { text, seed: 7, families },
      engine: 'onnxruntime-cpu',
      ids,
      layer: 0,
      captures: ['k'],
      measures: true,
      logits: false,
    });
    expect(result.measures?.heads.map(({ group }) => group)).toEqual([0, 0, 0, 0, 1, 1, 1, 1]);
    // The known family's own maths: nothing is left out.
    expect(result.seeded?.note).toBeNull();
  });

  it('see only what the mask allows', async () => {
    const sliding = llama({ model_type: 'mistral', sliding_window: 3 });
    const { result, tile } = await look(sliding);
    expect(result.attention).toMatchObject({ kind: 'sliding', window: 3 });
    const weights = await tile('weights');
    const [, rows = 0, columns = 0] = weights.shape;
    for (let query = 0; query < rows; query++) {
      const row = headOf(weights, 5).slice(query * columns, (query + 1) * columns);
      expect(row.reduce((a, b) => a + b, 0)).toBeCloseTo(1, 5);
      row.forEach((weight, key) =>
        expect(weight > 0, `query ${query}, key ${key}`).toBe(key <= query && key > query - 3),
      );
    }
  });

  it('MQA: one K and V for all', async () => {
    const { result, tile } = await look(preset('falcon-7b'), { prompt: 'one two three' });
    expect((await tile('k')).shape).toEqual([1, 3, 64]);
    expect(result.measures?.heads).toHaveLength(71);
    expect(result.measures?.identity.k).toEqual({ inside: 0, between: null });
  });

  it('MLA: one latent and one RoPE key, and a K and V of its own for each head', async () => {
    const text = JSON.stringify({
      model_type: 'deepseek_v3',
      hidden_size: 64,
      num_hidden_layers: 2,
      num_attention_heads: 4,
      num_key_value_heads: 4,
      kv_lora_rank: 24,
      q_lora_rank: 32,
      qk_nope_head_dim: 8,
      qk_rope_head_dim: 4,
      v_head_dim: 10,
      intermediate_size: 96,
      moe_intermediate_size: 16,
      n_routed_experts: 4,
      num_experts_per_tok: 2,
      n_group: 1,
      topk_group: 1,
      first_k_dense_replace: 1,
      vocab_size: 100,
      rms_norm_eps: 1e-5,
    });
    const { result, tile } = await look(text, { captures: ['q', 'k', 'v', 'latent', 'ropeKey'] });
    expect(result.attention.kind).toBe('latent');
    expect((await tile('latent')).shape).toEqual([1, 9, 24]);
    expect((await tile('v')).shape).toEqual([4, 9, 10]);
    const [k, ropeKey] = [await tile('k'), numbers(await tile('ropeKey'))];
    expect(k.shape).toEqual([4, 9, 12]);
    for (let head = 0; head < 4; head++) {
      const own = headOf(k, head);
      for (let token = 0; token < 9; token++)
        expect(own.slice(token * 12 + 8, token * 12 + 12)).toEqual(ropeKey.slice(token * 4, token * 4 + 4));
    }
    expect(result.measures?.identity.k.between).toBeGreaterThan(0.1);
  });

  it('Llama 3 8B, as its config stands: 32 heads in 8 groups', async () => {
    const { result, tile } = await look(readFileSync(LLAMA, 'utf8'));
    expect((await tile('k')).shape).toEqual([8, 9, 128]);
    expect(result.measures?.identity.k.inside).toBe(0);
    expect(result.measures?.identity.k.between).toBeGreaterThan(1);
  });

  it('long prompts run in steps, to the same numbers', async () => {
    const model = await SeededModel.open('', { text: llama(), seed: 3 });
    const ids = await model.encode('a b c d e f g h i j k l m n o p q r s t u v w x y z '.repeat(2));
    const k = async (stepBytes?: number): Promise<Tensor | undefined> => {
      const pass = model.pass(
        createEngine('onnxruntime-cpu', { threads: 1 }),
        stepBytes === undefined ? {} : { stepBytes },
      );
      try {
        expect(pass.atOnce(0, ids.length)).toBe(stepBytes === undefined);
        return (await pass.capture({ ids, layer: 0, captures: ['q', 'k'], logits: false }, UNWATCHED)).tensors.get('k');
      } finally {
        await pass.dispose();
      }
    };
    const [whole, steps] = [await k(), await k(1)];
    expect(relativeError(steps?.data as Float32Array, numbers(whole as Tensor))).toBeLessThan(1e-5);
  });

  it('tell how far they are', async () => {
    const messages: string[] = [];
    await look(llama(), { layer: 2 }, peer, { onProgress: ({ message }) => messages.push(message) });
    expect(messages).toEqual(expect.arrayContaining(['layer 2: making seeded weights (k.weight)', 'layer 2: running']));
  });

  it('stop when they are cancelled', async () => {
    const controller = new AbortController();
    const run = look(preset('llama-3-70b'), {}, peer, {
      signal: controller.signal,
      onProgress: ({ message }) => message.includes('making') && controller.abort(),
    });
    await expect(run).rejects.toThrow(/cancelled/);
    expect((await look(llama())).result.capture).toBeGreaterThan(0);
  });

  it('are read by the tokenizer that lies beside the config, else by words', async () => {
    const folder = SAMPLES[1] ?? '';
    const seeded = { text: readFileSync(join(folder, 'config.json'), 'utf8'), seed: 1 };
    expect(await peer.call('heads/model', { path: folder, seeded })).toMatchObject({ tokenizer: true, words: false });
    expect(await peer.call('heads/model', { path: '', seeded })).toMatchObject({ tokenizer: false, words: true });
    expect((await peer.call('heads/tokens', { path: folder, seeded, text: 'Say: again' })).ids).toEqual(
      (await peer.call('heads/tokens', { path: folder, text: 'Say: again' })).ids,
    );
  });
});

describe('what has no seeded heads is refused in words', () => {
  it('a layer that does not fit, with the numbers', async () => {
    const small = connected(64 * 2 ** 20);
    await expect(look(readFileSync(LLAMA, 'utf8'), {}, small)).rejects.toMatchObject({
      code: 'tooLarge',
      message: expect.stringMatching(
        /^layer 0 needs about 9\d(\.\d+)? MiB \(96(\.0+)? MiB for its weights as float32 and .* for 9 tokens\), more than the 64(\.0+)? MiB that Headlight may use$/,
      ) as string,
    });
    // One that fits still runs.
    expect((await look(llama(), {}, small)).result.seeded?.seed).toBe(7);
  });

  it('a conversion that does not fit, though the heads of its layer would', async () => {
    const small = connected(64 * 2 ** 20);
    const text = llama({ hidden_size: 1024, num_attention_heads: 16, num_key_value_heads: 16 });
    expect((await look(text, {}, small)).result.capture).toBeGreaterThan(0);
    const convert = {
      path: '',
      seeded: { text, seed: 1 },
      engine: 'onnxruntime-cpu',
      text: 'one two three',
      layer: 0,
      conversions: [{ to: 'mqa', method: 'mean-pool' }],
    } as const;
    await expect(small.call('heads/convert', convert)).rejects.toMatchObject({
      code: 'tooLarge',
      message: expect.stringMatching(/^this run needs about 9\d(\.\d+)? MiB, more than the 64 MiB/) as string,
    });
    expect((await peer.call('heads/convert', convert)).conversions).toHaveLength(1);
  });

  it('layers of other kinds, by name', async () => {
    const text = preset('qwen3-next-80b-a3b');
    const { layers } = await peer.call('heads/model', { path: '', seeded: { text, seed: 1 } });
    expect(layers[0]).toEqual({
      kind: 'refused',
      why: 'has no heads: its mixer (gated-delta-net) keeps a state in place of K and V',
    });
    expect(layers[3]?.kind).toBe('full');
    await expect(look(text)).rejects.toThrow(/layer 0 has no heads: its mixer \(gated-delta-net\)/);
    await expect(look(llama(), { layer: 4 })).rejects.toThrow(/there is no layer 4: the config has layers 0 to 3/);
    await expect(look(llama({ num_key_value_heads: 3 }))).rejects.toThrow(
      /8 query heads are not a multiple of 3 KV heads/,
    );
    await expect(look(llama(), { captures: ['latent'] })).rejects.toThrow(/not latent/);
    await expect(look(llama(), { logits: true })).rejects.toThrow(/there is no logits/);
  });

  it('what is no config', async () => {
    await expect(look('{"name": "package"}')).rejects.toThrow(/no layer of this config can be read/);
    await expect(peer.call('heads/model', { path: '', seeded: { text: llama(), seed: -1 } })).rejects.toThrow(
      /seed must be a whole number/,
    );
  });
});

describe('heads on a config without weights', () => {
  it('says that --seed is the way', async () => {
    const { code, errors } = await runText(['heads', LLAMA, '--layer', '0', '--prompt', PROMPT]);
    expect(code).toBe(1);
    expect(errors).toMatch(
      /there are no weights in this folder\..* give --seed 1 for random weights in the shapes of the config/,
    );
  });

  it('gives the contract, and says that it is seeded', async () => {
    const args = ['heads', dirname(LLAMA), '--layer', '5', '--seed', '3', '--prompt', PROMPT, '--json'];
    const { code, value } = await runJson<Record<string, unknown>>(args);
    expect(code).toBe(0);
    expect(value).toMatchObject({
      layer: 5,
      precision: 'float32',
      text: ['The', 'American', 'flag', 'is', 'red', ',', 'white', ',', 'and'],
      seeded: { seed: 3, weights: 'random', note: null },
      identity: { k: { inside: 0 }, v: { inside: 0 } },
    });
    expect(value?.['heads']).toHaveLength(32);
    expect((await runJson(args)).value).toEqual(value);
    const { printed } = await runText(args.slice(0, -1));
    expect(printed).toMatch(/seeded weights \(seed 3\).*the numbers are random; earlier layers are skipped/);
  });

  it('refuses in words', async () => {
    const heads = (...args: string[]): Promise<{ code: number; errors: string }> =>
      runText(['heads', LLAMA, '--layer', '0', '--prompt', 'a', ...args]);
    expect(await heads('--seed', 'x')).toMatchObject({
      code: 2,
      errors: expect.stringContaining('--seed takes a whole number') as string,
    });
    expect(await heads('--seed', '3', '--dump', 'logits')).toMatchObject({
      code: 1,
      errors: expect.stringContaining('there is no logits') as string,
    });
  });
});
