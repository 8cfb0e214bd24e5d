/** The compute process' methods on real models, over a connection as the editor has it. */

import { cp, mkdtemp, rm, utimes } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { ComputeService } from '../../../src/compute/methods';
import { COMPUTE, type ComputeMethods } from '../../../src/shared/computeContract';
import type { CaptureParams } from '../../../src/shared/headsContract';
import { type NoMethods, RpcPeer } from '../../../src/shared/rpc';
import { answerCheck } from '../../../src/shared/schema';
import { SAMPLES } from './support/models';
import { pairedTransports } from './support/transports';

const [near, far] = pairedTransports();
const peer = new RpcPeer<ComputeMethods, NoMethods>(near, {}, answerCheck(COMPUTE));
const server = new RpcPeer<NoMethods, ComputeMethods>(far, new ComputeService({ threads: 1 }, '').handlers());
afterAll(async () => {
  await peer.call('heads/close', { path: PATH });
  peer.dispose();
  server.dispose();
});

const PATH = SAMPLES[1] ?? '';
const ask: CaptureParams = {
  path: PATH,
  engine: 'onnxruntime-cpu',
  ids: [5, 6, 7, 5, 6, 7],
  layer: 1,
  captures: ['q', 'k', 'v'],
  measures: true,
  logits: true,
};

describe('models in the compute process', () => {
  it('says what a model is, and what a text becomes', async () => {
    const info = await peer.call('heads/model', { path: PATH });
    expect(info.tokenizer).toBe(true);
    expect(info.layers[0]).toMatchObject({ kind: 'full', queryHeads: 8, kvHeads: 2 });
    const { ids, pieces } = await peer.call('heads/tokens', { path: PATH, text: 'Say: again' });
    expect(ids.length).toBe(pieces.length);
    expect(ids.every((id) => id < info.vocabularySize)).toBe(true);
  });

  it('captures, measures and shows tiles', async () => {
    const messages: string[] = [];
    const result = await peer.call('heads/capture', ask, { onProgress: ({ message }) => messages.push(message) });
    expect(messages.some((message) => message.startsWith('layer 0'))).toBe(true);
    expect(result.measures?.heads.map(({ group }) => group)).toEqual([0, 0, 0, 0, 1, 1, 1, 1]);
    expect(result.measures?.identity.k.inside).toBe(0);
    expect(result.logits?.length).toBeGreaterThan(100);
    expect(result.shapes.k?.slice(0, 2)).toEqual([2, 6]);
    const weights = await peer.call('heads/tile', {
      capture: result.capture,
      what: 'weights',
      heads: [3],
      rows: [2, 6],
    });
    expect(weights.shape).toEqual([1, 4, 6]);
    for (let row = 0; row < 4; row++) {
      const sum = Array.from(weights.data.slice(row * 6, row * 6 + 6) as Float32Array).reduce((a, b) => a + b, 0);
      expect(sum).toBeCloseTo(1, 5);
    }
    const k = await peer.call('heads/tile', { capture: result.capture, what: 'k', size: [3, 1] });
    expect(k.shape).toEqual([2, 3, 1]);
  });

  it('refuses in words', async () => {
    await expect(peer.call('heads/model', { path: join(PATH, 'nothing') })).rejects.toThrow(/does not exist/);
    await expect(peer.call('heads/capture', { ...ask, layer: 40 })).rejects.toThrow(/there is no layer 40/);
    await expect(peer.call('heads/capture', { ...ask, captures: ['latent'] })).rejects.toThrow(/not latent/);
    await expect(peer.call('heads/tile', { capture: 999, what: 'k' })).rejects.toThrow(/no longer held/);
    await expect(
      peer.call('heads/tile', { capture: 1, what: 'k', rows: [1] as unknown as [number, number] }),
    ).rejects.toThrow(/two whole numbers/);
    await expect(peer.call('heads/capture', { ...ask, ids: [-1] })).rejects.toThrow(/whole number/);
  });

  it('measures conversions, offers those that cache alike, refuses in place, and can be cancelled', async () => {
    const convert = {
      path: PATH,
      engine: 'onnxruntime-cpu',
      text: 'Say: again, and again, and again',
      layer: 1,
    } as const;
    const messages: string[] = [];
    const named = await peer.call(
      'heads/convert',
      {
        ...convert,
        conversions: [
          { to: 'mqa', method: 'mean-pool' },
          { to: 'gqa:4', method: 'mean-pool' },
        ],
      },
      { onProgress: ({ message }) => messages.push(message ?? '') },
    );
    expect(named.conversions[0]).toMatchObject({ cachedBefore: 64, cachedPerToken: 32 });
    expect(named.conversions[1]).toMatchObject({
      refused: 'this layer has 2 KV heads: 4 groups cannot be made from so few',
    });
    expect(messages.filter((message) => / of 2: /.test(message))).toEqual(
      expect.arrayContaining([
        expect.stringMatching(/^1 of 2: MQA, mean-pool/),
        expect.stringMatching(/^2 of 2: GQA-4/),
      ]),
    );
    const offered = await peer.call('heads/convert', { ...convert, conversions: null });
    expect(new Set(offered.conversions.map((one) => 'cachedPerToken' in one && one.cachedPerToken))).toEqual(
      new Set([32]),
    );
    expect(new Set(offered.conversions.map(({ target }) => target.kind))).toEqual(new Set(['mqa', 'mla']));
    await expect(
      peer.call('heads/convert', { ...convert, conversions: [{ to: 'mha', method: 'mean-pool' }] }),
    ).rejects.toThrow('conversions are gqa:G, mqa and mla:R[+D], not mha');
    await expect(peer.call('heads/convert', { ...convert, layer: 40, conversions: null })).rejects.toThrow(
      'there is no layer 40',
    );
    const controller = new AbortController();
    const call = peer.call(
      'heads/convert',
      { ...convert, conversions: null },
      { signal: controller.signal, onProgress: () => controller.abort() },
    );
    await expect(call).rejects.toThrow(/cancelled/);
  });

  it('opens a model anew when its files change', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'headlight-'));
    try {
      await cp(PATH, folder, { recursive: true });
      const first = await peer.call('heads/capture', { ...ask, path: folder, measures: false });
      await utimes(join(folder, 'model.safetensors'), new Date(), new Date(Date.now() + 5000));
      const second = await peer.call('heads/capture', { ...ask, path: folder, measures: false });
      expect(second.logits).toEqual(first.logits);
      await expect(peer.call('heads/tile', { capture: first.capture, what: 'k' })).rejects.toThrow(/no longer held/);
      expect(await peer.call('heads/close', { path: folder })).toBeNull();
    } finally {
      await rm(folder, { recursive: true });
    }
  });

  it('lets go of what was cancelled', async () => {
    const controller = new AbortController();
    const call = peer.call('heads/capture', ask, { signal: controller.signal });
    controller.abort();
    await expect(call).rejects.toThrow(/cancelled/);
    expect((await peer.call('heads/capture', { ...ask, measures: false })).capture).toBeGreaterThan(0);
  });
});
