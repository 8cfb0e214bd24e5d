/** Files of which every string is hostile, through everything that makes text of them: the command line, Markdown, labels, the panel. */

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { planCache } from '../../../src/cache/plan';
import { runCli } from '../../../src/cli/run';
import { WeightFiles } from '../../../src/compute/weights/files';
import { messageOf } from '../../../src/shared/rpcError';
import { lintReading } from '../../../src/lint/lint';
import { cacheAtMarkdown } from '../../../src/present/cacheAtText';
import { comparisonCsv, comparisonDocument, comparisonMarkdown } from '../../../src/present/comparisonText';
import { valueDetail } from '../../../src/present/completionText';
import { explainMarkdown } from '../../../src/present/explainText';
import { familyStatus } from '../../../src/present/familyText';
import { fitMarkdown } from '../../../src/present/fitText';
import { hintsOf } from '../../../src/present/hintText';
import { HOVER_COMMANDS, hoverOf } from '../../../src/present/hover';
import { inert } from '../../../src/present/inert';
import { keyTextOf } from '../../../src/present/keyCostText';
import { lineLink, type Markdown, REVEAL_LINE } from '../../../src/present/markdown';
import { weightsMarkdown } from '../../../src/present/weightsText';
import { findPythonModels, readPythonModel } from '../../../src/python/python';
import { readModelConfig, type Reading } from '../../../src/reading/read';
import { compareDesigns } from '../../../src/serving/comparison';
import { fitModel } from '../../../src/serving/fit';
import { deviceOf } from '../../../src/serving/hardware';
import { scenario } from '../support';
import {
  BROKEN_FOLDER,
  COMMAND,
  CONFIGS,
  FOLDER,
  HOSTILE,
  hostileText,
  TAUGHT,
  UNSEEN,
  writeHostile,
} from '../support/hostile';
import { overviewOn } from '../support/overview';

let root = '';
beforeAll(() => {
  root = mkdtempSync(join(tmpdir(), 'headlight-hostile-'));
  writeHostile(root);
});
afterAll(() => rmSync(root, { recursive: true, force: true }));

/** Every line of it can be seen, and none was begun by a file. */
function harmless(text: string, where: string): void {
  for (const each of text.split('\n')) {
    expect(UNSEEN.exec(each)?.[0].codePointAt(0)?.toString(16), where).toBeUndefined();
    expect(each.startsWith('::error::'), where).toBe(false);
  }
}

/** One of our commands alone, or that which reveals a line with a number. */
const OWN_LINK = new RegExp(
  `^command:(?:(?:${HOVER_COMMANDS.filter((id) => id !== REVEAL_LINE)
    .join('|')
    .replaceAll('.', '\\.')})|${REVEAL_LINE.replace('.', '\\.')}\\?%5B[1-9]\\d{0,6}%5D)$`,
);

