import { describe, expect, it } from 'vitest';
import { convertHeads, convertibleHeads, type HeadConversion } from '../../../src/reading/convertHeads';
import { textEdits } from '../../../src/config/textEdits';
import { readModelConfig, type Reading } from '../../../src/reading/read';
import { isHeaded } from '../../../src/model/attention';
import { eachOrSkip, noCases } from '../support/cases';

const COMMON = { hidden_size: 1024, num_hidden_layers: 4, num_attention_heads: 16, torch_dtype: 'bfloat16' };
const CONFIGS: Readonly<Record<string, object>> = {
  'llama with the key': { model_type: 'llama', architectures: ['LlamaForCausalLM'], ...COMMON, num_key_value_heads: 4 },
  'llama without it': { model_type: 'llama', architectures: ['LlamaForCausalLM'], ...COMMON },
  'a nested text_config': {
    model_type: 'llava',
    architectures: ['LlavaForConditionalGeneration'],
    text_config: { model_type: 'llama', ...COMMON, num_key_value_heads: 4 },
  },
  'falcon, new architecture': {
    model_type: 'falcon',
    architectures: ['FalconForCausalLM'],
    ...COMMON,
    new_decoder_architecture: true,
    num_kv_heads: 4,
  },
  'falcon, multi_query': { model_type: 'falcon', architectures: ['FalconForCausalLM'], ...COMMON, multi_query: true },
  'params.json': { dim: 1024, n_layers: 4, n_heads: 16, n_kv_heads: 4 },
  openelm: {
    model_type: 'openelm',
    architectures: ['OpenELMForCausalLM'],
    head_dim: 64,
    num_transformer_layers: 4,
    model_dim: 1024,
    num_query_heads: [16, 16, 16, 16],
    num_kv_heads: [4, 4, 8, 8],
  },
};

function read(config: object): Reading {
  const reading = readModelConfig(JSON.stringify(config));
  if (!reading) throw new Error('not a config');
  return reading;
}

function converted(reading: Reading, kvHeads: number): HeadConversion {
  const conversion = convertHeads(reading, kvHeads);
  if (typeof conversion === 'string') throw new Error(conversion);
  return conversion;
}

/** The config with the edits applied by plain assignment: another way than the reader's overrides. */
function applied(config: object, { edits }: HeadConversion): object {
  const copy = structuredClone(config) as Record<string, unknown>;
  for (const { path, value } of edits) {
    const parent = path.slice(0, -1).reduce((object, key) => object[key] as Record<string, unknown>, copy);
    parent[path.at(-1) ?? ''] = value;
  }
  return copy;
}

describe('converting KV heads', () => {
  for (const [name, config] of Object.entries(CONFIGS)) {
    const now = read(config).spec.layers.map(({ attention }) => isHeaded(attention) && attention.kvHeads);
    eachOrSkip(
      [1, 2, 16].filter((count) => now.some((heads) => heads !== count)),
      noCases,
      (kvHeads) => {
        it(`${name}: ${kvHeads} KV heads`, () => {
          const before = read(config);
          const after = read(applied(config, converted(before, kvHeads)));
          expect(after.spec.exact).toBe(before.spec.exact);
          expect(after.spec.layers).toHaveLength(before.spec.layers.length);
          for (const { attention } of after.spec.layers)
            expect(isHeaded(attention) && [attention.queryHeads, attention.kvHeads]).toEqual([16, kvHeads]);
        });
      },
    );
  }

  it('changes the key that said it', () => {
    expect(converted(read(CONFIGS['a nested text_config'] ?? {}), 2).edits).toEqual([
      { path: ['text_config', 'num_key_value_heads'], value: 2 },
    ]);
    expect(converted(read(CONFIGS['openelm'] ?? {}), 2).edits).toEqual([
      { path: ['num_kv_heads'], value: [2, 2, 2, 2] },
    ]);
  });

  it('changes the copy that counts of a key that stands twice', () => {
    const text = `{"num_key_value_heads": 8, ${JSON.stringify({ ...CONFIGS['llama with the key'] }).slice(1)}`;
    const reading = readModelConfig(text);
    const conversion = reading && convertHeads(reading, 2);
    if (!conversion || typeof conversion === 'string') throw new Error(String(conversion));
    let changed = text;
    for (const { offset, length, content } of [...textEdits(text, conversion.edits)].reverse())
      changed = changed.slice(0, offset) + content + changed.slice(offset + length);
    const heads = readModelConfig(changed)?.spec.layers.map(
      ({ attention }) => isHeaded(attention) && attention.kvHeads,
    );
    expect(new Set(heads)).toEqual(new Set([2]));
    expect(changed).toContain('"num_key_value_heads": 8');
  });

  it('says why not', () => {
    const llama = read(CONFIGS['llama with the key'] ?? {});
    expect(convertHeads(llama, 3)).toBe('3 KV heads do not divide 16 query heads');
    expect(convertHeads(llama, 4)).toBe('every layer has 4 KV heads already');
    expect(
      convertHeads(
        read({ model_type: 'gpt2', architectures: ['GPT2LMHeadModel'], n_embd: 64, n_head: 4, n_layer: 2 }),
        2,
      ),
    ).toMatch(/no key of gpt2/);
    const mla = {
      model_type: 'deepseek_v2',
      architectures: ['DeepseekV2ForCausalLM'],
      ...COMMON,
      kv_lora_rank: 64,
      qk_rope_head_dim: 16,
      qk_nope_head_dim: 32,
      v_head_dim: 32,
    };
    expect(convertHeads(read(mla), 2)).toMatch(/latent/);
    expect(convertibleHeads(read(mla))).toBeNull();
    expect(convertibleHeads(llama)).toBe(16);
  });
});
