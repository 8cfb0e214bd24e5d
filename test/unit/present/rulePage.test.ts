import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { parse } from 'jsonc-parser';
import { describe, expect, it } from 'vitest';
import type { LintOptions } from '../../../src/lint/context';
import { lintReading } from '../../../src/lint/lint';
import { LINT_RULES } from '../../../src/lint/rules';
import { rulePage } from '../../../src/present/rulePage';
import { readModelConfig } from '../../../src/reading/read';
import { someOf } from '../support/cases';

const docs = readFileSync(resolve(import.meta.dirname, '../../../docs/lint.md'), 'utf8');
const RULES = Object.entries(LINT_RULES);

/** What stands around the lines of an example, where they do not say it themselves. */
const PLAIN = {
  model_type: 'llama',
  hidden_size: 4096,
  num_hidden_layers: 32,
  num_attention_heads: 32,
  num_key_value_heads: 8,
  max_position_embeddings: 8192,
  torch_dtype: 'bfloat16',
};
const LATENT = {
  hidden_size: 7168,
  num_hidden_layers: 61,
  num_attention_heads: 128,
  kv_lora_rank: 512,
  q_lora_rank: 1536,
  qk_nope_head_dim: 128,
  qk_rope_head_dim: 64,
  v_head_dim: 128,
  max_position_embeddings: 4096,
  torch_dtype: 'bfloat16',
};
/** Keys of the plain config that an example is about leaving out. */
const WITHOUT: Readonly<Record<string, readonly string[]>> = {
  'dtype-disagrees': ['torch_dtype'],
  'unknown-key': ['num_key_value_heads'],
  'nested-disagrees': ['num_hidden_layers', 'num_attention_heads', 'num_key_value_heads', 'hidden_size'],
  'rotary-dim-too-large': ['num_key_value_heads'],
  'tp-state-heads': ['num_attention_heads', 'num_key_value_heads'],
  'longrope-length': ['num_key_value_heads'],
};
const OPTIONS: Readonly<Record<string, LintOptions>> = {
  'tp-heads': { tp: 3 },
  'tp-kv-heads': { tp: 4 },
  'tp-state-heads': { tp: 3 },
  'tp-replicates': { tp: 16 },
  'cache-block': { kvDtype: 'q8_0' },
};

/** Rules that are told of a config that has these lines. */
function told(rule: string, lines: string): readonly string[] {
  const given = parse(`{${lines}}`) as Record<string, unknown>;
  const base = given['model_type'] === 'deepseek_v3' ? LATENT : PLAIN;
  const rest = Object.entries(base).filter(([key]) => !(key in given) && !WITHOUT[rule]?.includes(key));
  const reading = readModelConfig(
    `{${[lines, ...rest.map((entry) => entry.map((it) => JSON.stringify(it)).join(':'))].join(',\n')}}`,
  );
  return reading ? lintReading(reading, OPTIONS[rule]).map((problem) => problem.rule) : ['not read'];
}

describe('the page of a lint rule', () => {
  it.each(RULES)('%s says what it finds, why, what to do, and how to ignore it', (rule, summary) => {
    const page = rulePage(rule, docs).source;
    expect(page).toContain(`# ${rule}\n`);
    expect(page.replaceAll('`', '').replaceAll("'", '’')).toContain(summary);
    expect(page).toMatch(/^\*\*Why it matters\.\*\* \S/m);
    expect(page).toMatch(/^\*\*What to do\.\*\* \S/m);
    expect(page).toMatch(/^\*\*(error|warning|information)\*\*: .* Since Headlight \d/m);
    expect(page).toContain(`\`${rule}@path/of/config.json\``);
    expect(page).not.toContain('### ');
  });

  // The mark itself does not show, so it has no example.
  it.each(someOf(RULES.filter(([rule]) => rule !== 'byte-order-mark')))('%s has an example that is true', (rule) => {
    const [bad, good] = [...rulePage(rule, docs).source.matchAll(/```jsonc\n(.*?)```/gs)].map(
      ([, lines = '']) => lines,
    );
    expect(told(rule, bad ?? '')).toContain(rule);
    expect(told(rule, good ?? '').filter((other) => other === rule || other === 'not read')).toEqual([]);
  });

  it('says the same as the table', () => {
    for (const [rule, summary] of RULES) {
      const row = docs.split('\n').find((line) => line.startsWith(`| [\`${rule}\`](#${rule}) |`)) ?? '';
      expect(row.replaceAll('`', '').replaceAll("'", '’'), rule).toContain(`| ${summary} |`);
    }
  });

  it('spells tensor parallelism out, and names the setting beside an option of the command line', () => {
    for (const [rule] of RULES) {
      const page = rulePage(rule, docs).source;
      if (/\bTP\b/.test(page)) expect(page, rule).toMatch(/[Tt]ensor.parallel(?:ism)?[^.]* \(TP\)/);
      if (/--(?:tp|kv-dtype)/.test(page)) expect(page, rule).toContain('headlight.scenario.');
    }
  });

  it('says what the quick fix does', () => {
    expect(rulePage('heads-not-divisible', docs).source).toContain('**Quick fix.** Set the nearest smaller divisor.');
    expect(rulePage('attn-layer-offset', docs).source).not.toContain('**Quick fix.**');
  });

  it('does not show anything for what is no rule', () => {
    for (const rule of ['nothing', '', 'toString', '__proto__', '../x'])
      expect(rulePage(rule, docs).source).toBe('# There is no such rule\n');
  });
});
