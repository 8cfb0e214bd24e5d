/** How different the heads of every layer are on a prompt, and how many directions each layer's cache uses. */

import { headDims } from '../../attention/spec/layerSpec';
import { effectiveRank, linearCka, pairMeans, PatternDistances } from '../../insight/lens/diversity';
import { headGroups } from '../../insight/identity';
import { matrix, type Matrix, zeros } from '../../insight/matrix';
import type { Tensor } from '../../attention/onnx/graph';
import type { CacheRank, Diversity, LayerDiversity } from '../../shared/lensContract';
import { RpcError } from '../../shared/rpcError';
import type { HeadModel } from '../heads/headModel';
import { HeadsRun } from '../heads/headsRun';
import type { LayerPass } from '../heads/layerPass';
import { capturedRows, tiledRows } from '../heads/measure';
import { floats } from '../heads/tokenAxis';
import { checkCancelled, type Watch } from '../heads/watch';
import { elementAt } from '../../model/elementAt';

/** Of a longer prompt the first tokens are measured: pairs of heads are many, and an eigenvalue problem grows with the cube. */
const MOST_TOKENS = 256;

/** @throws RpcError `invalidInput`, `cancelled`, `tooLarge`; WeightsError. */
export async function measureDiversity(
  model: HeadModel,
  pass: LayerPass,
  all: readonly number[],
  watch: Watch,
): Promise<Diversity> {
  const ids = all.slice(0, MOST_TOKENS);
  if (ids.length < 3) throw new RpcError('invalidInput', 'heads are compared on a prompt of at least three tokens');
  const { layers } = model.model.plan;
  const found: LayerDiversity[] = [];
  for (const layer of layers.keys()) {
    const part: Watch = {
      signal: watch.signal,
      progress: ({ message }) => watch.progress({ message, fraction: layer / layers.length }),
    };
    found.push(await ofLayer(pass, ids, layer, part));
  }
  return { tokens: ids.length, layers: found };
}

async function ofLayer(pass: LayerPass, ids: readonly number[], layer: number, watch: Watch): Promise<LayerDiversity> {
  const latent = pass.attention(layer)?.kind === 'latent';
  const run = await HeadsRun.start(
    pass,
    {
      ids,
      layer,
      dumps: ['weights', 'heads', 'k', 'v', 'hidden', ...(latent ? (['latent'] as const) : [])],
      measures: false,
    },
    watch,
  );
  const { attention } = run.capture.spec;
  const { queryHeads, kvHeads } = headDims(attention);
  // All heads of an MLA layer read one latent.
  const groups =
    attention.kind === 'latent' ? Array.from({ length: queryHeads }, () => 0) : headGroups(queryHeads, kvHeads);
  const distances = new PatternDistances(queryHeads);
  const rowsOf = capturedRows(run.capture) ?? (run.tiles && tiledRows(run.tiles, run.capture, watch));
  if (rowsOf === null) throw new TypeError('q and k were not captured');
  await rowsOf((block, rows) => distances.add(block, rows));
  checkCancelled(watch.signal);
  watch.progress({ message: `layer ${layer}: comparing heads` });
  const { tensors } = run.capture;
  const outputs = panels(tensors.get('heads'));
  const cka = pairMeans(groups, (a, b) => linearCka(elementAt(outputs, a), elementAt(outputs, b)));
  checkCancelled(watch.signal);
  const ranks: CacheRank[] = [];
  for (const what of ['k', 'v', 'latent'] as const) {
    const tensor = tensors.get(what);
    if (tensor === undefined) continue;
    const rows = sideBySide(panels(tensor));
    ranks.push({ what, rank: effectiveRank(rows), most: Math.min(rows.rows, rows.columns), width: rows.columns });
    checkCancelled(watch.signal);
  }
  return {
    layer,
    attention,
    groups: new Set(groups).size,
    cka,
    patternDistance: pairMeans(groups, (a, b) => distances.of(a, b)),
    ranks,
  };
}

/** `[panels, tokens, dim]`, or one panel `[tokens, dim]`. */
function panels(tensor: Tensor | undefined): readonly Matrix[] {
  if (tensor === undefined) throw new TypeError('what is compared was not captured');
  const [dim = 0, tokens = 0, count = 1] = tensor.shape.toReversed();
  const data = floats(tensor);
  return Array.from({ length: count }, (_, at) =>
    matrix(tokens, dim, data.subarray(at * tokens * dim, (at + 1) * tokens * dim)),
  );
}

/** What is kept of a token, in one row. */
function sideBySide(parts: readonly Matrix[]): Matrix {
  const [rows, width] = [parts[0]?.rows ?? 0, parts[0]?.columns ?? 0];
  const result = zeros(rows, width * parts.length);
  parts.forEach(({ data }, part) => {
    for (let row = 0; row < rows; row++)
      result.data.set(data.subarray(row * width, (row + 1) * width), row * result.columns + part * width);
  });
  return result;
}
