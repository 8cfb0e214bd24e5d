/**
 * Attention of a captured layer in tiles: any heads × queries × keys, reduced to a given size. Held are Q, K and one
 * log-sum-exp per row; a tile is recomputed whenever it is asked for, block by block.
 */

import { alibiBias } from '../../attention/spec/alibi';
import type { Tensor } from '../../attention/onnx/graph';
import { headDims, keyLimit } from '../../attention/spec/layerSpec';
import { MASKED, sees } from '../../attention/step/mask';
import { RpcError } from '../../shared/rpcError';
import type { LoadedProgram } from '../engines/engine';
import { Cells } from './cells';
import type { LayerCapture } from './layerPass';
import type { ProgramCache } from './programs';
import { buildTileGraph, type Reduction, type TileGraph } from './tileGraph';
import { floats } from './tokenAxis';
import { checkCancelled, type Watch } from './watch';
import { elementAt } from '../../model/elementAt';

export interface TileAsk {
  /** `weights` after the softmax, 0 where a key is not seen; `scores` before it, of the keys that are seen. */
  readonly what: 'weights' | 'scores';
  /** Query heads, in this order; all by default. */
  readonly heads?: readonly number[];
  /** Half-open ranges; all tokens by default. */
  readonly queries?: readonly [start: number, end: number];
  readonly keys?: readonly [start: number, end: number];
  /** Cells that the ranges are reduced to, as equal as can be; never more than positions. Default: no reduction. */
  readonly rows?: number;
  readonly columns?: number;
  readonly reduction?: Reduction;
}

/** Bytes of one block of scores: measured to be fastest; smaller ones give the matrix products too few rows. */
const BLOCK_BYTES = 16 * 1024 ** 2;
/** Elements of a tile; more is refused. */
const MOST_TILE_ELEMENTS = 64 * 1024 ** 2;

type Range = readonly [start: number, end: number];

interface Plan {
  readonly graph: TileGraph;
  readonly heads: readonly number[];
  readonly queries: Cells;
  readonly keys: Cells;
  /** Takes the results of one block: heads by their place in `heads`, query cells from `firstRow`, key cells from `firstColumn`. */
  readonly take: (block: {
    readonly cells: Float32Array;
    readonly heads: readonly number[];
    readonly firstRow: number;
    readonly rows: number;
    readonly firstColumn: number;
    readonly columns: number;
  }) => void;
}

export class AttentionTiles {
  private readonly tokens: number;
  private readonly q: Float32Array;
  private readonly k: Float32Array;
  private readonly groupSize: number;
  private readonly keyDim: number;
  /** Of each head and query; with ALiBi as if biases were distances to the query. NaN: not known yet. */
  private readonly lse: Float64Array;

  constructor(
    private readonly sessions: ProgramCache,
    private readonly capture: LayerCapture,
  ) {
    const { queryHeads, kvHeads, keyDim } = headDims(capture.spec.attention);
    this.tokens = capture.ids.length;
    this.q = floats(capture.tensors.get('q'));
    this.k = floats(capture.tensors.get('k'));
    this.groupSize = queryHeads / kvHeads;
    this.keyDim = keyDim;
    this.lse = new Float64Array(queryHeads * this.tokens).fill(Number.NaN);
  }

  /**
   * `[heads, rows, columns]`. Means count keys that are not seen as weight 0; of scores they leave them out, and a cell
   * that sees nothing is NaN.
   * @throws RpcError `invalidInput` for ranges outside, `tooLarge`, `cancelled`.
   */
  async read(ask: TileAsk, watch: Watch): Promise<Tensor> {
    const { queryHeads } = this.capture.spec.attention;
    const heads = ask.heads ?? Array.from({ length: queryHeads }, (_, head) => head);
    if (heads.some((head) => !(Number.isInteger(head) && head >= 0 && head < queryHeads)))
      throw new RpcError('invalidInput', `heads are 0 to ${queryHeads - 1}`);
    const queryRange = this.range(ask.queries, 'queries');
    const keyRange = this.range(ask.keys, 'keys');
    const queries = new Cells(...queryRange, ask.rows ?? Infinity);
    const keys = new Cells(...keyRange, ask.columns ?? Infinity);
    const shape = [heads.length, queries.count, keys.count];
    const elements = heads.length * queries.count * keys.count;
    if (elements > MOST_TILE_ELEMENTS)
      throw new RpcError('tooLarge', `a tile of ${elements} numbers; ask for at most ${MOST_TILE_ELEMENTS}`);
    const reduction = ask.reduction ?? 'mean';
    const data = new Float32Array(elements);
    const { take, finish } = collect(data, shape, queries, keys, ask.what, reduction, (query, key) =>
      sees(this.capture.spec.attention, query, key),
    );
    let kind: TileGraph['kind'] = 'scores';
    if (ask.what === 'weights') {
      kind = this.known(heads, queryRange) ? 'normed' : 'whole';
      if (kind === 'whole' && !this.coversAll(queryRange, keyRange)) {
        await this.findSums(heads, queryRange, watch);
        kind = 'normed';
      }
    }
    await this.run(
      { graph: this.graph(kind, reduction, queries.slots, keys.slots), heads, queries, keys, take },
      watch,
    );
    finish();
    return { type: 'float32', shape, data };
  }

