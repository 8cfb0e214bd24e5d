/** What the files of src/families say, held against itself, the class defaults and the executed cases. */

import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { readModelConfig } from '../../../src/reading/read';
import { ReadingLog } from '../../../src/config/reader';
import { blocksOf } from '../../../src/families/blocksOf';
import { classDefaultsOf } from '../../../src/families/classDefaults';
import { Tally } from '../../../src/families/counted/tally';
import {
  arrangementsRegister,
  blocksRegister,
  countsRegister,
  ggufRegister,
  layersRegister,
  namesRegister,
} from '../../../src/families/register';
import { tiedEmbeddings } from '../../../src/families/tying';
import { tallyCounted } from '../../../src/serving/parameters/counted';
import { tallyBlocks } from '../../../src/serving/parameters/derived';
import { changed, type TypeCases } from '../corpus';
import { someOf } from '../support/cases';

const executed = JSON.parse(readFileSync('test/unit/serving/parameters.json', 'utf8')) as Record<
  string,
  TypeCases<number>
>;

describe('the facets', () => {
  it('describe a good number of types, each once', () => {
    expect(layersRegister.keys().length).toBeGreaterThan(380);
    expect(blocksRegister.keys().length).toBeGreaterThan(85);
    expect(ggufRegister.keys().length).toBeGreaterThan(60);
  });

  it('name the tensors of exactly the types whose blocks are described', () => {
    expect([...namesRegister.keys()].sort()).toEqual([...blocksRegister.keys()].sort());
  });

  it.each([
    ['blocks', blocksRegister],
    ['counts', countsRegister],
    ['arrangements', arrangementsRegister],
  ] as const)('of %s are of types whose layers are read', (_facet, register) => {
    // Described for configs that are never read under this name.
    const aside = ['gemma3', 'nemotron_h_puzzle_plain'];
    expect(register.keys().filter((type) => layersRegister.of(type) === null && !aside.includes(type))).toEqual([]);
  });

  it('of GGUF lead to types whose layers are read', () => {
    const lost = ggufRegister.all().filter(({ modelType }) => layersRegister.of(modelType) === null);
    expect(lost.map(({ architecture }) => architecture)).toEqual([]);
  });

  it('with a rope layout are of types whose blocks are described', () => {
    const lost = ggufRegister
      .all()
      .filter(({ rope, modelType }) => rope !== undefined && blocksRegister.of(modelType) === null);
    expect(lost.map(({ architecture }) => architecture)).toEqual([]);
  });
});

/** Types of remote code: no class of transformers has defaults for them, and their files say everything. */
const WITHOUT_CLASS = ['RefinedWeb', 'RefinedWebModel', 'Yi', 'gemma3', 'kimi_k2', 'stablelm_epoch', 'yi'];

describe('a type whose blocks are described', () => {
  it.each(someOf(blocksRegister.keys()))('%s has class defaults', (type) => {
    const own = layersRegister.of(type)?.defaults?.[type];
    const known = classDefaultsOf(type) !== null || own !== undefined;
    expect(known || WITHOUT_CLASS.includes(type)).toBe(true);
  });

  const bases = Object.entries(executed).flatMap(([type, { base, cases }]) => {
    const reading = readModelConfig(JSON.stringify(base));
    const described = reading !== null && blocksRegister.of(reading.modelType) !== null;
    return described ? [{ type, base, cases }] : [];
  });

  it('is among the executed ones, mostly', () => expect(bases.length).toBeGreaterThan(100));

  /** What the blocks of their smallest case refuse by name: parameters are counted by a facet of their own. */
  const REFUSED = ['gemma4', 'gemma4_text', 'vision-encoder-decoder'];

  it.each(someOf(bases.filter(({ type }) => !REFUSED.includes(type))))('$type builds its blocks', ({ base }) => {
    const reading = readModelConfig(JSON.stringify(base));
    if (!reading) throw new Error('not read');
    const model = blocksOf(reading, reading.reader());
    for (const { index } of reading.spec.layers) expect(model?.block(index).layer.hiddenSize).toBe(model?.hiddenSize);
  });

  it('and counted too has the same parameters both ways', () => {
    // Gemma 4 is both: what its blocks refuse is counted. Without that, the two must agree.
    expect(blocksRegister.keys().filter((type) => countsRegister.of(type))).toEqual(['gemma4_text']);
    const cases = executed['gemma4_text'];
    if (!cases) throw new Error('gemma4_text is not among the executed types');
    for (const [note, changes] of cases.cases) {
      const plain = { hidden_size_per_layer_input: 0, num_kv_shared_layers: 0, enable_moe_block: false };
      const reading = readModelConfig(JSON.stringify({ ...changed(cases.base, changes), ...plain }));
      const facet = countsRegister.of('gemma4_text');
      if (!reading || !facet || facet.whole) throw new Error('not read');
      const tied = tiedEmbeddings(reading);
      const [derived, counted] = [new Tally(), new Tally()];
      const reader = reading.reader(new ReadingLog());
      const model = blocksOf(reading, reader);
      if (!model) throw new Error('no blocks');
      tallyBlocks(derived, model, reading.spec.layers, reader, tied);
      tallyCounted(reading.spec, reader, facet, counted, tied);
      expect(derived.total, note).toBe(counted.total);
    }
  });
});
