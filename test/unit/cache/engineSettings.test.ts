import { describe, expect, it } from 'vitest';
import type { EngineOptions } from '../../../src/model/scenario';
import {
  editedOptions,
  engineOf,
  type EngineSettings,
  type OptionsInScope,
  readEngineSettings,
} from '../../../src/cache/engines/engineSettings';

const NAMES = { engine: 'headlight.scenario.engine', options: 'headlight.scenario.engineOptions' };
const read = (engine: unknown, options: unknown): EngineSettings => readEngineSettings(engine, options, NAMES);

describe('the settings of engine and options', () => {
  it('are read: engine, release, the options of each engine', () => {
    expect(read('vllm@0.11', { vllm: { 'block-size': 32 }, llamacpp: { 'swa-full': true } })).toEqual({
      engine: 'vllm',
      release: '0.11',
      options: { vllm: { 'block-size': 32 }, llamacpp: { 'swa-full': true } },
      problems: [],
    });
    expect(read(undefined, undefined)).toEqual({
      engine: 'intrinsic',
      release: '1',
      options: {},
      problems: [],
    });
  });

  it.each([
    ['vlm', {}, 'intrinsic', '1', /^headlight\.scenario\.engine: must be one of /],
    ['vllm@9', {}, 'vllm', '2026-08', /^headlight\.scenario\.engine: vllm@9 is not supported: /],
    [
      'vllm',
      { vlm: { 'block-size': 1 } },
      'vllm',
      '2026-08',
      /engineOptions names the engine vlm: known engines are intrinsic, /,
    ],
    ['vllm', { vllm: 5 }, 'vllm', '2026-08', /engineOptions\.vllm must be an object/],
    ['vllm', [], 'vllm', '2026-08', /engineOptions must be an object/],
    [
      'vllm',
      { vllm: { blocks: 5 } },
      'vllm',
      '2026-08',
      /engineOptions: vLLM has no option blocks: use one of block-size/,
    ],
    ['vllm', { vllm: { 'block-size': 0 } }, 'vllm', '2026-08', /engineOptions: block-size takes a whole number/],
    // Also of an engine that is not the scenario's: it would be wrong as soon as it is.
    ['intrinsic', { sglang: { 'page-size': 'x' } }, 'intrinsic', '1', /engineOptions: page-size takes a whole number/],
  ])('say what of %j with %j is wrong, and go without', (engine, options, used, release, problem) => {
    const found = read(engine, options);
    expect([found.engine, found.release]).toEqual([used, release]);
    expect(found.problems).toEqual([expect.stringMatching(problem) as string]);
    expect(engineOf(found)).toEqual({ engine: used, release, options: {}, untaken: found.problems });
  });

  it('give another engine its usual release and its own options', () => {
    const found = read('vllm@0.11', { vllm: { 'block-size': 32 }, sglang: { 'page-size': 64 } });
    expect(engineOf(found)).toEqual({ engine: 'vllm', release: '0.11', options: { 'block-size': 32 } });
    expect(engineOf(found, 'sglang')).toEqual({ engine: 'sglang', release: '0.5.16', options: { 'page-size': 64 } });
    expect(engineOf(found, 'trtllm')).toEqual({ engine: 'trtllm', release: '1.2', options: {} });
  });
});

/** As the editor puts the scopes of an object together. */
function merged(scopes: readonly OptionsInScope[]): Readonly<Record<string, unknown>> {
  const all: Record<string, unknown> = {};
  for (const scope of scopes)
    for (const [engine, options] of Object.entries(scope ?? {}))
      all[engine] = { ...(all[engine] as object | undefined), ...(options as object) };
  return all;
}

describe('setting options', () => {
  const user = { vllm: { 'block-size': 16 }, sglang: { 'page-size': 8 } };
  const workspace = { vllm: { block_size: 32, 'async-scheduling': false } };

  it.each([
    [[undefined, undefined], { 'block-size': 4 }, [{ vllm: { 'block-size': 4 } }, undefined]],
    [[user, undefined], { 'block-size': 4 }, [{ ...user, vllm: { 'block-size': 4 } }, undefined]],
    // What other workspaces see stays, where this one can say otherwise.
    [[user, workspace], { 'block-size': 4 }, [user, { vllm: { 'block-size': 4 } }]],
    [
      [user, workspace],
      { 'async-scheduling': false },
      [{ sglang: { 'page-size': 8 } }, { vllm: { 'async-scheduling': false } }],
    ],
    [[user, workspace], {}, [{ sglang: { 'page-size': 8 } }, undefined]],
    [[undefined, workspace], { 'block-size': 32 }, [undefined, { vllm: { 'block-size': 32 } }]],
    // What is no option is the user's to mend.
    [[{ vllm: { blocks: 1, 'block-size': 2 } }], { 'block-size': 4 }, [{ vllm: { blocks: 1, 'block-size': 4 } }]],
    [[{ vllm: { blocks: 1 }, vlm: {} }], {}, [{ vlm: {} }]],
  ] as readonly (readonly [OptionsInScope[], EngineOptions, OptionsInScope[]])[])(
    '%j with %j becomes %j',
    (scopes, wanted, after) => {
      const edited = editedOptions(scopes, 'vllm', wanted);
      expect(edited).toEqual(after);
      const { options } = read('vllm', merged(edited));
      expect(options.vllm ?? {}).toEqual(wanted);
      // Other engines' are not touched.
      expect(options.sglang).toEqual(read('vllm', merged(scopes)).options.sglang);
    },
  );
});
