/** Names of models where texts mean one, and no others. */

import { describe, expect, test } from 'vitest';
import { parseHubName } from '../../../src/hub/hubName';
import { type ReferenceLanguage, referenceAt } from '../../../src/hub/references';
import { commandLink } from '../../../src/present/markdown';
import { generator } from '../weights/files';

/** The reference at the sign ‸, which is taken out. */
function at(text: string, language: ReferenceLanguage): string | null {
  const offset = text.indexOf('‸');
  expect(offset).toBeGreaterThanOrEqual(0);
  const plain = text.replace('‸', '');
  const found = referenceAt(plain, offset, language);
  if (found) expect(plain.slice(found.start, found.end).length).toBeGreaterThan(0);
  return found?.name ?? null;
}

describe('names of models in texts', () => {
  test.each([
    ['json', '{"_name_or_path": "meta-llama/Lla‸ma-3.1-8B"}', 'meta-llama/Llama-3.1-8B'],
    ['json', '{"_name_or_path": "gp‸t2"}', 'gpt2'],
    ['json', '{\n  "base_model_name_or_path" : "org/na‸me",', 'org/name'],
    ['python', 'AutoConfig.from_pretrained("org/‸name")', 'org/name'],
    ['python', "AutoModel.from_pretrained(\n    'org/name‸',\n    torch_dtype=x)", 'org/name'],
    ['python', 'AutoConfig.from_pretrained(pretrained_model_name_or_path="‸gpt2")', 'gpt2'],
    ['python', 'llm = LLM(model="Qwen/Qw‸en3-8B", tensor_parallel_size=2)', 'Qwen/Qwen3-8B'],
    ['python', 'llm = LLM("Qwen/Qw‸en3-8B")', 'Qwen/Qwen3-8B'],
    ['python', 'MODEL_ID = "org/na‸me"', 'org/name'],
    ['python', '{"model": "org/na‸me@v1"}', 'org/name@v1'],
    ['shell', 'vllm serve org/na‸me --tensor-parallel-size 8', 'org/name'],
    ['shell', 'python -m sglang.launch_server --model-path org/na‸me', 'org/name'],
    ['shell', 'python -m vllm.entrypoints.api --model=org/na‸me \\', 'org/name'],
    ['shell', 'MODEL=org/na‸me', 'org/name'],
    ['shell', 'llama-server -hf ggml-org/na‸me-GGUF:Q4_K_M', null],
    ['shell', 'llama-server -hf ggml-org/na‸me-GGUF', 'ggml-org/name-GGUF'],
    ['shell', 'hf download "org/na‸me"', 'org/name'],
  ] as const)('%s: %s', (language, text, name) => {
    expect(at(text, language)).toBe(name);
  });

  test.each([
    ['json', '{"_name_or_path": "/home/me/mo‸del"}'],
    ['json', '{"_name_or_path": "./mo‸del"}'],
    ['json', '{"_name_or_path": ""‸}'],
    ['json', '{"license": "org/na‸me"}'],
    ['json', '{"model": "gp‸t2"}'],
    ['json', '{"_name_or_path": "org/name/mo‸re"}'],
    ['json', '{"_name_or_path": "C:/mo‸del"}'],
    ['python', 'open("org/na‸me")'],
    ['python', 'AutoConfig.from_pretrained(na‸me)'],
    ['python', 'from_pretrained = "a/b‸"'],
    ['python', 'model="data/mo‸del.json"'],
    ['python', 'AutoConfig.from_pretrained("../na‸me")'],
    ['shell', 'cp org/na‸me /tmp'],
    ['shell', '--mo‸del org/name'],
    ['shell', 'serve --port 80‸80'],
    ['shell', 'run --model /models/na‸me'],
  ] as const)('%s, none: %s', (language, text) => {
    expect(at(text, language)).toBeNull();
  });

  test('whatever stands there, a name is a name, and takes no time', () => {
    const random = generator(Number(process.env['HEADLIGHT_SEED'] ?? Date.now()) >>> 0);
    const pieces = [
      '"_name_or_path": "',
      'org/',
      'name',
      '"',
      '..',
      '@',
      '/',
      '%2F',
      '\u202e',
      '](command:x)',
      ' --model ',
      '=',
      '.from_pretrained(',
      "'",
      '\n',
    ];
    const started = performance.now();
    let found = 0;
    for (let round = 0; round < 5_000; round++) {
      const text = Array.from({ length: 12 }, () => pieces[random(pieces.length)]).join('');
      for (const language of ['json', 'python', 'shell'] as const) {
        const reference = referenceAt(text, random(text.length), language);
        if (!reference) continue;
        found++;
        expect(reference.name).toMatch(/^[\w./@%+-]+$/);
        expect(parseHubName(reference.name).path).toBe('');
      }
    }
    expect(found).toBeGreaterThan(10);
    for (const long of ['a'.repeat(1e6), '"_name_or_path"'.repeat(1e5), ' '.repeat(1e6), '--model '.repeat(1e5)])
      for (const language of ['json', 'python', 'shell'] as const) referenceAt(long, long.length / 2, language);
    expect(performance.now() - started).toBeLessThan(20_000);
  });

  test('a link holds its text and nothing beside it', () => {
    for (const text of ['org/name@v1', ') [x](command:evil', '](http://x)', '"]', '_*~`<>&', 'ü\n\u202e']) {
      const { source } = commandLink('Open', 'headlight.x', text);
      const [, address = ''] = /^\[Open\]\(command:headlight\.x\?([A-Za-z0-9%]+)\)$/.exec(source) ?? [];
      expect(JSON.parse(decodeURIComponent(address))).toEqual([text]);
    }
  });
});
