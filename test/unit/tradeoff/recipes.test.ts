// The recipes of docs/spread.md, run as they stand: parts by a scheduler come to what one run finds.
import { spawnSync } from 'node:child_process';
import { chmodSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { isRefused, type Sweep } from '../../../src/insight/tradeoff/result';
import { findProgram } from '../../harness/processes.mjs';
import { gnuParallel } from '../../harness/systemPackages.mjs';
import { buildCli } from '../support/bundles';

const ROOT = resolve(import.meta.dirname, '../../..');
const MODEL = join(ROOT, 'media/samples/gqa');
const PAGE = readFileSync(join(ROOT, 'docs/spread.md'), 'utf8');

/** The block with this word behind its language. */
function block(name: string): string {
  const found = PAGE.split('\n```').find((part) => new RegExp(`^\\w+ ${name.replace('.', '\\.')}\\n`).test(part));
  return found?.replace(/^.*\n/, '') ?? expect.fail(`no block ${name}`);
}

let folder = '';
let cli = '';

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'headlight-recipes-'));
  // Beside the tensor libraries, which stay packages.
  cli = join(ROOT, `node_modules/.cache/headlight-recipes-${process.pid}.cjs`);
  await buildCli(cli);
  mkdirSync(join(folder, 'bin'));
  const program = join(folder, 'bin', 'headlight');
  writeFileSync(program, `#!/bin/sh\nexec "${process.execPath}" "${cli}" "$@"\n`);
  chmodSync(program, 0o755);
  writeFileSync(join(folder, 'text.txt'), 'The bird sings in the garden. It sings all day. The bird sings.');
}, 60_000);
afterAll(() => {
  rmSync(folder, { recursive: true, force: true });
  rmSync(cli, { force: true });
});

/** Runs lines in a folder of their own, which the merged parts and the picture are read from. */
function run(
  name: string,
  script: string,
  env: NodeJS.ProcessEnv = {},
): { readonly place: string; readonly said: string } {
  const place = join(folder, name);
  mkdirSync(place, { recursive: true });
  for (const file of ['sweep.sh', 'sweep.py']) writeFileSync(join(place, file), block(file));
  const { status, stdout, stderr } = spawnSync('sh', ['-ec', script], {
    cwd: place,
    encoding: 'utf8',
    env: {
      ...process.env,
      PATH: `${join(folder, 'bin')}:${process.env['PATH'] ?? ''}`,
      MODEL,
      TEXT: join(folder, 'text.txt'),
      HEADLIGHT_CACHE: join(folder, 'cache'),
      ...env,
    },
  });
  expect(status, `${stdout}\n${stderr}`).toBe(0);
  return { place, said: `${stdout}${stderr}` };
}

const sweepOf = (text: string): Sweep => JSON.parse(text) as Sweep;
const damages = ({ methods }: Sweep): Readonly<Record<string, number>> =>
  Object.fromEntries(methods.map((one) => [one.method, isRefused(one) ? Number.NaN : one.damage.klMean]));

function isWhole(place: string): void {
  expect(readdirSync(join(place, 'parts')).sort()).toEqual(['1.json', '2.json', '3.json', '4.json']);
  expect(readFileSync(join(place, 'curve.svg'), 'utf8')).toMatch(/<svg/);
  const merged = run('merged', `headlight tradeoff --merge ${place}/parts/*.json --json > all.json`);
  const one = run('one', 'headlight tradeoff "$MODEL" --text "$TEXT" --json > all.json');
  const [joined, whole] = [merged, one].map((each) => sweepOf(readFileSync(join(each.place, 'all.json'), 'utf8')));
  if (joined === undefined || whole === undefined) throw new Error('nothing was joined');
  expect(Object.keys(damages(joined)).length).toBeGreaterThanOrEqual(25);
  expect(damages(joined)).toEqual(damages(whole));
}

describe('a sweep in parts', () => {
  const parallel = gnuParallel();
  const title = 'by GNU parallel comes to what one run finds';
  if (parallel === undefined) it.skip(`${title} (GNU parallel is not here)`, () => undefined);
  else it(title, () => isWhole(run('parallel', block('parallel')).place), 120_000);

  it('by Slurm’s script comes to what one run finds, each task as Slurm starts it', () => {
    const tasks = [1, 2, 3, 4].map((task) => `SLURM_ARRAY_TASK_ID=${task} SLURM_ARRAY_TASK_COUNT=4 sh sweep.sh`);
    expect(block('slurm')).toMatch(/^sbatch --wait sweep\.sh$/m);
    isWhole(run('tasks', [...tasks, block('slurm').replace(/^sbatch.*\n/, '')].join('\n')).place);
  }, 120_000);

  const slurm = process.env['HEADLIGHT_SLURM'];
  const bySlurm = 'by Slurm itself comes to what one run finds';
  if (!slurm) it.skip(`${bySlurm} (HEADLIGHT_SLURM: a cluster is here)`, () => undefined);
  else it(bySlurm, () => isWhole(run('slurm', block('slurm')).place), 300_000);

  const python = findProgram('python3');
  const byRay = 'by Ray’s script comes to what one run finds';
  if (python === undefined) it.skip(`${byRay} (python3 is not here)`, () => undefined);
  else
    it(byRay, () => {
      // A task runs where it is asked for, with the environment that workers are given.
      const stand = join(folder, 'stand');
      mkdirSync(stand);
      writeFileSync(
        join(stand, 'ray.py'),
        `def remote(**options):
    assert options == {"num_cpus": 1}
    def wrap(function):
        class Task:
            remote = staticmethod(lambda *args: function(*args))
        return Task
    return wrap
def init(runtime_env):
    assert sorted(runtime_env["env_vars"]) == ["MODEL", "TEXT"]
def get(tasks):
    return list(tasks)
`,
      );
      isWhole(run('ray', block('ray'), { PYTHONPATH: stand }).place);
    }, 120_000);
});