  /** Log-sum-exps of rows, from whole rows in one wide cell each. */
  private async findSums(heads: readonly number[], queryRange: Range, watch: Watch): Promise<void> {
    const queries = new Cells(...queryRange, Infinity);
    const keys = new Cells(0, Math.min(this.tokens, queryRange[1]), 1);
    await this.run(
      { graph: this.graph('sums', 'max', queries.slots, keys.slots), heads, queries, keys, take: () => undefined },
      watch,
    );
  }

  private async run(plan: Plan, watch: Watch): Promise<void> {
    const { queries, keys, graph } = plan;
    const program = await this.sessions.load(`tile ${JSON.stringify(graph)}`, buildTileGraph(graph));
    const groups = this.byGroup(plan.heads);
    const widest = Math.max(...[...groups.values()].map((places) => places.length));
    const rowBytes = 4 * widest * keys.count * keys.slots * queries.slots;
    const step = Math.max(1, Math.floor(BLOCK_BYTES / rowBytes));
    const padded = keys.even ? null : this.paddedKeys([...groups.keys()], keys);
    for (let row = 0; row < queries.count; row += step) {
      checkCancelled(watch.signal);
      watch.progress({ message: `queries ${queries.border(row)} to ${queries.end}`, fraction: row / queries.count });
      const rows = Math.min(step, queries.count - row);
      const columns = this.columnsSeen(queries.border(row), queries.border(row + rows), keys);
      if (columns === null) continue;
      const block = new QueryBlock(this.capture, queries.positions(row, row + rows), keys.positions(...columns));
      for (const [group, places] of groups) {
        const heads = places.map((place) => elementAt(plan.heads, place));
        const feeds = block.feeds(graph, heads, rows, columns[1] - columns[0], this.sinksOf(heads));
        feeds.set('q', this.queryRows(block.queries, heads));
        feeds.set('k', this.keyRows(padded, group, keys, columns));
        if (graph.kind === 'normed') feeds.set('lse', this.sums(block, heads));
        const cells = await this.runBlock(program, graph, feeds, block, heads);
        plan.take({
          cells,
          heads: places,
          firstRow: row,
          rows,
          firstColumn: columns[0],
          columns: columns[1] - columns[0],
        });
      }
    }
  }

  private async runBlock(
    program: LoadedProgram,
    graph: TileGraph,
    feeds: ReadonlyMap<string, Tensor>,
    block: QueryBlock,
    heads: readonly number[],
  ): Promise<Float32Array> {
    const inputs = new Map([...feeds].filter(([name]) => used(graph).has(name)));
    if (graph.kind !== 'sums') return floats((await program.run(inputs, ['cells'])).get('cells'));
    const lse = floats((await program.run(inputs, ['lse'])).get('lse'));
    heads.forEach((head, i) => {
      block.queries.forEach((query, row) => {
        if (query >= 0)
          this.lse[head * this.tokens + query] =
            elementAt(lse, i * block.queries.length + row) - block.shift(head, query);
      });
    });
    return new Float32Array(0);
  }

  /** Scaled queries of the heads, `[heads · queries, dim]`; zeros in empty slots. */
  private queryRows(positions: Int32Array, heads: readonly number[]): Tensor {
    const { keyDim, tokens, q } = this;
    const { scale, softcap } = this.capture.spec;
    const factor = softcap === null ? scale : scale / softcap;
    const data = new Float32Array(heads.length * positions.length * keyDim);
    heads.forEach((head, i) => {
      positions.forEach((position, row) => {
        if (position < 0) return;
        const from = (head * tokens + position) * keyDim;
        const to = (i * positions.length + row) * keyDim;
        for (let d = 0; d < keyDim; d++) data[to + d] = (q[from + d] as number) * factor;
      });
    });
    return { type: 'float32', shape: [heads.length * positions.length, keyDim], data };
  }

