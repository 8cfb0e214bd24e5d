import { spawnSync } from 'node:child_process';
import { appendFileSync, mkdirSync, renameSync, rmSync, truncateSync, unlinkSync, utimesSync } from 'node:fs';
import { join } from 'node:path';
import { beforeEach, describe, expect, it } from 'vitest';
import { openSafetensors } from '../../../src/weights/safetensors';
import { WeightsError } from '../../../src/weights/weightsError';
import { widen } from '../../../src/weights/widen';
import { type KernelDtype, weightBuffer, widenKernel } from '../../../src/weights/widenKernel';
import { f32, safetensors, temporaryFolder, type TensorBytes, withHeader, write } from './files';

let folder = '';
beforeEach(() => {
  folder = temporaryFolder();
});

async function read(
  tensor: TensorBytes,
  extra: Readonly<Record<string, TensorBytes>> = {},
  rows?: readonly [number, number],
): Promise<number[]> {
  const store = await openSafetensors(write(folder, 'a.safetensors', safetensors({ x: tensor, ...extra })));
  try {
    return [...(await store.read('x', rows === undefined ? {} : { rows }))];
  } finally {
    await store.close();
  }
}

/** The error that opening (and reading x) gives. */
async function failure(path: string, readX = false): Promise<WeightsError> {
  try {
    const store = await openSafetensors(path);
    try {
      if (readX) await store.read('x');
    } finally {
      await store.close();
    }
  } catch (error) {
    expect(error).toBeInstanceOf(WeightsError);
    const problem = error as WeightsError;
    expect(problem.message).toContain(folder);
    expect(problem.message).toMatch(/\.$/);
    expect(problem.message).not.toMatch(/\n|\bat .*\.ts/);
    expect(problem.fix).toMatch(/\.$/);
    return problem;
  }
  throw new Error('no error');
}

