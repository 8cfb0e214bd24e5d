/** `npm test -- --family NAME`: what it knows, what it runs, and what it says of a name that nothing is known of. */

import { readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { expect, it } from 'vitest';
import { familyTests, knownFamilies, unknownFamily } from '../../harness/family.mjs';
import { casesOf, describeAll, modelTypesIn } from '../support/cases';
import { goldenModels } from '../support/reference';

const root = resolve(import.meta.dirname, '../../..');

describeAll('the tests of a family', () => {
  it('are those that take their cases by model type', () => {
    const files = familyTests();
    for (const name of ['config/corpus', 'config/reference', 'config/traps', 'serving/parameters', 'weights/golden'])
      expect(files).toContain(join('test', 'unit', `${name}.test.ts`));
    for (const file of files) expect(readFileSync(join(root, file), 'utf8'), file).toContain('support/cases');
    expect(files).not.toContain(join('test', 'unit', 'cache', 'properties.test.ts'));
  });

  it('know every model type that a fixture has a case of', () => {
    const known = knownFamilies();
    expect(known.length).toBeGreaterThan(250);
    for (const { modelType, folder } of goldenModels())
      if (folder?.startsWith(join(root, 'test'))) expect(known).toContain(modelType);
    for (const name of ['olmo2', 'qwen3', 'gemma3_text', 'deepseek_v3']) expect(unknownFamily(name)).toBeNull();
  });

  it('are refused in a sentence for a name that is not known, with those that are like it', () => {
    expect(unknownFamily('frobnicate')).toMatch(/^--family frobnicate: no fixture has a case of this model type\. /);
    expect(unknownFamily('olmo')).toBeNull();
    expect(unknownFamily('gemma3_tex')).toContain('there is gemma, gemma3');
  });

  it('concern a type wherever a config names it', () => {
    const config = { model_type: 'llava', text_config: { model_type: 'llama', x: [{ model_type: 'inner' }] } };
    expect(modelTypesIn(config)).toEqual(['llava', 'llama', 'inner']);
    expect(modelTypesIn({ model_type: 7, text_config: null })).toEqual([]);
    const cases = [config, { model_type: 'gpt2' }];
    expect(casesOf(cases, modelTypesIn)).toEqual(cases);
  });
});
