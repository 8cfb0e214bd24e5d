/** Where the panel takes heads from: what can be chosen, and what the compute process is asked for it. */

import { describe, expect, it } from 'vitest';
import { type HeadsCompute, HeadSources, type SourceFiles } from '../../../src/editor/panel/headSources';
import type { CallContext } from '../../../src/shared/rpc';

const CONTEXT: CallContext = { signal: new AbortController().signal, progress: () => undefined };

interface Asked {
  readonly method: string;
  readonly params: object;
}

function sources(files: Partial<SourceFiles>, native = true): { readonly heads: HeadSources; readonly asked: Asked[] } {
  const asked: Asked[] = [];
  const compute: HeadsCompute = {
    device: () => Promise.resolve({ engine: 'onnxruntime-cpu', reason: 'the only one' } as never),
    call: (method, params) => {
      asked.push({ method, params });
      return Promise.resolve(null as never);
    },
  };
  const all: SourceFiles = {
    config: () => ({ text: '{"a": 1}', folder: '/models/x' }),
    beside: () => Promise.resolve({ folder: '/models/x', weights: false }),
    samples: [],
    ...files,
  };
  return { heads: new HeadSources(all, native ? () => Promise.resolve(compute) : null), asked };
}

describe('seeded weights of the followed config', () => {
  it('can be chosen where a config is open and can be computed', async () => {
    const problem = async (files: Partial<SourceFiles>, native?: boolean): Promise<string | null | undefined> =>
      (await sources(files, native).heads.list()).find(({ id }) => id === 'seeded')?.problem;
    expect(await problem({})).toBeNull();
    expect(await problem({ config: () => null })).toBe('No config is open');
    expect(await problem({}, false)).toContain('desktop VS Code');
  });

  it('are asked for with the text as it stands, the seed, and the folder that may hold a tokenizer', async () => {
    let text = '{"a": 1}';
    const { heads, asked } = sources({ config: () => ({ text, folder: null }) });
    await heads.answers['heads/model']({ source: 'seeded:42' }, CONTEXT);
    text = '{"a": 2}';
    const look = { ids: [1], layer: 3, captures: ['k'], measures: true, logits: false } as const;
    await heads.answers['heads/capture']({ source: 'seeded:7', ...look }, CONTEXT);
    expect(asked.map(({ method }) => method)).toEqual(['heads/model', 'heads/capture']);
    expect(asked[0]?.params).toEqual({ path: '', seeded: { text: '{"a": 1}', seed: 42 } });
    expect(asked[1]?.params).toEqual({
      ...look,
      path: '',
      seeded: { text: '{"a": 2}', seed: 7 },
      engine: 'onnxruntime-cpu',
    });
    const beside = sources({});
    await beside.heads.answers['heads/tokens']({ source: 'seeded:1', text: 'red' }, CONTEXT);
    expect(beside.asked[0]?.params).toMatchObject({ path: '/models/x', text: 'red' });
  });

  it('are refused in words without a config, as other sources that are gone', async () => {
    const { heads } = sources({ config: () => null });
    const model = async (source: string): Promise<unknown> => heads.answers['heads/model']({ source }, CONTEXT);
    await expect(model('seeded:1')).rejects.toThrow('No config is open.');
    await expect(model('sample:none')).rejects.toThrow('choose another');
    await expect(model('beside')).rejects.toThrow('no weights beside');
  });
});
