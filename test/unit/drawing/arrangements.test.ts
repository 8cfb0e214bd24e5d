// Layers of model types whose blocks are not described, but their arrangement: every box has a place, and nothing is left out.
import { describe, expect, it } from 'vitest';
import corpus from '../../fixtures/corpus.json';
import { layerDrawing } from '../../../src/drawing/layerDrawing';
import { arrangementsRegister, blocksRegister, countsRegister } from '../../../src/families/register';
import { readModelConfig } from '../../../src/reading/read';
import { anatomyOf } from '../../../src/serving/anatomy/anatomy';
import { casesOf, eachOrSkip, noCases } from '../support/cases';
import { embeddingBoxes, figureOf, kindName } from '../../../src/drawing/figure';
import type { Scene } from '../../../src/drawing/scene';
import type { Box } from '../../../src/drawing/box';
import { referenceConfig } from '../support/reference';
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
          // A config that lacks a width: its layers are not counted, and not described.
          if (!kind.parameters) continue;
          expect(kind.description).not.toBeNull();
          const boxes = boxesOf(layerDrawing(kind));
          const ids = boxes.map(({ id }) => id);
          expect(new Set(ids).size).toBe(ids.length);
          expect(ids).not.toContain('norms');
          expect(ids).not.toContain('other');
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

/** The boxes of each kind of a model, by their ids. */
function drawn(name: string, changes: object = {}): { readonly name: string; readonly box: (id: string) => Box }[] {
  const config = { ...(JSON.parse(referenceConfig(name)) as object), ...changes };
  const reading = readModelConfig(JSON.stringify(config)) ?? expect.fail('no model config');
  const { kinds } = anatomyOf(reading, 'bf16', TOKENS);
  return kinds.map((kind) => ({
    name: `${kindName(kind, kinds)}: ${kind.indexes.join()}`,
    box: (id) => boxesOf(layerDrawing(kind)).find((box) => box.id === id) ?? expect.fail(`no box ${id}`),
  }));
}

describe('kinds of layers that differ in their positions alone', () => {
  it('say so in their names: every fourth layer of SmolLM3 rotates nothing', () => {
    const names = drawn('smollm3-3b').map(({ name }) => name.replace(/(?<=\d,\d+),.*/, ''));
    expect(names).toEqual(['full attention, RoPE: 0,1', 'full attention, NoPE: 3,7']);
  });
});

describe('what a router is said to do', () => {
  const V32 = { model_type: 'deepseek_v32', index_n_heads: 64, index_head_dim: 128, index_topk: 2048 };

  it('is the same for DeepSeek-V3.2 as for V3, whose blocks are described; so is the factor on the scores', () => {
    const [, v3] = drawn('deepseek-r1');
    const [, v32] = drawn('deepseek-r1', V32);
    expect(v32?.box('router').lines).toEqual(v3?.box('router').lines);
    expect(v32?.box('router').lines).toContain('from the best 4 of 8 groups');
    const scores = ({ lines }: Box): string[] => lines.filter((line) => line.startsWith('scores × '));
    expect(scores(v3?.box('attention') ?? expect.fail())).toHaveLength(1);
    expect(scores(v32?.box('attention') ?? expect.fail())).toEqual(scores(v3?.box('attention') ?? expect.fail()));
    const [, alone] = drawn('deepseek-r1', { ...V32, n_group: 1, topk_group: 1, rope_scaling: null });
    expect(alone?.box('router').lines.join()).not.toContain('groups');
    expect(scores(alone?.box('attention') ?? expect.fail())).toEqual([]);
  });

  it('is another thing in the first layers of DeepSeek-V4: a table chooses, and they are kinds of their own', () => {
    const kinds = drawn('deepseek-v4-flash');
    expect(kinds.map(({ name }) => name.replace(/(?<=\d,\d+),.*/, ''))).toEqual([
      'sliding window, 128 tokens: 0,1',
      'compressed, one entry for every 4 tokens, experts by a table: 2',
      expect.stringMatching(/^compressed, one entry for every 128 tokens: 3,5/),
      expect.stringMatching(/^compressed, one entry for every 4 tokens: 4,6/),
    ]);
    const said = kinds.map(({ box }) => box('router').lines.join('; '));
    expect(said.map((text) => text.includes('by a fixed table of the vocabulary'))).toEqual([true, true, false, false]);
    expect(said.map((text) => text.includes('a bias per expert when choosing'))).toEqual([false, false, true, true]);
    expect(said.every((text) => text.includes('√softplus scores'))).toBe(true);
    const none = drawn('deepseek-v4-flash', { num_hash_layers: 0 });
    expect(none.map(({ box }) => box('router').lines.join()).some((text) => text.includes('table'))).toBe(false);
    expect(none).toHaveLength(3);
  });
});

