/**
 * What a model would say after every layer: the logit lens (nostalgebraist 2020, "interpreting GPT: the logit lens"). Each layer's output goes
 * through the final norm and the output head, as if the layers behind it were not there; the last is the model's own next token.
 */

import { DistributionReader } from '../../insight/lens/distribution';
import { type Matrix, zeros } from '../../insight/matrix';
import { elementAt } from '../../model/elementAt';
import type { LensRead, LensState } from '../../shared/lensContract';
import { RpcError } from '../../shared/rpcError';
import { embed } from '../../weights/plan/readPlan';
import type { HeadModel } from '../heads/headModel';
import type { LayerPass } from '../heads/layerPass';
import { floats } from '../heads/tokenAxis';
import { abortSignal, checkCancelled, type Watch } from '../heads/watch';
import { engineLinear } from '../tradeoff/linear';
import { Unembedding } from './unembed';

export interface LensAsk {
  readonly ids: readonly number[];
  /** Positions that are read, each what the model says behind that token. */
  readonly positions: readonly number[];
  /** Likeliest tokens to name. */
  readonly top: number;
  /** Tokens whose rank is wanted besides that of the token that really follows. */
  readonly tokens: readonly number[];
}

/** Share of the time that layers take. */
const LAYERS = 0.7;

/** @throws RpcError `invalidInput`, `cancelled`, `tooLarge`; WeightsError. */
export async function readStates(model: HeadModel, pass: LayerPass, ask: LensAsk, watch: Watch): Promise<LensRead> {
  const { ids, positions } = ask;
  const { plan, store } = model.model;
  checkAsk(ask, plan.vocabularySize);
  const signal = abortSignal(watch.signal);
  const { hiddenSize, layers } = plan;
  const states: Matrix[] = [rowsOf(await embed(store, plan, ids), positions, hiddenSize)];
  for (const index of layers.keys()) {
    const { tensors } = await pass.capture(
      { ids, layer: index, captures: ['hidden'], logits: false },
      {
        signal: watch.signal,
        progress: ({ message }) => watch.progress({ message, fraction: (LAYERS * index) / layers.length }),
      },
    );
    states.push(rowsOf(floats(tensors.get('hidden')), positions, hiddenSize));
  }
  const linear = engineLinear(pass.sessions.engine);
  try {
    const unembedding = await Unembedding.open(model.model, linear.map, signal);
    const found = await distributions(unembedding, states, ask, watch);
    const named = new Set(
      found.flatMap((state) => state.flatMap(({ top, asked }) => [...top, ...asked].map(({ id }) => id))),
    );
    const list = [...named];
    const pieces = await model.pieces(list);
    return {
      positions,
      states: found.map((reads, at): LensState => ({ layer: at === 0 ? null : at - 1, reads })),
      words: list.map((id, at) => ({ id, piece: pieces[at] ?? `#${id}` })),
    };
  } finally {
    await linear.dispose();
  }
}

function checkAsk({ ids, positions, tokens }: LensAsk, vocabulary: number): void {
  if (ids.length === 0) throw new RpcError('invalidInput', 'there are no tokens');
  const beyond = positions.find((position) => position >= ids.length);
  if (beyond !== undefined)
    throw new RpcError('invalidInput', `there is no position ${beyond}: the prompt has ${ids.length} tokens, from 0`);
  const unknown = tokens.find((id) => id >= vocabulary);
  if (unknown !== undefined)
    throw new RpcError('invalidInput', `token ${unknown} is not in the vocabulary of ${vocabulary}`);
}

/** All states at once: the output head is read once. */
async function distributions(
  unembedding: Unembedding,
  states: readonly Matrix[],
  { ids, positions, top, tokens }: LensAsk,
  watch: Watch,
): Promise<readonly LensState['reads'][]> {
  const ready = await unembedding.ready(joined(states));
  const follows = positions.map((position) => ids[position + 1]);
  const known = await unembedding.of(ready, [...tokens, ...follows.filter((id) => id !== undefined)]);
  const readers = Array.from({ length: ready.rows }, (_, row) => {
    const next = follows[row % positions.length];
    const asked = next === undefined ? tokens : [next, ...tokens];
    return new DistributionReader(
      top,
      asked.map((id) => ({ id, logit: elementAt(known.get(id) ?? [], row) })),
    );
  });
  for await (const { first, logits } of unembedding.pieces(ready)) {
    checkCancelled(watch.signal);
    watch.progress({
      message: 'reading the vocabulary',
      fraction: LAYERS + ((1 - LAYERS) * first) / unembedding.vocabulary,
    });
    const { columns, data } = logits;
    for (const [row, reader] of readers.entries()) reader.add(first, data.subarray(row * columns, (row + 1) * columns));
  }
  return states.map((_, state) =>
    positions.map((position, at) => {
      const { asked, ...rest } = (readers[state * positions.length + at] as DistributionReader).result();
      const follower = ids[position + 1] === undefined ? null : (asked[0] ?? null);
      return { ...rest, follows: follower, asked: follower === null ? asked : asked.slice(1) };
    }),
  );
}

function rowsOf(hidden: Float32Array, positions: readonly number[], width: number): Matrix {
  const result = zeros(positions.length, width);
  positions.forEach((position, row) => {
    result.data.set(hidden.subarray(position * width, (position + 1) * width), row * width);
  });
  return result;
}

function joined(parts: readonly Matrix[]): Matrix {
  const columns = parts[0]?.columns ?? 0;
  const result = zeros(
    parts.reduce((sum, { rows }) => sum + rows, 0),
    columns,
  );
  let at = 0;
  for (const { data } of parts) {
    result.data.set(data, at);
    at += data.length;
  }
  return result;
}
