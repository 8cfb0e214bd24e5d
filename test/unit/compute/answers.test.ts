/** Whatever the compute process answers passes the check of its contract: one that is too strict would break a view. */

import { readdirSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { ComputeService } from '../../../src/compute/methods';
import { COMPUTE, type ComputeMethods } from '../../../src/shared/computeContract';
import { MOST_SEED } from '../../../src/shared/limits';
import { type NoMethods, RpcPeer } from '../../../src/shared/rpc';
import { answerCheck } from '../../../src/shared/schema';
import type { TypeCases } from '../corpus';
import { SAMPLES } from '../heads/support/models';
import { pairedTransports } from '../heads/support/transports';
import { someOf } from '../support/cases';

const corpus = JSON.parse(readFileSync('test/fixtures/corpus.json', 'utf8')) as Record<string, TypeCases<string>>;
const media = resolve(import.meta.dirname, '../../../media');
const [near, far] = pairedTransports();
const peer = new RpcPeer<ComputeMethods, NoMethods>(near, {}, answerCheck(COMPUTE));
const server = new RpcPeer<NoMethods, ComputeMethods>(far, new ComputeService({ threads: 1 }, '').handlers());
afterAll(() => {
  peer.dispose();
  server.dispose();
});

/** Our own failure; refusals in words are answers too. */
async function isAnswered(call: Promise<unknown>): Promise<void> {
  const code = await call.then(
    () => 'answered',
    (error: unknown) => (error instanceof Error && 'code' in error ? `${String(error.code)}: ${error.message}` : error),
  );
  expect(code).toMatch(/^(?:answered|invalidInput: )/);
}

describe('answers pass the check of the contract', () => {
  it('about itself', async () => {
    await isAnswered(peer.call('compute/status', {}));
  });

  it.each(SAMPLES)('about the weights of %s', async (path) => {
    for (const method of ['weights/summary', 'weights/beside'] as const)
      await isAnswered(peer.call(method, { path: join(path, 'model.safetensors') }));
    await isAnswered(peer.call('heads/model', { path }));
    await isAnswered(peer.call('heads/close', { path }));
  });

  const presets = readdirSync(join(media, 'presets')).filter((name) => name !== 'index.json');
  it.each(someOf(presets))('about the heads of the preset %s, seeded', async (name) => {
    const text = readFileSync(join(media, 'presets', name), 'utf8');
    const model = { path: '', seeded: { text, families: {}, seed: MOST_SEED } };
    await isAnswered(peer.call('heads/model', model));
    await isAnswered(peer.call('heads/tokens', { ...model, text: 'red, white, and' }));
  });

  it('about a run with the largest seed', async () => {
    const text = JSON.stringify({
      model_type: 'llama',
      hidden_size: 64,
      num_hidden_layers: 2,
      num_attention_heads: 8,
      num_key_value_heads: 2,
      intermediate_size: 96,
      vocab_size: 100,
    });
    const model = { path: '', seeded: { text, seed: MOST_SEED }, engine: 'onnxruntime-cpu' } as const;
    const look = { layer: 0, captures: ['q', 'k'], measures: true, logits: false } as const;
    const { seeded } = await peer.call('heads/capture', { ...model, ...look, ids: [2 ** 31 - 1] });
    expect(seeded?.seed).toBe(MOST_SEED);
    const { layer } = await peer.call('compute/describeLayer', { text, layer: 0 });
    const onnx = { layer, mode: 'prefill', form: null, seed: 2 ** 32 - 1, name: 'a' } as const;
    await isAnswered(peer.call('compute/layerOnnx', onnx));
  });

  it('about the heads and the first layer of every model type', async () => {
    for (const { base } of Object.values(corpus)) {
      const text = JSON.stringify(base);
      await isAnswered(peer.call('heads/model', { path: '', seeded: { text, seed: 1 } }));
      await isAnswered(peer.call('compute/describeLayer', { text, layer: 0 }));
    }
  });
});
