/** What libllama allocates for GGUF files of its architectures, and what our rule says of the same files: to the byte. */

import { beforeAll, expect, it } from 'vitest';
import { planCache } from '../../../src/cache/plan';
import { ggufRegister, layersRegister } from '../../../src/families/register';
import { readModelConfig } from '../../../src/reading/read';
import { ggufConfig } from '../../../src/weights/ggufConfig';
import { type Comparison, compareWithLibllama, someCases } from '../../oracle/llamacppBytes';
import { ARCHITECTURES, MODELS } from '../../oracle/llamacppModels';
import { depthNote, thorough } from '../depth';
import { scenario } from '../support';
import { tally } from '../support/accuracy';
import { describeAll } from '../support/cases';
import { Libllama, LIBLLAMA_TIMEOUT_MS, noLibllama } from '../support/libllama';

let result: Comparison | null = null;

const counted = tally(
  {
    id: 'libllama-contexts',
    part: 'engine',
    what: 'Bytes of contexts that llama.cpp makes of GGUF files of its architectures; set-ups that it refuses',
    against: 'llama.cpp v0.5.0 (2026-09-28), executed in the tests',
    unit: 'model',
    off: 'bytes',
  },
  () => result?.models.length ?? Number.NaN,
);

describeAll(`the bytes that libllama allocates${depthNote}`, () => {
  if (noLibllama !== null) {
    it.skip(noLibllama, () => undefined);
    return;
  }
  beforeAll(async () => {
    result = thorough ? await compareWithLibllama() : await compareWithLibllama(MODELS, someCases);
  }, 3 * LIBLLAMA_TIMEOUT_MS);

  it('are ours, context by context', () => {
    for (const { contexts, equal, farthestBytes } of result?.models ?? [])
      counted.add({ compared: contexts, equal, difference: farthestBytes });
    expect(result?.differences).toEqual([]);
    expect(result?.differenceBytes).toBe(0);
  });

  it('of nearly every architecture', () => {
    // A name without code in this release.
    expect(result?.notLoaded.map(([model]) => model)).toEqual(['gptj']);
    expect(result?.architectures.length).toBeGreaterThan(140);
    expect(result?.equal).toBeGreaterThan(800);
    expect(result?.refused).toBeGreaterThan(40);
  });

  it('and its architectures are those of the list, states of drafted tokens where it says so', async () => {
    const library = await Libllama.start();
    const all = (await library.architectures()).filter(({ name }) => name !== '(unknown)');
    library.close();
    expect(all.map(({ name }) => name).sort()).toEqual([...ARCHITECTURES].sort());
    const wrong = all.filter(({ name, recurrent, hybrid, keepsDraftStates }) => {
      const said = layersRegister.of(ggufRegister.of(name)?.modelType ?? name)?.llamacpp?.keepsDraftStates;
      return (recurrent || hybrid) && said !== undefined && said !== keepsDraftStates;
    });
    expect(wrong).toEqual([]);
  });
});

/** No models by themselves: a projector of images, and heads that draft for a model of another file. */
const PARTS = ['clip', 'dflash', 'eagle3'];

describeAll('names of architectures in GGUF files', () => {
  it('are all translated, or have layers under that name', () => {
    const lost = ARCHITECTURES.filter((name) => ggufRegister.of(name) === null && layersRegister.of(name) === null);
    expect(lost).toEqual(PARTS);
  });

  it.each(PARTS)('%s has no size that is called exact, or keeps nothing', (name) => {
    const config = ggufConfig({ 'general.architecture': name, [`${name}.block_count`]: 2 });
    const spec = readModelConfig(JSON.stringify(config))?.spec;
    if (!spec) throw new Error(name);
    const { exact, totalBytes } = planCache(spec, scenario(1, 1000, { engine: 'llamacpp' }));
    expect([exact, totalBytes]).toEqual(name === 'clip' ? [true, 0] : [false, null]);
  });
});
