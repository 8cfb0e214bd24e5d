/** Config and weights → ModelPlan: checks that every tensor is there in its shape, and that none is left over. */

import { blockWeights, feedForwardWeights, type WeightInfo } from '../../attention/weightNames';
import type { RunnableAttention } from '../../attention/layerSpec';
import type { AttentionSpec } from '../../model/attention';
import { WeightsError } from '../weightsError';
import type { WeightStore } from '../weightStore';
import type { FamilyDefinition, FamilyModel } from './family';
import { HfConfig, type JsonObject } from './hfConfig';
import type { LayerPlan, ModelPlan } from './plan';
import { familyForward } from './register';
import { checkSource, sourceTensors, splitName } from './sources';

export interface PlanInput {
  /** Path of the config, for messages. */
  readonly configFile: string;
  /** The language model's object of the config. */
  readonly config: JsonObject;
  /** The whole config where the language model is nested in it: tying may be said there. */
  readonly root?: JsonObject;
  readonly modelType: string;
  /** Attention of each layer as src/config reads it. */
  readonly attentions: readonly AttentionSpec[];
  readonly store: WeightStore;
}

/** Layers that stand before any plan: what a prefix is recognised by. */
const LAYER_LISTS = ['layers.0.', 'h.0.', 'blocks.0.'] as const;
/** Buffers of older checkpoints that no computation reads. */
const IGNORED =
  /(?:rotary_emb\.(?:inv_freq|cos_cached|sin_cached)|\.attn\.(?:bias|masked_bias)|\.attention\.(?:bias|masked_bias)|attn\.attention\.(?:bias|masked_bias)|_scale(?:_inv)?|input_scale)$/;

/**
 * @throws WeightsError when the family or a setting is not supported, a tensor is missing or of another shape, or a layer
 *   has tensors that the family does not use: better no heads than wrong ones.
 */
export async function modelPlanOf(input: PlanInput): Promise<ModelPlan> {
  const { store, modelType } = input;
  const raw =
    input.root?.['tie_word_embeddings'] !== undefined && input.config['tie_word_embeddings'] === undefined
      ? { ...input.config, tie_word_embeddings: input.root['tie_word_embeddings'] }
      : input.config;
  const config = new HfConfig(input.configFile, raw, modelType, modelType);
  const family = familyForward(modelType);
  if (family === null) return config.unsupported('computing its heads');
  const attentions = input.attentions.map((attention) => runnableAttention(config, attention));
  if (attentions.length === 0) return config.unsupported('a config without layers');
  const prefix = modelPrefix(input, family);
  const scalars = await readScalars(store);
  const model = family.build(
    {
      config,
      attentions,
      has: (name) => store.has(prefix + name),
      scalar: (name) => scalars.get(prefix + name) ?? null,
    },
    modelType,
  );
  const layers = attentions.map((_, index): LayerPlan => {
    const layer = model.layer(index);
    return {
      block: layer.block,
      prefix: prefix + model.layerPrefix(index),
      sources: layer.sources,
      expert: layer.expert ?? null,
    };
  });
  for (const layer of layers) checkLayer(store, layer);
  checkNothingLeft(input, layers, scalars);
  return assemble(input, config, model, prefix, layers);
}

/** Attention that a program exists for; others are refused by name. */
export function runnableAttention(config: HfConfig, attention: AttentionSpec): RunnableAttention {
  switch (attention.kind) {
    case 'full':
    case 'sliding':
    case 'chunked':
    case 'latent':
      return attention;
    default:
      return config.unsupported(`attention of kind "${attention.kind}"`);
  }
}

function modelPrefix(input: PlanInput, family: FamilyDefinition): string {
  const names = input.store.names();
  for (const prefix of [...family.prefixes, '']) {
    if (
      names.some((name) => name.startsWith(prefix) && LAYER_LISTS.some((list) => name.startsWith(list, prefix.length)))
    )
      return prefix;
  }
  throw new WeightsError({
    file: input.store.path,
    problem: `no layers of a ${input.modelType} model are in it.`,
    fix: "Check that config.json and the weights belong together, and that the weights are not in another library's form.",
  });
}

/** Tensors of one element: learned scalars that specs need as numbers. */
async function readScalars(store: WeightStore): Promise<ReadonlyMap<string, number>> {
  const scalars = new Map<string, number>();
  for (const name of store.names()) {
    const { shape } = store.info(name);
    if (shape.length > 1 || (shape[0] ?? 1) !== 1 || /_scale(?:_inv)?$/.test(name)) continue;
    const [value] = await store.read(name);
    if (value !== undefined) scalars.set(name, value);
  }
  return scalars;
}

