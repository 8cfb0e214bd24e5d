import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeEach, describe, expect, it } from 'vitest';
import { groupIdentity, headGroups } from '../../../src/insight/identity';
import { dequantize, GGML_TYPES } from '../../../src/weights/ggml';
import { openGguf } from '../../../src/weights/gguf';
import { ggufConfig } from '../../../src/weights/ggufConfig';
import { openModel } from '../../../src/weights/openModel';
import { WeightsError } from '../../../src/weights/weightsError';
import { besideFile, itWith } from '../support/reference';
import { f32, gguf, ggufValue, temporaryFolder, write } from './files';
import { forward } from './forward';
import { eachOrSkip, noCases } from '../support/cases';

let folder = '';
beforeEach(() => {
  folder = temporaryFolder();
});

describe("dequantisation, against llama.cpp's gguf-py (values made with it)", () => {
  const fixture = JSON.parse(readFileSync(join(__dirname, 'fixtures/ggml.json'), 'utf8')) as Record<
    string,
    { bytes: string; values: number[] }
  >;
  eachOrSkip(Object.entries(fixture), noCases, ([name, { bytes, values }]) => {
    it(name, () => {
      const type = [...GGML_TYPES.values()].find((candidate) => candidate.name === name);
      if (type === undefined) throw new Error(`no type ${name}`);
      const source = Uint8Array.from(Buffer.from(bytes, 'hex'));
      const target = new Float32Array(values.length + 1);
      dequantize(type, source, target, 1);
      const scale = Math.max(...values.map(Math.abs));
      values.forEach((value, i) => expect(Math.abs((target[i + 1] as number) - value)).toBeLessThan(scale * 1e-6));
    });
  });
});

describe('GGUF files', () => {
  const tensors = {
    'a.weight': {
      dims: [32, 3],
      type: 8,
      bytes: Uint8Array.from({ length: 102 }, (_, i) => (i % 34 === 0 ? 0 : i % 34 === 1 ? 0x3c : i % 34)),
    },
    'b.weight': { dims: [2], type: 0, bytes: f32([5, 6]) },
  };

  it('shapes outermost first, rows, metadata', async () => {
    const store = await openGguf(
      write(
        folder,
        'a.gguf',
        gguf({ 'general.architecture': ggufValue.text('llama'), n: ggufValue.u32s([1, 2]) }, tensors),
      ),
    );
    expect(store.info('a.weight')).toMatchObject({ dtype: 'Q8_0', shape: [3, 32], bytes: 102 });
    const whole = await store.read('a.weight');
    expect([...whole.slice(0, 3), whole[95]]).toEqual([2, 3, 4, 33]);
    expect(await store.read('a.weight', { rows: [1, 2] })).toEqual(whole.slice(32, 64));
    expect([...(await store.read('b.weight'))]).toEqual([5, 6]);
    expect(store.metadata).toMatchObject({ 'general.architecture': 'llama', n: [1, 2] });
    await expect(store.read('c')).rejects.toThrow(WeightsError);
    await store.close();
  });

  it('keep texts that begin with U+FEFF: a token may, and is another one without', async () => {
    const list = [
      '\ufeffa',
      'a',
      '',
      '\ufeff',
      '\ufeff\ufeff',
      'é',
      ...Array.from({ length: 40_000 }, (_, i) => `token ${i}`),
      '\ufeffz',
    ];
    const path = write(
      folder,
      'marks.gguf',
      gguf(
        {
          'general.architecture': ggufValue.text('llama'),
          'general.name': ggufValue.text('\ufeffname'),
          'tokenizer.ggml.tokens': ggufValue.texts(list),
        },
        {},
      ),
    );
    const store = await openGguf(path);
    await store.close();
    expect(store.metadata['general.name']).toBe('\ufeffname');
    expect(store.metadata['tokenizer.ggml.tokens']).toEqual(list);
  });

  it('parts of a split file together', async () => {
    write(
      folder,
      'm-00001-of-00002.gguf',
      gguf({ 'general.architecture': ggufValue.text('llama') }, { 'a.weight': tensors['a.weight'] }),
    );
    write(folder, 'm-00002-of-00002.gguf', gguf({ 'split.no': ggufValue.u32(1) }, { 'b.weight': tensors['b.weight'] }));
    const store = await openGguf(join(folder, 'm-00001-of-00002.gguf'));
    expect(store.names()).toEqual(['a.weight', 'b.weight']);
    await store.close();
    await expect(openGguf(join(folder, 'n-00001-of-00002.gguf'))).rejects.toThrow(/does not exist/);
  });

  it.each([
    [
      'rows that are no blocks',
      { x: { dims: [33], type: 8, bytes: new Uint8Array(34) } },
      /not a multiple of the block size 32/,
    ],
    ['data behind the end', { x: { dims: [1000], type: 0, bytes: new Uint8Array(16) } }, /past the end/],
    [
      'overlapping data',
      { x: { dims: [16], type: 0, bytes: new Uint8Array(4) }, y: { dims: [1], type: 0, bytes: new Uint8Array(64) } },
      /overlaps/,
    ],
    ['an empty dimension', { x: { dims: [0], type: 0, bytes: new Uint8Array(16) } }, /empty dimension/],
  ])('%s', async (_, bad, message) => {
    await expect(openGguf(write(folder, 'b.gguf', gguf({}, bad)))).rejects.toThrow(message);
  });

  it.each([
    ['NVFP4', 40, 36],
    ['Q2_0', 42, 32],
    ['type 77', 77, 32],
  ])('a tensor of a type without a reader, %s, is listed and not read', async (name, type, bytes) => {
    const path = write(folder, 'e.gguf', gguf({}, { x: { dims: [64], type, bytes: new Uint8Array(bytes) } }));
    const store = await openGguf(path);
    const [info] = store.names().map((tensor) => store.info(tensor));
    expect(info).toMatchObject({ dtype: name, shape: [64] });
    // What a tensor of an unknown type takes is what the file has up to its end, alignment included.
    expect(info?.bytes).toBe(bytes);
    await expect(store.read('x')).rejects.toThrow(new RegExp(`its quantisation ${name} cannot be read`));
    await store.close();
  });

  it('is none: ten bytes, another format, a folder', async () => {
    await expect(openGguf(write(folder, 'c.gguf', 'GGUF123456'))).rejects.toThrow(/only 10 bytes/);
    await expect(openGguf(write(folder, 'd.gguf', new Uint8Array(64)))).rejects.toThrow(/does not begin with "GGUF"/);
    await expect(openGguf(folder)).rejects.toThrow(/folder/);
  });
});

