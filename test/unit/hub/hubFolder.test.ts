/** Commands on a name of the Hub: the answers of a local folder, the bytes that they need, and none the second time. */

import { createHash } from 'node:crypto';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { scanCacheDir } from '@huggingface/hub';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { runCli } from '../../../src/cli/run';
import { cached } from '../stores/support/machine';
import { f32, generator, safetensors, type TensorBytes } from '../weights/files';
import { LoopbackHub, type Repo, type RepoFile } from './support/loopbackHub';

const SAMPLE = resolve(import.meta.dirname, '../../../media/samples/gqa');

let hub: LoopbackHub;
let home = '';

function sample(): Repo {
  return {
    files: Object.fromEntries(
      readdirSync(SAMPLE).map((name) => {
        const content = new Uint8Array(readFileSync(join(SAMPLE, name)));
        return [name, name.endsWith('.safetensors') ? { content, large: true, xet: true } : content];
      }),
    ),
  };
}

interface LlamaShape {
  readonly hidden_size: number;
  readonly intermediate_size: number;
  readonly num_attention_heads: number;
  readonly num_hidden_layers: number;
  readonly num_key_value_heads: number;
  readonly vocab_size: number;
}

/** Four sparse shards with the tensors of a Llama in bf16, all zeros: on the disk they are as large as their headers. */
function llamaShards(folder: string, shape: LlamaShape): Repo['files'] {
  const { hidden_size: hidden, intermediate_size: inner, num_hidden_layers: layers, vocab_size: vocabulary } = shape;
  const keyWidth = (hidden / shape.num_attention_heads) * shape.num_key_value_heads;
  const tensors: [string, number[]][] = [['model.embed_tokens.weight', [vocabulary, hidden]]];
  for (let layer = 0; layer < layers; layer++) {
    const at = `model.layers.${layer}.`;
    tensors.push([`${at}input_layernorm.weight`, [hidden]], [`${at}post_attention_layernorm.weight`, [hidden]]);
    tensors.push(
      [`${at}self_attn.q_proj.weight`, [hidden, hidden]],
      [`${at}self_attn.o_proj.weight`, [hidden, hidden]],
    );
    tensors.push(
      [`${at}self_attn.k_proj.weight`, [keyWidth, hidden]],
      [`${at}self_attn.v_proj.weight`, [keyWidth, hidden]],
    );
    tensors.push([`${at}mlp.gate_proj.weight`, [inner, hidden]], [`${at}mlp.up_proj.weight`, [inner, hidden]]);
    tensors.push([`${at}mlp.down_proj.weight`, [hidden, inner]]);
  }
  tensors.push(['model.norm.weight', [hidden]], ['lm_head.weight', [vocabulary, hidden]]);
  const weightMap: Record<string, string> = {};
  const files: Record<string, RepoFile | string> = {};
  for (let shard = 0; shard < 4; shard++) {
    const name = `model-0000${shard + 1}-of-00004.safetensors`;
    const size = Math.ceil(tensors.length / 4);
    let offset = 0;
    const header: Record<string, object> = {};
    for (const [tensor, dims] of tensors.slice(shard * size, (shard + 1) * size)) {
      const bytes = 2 * dims.reduce((product, dim) => product * dim, 1);
      header[tensor] = { dtype: 'BF16', shape: dims, data_offsets: [offset, offset + bytes] };
      weightMap[tensor] = name;
      offset += bytes;
    }
    const json = JSON.stringify(header);
    const start = Buffer.alloc(8);
    start.writeBigUInt64LE(BigInt(json.length));
    const file = join(folder, name);
    writeFileSync(file, Buffer.concat([start, Buffer.from(json)]));
    truncateSync(file, 8 + json.length + offset);
    const sha256 = createHash('sha256').update(json).digest('hex');
    files[name] = { content: { file, bytes: 8 + json.length + offset, sha256 }, large: true, xet: true };
  }
  return { ...files, 'model.safetensors.index.json': JSON.stringify({ weight_map: weightMap }) };
}

const MIXTURE = {
  architectures: ['MixtralForCausalLM'],
  model_type: 'mixtral',
  hidden_size: 64,
  intermediate_size: 512,
  num_hidden_layers: 2,
  num_attention_heads: 4,
  num_key_value_heads: 2,
  num_local_experts: 16,
  num_experts_per_tok: 2,
  vocab_size: 64,
  dtype: 'float32',
};
/** w1, w2 and w3 of one. */
const EXPERT_BYTES = 3 * MIXTURE.intermediate_size * MIXTURE.hidden_size * 4;

