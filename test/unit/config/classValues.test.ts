/**
 * One key of a tiny config at a time, written as no loader expects it, for every model type: read as transformers' own class reads it,
 * or not called exact. What the classes make of each value is test/fixtures/classValues.json, made by scripts/classValues.py.
 */

import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { readModelConfig } from '../../../src/reading/read';
import { changed, type Json, type TypeCases } from '../corpus';
import { depthNote, sampled, thorough } from '../depth';
import { casesOf, describeAll, eachOrSkip, noCases } from '../support/cases';

/** A letter for each value; the objects that its small letters stand for follow. */
type Row = string | readonly [string, ...Readonly<Record<string, unknown>>[]];

const table = JSON.parse(readFileSync('test/fixtures/classValues.json', 'utf8')) as {
  readonly values: readonly unknown[];
  readonly types: Readonly<Record<string, Readonly<Record<string, Row>>>>;
};
const corpus = JSON.parse(readFileSync('test/fixtures/corpus.json', 'utf8')) as Record<string, TypeCases<string>>;

/** What differs all the same. */
const KNOWN: Readonly<Record<string, readonly string[]>> = {
  // 1 is no float to the class and 1.0 is; JSON of JavaScript, the corpus here among it, has one form for both, and the state is the same.
  xlstm: ['qk_dim_factor 1', 'qk_dim_factor 3', 'v_dim_factor 1', 'v_dim_factor 3'],
};

interface Read {
  readonly exact: boolean;
  readonly layers: string;
}

function read(config: Json): Read {
  const reading = readModelConfig(JSON.stringify(config));
  if (!reading) throw new Error('not read as a model config');
  const { exact, layers } = reading.spec;
  return { exact, layers: JSON.stringify(layers.map(({ attention }) => attention)) };
}

const withChanges = (base: Json, changes: Readonly<Record<string, unknown>>): Json =>
  changed(
    base,
    Object.entries(changes).map(([path, value]) => [path.replaceAll('.', '/'), value]),
  );

/** What the class makes of a value: the config with all that it changes written out, or null where it raises. */
function ofClass(base: Json, written: Json, row: Row, place: number): Json | null {
  const [letters, ...changes] = typeof row === 'string' ? [row] : row;
  const letter = letters[place];
  if (letter === undefined) throw new Error('a row is too short');
  if (letter === '!') return null;
  if (letter === '=') return written;
  if (letter === '.') return base;
  return withChanges(written, changes[letter.charCodeAt(0) - 97] ?? {});
}

const counts = { compared: 0, equal: 0, refused: 0, inexact: 0, declined: 0 };

describeAll(`values of every key that decides the cache${depthNote}`, () => {
  eachOrSkip(sampled(casesOf(Object.entries(table.types), ([type]) => type)), noCases, ([type, rows]) => {
    it(`${type}: are read as its class reads them, or not exact`, () => {
      const base = corpus[type]?.base;
      if (!base) throw new Error(`${type} is not in the corpus`);
      const asBase = read(base);
      const third: string[] = [];
      for (const [path, row] of Object.entries(rows)) {
        [...table.values, undefined].forEach((value, place) => {
          const written =
            value === undefined ? changed(base, [[path.replaceAll('.', '/')]]) : withChanges(base, { [path]: value });
          const [ours, theirs] = [read(written), ofClass(base, written, row, place)];
          const same = theirs === written ? ours : theirs === base ? asBase : theirs && read(theirs);
          counts.compared++;
          if (!ours.exact) counts[same === null ? 'refused' : same.exact ? 'declined' : 'inexact']++;
          else if (same?.exact && same.layers === ours.layers) counts.equal++;
          else {
            const said =
              same === null ? 'the class raises' : same.exact ? `${ours.layers} for ${same.layers}` : 'of no model';
            third.push(`${path} ${JSON.stringify(value) ?? 'absent'}: ${said}`);
          }
        });
      }
      const unknown = third.filter((one) => !KNOWN[type]?.some((known) => one.startsWith(`${known}: `)));
      expect(unknown).toEqual([]);
      // One that no longer differs is taken off the list.
      expect(third.length - unknown.length).toBe(KNOWN[type]?.length ?? 0);
    });
  });

  it('are some, refused and read, and hardly one is declined that the class takes', () => {
    const part = thorough ? 1 : 3;
    expect(counts.compared).toBeGreaterThan(10_000 / part);
    expect(counts.equal).toBeGreaterThan(2_000 / part);
    expect(counts.refused).toBeGreaterThan(5_000 / part);
    expect(counts.declined).toBeLessThan(counts.compared / 100);
  });
});
