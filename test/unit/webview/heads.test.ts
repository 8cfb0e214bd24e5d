// The Heads view before it is drawn: which heads in which order, what is measured, what a session asks for and keeps.
import { describe, expect, test, vi } from 'vitest';
import type { CaptureResult, HeadMeasures, HeadsModelInfo } from '../../../src/shared/headsContract';
import type { HeadSource, PanelMethods } from '../../../src/shared/panelContract';
import type { CallOptions, MethodName, MethodParams, MethodResult } from '../../../src/shared/rpc';
import { RpcError } from '../../../src/shared/rpcError';
import { layoutGrid, neighbour, pictureAt, sorted } from '../../../webview/charts/headGrid/viewModel';
import { binsOf, wholeAxis } from '../../../webview/charts/heatmap/axis';
import { colourMap } from '../../../webview/charts/heatmap/colourMaps';
import { largestOf, paintBins, reduceCells } from '../../../webview/charts/heatmap/raster';
import { newScale } from '../../../webview/charts/heatmap/scale';
import {
  betweenText,
  differenceText,
  insideText,
  keyValueGroups,
  ownerText,
  sharingText,
} from '../../../webview/charts/keyValues/viewModel';
import {
  firstHides,
  headMaxima,
  linesModel,
  notAllowed,
  patternGrid,
  pinnedModel,
  valueText,
  viewOf,
  whoseHeads,
  zoomModel,
} from '../../../webview/views/heads/models';
import { type Caller, HeadsSession, type LayerPatterns } from '../../../webview/views/heads/session';
import { parseIds } from '../../../webview/views/heads/tokenIds';

const GQA = { kind: 'full', queryHeads: 4, kvHeads: 2, keyDim: 2, valueDim: 2 } as const;

const measured = (head: number, entropy: number): { readonly head: number; readonly measures: HeadMeasures } => ({
  head,
  measures: { head, group: Math.floor(head / 2), entropy, sink: 0, previousToken: 0, duplicateToken: 0, induction: 0 },
});

/** Heads × 3 × 3: the weight of head h, query q, key k is h + q / 10 + k / 100. */
function layerOf(heads = 4): LayerPatterns {
  const data = new Float32Array(heads * 9);
  for (let i = 0; i < data.length; i++) data[i] = Math.floor(i / 9) + (Math.floor(i / 3) % 3) / 10 + (i % 3) / 100;
  return {
    layer: 1,
    attention: { ...GQA, queryHeads: heads },
    capture: 7,
    patterns: { data, heads, rows: wholeAxis(3), columns: wholeAxis(3) },
    measures: null,
  };
}

describe('the grid', () => {
  test('sorts by a measure, what was not measured last, and by position leaves all where it is', () => {
    const heads = [measured(0, 0.2), measured(1, NaN), measured(2, 0.9)];
    expect(sorted(heads, 'entropy').map(({ head }) => head)).toEqual([2, 0, 1]);
    expect(sorted(heads, 'position')).toBe(heads);
  });
  test.each([
    [8, 296],
    [32, 296],
    [128, 296],
    [32, 430],
    [128, 430],
    [1, 296],
    [12, 1160],
  ])('%i pictures at %i pixels: all inside, none touches another', (count, width) => {
    for (const ratio of [1, 2]) {
      const layout = layoutGrid(count, {
        width: width * ratio,
        ratio,
        cells: [18, 18],
        across: null,
        gutter: 0,
        lines: 1,
      });
      expect(layout.pitchX * (layout.across - 1) + layout.pictureWidth).toBeLessThanOrEqual(width * ratio);
      expect(layout.pitchX).toBeGreaterThan(layout.across > 1 ? layout.pictureWidth : 0);
      expect(layout.pitchY).toBeGreaterThan(layout.pictureHeight + layout.head);
      for (const index of [0, count - 1]) {
        const [x, y] = [
          (index % layout.across) * layout.pitchX + 1,
          Math.floor(index / layout.across) * layout.pitchY + 1,
        ];
        expect(pictureAt(layout, count, x, y)).toBe(index);
      }
    }
  });
  test('rows that come out even are preferred', () => {
    // Cells of one whole size, where that wastes little.
    expect(
      layoutGrid(8, { width: 296, ratio: 1, cells: [18, 18], across: null, gutter: 0, lines: 1 }).pictureWidth % 18,
    ).toBe(0);
    expect(layoutGrid(8, { width: 430, ratio: 1, cells: [512, 512], across: null, gutter: 0, lines: 1 }).across).toBe(
      4,
    );
  });
  test('keys walk it', () => {
    expect([
      neighbour('ArrowDown', 6, 8, 4),
      neighbour('ArrowDown', 1, 8, 4),
      neighbour('ArrowUp', 2, 8, 4),
      neighbour('End', 0, 8, 4),
      neighbour('x', 0, 8, 4),
    ]).toEqual([6, 5, 2, 7, null]);
  });
  test('of all layers: a row each by position, one ranking by a measure', () => {
    const look = { scale: 'linear', shared: true, ignoreFirst: false } as const;
    const layers = [0, 1].map((layer) => ({
      ...layerOf(),
      layer,
      measures: {
        heads: [0, 1, 2, 3].map((head) => ({ ...measured(head, layer === 1 ? head : 0.5).measures })),
        identity: { k: { inside: 0, between: 1 }, v: { inside: 0, between: 1 } },
      },
    }));
    expect(patternGrid(layers, true, 'position', look)?.model.rowTitles).toEqual(['L0', 'L1']);
    expect(
      patternGrid(layers, true, 'entropy', look)
        ?.heads.slice(0, 3)
        .map(({ layer, head }) => [layer, head]),
    ).toEqual([
      [1, 3],
      [1, 2],
      [1, 1],
    ]);
  });
});

