/** Experts of a converted model as published classes have them: Mixtral's, Qwen3-MoE's, DeepSeek-V2's and -V3's. */

import type { BlockSpec, MoeFeedForward } from '../../attention/spec/blockSpec';
import {
  LATENT_FORM,
  LATENT_SOFTMAX_FORM,
  MIXTURE_FORM,
  NORMED_MIXTURE_FORM,
  type WrittenForm,
} from '../../families/writtenForms';
import { type LayerNumbers, need } from '../../insight/conversion/layerRows';
import { ConversionRefused } from '../../insight/conversion/target';

export interface Named {
  readonly name: string;
  readonly shape: readonly number[];
  readonly data: Float32Array | Float64Array;
}

/** Layers of a model that has experts. */
export interface Mixture {
  readonly moe: MoeFeedForward;
  /** Layers without experts, and their width; 0 where there are none. */
  readonly dense: readonly number[];
  readonly denseWidth: number;
  readonly layers: number;
}

/** Null where no layer has experts. @throws ConversionRefused where layers differ in their experts. */
export function mixtureOf(blocks: readonly BlockSpec[]): Mixture | null {
  const all = blocks.map(({ feedForward }) => feedForward);
  const mixtures = all.filter((one): one is MoeFeedForward => one.kind === 'moe');
  const [moe] = mixtures;
  if (moe === undefined) return null;
  if (mixtures.some((one) => JSON.stringify(one) !== JSON.stringify(moe)))
    throw new ConversionRefused('its layers have different experts, which no published class has');
  const dense = [...all.entries()].flatMap(([index, one]) => (one.kind === 'moe' ? [] : [{ index, width: one.width }]));
  const [denseWidth = 0, ...others] = new Set(dense.map(({ width }) => width));
  if (others.length > 0)
    throw new ConversionRefused('its dense layers have different widths, which no published class has');
  return { moe, dense: dense.map(({ index }) => index), denseWidth, layers: blocks.length };
}

/** Why no published class holds such experts, whatever the attention becomes; null where one may. */
export function oddMixture({ router, weighting, shared }: MoeFeedForward): string | null {
  if (weighting !== 'output') return 'its experts are weighed before they compute';
  if (router.bias) return 'its router has a bias';
  if (shared?.gate === true) return 'its shared expert has a gate';
  return router.scoring === 'softmax' || router.scoring === 'sigmoid' ? null : `its router is ${router.scoring}`;
}

/** The class and keys for experts beside heads. @throws ConversionRefused where there is none. */
export function headedMixture({ moe, dense, denseWidth }: Mixture, normed: boolean, biased: boolean): Keys {
  const { router, shared, expert } = moe;
  const refuse = (why: string): never => {
    throw new ConversionRefused(`no published class holds its experts beside heads: ${why}`);
  };
  if (shared !== null) refuse('it has shared experts');
  if (router.scoring !== 'softmax') refuse(`its router is ${router.scoring}`);
  if (router.factor !== 1 || router.correctionBias || router.groups !== null)
    refuse('its router has more than a softmax');
  if (normed)
    return {
      form: NORMED_MIXTURE_FORM,
      keys: {
        num_experts: router.experts,
        num_experts_per_tok: router.topK,
        moe_intermediate_size: expert.width,
        intermediate_size: denseWidth || expert.width,
        norm_topk_prob: router.normalize,
        decoder_sparse_step: 1,
        mlp_only_layers: dense,
      },
    };
  if (!router.normalize) refuse('its weights are not scaled to a sum of 1');
  if (dense.length > 0) refuse('some of its layers are dense');
  if (biased) refuse('its attention has biases');
  return {
    form: MIXTURE_FORM,
    keys: {
      num_local_experts: router.experts,
      num_experts_per_tok: router.topK,
      intermediate_size: expert.width,
      sliding_window: null,
    },
  };
}

export interface Keys {
  readonly form: WrittenForm;
  readonly keys: Readonly<Record<string, unknown>>;
}