/** Its weights, of small numbers that differ. */
function mixtureOfExperts(): Uint8Array {
  const { hidden_size: hidden, intermediate_size: inner, vocab_size: vocabulary, num_local_experts: experts } = MIXTURE;
  const random = generator(16);
  const tensor = (...shape: readonly number[]): TensorBytes => {
    const count = shape.reduce((product, size) => product * size, 1);
    return { dtype: 'F32', shape, bytes: f32(Array.from({ length: count }, () => (random(2_001) - 1_000) / 10_000)) };
  };
  const layers = [0, 1].flatMap((layer) => {
    const at = `model.layers.${layer}.`;
    return [
      [`${at}input_layernorm.weight`, tensor(hidden)],
      [`${at}post_attention_layernorm.weight`, tensor(hidden)],
      [`${at}self_attn.q_proj.weight`, tensor(hidden, hidden)],
      [`${at}self_attn.k_proj.weight`, tensor(hidden / 2, hidden)],
      [`${at}self_attn.v_proj.weight`, tensor(hidden / 2, hidden)],
      [`${at}self_attn.o_proj.weight`, tensor(hidden, hidden)],
      [`${at}block_sparse_moe.gate.weight`, tensor(experts, hidden)],
      ...Array.from({ length: experts }, (_, expert) => [
        [`${at}block_sparse_moe.experts.${expert}.w1.weight`, tensor(inner, hidden)],
        [`${at}block_sparse_moe.experts.${expert}.w2.weight`, tensor(hidden, inner)],
        [`${at}block_sparse_moe.experts.${expert}.w3.weight`, tensor(inner, hidden)],
      ]).flat(),
    ] as [string, TensorBytes][];
  });
  return safetensors({
    'model.embed_tokens.weight': tensor(vocabulary, hidden),
    ...Object.fromEntries(layers),
    'model.norm.weight': tensor(hidden),
    'lm_head.weight': tensor(vocabulary, hidden),
  });
}

beforeEach(async () => {
  home = mkdtempSync(join(tmpdir(), 'headlight-hub-'));
  hub = await LoopbackHub.start({ 'org/name': sample() });
  vi.stubEnv('HF_HOME', home);
  vi.stubEnv('HF_HUB_CACHE', undefined);
  vi.stubEnv('HUGGINGFACE_HUB_CACHE', undefined);
  vi.stubEnv('HF_TOKEN', undefined);
  vi.stubEnv('HF_ENDPOINT', hub.endpoint);
  vi.stubEnv('HF_HUB_OFFLINE', undefined);
});

afterEach(async () => {
  vi.unstubAllEnvs();
  await hub.close();
  rmSync(home, { recursive: true, force: true });
});

async function cli(...args: readonly string[]): Promise<{ code: number; out: string; err: string }> {
  const out: string[] = [];
  const err: string[] = [];
  const code = await runCli(args, { out: (text) => out.push(text), err: (text) => err.push(text) });
  return { code, out: out.join('\n'), err: err.join('\n') };
}

/** `lint` names the file that it read. */
function withoutFile(text: string): object {
  const { file: _, ...rest } = JSON.parse(text) as { readonly file?: string };
  return rest;
}

