// What must hold of changed runs whatever the weights are; and every head of three families against the float64 reference.
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { headDims } from '../../../src/attention/spec/layerSpec';
import { attribute } from '../../../src/compute/effects/attribution';
import { compose } from '../../../src/compute/effects/compositionRun';
import { type Effects, placesFrom, readPrompt } from '../../../src/compute/effects/effects';
import { ChangedRuns } from '../../../src/compute/effects/run';
import { UNWATCHED } from '../../../src/compute/heads/watch';
import type { Place } from '../../../src/insight/effects/place';
import { referenceBlock } from '../../oracle/block';
import { Tensor64 } from '../../oracle/tensor64';
import { embed } from '../../../src/weights/plan/readPlan';
import { openModel } from '../../../src/weights/openModel';
import { depthNote, thorough } from '../depth';
import { relativeError } from '../golden';
import { samplesNamed, SAMPLES } from '../heads/support/models';
import { runJson } from '../heads/support/cli';
import { describeAll, eachOrSkip, noCases } from '../support/cases';
import { goldenNamed, itWith, referenceConfig } from '../support/reference';
import { writeTiny } from '../weights/forwardComparison';
import { LayerWeights } from '../weights/layerWeights';
import { TINY_MODELS, tinyPrompt } from '../weights/tinyModels';
import { effectsOn, openedStages } from './support';