describe('patterns', () => {
  const layer = layerOf();
  const labels = { pieces: ['a', 'b', 'c'] };
  test('the largest weight is that of what is seen', () => {
    expect(headMaxima(layer, false).map((value) => Number(value.toFixed(2)))).toEqual([0.22, 1.22, 2.22, 3.22]);
    const sink = {
      ...layer,
      patterns: { ...layer.patterns, data: layer.patterns.data.map((value, i) => (i % 3 === 0 ? 9 : value)) },
    };
    expect(headMaxima(sink, true)[0]).toBeCloseTo(0.22);
  });
  test('a head is its own part of the numbers; a difference is signed', () => {
    const zoom = zoomModel({
      patterns: layer.patterns,
      attention: layer.attention,
      head: 2,
      minus: null,
      scale: 'linear',
      most: 3,
      ...labels,
    });
    expect(zoom.cells.data[zoom.cells.offset + 3]).toBeCloseTo(2.1);
    const difference = zoomModel({
      patterns: layer.patterns,
      attention: layer.attention,
      head: 0,
      minus: 2,
      scale: 'linear',
      most: 3,
      ...labels,
    });
    expect(difference.map).toBe('diverging');
    expect([...difference.cells.data].every((value) => Math.abs(value + 2) < 1e-6)).toBe(true);
  });
  test('a pinned token: its row and its column over all heads, and what the mask hides', () => {
    const look = { scale: 'linear', shared: true, ignoreFirst: false } as const;
    const row = pinnedModel(layer.patterns, layer.attention, 1, 'row', labels, look);
    expect([...row.cells.data.subarray(3, 6)].map((value) => Number(value.toFixed(2)))).toEqual([1.1, 1.11, 1.12]);
    expect([row.cells.visible?.low[0], row.cells.visible?.high[0]]).toEqual([0, 2]);
    const column = pinnedModel(layer.patterns, layer.attention, 1, 'column', labels, look);
    expect([...column.cells.data.subarray(3, 6)].map((value) => Number(value.toFixed(2)))).toEqual([1.01, 1.11, 1.21]);
    expect([column.cells.visible?.low[0], column.cells.visible?.high[0]]).toEqual([1, 3]);
  });
  test('texts', () => {
    expect([0, 0.41234, 0.00001, -0.5].map(valueText)).toEqual(['0', '0.4123', '1.0e-5', '-0.5000']);
    expect(notAllowed(GQA, 1, 2)).toContain('after the query');
    expect(notAllowed({ ...GQA, kind: 'sliding', window: 2 }, 5, 1)).toContain('outside the window');
    expect(viewOf(5, true)).toEqual({ rows: [1, 5], columns: [1, 5] });
  });
});

