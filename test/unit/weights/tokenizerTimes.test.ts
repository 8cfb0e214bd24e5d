/** How long the worst of texts takes to be cut into tokens. */

import { describe, expect, it } from 'vitest';
import { SPLITS, cutText } from '../../../src/weights/vocabulary/splits';
import { someOf } from '../support/cases';

/** Runs of what expressions repeat, and what ends them badly. */
const RUNS = [
  ' ',
  '\n',
  ' \n',
  '\t ',
  'a',
  'aA',
  "'",
  "a'",
  '1',
  '!',
  '! ',
  'é',
  '漢',
  '\u0300',
  'a\u0300 ',
  '<sentinel:',
  'IMG',
];

describe('splits of GGUF vocabularies', () => {
  const names = [...new Map([...SPLITS].map(([name, split]) => [split, name])).values()];
  it.each(someOf(names))(
    'cut the worst texts in time that grows as they do: %s',
    (name) => {
      const cuts = SPLITS.get(name)?.cuts() ?? [];
      for (const run of RUNS)
        for (const end of ['', 'x', '\u0001']) {
          const text = run.repeat(100_000 / run.length) + end;
          const start = performance.now();
          expect(cutText(text, cuts).join('')).toBe(text);
          expect.soft(performance.now() - start, `${JSON.stringify(run)} … ${JSON.stringify(end)}`).toBeLessThan(1_500);
        }
    },
    200_000,
  );

  it('cut a megabyte of white space as Jais 2 does, in no more time than others', () => {
    const cuts = SPLITS.get('jais-2')?.cuts() ?? [];
    const start = performance.now();
    const pieces = cutText(' '.repeat(1_000_000), cuts);
    expect(performance.now() - start).toBeLessThan(2_000);
    expect(pieces.slice(0, 2).map((piece) => piece.length)).toEqual([512, 512]);
    expect(cutText('!\n  \n \na  \n b   ', cuts)).toEqual(['!\n', '  \n \n', 'a', '  \n', ' b', '  ', ' ']);
  });
});
