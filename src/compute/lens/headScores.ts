/** Scores and names of every head of a model on one prompt. */

import { headDims, type AttentionLayerSpec } from '../../attention/spec/layerSpec';
import type { BlockSpec } from '../../attention/spec/blockSpec';
import { layerWeights } from '../../attention/spec/weightNames';
import { firstSeen } from '../../insight/conversion/distortion';
import { headGroups } from '../../insight/identity';
import { copySuppression, HeadScorer, namesOf, type ScoredHead, type Written } from '../../insight/lens/headScores';
import { type Matrix, zeros } from '../../insight/matrix';
import { elementAt } from '../../model/elementAt';
import type { NamedHead, NamedHeads, NamedLayer } from '../../shared/lensContract';
import { RpcError } from '../../shared/rpcError';
import type { HeadModel } from '../heads/headModel';
import { HeadsRun } from '../heads/headsRun';
import type { LayerPass } from '../heads/layerPass';
import { capturedRows, tiledRows } from '../heads/measure';
import { floats } from '../heads/tokenAxis';
import { abortSignal, checkCancelled, type Watch } from '../heads/watch';
import { engineLinear } from '../tradeoff/linear';
import { Unembedding } from './unembed';

/** Keys of each head whose writing is looked at, those that it looks at most; and multiplications that this may take in all. */
const MOST_KEYS = 16;
const MOST_PRODUCTS = 4e11;

interface Head {
  readonly head: number;
  readonly group: number;
  readonly scored: ReturnType<HeadScorer['result']>;
}

/** One head that writes one key's value: `[hidden]` in the residual stream. */
interface Writing {
  readonly of: Head;
  readonly key: number;
}

/** @throws RpcError `invalidInput`, `cancelled`, `tooLarge`; WeightsError. */
export async function scoreHeads(
  model: HeadModel,
  pass: LayerPass,
  ids: readonly number[],
  watch: Watch,
): Promise<NamedHeads> {
  if (ids.length < 2) throw new RpcError('invalidInput', 'heads are named on a prompt of at least two tokens');
  const { plan } = model.model;
  const count = plan.layers.length;
  const linear = engineLinear(pass.sessions.engine);
  try {
    const unembedding = await Unembedding.open(model.model, linear.map, abortSignal(watch.signal));
    const heads = plan.layers.reduce((sum, { block }) => sum + block.layer.attention.queryHeads, 0);
    const each = heads * unembedding.vocabulary * plan.hiddenSize;
    const keys = Math.min(MOST_KEYS, Math.floor(MOST_PRODUCTS / each));
    const layers: NamedLayer[] = [];
    for (const [layer, { block }] of plan.layers.entries()) {
      const part: Watch = {
        signal: watch.signal,
        progress: ({ message }) => watch.progress({ message, fraction: layer / count }),
      };
      const why = keys === 0 ? 'the model is too large for it here' : notLinear(block);
      const run = await HeadsRun.start(
        pass,
        { ids, layer, dumps: ['weights', 'hidden', ...(why === null ? (['v'] as const) : [])], measures: false },
        part,
      );
      const scored = await scoredHeads(run, part);
      const written =
        why === null
          ? await writings(model, unembedding, pass, run, block, scored, keys, part)
          : new Map<Head, readonly Written[]>();
      layers.push({
        layer,
        heads: scored.map((head) => named(head, written.get(head) ?? null)),
        copySuppression: why,
      });
    }
    return { layers };
  } finally {
    await linear.dispose();
  }
}

async function scoredHeads(run: HeadsRun, watch: Watch): Promise<readonly Head[]> {
  const { ids, spec } = run.capture;
  const { queryHeads, kvHeads } = headDims(spec.attention);
  const scorers = headGroups(queryHeads, kvHeads).map(
    (group) => [group, new HeadScorer(ids, (query) => firstSeen(spec.attention, query))] as const,
  );
  const rowsOf = capturedRows(run.capture) ?? (run.tiles && tiledRows(run.tiles, run.capture, watch));
  if (rowsOf === null) throw new TypeError('q and k were not captured');
  await rowsOf((block, rows) => {
    scorers.forEach(([, scorer], head) => {
      for (let row = 0; row < rows; row++) {
        const start = (head * rows + row) * ids.length;
        scorer.addRow(block.subarray(start, start + ids.length));
      }
    });
  });
  return scorers.map(([group, scorer], head) => ({ head, group, scored: scorer.result() }));
}

function named({ head, group, scored }: Head, written: readonly Written[] | null): NamedHead {
  const copies = written === null ? { score: null, evidence: [] } : copySuppression(scored.received, written);
  const scores: ScoredHead['scores'] = { ...scored.scores, copySuppression: copies.score };
  return {
    head,
    group,
    scores,
    names: namesOf(scores),
    evidence: { ...scored.evidence, copySuppression: copies.evidence },
  };
}

