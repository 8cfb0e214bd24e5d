/** Config and weights → ModelPlan: checks that every tensor is there in its shape, and that none is left over. */

import type { NormSpec } from '../../attention/spec/normSpec';
import type { Reading } from '../../reading/read';
import type { ConfigReader } from '../../config/reader';
import { type ModelBlocks, runnableBlocks } from '../../families/blocksOf';
import { LLAMA_PREFIXES, llamaNames } from '../../families/kit/tensorNames';
import type { ModelNames, NamesFacet, Positions } from '../../families/facets';
import { namesRegister } from '../../families/register';
import { tiedEmbeddings } from '../../families/tying';
import { refusedFor, WeightsError } from '../weightsError';
import type { WeightStore } from '../weightStore';
import { checkLayers, type ReportProblem } from './checkPlan';
import type { LayerPlan, ModelPlan, PositionPlan } from './weightPlan';

export interface PlanInput {
  /** Path of the config, for messages. */
  readonly configFile: string;
  readonly reading: Reading;
  readonly store: WeightStore;
  /** Takes what does not fit; where absent, the first of it is thrown. */
  readonly report?: ReportProblem;
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
export async function modelPlanOf({ configFile, reading, store, report }: PlanInput): Promise<ModelPlan> {
  const config = reading.reader();
  return refusedFor(configFile, async () => {
    const facet = namesRegister.of(reading.modelType);
    if (facet === null) return config.unsupported('computing its heads');
    const prefix = modelPrefix(store, reading.modelType, facet);
    const scalars = await readScalars(store);
    const model = runnableBlocks(reading, config, (name) => scalars.get(prefix + name) ?? null);
    const names = (facet.of ?? llamaNames())({ config, has: (name) => store.has(prefix + name) });
    const layers = model.blocks.map((block, index): LayerPlan => {
      const { sources, expert } = names.layer(index, block);
      return { block, prefix: prefix + names.layerPrefix(index), sources, expert: expert ?? null };
    });
    checkLayers(store, layers, {
      who: `a ${reading.modelType} model, as Headlight knows it,`,
      noPlace: (tensor) => new TypeError(`Headlight has no tensor name in this family for ${tensor}`),
      ignored: (name) => scalars.has(name) || IGNORED.test(name),
      ...(report === undefined ? {} : { report }),
    });
    return assemble(store, reading, config, { model, names, prefix, layers });
  });
}

function modelPrefix(store: WeightStore, modelType: string, facet: NamesFacet): string {
  const names = store.names();
  for (const prefix of [...(facet.prefixes ?? LLAMA_PREFIXES), '']) {
    if (
      names.some((name) => name.startsWith(prefix) && LAYER_LISTS.some((list) => name.startsWith(list, prefix.length)))
    )
      return prefix;
  }
  throw new WeightsError({
    file: store.path,
    problem: `no layers of a ${modelType} model are in it.`,
    fix: "Check that config.json and the weights belong together, and that the weights are not in another library's format.",
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

interface Assembled {
  readonly model: ModelBlocks;
  readonly names: ModelNames;
  readonly prefix: string;
  readonly layers: readonly LayerPlan[];
}

function assemble(
  store: WeightStore,
  reading: Reading,
  config: ConfigReader,
  { model, names, prefix, layers }: Assembled,
): ModelPlan {
  const embedding = prefix + names.embedding;
  const [vocabularySize, width] = store.info(embedding).shape;
  const rootBase = [names.head, `language_model.${names.head}`, `model.${names.head}`, prefix + names.head].find(
    (base) => store.has(`${base}.weight`),
  );
  const headBase = tiedEmbeddings(reading) ? null : (rootBase ?? names.head);
  const named = (spec: NormSpec | null, base: string | undefined): { spec: NormSpec; base: string } | null =>
    spec && { spec, base: prefix + (base ?? missingName('a norm')) };
  const embeddingWidth = model.embedding?.width ?? model.hiddenSize;
  const projected = embeddingWidth !== model.hiddenSize;
  const plan: ModelPlan = {
    family: reading.modelType,
    hiddenSize: model.hiddenSize,
    vocabularySize: vocabularySize ?? config.unsupported('an embedding without a shape'),
    embedding: {
      tensor: embedding,
      width: embeddingWidth,
      multiplier: model.embedding?.multiplier ?? 1,
      projection: projected ? prefix + (names.projectionIn ?? missingName('the input projection')) : null,
      positions: positionPlan(model.embedding?.positions, prefix, names.positions),
      norm: named(model.embedding?.norm ?? null, names.embeddingNorm),
    },
    layers,
    output: {
      norm: named(model.output.norm, names.outputNorm),
      projection: projected ? prefix + (names.projectionOut ?? missingName('the output projection')) : null,
      head: headBase === null ? embedding : `${headBase}.weight`,
      bias: model.output.bias ? `${rootBase ?? names.head}.bias` : null,
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

function positionPlan(
  positions: Positions | undefined,
  prefix: string,
  tensor: string | undefined,
): PositionPlan | null {
  if (!positions) return null;
  if (positions.kind === 'sinusoidal') return positions;
  return { ...positions, tensor: prefix + (tensor ?? missingName('the positions')) };
}

/** A mistake of a family's file: its blocks have a part that its names do not. */
function missingName(what: string): never {
  throw new TypeError(`Headlight has no tensor name in this family for ${what}`);
}