  /** Keys of a group in the slots of cells `[first, last)`: where they lie, unless slots are empty. */
  private keyRows(
    padded: ReadonlyMap<number, Float32Array> | null,
    group: number,
    keys: Cells,
    [first, last]: Range,
  ): Tensor {
    const { keyDim, tokens, k } = this;
    const source = padded?.get(group);
    const [start, count] =
      source === undefined
        ? [group * tokens + keys.border(first), keys.border(last) - keys.border(first)]
        : [first * keys.slots, (last - first) * keys.slots];
    return {
      type: 'float32',
      shape: [count, keyDim],
      data: (source ?? k).subarray(start * keyDim, (start + count) * keyDim),
    };
  }

  private paddedKeys(groups: readonly number[], keys: Cells): ReadonlyMap<number, Float32Array> {
    const { keyDim, tokens, k } = this;
    const positions = keys.positions(0, keys.count);
    return new Map(
      groups.map((group) => {
        const data = new Float32Array(positions.length * keyDim);
        positions.forEach((position, slot) => {
          if (position >= 0)
            data.set(
              k.subarray((group * tokens + position) * keyDim, (group * tokens + position + 1) * keyDim),
              slot * keyDim,
            );
        });
        return [group, data] as const;
      }),
    );
  }

  private sums(block: QueryBlock, heads: readonly number[]): Tensor {
    const { queries } = block;
    const data = new Float32Array(heads.length * queries.length);
    heads.forEach((head, i) => {
      queries.forEach((query, row) => {
        if (query >= 0)
          data[i * queries.length + row] = elementAt(this.lse, head * this.tokens + query) + block.shift(head, query);
      });
    });
    return { type: 'float32', shape: [heads.length, queries.length, 1], data };
  }

  private sinksOf(heads: readonly number[]): Tensor | null {
    const { sinks } = this.capture;
    if (sinks === null) return null;
    return {
      type: 'float32',
      shape: [heads.length, 1, 1],
      data: Float32Array.from(heads, (head) => elementAt(sinks, head)),
    };
  }

  private graph(kind: TileGraph['kind'], reduction: Reduction, querySlots: number, keySlots: number): TileGraph {
    const { softcap, alibi, sinks } = this.capture.spec;
    return { kind, reduction, querySlots, keySlots, softcap, alibi: alibi !== null, sinks };
  }

  /** Places in `heads` by KV group. */
  private byGroup(heads: readonly number[]): ReadonlyMap<number, readonly number[]> {
    const groups = new Map<number, number[]>();
    heads.forEach((head, place) => {
      const group = Math.floor(head / this.groupSize);
      const places = groups.get(group) ?? [];
      places.push(place);
      groups.set(group, places);
    });
    return groups;
  }

  /** Key cells that some query of `[first, end)` sees, or null. */
  private columnsSeen(first: number, end: number, keys: Cells): Range | null {
    const low = Math.max(keys.start, this.firstSeen(first));
    const high = Math.min(keys.end, end);
    return low < high ? [keys.cellOf(low), keys.cellOf(high - 1) + 1] : null;
  }

  /** The first key that a query sees. */
  private firstSeen(query: number): number {
    const { attention } = this.capture.spec;
    const limit = keyLimit(attention);
    if (limit === null) return 0;
    return attention.kind === 'chunked' ? Math.floor(query / limit) * limit : Math.max(0, query - limit + 1);
  }

  private coversAll([firstQuery, endQuery]: Range, [firstKey, endKey]: Range): boolean {
    return firstKey <= this.firstSeen(firstQuery) && endKey >= endQuery;
  }

  private known(heads: readonly number[], [first, end]: Range): boolean {
    return heads.every((head) => {
      for (let query = first; query < end; query++)
        if (Number.isNaN(this.lse[head * this.tokens + query])) return false;
      return true;
    });
  }

  private range(range: Range | undefined, what: string): Range {
    const [start, end] = range ?? [0, this.tokens];
    if (Number.isInteger(start) && Number.isInteger(end) && 0 <= start && start < end && end <= this.tokens)
      return [start, end];
    throw new RpcError('invalidInput', `${what} ${start} to ${end} are outside of 0 to ${this.tokens}`);
  }
}

/** What all heads share for a block of queries and keys. */
class QueryBlock {
  private readonly mask: Float32Array;
  /** Biases are distances to this position: where weights are not negligible, they are small and exact. */
  private readonly origin: number;

  constructor(
    private readonly capture: LayerCapture,
    readonly queries: Int32Array,
    readonly keys: Int32Array,
  ) {
    const { attention } = capture.spec;
    // A block without queries biases nothing.
    this.origin = queries.find((query) => query >= 0) ?? 0;
    this.mask = new Float32Array(queries.length * keys.length);
    queries.forEach((query, row) => {
      const start = row * keys.length;
      keys.forEach((key, column) => {
        if (query < 0 || !sees(attention, query, key)) this.mask[start + column] = MASKED;
      });
    });
  }