describe('configs from metadata', () => {
  const base = {
    'general.architecture': 'llama',
    'llama.block_count': 2,
    'llama.embedding_length': 64,
    'llama.attention.head_count': 8,
    'llama.attention.head_count_kv': 2,
    'llama.feed_forward_length': 128,
  };

  it('a plain model', () => {
    expect(ggufConfig(base)).toEqual({
      model_type: 'llama',
      num_hidden_layers: 2,
      hidden_size: 64,
      num_attention_heads: 8,
      num_key_value_heads: 2,
      intermediate_size: 128,
      rope_theta: 10_000,
    });
  });

  it('latent attention, before and after K and V were split', () => {
    const metadata = {
      'general.architecture': 'deepseek2',
      'deepseek2.attention.kv_lora_rank': 512,
      'deepseek2.rope.dimension_count': 64,
      'deepseek2.attention.key_length': 576,
      'deepseek2.attention.value_length': 512,
      'deepseek2.attention.key_length_mla': 192,
      'deepseek2.attention.value_length_mla': 128,
    };
    const expected = {
      kv_lora_rank: 512,
      qk_rope_head_dim: 64,
      qk_nope_head_dim: 128,
      v_head_dim: 128,
      q_lora_rank: null,
    };
    expect(ggufConfig(metadata)).toMatchObject(expected);
    const { 'deepseek2.attention.key_length_mla': _k, 'deepseek2.attention.value_length_mla': _v, ...old } = metadata;
    expect(
      ggufConfig({ ...old, 'deepseek2.attention.key_length': 192, 'deepseek2.attention.value_length': 128 }),
    ).toMatchObject(expected);
  });

  it('windows by pattern, layers without KV heads', () => {
    const gemma = ggufConfig({
      'general.architecture': 'gemma3',
      'gemma3.attention.sliding_window': 512,
      'gemma3.attention.sliding_window_pattern': [true, false],
      'gemma3.attention.key_length': 256,
    });
    expect(gemma).toMatchObject({
      model_type: 'gemma3_text',
      sliding_window: 512,
      layer_types: ['sliding_attention', 'full_attention'],
      head_dim: 256,
      query_pre_attn_scalar: 256,
    });
    const lfm = ggufConfig({
      'general.architecture': 'lfm2',
      'lfm2.block_count': 3,
      'lfm2.attention.head_count': 8,
      'lfm2.attention.head_count_kv': [0, 4, 0],
      'lfm2.shortconv.l_cache': 3,
    });
    expect(lfm).toMatchObject({
      layer_types: ['conv', 'full_attention', 'conv'],
      num_key_value_heads: 4,
      conv_L_cache: 3,
    });
    const jamba = ggufConfig({
      'general.architecture': 'jamba',
      'jamba.block_count': 8,
      'jamba.attention.head_count': 8,
      'jamba.attention.head_count_kv': [0, 0, 4, 0, 0, 0, 4, 0],
    });
    expect(jamba).toMatchObject({ attn_layer_offset: 2, attn_layer_period: 4 });
    const deci = ggufConfig({
      'general.architecture': 'deci',
      'deci.block_count': 2,
      'deci.attention.head_count': [8, 0],
      'deci.attention.head_count_kv': [2, 0],
    });
    expect(deci['block_configs']).toEqual([
      { attention: { no_op: false, replace_with_linear: false, n_heads_in_group: 4 } },
      { attention: { no_op: true, replace_with_linear: false, n_heads_in_group: null } },
    ]);
  });

  it('leave out what the file does not say, instead of a 0', () => {
    const made = (architecture: string, values: Readonly<Record<string, number | readonly number[]>> = {}): string[] =>
      Object.keys(
        ggufConfig({
          'general.architecture': architecture,
          ...Object.fromEntries(Object.entries(values).map(([key, value]) => [`${architecture}.${key}`, value])),
        }),
      );
    expect(made('deepseek2', { 'attention.kv_lora_rank': 512 })).toEqual(['model_type', 'kv_lora_rank', 'q_lora_rank']);
    expect(made('gemma2', { block_count: 46, 'attention.head_count': 8 })).not.toContain('query_pre_attn_scalar');
    expect(made('gemma3')).not.toContain('query_pre_attn_scalar');
    expect(made('falcon')).toEqual(['model_type']);
    expect(made('starcoder')).not.toContain('multi_query');
    expect(made('openelm', { 'attention.head_count': 8 })).not.toContain('num_query_heads');
    const kvHeads = { 'attention.head_count_kv': [0, 4] };
    for (const [architecture, key] of [
      ['lfm2', 'layer_types'],
      ['plamo2', 'layer_types'],
      ['jamba', 'attn_layer_period'],
      ['nemotron_h', 'hybrid_override_pattern'],
      ['deci', 'block_configs'],
    ] as const) {
      const widths = { feed_forward_length: 64, 'attention.head_count': 8 };
      expect(made(architecture, { ...kvHeads, ...widths, block_count: 2 }), architecture).toContain(key);
      expect(made(architecture, { ...kvHeads, ...widths }), architecture).not.toContain(key);
      expect(made(architecture, { ...kvHeads, ...widths, block_count: 3 }), architecture).not.toContain(key);
      expect(made(architecture, { ...kvHeads, ...widths, block_count: 2 ** 32 - 1 }), architecture).not.toContain(key);
      expect(made(architecture, { block_count: 2 }), architecture).not.toContain(key);
    }
  });

  it('have as many KV heads as query heads where the file has no number of them', () => {
    const { 'llama.attention.head_count_kv': _kv, ...plain } = base;
    expect(ggufConfig({ ...plain, 'llama.expert_count': 8 })).toMatchObject({
      model_type: 'mixtral',
      num_key_value_heads: 8,
    });
    const mpt = { 'general.architecture': 'mpt', 'mpt.attention.head_count': 8 };
    expect(ggufConfig(mpt)['attn_config']).toEqual({ kv_n_heads: 8, clip_qkv: null, alibi: false });
    expect(ggufConfig({ ...mpt, 'mpt.attention.head_count_kv': 2 })['attn_config']).toMatchObject({ kv_n_heads: 2 });
    expect(ggufConfig({ 'general.architecture': 'mpt' })['attn_config']).toEqual({ clip_qkv: null, alibi: false });
  });

  it('experts make a llama a mixtral; mamba has its widths', () => {
    expect(ggufConfig({ ...base, 'llama.expert_count': 8, 'llama.expert_used_count': 2 })).toMatchObject({
      model_type: 'mixtral',
      num_local_experts: 8,
      num_experts_per_tok: 2,
    });
    expect(
      ggufConfig({
        'general.architecture': 'mamba',
        'mamba.ssm.state_size': 16,
        'mamba.ssm.conv_kernel': 4,
        'mamba.ssm.inner_size': 128,
        'mamba.embedding_length': 64,
      }),
    ).toMatchObject({ state_size: 16, conv_kernel: 4, intermediate_size: 128, expand: 2 });
    expect(ggufConfig({})).toEqual({ model_type: 'unknown' });
  });
});

