/** Answers of the compute process about effects: prompts that were read stay, so that the next question begins where this one did. */

import type { EngineId } from '../../shared/engineIds';
import type {
  AttributeParams,
  AttributeResult,
  ChangeParams,
  ChangeResult,
  ComposeParams,
  ComposeResult,
  EffectsMethods,
  MapParams,
  MapResult,
  PatchParams,
  PatchResult,
  Prediction,
} from '../../shared/effectsContract';
import type { ModelParams } from '../../shared/headsContract';
import type { CallContext } from '../../shared/rpc';
import { RpcError } from '../../shared/rpcError';
import type { Answers } from '../../shared/schema';
import type { Engine } from '../engines/engine';
import { HeadModel } from '../heads/headModel';
import type { HeadSubject } from '../heads/layerPass';
import type { Watch } from '../heads/watch';
import { withTravellingErrors } from '../travellingErrors';
import { attribute } from './attribution';
import { matrixStagesFor, stagesFor } from './chooseStages';
import { compose } from './compositionRun';
import { Effects, metricOf, placesFrom, type Predicted, type Prompt, readPrompt } from './effects';
import type { MatrixStages } from './matrixStages';
import type { Stages } from './stages';

interface Held {
  readonly model: HeadModel;
  readonly engine: EngineId;
  readonly stages: Stages;
  readonly prompts: Map<string, Prompt>;
  readonly effects: Map<string, Effects>;
}

/** Prompts whose states stay, of the model that was asked of last. */
const MOST_PROMPTS = 2;

export class EffectsService {
  private held: Held | null = null;

  constructor(
    private readonly engine: (id: EngineId) => Engine,
    private readonly model: (params: ModelParams) => Promise<HeadSubject>,
  ) {}

  answers(): Answers<EffectsMethods> {
    const travelling =
      <P, R extends object>(work: (params: P, context: CallContext) => Promise<R>) =>
      (params: P, context: CallContext): Promise<R & { readonly ms: number }> =>
        withTravellingErrors(async () => {
          const start = performance.now();
          const found = await work(params, context);
          return { ...found, ms: performance.now() - start };
        });
    return {
      'effects/change': travelling((params, context) => this.change(params, context)),
      'effects/map': travelling((params, context) => this.map(params, context)),
      'effects/patch': travelling((params, context) => this.patch(params, context)),
      'effects/attribute': travelling((params, context) => this.attribute(params, context)),
      'effects/compose': travelling((params, context) => this.compose(params, context)),
    };
  }

  private async change(params: ChangeParams, watch: Watch): Promise<Omit<ChangeResult, 'ms'>> {
    const { ids, places, by, tokens, other } = params;
    const held = await this.hold(params);
    const effects = await this.effects(held, ids, by === 'other' ? other : null, watch);
    const found = await effects.change(placesFrom(places), by, tokens, watch);
    return {
      pieces: await held.model.pieces(ids),
      before: await predictionOf(held.model, found.before),
      after: await predictionOf(held.model, found.after),
      kl: Array.from(found.kl),
      lossBefore: Array.from(found.lossBefore),
      lossAfter: Array.from(found.lossAfter),
      precision: held.stages.precision,
    };
  }

  private async map(params: MapParams, watch: Watch): Promise<Omit<MapResult, 'ms'>> {
    const { ids, kinds, known, by, tokens, other } = params;
    const held = await this.hold(params);
    const effects = await this.effects(held, ids, by === 'other' ? other : null, watch);
    const found = await effects.map(kinds, by, tokens, known, watch);
    const { logits, loss } = effects.prompt;
    return {
      ...found,
      loss,
      logits: tokens.map((token) => logits[token] ?? Number.NaN),
      precision: held.stages.precision,
    };
  }

  private async patch(params: PatchParams, watch: Watch): Promise<Omit<PatchResult, 'ms'>> {
    const { clean, corrupted, kinds, token, against, known } = params;
    const held = await this.hold(params);
    const effects = await this.effects(held, corrupted, clean, watch);
    const metric = { token, against };
    const found = await effects.patch(kinds, metric, known, watch);
    const best = await this.prompt(held, clean, watch);
    return {
      ...found,
      clean: metricOf(best.logits, metric),
      corrupted: metricOf(effects.prompt.logits, metric),
      differing: [...clean.keys()].filter((position) => clean[position] !== corrupted[position]),
      precision: held.stages.precision,
    };
  }

  private async attribute(params: AttributeParams, watch: Watch): Promise<Omit<AttributeResult, 'ms'>> {
    const { ids, token, against, bySource } = params;
    const model = await this.ownModel(params);
    if (ids.length === 0) throw new RpcError('invalidInput', 'there are no tokens');
    const stages: MatrixStages = matrixStagesFor(model, this.engine(params.engine), null);
    try {
      const position = params.position ?? ids.length - 1;
      const found = await attribute(stages, { ids, token, against, bySource, position }, watch);
      return { ...found, pieces: await model.pieces(ids), position, precision: stages.precision };
    } finally {
      await stages.dispose();
    }
  }

  private async compose(params: ComposeParams, watch: Watch): Promise<Omit<ComposeResult, 'ms'>> {
    const { model } = await this.ownModel(params);
    return compose(model, params.layer, params.head, watch);
  }

  private async ownModel(params: ModelParams): Promise<HeadModel> {
    const model = await this.model(params);
    if (model instanceof HeadModel) return model;
    throw new RpcError('invalidInput', 'weights of a seed predict nothing: effects need a model with its own weights');
  }

  private async hold(params: ModelParams & { readonly engine: EngineId }): Promise<Held> {
    const model = await this.ownModel(params);
    if (this.held?.model === model && this.held.engine === params.engine) return this.held;
    await this.held?.stages.dispose();
    const stages = stagesFor(model, this.engine(params.engine), null);
    this.held = { model, engine: params.engine, stages, prompts: new Map(), effects: new Map() };
    return this.held;
  }

  private async effects(
    held: Held,
    ids: readonly number[],
    other: readonly number[] | null,
    watch: Watch,
  ): Promise<Effects> {
    const key = JSON.stringify([ids, other]);
    const known = held.effects.get(key);
    if (known !== undefined) return known;
    const prompt = await this.prompt(held, ids, watch);
    const effects = new Effects(held.stages, prompt, other === null ? null : await this.prompt(held, other, watch));
    held.effects.clear();
    held.effects.set(key, effects);
    return effects;
  }

  private async prompt(held: Held, ids: readonly number[], watch: Watch): Promise<Prompt> {
    const key = ids.join(',');
    const found = held.prompts.get(key) ?? (await readPrompt(held.stages, ids, watch));
    held.prompts.delete(key);
    held.prompts.set(key, found);
    for (const [oldest] of held.prompts) {
      if (held.prompts.size <= MOST_PROMPTS) break;
      held.prompts.delete(oldest);
    }
    return found;
  }
}

async function predictionOf(model: HeadModel, { top, logits }: Predicted): Promise<Prediction> {
  const pieces = await model.pieces(top.map(({ id }) => id));
  return { top: top.map(({ id, ...one }, i) => ({ token: id, ...one, piece: pieces[i] ?? `#${id}` })), logits };
}
