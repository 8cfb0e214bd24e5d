import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { knownPlan as planCache } from '../support/plans';
import { layersRegister } from '../../../src/families/register';
import { typeOfClass } from '../../../src/python/classes';
import { findPythonModels, type PythonModel, readPythonModel, toJson, toSource } from '../../../src/python/python';
import { mayHoldModel } from '../../../src/python/search';
import { hoverOf } from '../../../src/present/hover';
import { fuzzCases } from '../depth';
import { scenario, timed } from '../support';

function only(source: string): PythonModel {
  const [model, ...more] = findPythonModels(source);
  if (!model || more.length > 0) throw new Error(`${model ? more.length + 1 : 0} models`);
  return model;
}

/** Bytes per token of the one model of a source; negative where they are a guess. */
function perToken(source: string): number {
  const read = readPythonModel(only(source));
  if (!read) throw new Error('not read');
  const plan = planCache(read.reading.spec, scenario(1, 1));
  return plan.exact ? plan.bytesPerToken : -plan.bytesPerToken;
}

const LLAMA = `from transformers import LlamaConfig

config = LlamaConfig(
    hidden_size=4_096,  # "num_key_value_heads=1" in a comment
    num_hidden_layers = 32,
    num_attention_heads=32,
    num_key_value_heads=8,
    rope_scaling={"rope_type": "llama3", "factor": 8.0},
    torch_dtype=torch.bfloat16,
)
`;

