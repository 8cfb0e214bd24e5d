/** That the library is called as it wants to be called; what it allocates is compared in libllamaBytes.test.ts. */

import { afterAll, beforeAll, expect, it } from 'vitest';
import { describeAll } from '../support/cases';
import { Libllama, LIBLLAMA_TIMEOUT_MS, noLibllama } from '../support/libllama';
import { gguf, ggufValue, temporaryFolder, write } from './files';

const { u32, f32, text } = ggufValue;

const HEADER = {
  'general.architecture': text('llama'),
  'llama.context_length': u32(512),
  'llama.embedding_length': u32(64),
  'llama.block_count': u32(2),
  'llama.feed_forward_length': u32(128),
  'llama.attention.head_count': u32(4),
  'llama.attention.head_count_kv': u32(2),
  'llama.attention.layer_norm_rms_epsilon': f32(1e-5),
  'llama.vocab_size': u32(32),
  'tokenizer.ggml.model': text('no_vocab'),
};

/** Two layers of a Llama with values that are not all the same. */
function smallLlama(): Uint8Array {
  const tensor = (...dims: number[]) => {
    const values = Array.from(
      { length: dims.reduce((a, b) => a * b, 1) },
      (_, i) => Math.sin(i * 0.7 + dims.length) / 4,
    );
    return { dims, type: 0, bytes: new Uint8Array(Float32Array.from(values).buffer) };
  };
  const layer = (index: number) => ({
    [`blk.${index}.attn_norm.weight`]: tensor(64),
    [`blk.${index}.attn_q.weight`]: tensor(64, 64),
    [`blk.${index}.attn_k.weight`]: tensor(64, 32),
    [`blk.${index}.attn_v.weight`]: tensor(64, 32),
    [`blk.${index}.attn_output.weight`]: tensor(64, 64),
    [`blk.${index}.ffn_norm.weight`]: tensor(64),
    [`blk.${index}.ffn_gate.weight`]: tensor(64, 128),
    [`blk.${index}.ffn_up.weight`]: tensor(64, 128),
    [`blk.${index}.ffn_down.weight`]: tensor(128, 64),
  });
  return gguf(HEADER, {
    'token_embd.weight': tensor(64, 32),
    'output_norm.weight': tensor(64),
    ...layer(0),
    ...layer(1),
  });
}

describeAll('libllama runs', () => {
  if (noLibllama !== null) {
    it.skip(noLibllama, () => undefined);
    return;
  }
  let library: Libllama;
  beforeAll(async () => {
    library = await Libllama.start();
  }, LIBLLAMA_TIMEOUT_MS);
  afterAll(() => {
    library.close();
  });

  it('and lists its architectures', async () => {
    const all = await library.architectures();
    expect(all.length).toBeGreaterThan(100);
    expect(all.find(({ name }) => name === 'llama')).toMatchObject({ recurrent: false, hybrid: false });
    expect(all.find(({ name }) => name === 'mamba2')).toMatchObject({ recurrent: true, hybrid: false });
    expect(all.find(({ name }) => name === 'jamba')).toMatchObject({ recurrent: false, hybrid: true });
  });

  it('allocates what its own formula says, from a header alone and from a file', async () => {
    const folder = temporaryFolder();
    const header = write(folder, 'header.gguf', gguf(HEADER, {}));
    const whole = write(folder, 'whole.gguf', smallLlama());
    for (const [path, headerOnly] of [
      [header, true],
      [whole, false],
    ] as const) {
      const model = await library.open(path, { headerOnly });
      if ('refused' in model) throw new Error(model.refused);
      const context = await library.context(model, { tokens: 300, sequences: 1, microBatch: 64 });
      if ('refused' in context) throw new Error(context.refused);
      // 2 layers, K and V of 2 heads of 16 elements in 2 bytes, cells padded to 256.
      expect(context.bytes.context).toBe(2 * 2 * 2 * 16 * 2 * 512);
      expect(context).toMatchObject({ contextTokens: 512, microBatch: 64, sequences: 1 });
      expect(context.lines).toContain('llama_kv_cache');
      await library.closeModel(model);
    }
  });

  it('refuses with its own words', async () => {
    const model = await library.open(write(temporaryFolder(), 'header.gguf', gguf(HEADER, {})), { headerOnly: true });
    if ('refused' in model) throw new Error(model.refused);
    const context = await library.context(model, { tokens: 256, k: 'q8_0' });
    expect(context).toMatchObject({ refused: expect.stringContaining('n_embd_head_k=16') as string });
  });

  it('computes logits, the same step by step and at once', async () => {
    const model = await library.open(write(temporaryFolder(), 'm.gguf', smallLlama()));
    if ('refused' in model) throw new Error(model.refused);
    const context = await library.context(model, { tokens: 64, k: 'f32', v: 'f32', flash: 'off' });
    if ('refused' in context) throw new Error(context.refused);
    const tokens = [1, 5, 9, 2];
    const atOnce = await library.decode(context, tokens, 'all');
    expect(atOnce.map((row) => row.length)).toEqual([32, 32, 32, 32]);
    await library.clear(context);
    for (const [index, token] of tokens.entries()) {
      const [row] = await library.decode(context, [token]);
      const far = Math.max(...Array.from(row ?? [], (value, i) => Math.abs(value - (atOnce[index]?.[i] ?? Infinity))));
      expect(far).toBeLessThan(1e-5);
    }
    await library.clear(context);
    const made = await library.greedy(context, tokens, 3);
    const last = atOnce.at(-1) ?? new Float32Array();
    expect(made).toHaveLength(3);
    expect(made[0]).toBe(last.indexOf(Math.max(...last)));
  });

  it('may crash without harm', async () => {
    const other = await Libllama.start();
    const model = await other.open(write(temporaryFolder(), 'm.gguf', smallLlama()));
    if ('refused' in model) throw new Error(model.refused);
    const context = await other.context(model, { tokens: 64, microBatch: 8, batch: 8 });
    if ('refused' in context) throw new Error(context.refused);
    // More tokens than its batch: an assertion of the library, which aborts.
    await expect(
      other.decode(
        context,
        Array.from({ length: 20 }, () => 1),
      ),
    ).rejects.toThrow(/libllama ended|llama_decode/);
    expect((await other.architectures()).length).toBeGreaterThan(100);
    other.close();
  });
});