/** The class and keys for experts beside a latent. @throws ConversionRefused where there is none. */
export function latentMixture({ moe, dense, denseWidth }: Mixture): Keys {
  const { router, shared, expert } = moe;
  const refuse = (why: string): never => {
    throw new ConversionRefused(`no published class holds its experts beside MLA: ${why}`);
  };
  const sigmoid = router.scoring === 'sigmoid';
  if (!sigmoid && router.normalize)
    refuse('the weights of a softmax are scaled to a sum of 1, which DeepSeek-V2’s class does not do');
  if (!sigmoid && router.correctionBias) refuse('its softmax has a correction');
  if (dense.some((layer, i) => layer !== i)) refuse('dense layers follow those with experts');
  const width = shared?.expert.width ?? expert.width;
  if (width % expert.width !== 0) refuse('its shared experts are no multiple of the others');
  const { groups } = router;
  if (groups !== null && groups.score !== (sigmoid ? 'top2-sum' : 'max'))
    refuse('its groups of experts are chosen otherwise');
  return {
    form: sigmoid ? LATENT_FORM : LATENT_SOFTMAX_FORM,
    keys: {
      n_routed_experts: router.experts,
      num_experts_per_tok: router.topK,
      moe_intermediate_size: expert.width,
      intermediate_size: denseWidth || expert.width,
      // Without shared experts one of zeros stands in: the classes always have some.
      n_shared_experts: width / expert.width,
      first_k_dense_replace: dense.length,
      moe_layer_freq: 1,
      n_group: groups?.count ?? 1,
      topk_group: groups?.top ?? 1,
      norm_topk_prob: router.normalize,
      routed_scaling_factor: router.factor,
      ...(sigmoid
        ? { scoring_func: 'sigmoid', topk_method: 'noaux_tc', num_nextn_predict_layers: 0 }
        : { scoring_func: 'softmax', topk_method: groups === null ? 'greedy' : 'group_limited_greedy' }),
    },
  };
}

/** Names of the three matrices of an expert. */
const MIXTRAL = { gate_proj: 'w1', up: 'w3', down: 'w2' } as const;
const OTHERS = { gate_proj: 'gate_proj', up: 'up_proj', down: 'down_proj' } as const;

/** Router, experts and shared experts of a layer, behind `model.layers.N.`. @param expert Weights of one. */
export async function mixtureTensors(
  { moe }: Mixture,
  { model_type: type }: WrittenForm,
  hidden: number,
  weights: LayerNumbers,
  expert: (index: number) => Promise<LayerNumbers>,
): Promise<readonly Named[]> {
  const mixtral = type === MIXTURE_FORM.model_type;
  const latent = type === LATENT_FORM.model_type || type === LATENT_SOFTMAX_FORM.model_type;
  const base = mixtral ? 'block_sparse_moe' : 'mlp';
  const matrices = (of: LayerNumbers | null, width: number, name: string, prefix: string): Named[] =>
    (['gate_proj', 'up', 'down'] as const).map((part) => ({
      name: `${name}.${(mixtral ? MIXTRAL : OTHERS)[part]}.weight`,
      shape: part === 'down' ? [hidden, width] : [width, hidden],
      data: of === null ? new Float32Array(width * hidden) : need(of, `${prefix}${part}.weight`),
    }));
  const { router, shared } = moe;
  const tensors: Named[] = [
    { name: `${base}.gate.weight`, shape: [router.experts, hidden], data: need(weights, 'router.weight') },
  ];
  if (type === LATENT_FORM.model_type)
    tensors.push({
      name: `${base}.gate.e_score_correction_bias`,
      shape: [router.experts],
      data: weights.get('router.correction') ?? new Float32Array(router.experts),
    });
  for (let index = 0; index < router.experts; index++)
    tensors.push(...matrices(await expert(index), moe.expert.width, `${base}.experts.${index}`, ''));
  if (latent)
    tensors.push(
      ...matrices(
        shared === null ? null : weights,
        shared?.expert.width ?? moe.expert.width,
        `${base}.shared_experts`,
        'shared.',
      ),
    );
  return tensors;
}
