// Layers of model types whose blocks are not described, but their arrangement: every box has a place, and nothing is left out.
import { describe, expect, it } from 'vitest';
import corpus from '../../fixtures/corpus.json';
import { layerDrawing } from '../../../src/drawing/boxes';
import { arrangementsRegister, blocksRegister, countsRegister } from '../../../src/families/register';
import { readModelConfig } from '../../../src/reading/read';
import { anatomyOf } from '../../../src/serving/anatomy/anatomy';
import { casesOf, eachOrSkip, noCases } from '../support/cases';
import { boxesOf } from './support/boxes';

const TOKENS = 4096;

/** Small configs of model types, and the type that each is read as. */
const arranged = Object.entries(corpus).flatMap(([name, { base }]) => {
  const reading = readModelConfig(JSON.stringify(base));
  return reading && arrangementsRegister.of(reading.modelType) ? [{ name, reading }] : [];
});

describe('arrangements', () => {
  it('are of types that have counts', () => {
    expect(arrangementsRegister.keys().filter((type) => !countsRegister.of(type))).toEqual([]);
  });

  eachOrSkip(
    casesOf(arranged, ({ name, reading }) => [name, reading.modelType]),
    noCases,
    ({ name, reading }) => {
      it(`${name}: every layer is described, and its boxes have what was counted`, () => {
        const { kinds, ends } = anatomyOf(reading, 'bf16', TOKENS);
        if (ends.blocks) expect(blocksRegister.of(reading.modelType)).not.toBeNull();
        expect(kinds.length).toBeGreaterThan(0);
        for (const kind of kinds) {
          expect(kind.description).not.toBeNull();
          const boxes = boxesOf(layerDrawing(kind));
          const ids = boxes.map(({ id }) => id);
          expect(new Set(ids).size).toBe(ids.length);
          expect(ids).not.toContain('norms');
          expect(ids).not.toContain('other');
          if (!kind.parameters) continue;
          const total = Object.values(kind.parameters.parts).reduce((sum, part) => sum + part, 0);
          expect(boxes.reduce((sum, { parameters }) => sum + (parameters ?? 0), 0)).toBe(total);
          expect(boxes.reduce((sum, { flops }) => sum + (flops ?? 0), 0)).toBe(
            2 * (total - kind.parameters.idle) + kind.attentionFlops,
          );
        }
      });
    },
  );
});
