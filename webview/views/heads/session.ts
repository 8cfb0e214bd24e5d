/**
 * Runs of heads, as the page knows them: sources, the prompt, one layer's capture, and all layers' when they are asked for. It
 * outlives the view, so that another tab and back costs nothing.
 */

import type { RunnableAttention } from '../../../src/attention/spec/layerSpec';
import type { Tensor } from '../../../src/attention/onnx/graph';
import type { DeviceChoice } from '../../../src/shared/devices';
import type {
  CaptureResult,
  HeadCapture,
  HeadsModelInfo,
  LayerMeasures,
  SeededNote,
} from '../../../src/shared/headsContract';
import type { HeadSource, PanelConfig, PanelMethods } from '../../../src/shared/panelContract';
import type { CallOptions, MethodName, MethodParams, MethodResult } from '../../../src/shared/rpc';
import { RpcError } from '../../../src/shared/rpcError';
import { DEFAULT_SEED } from '../../../src/shared/limits';
import { parseIds } from './tokenIds';
import type { CellAxis } from '../../../src/insight/cells';
import type { Window } from '../../charts/heatmap/axis';
import { WorkSession, type WorkState } from './workSession';

/** The part of the host that is called; tests answer it themselves. */
export interface Caller {
  call<K extends MethodName<PanelMethods>>(
    method: K,
    params: MethodParams<PanelMethods, K>,
    options?: CallOptions,
  ): Promise<MethodResult<PanelMethods, K>>;
}

/** Numbers `[heads, rows, columns]` with the positions that they cover. */
export interface Patterns {
  readonly data: Float32Array;
  readonly heads: number;
  readonly rows: CellAxis;
  readonly columns: CellAxis;
}

export interface LayerPatterns {
  readonly layer: number;
  readonly attention: RunnableAttention;
  readonly capture: number;
  readonly patterns: Patterns;
  readonly measures: LayerMeasures | null;
}

/** `[count, tokens, dim]`; of long prompts the first tokens only. */
export interface Vectors {
  readonly data: Float32Array;
  readonly count: number;
  readonly tokens: number;
  readonly dim: number;
}

export interface HeadsResult extends LayerPatterns {
  readonly source: HeadSource;
  /** The followed config at that time. */
  readonly config: FollowedConfig | null;
  readonly prompt: string;
  /** Null for a model's own weights. */
  readonly seeded: SeededNote | null;
  readonly ids: readonly number[];
  readonly pieces: readonly string[];
  /** Layers of its model, which need not be the one that is chosen now. */
  readonly layerCount: number;
  /** Its prompt was read by words. */
  readonly words: boolean;
  /** Its prompts are text; else token ids below `vocabulary`. */
  readonly text: boolean;
  readonly vocabulary: number;
  /** Null until they are shown (`fetchQueries`). */
  readonly q: Vectors | null;
  readonly queryShape: readonly number[];
  readonly k: Vectors;
  readonly v: Vectors;
  /** Latent layers only. */
  readonly latent: Vectors | null;
  readonly ropeKey: Vectors | null;
  readonly provenance: CaptureResult['provenance'];
  readonly ms: number;
}

export interface HeadsState extends WorkState {
  /** Null until the host answered. */
  readonly sources: readonly HeadSource[] | null;
  readonly source: HeadSource | null;
  readonly model: HeadsModelInfo | null;
  readonly prompt: string;
  readonly layer: number;
  readonly result: HeadsResult | null;
  /** Patterns of every layer for the result's prompt, as far as they are there. */
  readonly layers: readonly LayerPatterns[];
  readonly device: DeviceChoice | null;
  readonly config: FollowedConfig | null;
  /** The config (its id) beside which the user chose the source: there the choice goes before weights beside it. */
  readonly chosenFor: string | null;
  /** Of seeded weights. */
  readonly seed: number;
}

type FollowedConfig = Pick<PanelConfig, 'id' | 'name' | 'text'>;

/** What a session starts with after a reload. */
export interface Remembered {
  readonly source?: string;
  /** The config (its id) beside which the source was chosen. */
  readonly chosenFor?: string;
  readonly prompt?: string;
  readonly layer?: number;
  readonly seed?: number;
}

