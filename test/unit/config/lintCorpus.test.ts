/** False positives: nothing above information on configs as they were published; and what is said there, as a table. */

import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { describe, expect, it } from 'vitest';
import { lintReading } from '../../../src/lint/lint';
import { LINT_RULES } from '../../../src/lint/rules';
import { readModelConfig } from '../../../src/reading/read';
import type { Problem } from '../../../src/model/spec';
import { sampleConfig, sampleNames, timed } from '../support';
import { casesOf, describeAll, eachOrSkip, modelTypesIn, noCases } from '../support/cases';
import { referenceConfig, referenceNames } from '../support/reference';

function lint(text: string, tp?: number): Problem[] {
  const reading = readModelConfig(text);
  if (!reading) throw new Error('not read as a model config');
  return lintReading(reading, tp === undefined ? {} : { tp });
}

const names = referenceNames();
const about = (text: string): string[] => modelTypesIn(JSON.parse(text));

/** Rules with something to tell about published models, and how many they tell it about (`tp-limit` apart). */
const EXPECTED: Readonly<Record<string, readonly string[]>> = {
  'cla-off': ['hunyuan-a13b'],
  'head-dim-differs': ['falcon-h1-0.5b', 'minimax-m3', 'qwen3-30b-a3b'],
  'head-dim-ignored': ['glm-5'],
  'kv-heads-ignored': ['deepseek-r1', 'deepseek-v2-lite', 'falcon-7b', 'glm-5', 'kimi-k2'],
  'window-never-binds': ['phi-3-mini-128k', 'phi-3.5-mini'],
  'window-off': ['mimo-7b', 'qwen1.5-4b', 'qwen1.5-72b', 'qwen1.5-moe-a2.7b', 'qwen2.5-0.5b', 'qwen2.5-7b'],
};

describe('published configs', () => {
  eachOrSkip(
    casesOf(names, (name) => about(referenceConfig(name))),
    noCases,
    (name) => {
      it(`${name} has nothing above information`, () => {
        expect(lint(referenceConfig(name)).filter(({ severity }) => severity !== 'information')).toEqual([]);
      });
    },
  );

  eachOrSkip(
    casesOf(sampleNames(), (name) => about(sampleConfig(name))),
    noCases,
    (name) => {
      it(`sample ${name} has nothing above information`, () => {
        expect(lint(sampleConfig(name)).filter(({ severity }) => severity !== 'information')).toEqual([]);
      });
    },
  );
});

describeAll('published configs, together', () => {
  it('are told what they should be', () => {
    const told: Record<string, string[]> = {};
    for (const name of names) {
      for (const { rule } of lint(referenceConfig(name))) if (rule !== 'tp-limit') (told[rule] ??= []).push(name);
    }
    console.log(
      Object.entries(told)
        .map(([rule, models]) => `${rule}: ${models.join(', ')}`)
        .join('\n'),
    );
    expect(told).toEqual(EXPECTED);
  });

  it('say which tensor parallelism cannot be', () => {
    expect(lint(referenceConfig('qwen2.5-7b'), 8).map(({ rule }) => rule)).toContain('tp-heads');
    expect(lint(referenceConfig('qwen2.5-7b'), 4).map(({ rule }) => rule)).toEqual(['window-off']);
    expect(lint(referenceConfig('qwen3-30b-a3b'), 8).map(({ rule }) => rule)).toContain('tp-replicates');
    expect(lint(referenceConfig('phi-4'), 4).map(({ rule }) => rule)).toEqual(['tp-kv-heads']);
    expect(lint(referenceConfig('llama-3-8b'), 8)).toEqual([]);
  });
});

describeAll('the rules', () => {
  it('are all in docs/lint.md', () => {
    const page = readFileSync(resolve(import.meta.dirname, '../../../docs/lint.md'), 'utf8');
    const listed = [...page.matchAll(/^\| \[`([a-z-]+)`\]/gm)].map(([, id]) => id);
    expect([...listed].sort()).toEqual([...Object.keys(LINT_RULES), 'json-syntax'].sort());
  });

  it('take under 5 ms on a config of 300 lines', () => {
    const base = JSON.parse(referenceConfig('qwen3.5-27b')) as Record<string, unknown>;
    const padding = Object.fromEntries(Array.from({ length: 300 }, (_, index) => [`extra_${index}`, index]));
    const text = JSON.stringify({ ...base, ...padding }, null, 2);
    const reading = readModelConfig(text);
    if (!reading) throw new Error('not read');
    const { cpuMs, wallMs } = timed(() => lintReading(reading), 100);
    console.log(`lint of ${text.split('\n').length} lines: ${wallMs.toFixed(2)} ms (${cpuMs.toFixed(2)} ms CPU)`);
    expect(cpuMs).toBeLessThan(5);
  });
});