  /** What a head's scores of a query hold above the distance to the query itself. */
  shift(head: number, query: number): number {
    const { alibi } = this.capture.spec;
    return alibi === null ? 0 : elementAt(alibi.slopes, head) * alibi.factor * (query - this.origin);
  }

  feeds(
    graph: TileGraph,
    heads: readonly number[],
    rows: number,
    columns: number,
    sinks: Tensor | null,
  ): Map<string, Tensor> {
    const { queries, keys, mask } = this;
    const shape = [queries.length, keys.length];
    const feeds = new Map<string, Tensor>([
      ['mask', { type: 'float32', shape, data: mask }],
      [
        'rows',
        {
          type: 'float32',
          shape: [queries.length, 1],
          data: Float32Array.from(queries, (query) => (query < 0 ? 0 : 1)),
        },
      ],
      ['by_block', shapeTensor([heads.length, queries.length, keys.length])],
      ['by_head', shapeTensor([heads.length, queries.length, columns, graph.keySlots])],
      ['by_cell', shapeTensor([heads.length, rows, graph.querySlots, columns])],
    ]);
    if (graph.kind === 'scores' && graph.reduction === 'mean')
      feeds.set('seen', { type: 'float32', shape, data: mask.map((value) => (value === 0 ? 1 : 0)) });
    if (sinks !== null) feeds.set('sinks', sinks);
    const { alibi } = this.capture.spec;
    if (alibi !== null) {
      const newest = this.capture.ids.length - 1;
      const own = { ...alibi, slopes: heads.map((head) => elementAt(alibi.slopes, head)) };
      const bias =
        graph.kind === 'scores'
          ? alibiBias(own, keys, newest)
          : alibiBias(
              { ...own, origin: 'first' },
              keys.map((key) => key - this.origin),
              newest,
            );
      feeds.set('alibi', { type: 'float32', shape: [heads.length, 1, keys.length], data: Float32Array.from(bias) });
    }
    return feeds;
  }
}

/** Inputs that a graph has. */
function used(graph: TileGraph): ReadonlySet<string> {
  const names = new Set(['q', 'k', 'by_block']);
  if (graph.alibi) names.add('alibi');
  names.add(graph.kind === 'scores' && graph.reduction === 'mean' ? 'seen' : 'mask');
  if (graph.kind !== 'sums') names.add('by_head').add('by_cell');
  if (graph.kind === 'normed' || graph.kind === 'whole') names.add('rows');
  if (graph.kind === 'normed') names.add('lse');
  else if (graph.sinks && graph.kind !== 'scores') names.add('sinks');
  return names;
}

function shapeTensor(shape: readonly number[]): Tensor {
  return { type: 'int64', shape: [shape.length], data: BigInt64Array.from(shape, BigInt) };
}

/** Puts blocks in their place, then divides sums by what they are means of. */
function collect(
  data: Float32Array,
  [, rows = 0, columns = 0]: readonly number[],
  queries: Cells,
  keys: Cells,
  what: TileAsk['what'],
  reduction: Reduction,
  seesKey: (query: number, key: number) => boolean,
): { readonly take: Plan['take']; readonly finish: () => void } {
  if (what === 'scores') data.fill(Number.NaN);
  const counts = (row: number, column: number): number => {
    if (what === 'weights') return queries.size(row) * keys.size(column);
    let count = 0;
    for (let query = queries.border(row); query < queries.border(row + 1); query++) {
      for (let key = keys.border(column); key < keys.border(column + 1); key++) if (seesKey(query, key)) count++;
    }
    return count;
  };
  return {
    take: (block) => {
      block.heads.forEach((place, i) => {
        for (let row = 0; row < block.rows; row++) {
          const from = (i * block.rows + row) * block.columns;
          data.set(
            block.cells.subarray(from, from + block.columns),
            (place * rows + block.firstRow + row) * columns + block.firstColumn,
          );
        }
      });
    },
    finish: () => {
      const single = queries.slots === 1 && keys.slots === 1;
      if (what === 'weights' && (reduction === 'max' || single)) return;
      const heads = data.length / (rows * columns);
      for (let row = 0; row < rows; row++) {
        for (let column = 0; column < columns; column++) {
          const count = counts(row, column);
          for (let head = 0; head < heads; head++) {
            const at = (head * rows + row) * columns + column;
            if (count === 0) data[at] = Number.NaN;
            else if (reduction === 'mean') data[at] = (data[at] as number) / count;
          }
        }
      }
    },
  };
}