describe('element types', () => {
  it('F32, F64, integers', async () => {
    expect(await read({ dtype: 'F32', shape: [3], bytes: f32([1.5, -2, 3]) })).toEqual([1.5, -2, 3]);
    expect(await read({ dtype: 'F64', shape: [2], bytes: new Uint8Array(Float64Array.of(0.1, -7).buffer) })).toEqual([
      Math.fround(0.1),
      -7,
    ]);
    expect(await read({ dtype: 'I8', shape: [3], bytes: new Uint8Array(Int8Array.of(-128, 0, 127).buffer) })).toEqual([
      -128, 0, 127,
    ]);
    expect(await read({ dtype: 'U8', shape: [2], bytes: Uint8Array.of(0, 255) })).toEqual([0, 255]);
    expect(await read({ dtype: 'I16', shape: [1], bytes: new Uint8Array(Int16Array.of(-300).buffer) })).toEqual([-300]);
    expect(await read({ dtype: 'I32', shape: [1], bytes: new Uint8Array(Int32Array.of(-70000).buffer) })).toEqual([
      -70000,
    ]);
    expect(await read({ dtype: 'I64', shape: [1], bytes: new Uint8Array(BigInt64Array.of(-5n).buffer) })).toEqual([-5]);
    expect(await read({ dtype: 'BOOL', shape: [2], bytes: Uint8Array.of(1, 0) })).toEqual([1, 0]);
  });

  it('BF16: the upper half of a float32, for all values and odd counts', async () => {
    const all = Uint16Array.from({ length: 65536 }, (_, i) => i);
    const expected = new Float32Array(Uint32Array.from(all, (bits) => bits << 16).buffer);
    const values = await read({ dtype: 'BF16', shape: [65536], bytes: new Uint8Array(all.buffer) });
    expect(
      values.every((value, i) => Object.is(value, expected[i]) || (Number.isNaN(value) && Number.isNaN(expected[i]))),
    ).toBe(true);
    expect(await read({ dtype: 'BF16', shape: [3], bytes: Uint8Array.of(0x80, 0x3f, 0x00, 0xc0, 0x40, 0x40) })).toEqual(
      [1, -2, 3],
    );
  });

  it('F16: against the definition, subnormals and infinities', async () => {
    const bits = Uint16Array.of(0x3c00, 0xc000, 0x0001, 0x03ff, 0x7bff, 0x7c00, 0xfc00, 0x8000);
    expect(await read({ dtype: 'F16', shape: [8], bytes: new Uint8Array(bits.buffer) })).toEqual([
      1,
      -2,
      2 ** -24,
      1023 * 2 ** -24,
      65504,
      Infinity,
      -Infinity,
      -0,
    ]);
  });

  it('F8: both forms, with largest values and NaN', async () => {
    expect(
      await read({ dtype: 'F8_E4M3', shape: [6], bytes: Uint8Array.of(0x38, 0xb8, 0x7e, 0x01, 0x7f, 0x00) }),
    ).toEqual([1, -1, 448, 2 ** -9, NaN, 0]);
    expect(await read({ dtype: 'F8_E5M2', shape: [5], bytes: Uint8Array.of(0x3c, 0x7b, 0x7c, 0x01, 0xfe) })).toEqual([
      1,
      57344,
      Infinity,
      2 ** -16,
      NaN,
    ]);
  });

  it('block scales as DeepSeek-V3 stores them, also for a range of rows and cut blocks', async () => {
    const [rows, columns] = [130, 200];
    const bytes = new Uint8Array(rows * columns).fill(0x38);
    const scale = { dtype: 'F32', shape: [2, 2], bytes: f32([2, 3, 5, 7]) };
    const values = await read({ dtype: 'F8_E4M3', shape: [rows, columns], bytes }, { x_scale_inv: scale });
    expect([values[0], values[127], values[128], values[128 * columns], values.at(-1)]).toEqual([2, 2, 3, 5, 7]);
    const tail = await read({ dtype: 'F8_E4M3', shape: [rows, columns], bytes }, { x_scale_inv: scale }, [127, 129]);
    expect([tail[0], tail[columns], tail[2 * columns - 1]]).toEqual([2, 5, 7]);
  });

  it('a scale per tensor, and per row', async () => {
    const bytes = Uint8Array.of(0x38, 0x38, 0x38, 0x38);
    expect(
      await read(
        { dtype: 'F8_E4M3', shape: [2, 2], bytes },
        { x_scale: { dtype: 'F32', shape: [1], bytes: f32([0.5]) } },
      ),
    ).toEqual([0.5, 0.5, 0.5, 0.5]);
    expect(
      await read(
        { dtype: 'I8', shape: [2, 2], bytes: Uint8Array.of(1, 2, 3, 4) },
        { x_scale: { dtype: 'F32', shape: [2, 1], bytes: f32([2, 10]) } },
      ),
    ).toEqual([2, 4, 30, 40]);
  });
});

describe('reading', () => {
  it('rows of a large tensor, at an offset no type likes, into a buffer', async () => {
    const period = Uint16Array.from(
      { length: 1000 },
      (_, i) => (new Uint32Array(Float32Array.of(i).buffer)[0] ?? 0) >>> 16,
    );
    const bytes = new Uint8Array(Uint16Array.from({ length: 3_000_000 }, (_, i) => period[i % 1000] ?? 0).buffer);
    const odd = { dtype: 'U8', shape: [3], bytes: Uint8Array.of(1, 2, 3) };
    const store = await openSafetensors(
      write(folder, 'a.safetensors', safetensors({ odd, x: { dtype: 'BF16', shape: [3000, 1000], bytes } })),
    );
    const into = new Float32Array(4_000_000);
    const whole = await store.read('x', { into });
    expect(whole.buffer).toBe(into.buffer);
    expect(whole.length).toBe(3_000_000);
    const rows = await store.read('x', { rows: [1500, 1502] });
    expect(rows).toEqual(whole.slice(1_500_000, 1_502_000));
    expect(store.info('x')).toMatchObject({ dtype: 'BF16', shape: [3000, 1000], bytes: 6_000_000 });
    expect(store.totalBytes).toBe(6_000_003);
    await expect(store.read('x', { rows: [0, 3001] })).rejects.toThrow(/rows 0 to 3001 were asked of 3000/);
    await expect(store.read('x', { signal: AbortSignal.abort() })).rejects.toThrow(/abort/i);
    await expect(store.read('y')).rejects.toThrow(WeightsError);
    await store.close();
  });

  it('reads many tensors at once', async () => {
    const tensors = Object.fromEntries(
      Array.from({ length: 20 }, (_, i) => [`t${i}`, { dtype: 'F32', shape: [2], bytes: f32([i, -i]) }]),
    );
    const store = await openSafetensors(write(folder, 'a.safetensors', safetensors(tensors)));
    const all = await Promise.all(store.names().map((name) => store.read(name)));
    expect(all.map((values) => values[0])).toEqual(Array.from({ length: 20 }, (_, i) => i));
    await store.close();
  });

  it('scalars and empty tensors', async () => {
    expect(await read({ dtype: 'F32', shape: [], bytes: f32([4]) })).toEqual([4]);
    expect(await read({ dtype: 'F32', shape: [0, 5], bytes: f32([]) })).toEqual([]);
  });
});