/** All weights of a layer but its experts', with their shapes. */
function checkLayer(store: WeightStore, layer: LayerPlan): void {
  check(store, layer.prefix, layer.sources, blockWeights(layer.block));
  const mlp = layer.block.feedForward;
  if (mlp.kind !== 'moe') return;
  const weights = feedForwardWeights(mlp.expert, layer.block.layer.hiddenSize);
  for (let expert = 0; expert < mlp.router.experts; expert++)
    check(store, layer.prefix, layer.expert?.(expert) ?? {}, weights);
}

function check(
  store: WeightStore,
  prefix: string,
  sources: LayerPlan['sources'],
  weights: readonly WeightInfo[],
): void {
  for (const { name, shape } of weights) {
    const source = sources[splitName(name).base];
    if (source === undefined) throw new TypeError(`no source for ${name} of ${prefix}`);
    checkSource(store, prefix, source, name, shape);
  }
}

/** A tensor of a layer that nothing reads means that the layer does something that the family does not. */
function checkNothingLeft(input: PlanInput, layers: readonly LayerPlan[], scalars: ReadonlyMap<string, number>): void {
  const used = new Set<string>();
  const prefixes = new Set<string>();
  for (const layer of layers) {
    prefixes.add(layer.prefix);
    const mlp = layer.block.feedForward;
    for (const { name } of blockWeights(layer.block)) addTensors(used, layer, layer.sources, name);
    if (mlp.kind !== 'moe') continue;
    const names = feedForwardWeights(mlp.expert, layer.block.layer.hiddenSize).map((weight) => weight.name);
    for (let expert = 0; expert < mlp.router.experts; expert++) {
      const sources = layer.expert?.(expert) ?? {};
      for (const name of names) addTensors(used, layer, sources, name);
    }
  }
  const layerOf = /^(?:.*?\.)?(?:layers|h|blocks|blk)\.\d+\./;
  for (const name of input.store.names()) {
    const prefix = layerOf.exec(name)?.[0];
    if (prefix === undefined || !prefixes.has(prefix) || used.has(name) || scalars.has(name) || IGNORED.test(name))
      continue;
    throw new WeightsError({
      file: input.store.info(name).file,
      tensor: name,
      problem: `a ${input.modelType} model as it is known here has no such tensor, so its layers may compute something else.`,
      fix: 'Heads of this model cannot be computed yet; estimates of the cache still work.',
    });
  }
}

function addTensors(used: Set<string>, layer: LayerPlan, sources: LayerPlan['sources'], name: string): void {
  const source = sources[splitName(name).base];
  if (source !== undefined) for (const tensor of sourceTensors(layer.prefix, source, name)) used.add(tensor);
}

function assemble(
  input: PlanInput,
  config: HfConfig,
  model: FamilyModel,
  prefix: string,
  layers: readonly LayerPlan[],
): ModelPlan {
  const { store } = input;
  const embedding = prefix + model.embedding.tensor;
  const [vocabularySize = 0, width = 0] = store.info(embedding).shape;
  const rootBase = [
    model.head.base,
    `language_model.${model.head.base}`,
    `model.${model.head.base}`,
    prefix + model.head.base,
  ].find((base) => store.has(`${base}.weight`));
  const headBase = model.head.tied ? null : (rootBase ?? model.head.base);
  const named = <T extends { readonly base: string }>(item: T | null): T | null =>
    item && { ...item, base: prefix + item.base };
  const positions = model.embedding.positions ?? null;
  const plan: ModelPlan = {
    family: input.modelType,
    hiddenSize: model.hiddenSize,
    vocabularySize,
    embedding: {
      tensor: embedding,
      width: model.embedding.width ?? model.hiddenSize,
      multiplier: model.embedding.multiplier ?? 1,
      projection: model.embedding.projection == null ? null : prefix + model.embedding.projection,
      positions: positions?.kind === 'learned' ? { ...positions, tensor: prefix + positions.tensor } : positions,
      norm: named(model.embedding.norm ?? null),
    },
    layers,
    output: {
      norm: named(model.output.norm),
      projection: model.output.projection == null ? null : prefix + model.output.projection,
      head: headBase === null ? embedding : `${headBase}.weight`,
      bias: model.head.bias ? `${rootBase ?? model.head.base}.bias` : null,
      multiplier: model.output.multiplier ?? 1,
      softcap: model.output.softcap ?? null,
    },
  };
  if (width !== plan.embedding.width) return config.unsupported(`an embedding of width ${width}`);
  const headShape = store.info(plan.output.head).shape;
  if (headShape[1] !== plan.embedding.width)
    return config.unsupported(`an output head of shape [${headShape.join(', ')}]`);
  if (plan.output.bias !== null) store.info(plan.output.bias);
  return plan;
}