describe('model configs in Python', () => {
  it('reads a constructor as its config file', () => {
    expect(perToken(LLAMA)).toBe(131_072);
    expect(perToken('c = LlamaConfig(num_key_value_heads=8)')).toBe(131_072);
    expect(perToken('transformers.MistralConfig(num_key_value_heads=2, dtype="float32")')).toBe(2 * 32 * 2 * 128 * 4);
  });

  it('reads names in the letters that Python takes them for, and every escape of a string', () => {
    const json = (source: string): unknown => JSON.parse(only(source).json);
    expect(json('LlamaConfig(ｈidden_size=8, hidden＿act="x")')).toMatchObject({ hidden_size: 8, hidden_act: 'x' });
    expect(json('ＬlamaConfig(hidden_size=8)')).toMatchObject({ model_type: 'llama' });
    const written = String.raw`"\101\7\0x\x41\u0042\U0001F600\a\d\'"`.replaceAll('\\\\', '\\');
    expect(json(`LlamaConfig(hidden_size=8, hidden_act=${written})`)).toMatchObject({
      hidden_act: "A\x07\0xAB😀\x07\\d'",
    });
    // A character by its name, or beyond all characters, is not read.
    for (const other of ['\\N{DASH}', '\\U11111111']) {
      const model = only(`LlamaConfig(hidden_size=8, hidden_act="${other}")`);
      expect([JSON.parse(model.json), model.unread]).toEqual([
        { model_type: 'llama', architectures: ['-'], hidden_size: 8 },
        ['hidden_act'],
      ]);
    }
  });

  it('reads on behind a line of Windows that goes on inside a string', () => {
    const model = only('LlamaConfig(hidden_act="a\\\r\nb", hidden_size=8)');
    expect(JSON.parse(model.json)).toMatchObject({ hidden_act: 'ab', hidden_size: 8 });
    expect(model.open).toBe(false);
  });

  it('reads dicts, keyword dicts and argument classes', () => {
    expect(
      perToken(
        'cfg = {"model_type": "llama", "num_hidden_layers": 2, "num_attention_heads": 4, \'num_key_value_heads\': 2, "hidden_size": 64}',
      ),
    ).toBe(2 * 2 * 2 * 16 * 2);
    expect(
      perToken(
        'cfg = dict(model_type="llama", num_hidden_layers=2, num_attention_heads=4, num_key_value_heads=2, hidden_size=64)',
      ),
    ).toBe(256);
    expect(perToken('args = ModelArgs(dim=64, n_layers=2, n_heads=4, n_kv_heads=2)')).toBe(256);
  });

  it('computes constants, and lists as they are written', () => {
    expect(perToken('LlamaConfig(hidden_size=32 * 128, num_attention_heads=2**5, num_key_value_heads=(4 + 4))')).toBe(
      131_072,
    );
    const layers = '["sliding_attention"] * 5 + ["full_attention"]';
    expect(
      perToken(
        `Gemma3TextConfig(num_hidden_layers=6, layer_types=${layers}, sliding_window=512, num_attention_heads=4, num_key_value_heads=1, head_dim=8)`,
      ),
    ).toBe(6 * 2 * 8 * 2);
  });

  it('reads a nested config of a composite', () => {
    expect(
      perToken(
        'LlavaConfig(text_config=LlamaConfig(num_hidden_layers=2, num_key_value_heads=8), vision_config=CLIPVisionConfig(num_hidden_layers=24))',
      ),
    ).toBe(2 * 2 * 8 * 128 * 2);
  });

  it('says that it guesses where a value would have to be run, or arguments are not named', () => {
    expect(perToken('LlamaConfig(num_hidden_layers=args.layers, num_key_value_heads=8)')).toBe(-131_072);
    expect(perToken('LlamaConfig(num_key_value_heads=8, **extra)')).toBe(-131_072);
    expect(perToken('LlamaConfig(num_key_value_heads=8 if small else 4)')).toBeLessThan(0);
    // What decides nothing may be anything.
    expect(perToken('LlamaConfig(vocab_size=len(tokenizer), num_key_value_heads=8)')).toBe(131_072);
  });

  it.each([
    ['a class', 'class LlamaConfig(PretrainedConfig):\n    num_key_value_heads = 8'],
    ['a function', 'def LlamaConfig(num_key_value_heads=8): pass'],
    ['a string', 's = "LlamaConfig(num_key_value_heads=8)"'],
    ['a docstring', '"""\nLlamaConfig(num_key_value_heads=8)\n"""'],
    ['a comment', '# LlamaConfig(num_key_value_heads=8)'],
    ['another class', 'LoraConfig(r=8, lora_alpha=16, target_modules=["q_proj"])'],
    ['a loader', 'LlamaConfig.from_pretrained("x", num_key_value_heads=8)'],
    ['another dict', 'd = {"num_key_value_heads": 8}'],
    ['nothing', ''],
  ])('is silent in %s', (_, source) => {
    expect(findPythonModels(source)).toEqual([]);
  });

  it('maps positions both ways, and keeps the lines', () => {
    const model = only(LLAMA);
    const read = readPythonModel(model);
    const at = toJson(model, LLAMA.indexOf('num_key_value_heads=8') + 3);
    if (!read || at === null) throw new Error('not mapped');
    const hover = hoverOf(read.reading, read.document, at, scenario(1, 32_768), false);
    expect(hover?.markdown.source).toContain('**131,072 B/token**');
    expect(hover?.markdown.source).toContain('**`num_key_value_heads` [line 7](');
    const span = hover && toSource(model, hover.range.offset, hover.range.length);
    expect(span && LLAMA.slice(span.start, span.end)).toBe('num_key_value_heads');
    const value = toJson(model, LLAMA.indexOf('8,\n    rope')) ?? 0;
    expect(read.document.propertyAt(value)?.path).toEqual(['num_key_value_heads']);
    for (const piece of model.pieces)
      expect(() => JSON.parse(model.json.slice(piece.json.start, piece.json.end)) as unknown).not.toThrow();
  });

  it('knows the classes of the families', () => {
    for (const [name, type] of Object.entries({
      LlamaConfig: 'llama',
      GPTNeoXConfig: 'gpt_neox',
      Qwen2MoeConfig: 'qwen2_moe',
      DeepseekV3Config: 'deepseek_v3',
      Gemma3TextConfig: 'gemma3_text',
      GPT2Config: 'gpt2',
    })) {
      expect(typeOfClass(name)).toBe(type);
    }
    for (const name of ['LoraConfig', 'Config', 'Llama', 'toStringConfig']) expect(typeOfClass(name)).toBeNull();
    expect(layersRegister.all().length).toBeGreaterThan(50);
  });

  it('finds several, and goes on behind one that is not closed', () => {
    expect(
      findPythonModels(`a = LlamaConfig(num_hidden_layers=2)\nb = [MistralConfig(num_hidden_layers=3)]`),
    ).toHaveLength(2);
    expect(perToken('LlamaConfig(num_key_value_heads=8,')).toBe(131_072);
  });

  it.each([
    '',
    'rope_theta=',
    'rope_theta=1',
    'rope_theta=1 *',
    'hidden_act="si',
    'hidden_act="silu"',
    'hidden_act=silu',
  ])('keeps the arguments behind one that is being typed: %s', (typed) => {
    for (const end of ['\n', '\r\n', '  # note\n', '\n\n']) {
      const lines = [
        'c = LlamaConfig(',
        '    hidden_size=64,',
        `    ${typed}`,
        '    num_hidden_layers=2,',
        ')',
        'f(c)',
      ];
      const source = lines.join(end);
      const model = only(source);
      expect(JSON.parse(model.json)).toMatchObject({ hidden_size: 64, num_hidden_layers: 2 });
      expect(toJson(model, source.indexOf('num_hidden_layers'))).not.toBeNull();
      expect(source.slice(model.start, model.end)).toMatch(/^LlamaConfig[^]*\)$/);
    }
  });

  it('guesses where it cannot tell what belongs to a call that is not closed', () => {
    expect(perToken('c = LlamaConfig(num_key_value_heads=8\nprint(c)\n')).toBeLessThan(0);
    expect(perToken('c = LlamaConfig(num_key_value_heads=8,\nx = 2\ny = f(x)\n')).toBe(-131_072);
  });

  it('reads a call whatever is done with it, but no methods as values', () => {
    expect(perToken('LlamaConfig(num_key_value_heads=8).save_pretrained("x")')).toBe(131_072);
    expect(perToken('import_module("transformers").LlamaConfig(num_key_value_heads=8)')).toBe(131_072);
    const { unread } = only('LlavaConfig(text_config=LlamaConfig(), n=LlamaConfig().to_dict(), m=LlamaConfig()["x"])');
    expect(unread).toEqual(['n', 'm']);
  });

  it.each([
    [String.raw`"a\x41\u0042\n" 'b'`, 'aAB\nb'],
    [String.raw`r'\d'`, String.raw`\d`],
    ['"""a\nb"""', 'a\nb'],
    [String.raw`'\\'`, '\\'],
    [String.raw`"\""`, '"'],
    ["''", ''],
    ['f"{x}"', undefined],
    ['b"x"', undefined],
    [String.raw`"a\"`, undefined],
    ['"""a"', undefined],
  ])('decodes the string %s', (written, expected) => {
    const { json } = only(`LlamaConfig(num_hidden_layers=2, name=${written}`);
    expect((JSON.parse(json) as { readonly name?: string }).name).toBe(expected);
  });

  it('does not repeat lists without an end', () => {
    const list = '[["x"] * 8_000] * 8_000';
    const { json, unread } = only(`LlamaConfig(num_hidden_layers=2, a=${list}, b=${list}, c=["x"] * 8_000)`);
    expect(unread).toEqual(['a', 'b']);
    expect(json.length).toBeLessThan(50_000);
    const many = `LlamaConfig(num_hidden_layers=2, ${'a=["xxxxxxxxxxxx"] * 8_000, '.repeat(1_000)})`;
    expect(only(many).json.length).toBeLessThan(5_000_000);
  });

  it('is bounded: deep nesting, long lists, huge numbers', () => {
    for (const source of [
      'LlamaConfig(num_hidden_layers=' + '('.repeat(50_000),
      'LlamaConfig(a={"a":'.repeat(5_000),
      'x = ' + '{"model_type": '.repeat(20_000),
      'LlamaConfig(layer_types=["a"] * 10**9, num_hidden_layers=9**9**9)',
      'MAConfig(a=' + '-'.repeat(100_000),
      'MAConfig(a_config='.repeat(5_000),
      'LlamaConfig(a=1' + '+1'.repeat(50_000),
      // Costs 15 s where nothing cuts it off.
      'Config(' + ')'.repeat(900_000),
    ]) {
      expect(timed(() => findPythonModels(source), 1, 0).cpuMs).toBeLessThan(2_000);
    }
  });

  it('costs a text search where there is nothing', () => {
    const source = 'import os\nx = compute(1, 2)  # nothing here\n'.repeat(5_000);
    expect(mayHoldModel(source)).toBe(false);
    expect(timed(() => findPythonModels(source), 20, 5).cpuMs).toBeLessThan(20);
  });

  it(`survives any text (${fuzzCases(400)} cases)`, () => {
    const piece = fc.oneof(
      fc.constantFrom(
        'LlamaConfig(',
        '{"model_type": ',
        '"llama"',
        'num_key_value_heads=',
        '8',
        ')',
        '}',
        ']',
        '[',
        '(',
        ',',
        ':',
        '=',
        '*',
        '**',
        '-',
        "'''",
        '"""',
        'r"\\',
        'f"{x}"',
        '#\n',
        '\n',
        'lambda x: x',
        ' for x in y',
        'None',
        'torch.float16',
        '0x1F',
        '1e400',
        '.',
        'dict(',
      ),
      fc.string({ maxLength: 6 }),
    );
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 60 }), (pieces) => {
        const source = pieces.join('');
        for (const model of findPythonModels(source)) {
          expect(() => JSON.parse(model.json) as unknown).not.toThrow();
          readPythonModel(model);
          for (let offset = model.start; offset < model.end; offset += 3) toJson(model, offset);
        }
      }),
      { numRuns: fuzzCases(400) },
    );
  });
});
