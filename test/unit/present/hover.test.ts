import { describe, expect, it } from 'vitest';
import { ConfigDocument } from '../../../src/config/document';
import { readDocument, readModelConfig } from '../../../src/reading/read';
import { HOVER_COMMANDS, type HoverContent, hoverOf } from '../../../src/present/hover';
import { sampleConfig, scenario, timed } from '../support';

const at32k = scenario(1, 32_768);

function hoverAt(document: ConfigDocument, offset: number): HoverContent | null {
  const reading = readDocument(document);
  return reading && hoverOf(reading, document, offset, at32k, false);
}

function hover(text: string, needle: string): string | null {
  return hoverAt(ConfigDocument.parse(text), text.indexOf(needle) + 1)?.markdown.source ?? null;
}

describe('hover', () => {
  it('answers first, then derives, then says what a change would do', () => {
    const markdown = hover(sampleConfig('llama-3-8b'), 'num_key_value_heads') ?? '';
    expect(markdown).toContain('**131,072 B/token** (128 KiB)');
    expect(markdown).toContain('32 query heads in 8 groups of 4');
    expect(markdown).toContain('**4 GiB (4.29 GB)** at 1 × 32,768 tokens · bf16 · theoretical minimum');
    expect(markdown).toContain('`32 layers × 2 K and V × 8 KV heads × 128 head dim × 2 B (bf16) = 131,072 B`');
    expect(markdown).toMatch(/\*\*`num_key_value_heads` line \d+\*\*/);
    for (const row of [
      '`4` groups of 8 → 2 GiB, **÷ 2**, 64 KiB/token',
      '`16` groups of 2 → 8 GiB, **× 2**, 256 KiB/token',
      '`1` MQA → 512 MiB, **÷ 8**, 16 KiB/token',
      '`32` MHA → 16 GiB, **× 4**, 512 KiB/token',
    ]) {
      expect(markdown).toContain(row);
    }
    expect(markdown.indexOf('B/token')).toBeLessThan(markdown.indexOf('32 layers × 2'));
    expect(markdown.indexOf('32 layers × 2')).toBeLessThan(markdown.indexOf('If `num'));
  });

  it('leaves out what a key is where the schema says it', () => {
    const text = sampleConfig('llama-3-8b');
    const reading = readModelConfig(text);
    const offset = text.indexOf('num_key_value_heads') + 1;
    if (!reading) throw new Error('not a model config');
    expect(hoverOf(reading, reading.document, offset, at32k, false)?.markdown.source).toContain(
      'each caches one K and one V vector',
    );
    expect(hoverOf(reading, reading.document, offset, at32k, false, true)?.markdown.source).not.toContain(
      'each caches one K and one V vector',
    );
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
      expect(unescaped.match(/\]\(([^)]*)\)/g)).toEqual([`](command:${HOVER_COMMANDS[0]})`]);
      expect(unescaped).not.toMatch(/<(?!img)|!\[|<img/);
    }
    expect(shown).toBeGreaterThan(10);
  });

  it('is quick: under 2 ms at the median on 200 lines, under 20 ms on 5,000', () => {
    const small = padded(200);
    const large = padded(5_000);
    const measure = (text: string, rounds: number): { cpuMs: number; wallMs: number } => {
      const offset = text.indexOf('"num_key_value_heads"') + 3;
      return timed(() => hoverAt(ConfigDocument.parse(text), offset), rounds);
    };
    const onSmall = measure(small, 100);
    const onLarge = measure(large, 15);
    const show = ({ cpuMs, wallMs }: typeof onSmall): string =>
      `${cpuMs.toFixed(2)} ms CPU, ${wallMs.toFixed(2)} ms clock`;
    console.log(`hover, text to Markdown, warm, medians: 200 lines ${show(onSmall)}; 5,000 lines ${show(onLarge)}`);
    expect(onSmall.cpuMs).toBeLessThan(2);
    expect(onLarge.cpuMs).toBeLessThan(20);
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
