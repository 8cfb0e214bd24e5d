// Every factor names where it came from.
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { readModelConfig } from '../../../src/reading/read';
import { layersRegister } from '../../../src/families/register';
import { casesOf, describeAll, eachOrSkip, noCases } from '../support/cases';

type Json = Record<string, unknown>;
const corpus = JSON.parse(readFileSync('test/fixtures/corpus.json', 'utf8')) as Record<string, { readonly base: Json }>;

const FACTORS: Readonly<Record<string, readonly string[]>> = {
  full: ['queryHeads', 'kvHeads', 'keyDim', 'valueDim', 'layers'],
  sliding: ['queryHeads', 'kvHeads', 'keyDim', 'valueDim', 'window', 'layers'],
  chunked: ['queryHeads', 'kvHeads', 'keyDim', 'valueDim', 'chunk', 'layers'],
  cross: ['queryHeads', 'kvHeads', 'keyDim', 'valueDim', 'layers'],
  shared: ['sharedWith', 'layers'],
  latent: ['latentDim', 'ropeDim', 'queryHeads', 'layers'],
  compressed: ['headDim', 'window', 'ratio', 'layers'],
  recurrent: ['recurrent', 'layers'],
  conv: ['conv', 'layers'],
};

describe('sources', () => {
  eachOrSkip(
    casesOf(Object.entries(corpus), ([type]) => type),
    noCases,
    ([type, { base }]) => {
      it(type, () => {
        const text = JSON.stringify(base, null, 2);
        const spec = readModelConfig(text)?.spec;
        for (const layer of spec?.layers ?? []) {
          if (layer.assumed) continue;
          for (const name of FACTORS[layer.attention.kind] ?? []) {
            const source = layer.sources[name];
            expect(source, `${layer.attention.kind} ${name}`).toBeDefined();
            expect(source?.rule.length).toBeGreaterThan(0);
            if (source?.range)
              expect(text.slice(source.range.offset, source.range.offset + source.range.length).length).toBe(
                source.range.length,
              );
          }
          if ('indexer' in layer.attention && layer.attention.indexer) expect(layer.sources['indexDim']).toBeDefined();
        }
      });
    },
  );
});

describeAll('tables', () => {
  it('families are cited, and no type has two', () => {
    const types = layersRegister.all().flatMap((family) => family.modelTypes);
    expect(types.filter((type, index) => types.indexOf(type) !== index)).toEqual([]);
    for (const family of layersRegister.all()) expect(family.cite.length, family.id).toBeGreaterThan(10);
  });
  it('the table of class defaults stays small', () => {
    expect(JSON.stringify(JSON.parse(readFileSync('src/families/classDefaults.json', 'utf8'))).length).toBeLessThan(
      68_000,
    );
  });
});
