import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { readModelConfig } from '../../../src/reading/read';
import { countParameters, type ParameterCount } from '../../../src/serving/parameters/count';
import { PARTS } from '../../../src/families/counted/tally';
import { changed, type Json, type TypeCases } from '../corpus';
import { tally } from '../support/accuracy';
import { casesOf, describeAll, eachOrSkip, modelTypesIn, noCases } from '../support/cases';
import { expectedModels, referenceConfig } from '../support/reference';
import { depthNote, fuzzCases, sampled } from '../depth';

function count(text: string): ParameterCount | null {
  const reading = readModelConfig(text);
  return reading && countParameters(reading);
}

const counted = Object.entries(expectedModels).flatMap(([name, entry]) => {
  const parameters = entry.params_transformers_text ?? entry.params_transformers ?? entry.published_params;
  return parameters == null ? [] : [{ name, parameters }];
});

const published = tally(
  {
    id: 'parameters-published',
    part: 'count',
    what: 'Parameters of published models',
    against: 'transformers 5.18, instantiated on the meta device; else as published',
    unit: 'model',
    off: 'none',
  },
  counted.length,
);

describe('parameters of the reference models', () => {
  it('covers them', () => expect(counted.length).toBeGreaterThan(80));

  eachOrSkip(
    casesOf(counted, ({ name }) => modelTypesIn(JSON.parse(referenceConfig(name)))),
    noCases,
    ({ name, parameters }) => {
      it(`${name} has ${parameters}`, () => {
        const got = count(referenceConfig(name));
        expect(got?.total).toBe(parameters);
        expect(got?.exact).toBe(true);
        if (got) expect(PARTS.reduce((sum, part) => sum + got[part], 0)).toBe(got.total);
        published.add({ compared: 1, equal: 1 });
      });
    },
  );
});

const corpus = JSON.parse(readFileSync(new URL('parameters.json', import.meta.url), 'utf8')) as Record<
  string,
  TypeCases<number>
>;

/** Types whose layers are not described here: no number, rather than a wrong one. */
const NOT_COUNTED = new Set(
  `blip blt canary cohere_asr cpmant dia encoder-decoder evolla fsmt git glm5_next idefics kyutai_speech_to_text led moonshine
   moonshine_streaming nllb-moe pegasus_x pix2struct pop2piano pp_formulanet prophetnet reformer rembert roc_bert roformer speecht5
   switch_transformers t5gemma t5gemma2 trocr udop vision-encoder-decoder xlm xlnet xmod`.split(/\s+/),
);
/** The language model is counted; transformers' number has the towers too. */
const WITH_TOWERS = new Set(['qwen2_5_omni', 'qwen2_5_omni_thinker', 'qwen3_omni_moe_thinker']);

const types = casesOf(Object.entries(corpus), ([type]) => type);

const executed = tally(
  {
    id: 'parameters-executed',
    part: 'count',
    what: 'Parameters of tiny models, for every model type, one key changed at a time',
    against: 'transformers 5.18, instantiated',
    unit: 'config',
    off: 'none',
    differences: [
      `Not counted, and no number is shown: ${[...NOT_COUNTED].join(', ')}.`,
      `${[...WITH_TOWERS].join(', ')}: the language model is counted, transformers' number has the towers too.`,
    ],
  },
  types.reduce((sum, [, { cases }]) => sum + cases.length, 0),
);

eachOrSkip(types, noCases, ([type, { base, cases }]) => {
  describe(`${type}, instantiated by transformers 5.18${depthNote}`, () => {
    eachOrSkip(sampled(cases), noCases, ([note, changes, parameters]) => {
      it(note, () => {
        const text = JSON.stringify(changed(base, changes));
        const got = count(text);
        if (NOT_COUNTED.has(type)) expect(got).toBeNull();
        else if (WITH_TOWERS.has(type)) {
          expect(got?.total).toBeLessThan(parameters);
          expect(got?.notCounted.length).toBeGreaterThan(0);
        } else if (readModelConfig(text)?.spec.exact === false)
          expect(got === null || got.total === parameters).toBe(true);
        else expect(got?.total).toBe(parameters);
        const equal = got?.total === parameters ? 1 : 0;
        executed.add({ compared: 1, equal, declined: got === null || got.notCounted.length > 0 ? 1 - equal : 0 });
      });
    });
  });
});

const LLAMA = {
  model_type: 'llama',
  hidden_size: 64,
  intermediate_size: 96,
  num_hidden_layers: 2,
  num_attention_heads: 4,
  vocab_size: 100,
  tie_word_embeddings: false,
};