/** Numbers that are fetched at once, of all heads' patterns or of K: 32 heads of 512 × 512. Patterns of longer contexts come as tiles. */
const MOST_CELLS = 32 * 512 * 512;
/** Cells on a side of a pattern at most: pictures of a grid have fewer pixels, and a head that is zoomed into is fetched finer. */
const MOST_SIDE = 512;
/** Cells on a side of a pattern among those of all layers. */
const LAYER_CELLS = 64;
/** A config is run again by itself when its run takes less than this, and no key was pressed for as long as `REST_MS`. */
const QUICK_MS = 4000;
const REST_MS = 300;

const AT_FIRST: HeadsState = {
  sources: null,
  source: null,
  model: null,
  prompt: '',
  layer: 0,
  running: null,
  failure: null,
  result: null,
  layers: [],
  device: null,
  config: null,
  chosenFor: null,
  seed: DEFAULT_SEED,
};

export class HeadsSession extends WorkSession<HeadsState> {
  private queriesOf: HeadsResult | null = null;
  private typed = false;
  private resting: ReturnType<typeof setTimeout> | undefined;

  constructor(private readonly host: Caller) {
    super(AT_FIRST);
  }

  /**
   * Asks for the sources, again when another config is followed. Weights beside it go first, unless another source was chosen for this very
   * config; then the chosen one stays if it is still there.
   */
  async start(config: FollowedConfig | null, remembered: Remembered = {}): Promise<void> {
    const { source: before, ...values } = remembered;
    this.update({ config, model: null, ...values });
    if (values.prompt) this.typed = true;
    try {
      const sources = await this.host.call('panel/headSources', null);
      const wanted = this.current.source?.id ?? before;
      const kept = sources.find(({ id }) => id === wanted);
      const beside = sources.find(({ origin, problem }) => origin === 'beside' && problem === null);
      const source =
        (this.current.chosenFor === (config?.id ?? null) ? (kept ?? beside) : (beside ?? kept)) ??
        sources.find(({ problem }) => problem === null) ??
        sources[0] ??
        null;
      this.update({ sources, failure: null });
      await this.use(source);
    } catch (error) {
      this.fail(error, 'Weights to choose from');
    }
  }

  /** Follows another config, or another text of the same: seeded weights have its shapes, and are run again if that is quick. */
  follow(config: FollowedConfig | null): Promise<void> {
    const { config: before, source, result } = this.current;
    if (before?.id !== config?.id) return this.start(config);
    if (before?.text === config?.text) return Promise.resolve();
    this.update({ config });
    clearTimeout(this.resting);
    if (source?.origin !== 'seeded') return Promise.resolve();
    return new Promise((resolve) => {
      this.resting = setTimeout(() => resolve(this.again(source, result)), REST_MS);
    });
  }

  private async again(source: HeadSource, result: HeadsResult | null): Promise<void> {
    if (this.current.source !== source) return;
    await this.use(source, true);
    if (result?.seeded != null && result.ms < QUICK_MS && this.refusal === null && this.current.failure === null)
      await this.run();
  }

  async choose(id: string): Promise<void> {
    const source = this.current.sources?.find((each) => each.id === id) ?? null;
    this.cancel();
    this.update({ chosenFor: this.current.config?.id ?? null });
    await this.use(source);
  }

  /** Asks the user for weights. */
  async browse(): Promise<void> {
    try {
      const source = await this.host.call('panel/chooseHeadSource', null);
      if (source === null) return;
      this.update({ sources: [...(this.current.sources ?? []).filter(({ id }) => id !== source.id), source] });
      await this.choose(source.id);
    } catch (error) {
      this.fail(error, 'Choosing weights');
    }
  }

  setPrompt(prompt: string): void {
    this.typed = true;
    this.update({ prompt });
  }

  /** Shows another layer: of the same prompt it is run at once, since what lies below it is kept. */
  setLayer(layer: number): Promise<void> {
    this.update({ layer });
    return this.runSame();
  }

  setSeed(seed: number): Promise<void> {
    this.update({ seed });
    return this.runSame();
  }

  private runSame(): Promise<void> {
    const { result, source, prompt } = this.current;
    return result !== null &&
      this.changed &&
      this.refusal === null &&
      result.source.id === source?.id &&
      result.prompt === prompt
      ? this.run()
      : Promise.resolve();
  }

  /** Why the chosen layer cannot be shown, or null. */
  get refusal(): string | null {
    const { model, layer } = this.current;
    const attention = model?.layers[layer];
    return attention?.kind === 'refused' ? `Layer ${layer} ${attention.why}.` : null;
  }