describe('shards', () => {
  const shard = (name: string, value: number): Uint8Array =>
    safetensors({ [name]: { dtype: 'F32', shape: [1], bytes: f32([value]) } });
  const index = (map: Readonly<Record<string, string>>): string =>
    JSON.stringify({ metadata: { total_size: 8 }, weight_map: map });

  it('are read through their index', async () => {
    write(folder, 'm-1.safetensors', shard('a', 1));
    write(folder, 'm-2.safetensors', shard('b', 2));
    const store = await openSafetensors(
      write(folder, 'm.safetensors.index.json', index({ a: 'm-1.safetensors', b: 'm-2.safetensors' })),
    );
    expect([...(await store.read('a')), ...(await store.read('b'))]).toEqual([1, 2]);
    await store.close();
  });

  it.each([
    [
      'a missing shard',
      { a: 'm-1.safetensors', b: 'm-9.safetensors' },
      /m-9\.safetensors: this shard, named by m\.safetensors\.index\.json, is missing/,
    ],
    ['a tensor in the wrong shard', { b: 'm-1.safetensors' }, /tensor b: the index places it in m-1\.safetensors/],
    ['a path out of the folder', { a: '../m-1.safetensors' }, /not a safetensors file of this folder/],
    ['another file', { a: '/etc/passwd' }, /not a safetensors file of this folder/],
  ])('%s', async (_, map, message) => {
    write(folder, 'm-1.safetensors', shard('a', 1));
    expect((await failure(write(folder, 'm.safetensors.index.json', index(map)))).message).toMatch(message);
  });

  it('a truncated shard', async () => {
    const path = write(folder, 'm-1.safetensors', shard('a', 1));
    truncateSync(path, shard('a', 1).byteLength - 2);
    expect((await failure(write(folder, 'm.safetensors.index.json', index({ a: 'm-1.safetensors' })))).message).toMatch(
      /ends 2 bytes past the end of the file/,
    );
  });

  it.each([
    '{}',
    '[]',
    'null',
    '{"weight_map": 3}',
    '{"weight_map": {}}',
    '{"weight_map": {"a": 1}}',
    '{"weight_map": {"a": "x.safetensors", "a": "x.safetensors"}}',
    '{',
    '',
  ])('index %s', async (text) => {
    await failure(write(folder, 'm.safetensors.index.json', text));
  });
});

