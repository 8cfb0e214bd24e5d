/** Misspelt keys: noticed where they change what is cached, and quiet on every config as it was published. */

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ConfigDocument } from '../../../src/config/document';
import { renameEdits } from '../../../src/config/textEdits';
import { nearName, nearness } from '../../../src/lint/nearNames';
import { LintContext } from '../../../src/lint/context';
import { lintReading } from '../../../src/lint/lint';
import { lintUnknownKeys } from '../../../src/lint/unknownKeys';
import type { Problem } from '../../../src/model/spec';
import { readModelConfig } from '../../../src/reading/read';
import { sampleConfig, sampleNames, timed } from '../support';
import { describeAll } from '../support/cases';
import { referenceConfig, referenceNames } from '../support/reference';

type Config = Readonly<Record<string, unknown>>;

const LLAMA: Config = {
  architectures: ['LlamaForCausalLM'],
  model_type: 'llama',
  hidden_size: 4096,
  num_hidden_layers: 32,
  num_attention_heads: 32,
  num_key_value_heads: 8,
  max_position_embeddings: 8192,
  torch_dtype: 'bfloat16',
};
const MLA: Config = {
  ...LLAMA,
  model_type: 'deepseek_v3',
  architectures: ['DeepseekV3ForCausalLM'],
  kv_lora_rank: 512,
  q_lora_rank: 1536,
  qk_nope_head_dim: 128,
  qk_rope_head_dim: 64,
  v_head_dim: 128,
};
const SLIDING: Config = { ...LLAMA, model_type: 'gemma3_text', head_dim: 128, sliding_window: 1024 };

/** The same config, in the same order, with one key called otherwise. */
function renamed(config: Config, key: string, to: string): Config {
  return Object.fromEntries(Object.entries(config).map(([name, value]) => [name === key ? to : name, value]));
}

function problems(text: string): Problem[] {
  const reading = readModelConfig(text);
  return reading ? lintReading(reading).filter(({ rule }) => rule === 'unknown-key') : [];
}

describe('a key that nothing reads', () => {
  it.each([
    [LLAMA, 'num_key_value_heads', 'num_key_value_heds'],
    [LLAMA, 'num_key_value_heads', 'num_keyvalue_heads'],
    [LLAMA, 'num_key_value_heads', 'num_key_value_head'],
    [LLAMA, 'num_key_value_heads', 'num_kv_heads'],
    [LLAMA, 'num_key_value_heads', 'numKeyValueHeads'],
    [LLAMA, 'torch_dtype', 'torch_dtyp'],
    [LLAMA, 'model_type', 'modeltype'],
    [MLA, 'kv_lora_rank', 'kv_lora_rnk'],
    [MLA, 'v_head_dim', 'v_haed_dim'],
    [SLIDING, 'sliding_window', 'sliding_windw'],
    [SLIDING, 'head_dim', 'headdim'],
  ] as const)('%#', (config, key, to) => {
    const text = JSON.stringify(renamed(config, key, to), null, 2);
    expect(problems(JSON.stringify(config))).toEqual([]);
    const [problem, ...more] = problems(text);
    expect(more).toEqual([]);
    expect(problem).toMatchObject({
      severity: 'warning',
      key: to,
      message: `Nothing reads "${to}". Did you mean "${key}"?`,
      fix: { key: to, renameTo: key },
    });
    // The key is marked, not its value.
    const { offset = 0, length = 0 } = problem?.range ?? {};
    expect(text.slice(offset, offset + length)).toBe(JSON.stringify(to));
    // The fix gives the config back as it was, in its place.
    const [edit] = renameEdits(text, [to], key);
    if (!edit) throw new Error('no edit');
    const mended = text.slice(0, edit.offset) + edit.content + text.slice(edit.offset + edit.length);
    expect(mended).toBe(JSON.stringify(config, null, 2));
  });

  it('is found in the language model of a multimodal config, and where that is named', () => {
    const vision = { model_type: 'qwen2_vl', architectures: ['X'], vision_config: { depth: 2 } };
    const inner = { ...vision, text_config: renamed(LLAMA, 'num_key_value_heads', 'num_key_value_heds') };
    expect(problems(JSON.stringify(inner)).map(({ key, fix }) => [key, fix?.renameTo])).toEqual([
      ['text_config.num_key_value_heds', 'num_key_value_heads'],
    ]);
    const outer = { ...LLAMA, model_type: 'qwen2_vl', text_conifg: LLAMA };
    expect(problems(JSON.stringify(outer)).map(({ fix }) => fix?.renameTo)).toEqual(['text_config']);
  });

  it('is not told of where the right key stands beside it, or the number has another name', () => {
    expect(problems(JSON.stringify({ ...LLAMA, num_key_value_heds: 4 }))).toEqual([]);
    expect(problems(JSON.stringify({ ...LLAMA, n_layerz: 4 }))).toEqual([]);
    expect(problems(JSON.stringify({ ...LLAMA, my_own_note: 'x', layer_1: 1, layer_2: 2 }))).toEqual([]);
  });

  it('does not count, as in transformers: the number of KV heads is the default', () => {
    const kvHeads = (config: Config): unknown => {
      const attention = readModelConfig(JSON.stringify(config))?.spec.layers[0]?.attention;
      return attention && 'kvHeads' in attention ? attention.kvHeads : null;
    };
    expect(kvHeads(LLAMA)).toBe(8);
    expect(kvHeads(renamed(LLAMA, 'num_key_value_heads', 'num_key_value_heds'))).toBe(32);
    expect(kvHeads(renamed(LLAMA, 'num_key_value_heads', 'num_kv_heads'))).toBe(32);
  });

  it('costs no time in a file of many keys', () => {
    const many = Object.fromEntries(Array.from({ length: 20_000 }, (_, index) => [`num_key_value_hea${index}`, 1]));
    const reading = readModelConfig(JSON.stringify({ ...LLAMA, num_key_value_heads: undefined, ...many }));
    if (!reading) throw new Error('not read');
    const start = performance.now();
    lintReading(reading);
    expect(performance.now() - start).toBeLessThan(2000);
  });

  it('takes under 10 ms in a file of 1,000 keys that are as long as real ones, of the same letters', () => {
    // None is near, so that each is compared with every name: letters of a real key in another order, and pieces of keys joined.
    const pieces = ['num', 'key', 'value', 'heads', 'hidden', 'size', 'layers', 'max', 'position', 'attention', 'dim'];
    const many = Object.fromEntries(
      Array.from({ length: 1000 }, (_, index) => {
        const [a, b, c] = [index % 11, Math.floor(index / 11) % 11, (index * 7) % 11].map((at) => pieces[at] ?? '');
        return [`${a}_${b}_${c}${'abcdefghij'.charAt(Math.floor(index / 121))}`, 1];
      }),
    );
    const reading = readModelConfig(JSON.stringify({ ...LLAMA, num_key_value_heads: undefined, ...many }));
    if (!reading) throw new Error('not read');
    const context = new LintContext(reading, {});
    const { cpuMs } = timed(() => lintUnknownKeys(context), 15);
    console.log(`1,000 keys that nothing reads: ${cpuMs.toFixed(1)} ms`);
    expect(cpuMs).toBeLessThan(10);
  });
});

