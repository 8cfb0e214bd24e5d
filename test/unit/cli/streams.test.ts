/** The program itself, as it is built: pipes that close, disks that are full, files that stay whole. */

import { spawnSync } from 'node:child_process';
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { buildCli } from '../support/bundles';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { writeHostile } from '../support/hostile';

const ROOT = resolve(import.meta.dirname, '../../..');
const MODEL = join(ROOT, 'media/samples/gqa');
/** Where there is a device that is always full. */
const full = existsSync('/dev/full');

let folder = '';
let cli = '';

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'headlight-streams-'));
  // Beside the tensor libraries, which stay packages.
  cli = join(ROOT, `node_modules/.cache/headlight-cli-${process.pid}.cjs`);
  await buildCli(cli);
  writeHostile(join(folder, 'hostile'));
}, 60_000);
afterAll(() => {
  rmSync(folder, { recursive: true, force: true });
  rmSync(cli, { force: true });
});

interface Said {
  readonly status: number | null;
  readonly out: string;
  readonly err: string;
}

/** `script` may name $CLI, $MODEL, $FOLDER. */
function shell(script: string): Said {
  const { status, stdout, stderr } = spawnSync('bash', ['-c', script], {
    encoding: 'utf8',
    env: { ...process.env, CLI: cli, MODEL, FOLDER: folder, NODE: process.execPath },
  });
  return { status, out: stdout, err: stderr };
}

const HEADS = '"$NODE" "$CLI" heads "$MODEL" --layer 0 --ids 1,2,3';

describe('the output', () => {
  it.each(['', '--json'])('may be read in part: %j', (json) => {
    const { status, out, err } = shell(
      `"$NODE" "$CLI" estimate "$MODEL" ${json} | head -c 10; exit "\${PIPESTATUS[0]}"`,
    );
    expect([status, out.length, err]).toEqual([0, 10, '']);
  });

  it('may be read by nobody', () => {
    // The reader is gone before the first byte is written.
    const { status, err } = shell('{ sleep 0.1; "$NODE" "$CLI" estimate "$MODEL"; echo "$?" >&2; } | true');
    expect([status, err.trim()]).toEqual([0, '0']);
  });

  it.skipIf(!full)('may go to a disk that is full, which is said in a sentence', () => {
    for (const args of [
      'estimate "$MODEL"',
      'estimate "$MODEL" --json',
      '--help',
      'lint "$MODEL"',
      'draw "$MODEL"',
      'draw "$MODEL" --diff "$MODEL" --json',
    ])
      expect(shell(`"$NODE" "$CLI" ${args} > /dev/full`)).toEqual({
        status: 1,
        out: '',
        err: 'the output cannot be written: the disk is full\n',
      });
    expect(shell('"$NODE" "$CLI" estimate "$FOLDER/nothing" 2> /dev/full').status).toBe(1);
  });

  it('has no control character but the end of a line, whatever the file', () => {
    for (const path of ['mystery', 'everything', 'known', 'nested', 'gguf', 'strange', 'overlap', 'broken'])
      for (const command of ['estimate', 'lint', 'compare', 'fit --gpu h100-sxm', ...commandsOnWeights(path)]) {
        const { out, err, status } = shell(`"$NODE" "$CLI" ${command} "$FOLDER/hostile/${path}"`);
        expect([0, 1], `${command} ${path}`).toContain(status);
        expect(`${out}${err}`.replaceAll('\n', '')).not.toMatch(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/u);
        expect(`\n${out}${err}`).not.toContain('\n::error::');
      }
  });
});

/** Of folders that hold weights. */
function commandsOnWeights(path: string): readonly string[] {
  return path === 'gguf' || path === 'strange' ? ['tensors'] : [];
}