  /** True where the boxes say something else than what is shown. */
  get changed(): boolean {
    const { result, source, prompt, layer, config, seed } = this.current;
    if (result === null) return false;
    const { origin } = result.source;
    const elsewhere = (origin === 'beside' || origin === 'seeded') && result.config?.id !== config?.id;
    const reshaped = result.seeded !== null && (result.seeded.seed !== seed || result.config?.text !== config?.text);
    return (
      elsewhere || reshaped || result.source.id !== source?.id || result.prompt !== prompt || result.layer !== layer
    );
  }

  async run(): Promise<void> {
    const { source, model, prompt, layer, config } = this.current;
    if (source === null || model === null) return;
    await this.working(`Layer ${layer} of ${source.label}`, async (options) => {
      const ids = await this.idsOf(source, model, prompt, options);
      const looked = await this.look(
        source,
        ids,
        layer,
        model.layers[layer]?.kind === 'latent' ? ['q', 'k', 'v', 'latent', 'ropeKey'] : ['q', 'k', 'v'],
        MOST_SIDE,
        options,
      );
      const { capture, attention, seeded } = looked;
      const vectors = (what: HeadCapture): Promise<Vectors> =>
        this.vectors(capture, what, looked.shapes[what] ?? [], options);
      const latent = attention.kind === 'latent';
      const result: HeadsResult = {
        ...looked,
        source,
        config,
        prompt,
        ids,
        layerCount: model.layers.length,
        words: model.words,
        text: isText(model),
        vocabulary: model.vocabularySize,
        q: null,
        queryShape: looked.shapes.q ?? [],
        k: await vectors('k'),
        v: await vectors('v'),
        latent: latent ? await vectors('latent') : null,
        ropeKey: latent && attention.ropeDim > 0 ? await vectors('ropeKey') : null,
      };
      const before = this.current.result;
      const same =
        before?.prompt === prompt &&
        before.source.id === source.id &&
        (seeded === null || (before.config?.text === config?.text && before.seeded?.seed === seeded.seed));
      this.update({ result, layers: same ? this.current.layers : [] });
    });
  }

  /** The queries of what is shown, once for a result: patterns need none of their numbers here. */
  async fetchQueries(): Promise<void> {
    const { result } = this.current;
    // Asked for once: what failed is said, and another run asks again.
    if (result === null || result.q !== null || this.queriesOf === result) return;
    this.queriesOf = result;
    try {
      const q = await this.vectors(result.capture, 'q', result.queryShape, {});
      // Another run may have come between.
      if (this.current.result?.capture === result.capture) this.update({ result: { ...this.current.result, q } });
    } catch (error) {
      if (this.current.result?.capture === result.capture) this.fail(error, `Q of layer ${result.layer}`);
    }
  }

  /** Patterns of all layers, one after the other, each shown when it is there. */
  async runLayers(): Promise<void> {
    // Layers of one picture have one config and one seed.
    if (this.current.result?.seeded != null && this.changed) await this.run();
    const { result, model } = this.current;
    if (result === null || model === null) return;
    const { source, ids } = result;
    const shown = model.layers.flatMap((attention, layer) => (attention.kind === 'refused' ? [] : [layer]));
    await this.working(`All layers of ${source.label}`, async (options) => {
      for (const [at, layer] of shown.entries()) {
        if (this.current.layers.some((each) => each.layer === layer)) continue;
        const fraction = at / shown.length;
        const step: CallOptions = { ...options, onProgress: ({ message }) => this.progress(message, fraction) };
        this.progress(`layer ${layer} of ${model.layers.length}`, fraction);
        const looked = await this.look(source, ids, layer, ['q', 'k'], LAYER_CELLS, step);
        this.update({ layers: [...this.current.layers, looked] });
      }
    });
  }

  /** A part of one head's pattern, in as many cells as there is room for. */
  async tile(
    capture: number,
    heads: readonly number[],
    rows: Window,
    columns: Window,
    size: readonly [number, number],
  ): Promise<Patterns> {
    const tensor = await this.host.call('heads/tile', {
      capture,
      what: 'weights',
      heads,
      rows,
      columns,
      size,
      reduction: 'max',
    });
    return patternsOf(tensor, rows, columns);
  }

  protected override beginning(): string {
    return this.current.device === null ? 'Looking for the fastest device' : super.beginning();
  }

  /** Seeded weights are named with their seed. */
  private idOf({ id, origin }: HeadSource): string {
    return origin === 'seeded' ? `${id}:${this.current.seed}` : id;
  }

