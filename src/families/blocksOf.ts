/** The blocks of a model that was read: what its parameters, FLOPs, programs and weight plans are derived from. */

import type { BlockSpec } from '../attention/spec/blockSpec';
import { isRunnable, type RunnableAttention } from '../attention/spec/layerSpec';
import type { ConfigReader } from '../config/reader';
import { isHeaded } from '../model/attention';
import type { LayerSpec } from '../model/spec';
import type { BlockModel } from './facets';
import { blocksRegister } from './register';

export interface ModelBlocks extends BlockModel {
  /** Settings whose maths is not known here: shapes are right, heads cannot be computed. Complete once all blocks are built. */
  readonly limits: readonly string[];
  readonly hiddenSize: number;
}

/** What `blocksOf` needs of a reading. */
export interface BlockSource {
  readonly spec: { readonly layers: readonly LayerSpec[]; readonly hiddenSize: number | null };
  readonly modelType: string;
}

/** Where a spec has a learned scalar (xIELU), the value that transformers initialises it with. */
const INITIAL_SCALARS: Readonly<Record<string, number>> = {
  alpha_p: 0.8,
  alpha_n: 0.8,
  beta: 0.5,
  eps: -1e-6,
  layer_scalar: 1,
};

function initialScalar(name: string): number | null {
  return INITIAL_SCALARS[name.slice(name.lastIndexOf('.') + 1)] ?? null;
}

/**
 * Null where the family's blocks are not described.
 * @param config Reader of the reading; it records which keys are asked for.
 * @param scalar Learned scalars of stored weights; their initial values by default.
 * @throws ConfigRefusal where the config lacks what the shapes need.
 */
export function blocksOf(
  { spec, modelType }: BlockSource,
  config: ConfigReader,
  scalar: (name: string) => number | null = initialScalar,
): ModelBlocks | null {
  const facet = blocksRegister.of(modelType);
  if (facet === null) return null;
  const { hiddenSize } = spec;
  if (hiddenSize === null) return config.unsupported('a config without a hidden size');
  if (spec.layers.length === 0) return config.unsupported('a config without layers');
  const limits: string[] = [];
  const cannotRun = (what: string): null => {
    if (!limits.includes(what)) limits.push(what);
    return null;
  };
  const attentions = spec.layers.map(({ attention }): RunnableAttention => {
    if (isRunnable(attention)) return attention;
    if (attention.kind !== 'shared' || !isHeaded(attention))
      return config.unsupported(`attention of kind "${attention.kind}"`);
    // Its heads are known, but programs cannot tell whose K and V they attend to.
    cannotRun('attention of kind "shared"');
    const { queryHeads, kvHeads, keyDim, valueDim } = attention;
    return { kind: 'full', queryHeads, kvHeads, keyDim, valueDim };
  });
  return { ...facet.build({ config, attentions, hiddenSize, scalar, cannotRun }), hiddenSize, limits };
}

/**
 * The blocks of a model that programs can run.
 * @throws ConfigRefusal where the blocks are not described, or something in them is not known.
 */
export function runnableBlocks(
  source: BlockSource,
  config: ConfigReader,
  scalar?: (name: string) => number | null,
): ModelBlocks & { readonly blocks: readonly BlockSpec[] } {
  const model = blocksOf(source, config, scalar);
  if (model === null) return config.unsupported('computing its heads');
  const blocks = source.spec.layers.map((_, index) => model.block(index));
  const [limit] = model.limits;
  return limit === undefined ? { ...model, blocks } : config.unsupported(limit);
}