describe('a name on the Hub as a PATH', () => {
  test.each([
    ['estimate', '--json'],
    ['fit', '--gpu', 'h100-sxm', '--json'],
    ['lint', '--json'],
    ['heads', '--layer', '0', '--ids', '1,2,3,4', '--json'],
  ])('%s: as of a local folder, and a second run makes no request', async (command, ...options) => {
    const local = await cli(command, SAMPLE, ...options);
    const first = await cli(command, 'hf:org/name', ...options);
    expect(first.code, first.err).toBe(local.code);
    expect(withoutFile(first.out)).toEqual(withoutFile(local.out));
    expect(first.err).toContain(`from ${new URL(hub.endpoint).host}`);
    hub.forget();
    const second = await cli(command, 'hf:org/name', ...options);
    expect(second.out).toBe(first.out);
    expect(hub.seen).toEqual([]);
  });

  test('only what is read of the weights is fetched, and stays', async () => {
    await cli('estimate', 'hf:org/name', '--json');
    expect(hub.seen.filter(({ port }) => port === 'store')).toEqual([]);
    await cli('heads', 'hf:org/name', '--layer', '0', '--ids', '1,2,3', '--json');
    const fetched = hub.seen.filter(({ port }) => port === 'store').reduce((sum, { bytes }) => sum + bytes, 0);
    const whole = readFileSync(join(SAMPLE, 'model.safetensors')).byteLength;
    expect(fetched).toBeGreaterThan(0);
    expect(fetched).toBeLessThan(whole);
  });

  test.each([
    ['layer 0', '0', []],
    ['a deeper layer', '2', []],
    ['K and V alone', '1', ['--dump', 'k,v', '--no-measures']],
    ['logits, which need all of it', '0', ['--dump', 'logits']],
  ])('%s: at most the bytes that were said before', async (_, layer, options) => {
    await cli('estimate', 'hf:org/name', '--json');
    hub.forget();
    const run = await cli('heads', 'hf:org/name', '--layer', layer, '--ids', '1,2,300', ...options, '--json');
    expect(run.code, run.err).toBe(0);
    const said = Number(/fetching at most ([\d,]+) B of the weights/.exec(run.err)?.[1]?.replaceAll(',', ''));
    const parts = hub.seen.filter(({ port }) => port === 'store');
    // The header comes first, and says where the rest is.
    const header = parts.find(({ range }) => range?.startsWith('bytes=0-') === true);
    const fetched = parts.reduce((sum, { bytes }) => sum + bytes, 0) - (header?.bytes ?? 0);
    expect(fetched).toBeGreaterThan(0);
    expect(fetched).toBeLessThanOrEqual(said);
    // It is no idle number: it is not twice what was needed.
    expect(said).toBeLessThan(2 * fetched + 400_000);
    const local = await cli('heads', SAMPLE, '--layer', layer, '--ids', '1,2,300', ...options, '--json');
    expect(run.out).toBe(local.out);
    expect(local.err).toBe('');
    expect((await cli('heads', 'hf:org/name', '--layer', layer, '--ids', '1,2,300', ...options, '--json')).err).toBe(
      '',
    );
  });

  test('of experts, at most as many are counted as the tokens can choose', async () => {
    const folder = join(home, 'moe');
    const weights = mixtureOfExperts();
    mkdirSync(folder);
    writeFileSync(join(folder, 'config.json'), JSON.stringify(MIXTURE));
    writeFileSync(join(folder, 'model.safetensors'), weights);
    await hub.close();
    hub = await LoopbackHub.start({
      'org/moe': {
        files: { 'config.json': JSON.stringify(MIXTURE), 'model.safetensors': { content: weights, large: true } },
      },
    });
    vi.stubEnv('HF_ENDPOINT', hub.endpoint);
    const ask = ['--layer', '1', '--ids', '5', '--dump', 'k,v', '--no-measures', '--json'];
    const { code, out, err } = await cli('heads', 'hf:org/moe', ...ask);
    expect(code, err).toBe(0);
    expect(out).toBe((await cli('heads', folder, ...ask)).out);
    const said = Number(/fetching at most ([\d,]+) B of the weights/.exec(err)?.[1]?.replaceAll(',', ''));
    const parts = hub.seen.filter(({ port }) => port === 'store');
    const fetched = parts.reduce((sum, { bytes, range }) => sum + (range?.startsWith('bytes=0-') ? 0 : bytes), 0);
    expect(fetched).toBeGreaterThan(2 * EXPERT_BYTES);
    expect(fetched).toBeLessThanOrEqual(said);
    // Two of sixteen, and what is beside them.
    expect(said).toBeLessThan(5 * EXPERT_BYTES);
    expect(weights.byteLength).toBeGreaterThan(32 * EXPERT_BYTES);
  });

  test.each([
    ['convert', '--layer', '1', '--to', 'mqa', '--ids', '1,2,3', '--json'],
    ['generate', '--tokens', '1', '--ids', '1,2,3'],
    ['named', '--ids', '1,2,3', '--json'],
  ])('%s says before it starts what it fetches, and fetches no more', async (command, ...options) => {
    const { code, err, out } = await cli(command, 'hf:org/name', ...options);
    expect(code, err).toBe(0);
    const said = Number(/fetching at most ([\d,]+) B/.exec(err)?.[1]?.replaceAll(',', ''));
    const headers = Number(
      /what is needed of the headers of its weights \(at most ([\d,]+) B\)/.exec(err)?.[1]?.replaceAll(',', ''),
    );
    const parts = hub.seen.filter(({ port }) => port === 'store');
    const fetched = parts.reduce((sum, { bytes, range }) => sum + (range?.startsWith('bytes=0-') ? 0 : bytes), 0);
    expect(fetched).toBeGreaterThan(0);
    expect(fetched).toBeLessThanOrEqual(said);
    expect(parts[0]?.bytes).toBeLessThanOrEqual(headers);
    expect(out).toBe((await cli(command, SAMPLE, ...options)).out);
  });

  test('what Python downloaded is used as it is: no request', async () => {
    const cache = join(home, 'hub');
    const files = Object.fromEntries(
      readdirSync(SAMPLE).map((name) => [name, new Uint8Array(readFileSync(join(SAMPLE, name)))]),
    );
    cached(cache, 'org/downloaded', files);
    const run = await cli('heads', 'hf:org/downloaded', '--layer', '0', '--ids', '1,2', '--json');
    expect(run.code, run.err).toBe(0);
    expect(run.out).toBe((await cli('heads', SAMPLE, '--layer', '0', '--ids', '1,2', '--json')).out);
    expect(hub.seen).toEqual([]);
  });

  test('Python finds what was fetched: the layout is its own', async () => {
    await cli('estimate', 'hf:org/name', '--json');
    const { repos, warnings } = await scanCacheDir(join(home, 'hub'));
    expect(warnings).toEqual([]);
    expect(repos.map(({ id }) => id)).toEqual([{ name: 'org/name', type: 'model' }]);
    const [revision] = repos[0]?.revisions ?? [];
    expect(revision?.refs).toEqual(['main']);
    for (const { path, blob } of revision?.files ?? []) {
      const bytes = readFileSync(path);
      expect(readFileSync(blob.path)).toEqual(bytes);
      const id = createHash('sha1').update(`blob ${bytes.byteLength}\0`).update(bytes).digest('hex');
      expect(blob.path.endsWith(id)).toBe(true);
    }
    expect(revision?.files.some(({ path }) => path.endsWith('config.json'))).toBe(true);
  });

  test('offline: what is here is used, the rest is said', async () => {
    vi.stubEnv('HF_HUB_OFFLINE', '1');
    const without = await cli('estimate', 'hf:org/name', '--json');
    expect(without.code).toBe(1);
    expect(without.err).toContain('the network is off');
    vi.stubEnv('HF_HUB_OFFLINE', undefined);
    await cli('estimate', 'hf:org/name', '--json');
    vi.stubEnv('HF_HUB_OFFLINE', '1');
    expect((await cli('estimate', 'hf:org/name', '--json')).code).toBe(0);
    const heads = await cli('heads', 'hf:org/name', '--layer', '0', '--ids', '1,2', '--json');
    expect([heads.code, heads.err]).toEqual([1, expect.stringContaining('the network is off')]);
  });

  test.each([
    ['hf:org/none', /was not found/],
    ['hf:../x', /not the name of a model/],
    ['hf:org/name@v9', /no such revision/],
    ['hf:org/name/none/config.json', /no such file/],
  ])('%s: in words', async (name, message) => {
    const { code, err } = await cli('estimate', name);
    expect(code).toBe(1);
    expect(err).toMatch(message);
  });

  test('K and V of layer 0 of a model of Llama-3-8B: under 30 MB and 40 requests', async () => {
    const config = readFileSync(resolve(SAMPLE, '../../sample-configs/llama-3-8b/config.json'), 'utf8');
    const folder = mkdtempSync(join(home, 'shards-'));
    const files = llamaShards(folder, JSON.parse(config) as LlamaShape);
    const tokenizer = readFileSync(join(SAMPLE, 'tokenizer.json'), 'utf8');
    await hub.close();
    hub = await LoopbackHub.start({
      'org/llama': { files: { 'config.json': config, 'tokenizer.json': tokenizer, ...files } },
    });
    vi.stubEnv('HF_ENDPOINT', hub.endpoint);
    const ids = Array.from({ length: 16 }, (_, index) => index * 7_919).join(',');
    const { code, err } = await cli(
      'heads',
      'hf:org/llama',
      '--layer',
      '0',
      '--ids',
      ids,
      '--dump',
      'k,v',
      '--no-measures',
      '--out',
      join(home, 'kv.json'),
    );
    expect(code, err).toBe(0);
    expect(hub.bytes - tokenizer.length).toBeLessThan(30e6);
    expect(hub.seen.length).toBeLessThanOrEqual(40);
  });

  test('a download that ends in the middle leaves nothing half, and the next one works', async () => {
    let broken = true;
    hub.fault = ({ path }) => (broken && path.includes('/resolve/') ? { cutAfter: 5 } : null);
    expect((await cli('estimate', 'hf:org/name')).code).toBe(1);
    broken = false;
    expect((await cli('estimate', 'hf:org/name')).code).toBe(0);
    const folder = join(home, 'hub', 'models--org--name', 'blobs');
    expect(readdirSync(folder).filter((name) => name.includes('incomplete'))).toEqual([]);
  });
});
