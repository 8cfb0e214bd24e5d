/**
 * One key of a tiny config at a time, written as no loader expects it, for every model type: read as transformers' own class reads it,
 * or not called exact. What the classes make of each value is test/fixtures/classValues.json.
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
  falcon: ['num_kv_heads []'],
  // Other names that the table of defaults has not: they count with null, too.
  cohere_asr: [
    'decoder_layers null',
    'decoder_layers []',
    'decoder_attention_heads null',
    'decoder_attention_heads []',
  ],
  moonshine: ['decoder_layers null', 'decoder_attention_heads null'],
  moonshine_streaming: [
    'decoder_layers null',
    'decoder_layers []',
    'decoder_attention_heads null',
    'decoder_attention_heads []',
  ],
  longcat_flash: ['num_key_value_heads []', 'num_hidden_layers null', 'num_hidden_layers []'],
  // A name that the class refuses to set at all.
  prophetnet: [
    'num_hidden_layers null',
    'num_hidden_layers 0',
    'num_hidden_layers 1',
    'num_hidden_layers []',
    'decoder_layers null',
    'decoder_layers 1',
    'decoder_attention_heads null',
  ],
  // Heads that do not divide the hidden size: a problem of the lint, where head_dim makes the cache certain.
  cwm: ['num_attention_heads absent'],
  jais2: ['num_attention_heads absent'],
  // No cache depends on them.
  deepseek_v2: ['num_key_value_heads []', 'head_dim []'],
  minicpm3: ['head_dim []', 'num_attention_heads absent'],
  nemotron_h: ['num_nextn_predict_layers null', 'layers_block_type []', 'layer_types []'],
  step3p7: ['text_config.num_nextn_predict_layers null'],
  // As is written in files of GGUF, whose windows are off.
  exaone4: ['sliding_window null', 'sliding_window_pattern 0'],
  exaone4_5: ['text_config.sliding_window null', 'text_config.sliding_window_pattern 0'],
  // An empty pattern, or none, or a word that nobody knows: taken as if it were not there.
  exaone_moe: ['sliding_window_pattern 0'],
  gpt_neo: ['attention_types absent'],
  smollm3: ['no_rope_layers []'],
  // The class makes the language model of the keys around it.
  fuyu: ['null', 'true', 'false', '"8"', '[]', 'absent'].map((value) => `text_config.num_hidden_layers ${value}`),
  hyperclovax: ['head_dim 0'],
  zamba: ['hidden_size 1'],
  zamba2: ['mamba_expand 2.5'],
  // The class keeps the product, which this test would multiply again.
  hrm_text: [
    'num_hidden_layers 1',
    'num_hidden_layers absent',
    'num_attention_heads absent',
    'H_cycles 1',
    'L_cycles 0',
    'L_cycles 1',
    'L_cycles absent',
  ],
  // The class works the rotary width out of the head's; the cache is one vector of the head's width.
  deepseek_v4: ['head_dim 1', 'head_dim absent', 'num_nextn_predict_layers null'],
  // A whole number is no float to the class; JSON knows no difference.
  xlstm: ['qk_dim_factor 1', 'v_dim_factor 1'],
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