describe('K and V', () => {
  test('groups are tied to their heads, and the difference between neighbours is measured', () => {
    const groups = keyValueGroups(Float32Array.of(1, -2, 1, -1.17), 2, 8);
    expect(groups.map(({ heads }) => heads)).toEqual([
      [0, 1, 2, 3],
      [4, 5, 6, 7],
    ]);
    expect(groups[0]?.difference).toBeNull();
    expect(groups.map(({ largest }) => Number(largest.toFixed(2)))).toEqual([2, 1.17]);
    expect(betweenText(0, groups[1]?.difference ?? 0)).toBe('differs from group 0 by up to 0.83');
    expect(betweenText(3, 0)).toBe('the same as group 3');
  });
  test('a value that is not a number is no identity', () => {
    expect(keyValueGroups(Float32Array.of(1, NaN), 2, 2)[1]?.difference).toBeNaN();
    expect(differenceText(NaN)).toBe('not a number');
  });
  test('a picture is named by the heads that share it', () => {
    expect(ownerText('K', 5, 2, 8)).toBe('K shared by heads 4–7 (group 1)');
    expect(ownerText('V', 2, 1, 8)).toBe('V shared by heads 0–7 (group 0)');
    expect(ownerText('Q', 5, 8, 8)).toBe('Q of head 5');
    expect(sharingText('Q', 8, 8, { inside: 0, between: null }, false)).toContain('8 heads has a Q of its own');
  });
  test('the proof in words', () => {
    expect(insideText('K', { inside: 0, between: 1 })).toBe('identical (max |ΔK| = 0)');
    expect(insideText('V', { inside: 1.26e-7, between: 1 })).toBe('not identical (max |ΔV| = 1.3e-7)');
    expect(sharingText('K', 8, 2, { inside: 0, between: 1 }, false)).toContain('8 heads in 2 groups of 4');
    expect(sharingText('K', 8, 1, { inside: 0, between: null }, false)).toBe(
      'One K for all 8 heads: identical (max |ΔK| = 0).',
    );
    expect(sharingText('V', 8, 8, { inside: 0, between: 0.97 }, true)).toContain('at least 0.97');
  });
});

describe('the first token', () => {
  const look = { scale: 'linear', shared: true, ignoreFirst: false } as const;
  /** One head of three tokens: query 0 sees itself alone, the others look around. */
  const weak = (rest: number): LayerPatterns => {
    const layer = layerOf(1);
    return {
      ...layer,
      patterns: { ...layer.patterns, data: Float32Array.of(1, 0, 0, 1 - rest, rest, 0, 1 - rest, rest, 0) },
    };
  };

  test('stands outside the range where it would hide the rest, and nowhere else', () => {
    expect([0.1, 0.49, 0.51, 0.9].map((rest) => firstHides(weak(rest)))).toEqual([true, true, false, false]);
    const grid = patternGrid([weak(0.1)], false, 'position', { ...look, spareFirst: true });
    const values = [Float32Array.of(1, 0.9, 0.1)];
    expect(grid?.model.scale(0, values).most).toBeCloseTo(0.1);
    expect(grid?.model.scale(0, values).place(1)).toBe(1);
    expect(patternGrid([weak(0.1)], false, 'position', look)?.model.scale(0, values).most).toBe(1);
  });
});

describe('lines of a pinned token', () => {
  const labels = { pieces: ['a', ' b', 'c'] };
  test('go to the tokens that its head looks at; what it may not see has none', () => {
    const lines = linesModel(layerOf(), 2, 1, labels, false);
    expect([...(lines?.weights ?? [])].map((weight) => Number(weight.toFixed(2)))).toEqual([2.1, 2.11, NaN]);
    expect(lines).toMatchObject({ tokens: ['a', '␣b', 'c'], from: 1 });
    expect(lines?.most).toBeCloseTo(2.11);
    expect(lines?.sentence).toBe('Head 2, 1 “␣b” looks most at 1 “␣b” 2.1100, 0 “a” 2.1000');
  });
  test('leave the first token out where it is ignored, and are not drawn of a wall of tokens', () => {
    expect(linesModel(layerOf(), 0, 2, labels, true)?.weights[0]).toBeNaN();
    const wide = {
      ...layerOf(1),
      patterns: { data: new Float32Array(65 * 65), heads: 1, rows: wholeAxis(65), columns: wholeAxis(65) },
    };
    expect(linesModel(wide, 0, 2, labels, false)).toBeNull();
  });
});