describe('what is wrong with files', () => {
  it('does not exist, is a folder, is too short', async () => {
    expect((await failure(join(folder, 'none.safetensors'))).message).toMatch(/does not exist/);
    mkdirSync(join(folder, 'folder.safetensors'));
    expect((await failure(join(folder, 'folder.safetensors'))).message).toMatch(/folder, not a weight file/);
    expect((await failure(write(folder, 'ten.safetensors', new Uint8Array(10).fill(65)))).message).toMatch(
      /claims \d+ bytes, but the file has 10/,
    );
    expect((await failure(write(folder, 'three.safetensors', new Uint8Array(3)))).message).toMatch(/only 3 bytes/);
    expect((await failure(write(folder, 'empty.safetensors', new Uint8Array(0)))).message).toMatch(/only 0 bytes/);
  });

  const entry = (value: unknown): string => JSON.stringify({ x: value });
  it.each([
    ['not JSON', '{"x": ', /not valid JSON/],
    ['not an object', '[1]', /not a JSON object/],
    ['bad UTF-8', Uint8Array.of(0x7b, 0x22, 0xff, 0x22, 0x3a, 0x31, 0x7d), /not valid JSON/],
    ['an entry that is no object', entry(5), /is not an object/],
    ['no dtype', entry({ shape: [1], data_offsets: [0, 4] }), /has no dtype/],
    ['an unknown dtype', entry({ dtype: 'Q17', shape: [1], data_offsets: [0, 4] }), /dtype Q17 is unknown/],
    ['a negative size', entry({ dtype: 'F32', shape: [-1], data_offsets: [0, 4] }), /not a list of sizes/],
    ['a fraction', entry({ dtype: 'F32', shape: [1.5], data_offsets: [0, 4] }), /not a list of sizes/],
    ['a huge dimension', entry({ dtype: 'F32', shape: [2 ** 33], data_offsets: [0, 4] }), /above 2\^32/],
    [
      'a huge product',
      entry({ dtype: 'F32', shape: [2 ** 32, 2 ** 32], data_offsets: [0, 4] }),
      /more elements than any file/,
    ],
    [
      'too many dimensions',
      entry({ dtype: 'F32', shape: [1, 1, 1, 1, 1, 1, 1, 1, 1], data_offsets: [0, 4] }),
      /more than 8 entries/,
    ],
    ['three offsets', entry({ dtype: 'F32', shape: [1], data_offsets: [0, 2, 4] }), /not two positions/],
    ['backward offsets', entry({ dtype: 'F32', shape: [1], data_offsets: [4, 0] }), /run backwards/],
    [
      'a length that disagrees',
      entry({ dtype: 'F32', shape: [2], data_offsets: [0, 4] }),
      /needs 8 bytes, but its data_offsets span 4/,
    ],
    ['an end outside', entry({ dtype: 'F32', shape: [2], data_offsets: [0, 8] }), /4 bytes past the end/],
    ['a hole at the front', entry({ dtype: 'F32', shape: [0], data_offsets: [4, 4] }), /belong to no tensor/],
    [
      'a duplicate name',
      '{"x":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},"x":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}',
      /same name twice/,
    ],
    [
      'an overlap',
      JSON.stringify({
        x: { dtype: 'F32', shape: [1], data_offsets: [0, 4] },
        y: { dtype: 'U8', shape: [2], data_offsets: [2, 4] },
      }),
      /overlaps/,
    ],
    ['deep nesting', '['.repeat(1000) + ']'.repeat(1000), /nested more than 3 deep/],
    ['no tensors but bytes', '{}', /last 4 bytes belong to no tensor/],
    ['a prototype', '{"__proto__":{"dtype":"F32","shape":[1],"data_offsets":[0,5]}}', /needs 4 bytes/],
  ])('%s', async (_, header, message) => {
    expect((await failure(write(folder, 'bad.safetensors', withHeader(header, f32([1]))))).message).toMatch(message);
  });

  it('a header longer than the file, or than the limit', async () => {
    expect((await failure(write(folder, 'a.safetensors', withHeader('{}', f32([]), 2n ** 63n)))).message).toMatch(
      /claims 9223372036854775808 bytes/,
    );
    expect((await failure(write(folder, 'b.safetensors', withHeader('{}', f32([]), 0n)))).message).toMatch(
      /header is empty/,
    );
  });

  it('names with control characters are shown without them', async () => {
    const bad = await failure(
      write(folder, 'c.safetensors', withHeader(JSON.stringify({ 'a\n\u001b[31m': 1 }), f32([]))),
    );
    expect(bad.message).not.toMatch(/[\u0000-\u001f]/);
  });

  it('a type that has no reader is listed, and refused on reading', async () => {
    const store = await openSafetensors(
      write(
        folder,
        'd.safetensors',
        safetensors({
          x: { dtype: 'F4', shape: [2, 2], bytes: Uint8Array.of(1, 2) },
          y: { dtype: 'F32', shape: [1], bytes: f32([1]) },
        }),
      ),
    );
    expect(store.info('x').dtype).toBe('F4');
    await expect(store.read('x')).rejects.toThrow(/element type F4 cannot be read/);
    expect([...(await store.read('y'))]).toEqual([1]);
    await store.close();
  });

  it('is replaced while it is open: by another file, a pipe, nothing. What was opened is read, and no byte of the other', async () => {
    const tensor = (numbers: number[]): Uint8Array =>
      safetensors({ x: { dtype: 'F32', shape: [4], bytes: f32(numbers) } });
    for (const replace of [
      (path: string): void => renameSync(write(folder, 'other.safetensors', tensor([5, 6, 7, 8])), path),
      (path: string): void => unlinkSync(path),
      ...(process.platform === 'win32'
        ? []
        : [
            (path: string): void => {
              unlinkSync(path);
              expect(spawnSync('mkfifo', [path]).status).toBe(0);
            },
          ]),
    ]) {
      const path = write(folder, 'r.safetensors', tensor([1, 2, 3, 4]));
      const store = await openSafetensors(path);
      replace(path);
      expect([...(await store.read('x'))]).toEqual([1, 2, 3, 4]);
      await store.close();
      rmSync(path, { force: true });
    }
  });

  it('changes while it is open: grown, touched, cut', async () => {
    for (const change of [
      (path: string): void => appendFileSync(path, 'x'),
      (path: string): void => utimesSync(path, 1, 1),
      (path: string): void => truncateSync(path, 20),
    ]) {
      const path = write(
        folder,
        'e.safetensors',
        safetensors({ x: { dtype: 'F32', shape: [4], bytes: f32([1, 2, 3, 4]) } }),
      );
      const store = await openSafetensors(path);
      change(path);
      await expect(store.read('x')).rejects.toThrow(/changed while it was being read|ends before the data does/);
      await store.close();
    }
  });
});

