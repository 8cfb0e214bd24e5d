import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { describe, expect, it } from 'vitest';
import { ConfigDocument } from '../../../src/config/document';
import { readDocument, readModelConfig } from '../../../src/reading/read';
import { HOVER_COMMANDS, type HoverContent, hoverOf } from '../../../src/present/hover';
import { type KeyText, keyTextOf } from '../../../src/present/keyCostText';
import { sampleConfig, scenario, timed } from '../support';

const at32k = scenario(1, 32_768);

function hoverAt(document: ConfigDocument, offset: number): HoverContent | null {
  const reading = readDocument(document);
  return reading && hoverOf(reading, document, offset, at32k, false);
}

function hover(text: string, needle: string): string | null {
  return hoverAt(ConfigDocument.parse(text), text.indexOf(needle) + 1)?.markdown.source ?? null;
}

/** With what keys cost beside the cache. */
function fullHover(text: string, needle: string, at = at32k): string | null {
  const reading = readModelConfig(text);
  if (!reading) throw new Error('not a model config');
  const keyText = (path: readonly string[]): KeyText | null => keyTextOf(reading, path, at);
  return hoverOf(reading, reading.document, text.indexOf(needle) + 1, at, false, { keyText })?.markdown.source ?? null;
}

/** Pixels of a hover 750 px wide in VS Code's default font: rows, and 8 px between paragraphs. Measured in a window: 19 px a row of 93 letters. */
function heightOf(source: string): number {
  const paragraphs = source.split('\n\n').filter((paragraph) => paragraph !== '');
  const rows = paragraphs
    .flatMap((paragraph) => paragraph.split('\n'))
    .map((line) => {
      const shown = line.replace(/\]\([^)]*\)/g, '').replace(/[*[\\]/g, '');
      const code = [...shown.matchAll(/`([^`]*)`/g)].reduce((sum, [, span = '']) => sum + span.length, 0);
      return Math.max(1, Math.ceil((shown.replaceAll('`', '').length + code * 0.15) / 93));
    });
  return rows.reduce((sum, row) => sum + 19 * row, 0) + 8 * (paragraphs.length - 1);
}