test('the title says whose heads these are', () => {
  const of = (origin: HeadSource['origin']): string =>
    whoseHeads({ id: '', label: 'Sample model: MHA, 8 heads', origin, problem: null }, { name: 'llama-3-8b' });
  expect(of('sample')).toBe('Sample model: MHA, 8 heads – not llama-3-8b');
  expect(of('seeded')).toBe('llama-3-8b: random weights in its shapes (seeded)');
  expect(of('beside')).toBe('llama-3-8b: its own weights');
});

const SAMPLE: HeadSource = { id: 'sample:gqa', label: 'Sample', origin: 'sample', problem: null };
const BESIDE: HeadSource = { id: 'beside', label: 'Beside', origin: 'beside', problem: 'no weights' };

const CONFIG = { id: 'config', name: 'my-llama', text: '{}' };
const SEEDED: HeadSource = { id: 'seeded', label: 'Seeded', origin: 'seeded', problem: null };

/** Answers as a host of one layer type would; `hold` keeps captures waiting. */
class FakeHost implements Caller {
  readonly asked: string[] = [];
  hold: Promise<void> = Promise.resolve();
  failing: RpcError | null = null;
  beside: HeadSource = BESIDE;
  layers: HeadsModelInfo['layers'] = [GQA, GQA];
  shapes: CaptureResult['shapes'] = { k: [2, 3, 2], v: [2, 3, 2] };
  /** Rows of tiles, by what they are of. */
  readonly rows: Record<string, readonly number[] | undefined> = {};
  readonly tiles: string[] = [];
  failingTile: RpcError | null = null;
  /** Of every call that names a source. */
  readonly sources: string[] = [];

  async call<K extends MethodName<PanelMethods>>(
    method: K,
    params: MethodParams<PanelMethods, K>,
    options: CallOptions = {},
  ): Promise<MethodResult<PanelMethods, K>> {
    this.asked.push(method);
    if (params !== null && 'source' in params) this.sources.push(params.source);
    return (await this.answer(method, params as never, options)) as MethodResult<PanelMethods, K>;
  }

  private async answer(
    method: string,
    params: {
      readonly what?: string;
      readonly source?: string;
      readonly layer?: number;
      readonly rows?: readonly number[];
    },
    { signal }: CallOptions,
  ): Promise<unknown> {
    switch (method) {
      case 'panel/headSources':
        return [this.beside, SAMPLE, SEEDED];
      case 'panel/device':
        return { engine: 'onnxruntime-cpu', reason: 'the only one' };
      case 'heads/model':
        return {
          family: 'llama',
          hiddenSize: 8,
          vocabularySize: 50,
          layers: this.layers,
          tokenizer: true,
          words: false,
        };
      case 'heads/tokens':
        return { ids: [1, 2, 3], pieces: ['a', 'b', 'c'] };
      case 'heads/capture': {
        if (signal?.aborted) throw new RpcError('cancelled', 'cancelled');
        await Promise.race([
          this.hold,
          new Promise((_, reject) =>
            signal?.addEventListener('abort', () => reject(new RpcError('cancelled', 'cancelled')), { once: true }),
          ),
        ]);
        if (this.failing) throw this.failing;
        const [origin, seed] = (params.source ?? '').split(':');
        return {
          attention: this.layers[params.layer ?? 0],
          seeded: origin === 'seeded' ? { seed: Number(seed), note: null } : null,
          capture: 3,
          shapes: this.shapes,
          pieces: ['a', 'b', 'c'],
          measures: null,
          logits: null,
          provenance: { engine: 'onnxruntime-cpu', device: 'CPU', library: 'x', precision: 'float32' },
          ms: 5,
        };
      }
      case 'heads/tile': {
        this.rows[params.what ?? ''] = params.rows;
        this.tiles.push(params.what ?? '');
        if (this.failingTile) throw this.failingTile;
        const shape = params.what === 'weights' ? [4, 3, 3] : [2, 3, 2];
        return { type: 'float32', shape, data: new Float32Array(shape.reduce((a, b) => a * b)) };
      }
      default:
        throw new Error(method);
    }
  }
}

async function started(): Promise<{ host: FakeHost; session: HeadsSession }> {
  const host = new FakeHost();
  const session = new HeadsSession(host);
  await session.start(CONFIG);
  return { host, session };
}