describe('the SIMD kernel', () => {
  /** Every value of the type, and what the definition gives for it. */
  function all(dtype: KernelDtype): {
    readonly bytes: Uint8Array<ArrayBuffer>;
    readonly expected: Float32Array<ArrayBuffer>;
  } {
    const bytes = dtype.startsWith('F8')
      ? Uint8Array.from({ length: 256 }, (_, i) => i)
      : new Uint8Array(Uint16Array.from({ length: 65536 }, (_, i) => i).buffer);
    const expected = new Float32Array(dtype.startsWith('F8') ? 256 : 65536);
    // Bytes outside the kernel's memory are widened without it.
    widen(dtype, bytes, expected, 0);
    return { bytes, expected };
  }
  const differ = (actual: Float32Array, expected: Float32Array): number[] =>
    [...expected.keys()].filter(
      (i) => !Object.is(actual[i], expected[i]) && !(Number.isNaN(actual[i]) && Number.isNaN(expected[i])),
    );

  describe.each(['BF16', 'F16', 'F8_E4M3', 'F8_E5M2'] as const)('%s', (dtype) => {
    it('gives what the definition gives, for all values, in its own memory and elsewhere', () => {
      const { bytes, expected } = all(dtype);
      // Large enough for a memory of its own; the slice begins where no step of the kernel does.
      for (const target of [new Float32Array(expected.length + 1), weightBuffer(300_000)]) {
        const kernel = widenKernel(target);
        const buffer = kernel?.acquire(bytes.byteLength);
        if (!kernel || !buffer) throw new Error('no WebAssembly');
        buffer.set(bytes);
        expect(kernel.widen(dtype, buffer, target, 1)).toBe(expected.length);
        expect(differ(target.subarray(1), expected)).toEqual([]);
        kernel.release(buffer);
      }
    });

    it('leaves what is behind the last element alone, however few there are', () => {
      const { bytes, expected } = all(dtype);
      const size = dtype.startsWith('F8') ? 1 : 2;
      const target = weightBuffer(300_000);
      const buffer = widenKernel(target)?.acquire(100 * size);
      if (!buffer) throw new Error('no WebAssembly');
      buffer.set(bytes.subarray(0, 100 * size));
      for (const count of [1, 15, 16, 33, 99]) {
        target.fill(9, 0, 200);
        widen(dtype, buffer.subarray(0, count * size), target, 3);
        expect(differ(target.subarray(3), expected.subarray(0, count))).toEqual([]);
        expect([target[2], target[3 + count]]).toEqual([9, 9]);
      }
    });
  });

  it('hands out and takes back its buffers, and no others', () => {
    const kernel = widenKernel();
    const taken = Array.from({ length: 5 }, () => kernel?.acquire(100));
    expect(taken.map((buffer) => buffer instanceof Uint8Array)).toEqual([true, true, true, true, false]);
    for (const buffer of taken) if (buffer) kernel?.release(buffer);
    kernel?.release(new Uint8Array(4));
    expect(kernel?.acquire(1e9)).toBeNull();
  });

  it('gives a small weight no memory of its own', () => {
    expect(widenKernel(weightBuffer(100))).toBe(widenKernel());
    expect(widenKernel(weightBuffer(300_000))).not.toBe(widenKernel());
  });
});