/** Why what a head adds to the logits is not a linear map of its value, or null. */
function notLinear({ layer, norms }: BlockSpec): string | null {
  if (layer.outputGate !== 'none') return 'a gate changes what its heads write with every query';
  if (layer.outputNorm !== null) return 'a norm over all of its heads comes before their output projection';
  if (norms.attentionResidual !== null) return 'a norm on the residual stream follows its attention';
  return null;
}

/** Of each head and the keys that it looks at most: how its value changes the logit of the key's own token. */
async function writings(
  model: HeadModel,
  unembedding: Unembedding,
  pass: LayerPass,
  { capture }: HeadsRun,
  block: BlockSpec,
  heads: readonly Head[],
  keys: number,
  watch: Watch,
): Promise<ReadonlyMap<Head, readonly Written[]>> {
  const { ids, spec, layer } = capture;
  const list = heads.flatMap((of) => mostReceived(of.scored.received, keys).map((key): Writing => ({ of, key })));
  const result = new Map<Head, Written[]>(heads.map((head) => [head, []]));
  if (list.length === 0) return result;
  const norm = block.norms.attentionOutput;
  const infos = layerWeights(spec).filter(({ name }) => name === 'o.weight');
  const after =
    norm === null || norm.weight === 'none' ? [] : [{ name: 'norm_attention_output.weight', shape: [spec.hiddenSize] }];
  const weights = await pass.weights(layer, [...infos, ...after], watch);
  const added = outputs(list, floats(capture.tensors.get('v')), floats(weights.get('o.weight')), spec, ids.length);
  if (norm !== null)
    throughNorm(added, norm, after.length === 0 ? null : floats(weights.get('norm_attention_output.weight')));
  const ready = await unembedding.direction(added);
  const own = await unembedding.of(
    ready,
    list.map(({ key }) => elementAt(ids, key)),
    'direction',
  );
  const lower = list.map(() => 0);
  const sign = Math.sign(model.model.plan.output.multiplier);
  for await (const { first, logits } of unembedding.pieces(ready, 'direction')) {
    checkCancelled(watch.signal);
    watch.progress({ message: `layer ${layer}: what heads write` });
    const { columns, data } = logits;
    list.forEach(({ key }, row) => {
      const id = elementAt(ids, key);
      const mine = sign * elementAt(own.get(id) ?? [], row);
      let found = 0;
      for (let i = 0; i < columns; i++)
        if (sign * (data[row * columns + i] as number) < mine && first + i !== id) found++;
      lower[row] = elementAt(lower, row) + found;
    });
  }
  list.forEach(({ of, key }, row) => result.get(of)?.push({ key, lower: elementAt(lower, row) }));
  return result;
}

/** Keys with the most weight on them, in falling order. */
function mostReceived(received: Float64Array, most: number): readonly number[] {
  return [...received.keys()]
    .filter((key) => elementAt(received, key) > 0)
    .sort((a, b) => elementAt(received, b) - elementAt(received, a))
    .slice(0, most);
}

/** W_O of the head times its value at the key: `[writings, hidden]`. @param v `[groups, tokens, valueDim]` @param o `[hidden, heads · valueDim]` */
function outputs(
  list: readonly Writing[],
  v: Float32Array,
  o: Float32Array,
  { attention, hiddenSize }: AttentionLayerSpec,
  tokens: number,
): Matrix {
  const { queryHeads, valueDim } = headDims(attention);
  const perGroup = queryHeads / (v.length / (tokens * valueDim));
  const result = zeros(list.length, hiddenSize);
  list.forEach(({ of: { head }, key }, row) => {
    const from = (Math.floor(head / perGroup) * tokens + key) * valueDim;
    for (let out = 0; out < hiddenSize; out++) {
      const at = out * queryHeads * valueDim + head * valueDim;
      let sum = 0;
      for (let i = 0; i < valueDim; i++) sum += (o[at + i] as number) * (v[from + i] as number);
      result.data[row * hiddenSize + out] = sum;
    }
  });
  return result;
}

/** A norm on the attention's output, without its scale: as at the end of the model, the order of logits does not depend on it. */
function throughNorm(
  { rows, columns, data }: Matrix,
  norm: NonNullable<BlockSpec['norms']['attentionOutput']>,
  weight: Float32Array | null,
): void {
  for (let r = 0; r < rows; r++) {
    let mean = 0;
    if (norm.kind === 'layer') for (let c = 0; c < columns; c++) mean += (data[r * columns + c] as number) / columns;
    for (let c = 0; c < columns; c++) {
      const factor = weight === null ? 1 : (weight[c] as number) + (norm.weight === 'plus-one' ? 1 : 0);
      data[r * columns + c] = ((data[r * columns + c] as number) - mean) * factor;
    }
  }
}