describe('published figures show, and ours does', () => {
  const plain = (text: string): string => text.replaceAll('\u00a0', ' ');

  it('hyper-connections before and after each branch of DeepSeek-V4, with the weights of their own', () => {
    const reading = readModelConfig(referenceConfig('deepseek-v4-flash')) ?? expect.fail('no model config');
    const { kinds } = anatomyOf(reading, 'bf16', TOKENS);
    for (const kind of kinds) {
      const { branches, unplaced } = layerDrawing(kind);
      const ends = branches.map(({ rows }) =>
        [rows.at(0), rows.at(-1)].map((row) => row?.map(({ title }) => title).join()),
      );
      expect(ends).toEqual([
        ['Mix of the streams', 'Into 4 streams'],
        ['Mix of the streams', 'Into 4 streams'],
      ]);
      const mixes = branches.map(({ rows }) => rows[0]?.[0] ?? expect.fail('no mix'));
      expect(mixes.map(({ lines }) => lines.map(plain))).toEqual([['4 × 4,096 → 4,096'], ['4 × 4,096 → 4,096']]);
      // T:deepseek_v4 HyperConnection: 4 streams give (2 + 4) × 4 numbers, of a weight, a base and three scales.
      expect(mixes.map(({ parameters }) => parameters)).toEqual([24 * 4 * 4096 + 24 + 3, 24 * 4 * 4096 + 24 + 3]);
      expect(unplaced).toEqual([]);
    }
  });

  it('queries of latent attention on their way up before what is cached, as of all other attention', () => {
    const [, experts] = drawn('deepseek-r1');
    const reading = readModelConfig(referenceConfig('deepseek-r1')) ?? expect.fail('no model config');
    const [, kind] = anatomyOf(reading, 'bf16', TOKENS).kinds;
    const ids = boxesOf(layerDrawing(kind ?? expect.fail())).map(({ id }) => id);
    const order = ['q_a', 'q_b', 'rope_q', 'cache', 'kv_b', 'attention'];
    expect(ids.filter((id) => order.includes(id))).toEqual(order);
    expect(experts?.box('cache').title).toContain('Cached');
  });

  it('roots that a factor is: of embeddings, and under the scores', () => {
    const [sliding] = drawn('gemma-2-27b');
    expect(sliding?.box('attention').lines).toContain('scores × 1 ÷ √144, not 1 ÷ √128');
    const reading = readModelConfig(referenceConfig('gemma-2-27b')) ?? expect.fail('no model config');
    const [, embedding] = embeddingBoxes(anatomyOf(reading, 'bf16', TOKENS));
    expect(embedding?.lines).toContain('× √4,608 = 67.8823');
    const other = readModelConfig(referenceConfig('granite-3.3-2b')) ?? expect.fail('no model config');
    expect(embeddingBoxes(anatomyOf(other, 'bf16', TOKENS))[1]?.lines).toContain('× 12');
  });

  it('whether the weights of the chosen experts sum to 1', () => {
    const scores = (name: string): readonly string[] => drawn(name)[0]?.box('router').lines ?? [];
    for (const name of ['mixtral-8x7b', 'gpt-oss-20b', 'qwen3-30b-a3b'])
      expect(scores(name)).toContain('softmax over those chosen');
    expect(scores('olmoe-1b-7b')).toContain('softmax scores');
    const next = { model_type: 'qwen3_next', full_attention_interval: 4, linear_num_value_heads: 32 };
    const said = (normed: boolean): string =>
      drawn('qwen3-30b-a3b', { ...next, norm_topk_prob: normed })
        .map(({ box }) => box('router').lines.join())
        .join();
    expect(said(true)).toContain('softmax over those chosen');
    expect(said(false)).toContain('softmax scores');
  });
});

describe('the ends of a model', () => {
  const scene = (name: string): Scene => {
    const reading = readModelConfig(referenceConfig(name)) ?? expect.fail('no model config');
    return figureOf(anatomyOf(reading, 'bf16', 1), { width: 1200, name, source: '' });
  };
  const words = (name: string): string =>
    scene(name)
      .ground.flatMap((shape) => (shape.shape === 'text' ? [shape.text] : []))
      .join(' ');

  it('have streams mixed into one before the final norm', () => {
    const ends = scene('deepseek-v4-flash').parts.flatMap(({ id, says }) => (/^model\./.test(id) ? [says] : []));
    expect(ends.slice(-3).map((says) => says.split(',')[0])).toEqual([
      'Mix of the streams',
      'Final norm',
      'Output head',
    ]);
  });

  it('say what active parameters are with, where not all are active', () => {
    expect(words('mixtral-8x7b')).toContain('Active parameters are with the embedding and the output head.');
    expect(words('llama-3-8b')).not.toContain('Active parameters');
  });

  it('say what a token takes at first and beyond the windows, and of one token in the singular', () => {
    expect(words('deepseek-v4-flash')).toContain('43 KiB per token up to 128 tokens, then 6.72 KiB; 43 KiB for one');
    expect(words('deepseek-v4-flash')).toMatch(/one sequence of 1 token .* at a context of 1 token\./);
    expect(words('gpt-oss-20b')).toContain('48 KiB per token up to 128 tokens, then 24 KiB; 48 KiB for one');
    expect(words('llama-3-8b')).toContain('128 KiB per token; 128 KiB for one sequence of 1 token');
  });
});
