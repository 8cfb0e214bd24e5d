/** Pictures of captures: pixels that can be counted, a file that decoders take. */

import { readFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { inflateSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { picture } from '../../../src/compute/heads/picture';
import { encodePng } from '../../../src/compute/heads/png';
import { tensorTile } from '../../../src/compute/heads/tensorTile';
import { runText } from './support/cli';
import { SAMPLES } from './support/models';

function decode(file: Uint8Array): { readonly width: number; readonly height: number; readonly pixels: Uint8Array } {
  const view = new DataView(file.buffer, file.byteOffset, file.byteLength);
  const [width, height] = [view.getUint32(16), view.getUint32(20)];
  const start = 33;
  expect(new TextDecoder().decode(file.subarray(start + 4, start + 8))).toBe('IDAT');
  const rows = inflateSync(file.subarray(start + 8, start + 8 + view.getUint32(start)));
  expect(rows.byteLength).toBe(height * (width * 3 + 1));
  return { width, height, pixels: rows };
}

describe('pictures', () => {
  it('are PNG files of the right size', () => {
    const pixels = picture([
      {
        tensor: {
          type: 'float32',
          shape: [3, 2, 2],
          data: Float32Array.of(1, 0, 0.5, 0.5, 1, 0, 0, 1, Number.NaN, 0, 0, 0),
        },
        colouring: 'weights',
      },
    ]);
    const { width, height } = decode(encodePng(pixels));
    expect([width, height]).toEqual([pixels.width, pixels.height]);
    // Two by two panels, 16 times enlarged, with gaps of 4.
    expect(width).toBe(2 * (2 * 16 + 4) + 4);
    // The checksum that every PNG ends with.
    expect([...encodePng(pixels).slice(-4)]).toEqual([0xae, 0x42, 0x60, 0x82]);
  });

  it('are written by the command', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'headlight-'));
    try {
      for (const dump of ['weights', 'q,k,v,scores,heads,output,hidden,logits']) {
        const file = join(folder, 'out.png');
        const { code, errors } = await runText([
          'heads',
          SAMPLES[3] ?? '',
          '--layer',
          '1',
          '--ids',
          '1,2,3,4',
          '--dump',
          dump,
          '--out',
          file,
        ]);
        expect(errors).toBe('');
        expect(code).toBe(0);
        expect(decode(readFileSync(file)).height).toBeGreaterThan(10);
      }
      const json = join(folder, 'out.json');
      expect(
        (await runText(['heads', SAMPLES[3] ?? '', '--layer', '1', '--ids', '1,2,3,4', '--dump', 'q', '--out', json]))
          .code,
      ).toBe(0);
      const { tokens, captures } = JSON.parse(readFileSync(json, 'utf8')) as {
        tokens: number[];
        captures: { q: { shape: number[]; data: number[] } };
      };
      expect(tokens).toEqual([1, 2, 3, 4]);
      expect(captures.q.shape.slice(0, 2)).toEqual([8, 4]);
      expect(captures.q.data).toHaveLength(captures.q.shape.reduce((product, size) => product * size, 1));
    } finally {
      await rm(folder, { recursive: true });
    }
  });

  it('reduces what is held', () => {
    const tensor = { type: 'float32' as const, shape: [1, 2, 4], data: Float32Array.of(1, 2, 3, 4, 5, 6, 7, 8) };
    expect([...tensorTile(tensor, { size: [1, 2] }).data]).toEqual([3.5, 5.5]);
    expect([...tensorTile(tensor, { size: [2, 3], reduction: 'max', columns: [0, 3] }).data]).toEqual([
      1, 2, 3, 5, 6, 7,
    ]);
    expect(() => tensorTile(tensor, { rows: [0, 3] })).toThrow(/outside/);
  });
});