  /** @param same It is used already, and may have changed. */
  private async use(source: HeadSource | null, same = false): Promise<void> {
    this.update({ source, failure: null, ...(!same && { model: null }) });
    if (source === null || source.problem !== null) return;
    if (!this.typed) this.update({ prompt: EXAMPLE_PROMPT });
    try {
      const model = await this.host.call('heads/model', { source: this.idOf(source) }, { supersedeKey: 'heads/model' });
      if (this.current.source?.id !== source.id) return;
      const { layers } = model;
      const { layer } = this.current;
      const at = Math.min(layers.length - 1, layer);
      // A hybrid's first layers may have no heads.
      const shown = layers[at]?.kind === 'refused' ? layers.findIndex(({ kind }) => kind !== 'refused') : at;
      this.update({ model, layer: shown < 0 ? at : shown });
      if (!this.typed && !isText(model)) this.update({ prompt: exampleIds(model.vocabularySize) });
    } catch (error) {
      this.fail(error, source.label);
      return;
    }
    // Looking for a device takes a while at the first time: not before there is something to run.
    if (this.current.device === null)
      this.host.call('panel/device', null).then(
        (device) => this.update({ device }),
        () => undefined,
      );
  }

  private async idsOf(
    source: HeadSource,
    model: HeadsModelInfo,
    prompt: string,
    options: CallOptions,
  ): Promise<readonly number[]> {
    if (!isText(model)) return parseIds(prompt, model.vocabularySize);
    const { ids } = await this.host.call('heads/tokens', { source: this.idOf(source), text: prompt }, options);
    if (ids.length === 0) throw new RpcError('invalidInput', 'The prompt has no tokens.');
    return ids;
  }

  /** A layer's capture, with patterns of at most so many cells on a side. */
  private async look(
    source: HeadSource,
    ids: readonly number[],
    layer: number,
    captures: readonly HeadCapture[],
    most: number,
    options: CallOptions,
  ): Promise<CaptureResult & LayerPatterns> {
    const captured = await this.host.call(
      'heads/capture',
      { source: this.idOf(source), ids, layer, captures, measures: true, logits: false },
      options,
    );
    const tokens = ids.length;
    const side = Math.max(
      16,
      Math.min(tokens, most, Math.floor(Math.sqrt(MOST_CELLS / captured.attention.queryHeads))),
    );
    const size = side < tokens ? ([side, side] as const) : undefined;
    const tensor = await this.host.call(
      'heads/tile',
      { capture: captured.capture, what: 'weights', reduction: 'max', ...(size && { size }) },
      options,
    );
    return { ...captured, layer, patterns: patternsOf(tensor, [0, tokens], [0, tokens]) };
  }

  /** The first tokens, as many as `MOST_CELLS` hold. */
  private async vectors(
    capture: number,
    what: HeadCapture,
    shape: readonly number[],
    options: CallOptions,
  ): Promise<Vectors> {
    const [width = 1, all = 1, groups = 1] = shape.toReversed();
    const tensor = await this.host.call(
      'heads/tile',
      { capture, what, rows: [0, Math.min(all, Math.floor(MOST_CELLS / (groups * width)))] },
      options,
    );
    const [count = 1, tokens = 0, dim = 0] = tensor.shape;
    return { data: floats(tensor), count, tokens, dim };
  }
}

/** The prompt is a text, not a list of ids. */
export function isText({ tokenizer, words }: HeadsModelInfo): boolean {
  return tokenizer || words;
}

function patternsOf(tensor: Tensor, rows: Window, columns: Window): Patterns {
  const [heads = 0, height = 0, width = 0] = tensor.shape;
  return {
    data: floats(tensor),
    heads,
    rows: { start: rows[0], end: rows[1], count: height },
    columns: { start: columns[0], end: columns[1], count: width },
  };
}

/** @throws RpcError for another kind of numbers. */
function floats(tensor: Tensor): Float32Array {
  if (tensor.data instanceof Float32Array) return tensor.data;
  throw new RpcError('internal', 'The result has a number format that the panel cannot read.');
}

/** The lecture's. Each of its words is a token of the sample models. */
const EXAMPLE_PROMPT = 'The American flag is red, white, and';

/** A list with a repetition, so that there is something to find. */
function exampleIds(vocabulary: number): string {
  const ids = [11, 42, 7, 23, 64, 5].map((id) => id % vocabulary);
  return [...ids, ...ids].join(', ');
}
