/** One look at a layer of a model: captures, measures, dumps. What `heads` prints and the editor shows. */

import type { Tensor } from '../../attention/onnx/graph';
import type { CaptureName } from '../../attention/onnx/program';
import { type DumpName, dumpTensor } from './dump';
import type { CaptureAsk, LayerCapture, LayerPass } from './layerPass';
import { capturedRows, measureLayer, tiledRows } from './measure';
import { tensorTile } from './tensorTile';
import { AttentionTiles } from './tiles';
import type { Watch } from './watch';
import type { HeadCapture, LayerMeasures, TileParams } from '../../shared/headsContract';
import { RpcError } from '../../shared/rpcError';

type TileOptions = Omit<TileParams, 'capture' | 'what'>;

export interface HeadsAsk {
  readonly ids: readonly number[];
  readonly layer: number;
  readonly dumps: readonly DumpName[];
  /** Measures need Q, K and V besides what is dumped. */
  readonly measures: boolean;
}

export class HeadsRun {
  private constructor(
    readonly capture: LayerCapture,
    readonly tiles: AttentionTiles | null,
    private readonly watch: Watch,
  ) {}

  /** Bytes of weights that `start` would have fetched, at most. */
  static async lacking(forward: LayerPass, ask: HeadsAsk): Promise<number> {
    return (await forward.lacking?.(captureAsk(forward, ask))) ?? 0;
  }

  static async start(forward: LayerPass, ask: HeadsAsk, watch: Watch): Promise<HeadsRun> {
    const wanted = captureAsk(forward, ask);
    const capture = await forward.capture(wanted, watch);
    const names = new Set(wanted.captures);
    const tiles = names.has('q') && names.has('k') ? new AttentionTiles(forward.sessions, capture) : null;
    return new HeadsRun(capture, tiles, watch);
  }

  measures(): Promise<LayerMeasures> {
    const rows = capturedRows(this.capture) ?? (this.tiles && tiledRows(this.tiles, this.capture, this.watch));
    if (rows === null) throw new TypeError('q and k were not captured');
    return measureLayer(this.capture, rows);
  }

  /** A capture in the shape that is handed out. */
  async dump(name: DumpName): Promise<Tensor> {
    if ((name === 'weights' || name === 'scores') && !this.capture.tensors.has(name) && this.tiles !== null)
      return this.tiles.read({ what: name }, this.watch);
    return dumpTensor(this.capture, name);
  }

  /** The same for the eye: no side of a head's panel is longer than `most`. */
  async view(name: DumpName, most: number): Promise<Tensor> {
    if (name === 'weights' || name === 'scores') return this.tile(name, { size: [most, most] }, this.watch);
    return tensorTile(dumpTensor(this.capture, name), { size: [most, most] });
  }

  /** Part of a capture, as it is held; weights and scores from Q and K wherever these are. */
  async tile(what: HeadCapture, { heads, rows, columns, size, reduction }: TileOptions, watch: Watch): Promise<Tensor> {
    const given = reduction === undefined ? {} : { reduction };
    if ((what === 'weights' || what === 'scores') && this.tiles !== null) {
      return this.tiles.read(
        {
          what,
          ...(heads && { heads }),
          ...(rows && { queries: rows }),
          ...(columns && { keys: columns }),
          ...(size && { rows: size[0], columns: size[1] }),
          ...given,
        },
        watch,
      );
    }
    const tensor = this.capture.tensors.get(what);
    if (tensor === undefined) throw new RpcError('invalidInput', `this run did not capture ${what}`);
    return tensorTile(tensor, {
      ...(heads && { panels: heads }),
      ...(rows && { rows }),
      ...(columns && { columns }),
      ...(size && { size }),
      ...given,
    });
  }
}

/** What must be captured for it. @throws RpcError where the layer has no such thing */
function captureAsk(forward: LayerPass, ask: HeadsAsk): CaptureAsk {
  const attention = forward.attention(ask.layer);
  const atOnce = forward.atOnce(ask.layer, ask.ids.length);
  const names = new Set<CaptureName>();
  for (const name of ask.dumps) {
    if (name === 'logits') continue;
    if (attention !== undefined && attention.kind !== 'latent' && (name === 'latent' || name === 'ropeKey'))
      throw new RpcError('invalidInput', `layer ${ask.layer} has no ${name}: its attention is not latent (MLA)`);
    names.add(name);
  }
  if (ask.measures) for (const name of ['q', 'k', 'v', 'weights'] as const) names.add(name);
  if (!atOnce && (names.has('weights') || names.has('scores'))) {
    names.delete('weights');
    names.delete('scores');
    names.add('q');
    names.add('k');
  }
  return { ids: ask.ids, layer: ask.layer, captures: [...names], logits: ask.dumps.includes('logits') };
}