describeAll('what a count says', () => {
  it('tells parts apart', () => {
    const got = count(JSON.stringify(LLAMA));
    expect(got).toMatchObject({
      embedding: 6400,
      outputHead: 6400,
      attention: 2 * 4 * 64 * 64,
      mlp: 2 * 3 * 64 * 96,
      norms: 5 * 64,
      experts: 0,
      lookup: 6400,
    });
    expect(got?.activePerToken).toBe(got?.total);
  });

  it('gives no number where more experts would be idle than there are', () => {
    const base = { ...(corpus['hunyuan_v1_moe']?.base as Json) };
    expect(count(JSON.stringify(base))?.total).toBeGreaterThan(0);
    expect(count(JSON.stringify({ ...base, moe_topk: -2 }))).toBeNull();
  });

  it('counts a tied embedding once, and as work', () => {
    const got = count(JSON.stringify({ ...LLAMA, tie_word_embeddings: true }));
    expect(got).toMatchObject({ embedding: 6400, outputHead: 0, lookup: 0 });
  });

  it('leaves idle experts out of the active ones', () => {
    const got = count(
      JSON.stringify({
        ...LLAMA,
        model_type: 'mixtral',
        num_key_value_heads: 4,
        num_local_experts: 8,
        num_experts_per_tok: 2,
      }),
    );
    const each = 3 * 64 * 96;
    expect(got?.experts).toBe(2 * 8 * each);
    expect((got?.total ?? 0) - (got?.activePerToken ?? 0)).toBe(2 * 6 * each);
    expect(got?.expertGroups).toEqual([{ layers: 2, experts: 8, perToken: 2, parametersEach: each }]);
  });

  it('names what it does not count', () => {
    const got = count(
      JSON.stringify({ model_type: 'llava', text_config: LLAMA, vision_config: { model_type: 'clip_vision_model' } }),
    );
    expect(got?.notCounted).toEqual(['vision tower']);
  });

  it('gives no number to what it does not know', () => {
    expect(count(JSON.stringify({ ...LLAMA, model_type: 'no-such-model' }))).toBeNull();
    expect(count(JSON.stringify({ ...LLAMA, num_experts: 8 }))).toBeNull();
    expect(count(JSON.stringify({ ...LLAMA, model_type: 'openelm' }))).toBeNull();
    expect(count(JSON.stringify({ ...LLAMA, vocab_size: 'many' }))).toBeNull();
  });

  it('takes what-if values', () => {
    const overrides = new Map([['vocab_size', 200]]);
    const reading = readModelConfig(JSON.stringify(LLAMA), { overrides });
    expect(reading && countParameters(reading)?.embedding).toBe(12_800);
  });

  it('takes under a millisecond for two hundred layers', () => {
    const reading = readModelConfig(JSON.stringify({ ...LLAMA, num_hidden_layers: 200 }));
    if (!reading) throw new Error('not read');
    for (let round = 0; round < 50; round++) countParameters(reading);
    const start = process.cpuUsage();
    for (let round = 0; round < 100; round++) countParameters(reading);
    const { user, system } = process.cpuUsage(start);
    expect((user + system) / 1000 / 100).toBeLessThan(1);
  });
});

describeAll('broken configs', () => {
  const junk = fc.oneof(
    fc.constantFrom<unknown>(
      null,
      -1,
      0,
      1,
      1e12,
      0.5,
      '',
      'auto',
      true,
      false,
      [],
      {},
      [1, 2],
      ['a'],
      [null],
      { a: 1 },
      '1,2,x',
    ),
    fc.integer(),
  );

  it('never throw, and give a positive number or none', () => {
    const types = Object.values(corpus);
    fc.assert(
      fc.property(
        fc.constantFrom(...types),
        fc.array(fc.tuple(fc.nat(), junk), { minLength: 1, maxLength: 4 }),
        ({ base }, changes) => {
          const config = structuredClone(base);
          for (const [at, value] of changes) {
            const nested = config['text_config'];
            const place =
              at % 3 === 0 && typeof nested === 'object' && nested !== null && !Array.isArray(nested)
                ? (nested as Json)
                : config;
            const keys = Object.keys(place).filter((key) => key !== 'model_type');
            place[keys[at % Math.max(1, keys.length)] ?? 'vocab_size'] = structuredClone(value);
          }
          const got = count(JSON.stringify(config));
          if (!got) return;
          expect(Number.isSafeInteger(got.total) && got.total > 0).toBe(true);
          expect(got.activePerToken).toBeLessThanOrEqual(got.total);
          expect(got.activePerToken).toBeGreaterThan(0);
          for (const part of PARTS) expect(got[part]).toBeGreaterThanOrEqual(0);
        },
      ),
      { numRuns: fuzzCases(3_000) },
    );
  });
});