describe('a header of many tensors', () => {
  const count = 1_000;
  const member = (i: number, name = `t${i}`): string =>
    `${JSON.stringify(name)}:{"dtype":"U8","shape":[1],"data_offsets":[${i},${i + 1}]}`;
  const members = Array.from({ length: count }, (_, i) => member(i));
  const opened = (json: string): Promise<unknown> => {
    const path = write(folder, 'many.safetensors', withHeader(json, new Uint8Array(count)));
    return openSafetensors(path).then(
      async (store) => {
        const names = store.names();
        await store.close();
        return names;
      },
      (error: unknown) => (error instanceof WeightsError ? error.message : error),
    );
  };

  it('is read whole, in its order, whatever stands between its members', async () => {
    const names = members.map((_, i) => `t${i}`);
    expect(await opened(`{${members.join(',')}}`)).toEqual(names);
    expect(await opened(` \n{ ${members.join(' ,\r\n\t')} } `)).toEqual(names);
    expect(await opened(`{"__metadata__":{"a":"{,},\\",b"},${members.join(',')}}`)).toEqual(names);
  });

  it.each([
    ['a comma at its end', `{${members.join(',')},}`, /not valid JSON/],
    ['a comma at its end, after a whole part', `{${members.slice(0, 256).join(',')},}`, /not valid JSON/],
    [
      'a part of nothing',
      `{${members.slice(0, 256).join(',')},${','.repeat(300)}${members[256] ?? ''}}`,
      /not valid JSON/,
    ],
    ['two objects', `{${members[0] ?? ''}}{${members.slice(1).join(',')}}`, /not valid JSON/],
    ['an object in a list', `[{${members.join(',')}}]`, /not usable|not a JSON object/],
    [
      'a mark of the byte order in the middle',
      `{${members.slice(0, 256).join(',')},\ufeff${members.slice(256).join(',')}}`,
      /not valid JSON/,
    ],
    ['a name twice, near', `{${[...members, member(5)].join(',')}}`, /same name twice/],
    ['a name twice, far', `{${[member(999, 't998'), ...members.slice(0, 999)].join(',')}}`, /same name twice/],
    [
      'a name twice inside',
      `{${members.join(',').replace('"dtype":"U8"', '"dtype":"U8","dtype":"U8"')}}`,
      /same name twice/,
    ],
  ])('with %s is refused', async (_, json, message) => {
    expect(await opened(json)).toMatch(message);
  });

  it('opens half a million', async () => {
    const many = Array.from({ length: 500_000 }, (_, i) => member(i, `layers.${i}.w`)).join(',');
    const path = write(folder, 'most.safetensors', withHeader(`{${many}}`, new Uint8Array(500_000)));
    const store = await openSafetensors(path);
    expect(store.names()).toHaveLength(500_000);
    await store.close();
  }, 60_000);
});
