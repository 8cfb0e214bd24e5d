/** A thousand damaged headers of each format: a clear error or a file that happens to be valid, nothing else, in bounded memory. */

import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { openGguf } from '../../../src/weights/gguf';
import { openSafetensors } from '../../../src/weights/safetensors';
import { WeightsError } from '../../../src/weights/weightsError';
import type { WeightStore } from '../../../src/weights/weightStore';
import { f32, generator, gguf, ggufValue, safetensors, temporaryFolder } from './files';
import { fuzzCases } from '../depth';

const MUTATIONS = fuzzCases(1_000);
/** Bytes that reading a damaged file of a few hundred bytes may add. */
const CEILING = 128 * 1024 * 1024;

type Mutation = (bytes: Uint8Array, below: (n: number) => number) => Uint8Array;
const INTERESTING = [0, 1, 0x7f, 0x80, 0xff, 0x22, 0x5b, 0x7b, 0x2c, 0x39];

const MUTATE: readonly Mutation[] = [
  (bytes, below) => bytes.with(below(bytes.length), below(256)),
  (bytes, below) => bytes.with(below(bytes.length), INTERESTING[below(INTERESTING.length)] ?? 0),
  (bytes, below) => bytes.map((byte) => (below(60) === 0 ? below(256) : byte)),
  (bytes, below) => bytes.slice(0, below(bytes.length)),
  (bytes, below) => {
    const [at, count] = [below(bytes.length), below(16)];
    return Uint8Array.from([...bytes.slice(0, at), ...bytes.slice(at + count)]);
  },
  (bytes, below) => {
    const [from, at, count] = [below(bytes.length), below(bytes.length), below(64)];
    return Uint8Array.from([...bytes.slice(0, at), ...bytes.slice(from, from + count), ...bytes.slice(at)]);
  },
  (bytes, below) => {
    const copy = bytes.slice();
    const at = below(Math.max(1, bytes.length - 8));
    new DataView(copy.buffer).setBigUint64(
      at,
      [2n ** 64n - 1n, 2n ** 63n, 2n ** 32n, 2n ** 53n, 0n, 1000000n][below(6)] ?? 0n,
      true,
    );
    return copy;
  },
];

async function survive(
  name: string,
  original: Uint8Array,
  open: (path: string) => Promise<WeightStore>,
): Promise<{ opened: number; refused: number }> {
  const folder = temporaryFolder();
  const below = generator(20260);
  const before = process.memoryUsage();
  let [opened, refused, peak] = [0, 0, 0];
  for (let i = 0; i < MUTATIONS; i++) {
    const mutate = MUTATE[i % MUTATE.length] as Mutation;
    const path = join(folder, name);
    writeFileSync(path, mutate(original, below));
    try {
      const store = await open(path);
      try {
        for (const tensor of store.names()) await store.read(tensor).catch(expectClear);
        opened++;
      } finally {
        await store.close();
      }
    } catch (error) {
      expectClear(error);
      refused++;
    }
    const now = process.memoryUsage();
    peak = Math.max(peak, now.heapTotal + now.external - before.heapTotal - before.external);
  }
  expect(peak).toBeLessThan(CEILING);
  return { opened, refused };
}

function expectClear(error: unknown): void {
  expect(error).toBeInstanceOf(WeightsError);
  const { message, fix } = error as WeightsError;
  expect(message.length).toBeLessThan(1200);
  expect(message).not.toMatch(/\n|undefined|\[object/);
  expect(fix.length).toBeGreaterThan(5);
}

describe('damaged files', () => {
  it('safetensors', async () => {
    const original = safetensors({
      'model.embed_tokens.weight': { dtype: 'BF16', shape: [8, 4], bytes: new Uint8Array(64).fill(1) },
      'model.layers.0.self_attn.q_proj.weight': {
        dtype: 'F32',
        shape: [4, 4],
        bytes: f32(Array.from({ length: 16 }, (_, i) => i)),
      },
      'model.layers.0.mlp.up_proj.weight': { dtype: 'F8_E4M3', shape: [4, 4], bytes: new Uint8Array(16).fill(0x38) },
      'model.layers.0.mlp.up_proj.weight_scale_inv': { dtype: 'F32', shape: [1, 1], bytes: f32([2]) },
    });
    const { opened, refused } = await survive('m.safetensors', original, openSafetensors);
    expect(opened + refused).toBe(MUTATIONS);
    expect(refused).toBeGreaterThan(MUTATIONS / 3);
  });

  it('GGUF', async () => {
    const original = gguf(
      {
        'general.architecture': ggufValue.text('llama'),
        'llama.block_count': ggufValue.u32(1),
        'llama.rope.freq_base': ggufValue.f32(10000),
        'llama.attention.head_count_kv': ggufValue.u32s([2, 0, 2]),
        'tokenizer.ggml.tokens': ggufValue.texts(['<s>', 'a', 'b', '▁ab']),
      },
      {
        'token_embd.weight': { dims: [32, 4], type: 8, bytes: new Uint8Array(136).fill(3) },
        'blk.0.attn_q.weight': { dims: [4, 4], type: 0, bytes: f32(Array.from({ length: 16 }, (_, i) => i)) },
      },
    );
    const { opened, refused } = await survive('m.gguf', original, openGguf);
    expect(opened + refused).toBe(MUTATIONS);
    expect(refused).toBeGreaterThan(MUTATIONS / 3);
  });

  it('a GGUF of 60 bytes that claims a million lists does not read zeros behind its end', async () => {
    const folder = temporaryFolder();
    const bytes = gguf({ k: ggufValue.u32s([]) }, {});
    const view = new DataView(bytes.buffer);
    const at = bytes.length - 32;
    void at;
    // The list's element type becomes "list", its length a million.
    const place = bytes.findIndex((_, i) => i > 24 && view.getUint32(i, true) === 9) + 4;
    view.setUint32(place, 9, true);
    view.setBigUint64(place + 4, 1_000_000n, true);
    const path = join(folder, 'm.gguf');
    writeFileSync(path, bytes);
    await expect(openGguf(path)).rejects.toThrow(/past the end of the file/);
  });
});
