/** Weights that are no numbers: whatever tensor has them, the commands name it and give no result. */

import { cp, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { runCli } from '../../../src/cli/run';
import { sampled } from '../depth';
import { describeAll, eachOrSkip } from '../support/cases';
import { goldenNamed } from '../support/reference';

let folder = '';
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'headlight-damaged-'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

type Header = Readonly<Record<string, { readonly dtype: string; readonly data_offsets: readonly [number, number] }>>;

/** A copy of a model of which one value of a tensor can be changed. */
class Model {
  private constructor(
    readonly place: string,
    private readonly files: ReadonlyMap<string, Buffer>,
  ) {}

  static async of(original: string, name: string): Promise<Model> {
    const place = join(folder, name);
    await cp(original, place, { recursive: true });
    const names = (await readdir(place)).filter((file) => file.endsWith('.safetensors'));
    const files = await Promise.all(names.map(async (file) => [file, await readFile(join(place, file))] as const));
    return new Model(place, new Map(files));
  }

  tensors(): string[] {
    return [...this.files.values()].flatMap((bytes) => Object.keys(headerOf(bytes)));
  }

  /** Every other value is as it was. */
  async damage(tensor: string, at: number, value: number): Promise<void> {
    for (const [name, bytes] of this.files) {
      const entry = headerOf(bytes)[tensor];
      const changed = Buffer.from(bytes);
      if (entry) {
        expect(entry.dtype).toBe('F32');
        changed.writeFloatLE(value, 8 + Number(bytes.readBigUInt64LE(0)) + entry.data_offsets[0] + 4 * at);
      }
      await writeFile(join(this.place, name), changed);
    }
  }
}

function headerOf(bytes: Buffer): Header {
  const { __metadata__: _, ...tensors } = JSON.parse(
    bytes.subarray(8, 8 + Number(bytes.readBigUInt64LE(0))).toString(),
  ) as Header;
  return tensors;
}

async function run(...args: string[]): Promise<{ readonly code: number; readonly out: string; readonly err: string }> {
  const [out, err]: [string[], string[]] = [[], []];
  const code = await runCli(args, { out: (text) => void out.push(text), err: (text) => void err.push(text) });
  return { code, out: out.join('\n'), err: err.join('\n') };
}

const IDS = ['--ids', '1,2,3,4'];
const VALUES: readonly (readonly [string, number])[] = [
  ['NaN', Number.NaN],
  ['infinite', Number.POSITIVE_INFINITY],
  ['infinite', Number.NEGATIVE_INFINITY],
];
/** Never reached: rows of tokens that are not asked for, tables of other positions. */
const SOMETIMES = /embed|wte|wpe|lm_head/;

describeAll('weights that are no numbers', () => {
  eachOrSkip(goldenNamed('llama', 'gpt2', 'deepseek-v2'), 'no models', (model) => {
    describe(model.name, () => {
      it('are named, whatever tensor has them, and nothing is computed', async () => {
        const copy = await Model.of(model.folder ?? '', model.name);
        const wrong: string[] = [];
        for (const [index, tensor] of sampled(copy.tensors().filter((name) => !SOMETIMES.test(name))).entries()) {
          const [word, value] = VALUES[index % VALUES.length] ?? ['', 0];
          await copy.damage(tensor, 1, value);
          const { code, out, err } = await run('generate', copy.place, ...IDS, '--tokens', '2', '--json');
          const named = err.includes(`tensor ${tensor}:`) && err.includes(`1 ${word}`);
          // An expert that no token chose, and a mask that hides what an infinite value did, leave a result that is right.
          if (code === 1 ? !named || out !== '' : !/experts/.test(tensor))
            wrong.push(`${tensor} ${word}: ${code} ${err}`);
        }
        expect(wrong).toEqual([]);
      }, 120_000);
    });
  });

  const [llama] = goldenNamed('llama');
  eachOrSkip(
    [
      ['heads', '--layer', '0', '--json'],
      ['convert', '--layer', '0', '--to', 'mqa', '--json'],
      ['convert', '--layer', '0', '--to', 'mla:8+4', '--json'],
    ],
    'no commands',
    ([command = '', ...options]) => {
      it(`${command} ${options.join(' ')} gives no result`, async () => {
        const copy = await Model.of(llama?.folder ?? '', 'one');
        await copy.damage('model.layers.0.self_attn.k_proj.weight', 0, Number.NaN);
        const { code, out, err } = await run(command, copy.place, ...options, ...IDS);
        expect(err).toMatch(/tensor model\.layers\.0\.self_attn\.k_proj\.weight: of the [\d,]+ values read, 1 NaN/);
        expect([code, out]).toEqual([1, '']);
      });
    },
  );
});
