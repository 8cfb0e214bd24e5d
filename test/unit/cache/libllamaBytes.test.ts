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
import { describeAll } from '../support/cases';
import { Libllama, LIBLLAMA_TIMEOUT_MS, noLibllama } from '../support/libllama';

describeAll(`the bytes that libllama allocates${depthNote}`, () => {
  if (noLibllama !== null) {
    it.skip(noLibllama, () => undefined);
    return;
  }
  let result: Comparison;
  beforeAll(async () => {
    result = thorough ? await compareWithLibllama() : await compareWithLibllama(MODELS, someCases);
  }, LIBLLAMA_TIMEOUT_MS);

  it('are ours, context by context', () => {
    expect(result.differences).toEqual([]);
    expect(result.differenceBytes).toBe(0);
  });

  it('of nearly every architecture', () => {
    // A name without code in this release.
    expect(result.notLoaded.map(([model]) => model)).toEqual(['gptj']);
    expect(result.architectures.length).toBeGreaterThan(140);
    expect(result.equal).toBeGreaterThan(1000);
    expect(result.refused).toBeGreaterThan(40);
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

describeAll('names of architectures in GGUF files', () => {
  it('are all translated, or have layers under that name', () => {
    const lost = ARCHITECTURES.filter((name) => ggufRegister.of(name) === null && layersRegister.of(name) === null);
    expect(lost).toEqual([]);
  });

  it.each(['clip', 'eagle3', 'dflash'])('%s is no model by itself: refused by name', (name) => {
    const config = ggufConfig({ 'general.architecture': name, [`${name}.block_count`]: 2 });
    const spec = readModelConfig(JSON.stringify(config))?.spec;
    expect(spec?.exact).toBe(false);
    expect(spec?.notes.some(({ text }) => text.includes(name))).toBe(true);
    if (spec) expect(planCache(spec, scenario(1, 1000, { engine: 'llamacpp' })).totalBytes).toBeNull();
  });
});