const between = (name: string, other: string): number | null => nearness(nearName(name), nearName(other));

describe('how near two names are', () => {
  it.each([
    ['headdim', 'head_dim', 0],
    ['num_key_value_heds', 'num_key_value_heads', 1],
    ['num_kye_value_heads', 'num_key_value_heads', 1],
    ['n_layer_1', 'n_layer_2', null],
    ['dim', 'dmi', 1],
    ['num_heads', 'num_key_value_heads', null],
    ['head_dim', 'head_dim', null],
  ])('%s, %s', (name, other, apart) => {
    expect(between(name, other)).toBe(apart);
  });

  it('is the same both ways, and never counts more letters than were changed', () => {
    const letters = fc.constantFrom(...'abcdefgh_');
    fc.assert(
      fc.property(fc.array(letters, { minLength: 9, maxLength: 30 }), fc.nat(), letters, (word, at, letter) => {
        const name = word.join('');
        const index = at % name.length;
        const other = name.slice(0, index) + letter + name.slice(index + 1);
        expect(between(name, other)).toBe(between(other, name));
        if (name !== other) expect(between(name, other)).toBeLessThanOrEqual(1);
      }),
    );
  });
});

/** Every published config here, once. */
const published = [
  ...referenceNames().map((name): [string, string] => [name, referenceConfig(name)]),
  ...sampleNames().map((name): [string, string] => [name, sampleConfig(name)]),
];

describeAll('published configs', () => {
  it('have at most one false alarm in 190', () => {
    const alarms = published.flatMap(([name, text]) => problems(text).map(({ message }) => `${name}: ${message}`));
    console.log(`${published.length} configs, ${alarms.length} false alarms`);
    expect(alarms).toEqual([]);
  });

  it('have 98 % of their misspelt keys noticed where the cache changes', () => {
    const missed: string[] = [];
    let all = 0;
    for (const [name, text] of published) {
      for (const { key, damaged, without } of misspelt(text)) {
        const cached = cachedBy(text);
        // Only what a loader would take, and only keys that decide what is cached.
        if (cachedBy(damaged) === cached || cachedBy(without) === cached || cachedBy(damaged) === null) continue;
        all++;
        if (!problems(damaged).some(({ fix }) => fix?.renameTo === key)) missed.push(`${name}: ${key}`);
      }
    }
    console.log(`${all} misspelt keys, ${all - missed.length} noticed; not: ${missed.join(', ')}`);
    expect(all).toBeGreaterThan(200);
    expect(missed.length / all).toBeLessThanOrEqual(0.02);
  });
});

function cachedBy(text: string): string | null {
  const spec = readModelConfig(text)?.spec;
  return spec ? JSON.stringify([spec.layers.map(({ attention }) => attention), spec.nativeDtype, spec.exact]) : null;
}

interface Misspelt {
  readonly key: string;
  readonly damaged: string;
  readonly without: string;
}

/** The text with each key of the language model damaged by one letter: lost, doubled, another or swapped, in turn. */
function misspelt(text: string): Misspelt[] {
  const document = ConfigDocument.parse(text);
  const path = readModelConfig(text)?.location.path ?? [];
  const object = document.objectAt(path);
  const seed = Number(process.env['HEADLIGHT_SEED'] ?? 1);
  return [...(object ? document.propertiesOf(object) : [])].flatMap(([key], index): Misspelt[] => {
    const at = (seed + index * 7) % key.length;
    const [before, letter, after] = [key.slice(0, at), key.charAt(at), key.slice(at + 1)];
    const slips = [
      before + after,
      before + letter + letter + after,
      `${before}x${after}`,
      before + after.charAt(0) + letter + after.slice(1),
    ];
    const to = slips[(seed + index) % slips.length] ?? '';
    const gone = `gone_${index}_entirely`;
    const written = (name: string): string => {
      const [edit] = renameEdits(text, [...path, key], name);
      return edit ? text.slice(0, edit.offset) + edit.content + text.slice(edit.offset + edit.length) : text;
    };
    return to === key || to === '' ? [] : [{ key, damaged: written(to), without: written(gone) }];
  });
}