describe('a session', () => {
  test('takes the first source that can be used, with a prompt to begin with', async () => {
    const { session } = await started();
    expect(session.state.source).toEqual(SAMPLE);
    expect(session.state.prompt).not.toBe('');
    expect(session.state.model?.layers).toHaveLength(2);
  });
  test('weights beside a config go first, also after a sample was looked at beside another config', async () => {
    const { host, session } = await started();
    await session.choose(SAMPLE.id);
    host.beside = { ...BESIDE, problem: null };
    await session.follow({ ...CONFIG, id: 'small falcon' });
    expect(session.state.source?.id).toBe('beside');
    // What was chosen for this very config stays, also when it is followed anew.
    await session.choose(SAMPLE.id);
    await session.start(session.state.config);
    expect(session.state.source).toEqual(SAMPLE);
  });
  test('a reload keeps the source where it was chosen for the config', async () => {
    const chosen = async (chosenFor: string): Promise<string | undefined> => {
      const host = new FakeHost();
      host.beside = { ...BESIDE, problem: null };
      const session = new HeadsSession(host);
      await session.start(CONFIG, { source: SAMPLE.id, chosenFor });
      return session.state.source?.id;
    };
    expect(await chosen(CONFIG.id)).toBe(SAMPLE.id);
    expect(await chosen('another config')).toBe('beside');
  });
  test('a result keeps its own model’s layers when another source is chosen', async () => {
    const { host, session } = await started();
    await session.run();
    host.layers = [GQA, GQA, GQA, GQA];
    await session.choose('seeded');
    expect(session.state.model?.layers).toHaveLength(4);
    expect(session.state.result?.layerCount).toBe(2);
  });
  test('runs, and knows when what is shown is older than what is asked', async () => {
    const { session } = await started();
    await session.run();
    expect(session.state.result?.pieces).toEqual(['a', 'b', 'c']);
    expect(session.state.result?.k).toMatchObject({ count: 2, tokens: 3, dim: 2 });
    expect(session.state.result?.q).toBeNull();
    expect(session.changed).toBe(false);
    session.setPrompt('another');
    expect(session.changed).toBe(true);
  });
  test('fetches Q when it is to be shown, once for a run', async () => {
    const { host, session } = await started();
    await session.run();
    expect(host.rows).not.toHaveProperty('q');
    await Promise.all([session.fetchQueries(), session.fetchQueries()]);
    expect(session.state.result?.q).toMatchObject({ count: 2, tokens: 3, dim: 2 });
    expect(host.tiles.filter((what) => what === 'q')).toHaveLength(1);
    // A failure is said once, and not asked for again and again.
    await session.run();
    host.failingTile = new RpcError('crashed', 'it is gone');
    await session.fetchQueries();
    await session.fetchQueries();
    expect(session.state.failure).toMatchObject({ where: 'Q of layer 0' });
    expect(host.tiles.filter((what) => what === 'q')).toHaveLength(2);
  });
  test('another layer of the same prompt runs at once', async () => {
    const { session } = await started();
    await session.run();
    await session.setLayer(1);
    expect(session.state.result?.layer).toBe(1);
    expect(session.changed).toBe(false);
  });
  test('cancel ends a run and keeps what was shown', async () => {
    const { host, session } = await started();
    await session.run();
    const before = session.state.result;
    host.hold = new Promise(() => undefined);
    const run = session.run();
    expect(session.state.running).not.toBeNull();
    session.cancel();
    await run;
    expect(session.state).toMatchObject({ running: null, failure: null, result: before });
  });
  test('a failure says what happened, where and what to do', async () => {
    const { host, session } = await started();
    host.failing = new RpcError('tooLarge', 'needs 9 GiB');
    await session.run();
    expect(session.state.failure).toMatchObject({ what: 'Needs 9 GiB', where: 'Layer 0 of Sample' });
    expect(session.state.failure?.then).toContain('shorter prompt');
  });
  test('all layers are captured once, one after the other', async () => {
    const { host, session } = await started();
    await session.run();
    host.asked.length = 0;
    await session.runLayers();
    await session.runLayers();
    expect(session.state.layers.map(({ layer }) => layer)).toEqual([0, 1]);
    expect(host.asked.filter((method) => method === 'heads/capture')).toHaveLength(2);
  });
  test('seeded weights are named with their seed, and run again with another', async () => {
    const { host, session } = await started();
    await session.choose('seeded');
    await session.run();
    expect(session.state.result?.seeded).toEqual({ seed: 42, note: null });
    host.sources.length = 0;
    await session.setSeed(7);
    expect(new Set(host.sources)).toEqual(new Set(['seeded:7']));
    expect(session.state.result?.seeded?.seed).toBe(7);
    expect(session.changed).toBe(false);
  });
  test('seeded weights follow the config: an edit is run again when typing rests, in the shapes that it gives', async () => {
    vi.useFakeTimers();
    try {
      const { host, session } = await started();
      await session.choose('seeded');
      await session.run();
      await session.runLayers();
      host.layers = [{ ...GQA, kvHeads: 1 }];
      void session.follow({ ...CONFIG, text: '{"n' });
      const followed = session.follow({ ...CONFIG, text: '{"n": 1}' });
      expect(session.changed).toBe(true);
      expect(host.asked.filter((method) => method === 'heads/model')).toHaveLength(2);
      await vi.runAllTimersAsync();
      await followed;
      expect(host.asked.filter((method) => method === 'heads/model')).toHaveLength(3);
      expect(session.state.result?.attention).toMatchObject({ kvHeads: 1 });
      expect(session.changed).toBe(false);
      // Patterns of the other layers were of the old shapes.
      expect(session.state.layers).toEqual([]);
    } finally {
      vi.useRealTimers();
    }
  });
  test('of K and V of a very long prompt the first tokens are fetched, no more than a page can hold', async () => {
    const { host, session } = await started();
    host.shapes = { k: [128, 100_000, 192], v: [2, 3, 2] };
    await session.run();
    expect(host.rows).toMatchObject({ k: [0, Math.floor((32 * 512 * 512) / (128 * 192))], v: [0, 3] });
  });
  test('real weights do not follow an edit', async () => {
    const { host, session } = await started();
    await session.run();
    host.asked.length = 0;
    await session.follow({ ...CONFIG, text: '{"n": 1}' });
    expect(host.asked).toEqual([]);
    expect(session.changed).toBe(false);
  });
  test('a layer without heads is refused by name, passed over at first and among all layers', async () => {
    const { host, session } = await started();
    host.layers = [{ kind: 'refused', why: 'has no heads: its mixer (mamba) keeps a state' }, GQA];
    await session.choose('seeded');
    expect(session.state.layer).toBe(1);
    await session.run();
    await session.runLayers();
    expect(session.state.layers.map(({ layer }) => layer)).toEqual([1]);
    host.asked.length = 0;
    await session.setLayer(0);
    expect(session.refusal).toBe('Layer 0 has no heads: its mixer (mamba) keeps a state.');
    expect(host.asked).toEqual([]);
    expect(session.state.result?.layer).toBe(1);
  });
  test('ids as typed', () => {
    expect(parseIds('1, 2 3', 10)).toEqual([1, 2, 3]);
    for (const wrong of ['', '1, x', '-1', '10', '1.5']) expect(() => parseIds(wrong, 10)).toThrow(RpcError);
  });
});

