/** What action.yml and the hook of pre-commit do, in Git repositories that are made here. */

import { execFileSync, spawnSync } from 'node:child_process';
import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { buildCli } from '../support/bundles';
import { sampleConfig } from '../support';

const ROOT = resolve(import.meta.dirname, '../../..');
const GOOD = sampleConfig('llama-3-8b');
const with5 = GOOD.replace('"num_key_value_heads": 8', '"num_key_value_heads": 5');
const with4 = GOOD.replace('"num_key_value_heads": 8', '"num_key_value_heads": 4');

let tools = '';
let cli = '';
let repository = '';

beforeAll(async () => {
  // Beneath the tensor libraries, which stay packages.
  tools = mkdtempSync(join(ROOT, 'node_modules/.cache/headlight-git-'));
  cli = join(tools, 'cli.js');
  await buildCli(cli);
}, 60_000);
afterAll(() => rmSync(tools, { recursive: true, force: true }));
beforeEach(() => {
  repository = mkdtempSync(join(tools, 'repository-'));
  git('init', '--quiet', '--initial-branch=main');
  commit({ 'README.md': '# Models\n', 'tsconfig.json': '{ "compilerOptions": {} }\n', 'llama/config.json': GOOD });
});

const ENVIRONMENT = {
  ...process.env,
  GIT_CONFIG_GLOBAL: '/dev/null',
  GIT_CONFIG_SYSTEM: '/dev/null',
  GIT_AUTHOR_NAME: 'A',
  GIT_AUTHOR_EMAIL: 'a@example.org',
  GIT_COMMITTER_NAME: 'A',
  GIT_COMMITTER_EMAIL: 'a@example.org',
};

function git(...args: string[]): string {
  return execFileSync('git', args, { cwd: repository, encoding: 'utf8', env: ENVIRONMENT, stdio: 'pipe' }).trim();
}

function write(files: Readonly<Record<string, string>>): void {
  for (const [name, text] of Object.entries(files)) {
    mkdirSync(join(repository, name, '..'), { recursive: true });
    writeFileSync(join(repository, name), text);
  }
  git('add', '--all');
}

function commit(files: Readonly<Record<string, string>>): string {
  write(files);
  git('commit', '--quiet', '--message', 'A change');
  return git('rev-parse', 'HEAD');
}

interface Ran {
  readonly code: number | null;
  readonly out: string;
  readonly err: string;
  readonly summary: string;
  readonly outputs: string;
}

interface Action {
  readonly inputs: Readonly<Record<string, { readonly default: string }>>;
  readonly runs: {
    readonly using: string;
    readonly steps: readonly { readonly run: string; readonly env: Readonly<Record<string, string>> }[];
  };
}
const action = parse(readFileSync(join(ROOT, 'action.yml'), 'utf8')) as Action;

/** The step of action.yml, as a runner runs it. */
function run(base: string, inputs: Readonly<Record<string, string>> = {}): Ran {
  const files = { GITHUB_STEP_SUMMARY: join(tools, 'summary'), GITHUB_OUTPUT: join(tools, 'output') };
  for (const file of Object.values(files)) writeFileSync(file, '');
  const [step] = action.runs.steps;
  const given = Object.fromEntries(
    Object.entries(step?.env ?? {}).map(([name, value]) => {
      const input = /inputs\.([\w-]+)/.exec(value)?.[1] ?? '';
      return [name, inputs[input] ?? action.inputs[input]?.default ?? ''];
    }),
  );
  const { status, stdout, stderr } = spawnSync('bash', ['-e', '-c', step?.run ?? 'exit 9'], {
    cwd: repository,
    encoding: 'utf8',
    env: { ...ENVIRONMENT, ...given, HEADLIGHT_BASE: base, GITHUB_ACTION_PATH: ROOT, HEADLIGHT_CLI: cli, ...files },
  });
  const [summary, outputs] = Object.values(files).map((file) => readFileSync(file, 'utf8'));
  return { code: status, out: stdout, err: stderr, summary: summary ?? '', outputs: outputs ?? '' };
}

