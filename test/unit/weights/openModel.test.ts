/** What opening a model refuses: better no heads than wrong ones. */

import { copyFileSync, mkdirSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { beforeEach, describe, expect, it } from 'vitest';
import { readModelConfig } from '../../../src/reading/read';
import { openGguf } from '../../../src/weights/gguf';
import { locateModel } from '../../../src/weights/modelFolder';
import { runnableBlocks } from '../../../src/families/blocksOf';
import { blocksRegister } from '../../../src/families/register';
import { openModel } from '../../../src/weights/openModel';
import { openSafetensors } from '../../../src/weights/safetensors';
import { WeightsError } from '../../../src/weights/weightsError';
import {
  f32,
  generator,
  gguf,
  type GgufTensor,
  ggufValue,
  safetensors,
  temporaryFolder,
  type TensorBytes,
  write,
} from './files';
import { forward } from './forward';

const SAMPLE = resolve(__dirname, '../../../media/samples/gqa');
let folder = '';
beforeEach(() => {
  folder = temporaryFolder();
});

/** The sample's folder with a changed config and changed tensors. */
async function changed(
  config: Readonly<Record<string, unknown>>,
  change: (tensors: Record<string, TensorBytes>) => void = () => undefined,
): Promise<string> {
  const store = await openSafetensors(join(SAMPLE, 'model.safetensors'));
  const tensors: Record<string, TensorBytes> = {};
  for (const name of store.names())
    tensors[name] = {
      dtype: 'F32',
      shape: store.info(name).shape,
      bytes: new Uint8Array((await store.read(name)).buffer),
    };
  await store.close();
  change(tensors);
  const original = JSON.parse(readFileSync(join(SAMPLE, 'config.json'), 'utf8')) as object;
  write(folder, 'config.json', JSON.stringify({ ...original, ...config }));
  write(folder, 'model.safetensors', safetensors(tensors));
  return folder;
}

describe('models that are refused', () => {
  it.each([
    ['a family without a description', { model_type: 'mamba' }, /mamba: .* is not supported|attention of kind/],
    ['a made-up family', { model_type: 'frobnicate' }, /frobnicate: computing its heads is not supported/],
    ['an activation', { hidden_act: 'snake' }, /the activation snake is not supported/],
    [
      'a RoPE scaling',
      { rope_parameters: { rope_type: 'spiral', rope_theta: 1e4 } },
      /RoPE scaling spiral is not supported/,
    ],
    ["a width that is not the tensors'", { intermediate_size: 8 }, /does not give the \[8, 96\] that the config needs/],
    ['more layers than there are', { num_hidden_layers: 5 }, /layers\.4\..*there is no such tensor/],
    ['a text for a number', { rms_norm_eps: 'small' }, /rms_norm_eps: a number is needed/],
    ['biases that are not there', { attention_bias: true }, /q_proj\.bias: there is no such tensor/],
    ['an untied head that is not there', { tie_word_embeddings: false }, /lm_head\.weight: there is no such tensor/],
  ])('%s', async (_, config, message) => {
    await expect(openModel(await changed(config))).rejects.toThrow(message);
    await expect(openModel(folder)).rejects.toBeInstanceOf(WeightsError);
  });

  it('a tensor that the family does not use', async () => {
    const extra = { dtype: 'F32', shape: [16], bytes: f32(new Array<number>(16).fill(1)) };
    await expect(
      openModel(await changed({}, (tensors) => (tensors['model.layers.0.self_attn.q_norm.weight'] = extra))),
    ).rejects.toThrow(/q_norm\.weight: a llama model, as Headlight knows it, has no such tensor/);
  });

  it('but not old buffers', async () => {
    const buffer = { dtype: 'F32', shape: [8], bytes: f32(new Array<number>(8).fill(1)) };
    const model = await openModel(
      await changed({}, (tensors) => (tensors['model.layers.0.self_attn.rotary_emb.inv_freq'] = buffer)),
    );
    await model.close();
  });
});

describe('folders', () => {
  it('finds what is to be opened, or says what is missing', async () => {
    await expect(locateModel(folder)).rejects.toThrow(/there are no weights in this folder/);
    write(folder, 'pytorch_model.bin', 'x');
    await expect(locateModel(folder)).rejects.toThrow(/pickled/);
    write(folder, 'a.gguf', 'x');
    expect(await locateModel(folder)).toMatchObject({ format: 'gguf', config: null });
    write(folder, 'b.gguf', 'x');
    await expect(locateModel(folder)).rejects.toThrow(/several GGUF files/);
    copyFileSync(join(SAMPLE, 'model.safetensors'), join(folder, 'model.safetensors'));
    expect(await locateModel(folder)).toMatchObject({
      format: 'safetensors',
      weights: join(folder, 'model.safetensors'),
    });
    expect((await locateModel(join(folder, 'config.json').replace('config.json', 'model.safetensors'))).config).toBe(
      join(folder, 'config.json'),
    );
    await expect(openModel(folder)).rejects.toThrow(/config\.json: the file does not exist/);
    write(folder, 'config.json', '{"a": 1}');
    await expect(openModel(folder)).rejects.toThrow(/not a model config/);
    mkdirSync(join(folder, 'empty'));
    await expect(locateModel(join(folder, 'empty'))).rejects.toThrow(WeightsError);
    await expect(locateModel(join(folder, 'none'))).rejects.toThrow(/does not exist/);
  });
});

describe('a plan', () => {
  it('gives the same specs from the config alone', async () => {
    const model = await openModel(SAMPLE);
    const reading = readModelConfig(readFileSync(join(SAMPLE, 'config.json'), 'utf8'));
    if (!reading) throw new Error('not read');
    const specs = runnableBlocks(reading, reading.reader()).blocks;
    expect(specs).toEqual(model.plan.layers.map((layer) => layer.block));
    await model.close();
  });

  it('knows some sixty model types', () => {
    expect(blocksRegister.keys().length).toBeGreaterThan(60);
  });
});

describe('a GGUF file of the llama family', () => {
  it("gives what the folder it was made from gives: Q and K permuted as llama.cpp's converter does", async () => {
    const source = await openModel(SAMPLE);
    const { store } = source;
    const tensors: Record<string, GgufTensor> = {};
    const add = async (to: string, from: string, permuteHeads = 0): Promise<void> => {
      const { shape } = store.info(from);
      let values = await store.read(from);
      if (permuteHeads > 0) values = permuted(values, permuteHeads, shape[0] ?? 0, shape[1] ?? 0);
      tensors[to] = { dims: [...shape].reverse(), type: 0, bytes: new Uint8Array(values.buffer) };
    };
    await add('token_embd.weight', 'model.embed_tokens.weight');
    await add('output_norm.weight', 'model.norm.weight');
    for (let i = 0; i < 4; i++) {
      const [to, from] = [`blk.${i}.`, `model.layers.${i}.`];
      await add(`${to}attn_q.weight`, `${from}self_attn.q_proj.weight`, 8);
      await add(`${to}attn_k.weight`, `${from}self_attn.k_proj.weight`, 2);
      await add(`${to}attn_v.weight`, `${from}self_attn.v_proj.weight`);
      await add(`${to}attn_output.weight`, `${from}self_attn.o_proj.weight`);
      await add(`${to}attn_norm.weight`, `${from}input_layernorm.weight`);
      await add(`${to}ffn_norm.weight`, `${from}post_attention_layernorm.weight`);
      await add(`${to}ffn_gate.weight`, `${from}mlp.gate_proj.weight`);
      await add(`${to}ffn_up.weight`, `${from}mlp.up_proj.weight`);
      await add(`${to}ffn_down.weight`, `${from}mlp.down_proj.weight`);
    }
    const config = JSON.parse(readFileSync(join(SAMPLE, 'config.json'), 'utf8')) as {
      intermediate_size: number;
      head_dim: number;
      rope_parameters: { rope_theta: number };
    };
    const metadata = {
      'general.architecture': ggufValue.text('llama'),
      'llama.block_count': ggufValue.u32(4),
      'llama.embedding_length': ggufValue.u32(96),
      'llama.feed_forward_length': ggufValue.u32(config.intermediate_size),
      'llama.attention.head_count': ggufValue.u32(8),
      'llama.attention.head_count_kv': ggufValue.u32(2),
      'llama.attention.key_length': ggufValue.u32(config.head_dim),
      'llama.attention.value_length': ggufValue.u32(config.head_dim),
      'llama.attention.layer_norm_rms_epsilon': ggufValue.f32(1e-5),
      'llama.rope.freq_base': ggufValue.f32(config.rope_parameters.rope_theta),
      'llama.vocab_size': ggufValue.u32(512),
    };
    const path = write(folder, 'sample.gguf', gguf(metadata, tensors));
    const converted = await openModel(path);
    const below = generator(3);
    const ids = [0, ...Array.from({ length: 9 }, () => below(512))];
    const [a, b] = [await forward(store, source.plan, ids), await forward(converted.store, converted.plan, ids)];
    a.layers.forEach((layer, index) => {
      const other = b.layers[index];
      layer.captures.weights?.data.forEach((weight, i) =>
        expect(other?.captures.weights?.data[i]).toBeCloseTo(weight, 6),
      );
    });
    a.logits.forEach((value, i) => expect(b.logits[i]).toBeCloseTo(value, 4));
    await source.close();
    await converted.close();
    delete tensors['blk.3.ffn_norm.weight'];
    await expect(openModel(write(folder, 'less.gguf', gguf(metadata, tensors)))).rejects.toThrow(
      /blk\.3\.ffn_norm\.weight: there is no such tensor/,
    );
    const other = await openGguf(
      write(folder, 'other.gguf', gguf({ ...metadata, 'general.architecture': ggufValue.text('bert') }, tensors)),
    );
    await other.close();
    await expect(openModel(join(folder, 'other.gguf'))).rejects.toThrow(WeightsError);
  });
});

/** `convert_hf_to_gguf.py`: within a head, halves are interleaved. */
function permuted(values: Float32Array, heads: number, rows: number, columns: number): Float32Array<ArrayBuffer> {
  const dim = rows / heads;
  const result = new Float32Array(values.length);
  for (let head = 0; head < heads; head++) {
    for (let i = 0; i < dim; i++) {
      const from = head * dim + (i % 2) * (dim / 2) + Math.floor(i / 2);
      result.set(values.subarray(from * columns, (from + 1) * columns), (head * dim + i) * columns);
    }
  }
  return result;
}