test('32 heads of 512 × 512 are reduced and painted in a fraction of what is allowed', () => {
  const [heads, tokens, pixels] = [32, 512, 84];
  const data = new Float32Array(heads * tokens * tokens);
  for (let i = 0; i < data.length; i += 7) data[i] = (i % 1000) / 1000;
  const grid = patternGrid(
    [
      {
        ...layerOf(1),
        attention: { ...GQA, queryHeads: heads },
        patterns: { data, heads, rows: wholeAxis(tokens), columns: wholeAxis(tokens) },
      },
    ],
    false,
    'position',
    { scale: 'linear', shared: true, ignoreFirst: false },
  );
  const map = colourMap('sequential', { background: [31, 31, 31], highContrast: false });
  const start = process.cpuUsage();
  const bins = binsOf(wholeAxis(tokens), [0, tokens], pixels);
  const values = (grid?.heads ?? []).map(({ cells }) => reduceCells(cells, bins, bins, 'largest'));
  const scale = newScale('linear', false, Math.max(...values.map(largestOf)), values);
  const image = new Uint32Array(pixels * pixels);
  for (const value of values)
    paintBins(image, pixels, 0, 0, value, bins, bins, scale, map, { line: 1, ground: 2, period: 6, thickness: 1 });
  const { user, system } = process.cpuUsage(start);
  expect(values).toHaveLength(heads);
  // Processor time; the whole of 300 ms must also hold what a browser does.
  expect((user + system) / 1000).toBeLessThan(200);
});
