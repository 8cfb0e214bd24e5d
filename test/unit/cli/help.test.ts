/** What the command line says of itself: help of every command, what was meant, completion in real shells. */

import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { findProgram } from '../../harness/processes.mjs';
import manifest from '../../../package.json';
import { COMMANDS_IN_WORDS } from '../../../src/cli/catalogue';
import { runCli } from '../../../src/cli/run';
import type { Screen } from '../../../src/present/terminal';

const SAMPLE = resolve(import.meta.dirname, '../../../media/sample-configs/llama-3-8b');
const COMMANDS = Object.keys(COMMANDS_IN_WORDS);

async function cli(args: readonly string[], screen?: Screen): Promise<{ code: number; out: string; err: string }> {
  let [out, err] = ['', ''];
  const code = await runCli(args, {
    out: (text) => (out += `${text}\n`),
    err: (text) => (err += `${text}\n`),
    ...(screen && { screen }),
  });
  return { code, out, err };
}

describe('help', () => {
  it.each([['explain', '--help'], ['help', 'explain'], ['explain']])(
    'of a command that is none: %s %s',
    async (...args) => {
      const { code, err } = await cli(args);
      expect(code).toBe(2);
      expect(err).toContain("unknown command 'explain'");
    },
  );

  it('names every command, with a line that says what it does', async () => {
    const { code, out } = await cli(['--help']);
    expect(code).toBe(0);
    for (const [name, { summary }] of Object.entries(COMMANDS_IN_WORDS))
      expect(out).toMatch(new RegExp(`^  ${name} +${summary.slice(0, 20).replaceAll(/[().]/g, '.')}`, 'm'));
    expect(await cli(['help'])).toEqual({ code: 0, out, err: '' });
    expect((await cli([])).code).toBe(2);
  });

  it.each(COMMANDS)('of %s says what each option is, and its examples use options that there are', async (name) => {
    const { code, out, err } = await cli([name, '--help']);
    expect([code, err]).toEqual([0, '']);
    expect(out).toMatch(/^examples:$/m);
    const options = [...out.matchAll(/^ {2}(?:-h, )?--([a-z-]+)(.*)$/gm)].filter(
      ([line]) => !/--engine [a-z]+ +or one of/.test(line),
    );
    expect(options.length).toBeGreaterThan(0);
    for (const [line] of options) expect(line).toMatch(/^ {2}(?:-h, )?--[a-z-]+(?: \S+)? {2,}\S/);
    const known = new Set(options.map(([, option]) => option));
    for (const [typed] of COMMANDS_IN_WORDS[name]?.examples ?? []) {
      expect(typed.split(' ')[0]).toBe(name);
      for (const [, option] of typed.matchAll(/ --([a-z-]+)/g)) expect(known, typed).toContain(option);
    }
    expect(await cli(['help', name])).toEqual({ code, out, err });
  });

  it('is as wide as the terminal, and has its headings in bold where there are colours', async () => {
    const narrow = await cli(['fit', '--help'], { columns: 60, colours: true });
    const text = narrow.out.replaceAll(/\u001b\[\d+m/g, '');
    expect(Math.max(...text.split('\n').map((line) => line.length))).toBeLessThanOrEqual(90);
    expect(text.split('\n').length).toBeGreaterThan((await cli(['fit', '--help'])).out.split('\n').length);
    expect(narrow.out).toContain('\u001b[1mscenario:\u001b[22m');
  });

  it('has the version', async () => {
    expect(await cli(['--version'])).toEqual({ code: 0, out: `${manifest.version}\n`, err: '' });
  });
});

describe('what was meant', () => {
  it.each([
    [['estimat', SAMPLE], "unknown command 'estimat' (Did you mean estimate?)", 'headlight --help'],
    [
      ['estimate', SAMPLE, '--token', '3'],
      "unknown option '--token' (Did you mean --tokens?)",
      'headlight estimate --help',
    ],
    [['heads', SAMPLE, '--layr=0'], "unknown option '--layr=0'", 'headlight heads --help'],
    [['fit', SAMPLE, '-5'], "unknown option '-5'", 'headlight fit --help'],
    [['fit', SAMPLE, '--json=1'], "unknown option '--json=1'", 'headlight fit --help'],
    [['estimate', SAMPLE, '--tokens'], '--tokens takes a value', 'headlight estimate --help'],
    [['estimate', SAMPLE, '--tokens', '--json'], '--tokens takes a value', 'headlight estimate --help'],
    [['completion', 'tcsh'], 'completion takes one SHELL: bash, zsh, fish', 'headlight completion --help'],
  ])('%j is wrong usage: %s', async (args, sentence, help) => {
    const { code, out, err } = await cli(args);
    expect([code, out]).toEqual([2, '']);
    expect(err).toContain(sentence);
    expect(err).toContain(`${help} says how it is used`);
  });

  it('values that begin with a dash are given with a sign of equality, and options may stand anywhere', async () => {
    const plain = await cli(['estimate', SAMPLE, '--engine', 'vllm', '--opt', 'block-size=32', '--json']);
    expect(plain.code).toBe(0);
    expect(await cli(['estimate', '--json', '--opt=--block-size=32', '--engine=vllm', SAMPLE])).toEqual(plain);
    expect((await cli(['estimate', '--', '--json'])).err).toContain('--json: no such file');
  });
});

describe('a table', () => {
  it('keeps its lines where there is room, and becomes a block for each row where there is none', async () => {
    const piped = await cli(['compare', SAMPLE, '--tokens', '4096']);
    expect(await cli(['compare', SAMPLE, '--tokens', '4096'], { columns: 200, colours: false })).toEqual(piped);
    const { out } = await cli(['compare', SAMPLE, '--tokens', '4096'], { columns: 50, colours: false });
    expect(
      Math.max(
        ...out
          .split('\n')
          .slice(1)
          .map((line) => line.length),
      ),
    ).toBeLessThanOrEqual(50);
    // The same cells, each with its heading.
    const [, head = '', ...rows] = piped.out
      .trimEnd()
      .split('\n')
      .map((line) => line.trim());
    for (const cell of [...head.split(/ {2,}/).slice(1), ...rows.flatMap((line) => line.split(/ {2,}/))])
      expect(out).toContain(cell);
  });

  it('has colours on a terminal alone', async () => {
    const args = ['fit', SAMPLE, '--gpu', 'h100-sxm'];
    expect((await cli(args)).out).not.toContain('\u001b');
    expect((await cli(args, { columns: 80, colours: true })).out).toContain('\u001b[32mfits\u001b[39m');
    expect((await cli([...args, '--json'], { columns: 80, colours: true })).out).not.toContain('\u001b');
  });
});

/** Completion is zsh's editor's: a zsh in a terminal, in which each text is typed with Tab and Enter; `headlight` says what ran. */
const ZSH_DRIVER = String.raw`zmodload zsh/zpty
zpty shell zsh -f -i
zpty -w shell "PS1= RPS1= PROMPT_EOL_MARK="
zpty -w shell "autoload -U compinit; compinit -u -D; source ${'$'}1"
zpty -w shell 'headlight() { print -r -- "RAN:${'$'}{(j:|:)@}:" }; print -r -- REA""DY'
zpty -r shell out '*READY*'
shift
for typed in "${'$'}@"; do
  zpty -w -n shell "headlight ${'$'}typed"${'$'}'\t'
  zpty -w -n shell ${'$'}'\r'
  zpty -r shell out '*RAN:*:*'
  print -r -- "${'$'}{${'$'}{out##*RAN:}%%:*}"
done
`;

describe('completion', () => {
  let folder = '';
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'headlight-completion-'));
  });
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  it('in bash offers commands, options and values', async () => {
    const script = join(folder, 'headlight.bash');
    writeFileSync(script, (await cli(['completion', 'bash'])).out);
    const offered = (...words: string[]): string[] =>
      execFileSync(
        'bash',
        [
          '-c',
          'source "$1"; shift; COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _headlight; printf "%s\\n" "${COMPREPLY[@]}"',
          'bash',
          script,
          'headlight',
          ...words,
        ],
        { encoding: 'utf8', cwd: folder },
      )
        .trim()
        .split('\n');
    expect(offered('es')).toEqual(['estimate']);
    expect(offered('estimate', '--kv')).toEqual(['--kv-dtype']);
    expect(offered('estimate', '--engine', 'v')).toEqual(['vllm']);
    expect(offered('fit', '--gpu', 'h100')).toContain('h100-sxm');
    expect(offered('estimate', 'headl')).toEqual(['headlight.bash']);
  });

  it.skipIf(findProgram('fish') === undefined)('in fish offers commands, options and values', async () => {
    const script = join(folder, 'headlight.fish');
    writeFileSync(script, (await cli(['completion', 'fish'])).out);
    const offered = (typed: string): string[] =>
      execFileSync(
        'fish',
        ['--no-config', '-c', 'source $argv[1]; complete -C $argv[2]', '--', script, `headlight ${typed}`],
        { encoding: 'utf8', cwd: folder },
      )
        .trim()
        .split('\n')
        .map((line) => line.split('\t')[0] ?? '');
    expect(offered('es')).toEqual(['estimate']);
    expect(offered('estimate --kv')).toEqual(['--kv-dtype']);
    expect(offered('estimate --engine vl')).toEqual(['vllm']);
    expect(offered('fit --gpu h100')).toContain('h100-sxm');
    expect(offered('estimate headlight.f')).toEqual(['headlight.fish']);
    expect(offered('completion ').sort()).toEqual(['bash', 'fish', 'zsh']);
  });

  it.skipIf(findProgram('zsh') === undefined)(
    'in zsh what is typed up to Tab becomes what it begins',
    async () => {
      const [script, driver] = [join(folder, 'headlight.zsh'), join(folder, 'driver.zsh')];
      writeFileSync(script, (await cli(['completion', 'zsh'])).out);
      writeFileSync(driver, ZSH_DRIVER);
      const ran = (...typed: string[]): string[] =>
        execFileSync('zsh', ['-f', driver, script, ...typed], { encoding: 'utf8', cwd: folder, timeout: 30_000 })
          .trim()
          .split('\n');
      expect(
        ran('es', 'estimate --kv', 'estimate --engine vl', 'fit --gpu h100-s', 'estimate headlight.z', 'completion fi'),
      ).toEqual([
        'estimate',
        'estimate|--kv-dtype',
        'estimate|--engine|vllm',
        'fit|--gpu|h100-sxm',
        'estimate|headlight.zsh',
        'completion|fish',
      ]);
    },
    40_000,
  );

  it.each(['bash', 'zsh', 'fish'])('for %s has every command, and every option of it', async (shell) => {
    const { code, out } = await cli(['completion', shell]);
    expect(code).toBe(0);
    for (const name of COMMANDS) {
      const help = (await cli([name, '--help'])).out;
      for (const [, option = ''] of help.matchAll(/^ {2}--([a-z-]+)/gm))
        expect(out, `${name} --${option}`).toMatch(
          shell === 'fish' ? new RegExp(`from ${name}" -l ${option}\\b`) : new RegExp(`--${option}\\b`),
        );
    }
    // Where the shell is on this machine, it reads it.
    const script = join(folder, `read.${shell}`);
    writeFileSync(script, out);
    const { status, error, stderr } = spawnSync(shell, ['-n', script], { encoding: 'utf8' });
    if (!error) expect([status, stderr]).toEqual([0, '']);
  });
});
