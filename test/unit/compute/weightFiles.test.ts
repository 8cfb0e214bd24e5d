/** Weight files that are looked at: opened by header, listed, marked, read by range. */

import { mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { WeightFiles } from '../../../src/compute/weights/files';
import { deviation } from '../../../src/insight/tensorStatistics';
import type { CallContext } from '../../../src/shared/rpc';
import { WEIGHTS, type WeightsContents } from '../../../src/shared/weightsContract';
import { openSafetensors } from '../../../src/weights/safetensors';
import { TensorList } from '../../../webview/weights/tensorList';
import { LLAMA, LLAMA_TENSORS, llamaGguf, manyTensors, writeSparse } from '../../e2e/weightFiles';
import { checked } from '../support/checked';
import { f32, gguf, ggufValue, safetensors, temporaryFolder, write } from '../weights/files';

const SAMPLES = resolve(import.meta.dirname, '../../../media/samples');
const context: CallContext = { signal: new AbortController().signal, progress: () => undefined };
const answers = new WeightFiles().answers();
const folder = temporaryFolder();

const open = async (path: string): Promise<WeightsContents> => {
  const contents = await answers['weights/open']({ path }, context);
  return checked(WEIGHTS['weights/open'].result, contents);
};
const placeOf = (contents: WeightsContents, name: string): number => new TensorList(contents).names.indexOf(name);

describe('a weight file that is opened', () => {
  it('of 60 GB gives all that its header says, in less than a second', async () => {
    const path = join(folder, 'large.safetensors');
    writeSparse(
      path,
      Array.from({ length: 300 }, (_, i) => [`model.layers.${i}.mlp.up_proj.weight`, [12_500, 8_000]] as const),
    );
    expect(statSync(path).size).toBeGreaterThan(60_000_000_000);
    const start = performance.now();
    const contents = await open(path);
    const ms = performance.now() - start;
    console.log(`60 GB: ${ms.toFixed(0)} ms`);
    expect(contents).toMatchObject({ tensors: 300, elements: 3e10, listed: 300, fileBytes: statSync(path).size });
    expect(contents.modules).toEqual([{ name: 'model.layers.*.mlp', tensors: 300, elements: 3e10, bytes: 6e10 }]);
    expect(ms).toBeLessThan(1_000);
  });

  it('lists 100,000 tensors in the order in which people count', async () => {
    const path = join(folder, 'many.safetensors');
    writeSparse(path, manyTensors(100_000));
    const list = new TensorList(await open(path));
    expect(list.count).toBe(100_000);
    const layers = list.names.map((name) => Number(/layers\.(\d+)/.exec(name)?.[1]));
    expect(layers).toEqual([...layers].sort((a, b) => a - b));
    expect(list.names.slice(0, 4).map((name) => name.replace('model.layers.0.mlp.experts.', ''))).toEqual([
      '0.down_proj.weight',
      '0.gate_proj.weight',
      '0.up_proj.weight',
      '1.down_proj.weight',
    ]);
  });

  it('has the shapes, types and bytes of each tensor beside its name', async () => {
    const path = resolve(SAMPLES, 'gqa', 'model.safetensors');
    const contents = await open(path);
    const list = new TensorList(contents);
    const store = await openSafetensors(path);
    for (let tensor = 0; tensor < list.count; tensor++) {
      const { dtype, shape, bytes } = store.info(list.nameOf(tensor));
      expect([list.typeOf(tensor), list.shapeOf(tensor), list.bytesOf(tensor)]).toEqual([dtype, shape, bytes]);
    }
    expect(list.count).toBe(store.names().length);
    expect(contents.metadata).toContainEqual({ key: 'format', text: 'pt', count: null });
    await store.close();
  });

  it('folds long lists of the metadata, and hands them out in parts', async () => {
    const path = write(folder, 'tiny.gguf', llamaGguf());
    const { metadata, version } = await open(path);
    const key = metadata.findIndex((entry) => entry.key === 'tokenizer.ggml.tokens');
    expect(metadata[key]).toEqual({
      key: 'tokenizer.ggml.tokens',
      text: 'token0, token1, token2, token3, token4, token5, token6, token7, …',
      count: 300,
    });
    expect(await answers['weights/metadata']({ path, version, key, from: 298, count: 10 }, context)).toEqual([
      'token298',
      'token299',
    ]);
  });

  it('is known as GGUF by how it begins, where its name tells nothing', async () => {
    const path = write(folder, `sha256-${'a'.repeat(64)}`, llamaGguf());
    expect(await open(path)).toMatchObject({ format: 'gguf', tensors: 11, config: { from: 'metadata' } });
    expect(await answers['weights/beside']({ path }, context)).toMatchObject({ exact: true, bytes: 200_448 });
    await expect(open(write(folder, 'noName', 'nothing of the kind'))).rejects.toMatchObject({ code: 'invalidInput' });
  });

  it('is bounded and visible, whatever is in it', async () => {
    const long = 'x'.repeat(100_000);
    const path = write(
      folder,
      'hostile.gguf',
      gguf(
        {
          'general.architecture': ggufValue.text('llama'),
          [`evil\u202e\n${'k'.repeat(5_000)}`]: ggufValue.text(`${long}\u0007`),
          list: ggufValue.texts([long, '<b>\u001b[31m']),
        },
        {
          [`a\nb\u202e<img src=x>${'n'.repeat(3_000)}`]: { dims: [4], type: 0, bytes: f32([1, 2, 3, 4]) },
          'second.tensor': { dims: [4], type: 0, bytes: f32([1, 2, 3, 4]) },
        },
      ),
    );
    const contents = await open(path);
    const list = new TensorList(contents);
    expect(list.names).toHaveLength(2);
    const texts = [...list.names, ...contents.metadata.flatMap(({ key, text }) => [key, text])];
    for (const text of texts) {
      expect(text.length).toBeLessThan(2_000);
      expect(text).not.toMatch(/[\n\u202e\u0007\u001b]/);
    }
  });

  it('says in a sentence what is wrong with it, and where', async () => {
    const path = write(
      folder,
      'cut.safetensors',
      readFileSync(resolve(SAMPLES, 'gqa', 'model.safetensors')).subarray(0, 90_000),
    );
    await expect(open(path)).rejects.toMatchObject({
      code: 'invalidInput',
      message: expect.stringMatching(/cut\.safetensors, tensor .*: its data ends .* The file is truncated/),
    });
  });

  it('that has changed is refused until it is opened again', async () => {
    const tensors = (value: number) => safetensors({ a: { dtype: 'F32', shape: [2], bytes: f32([value, value]) } });
    const path = write(folder, 'changing.safetensors', tensors(1));
    const { version } = await open(path);
    writeFileSync(path, tensors(2));
    const ask = { path, tensor: 0, rows: [0, 1], columns: [0, 2], size: [1, 2] } as const;
    await expect(answers['weights/tile']({ ...ask, version }, context)).rejects.toThrow(/changed/);
    const again = await open(path);
    expect(again.version).not.toBe(version);
    expect((await open(path)).version).toBe(again.version);
    expect((await answers['weights/tile']({ ...ask, version: again.version }, context)).data).toEqual(
      Float32Array.of(2, 2),
    );
  });
});

describe('the marks of a weight file', () => {
  const marks = async (path: string) =>
    answers['weights/marks']({ path, version: (await open(path)).version }, context);

  it('name Q, K, V and O of every layer, with their heads and groups', async () => {
    const path = resolve(SAMPLES, 'gqa', 'model.safetensors');
    const list = new TensorList(await open(path));
    const found = await marks(path);
    expect(found).toMatchObject({ unmarked: null, mismatches: [], mismatchCount: 0 });
    const config = JSON.parse(readFileSync(resolve(SAMPLES, 'gqa', 'config.json'), 'utf8')) as Record<string, number>;
    expect(found.marks).toHaveLength(4 * (config['num_hidden_layers'] ?? NaN));
    const heads = Object.fromEntries(
      found.marks
        .filter(({ layer }) => layer === 1)
        .map(({ tensor, parts }) => [list.nameOf(tensor).split('.').at(-2), parts.map((part) => part.heads)]),
    );
    const [q, kv] = [[config['num_attention_heads']], [config['num_key_value_heads']]];
    expect(heads).toEqual({ q_proj: q, k_proj: kv, v_proj: kv, o_proj: q });
  });

  it('know the latent of MLA, and the rows of K and V that lie between each other', async () => {
    const path = resolve(SAMPLES, 'mla', 'model.safetensors');
    const list = new TensorList(await open(path));
    const { marks: found, unmarked } = await marks(path);
    expect(unmarked).toBeNull();
    const letters = new Map(
      found
        .filter(({ layer }) => layer === 0)
        .map(({ tensor, parts }) => [list.nameOf(tensor).split('.').at(-2), parts.map(({ letter }) => letter)]),
    );
    expect(letters.get('kv_b_proj')).toEqual(['K', 'V']);
    expect(letters.get('kv_a_proj_with_mqa')).toEqual(['latent']);
  });

  it('work on a GGUF file by its own metadata', async () => {
    const path = write(folder, 'marked.gguf', llamaGguf());
    const { marks: found, mismatchCount } = await marks(path);
    expect(mismatchCount).toBe(0);
    expect(found.flatMap(({ parts }) => parts.map(({ letter, heads }) => `${letter}${heads}`)).sort()).toEqual([
      'K2',
      'O4',
      'Q4',
      'V2',
    ]);
  });

  it('without a config say so', async () => {
    const alone = join(folder, 'alone');
    mkdirSync(alone);
    writeSparse(join(alone, 'model.safetensors'), LLAMA_TENSORS);
    expect(await marks(join(alone, 'model.safetensors'))).toMatchObject({
      marks: [],
      unmarked: expect.stringMatching(/no config\.json beside the file/),
    });
  });

  it('name every tensor whose shape is another than the config’s', async () => {
    const wrong = join(folder, 'wrong');
    mkdirSync(wrong);
    writeFileSync(
      join(wrong, 'config.json'),
      JSON.stringify({ ...LLAMA, num_key_value_heads: 4, intermediate_size: 11008 }),
    );
    writeSparse(join(wrong, 'model.safetensors'), LLAMA_TENSORS);
    const { mismatches, mismatchCount, marks: found } = await marks(join(wrong, 'model.safetensors'));
    expect(mismatchCount).toBe(5);
    for (const name of ['k_proj', 'v_proj', 'gate_proj', 'up_proj', 'down_proj'])
      expect(mismatches.join('\n')).toContain(`${name}.weight`);
    expect(mismatches[0]).toMatch(/^tensor model\.layers\.0.*shape \[1024, 4096\].*512/);
    expect(mismatches.join()).not.toContain(folder);
    expect(found).toHaveLength(4);
  });
});

describe('a tile of a tensor', () => {
  const matrix = Array.from({ length: 12 * 8 }, (_, i) => ((i * 37) % 23) - 11);
  let path = '';
  let version = '';
  let tensor = 0;
  beforeAll(async () => {
    path = write(
      folder,
      'matrix.safetensors',
      safetensors({
        cube: { dtype: 'F32', shape: [3, 4, 8], bytes: f32(matrix) },
        other: { dtype: 'F32', shape: [2], bytes: f32([NaN, 1]) },
      }),
    );
    const contents = await open(path);
    version = contents.version;
    tensor = placeOf(contents, 'cube');
  });
  const tile = (rows: [number, number], columns: [number, number], size: [number, number]) =>
    answers['weights/tile']({ path, version, tensor, rows, columns, size }, context);

  it('is every value of its rows and columns, whatever dimensions the tensor has', async () => {
    const { data, ...shape } = await tile([3, 7], [2, 6], [100, 100]);
    expect(shape).toEqual({ rows: 4, columns: 4, rowsRead: 4, columnsRead: 4 });
    const expected = [3, 4, 5, 6].flatMap((row) => matrix.slice(row * 8 + 2, row * 8 + 6));
    expect([...data]).toEqual(expected);
  });

  it('is of each cell the value farthest from zero', async () => {
    const { data } = await tile([0, 12], [0, 8], [2, 2]);
    const farthest = (row: number, column: number): number => {
      let best = 0;
      for (let y = row * 6; y < row * 6 + 6; y++)
        for (let x = column * 4; x < column * 4 + 4; x++)
          if (Math.abs(matrix[y * 8 + x] ?? 0) > Math.abs(best)) best = matrix[y * 8 + x] ?? 0;
      return best;
    };
    expect([...data].map(Math.abs)).toEqual(
      [farthest(0, 0), farthest(0, 1), farthest(1, 0), farthest(1, 1)].map(Math.abs),
    );
  });

  it('keeps what is not a number, and refuses what is outside', async () => {
    const contents = await open(path);
    const { data } = await answers['weights/tile'](
      {
        path,
        version: contents.version,
        tensor: placeOf(contents, 'other'),
        rows: [0, 1],
        columns: [0, 2],
        size: [1, 1],
      },
      context,
    );
    expect([...data]).toEqual([NaN]);
    version = contents.version;
    await expect(tile([0, 13], [0, 8], [1, 1])).rejects.toMatchObject({ code: 'invalidInput' });
    await expect(tile([4, 4], [0, 8], [1, 1])).rejects.toMatchObject({ code: 'invalidInput' });
  });

  it('of 128256 × 4096, or of one row of a billion, reads a few megabytes', async () => {
    const large = join(folder, 'tall.safetensors');
    writeSparse(large, [
      ['tall', [128_256, 4096]],
      ['wide', [1_000_000_000]],
    ]);
    const contents = await open(large);
    const common = { path: large, version: contents.version, size: [512, 512] as const };
    const start = performance.now();
    const tall = await answers['weights/tile'](
      { ...common, tensor: placeOf(contents, 'tall'), rows: [0, 128_256], columns: [0, 4096] },
      context,
    );
    const ms = performance.now() - start;
    expect(tall.data).toHaveLength(512 * 512);
    expect(tall.rowsRead * tall.columnsRead).toBeLessThanOrEqual(3 * 2 ** 20);
    const wide = await answers['weights/tile'](
      { ...common, tensor: placeOf(contents, 'wide'), rows: [0, 1], columns: [0, 1_000_000_000] },
      context,
    );
    expect(wide).toMatchObject({ rows: 1, columns: 512 });
    expect(wide.columnsRead).toBeLessThanOrEqual(3 * 2 ** 20);
    console.log(`tile of 128256 × 4096: ${ms.toFixed(0)} ms`);
  });

  it('of a quantised GGUF tensor begins and ends inside of blocks', async () => {
    // Q8_0: blocks of 32, a half and 32 bytes; scale 1, values 0 to 31, then −1 to −32.
    const block = (sign: number): number[] => [
      0,
      0x3c,
      ...Array.from({ length: 32 }, (_, i) => (sign < 0 ? 255 - i : i)),
    ];
    const file = write(
      folder,
      'blocks.gguf',
      gguf(
        { 'general.architecture': ggufValue.text('llama') },
        {
          w: { dims: [64, 2], type: 8, bytes: Uint8Array.from([...block(1), ...block(-1), ...block(-1), ...block(1)]) },
        },
      ),
    );
    const contents = await open(file);
    const { data } = await answers['weights/tile'](
      { path: file, version: contents.version, tensor: 0, rows: [0, 2], columns: [30, 35], size: [2, 5] },
      context,
    );
    expect([...data]).toEqual([30, 31, -1, -2, -3, -31, -32, 0, 1, 2]);
  });
});

describe('the figures of a tensor', () => {
  it('come part by part, and are those of all values', async () => {
    const path = resolve(SAMPLES, 'gqa', 'model.safetensors');
    const contents = await open(path);
    const name = 'model.layers.0.self_attn.k_proj.weight';
    const store = await openSafetensors(path);
    const values = await store.read(name);
    const found = await answers['weights/statistics'](
      { path, version: contents.version, tensor: placeOf(contents, name), from: 0, to: values.length },
      context,
    );
    const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
    expect(found.count).toBe(values.length);
    expect(found.least).toBe(Math.min(...values));
    expect(found.most).toBe(Math.max(...values));
    expect(found.mean).toBeCloseTo(mean, 10);
    expect(deviation(found)).toBeCloseTo(
      Math.sqrt(values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / values.length),
      10,
    );
    await store.close();
  });

  it('are refused for too many values at once', async () => {
    const path = resolve(SAMPLES, 'gqa', 'model.safetensors');
    const { version } = await open(path);
    await expect(
      answers['weights/statistics']({ path, version, tensor: 0, from: 0, to: 2 ** 24 }, context),
    ).rejects.toMatchObject({ code: 'tooLarge' });
  });
});