describe('standard input', () => {
  const SAMPLE = join(ROOT, 'media/sample-configs/llama-3-8b/config.json');

  it('is what - names, for each command that reads a config, with nothing beside it', () => {
    // Beside a file it would count; nobody knows where a pipe comes from.
    writeFileSync(join(folder, 'hf_quant_config.json'), '{"quantization": {"kv_cache_quant_algo": "FP8"}}');
    writeFileSync(join(folder, 'config.json'), readFileSync(SAMPLE));
    const read = (args: string): Said => shell(`cd "$FOLDER" && "$NODE" "$CLI" ${args} < config.json`);
    const { status, out } = read('estimate - --json');
    expect([status, (JSON.parse(out) as { dtype: string }).dtype]).toEqual([0, 'bf16']);
    expect(shell('"$NODE" "$CLI" estimate "$FOLDER" --json').out).toContain('"dtype":"fp8"');
    expect(read('fit - --gpu h100-sxm').status).toBe(0);
    expect(read('lint -').out).toContain('standard input');
    expect(read('diff - config.json').status).toBe(0);
  });

  it('that has nothing, or more than a config can have, is said in a sentence', () => {
    expect(shell('"$NODE" "$CLI" estimate - < /dev/null')).toEqual({
      status: 1,
      out: '',
      err: 'standard input: there is nothing on it, or it was read before\n',
    });
    const { status, err } = shell('head -c 40000000 /dev/zero | "$NODE" "$CLI" estimate -');
    expect([status, err]).toEqual([1, 'standard input: too large to be a model config\n']);
  });
});

describe('a file that is written', () => {
  const path = (name: string): string => join(folder, name);

  it('takes the place of the old one whole, keeps its mode, and leaves nothing beside it', () => {
    mkdirSync(path('whole'));
    const file = path('whole/x.json');
    writeFileSync(file, 'old', { mode: 0o600 });
    symlinkSync(file, path('whole/link.json'));
    expect(shell(`${HEADS} --out "$FOLDER/whole/link.json"`).status).toBe(0);
    expect(JSON.parse(readFileSync(file, 'utf8'))).toMatchObject({ tokens: [1, 2, 3] });
    expect(statSync(file).mode & 0o777).toBe(0o600);
    expect(readdirSync(path('whole')).sort()).toEqual(['link.json', 'x.json']);
  });

  it('stays as it is where the new one cannot be written whole', () => {
    // A limit on the size of files is a disk that is full after so many blocks.
    const file = path('limited.json');
    writeFileSync(file, 'old');
    const { status, err } = shell(
      `trap '' XFSZ; ulimit -f 1; ${HEADS} --dump q,k,v,weights,scores,hidden --out "$FOLDER/limited.json"`,
    );
    expect(status).toBe(1);
    expect(err).toMatch(/limited\.json: cannot be written/);
    expect(readFileSync(file, 'utf8')).toBe('old');
    expect(readdirSync(folder).filter((name) => name.endsWith('.part'))).toEqual([]);
  });

  it('is refused in words where its folder is not there, or is a device without room', () => {
    expect(shell(`${HEADS} --out "$FOLDER/nowhere/x.json"`)).toMatchObject({
      status: 1,
      err: `${folder}/nowhere/x.json: cannot be written: no such file or folder\n`,
    });
    if (!full) return;
    symlinkSync('/dev/full', path('full.json'));
    expect(shell(`${HEADS} --out "$FOLDER/full.json"`).err).toContain('cannot be written: the disk is full');
  });

  // The superuser may write everywhere.
  it.skipIf(process.getuid?.() === 0)('is not touched in a folder that is read-only', () => {
    mkdirSync(path('closed'));
    writeFileSync(path('closed/x.json'), 'old');
    chmodSync(path('closed'), 0o555);
    const { status, err } = shell(`${HEADS} --out "$FOLDER/closed/x.json"`);
    chmodSync(path('closed'), 0o755);
    expect([status, err]).toEqual([1, `${folder}/closed/x.json: no permission to write it\n`]);
    expect(readFileSync(path('closed/x.json'), 'utf8')).toBe('old');
  });
});