const folder = mkdtempSync(join(tmpdir(), 'headlight-effects-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** What leaves the last layer, by the reference: a head is taken out by zeros in its columns of the output projection. */
async function referenceWithout(path: string, ids: readonly number[], heads: readonly Place[]): Promise<Float64Array> {
  const { store, plan, close } = await openModel(path);
  try {
    let hidden = new Tensor64([1, ids.length, plan.hiddenSize], Float64Array.from(await embed(store, plan, ids)));
    const read = new LayerWeights(store, plan);
    for (const [index, { block }] of plan.layers.entries()) {
      const weights = new Map(await read.block(index));
      const experts = await read.experts(index);
      const { queryHeads, valueDim } = headDims(block.layer.attention);
      const width = queryHeads * valueDim;
      const gone = new Set(heads.filter(({ layer }) => layer === index).map((place) => place.index));
      const own = weights.get('o.weight') ?? expect.fail('no output projection');
      weights.set(
        'o.weight',
        own.map((value, i) => (gone.has(Math.floor((i % width) / valueDim)) ? 0 : value)),
      );
      const expertWeights = (expert: number) => experts[expert] ?? new Map<string, Float32Array>();
      hidden = referenceBlock(block, weights, hidden, null, { expertWeights }).hidden;
    }
    return hidden.data;
  } finally {
    await close();
  }
}

describeAll('each head of three families, taken out', () => {
  eachOrSkip(goldenNamed('gpt2', 'llama', 'deepseek-v2'), noCases, ({ name, folder: place }) => {
    itWith(place, `is as in the float64 reference: ${name}`, async (path) => {
      const ids = [3, 14, 15, 9, 26, 5, 35, 8];
      const { stages } = await openedStages(path, 'float64');
      const { unchanged } = await readPrompt(stages, ids, UNWATCHED);
      const runs = new ChangedRuns(stages, unchanged, null);
      for (const [layer, attention] of stages.layers.entries())
        for (let index = 0; index < attention.queryHeads; index++) {
          const places: Place[] = [{ kind: 'head', layer, index, position: null }];
          const [final] = await runs.finals([{ places, by: 'zero' }], UNWATCHED);
          const error = relativeError(final?.data, await referenceWithout(path, ids, places));
          expect(error, `${layer}.${index}`).toBeLessThan(1e-6);
        }
    });
  });
});

const seed = Math.abs(Number(process.env['HEADLIGHT_SEED']));
/** Each takes a second: a third of them, at a desk a few; which ones, another run chooses anew. */
const someTiny = TINY_MODELS.filter((_, index) => (index + seed) % (thorough ? 3 : 18) === 0);

describeAll(`architectures that a GGUF file may have${depthNote}`, () => {
  eachOrSkip(someTiny, noCases, (tiny) => {
    it(`${tiny.name}: a head taken out is as in the reference, and the logit is the sum of its parts`, async () => {
      const { path } = writeTiny(mkdtempSync(join(folder, 'tiny-')), tiny, 'F32');
      const ids = tinyPrompt(tiny, 12);
      const { stages, matrices } = await openedStages(path, 'float64');
      const { unchanged, logits } = await readPrompt(stages, ids, UNWATCHED);
      const runs = new ChangedRuns(stages, unchanged, null);
      const heads = placesFrom(['0.1', `${stages.layers.length - 1}.0`]);
      const [final] = await runs.finals([{ places: heads, by: 'zero' }], UNWATCHED);
      expect(relativeError(final?.data, await referenceWithout(path, ids, heads))).toBeLessThan(1e-6);
      const ask = { ids, position: ids.length - 1, token: 7, against: null, bySource: true };
      const { sum, contributions } = await attribute(matrices, ask, UNWATCHED);
      const most = Math.max(...logits.map(Math.abs));
      expect(Math.abs(sum - (logits[7] ?? Number.NaN))).toBeLessThan(1e-6 * most);
      for (const { value, sources } of contributions.filter(({ writer }) => writer === 'head'))
        expect(Math.abs((sources ?? [Number.NaN]).reduce((a, b) => a + b, 0) - value)).toBeLessThan(1e-9 * most);
    });
  });
});

const IDS = [1, 40, 41, 17, 9, 200, 41, 12, 77, 3];
const OTHER = [1, 40, 88, 17, 9, 200, 41, 12, 77, 3];

describeAll('a model of groups', () => {
  const gqa = samplesNamed('gqa')[0]?.folder ?? '';
  const changed = async (effects: Effects, labels: readonly string[], by: 'zero' | 'mean' | 'other' = 'zero') =>
    (await effects.change(placesFrom(labels), by, [3], UNWATCHED)).after.all;

  it('is what it was without a change, to the bit', async () => {
    for (const precision of ['float64', 'float32'] as const) {
      const effects = await effectsOn(gqa, precision, IDS);
      const found = await effects.change([], 'zero', [3], UNWATCHED);
      expect(Array.from(found.kl)).toEqual(IDS.map(() => 0));
      expect(found.after).toEqual(found.before);
      expect(found.lossAfter.map((loss, i) => loss - (found.lossBefore[i] ?? Number.NaN))).toEqual(
        new Float64Array(IDS.length - 1),
      );
    }
  });

  it('loses with all heads of a layer what it loses with its attention, and with a group what its heads lose together', async () => {
    const effects = await effectsOn(gqa, 'float64', IDS, OTHER);
    const heads = Array.from({ length: 8 }, (_, head) => `1.${head}`);
    const { kvHeads } = headDims(effects.layers[1] ?? expect.fail('no layer'));
    const perGroup = 8 / kvHeads;
    expect(kvHeads).toBeGreaterThan(1);
    for (const by of ['zero', 'mean', 'other'] as const) {
      expect(await changed(effects, heads, by)).toEqual(await changed(effects, ['1.attention'], by));
      const group = heads.slice(perGroup, 2 * perGroup);
      expect(await changed(effects, group, by)).toEqual(await changed(effects, ['1.group1'], by));
      expect(await changed(effects, ['1.group1'], by)).not.toEqual(effects.prompt.logits);
    }
  });

  it('is the other prompt with all that enters a layer from there, and changes nowhere before a changed position', async () => {
    const effects = await effectsOn(gqa, 'float64', IDS, OTHER);
    const other = await effectsOn(gqa, 'float64', OTHER);
    expect(relativeError(await changed(effects, ['2.residual'], 'other'), other.prompt.logits)).toBeLessThan(1e-12);
    const late = await effects.change(placesFrom(['1.attention@6', '2.mlp@7']), 'zero', [], UNWATCHED);
    expect(late.kl.findIndex((kl) => kl > 0)).toBe(6);
  });

  it('recovers nothing by patches with itself, and everything with all of the clean prompt', async () => {
    const metric = { token: 3, against: 12 };
    const itself = await effectsOn(gqa, 'float64', IDS, IDS);
    for (const known of [[], ['3.residual@0']]) {
      const { recoveries } = await itself.patch(['head', 'residual'], metric, known, UNWATCHED);
      expect(recoveries).not.toHaveLength(0);
      for (const { recovered } of recoveries) expect(recovered).toBe(0);
    }
    const effects = await effectsOn(gqa, 'float64', IDS, OTHER);
    const known: string[] = [];
    const found = new Map<string, number | null>();
    for (;;) {
      const next = await effects.patch(['residual'], metric, known, UNWATCHED);
      for (const { place, recovered } of next.recoveries) found.set(place, recovered);
      known.push(...next.recoveries.map(({ place }) => place));
      if (next.left === 0) break;
    }
    // The only token that differs is at 2: what enters layer 0 there is all that differs.
    expect(found.get('0.residual@2')).toBeCloseTo(1, 9);
    expect(found.get('0.residual@1')).toBe(0);
    expect(found.size).toBe(effects.layers.length * IDS.length);
    await expect(
      (await effectsOn(gqa, 'float64', IDS, OTHER.slice(1))).patch(['head'], metric, [], UNWATCHED),
    ).rejects.toThrow(/patches need as many in both/);
  });

  it('has a map that comes in parts, goes on where it was stopped, and is the same on graphs', async () => {
    const effects = await effectsOn(gqa, 'float64', IDS);
    const known: string[] = [];
    const maps = new Map<string, number>();
    for (let left = Number.POSITIVE_INFINITY; left > 0; ) {
      const stopped = new AbortController();
      stopped.abort();
      await expect(
        effects.map(['head', 'group', 'attention', 'mlp'], 'mean', [3], known, {
          ...UNWATCHED,
          signal: stopped.signal,
        }),
      ).rejects.toThrow(/cancelled/);
      const next = await effects.map(['head', 'group', 'attention', 'mlp'], 'mean', [3], known, UNWATCHED);
      expect(next.effects.filter(({ place }) => known.includes(place))).toEqual([]);
      expect(next.left).toBeLessThan(left);
      left = next.left;
      for (const { place, klMean, logitChanges } of next.effects) {
        maps.set(place, klMean);
        const alone = await effects.change(placesFrom([place]), 'mean', [3], UNWATCHED);
        expect((alone.after.logits[0] ?? 0) - (alone.before.logits[0] ?? 0)).toBeCloseTo(logitChanges[0] ?? 9, 9);
      }
      known.push(...next.effects.map(({ place }) => place));
    }
    const groups = effects.layers.reduce((sum, attention) => sum + headDims(attention).kvHeads, 0);
    expect(maps.size).toBe(4 * (8 + 1 + 1) + groups);
    const graphs = await effectsOn(gqa, 'float32', IDS);
    const seen: string[] = [];
    for (;;) {
      const next = await graphs.map(['head', 'mlp'], 'mean', [3], seen, UNWATCHED);
      for (const { place, klMean } of next.effects) {
        const exact = maps.get(place) ?? Number.NaN;
        expect(Math.abs(klMean - exact), place).toBeLessThan(1e-6 + 1e-3 * exact);
      }
      seen.push(...next.effects.map(({ place }) => place));
      if (next.left === 0) break;
    }
    expect(seen).toHaveLength(4 * 9);
  });

  it('has no places beyond its own, in words', async () => {
    const effects = await effectsOn(gqa, 'float64', IDS);
    await expect(changed(effects, ['9.0'])).rejects.toThrow(/there is no layer 9: the model has layers 0 to 3/);
    await expect(changed(effects, ['0.8'])).rejects.toThrow(/has heads 0 to 7, no 8/);
    await expect(changed(effects, ['0.group7'])).rejects.toThrow(/has groups 0 to/);
    await expect(changed(effects, ['0.0@10'])).rejects.toThrow(/there is no position 10/);
    await expect(changed(effects, ['0.5'], 'other')).rejects.toThrow(/another prompt/);
    expect(() => placesFrom(['head 5'])).toThrow(/names no place/);
  });
});

describe('composition of heads', () => {
  it.each(['mha', 'gqa', 'mla'])('is that of the whole matrices: %s', async (sample) => {
    const model = await openModel(samplesNamed(sample)[0]?.folder ?? '');
    try {
      const { compositions } = await compose(model, 1, 2, UNWATCHED);
      expect(compositions).toHaveLength(8);
      const [own, other] = [await wholeMaps(model, 1, 2), await wholeMaps(model, 0, 3)];
      const score = (reads: Whole): number => norm(times(reads, other.ov)) / norm(reads) / norm(other.ov);
      const found = compositions[3];
      expect(found?.q).toBeCloseTo(score(turned(own.qk)), 9);
      expect(found?.k).toBeCloseTo(score(own.qk), 9);
      expect(found?.v).toBeCloseTo(score(own.ov), 9);
    } finally {
      await model.close();
    }
  });
});

type Whole = readonly (readonly number[])[];
const turned = (a: Whole): Whole => (a[0] ?? []).map((_, i) => a.map((row) => row[i] ?? Number.NaN));
const times = (a: Whole, b: Whole): Whole => {
  const columns = turned(b);
  return a.map((row) =>
    columns.map((column) => row.reduce((sum, value, i) => sum + value * (column[i] ?? Number.NaN), 0)),
  );
};
const norm = (a: Whole): number => Math.sqrt(a.flat().reduce((sum, value) => sum + value * value, 0));

/** W_QK = W_Qᵀ W_K and W_OV = W_O W_V of a head, `[hidden, hidden]`, gains of the norm before them multiplied in. */
async function wholeMaps(
  { store, plan }: Awaited<ReturnType<typeof openModel>>,
  layer: number,
  head: number,
): Promise<{ readonly qk: Whole; readonly ov: Whole }> {
  const weights = await new LayerWeights(store, plan).block(layer);
  const { attention, hiddenSize, latentNorms } = plan.layers[layer]?.block.layer ?? expect.fail('no layer');
  const { queryHeads, kvHeads, keyDim, valueDim } = headDims(attention);
  const all = (name: string, width: number): Whole => {
    const data = weights.get(name) ?? expect.fail(`no ${name}`);
    return Array.from({ length: data.length / width }, (_, row) =>
      Array.from(data.subarray(row * width, (row + 1) * width)),
    );
  };
  const gain = all('norm_attention.weight', hiddenSize)[0] ?? [];
  const read = (rows: Whole): Whole => rows.map((row) => row.map((value, i) => value * (gain[i] ?? Number.NaN)));
  const output = all('o.weight', queryHeads * valueDim).map((row) => row.slice(head * valueDim, (head + 1) * valueDim));
  if (attention.kind !== 'latent') {
    const group = Math.floor((head * kvHeads) / queryHeads);
    const part = (name: string, which: number, dim: number): Whole =>
      read(all(name, hiddenSize).slice(which * dim, (which + 1) * dim));
    return {
      qk: times(turned(part('q.weight', head, keyDim)), part('k.weight', group, keyDim)),
      ov: times(output, part('v.weight', group, valueDim)),
    };
  }
  const { latentDim, nopeDim, queryLatentDim } = attention;
  expect(queryLatentDim).toBeNull();
  expect(latentNorms?.latent).not.toBeNull();
  const scale = all('kv_a_norm.weight', latentDim)[0] ?? [];
  const down = all('kv_a.weight', hiddenSize)
    .slice(0, latentDim)
    .map((row, i) => row.map((value) => value * (scale[i] ?? Number.NaN)));
  const up = (name: string, dim: number): Whole =>
    read(times(all(name, latentDim).slice(head * dim, (head + 1) * dim), down));
  const query = read(all('q.weight', hiddenSize).slice(head * keyDim, head * keyDim + nopeDim));
  return { qk: times(turned(query), up('w_uk', nopeDim)), ov: times(output, up('w_uv', valueDim)) };
}

describe('heads on the command line', () => {
  const sample = SAMPLES[1] ?? '';
  const prompt = ['--prompt', 'The American flag is red, white, and'];
  const json = async (...args: readonly string[]): Promise<Record<string, unknown>> => {
    const { value, errors, code } = await runJson<Record<string, unknown>>(['heads', sample, ...args, '--json']);
    expect(code, errors).toBe(0);
    return value ?? expect.fail('nothing was printed');
  };
  const refused = async (...args: readonly string[]): Promise<string> => {
    const { errors, code } = await runJson(['heads', sample, ...args]);
    expect(code).not.toBe(0);
    return errors.split('\n')[0] ?? '';
  };

  it('takes heads out, dumps the logits, and says what changed', async () => {
    const found = await json(...prompt, '--ablate', '1.0,2.mlp', '--follow', ' blue', '--dump', 'logits');
    expect(found).toMatchObject({ ablated: ['1.0', '2.mlp'], by: 'zero', precision: 'float64' });
    const { after, captures } = found as {
      after: { top: { token: number; logit: number }[] };
      captures: { logits: { shape: number[]; data: number[] } };
    };
    const [first] = after.top;
    expect(captures.logits.data[first?.token ?? -1]).toBeCloseTo(first?.logit ?? Number.NaN, 4);
    expect(captures.logits.shape).toEqual([captures.logits.data.length]);
  });

  it('maps all heads, most first, and a second run computes nothing again', async () => {
    const args = [...prompt, '--ablate', 'all', '--by', 'mean', '--results', join(folder, 'results')];
    const effects = (await json(...args))['effects'] as { place: string; klMean: number }[];
    expect(effects).toHaveLength(32);
    expect(effects.map(({ klMean }) => klMean)).toEqual(effects.map(({ klMean }) => klMean).toSorted((a, b) => b - a));
    const again = await runJson<{ effects: unknown }>(['heads', sample, ...args, '--json']);
    expect(again.value?.effects).toEqual(effects);
    expect(again.errors).toBe('32 effects are known from a run before');
  });

  it('attributes a logit, patches and composes', async () => {
    const written = await json(...prompt, '--attribute', ' blue', '--against', ' red', '--by-source');
    expect(written['sum']).toBeCloseTo(Number(written['logit']), 6);
    const patched = await json(...prompt, '--patch', 'The French flag is red, white, and', '--kinds', 'attention');
    expect(patched).toMatchObject({ differing: [2] });
    expect(patched['recoveries']).toHaveLength(4);
    expect((await json('--compose', '2.3'))['compositions']).toHaveLength(16);
  });

  it('names the layers of a model that have no heads', async () => {
    const hybrid = mkdtempSync(join(folder, 'hybrid-'));
    writeFileSync(join(hybrid, 'config.json'), referenceConfig('jamba-v0.1'));
    writeFileSync(join(hybrid, 'model.safetensors'), readFileSync(join(sample, 'model.safetensors')));
    const { errors, code } = await runJson(['heads', hybrid, '--ids', '1,2', '--ablate', '0.1']);
    expect(code).toBe(1);
    expect(errors).toMatch(/is not supported.*Layers without heads.*: 0, 1, 2, 3, 5, 6, 7, 8, 9/);
  });

  it('refuses in words', async () => {
    expect(await refused(...prompt, '--ablate', '1.9')).toMatch(/has heads 0 to 7, no 9/);
    expect(await refused(...prompt, '--ablate', '1.1', '--attribute', ' blue')).toMatch(/give one of --ablate/);
    expect(await refused(...prompt, '--ablate', '1.1', '--at', '3')).toMatch(/--at does not go with --ablate/);
    expect(await refused(...prompt, '--layer', '0', '--follow', ' blue')).toMatch(/--follow belongs to/);
    expect(await refused(...prompt, '--attribute', 'no such token at all')).toMatch(/tokens \(.*name one/);
    expect(await refused(...prompt, '--ablate', '1.1', '--seed', '3')).toMatch(/weights of a seed predict nothing/);
    expect(await refused(...prompt, '--patch', 'The flag')).toMatch(/patches need as many in both/);
  });
});
