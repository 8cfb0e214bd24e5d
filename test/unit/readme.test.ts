/** The table of docs/exact.md is computed here, so that it can't go stale. */

import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { describe, expect, it } from 'vitest';
import { knownPlan as planCache } from './support/plans';
import { readModelConfig } from '../../src/reading/read';
import { scenario } from './support';
import { referenceConfig } from './support/reference';

const PAGE = readFileSync(resolve(import.meta.dirname, '../../docs/exact.md'), 'utf8');
const GIB = 2 ** 30;
const TOKENS = 32_768;

interface PlainConfig {
  readonly text_config?: PlainConfig;
  readonly num_hidden_layers: number;
  readonly num_attention_heads: number;
  readonly num_key_value_heads?: number;
  readonly head_dim?: number;
  readonly hidden_size: number;
}

function commonFormula(root: PlainConfig): number {
  const config = root.text_config ?? root;
  const headDim = config.head_dim ?? Math.floor(config.hidden_size / config.num_attention_heads);
  return (
    2 * config.num_hidden_layers * (config.num_key_value_heads ?? config.num_attention_heads) * headDim * 2 * TOKENS
  );
}

/** DeepSeek-V3.2 is V3 with an indexer; the corpus has no file of it. */
function configText(name: string): string {
  if (name !== 'deepseek-v3.2') return referenceConfig(name);
  const v3 = JSON.parse(referenceConfig('deepseek-r1')) as object;
  return JSON.stringify({
    ...v3,
    model_type: 'deepseek_v32',
    index_head_dim: 128,
    index_n_heads: 64,
    index_topk: 2048,
  });
}

const table = PAGE.slice(PAGE.indexOf('<!-- checked by'));
const rows = [...table.matchAll(/^\| ([a-z][\w.-]+) \| ([^|]+) \| ([\d.]+) \| ([\d.]+) \| ([\d.]+)× \|$/gm)];

describe('docs/exact.md', () => {
  it('has a table', () => expect(rows.length).toBeGreaterThanOrEqual(8));

  it('states what is computed', () => {
    for (const [, name = '', variant, exact, common, factor] of rows) {
      const text = configText(name);
      const reading = readModelConfig(text);
      if (!reading) throw new Error(name);
      const plan = planCache(reading.spec, scenario(1, TOKENS));
      const naive = commonFormula(JSON.parse(text) as PlainConfig);
      expect(plan.exact, name).toBe(true);
      expect(
        [
          plan.spec.variant,
          (plan.totalBytes / GIB).toFixed(3),
          (naive / GIB).toFixed(3),
          (naive / plan.totalBytes).toFixed(1),
        ],
        name,
      ).toEqual([variant, exact, common, factor]);
    }
  });
});

describe('the README', () => {
  it('names the libraries that were asked for, and what took the place of one', () => {
    const readme = readFileSync(resolve(import.meta.dirname, '../../README.md'), 'utf8');
    for (const name of [
      '@vscode-elements/elements',
      '@vscode/webview-ui-toolkit',
      '@tensorflow/tfjs-node-gpu',
      '@vscode/test-electron',
    ])
      expect(readme).toContain(name);
  });
});
