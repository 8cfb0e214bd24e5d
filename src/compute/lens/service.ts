/** Answers about what a model says next and what its heads do. */

import { distributionOf } from '../../insight/lens/distribution';
import { chooseToken } from '../../insight/lens/sampling';
import type { ModelParams } from '../../shared/headsContract';
import type { LensMethods, NextToken } from '../../shared/lensContract';
import type { CallContext } from '../../shared/rpc';
import { RpcError } from '../../shared/rpcError';
import type { Answers } from '../../shared/schema';
import { LackingBytes } from '../../weights/partsFile';
import { Decoder, endTokens } from '../heads/generate';
import { HeadModel } from '../heads/headModel';
import type { LayerPass } from '../heads/layerPass';
import type { HeadsService } from '../heads/service';
import { withTravellingErrors } from '../travellingErrors';
import { measureDiversity } from './diversity';
import { scoreHeads } from './headScores';
import { readStates } from './readStates';
import { repeatedSequence } from './repeated';

type EngineId = Parameters<LensMethods['lens/next']>[0]['engine'];

/** A sequence that is gone on with. */
interface Sequence {
  readonly model: HeadModel;
  readonly engine: EngineId;
  readonly decoder: Decoder;
  ids: readonly number[];
  logits: Float32Array;
}

/** Tokens that may follow before the steps of a prompt are chosen anew. */
const ROOM = 1024;

export class LensService {
  private sequence: Sequence | null = null;

  constructor(
    private readonly heads: HeadsService,
    private readonly memoryCeiling: number,
  ) {}

  answers(): Answers<LensMethods> {
    const of =
      <P extends ModelParams, R>(work: (params: P, model: HeadModel, context: CallContext) => Promise<R>) =>
      (params: P, context: CallContext): Promise<R> =>
        withTravellingErrors(async () => work(params, await this.model(params), context));
    const run = <P extends ModelParams & { readonly engine: EngineId }, R>(
      work: (model: HeadModel, pass: LayerPass, params: P, context: CallContext) => Promise<R>,
    ): ((params: P, context: CallContext) => Promise<R>) =>
      of(async (params: P, model, context) =>
        work(model, (await this.heads.opened(params)).pass(params.engine), params, context),
      );
    return {
      'lens/read': run((model, pass, params, context) => readStates(model, pass, params, context)),
      'lens/heads': run((model, pass, { ids }, context) => scoreHeads(model, pass, ids, context)),
      'lens/diversity': run((model, pass, { ids }, context) => measureDiversity(model, pass, ids, context)),
      'lens/repeated': of(async (params, model) => {
        const sequence = await repeatedSequence(model, params);
        return { ...sequence, pieces: await model.pieces(sequence.ids) };
      }),
      'lens/next': run((model, pass, params, context) => this.next(model, pass, params, context)),
      'lens/lacking': of(async (_, model) => ({ bytes: await lackingOf(model) })),
    };
  }

  /** @throws RpcError `invalidInput` for seeded weights: a model of noise says nothing. */
  private async model(params: ModelParams): Promise<HeadModel> {
    const { model } = await this.heads.opened(params);
    if (model instanceof HeadModel) return model;
    throw new RpcError(
      'invalidInput',
      'seeded weights are random, and only one layer of them is run: there is no next token. Choose a model with its own weights',
    );
  }

  private async next(
    model: HeadModel,
    pass: LayerPass,
    { ids, engine, top, ...sampling }: Parameters<LensMethods['lens/next']>[0],
    context: CallContext,
  ): Promise<NextToken> {
    if (ids.length === 0) throw new RpcError('invalidInput', 'there are no tokens');
    const sequence = await this.sequenceFor(model, engine, pass, ids);
    const fresh = ids.slice(sequence.ids.length);
    if (fresh.length > 0) {
      // What fails half-way leaves a cache that fits no ids.
      this.sequence = null;
      try {
        sequence.logits = await sequence.decoder.next(fresh, context);
      } catch (error) {
        await sequence.decoder.dispose();
        throw error;
      }
      sequence.ids = ids;
      this.sequence = sequence;
    }
    const { logits, decoder } = sequence;
    const { id, probability, among } = chooseToken(logits, sampling, ids.length);
    const distribution = distributionOf(logits, top, [id]);
    const [ranked] = distribution.asked;
    if (ranked === undefined) throw new TypeError('no rank of the token');
    const named = [...new Set([id, ...distribution.top.map((token) => token.id)])];
    const pieces = await model.pieces(named);
    return {
      chosen: { ...ranked, sampled: probability, among, ends: endTokens(model).has(id) },
      distribution,
      words: named.map((each, at) => ({ id: each, piece: pieces[at] ?? `#${each}` })),
      cache: decoder.lastStep(),
    };
  }

  /** The one that these ids go on from, or a new one. */
  private async sequenceFor(
    model: HeadModel,
    engine: EngineId,
    pass: LayerPass,
    ids: readonly number[],
  ): Promise<Sequence> {
    const { sequence } = this;
    if (
      sequence?.model === model &&
      sequence.engine === engine &&
      sequence.ids.length <= ids.length &&
      sequence.ids.every((id, at) => id === ids[at])
    )
      return sequence;
    this.sequence = null;
    await sequence?.decoder.dispose();
    const decoder = new Decoder(model, pass.sessions.engine, ids.length + ROOM, this.memoryCeiling / 2);
    return { model, engine, decoder, ids: [], logits: new Float32Array(0) };
  }
}

/** Every one of these reads all weights. */
export function lackingOf(model: HeadModel): Promise<number> {
  const { store } = model.model;
  return new LackingBytes().of(store.names().map((name) => store.span(name)));
}