describe('hover', () => {
  it('says what the key is, then what it costs, then the total, then where that comes from', () => {
    const markdown = fullHover(sampleConfig('llama-3-8b'), 'num_key_value_heads') ?? '';
    const order = [
      'each caches one K and one V vector',
      'If it were `1` MQA → 512 MiB, **÷ 8** · `4` → 2 GiB, **÷ 2** · `16` → 8 GiB, **× 2** · `32` MHA → 16 GiB, **× 4**',
      'Grows with it: **268 M parameters, 512 MiB of weights** (3.3 %) · 537 MFLOP per token (1.7 %)',
      '32 query heads in 8 groups of 4',
      '**131,072 B/token** (128 KiB) · **4 GiB (4.29 GB)** at 1 × 32,768 tokens · bf16 · theoretical minimum',
      '`32 layers × 2 K and V × 8 KV heads × 128 head dim × 2 B (bf16) = 131,072 B`',
      '**`num_key_value_heads` [line ',
      '[Show these heads](command:headlight.showHeads) · [Explain the number](command:headlight.explainThisNumber) · [Change scenario](command:headlight.changeScenario)',
    ].map((part) => [part, markdown.indexOf(part)] as const);
    for (const [part, at] of order) expect(at, part).toBeGreaterThanOrEqual(0);
    expect(order.map(([, at]) => at)).toEqual(order.map(([, at]) => at).toSorted((one, other) => one - other));
  });

  it('links each line to itself', () => {
    const text = sampleConfig('llama-3-8b');
    const links = [...(hover(text, 'num_key_value_heads') ?? '').matchAll(/`(\w+)` \[line (\d+)\]\(command:(\S+?)\)/g)];
    expect(links.map(([, key]) => key)).toEqual([
      'num_hidden_layers',
      'num_key_value_heads',
      'hidden_size',
      'torch_dtype',
    ]);
    for (const [, key, line, command] of links) {
      expect(text.split('\n')[Number(line) - 1]).toContain(`"${key}"`);
      expect(command).toBe(`_headlight.revealLine?%5B${line}%5D`);
    }
  });

  it('shows both products of two kinds, and that they add up to the headline', () => {
    const dsa = sampleConfig('deepseek-v3').replace(
      '"model_type": "deepseek_v3"',
      '"model_type": "deepseek_v32", "index_head_dim": 128, "index_n_heads": 64, "index_topk": 2048',
    );
    const markdown = hover(dsa, 'kv_lora_rank') ?? '';
    expect(markdown).toContain('**85,888 B/token**');
    expect(markdown).toContain('= 70,272 B`');
    expect(markdown).toContain('= 15,616 B`');
    expect(markdown).toContain('70,272 + 15,616 = 85,888 B/token');
  });

  it('says what a window would do where there is none, and a longer context', () => {
    const mistral = sampleConfig('mistral-7b-v0.1').replace(/"sliding_window": \d+/, '"sliding_window": null');
    expect(hover(mistral, 'sliding_window')).toContain('If it were `4096` → 512 MiB, **÷ 8**');
    expect(hover(sampleConfig('llama-3-8b'), 'max_position_embeddings')).toContain(
      'One sequence of 8,192 tokens caches 1 GiB (bf16). If it were `16384`: 2 GiB, **× 2**.',
    );
  });

  it.each(['llama-3-8b', 'deepseek-v3', 'mistral-7b-v0.1', 'qwen3-8b', 'gpt2'])(
    'fits the height that the editor gives it: %s',
    (name) => {
      const text = sampleConfig(name);
      const reading = readModelConfig(text);
      if (!reading) throw new Error('not a model config');
      for (const engine of ['intrinsic', 'vllm'] as const) {
        const at = scenario(32, 100_000, { engine, sharding: { tp: 4, pp: 1, dcp: 1, dpAttention: false } });
        for (const key of reading.readerAt(reading.location.path).keys()) {
          const content = hoverOf(reading, reading.document, text.indexOf(`"${key}"`) + 1, at, false, {
            described: true,
            keyText: (path) => keyTextOf(reading, path, at),
          });
          if (content) expect(heightOf(content.markdown.source), `${name}, ${key}, ${engine}`).toBeLessThanOrEqual(214);
        }
      }
    },
  );

  it('leaves out what a key is where the schema says it', () => {
    const text = sampleConfig('llama-3-8b');
    const reading = readModelConfig(text);
    const offset = text.indexOf('num_key_value_heads') + 1;
    if (!reading) throw new Error('not a model config');
    expect(hoverOf(reading, reading.document, offset, at32k, false)?.markdown.source).toContain(
      'each caches one K and one V vector',
    );
    expect(
      hoverOf(reading, reading.document, offset, at32k, false, { described: true })?.markdown.source,
    ).not.toContain('each caches one K and one V vector');
  });

  it('shows half and double of a latent', () => {
    const markdown = hover(sampleConfig('deepseek-v3'), 'kv_lora_rank') ?? '';
    expect(markdown).toContain('**70,272 B/token** (68.63 KiB)');
    expect(markdown).toContain('`256` → ');
    expect(markdown).toContain('`1024` → ');
  });

  it('says nothing about keys that do not matter, or belong to a vision tower', () => {
    const text = sampleConfig('llama-3-8b');
    for (const key of ['architectures', 'rms_norm_eps', 'bos_token_id', 'vocab_size'])
      expect(hover(text, `"${key}"`)).toBeNull();
    // Names, versions and ids of tokens cost nothing that anyone asks for.
    const named = text.replace('{', '{"_name_or_path": "x", "transformers_version": "5", "bos_token_id": 1,');
    for (const key of ['_name_or_path', 'transformers_version', 'bos_token_id'])
      expect(fullHover(named, `"${key}"`)).toBeNull();
    const nested = `{"model_type": "llava", "vision_config": {"num_attention_heads": 16}, "text_config": ${text}}`;
    expect(hover(nested, '"num_attention_heads": 16')).toBeNull();
    expect(hover(nested, 'num_key_value_heads')).toContain('131,072 B/token');
  });

  it.each([
    ['package.json', '{"name": "x", "version": "1.0.0", "dependencies": {"num_hidden_layers": "1"}}'],
    ['tsconfig.json', '{"compilerOptions": {"target": "ES2022", "hidden_size": 3}}'],
    ['tokenizer_config.json', '{"tokenizer_class": "LlamaTokenizer", "model_max_length": 4096}'],
    ['generation_config.json', '{"temperature": 0.6, "max_length": 4096, "num_beams": 2}'],
    ['a list', '[1, 2, 3]'],
    ['nothing', ''],
  ])('is silent in %s', (_, text) => {
    for (let offset = 0; offset < text.length; offset++) expect(hoverAt(ConfigDocument.parse(text), offset)).toBeNull();
  });

  it('lets nothing of the file become markup or a link', () => {
    const evil = '[x](command:workbench.action.quit) <img src=x> ` | **b** \\n\\n# h $(alert) ![i](http://x)';
    const text = sampleConfig('llama-3-8b')
      .replace('"llama"', JSON.stringify(evil))
      .replace(
        '"num_key_value_heads": 8',
        `"num_key_value_heads": 8, "layer_types": ${JSON.stringify(new Array(32).fill(evil))}`,
      );
    const document = ConfigDocument.parse(text);
    let shown = 0;
    for (let offset = 0; offset < text.length; offset += 3) {
      const markdown = hoverAt(document, offset)?.markdown.source;
      if (markdown === undefined) continue;
      shown++;
      const unescaped = markdown.replace(/\\./g, '').replace(/`[^`]*`/g, '');
      for (const [, link] of unescaped.matchAll(/\]\(([^)]*)\)/g))
        expect(link).toMatch(/^command:(?:headlight\.\w+|_headlight\.revealLine\?%5B\d+%5D)$/);
      expect(HOVER_COMMANDS.every((id) => /^_?headlight\.\w+$/.test(id))).toBe(true);
      expect(unescaped).not.toMatch(/<(?!img)|!\[|<img/);
    }
    expect(shown).toBeGreaterThan(10);
  });

  it('is quick: under 2 ms at the median on 200 lines, under 20 ms on 5,000', () => {
    const small = padded(200);
    const large = padded(5_000);
    /** A neighbour that fills the processor's cache is no slow hover: what is slow is so three times. */
    const measure = (text: string, rounds: number, limitMs: number): { cpuMs: number; wallMs: number } => {
      const offset = text.indexOf('"num_key_value_heads"') + 3;
      const look = (): { cpuMs: number; wallMs: number } =>
        timed(() => hoverAt(ConfigDocument.parse(text), offset), rounds);
      let found = look();
      for (let again = 0; again < 2 && found.cpuMs >= limitMs; again++) found = look();
      return found;
    };
    const onSmall = measure(small, 100, 2);
    const onLarge = measure(large, 15, 20);
    const show = ({ cpuMs, wallMs }: typeof onSmall): string =>
      `${cpuMs.toFixed(2)} ms CPU, ${wallMs.toFixed(2)} ms clock`;
    console.log(`hover, text to Markdown, warm, medians: 200 lines ${show(onSmall)}; 5,000 lines ${show(onLarge)}`);
    expect(onSmall.cpuMs).toBeLessThan(2);
    expect(onLarge.cpuMs).toBeLessThan(20);
  });
});

describe('hovers of keys that shape no cache', () => {
  const preset = (name: string): string =>
    readFileSync(resolve(import.meta.dirname, '../../../media/presets', `${name}.json`), 'utf8');
  const with_ = (name: string, more: string): string => preset(name).replace('{', `{${more},`);

  it.each([
    // Two tables of 128,256 × 4,096, of which a token reads one row of the first and multiplies the second.
    ['llama-3-8b', 'vocab_size', '**1.05 B parameters, 1.96 GiB of weights** (13 %) · 1.05 GFLOP per token'],
    // 32 × 3 × 4,096 × 14,336.
    ['llama-3-8b', 'intermediate_size', '**5.64 B parameters, 10.5 GiB of weights** (70 %) · 11.3 GFLOP'],
    ['llama-3-8b', 'tie_word_embeddings', 'With `true`: **7.5 B parameters** · **13.98 GiB of weights, ÷ 1.07**'],
    ['llama-3-8b', 'hidden_act', 'It changes neither the cache nor the weights.'],
    // 32 × 8 × 3 × 4,096 × 14,336, and the routers.
    ['mixtral-8x7b', 'num_local_experts', '**45.1 B parameters, 84 GiB of weights** (97 %)'],
    ['mixtral-8x7b', 'num_experts_per_tok', 'no weights · 22.5 GFLOP per token'],
    ['deepseek-v3', 'n_routed_experts', '**654 B parameters, 609.3 GiB of weights** (97 %)'],
    ['deepseek-v3', 'quantization_config', 'Without it: **1.22 TiB of weights, × 1.99**'],
    ['qwen3-next-80b-a3b', 'num_experts', '**77.4 B parameters, 144.1 GiB of weights** (97 %)'],
    ['gpt-oss-120b', 'num_local_experts', '**115 B parameters, 56.78 GiB of weights** (98 %)'],
  ])('%s, %s', (name, key, words) => {
    expect(fullHover(preset(name), `"${key}"`)).toContain(words);
  });

  it('say that a key changes nothing, each with what it is', () => {
    const text = with_(
      'llama-3-8b',
      '"rms_norm_eps": 1e-5, "attention_dropout": 0.0, "rope_scaling": null, "rope_theta": 500000.0, "use_cache": true, "initializer_range": 0.02',
    );
    for (const [key, is] of Object.entries({
      rms_norm_eps: 'never divides by zero',
      attention_dropout: 'Used only in training',
      rope_scaling: 'RoPE is scaled beyond the trained length',
      rope_theta: 'Base of the RoPE frequencies',
      use_cache: 'keeps a KV cache',
      initializer_range: 'Used only in training',
    })) {
      const found = fullHover(text, `"${key}"`) ?? '';
      expect(found, key).toContain(is);
      expect(found, key).toContain('changes neither the cache nor the weights');
      expect(found.indexOf(is)).toBeLessThan(found.indexOf('changes neither'));
    }
  });

  it('say the whole at the scenario, with its weights as they were chosen', () => {
    const text = preset('llama-3-8b');
    expect(fullHover(text, '"vocab_size"')).toContain(
      'In all **8.03 B parameters, 14.96 GiB of weights** (bfloat16) · 32.2 GFLOP per token · **4 GiB of cache** at 1 × 32,768 tokens · bf16 · theoretical minimum',
    );
    const fp8 = scenario(1, 32_768, { weights: 'fp8' });
    expect(fullHover(text, '"intermediate_size"', fp8)).toContain('**5.64 B parameters, 5.25 GiB of weights** (70 %)');
    expect(fullHover(text, '"intermediate_size"', fp8)).toContain('of weights** (fp8, your choice)');
  });

  it('say when a key is not read, or misspelt', () => {
    const cost = (key: string): string => fullHover(with_('llama-3-8b', `"${key}": 8`), `"${key}"`) ?? '';
    expect(cost('n_inner')).toContain('`llama` does not read `n_inner`: it changes nothing here.');
    expect(cost('num_experts')).toContain(
      '`llama` does not read `num_experts`: this model may have weights that are not counted here.',
    );
    expect(cost('sliding_window')).toContain(
      '`llama` does not read `sliding_window`: this could be a different model, whose cache is not known.',
    );
    const misspelt = with_('llama-3-8b', '"intermediate_sise": 4').replace('"intermediate_size"', '"x"');
    expect(fullHover(misspelt, '"intermediate_sise"')).toContain(
      'Nothing reads `intermediate_sise`. Did you mean `intermediate_size`?',
    );
  });

  it('say no number of a model that is not known', () => {
    const text = '{"model_type": "mystery", "num_hidden_layers": 2, "hidden_size": 64, "vocab_size": 100}';
    expect(fullHover(text, '"vocab_size"')).toBeNull();
  });

  it('are quick: a few milliseconds on 61 layers with experts', () => {
    const reading = readModelConfig(preset('deepseek-v3'));
    if (!reading) throw new Error('not a model config');
    for (const key of ['vocab_size', 'n_routed_experts', 'num_hidden_layers', 'quantization_config']) {
      const { cpuMs } = timed(() => keyTextOf(reading, [key], at32k), 15);
      console.log(`${key} of deepseek-v3: ${cpuMs.toFixed(1)} ms`);
      expect(cpuMs).toBeLessThan(15);
    }
  });
});

/** The Llama config with so many lines. */
function padded(lines: number): string {
  const text = sampleConfig('llama-3-8b').trimEnd();
  const padding = Array.from(
    { length: lines - text.split('\n').length },
    (_, index) => `  "extra_key_${index}": ${index},`,
  );
  return text.replace('{\n', `{\n${padding.join('\n')}\n`);
}