const story = besideFile('models/stories260K.gguf');
describe('stories260K.gguf', () => {
  itWith(story, 'tells the known story, and is grouped-query: K identical inside its 4 groups', async (path) => {
    const model = await openModel(path);
    expect(model.reading.spec.layers.map((layer) => layer.attention.kind)).toEqual([
      'full',
      'full',
      'full',
      'full',
      'full',
    ]);
    const known = [1, 403, 407, 261, 378, 432, 383, 286, 261, 376, 298, 315];
    const ids = [1];
    let run = await forward(model.store, model.plan, ids);
    while (ids.length < known.length) {
      ids.push(run.logits.indexOf(Math.max(...run.logits)));
      run = await forward(model.store, model.plan, ids);
    }
    const tokenizer = await model.tokenizer();
    expect(tokenizer?.decode(ids)).toBe(
      'Once upon a time, there was a little girl'.slice(0, tokenizer?.decode(ids).length),
    );
    expect(ids).toEqual(known);
    for (const layer of run.layers) {
      const k = layer.captures.k;
      if (k === undefined) throw new Error('no k');
      const [heads, groups] = [8, headGroups(8, 4)];
      const per = k.data.length / 4;
      const expanded = new Float64Array(per * heads);
      groups.forEach((group, head) => expanded.set(k.data.subarray(group * per, (group + 1) * per), head * per));
      const identity = groupIdentity(expanded, groups);
      expect(identity.inside).toBe(0);
      expect(identity.between).toBeGreaterThan(0.1);
    }
    await model.close();
  });
});
