/** Problems as pipelines read them. The schema of OASIS is that of @microsoft/jest-sarif, which ships it. */

import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import Ajv from 'ajv';
import type { Log } from 'sarif';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { runCli } from '../../../src/cli/run';
import { sampleConfig } from '../support';

let folder = '';
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'headlight-lint-'));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const BAD = sampleConfig('llama-3-8b').replace(
  '"num_key_value_heads": 8',
  '"num_key_value_heads": 5,\n  "sliding_windoww": 7',
);

async function lint(
  name: string,
  text: string,
  ...args: string[]
): Promise<{ code: number; out: string; err: string }> {
  writeFileSync(join(folder, name), text);
  let [out, err] = ['', ''];
  const code = await runCli(['lint', join(folder, name), ...args], {
    out: (each) => (out += `${each}\n`),
    err: (each) => (err += `${each}\n`),
  });
  return { code, out, err };
}

/** What is wrong with a log by the schema of SARIF 2.1.0 (OASIS), which is written in draft 4 of JSON Schema. */
function problemsOfLog(log: unknown): string {
  const require = createRequire(import.meta.url);
  const schemas = join(dirname(require.resolve('@microsoft/jest-sarif/package.json')), 'lib', 'schemas');
  const schema = JSON.parse(readFileSync(join(schemas, 'sarif-2.1.0-rtm.5.json'), 'utf8')) as object;
  const ajv = new Ajv({ schemaId: 'id', meta: false, allErrors: true, unknownFormats: 'ignore', logger: false });
  ajv.addMetaSchema(require('ajv/lib/refs/json-schema-draft-04.json') as object);
  return ajv.validate(schema, log) === true ? '' : ajv.errorsText();
}

describe('lint --format', () => {
  it.each([
    ['with problems', BAD],
    ['without any', sampleConfig('llama-3-8b')],
    ['of what is no JSON', '{"model_type": "llama",\n'],
    ['of an empty file', ''],
  ])('sarif: a log %s is valid by the schema', async (_, text) => {
    const { out } = await lint('ü config.json', text, '--format', 'sarif');
    const log = JSON.parse(out) as Log;
    expect(problemsOfLog(log)).toBe('');
    // The schema says something.
    expect(problemsOfLog({ ...log, version: '2.0.0' })).toContain('version');
    expect(problemsOfLog({ ...log, runs: [{ results: [] }] })).toContain('tool');
  });

  it('sarif: a result a problem, each at its place in the file, with the text of its rule', async () => {
    const { code, out } = await lint('bad config.json', BAD, '--format', 'sarif');
    expect(code).toBe(1);
    const [run] = (JSON.parse(out) as Log).runs;
    expect(run?.results?.map(({ ruleId, level }) => [ruleId, level])).toEqual([
      ['heads-not-divisible', 'error'],
      ['unknown-key', 'warning'],
    ]);
    const places = run?.results?.map(({ locations }) => locations?.[0]?.physicalLocation);
    const [first, second] = places ?? [];
    expect(first?.artifactLocation?.uri).toMatch(/^file:\/\/.*\/bad%20config\.json$/);
    // Where a place says it is, its characters are.
    const marked = (region = first?.region): string =>
      BAD.slice(region?.charOffset ?? 0, (region?.charOffset ?? 0) + (region?.charLength ?? 0));
    expect(marked()).toBe('5');
    expect(marked(second?.region)).toBe('"sliding_windoww"');
    const { startLine = 0, startColumn = 0 } = second?.region ?? {};
    expect(BAD.split('\n')[startLine - 1]?.slice(startColumn - 1)).toMatch(/^"sliding_windoww"/);
    for (const { ruleId, ruleIndex } of run?.results ?? [])
      expect(run?.tool.driver.rules?.[ruleIndex ?? -1]).toMatchObject({
        id: ruleId,
        shortDescription: { text: expect.stringMatching(/\w{3}/) as string },
      });
  });

  it('github: a line a problem that the runner takes for an annotation, and nothing of the file for a command', async () => {
    const { code, out } = await lint(
      'a,b:c.json',
      BAD.replace('sliding_windoww', 'sliding_window\\n::error::%0A'),
      '--format=github',
    );
    expect(code).toBe(1);
    const found = out.trimEnd().split('\n');
    expect(found[0]).toMatch(
      /^::error file=[^,:]*a%2Cb%3Ac\.json,line=\d+,col=\d+,title=Headlight%3A heads-not-divisible::32 query heads/,
    );
    expect(
      found.every((each) => /^::(?:error|warning|notice) file=[^:]*::[^\n]+$/.test(each) && !each.includes('\r')),
    ).toBe(true);
  });

  it('writes nothing, or an empty log, where there is no problem', async () => {
    const good = sampleConfig('llama-3-8b');
    expect(await lint('good.json', good, '--format', 'github')).toMatchObject({ code: 0, out: '\n' });
    const { out } = await lint('good.json', good, '--format', 'sarif');
    expect((JSON.parse(out) as Log).runs[0]?.results).toEqual([]);
  });

  it('takes several files: one report of all, without those that are no model configs where so asked', async () => {
    writeFileSync(join(folder, 'good.json'), sampleConfig('llama-3-8b'));
    writeFileSync(join(folder, 'other.json'), '{ "compilerOptions": {} }');
    writeFileSync(join(folder, 'broken.json'), '{ "a": ');
    const paths = ['good.json', 'other.json', 'broken.json'].map((name) => join(folder, name));
    const [good = ''] = paths;
    const sarif = await lint('bad.json', BAD, ...paths, '--skip-others', '--format', 'sarif');
    expect(sarif.code).toBe(1);
    const log = JSON.parse(sarif.out) as Log;
    expect(problemsOfLog(log)).toBe('');
    expect(log.runs).toHaveLength(1);
    expect(log.runs[0]?.results?.map(({ ruleId }) => ruleId)).toEqual(['heads-not-divisible', 'unknown-key']);
    const passed = await lint('good.json', sampleConfig('llama-3-8b'), ...paths.slice(1), '--skip-others', '--json');
    expect([passed.code, JSON.parse(passed.out)]).toEqual([0, { files: [{ file: good, problems: [] }] }]);
    // One that cannot be read is said, and hides no other.
    const { code, out, err } = await lint('bad.json', BAD, ...paths, join(folder, 'nowhere.json'));
    expect([
      code,
      out.match(/: error: .*json-syntax|: (?:error|warning): .*\[(?:heads-not-divisible|unknown-key)\]/g)?.length,
    ]).toEqual([1, 4]);
    expect(err).toMatch(/other\.json: not a model config\n.*nowhere\.json: /);
  });

  it('refuses other formats, and two at once', async () => {
    expect((await lint('good.json', BAD, '--format', 'xml')).err).toMatch(
      /^--format must be one of text, json, sarif, github\n/,
    );
    expect((await lint('good.json', BAD, '--format', 'sarif', '--json')).code).toBe(2);
    expect((await lint('good.json', BAD, '--format', 'json')).out).toMatch(/^\{"file"/);
  });
});