/** Of Markdown only our own commands are links, and nothing is HTML, an image or an address. */
function markdownHarmless({ source }: Markdown, where: string): void {
  harmless(source, where);
  const bare = source.replace(/\\[!-/:-@[-`{-~]/g, '').replace(/`[^`\n]*`/g, '');
  expect(
    [...bare.matchAll(/\]\(([^)]*)\)/g)].map(([, link]) => link).filter((link) => !OWN_LINK.test(link ?? '')),
    where,
  ).toEqual([]);
  expect(bare, where).not.toMatch(/<|!\[|https?:\/\/|www\./);
}

const WEIGHTS_ANSWERS = new WeightFiles().answers();
const AT = scenario(2, 4_096);
const names = Object.keys(CONFIGS) as (keyof typeof CONFIGS)[];

function textsOf(reading: Reading): { readonly markdown: readonly Markdown[]; readonly labels: readonly string[] } {
  const plan = planCache(reading.spec, AT);
  const { document } = reading;
  const h100 = deviceOf('h100-sxm');
  const comparison = compareDesigns(
    [{ name: HOSTILE, reading, requests: [{ kind: 'mqa' }, { kind: 'mha' }] }],
    AT,
    h100,
  );
  const report = h100 && fitModel({ reading, device: h100, scenario: AT, weights: null });
  const hovers = Array.from({ length: document.text.length }, (_, offset) =>
    offset % 3 === 0
      ? hoverOf(reading, document, offset, AT, false, { keyText: (path) => keyTextOf(reading, path, AT) })?.markdown
      : undefined,
  ).filter((hover) => hover !== undefined);
  harmless(comparisonCsv(comparison).replaceAll('\r\n', '\n'), 'CSV');
  return {
    markdown: [
      ...hovers,
      explainMarkdown(HOSTILE, plan, HOSTILE),
      cacheAtMarkdown(HOSTILE, reading.spec, AT, [AT]),
      comparisonMarkdown(comparison),
      comparisonDocument(HOSTILE, comparison),
      ...(report ? [fitMarkdown(HOSTILE, report, AT)] : []),
    ],
    labels: [
      ...Object.values(familyStatus(plan)).map(String),
      ...hintsOf(plan, reading).flatMap(({ text, detail }) => [text, detail]),
      ...lintReading(reading, {}).flatMap(({ message, fix }) => [message, fix?.title ?? '']),
      ...reading.problems.map(({ message }) => message),
      ...plan.notes.map(({ text }) => text),
      valueDetail(reading, ['num_key_value_heads'], 1, AT),
      // The page shows these as they are: they are clean before it gets them.
      JSON.stringify(overviewOn(reading, AT, 'h100-sxm').notes),
    ],
  };
}

it('a link to a line has a number, or is none', () => {
  expect(lineLink(12).source).toBe(`[line 12](command:${REVEAL_LINE}?%5B12%5D)`);
  for (const line of [0, -1, 1.5, Number.NaN, Infinity, '1]) [x](command:y' as unknown as number])
    expect(lineLink(line).source).not.toContain('](');
});

describe('a hostile config', () => {
  it.each(names)('%s is text in Markdown, labels, tables and the panel', (name) => {
    for (const families of [{}, TAUGHT]) {
      const reading = readModelConfig(hostileText(root, join(name, 'config.json')), { families });
      if (!reading) throw new Error(`${name} is no config`);
      const { markdown, labels } = textsOf(reading);
      expect(markdown.length).toBeGreaterThan(4);
      for (const each of markdown) markdownHarmless(each, name);
      for (const each of labels) {
        harmless(each, name);
        expect(inert(each)).not.toMatch(/\]\(|\$\(/);
      }
    }
  });

  it('in Python is the same', () => {
    const found = findPythonModels(hostileText(root, 'config.py'));
    expect(found).toHaveLength(1);
    for (const model of found) {
      const reading = readPythonModel(model, {})?.reading;
      if (!reading) throw new Error('the call is not read');
      for (const each of textsOf(reading).markdown) markdownHarmless(each, 'python');
    }
  });
});

describe('a hostile weight file', () => {
  const context = { signal: new AbortController().signal, progress: () => undefined };

  it.each(['runs/model.safetensors', 'gguf/llama.gguf', 'strange/strange.gguf'])(
    '%s is text in its summary',
    async (file) => {
      const summary = await WEIGHTS_ANSWERS['weights/summary']({ path: join(root, file) }, context);
      expect(JSON.stringify(summary)).toContain(COMMAND);
      markdownHarmless(weightsMarkdown(HOSTILE, summary, AT, 'h100-sxm'), file);
    },
  );

  it('says what is wrong with it in a message that is text', async () => {
    const path = join(root, 'overlap/model.safetensors');
    const asked = Promise.resolve(WEIGHTS_ANSWERS['weights/summary']({ path }, context));
    const error: unknown = await asked.catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(Error);
    expect(messageOf(error)).toContain(COMMAND);
    harmless(messageOf(error), 'overlap');
    expect(inert(messageOf(error))).not.toContain('](');
  });
});

describe('the command line', () => {
  async function cli(...args: string[]): Promise<{ code: number; out: string; err: string }> {
    const [out, err]: [string[], string[]] = [[], []];
    const code = await runCli(args, { out: (text) => out.push(text), err: (text) => err.push(text) });
    return { code, out: out.join('\n'), err: err.join('\n') };
  }
  const PATHS = [
    ...names,
    'params',
    'quant',
    'overlap',
    'gguf',
    'strange',
    'broken',
    FOLDER,
    BROKEN_FOLDER,
    `${HOSTILE}/nothing`.replaceAll('\ud800', ''),
  ];
  const COMMANDS: readonly (readonly string[])[] = [
    ['estimate', 'PATH', '--tokens', '100', '--engine', 'vllm'],
    ['estimate', 'PATH', '--families', 'TAUGHT'],
    ['fit', 'PATH', '--gpu', 'h100-sxm'],
    ['compare', 'PATH'],
    ['compare', 'PATH', 'PATH', 'PATH'],
    ['lint', 'PATH', '--tp', '3'],
    ['heads', 'PATH', '--layer', '0', '--ids', '0,1,2'],
    ['heads', 'PATH', '--layer', '0', '--ids', '0,1,2', '--seed', '1', '--dump', 'q'],
    ['convert', 'PATH', '--layer', '1', '--ids', '0,1,2,9', '--to', 'mqa', '--seed', '3'],
    ['generate', 'PATH', '--ids', '0,1,2,3,5', '--tokens', '2'],
    ['generate', 'PATH', '--prompt', 'a b', '--tokens', '2', '--trace'],
    ['lens', 'PATH', '--ids', '0,1,2,3,5', '--token', '5'],
    ['named', 'PATH', '--ids', '0,1,2,3,5'],
    [HOSTILE, 'PATH'],
    ['estimate', 'PATH', '--engine', HOSTILE],
    ['estimate', 'PATH', '--opt', HOSTILE],
    ['estimate', 'PATH', `--${HOSTILE}`],
    ['lint', 'PATH', HOSTILE, '--families', HOSTILE],
  ];

  it.each(
    COMMANDS.map(
      (command) => [command[0]?.startsWith('[') ? 'no command' : command.join(' ').slice(0, 60), command] as const,
    ),
  )('%# prints text and JSON of every hostile file', async (_, command) => {
    let said = 0;
    for (const path of PATHS) {
      const args = command.map((arg) =>
        arg === 'PATH' ? join(root, path) : arg === 'TAUGHT' ? join(root, 'taught.json') : arg,
      );
      for (const json of [[], ['--json']]) {
        const { code, out, err } = await cli(...args, ...json);
        const where = `${command[0]?.slice(0, 10) ?? ''} ${path.slice(0, 10)}`;
        expect([0, 1, 2]).toContain(code);
        expect(err, where).not.toContain('internal error');
        for (const text of [out, err]) harmless(text, where);
        if (json.length > 0 && out !== '') expect(() => JSON.parse(out) as unknown, where).not.toThrow();
        said += out.length + err.length;
      }
    }
    expect(said).toBeGreaterThan(100);
  });

  it('runs the model that lies there, and shows its tokens', async () => {
    const { code, out } = await cli('generate', join(root, 'runs'), '--ids', '0,1,2,7', '--tokens', '1');
    expect(code).toBe(0);
    expect(out).toContain('␛[31m');
    const { out: json } = await cli('generate', join(root, 'runs'), '--ids', '0,1,2,7', '--tokens', '1', '--json');
    expect((JSON.parse(json) as { text: string }).text).toContain('\u001b[31m');
    expect(json).toContain('\\u202e');
  });
});
