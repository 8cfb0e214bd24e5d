import { describe, expect, it } from 'vitest';
import { withDraftLayers } from '../../../src/cache/draftLayers';
import { planCache } from '../../../src/cache/plan';
import { readModelConfig } from '../../../src/reading/read';
import { parseTaughtFamilies } from '../../../src/reading/taught';
import { sampleConfig, scenario } from '../support';

const unknown = {
  model_type: 'quasar',
  num_hidden_layers: 4,
  num_attention_heads: 16,
  kv_groups: 4,
  head_dim: 64,
  hidden_size: 1024,
  sliding_window: 128,
  layer_types: ['nearby', 'far', 'nearby', 'far'],
};
const text = JSON.stringify(unknown);

describe('a family that is not known', () => {
  it('is inexact, and its layers are counted and named', () => {
    const spec = readModelConfig(text)?.spec;
    expect(spec?.exact).toBe(false);
    expect(spec?.unknownLayers).toBe(4);
    expect(spec?.notes.map((note) => note.text).join()).toMatch(/quasar/);
  });

  it('that is known is not read as another one', () => {
    const own = readModelConfig(sampleConfig('llama-3-8b'));
    for (const like of ['gpt_bigcode', 'bert', 'quasar']) {
      const taught = readModelConfig(sampleConfig('llama-3-8b'), {
        families: { llama: { like, keys: { num_attention_heads: 'num_key_value_heads' } } },
      });
      expect(taught?.spec.layers).toEqual(own?.spec.layers);
      expect(taught?.spec.notes.map((note) => note.text)).toContain(
        'llama is built in: what your settings say about it is not used',
      );
    }
  });

  it('can be taught: whose rules, which keys, which words', () => {
    const { families, rejected } = parseTaughtFamilies({
      quasar: {
        like: 'gpt_oss',
        keys: { kv_groups: 'num_key_value_heads' },
        layerKinds: { nearby: 'sliding_attention', far: 'full_attention' },
      },
    });
    expect(rejected).toEqual([]);
    const spec = readModelConfig(text, { families })?.spec;
    expect(spec?.exact).toBe(true);
    expect(spec && planCache(spec, scenario(1, 1_000)).cacheBytes).toBe(2 * 4 * 64 * 2 * (2 * 128 + 2 * 1_000));
  });

  it('stays inexact when it is taught to be like something unknown', () => {
    const { families } = parseTaughtFamilies({ quasar: { like: 'nebula' } });
    expect(readModelConfig(text, { families })?.spec.exact).toBe(false);
  });

  it.each([[3], ['x'], [{ quasar: 3 }], [{ quasar: { keys: [] } }], [{ quasar: { layerKinds: { a: 1 } } }]])(
    'rejects what has the wrong shape: %j',
    (value) => {
      expect(parseTaughtFamilies(value).rejected).toHaveLength(1);
    },
  );
});

describe('multi-token-prediction layers', () => {
  it('are left out, and counted on request', () => {
    const spec = readModelConfig(sampleConfig('deepseek-v3'))?.spec;
    if (!spec) throw new Error('not read');
    expect(spec.layers).toHaveLength(61);
    expect(planCache(withDraftLayers(spec), scenario(1, 1)).cacheBytes).toBe(62 * 576 * 2);
  });
});
