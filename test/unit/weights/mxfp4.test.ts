/** gpt-oss as it is published: experts in MXFP4, unpacked on reading to what transformers' own unpacking gives. */

import { describe, expect, it } from 'vitest';
import { checkSource, readSource, sourceTensors } from '../../../src/weights/plan/readSource';
import { openSafetensors } from '../../../src/weights/safetensors';
import { safetensors, temporaryFolder, write } from './files';

describe('experts in MXFP4', () => {
  it('unpacks low nibbles first, scales groups of 32, takes every second row', async () => {
    const [experts, rows, groups] = [2, 4, 1];
    const blocks = Uint8Array.from({ length: experts * rows * groups * 16 }, (_, i) => i % 256);
    const scales = Uint8Array.from({ length: experts * rows * groups }, (_, i) => 127 + i);
    const path = write(
      temporaryFolder(),
      'm.safetensors',
      safetensors({
        'e.x_blocks': { dtype: 'U8', shape: [experts, rows, groups, 16], bytes: blocks },
        'e.x_scales': { dtype: 'U8', shape: [experts, rows, groups], bytes: scales },
      }),
    );
    const store = await openSafetensors(path);
    const source = {
      base: 'x',
      packed: 'mxfp4' as const,
      index: 1,
      rows: [{ start: 1, count: 1, times: 2, stride: 2 }],
    };
    checkSource(store, 'e.', source, 'up.weight', [2, 32]);
    expect(() => checkSource(store, 'e.', source, 'up.weight', [2, 64])).toThrow(/does not give/);
    expect(sourceTensors('e.', source, 'up.weight')).toEqual(['e.x_blocks', 'e.x_scales']);
    const values = await readSource(store, 'e.', source, 'up.weight', new Map());
    // Expert 1, row 1: bytes 80…95 (0x50…0x5f), scale 2^5; low nibbles count up, the high one is 5 = 3.0.
    expect([...values.slice(0, 6)]).toEqual([0, 96, 16, 96, 32, 96]);
    // Row 3: bytes 0x70…, scale 2^7; high nibble 7 = 6.0.
    expect([...values.slice(32, 36)]).toEqual([0, 768, 64, 768]);
    expect(values[32 + 30]).toBe(-768);
    await store.close();
  });
});