describe('the action', () => {
  it('is one that a runner understands', () => {
    expect(action.runs.using).toBe('composite');
    // Nothing of an input stands in a script.
    for (const { run } of action.runs.steps) expect(run).not.toContain('${{');
  });

  it('says what a change does to the cache, and fails at a wrong config, at its line', () => {
    const base = git('rev-parse', 'HEAD');
    commit({ 'llama/config.json': with4, 'new model/config.json': with5, 'package.json': '{ "name": "x" }\n' });
    const { code, out, summary, outputs } = run(base);
    expect(code).toBe(1);
    expect(out.trim().split('\n')).toEqual([
      // Notes do not fail.
      expect.stringMatching(/^::notice file=llama\/config\.json,line=\d+,col=\d+,title=Headlight%3A tp-limit::/),
      expect.stringMatching(
        /^::error file=new model\/config\.json,line=\d+,col=\d+,title=Headlight%3A heads-not-divisible::/,
      ),
    ]);
    expect(summary).toContain('### KV cache of llama\n');
    expect(summary).toMatch(/4 GiB .*→ 2 GiB .*÷ 2.* 32,768 tokens/);
    expect(summary).not.toContain('new model');
    expect(outputs).toBe('configs=2\nerrors=true\n');
  });

  it('fails not where it is not to, takes a scenario, and says which option is none', () => {
    const base = git('rev-parse', 'HEAD');
    commit({ 'llama/config.json': with5 });
    const { code, summary } = run(base, { 'fail-on-error': 'false', scenario: '--tokens=1024\n--batch=2\n' });
    expect(code).toBe(0);
    expect(summary).toContain('2 × 1,024 tokens');
    const wrong = run(base, { scenario: '--tokenz=1' });
    expect(wrong.code).not.toBe(0);
    expect(wrong.err).toContain('--tokenz');
  });

  it('looks at one changed file, at none, at names that look like options, and at all where nothing came before', () => {
    const base = git('rev-parse', 'HEAD');
    commit({ 'README.md': '# More\n' });
    expect(run(base)).toMatchObject({ code: 0, summary: '', outputs: 'configs=0\nerrors=false\n' });
    const before = git('rev-parse', 'HEAD');
    commit({ '--out=x.json': GOOD });
    expect(run(before)).toMatchObject({ code: 0, outputs: 'configs=1\nerrors=false\n' });
    git('checkout', '--quiet', '--orphan', 'alone');
    git('commit', '--quiet', '--message', 'First');
    const all = run('0'.repeat(40));
    expect(all.out).toContain('no commit to compare with');
    expect(all).toMatchObject({ code: 0, outputs: 'configs=2\nerrors=false\n' });
  });

  it('fetches the base where the checkout has one commit', () => {
    const base = git('rev-parse', 'HEAD');
    commit({ 'llama/config.json': with4 });
    const origin = repository;
    repository = join(tools, `shallow-${base.slice(0, 8)}`);
    execFileSync('git', ['clone', '--quiet', '--depth=1', `file://${origin}`, repository], { env: ENVIRONMENT });
    expect(run(base)).toMatchObject({ code: 0, summary: expect.stringContaining('÷ 2') as string });
  });
});

describe('the hook of pre-commit', () => {
  interface Hook {
    readonly id: string;
    readonly entry: string;
    readonly language: string;
    readonly types: readonly string[];
  }
  const hooks = parse(readFileSync(join(ROOT, '.pre-commit-hooks.yaml'), 'utf8')) as readonly Hook[];

  it('refuses a commit with a wrong config, and lets others through', () => {
    const [hook] = hooks;
    expect(hook).toMatchObject({ id: 'headlight-lint', language: 'script', types: ['json'] });
    // As pre-commit calls it: the script of its clone of this repository, with the staged files of the type.
    const entry = join(ROOT, hook?.entry ?? '');
    const file = join(repository, '.git', 'hooks', 'pre-commit');
    writeFileSync(
      file,
      `#!/bin/sh\ngit diff --cached --name-only -z --diff-filter=ACMR -- '*.json' | HEADLIGHT_CLI="${cli}" xargs -0 -r "${entry}"\n`,
    );
    chmodSync(file, 0o755);
    expect(() => commit({ 'wrong/config.json': with5 })).toThrow(/heads-not-divisible/);
    expect(git('log', '--oneline').split('\n')).toHaveLength(1);
    commit({ 'wrong/config.json': with4, 'other.json': '[1, 2]\n', 'notes.txt': 'x' });
    expect(git('log', '--oneline').split('\n')).toHaveLength(2);
  });
});
