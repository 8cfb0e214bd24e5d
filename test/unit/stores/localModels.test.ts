/** What other programs keep on this machine, listed from stores that are written as those programs write them. */

import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { scanCacheDir } from '@huggingface/hub';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { runCli } from '../../../src/cli/run';
import type { LocalModels, StoreEnvironment } from '../../../src/shared/storesContract';
import { localModels } from '../../../src/stores/localModels';
import { storedFile } from '../../../src/stores/storedFile';
import { placesOf, storeEnvironment } from '../../../src/stores/storePlaces';
import { generator } from '../weights/files';
import { cached, furnished, LLAMA, llamaGguf, pulled, put } from './support/machine';

let home = '';
beforeEach(() => {
  home = mkdtempSync(join(tmpdir(), 'headlight-stores-'));
});
afterEach(() => {
  vi.unstubAllEnvs();
  rmSync(home, { recursive: true, force: true });
});

const short = ({ models }: LocalModels): string[] =>
  models.map(({ store, name, state, config }) => `${store} ${name} ${state}${config === null ? '' : ' +config'}`);

function at(variables: Record<string, string>, platform = 'linux'): StoreEnvironment {
  return { variables, home, platform };
}

describe('the models on this machine', () => {
  test('of each program, whole or not, with their configs', async () => {
    const found = await localModels(furnished(home));
    expect(short(found)).toEqual([
      'huggingFace org/config-only configOnly +config',
      'huggingFace org/half incomplete +config',
      'huggingFace org/name-GGUF/name-Q8_0.gguf whole +config',
      'huggingFace org/tagged@v1 whole +config',
      'huggingFace org/whole whole +config',
      'ollama hf.co/org/name:Q4 whole',
      'ollama llama3:8b whole +config',
      'ollama someone/tuned:latest incomplete',
      'lmStudio mlx-community/name-4bit whole +config',
      'lmStudio publisher/name-GGUF/name-Q4_K_M whole +config',
      'llamaCpp org_name-GGUF_name-Q8_0 whole +config',
      'llamaCpp org_other-GGUF_other incomplete',
    ]);
    expect(found.cut).toBe(false);
    const llama = found.models.find(({ name }) => name === 'llama3:8b');
    expect(llama?.bytes).toBe(llamaGguf().byteLength);
    expect(JSON.parse(llama?.config ?? '{}')).toMatchObject({ num_hidden_layers: 2, num_key_value_heads: 2 });
    expect(found.models.find(({ name }) => name === 'hf.co/org/name:Q4')?.problem).toMatch(/GGUF/);
    expect(found.problems.join('\n')).toMatch(/models--org--broken is not a model in Hugging Face's cache/);
    expect(found.problems.join('\n')).toMatch(/broken:latest of Ollama cannot be read/);
    expect(found.problems).toHaveLength(2);
  });

  test('sizes and revisions of Hugging Face are those of its own library', async () => {
    const environment = furnished(home);
    const ours = await localModels(environment, { stores: ['huggingFace'] });
    const [cache = ''] = await placesOf('huggingFace', environment);
    const { repos } = await scanCacheDir(cache);
    const theirs = repos.filter(({ id }) => id.type === 'model');
    expect(theirs.length).toBeGreaterThan(3);
    for (const { id, revisions } of theirs)
      for (const { refs, size, path } of revisions) {
        const model = ours.models.find((each) => each.path === path);
        if (!model)
          expect(
            ours.models.some((each) => each.path.startsWith(path)),
            id.name,
          ).toBe(true);
        else {
          expect(model.bytes, id.name).toBe(size);
          expect(model.name).toBe(refs[0] === 'main' ? id.name : `${id.name}@${refs[0] ?? ''}`);
        }
      }
  });

  test('the place of each leads to its file again, and nowhere else', async () => {
    const environment = furnished(home);
    const { models } = await localModels(environment);
    let found = 0;
    for (const { store, place, path, state } of models) {
      if (store === 'huggingFace' || state !== 'whole') continue;
      const file = await storedFile(store, place, environment);
      expect(file).toBe(place.endsWith('config.json') ? join(path, 'config.json') : path);
      found++;
    }
    expect(found).toBe(5);
    put(join(home, 'secret.gguf'), llamaGguf());
    for (const place of ['../../../secret.gguf', '/etc/passwd', 'a/../../../../secret.gguf', '', 'none.gguf'])
      for (const store of ['lmStudio', 'llamaCpp', 'ollama'] as const)
        expect(await storedFile(store, place, environment), place).toBeNull();
    for (const place of ['../x:y', 'registry.ollama.ai/library/broken:latest', 'a/b/c:../../../d', 'a/b/c'])
      expect(await storedFile('ollama', place, environment), place).toBeNull();
  });

  test('a machine without these programs has none, and that is no problem', async () => {
    expect(await localModels(at({ OLLAMA_MODELS: join(home, 'none') }))).toMatchObject({
      models: [],
      problems: [],
      places: [],
      cut: false,
    });
  });
});

describe('where they are', () => {
  test.each([
    ['huggingFace', { HF_HUB_CACHE: '/a' }, '/a'],
    ['huggingFace', { HF_HOME: '/b' }, '/b/hub'],
    ['huggingFace', { XDG_CACHE_HOME: '/c' }, '/c/huggingface/hub'],
    ['ollama', { OLLAMA_MODELS: '"/d"' }, '/d'],
    ['llamaCpp', { LLAMA_CACHE: '/e' }, '/e'],
    ['llamaCpp', { XDG_CACHE_HOME: '/f' }, '/f/llama.cpp'],
  ] as const)('%s: %j', async (store, variables, place) => {
    expect(await placesOf(store, at(variables))).toEqual([place]);
  });

  test('LM Studio: where its home was moved to, and where its settings say', async () => {
    put(join(home, '.lmstudio-home-pointer'), '/moved\n');
    put(join(home, '.config', 'LM Studio', 'settings.json'), '{"downloadsFolder": "/large/disk"}');
    put(join(home, '.lmstudio', 'settings.json'), '{"downloadsFolder": 7}');
    expect(await placesOf('lmStudio', at({}))).toEqual([
      '/large/disk',
      '/moved/models',
      join(home, '.cache', 'lm-studio', 'models'),
      join(home, '.lmstudio', 'models'),
    ]);
  });

  test('only what names their folders is taken from the environment', () => {
    const { variables } = storeEnvironment(
      { HF_TOKEN: 'secret', PATH: '/bin', HF_HOME: '/h', LLAMA_CACHE: '' },
      home,
      'linux',
    );
    expect(variables).toEqual({ HF_HOME: '/h' });
  });
});

describe('bounds', () => {
  test('of entries, of models, and until it is told to stop', async () => {
    const environment = furnished(home);
    const all = await localModels(environment);
    for (const limits of [{ entries: 10 }, { models: 3 }, { ms: 0 }]) {
      const found = await localModels(environment, { limits });
      expect(found.cut).toBe(true);
      expect(found.models.length).toBeLessThan(all.models.length);
    }
    const signal = { aborted: true };
    expect(await localModels(environment, { signal })).toMatchObject({ models: [], cut: true });
  });

  test('links that lead round in circles, and folders without an end, are left', async () => {
    const place = join(home, '.lmstudio', 'models');
    mkdirSync(join(place, 'a', 'b'), { recursive: true });
    symlinkSync(place, join(place, 'a', 'b', 'round'));
    let deep = place;
    for (let depth = 0; depth < 20; depth++) deep = join(deep, 'd');
    put(join(deep, 'x.gguf'), llamaGguf());
    expect(await localModels(at({}), { stores: ['lmStudio'] })).toMatchObject({ models: [], cut: false });
  });

  test('a store that is a file, and one that is full of wrong ones, end in words', async () => {
    put(join(home, 'file'), 'x');
    expect(await localModels(at({ LLAMA_CACHE: join(home, 'file') }), { stores: ['llamaCpp'] })).toMatchObject({
      models: [],
      problems: [expect.stringMatching(/is not a folder\.$/)],
    });
    const random = generator(Number(process.env['HEADLIGHT_SEED'] ?? Date.now()) >>> 0);
    const cache = join(home, 'cache');
    const ollama = join(home, 'ollama');
    const damaged = (content: string | Uint8Array): Uint8Array => {
      const bytes = Uint8Array.from(typeof content === 'string' ? Buffer.from(content) : content);
      for (let at = 0; at < 3; at++) bytes[random(bytes.length)] = random(256);
      return random(3) === 0 ? bytes.subarray(0, random(bytes.length)) : bytes;
    };
    for (let round = 0; round < 60; round++) {
      cached(cache, `org/r${round}`, { 'config.json': damaged(JSON.stringify(LLAMA)), 'x.gguf': damaged(llamaGguf()) });
      pulled(ollama, { path: ['h', 'n', `m${round}`, 't'], weights: damaged(llamaGguf()) });
      writeFileSync(
        join(ollama, 'manifests', 'h', 'n', `m${round}`, 'u'),
        damaged('{"layers":[{"mediaType":"x","digest":"sha256:00"}]}'),
      );
    }
    const found = await localModels(at({ HF_HUB_CACHE: cache, OLLAMA_MODELS: ollama }));
    expect(found.models.length).toBeGreaterThan(100);
    for (const { config, problem } of found.models) {
      expect((config === null) === (problem !== null)).toBe(true);
      if (problem !== null) expect(problem).toMatch(/[.]$/);
    }
  });
});

describe('the command line', () => {
  async function cli(...args: readonly string[]): Promise<{ code: number; out: string; err: string }> {
    const out: string[] = [];
    const err: string[] = [];
    const code = await runCli(args, { out: (text) => out.push(text), err: (text) => err.push(text) });
    return { code, out: out.join('\n'), err: err.join('\n') };
  }

  beforeEach(() => {
    furnished(home);
    for (const name of ['HF_HOME', 'HUGGINGFACE_HUB_CACHE', 'XDG_CACHE_HOME', 'LLAMA_CACHE'])
      vi.stubEnv(name, undefined);
    vi.stubEnv('HOME', home);
    vi.stubEnv('USERPROFILE', home);
    vi.stubEnv('HF_HUB_CACHE', join(home, '.cache', 'huggingface', 'hub'));
    vi.stubEnv('OLLAMA_MODELS', join(home, '.ollama', 'models'));
  });

  test('lists name, design, bytes per token and size', async () => {
    const { code, out, err } = await cli('models');
    expect(code, err).toBe(0);
    const size = `${llamaGguf().byteLength} B`;
    expect(out).toContain(`Ollama · llama3:8b · GQA · 128 B/token · ${size} on disk`);
    expect(out).toMatch(/Hugging Face · org\/half · GQA · 128 B\/token · .* · download incomplete/);
    expect(out).toContain('Ollama · hf.co/org/name:Q4 · ');
    expect(err).toContain('broken:latest of Ollama cannot be read');
  });

  test('as JSON, of one program, and every path is a PATH of the other commands', async () => {
    const { models } = JSON.parse((await cli('models', '--store', 'ollama', '--json')).out) as {
      models: { store: string; path: string; bytesPerToken: number | null; state: string }[];
    };
    expect(models.map(({ store }) => store)).toEqual(['ollama', 'ollama', 'ollama']);
    const known = models.filter(({ bytesPerToken }) => bytesPerToken !== null);
    expect(known.length).toBe(1);
    for (const { path, bytesPerToken } of known) {
      const estimate = await cli('estimate', path, '--json');
      expect(estimate.code, estimate.err).toBe(0);
      expect((JSON.parse(estimate.out) as { bytesPerToken: number }).bytesPerToken).toBe(bytesPerToken);
    }
    expect((await cli('models', '--store', 'other')).code).toBe(2);
    expect((await cli('models', home)).code).toBe(2);
  });
});
