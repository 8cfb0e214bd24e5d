/** Plans for GGUF files: the family's specs, adapted to what llama.cpp's converter did, and its uniform tensor names. */

import type {
  BlockNorms,
  BlockSpec,
  DenseFeedForward,
  FeedForward,
  MoeFeedForward,
} from '../../attention/spec/blockSpec';
import {
  type AttentionLayerSpec,
  type HeadDims,
  headDims,
  type LatentNorms,
  type ProjectionBiases,
  type RunnableAttention,
} from '../../attention/spec/layerSpec';
import type { HeadNormSpec, NormSpec } from '../../attention/spec/normSpec';
import type { RotarySpec } from '../../attention/spec/rotarySpec';
import { NORM_NAMES } from '../../attention/spec/weightNames';
import type { LatentAttention } from '../../model/attention';
import type { Reading } from '../../reading/read';
import { type ConfigReader, isJsonObject, type JsonObject } from '../../config/reader';
import { type ModelBlocks, runnableBlocks } from '../../families/blocksOf';
import type { GgufFacet, GgufLayer } from '../../families/facets';
import { divisors as divisorsScaling } from '../../families/kit/ggufBlocks';
import type { GgufSource } from '../../families/kit/ggufMetadata';
import { sections } from '../../families/kit/tensorNames';
import type { Part, WeightSource, WeightSources } from '../../families/kit/weightSource';
import { ggufRegister } from '../../families/register';
import type { GgufStore } from '../gguf';
import { ggufSource } from '../ggufConfig';
import { refusedFor, WeightsError } from '../weightsError';
import { checkLayers, type ReportProblem } from './checkPlan';
import type { LayerPlan, ModelPlan } from './weightPlan';

/** Llama.cpp's names (`LLM_TENSOR_NAMES`) per weight; the two norms after a block's halves stand under these names since Gemma 2. */
const NAMES: Readonly<Record<string, string>> = {
  q: 'attn_q',
  k: 'attn_k',
  v: 'attn_v',
  o: 'attn_output',
  q_norm: 'attn_q_norm',
  k_norm: 'attn_k_norm',
  o_norm: 'attn_sub_norm',
  sinks: 'attn_sinks',
  q_a: 'attn_q_a',
  q_a_norm: 'attn_q_a_norm',
  q_b: 'attn_q_b',
  kv_a: 'attn_kv_a_mqa',
  kv_a_norm: 'attn_kv_a_norm',
  norm_attention: 'attn_norm',
  norm_attention_output: 'post_attention_norm',
  norm_feed_forward: 'ffn_norm',
  norm_feed_forward_output: 'post_ffw_norm',
  gate_proj: 'ffn_gate',
  up: 'ffn_up',
  down: 'ffn_down',
  inner_norm: 'ffn_sub_norm',
  router: 'ffn_gate_inp',
  'shared.gate_proj': 'ffn_gate_shexp',
  'shared.up': 'ffn_up_shexp',
  'shared.down': 'ffn_down_shexp',
  shared_gate: 'ffn_gate_inp_shexp',
};

export interface GgufPlanInput {
  readonly store: GgufStore;
  readonly architecture: string;
  readonly reading: Reading;
  /** Takes what does not fit; where absent, the first of it is thrown. */
  readonly report?: ReportProblem;
}

/** What all layers of a file have in common. */
interface FileForm {
  readonly store: GgufStore;
  readonly facet: GgufFacet;
  readonly layout: RotarySpec['layout'] | 'none';
  /** `rope_freqs`: divisors of the frequencies. */
  readonly divisors: readonly number[] | null;
  /** llama.cpp has no windows for the family. */
  readonly withoutWindows: boolean;
  readonly config: ConfigReader;
  readonly source: GgufSource;
}

/**
 * @throws WeightsError when the architecture's conversion is not known, or tensors are missing, misshapen or left over.
 */
export async function ggufPlan({ store, architecture, reading, report }: GgufPlanInput): Promise<ModelPlan> {
  const config = reading.reader();
  return refusedFor(store.path, async () => {
    const facet = ggufRegister.of(architecture);
    const source = ggufSource(store.metadata);
    const scalars = new Set<string>();
    const model = runnableBlocks(reading, config, await scalarsOf(store, facet, source, scalars));
    const layout = facet?.rope;
    if (facet === null || layout === undefined) return config.unsupported(`the GGUF form of ${architecture}`);
    const divisors = store.has('rope_freqs.weight') ? Array.from(await store.read('rope_freqs.weight')) : null;
    const withoutWindows = reading.spec.llamacpp.windows === false;
    const form: FileForm = { store, facet, layout, divisors, withoutWindows, config, source };
    const layers = model.blocks.map((own, index): LayerPlan => {
      const prefix = `blk.${index}.`;
      const layer: GgufLayer = {
        index,
        source,
        has: (name) => store.has(prefix + name),
        unsupported: (setting) => config.unsupported(setting),
      };
      const places = layerSources(layer, own, facet.sources?.(layer, own));
      const converted = convertedBlock(own, form, layer, places.sources);
      return { block: facet.block?.(converted, layer) ?? converted, prefix, ...places };
    });
    checkLayers(store, layers, {
      who: `${architecture}, as Headlight knows it,`,
      noPlace: (tensor) =>
        new WeightsError({
          file: store.path,
          tensor,
          problem: 'its place in GGUF files is not known.',
          fix: 'Use the safetensors version of this model.',
        }),
      ignored: (name) =>
        scalars.has(name) || name.endsWith('attn_rot_embd.weight') || /rope_(?:freqs|factors)/.test(name),
      ...(report === undefined ? {} : { report }),
    });
    return assemble(store, withOutputNorm(model, facet), layers, config);
  });
}

/**
 * Learned numbers of the blocks: in the metadata, or in tensors of one element.
 * @param used Takes the names of those tensors that were asked for.
 */
async function scalarsOf(
  store: GgufStore,
  facet: GgufFacet | null,
  source: GgufSource,
  used: Set<string>,
): Promise<(name: string) => number | null> {
  const values = new Map<string, number>();
  if (facet?.scalar === undefined) return () => null;
  for (const name of store.names()) {
    const { shape } = store.info(name);
    const [value] = shape.length === 1 && shape[0] === 1 ? await store.read(name) : [];
    if (value !== undefined) values.set(name, value);
  }
  return (name) => {
    const found = facet.scalar?.(name, source) ?? null;
    if (typeof found === 'number' || found === null) return found;
    used.add(found.tensor);
    return values.get(found.tensor) ?? null;
  };
}

/**
 * What the config lacks because only tensors tell it: LongRoPE's factors, and what the family looks for.
 * @throws WeightsError when only one of the two lists is there.
 */
export async function configFromTensors(store: GgufStore, config: JsonObject): Promise<JsonObject> {
  const [long, short] = ['rope_factors_long.weight', 'rope_factors_short.weight'];
  const told = { ...config };
  const architecture = store.metadata['general.architecture'];
  ggufRegister.of(String(architecture))?.fromTensors?.(told, (name) => store.has(name));
  if (!store.has(long)) return told;
  const scaling = told['rope_scaling'];
  const factors = {
    rope_type: 'longrope',
    long_factor: Array.from(await store.read(long)),
    short_factor: Array.from(await store.read(short)),
    attention_factor: ggufSource(store.metadata).number('rope.scaling.attn_factor') ?? 1,
  };
  return { ...told, rope_scaling: { ...(isJsonObject(scaling) ? scaling : {}), ...factors } };
}

function withOutputNorm(model: ModelBlocks, { outputNorm }: GgufFacet): ModelBlocks {
  const { norm } = model.output;
  return norm === null || outputNorm === undefined
    ? model
    : { ...model, output: { ...model.output, norm: outputNorm(norm) } };
}

/** The converter folds "+ 1" into norm weights; a bias is there or not. */
function storedNorm(norm: NormSpec, bias: boolean): NormSpec {
  return { ...norm, weight: norm.weight === 'plus-one' ? 'plain' : norm.weight, bias };
}

/** The file has a bias beside this weight. */
function hasBias(source: WeightSource | undefined, has: GgufLayer['has']): boolean {
  return source !== undefined && 'base' in source && has(`${source.base}.bias`);
}

function convertedBlock(block: BlockSpec, form: FileForm, { has }: GgufLayer, sources: WeightSources): BlockSpec {
  const { layout, divisors, withoutWindows, config } = form;
  const { layer } = block;
  const headNorm = (norm: HeadNormSpec | null, name: string): HeadNormSpec | null =>
    norm && { ...norm, norm: storedNorm(norm.norm, hasBias(sources[name], has)) };
  const converted: AttentionLayerSpec = {
    ...layer,
    attention: withoutWindows ? withoutWindow(layer.attention) : layer.attention,
    rotary: layer.rotary && layout !== 'none' ? withDivisors({ ...layer.rotary, layout }, divisors, config) : null,
    queryNorm: headNorm(layer.queryNorm, 'q_norm'),
    keyNorm: headNorm(layer.keyNorm, 'k_norm'),
    latentNorms: layer.latentNorms && latentNorms(layer.latentNorms, config),
    biases: storedBiases(layer.attention, has),
  };
  const norms = Object.fromEntries(
    Object.entries(block.norms).map(([place, norm]: [string, NormSpec | null]) => {
      return [place, norm && storedNorm(norm, hasBias(sources[NORM_NAMES[place as keyof BlockNorms]], has))];
    }),
  );
  return {
    ...block,
    layer: converted,
    norms: { ...block.norms, ...norms },
    feedForward: storedFeedForward(block.feedForward, has),
  };
}

function withoutWindow(attention: RunnableAttention): RunnableAttention {
  if (attention.kind !== 'sliding') return attention;
  const { queryHeads, kvHeads, keyDim, valueDim } = attention;
  return { kind: 'full', queryHeads, kvHeads, keyDim, valueDim };
}

function storedBiases(attention: RunnableAttention, has: GgufLayer['has']): ProjectionBiases {
  const o = has('attn_output.bias');
  if (attention.kind === 'latent')
    return { q: has('attn_q_a.bias') || has('attn_q.bias'), k: has('attn_kv_a_mqa.bias'), v: false, o };
  if (!has('attn_qkv.weight')) return { q: has('attn_q.bias'), k: has('attn_k.bias'), v: has('attn_v.bias'), o };
  const fused = has('attn_qkv.bias');
  return { q: fused, k: fused, v: fused, o };
}

/** All norms of llama.cpp have the file's one epsilon; those of latents have the class's in transformers. */
function latentNorms(norms: LatentNorms, config: ConfigReader): LatentNorms {
  const epsilon = config.numberOr('rms_norm_eps', null);
  if (epsilon === null) return norms;
  const own = (norm: NormSpec | null): NormSpec | null => norm && { ...norm, epsilon };
  return { ...norms, query: own(norms.query), latent: own(norms.latent) };
}

/** Llama 3's scaling is stored as divisors of the frequencies; a linear scaling divides them as well. */
function withDivisors(rotary: RotarySpec, divisors: readonly number[] | null, config: ConfigReader): RotarySpec {
  if (divisors === null) return rotary;
  const { scaling } = rotary;
  const factor = scaling?.kind === 'linear' ? scaling.factor : 1;
  if (scaling !== null && scaling.kind !== 'linear' && scaling.kind !== 'proportional')
    return config.unsupported(`rope_freqs together with RoPE scaling ${scaling.kind}`);
  return { ...rotary, scaling: divisorsScaling(divisors.map((divisor) => divisor * factor)) };
}

function storedFeedForward(feedForward: FeedForward, has: GgufLayer['has']): FeedForward {
  if (feedForward.kind !== 'moe') return storedDense(feedForward, has, '');
  const { expert, shared } = feedForward;
  return {
    ...feedForward,
    expert: storedDense(expert, has, '_exps'),
    shared: shared && {
      gate: has('ffn_gate_inp_shexp.weight'),
      expert: storedDense(shared.expert, has, '_shexp'),
    },
  };
}

/** Biases are those of the file, and GELU is always its approximation by tanh (`ggml_gelu`). */
function storedDense<F extends DenseFeedForward>(feedForward: F, has: GgufLayer['has'], ending: string): F {
  return {
    ...feedForward,
    activation: feedForward.activation === 'gelu' ? 'gelu-tanh' : feedForward.activation,
    biasIn: has(`ffn_up${ending}.bias`),
    biasOut: has(`ffn_down${ending}.bias`),
  };
}

/** @param own Places that the architecture has for itself. */
function layerSources(
  { has }: GgufLayer,
  block: BlockSpec,
  own: WeightSources = {},
): Pick<LayerPlan, 'sources' | 'expert'> {
  const common = Object.entries(NAMES).map(([base, name]): [string, Part] => [base, { base: name }]);
  const { attention } = block.layer;
  const mlp = block.feedForward;
  const sources: WeightSources = {
    ...Object.fromEntries(common),
    // Without `.weight`: it is added to the score of the choice.
    'router.correction': { base: 'exp_probs_b', suffix: { weight: '.bias', bias: '.bias' } },
    ...(has('attn_qkv.weight') ? fusedParts(headDims(attention)) : {}),
    ...(attention.kind === 'latent' ? latentParts(attention, has('attn_k_b.weight')) : {}),
    // Some architectures have the norm before the feed-forward under the name of one behind the attention.
    ...(!has('ffn_norm.weight') && has('post_attention_norm.weight') && block.norms.attentionOutput === null
      ? { norm_feed_forward: { base: 'post_attention_norm' } }
      : {}),
    ...(mlp.kind === 'moe' ? sharedParts(mlp, has) : {}),
    ...(mlp.kind === 'gated' && !has('ffn_gate.weight') ? gateAndUp('ffn_up', mlp.width) : {}),
    ...own,
  };
  if (mlp.kind !== 'moe') return { sources, expert: null };
  const fused = has('ffn_gate_up_exps.weight') ? gateAndUp('ffn_gate_up_exps', mlp.expert.width) : null;
  const expert = (index: number): WeightSources => ({
    gate_proj: { ...(fused?.gate_proj ?? { base: 'ffn_gate_exps' }), index },
    up: { ...(fused?.up ?? { base: 'ffn_up_exps' }), index },
    down: { base: 'ffn_down_exps', index },
  });
  return { sources, expert };
}

function fusedParts({ queryHeads, kvHeads, keyDim, valueDim }: HeadDims): WeightSources {
  const [q, k, v] = sections('attn_qkv', [queryHeads * keyDim, kvHeads * keyDim, kvHeads * valueDim]);
  return { q, k, v };
}

function sharedParts({ shared }: MoeFeedForward, has: GgufLayer['has']): WeightSources {
  if (shared?.expert.kind !== 'gated' || has('ffn_gate_shexp.weight')) return {};
  const { gate_proj, up } = gateAndUp('ffn_up_shexp', shared.expert.width);
  return { 'shared.gate_proj': gate_proj, 'shared.up': up };
}

/** Gate, then up, in one tensor. */
function gateAndUp(base: string, width: number): { readonly gate_proj: Part; readonly up: Part } {
  const [gate, up] = sections(base, [width, width]);
  return { gate_proj: gate, up };
}

/** The up-projections of latents: apart since spring of 2025, that of the keys transposed; in older files [nope | value] per head. */
function latentParts(attention: LatentAttention, apart: boolean): WeightSources {
  const { queryHeads, nopeDim, valueDim } = attention;
  if (apart)
    return {
      w_uk: { base: 'attn_k_b', suffix: WEIGHT, transposedBlocks: queryHeads },
      w_uv: { base: 'attn_v_b', suffix: WEIGHT },
    };
  const rows = (start: number, count: number): Part => ({
    base: 'attn_kv_b',
    suffix: WEIGHT,
    rows: [{ start, count, times: queryHeads, stride: nopeDim + valueDim }],
  });
  return { w_uk: rows(0, nopeDim), w_uv: rows(nopeDim, valueDim) };
}

const WEIGHT = { weight: '.weight', bias: '.bias' } as const;

function assemble(store: GgufStore, model: ModelBlocks, layers: readonly LayerPlan[], config: ConfigReader): ModelPlan {
  const [vocabularySize = 0, width = 0] = store.info('token_embd.weight').shape;
  if (width !== model.hiddenSize) return config.unsupported(`an embedding of width ${width}`);
  const positions = model.embedding?.positions ?? null;
  if (positions?.kind === 'sinusoidal') return config.unsupported('this embedding in GGUF');
  const named = (spec: NormSpec | null | undefined, base: string): { spec: NormSpec; base: string } | null =>
    spec ? { spec: storedNorm(spec, store.has(`${base}.bias`)), base } : null;
  return {
    family: config.modelType,
    hiddenSize: model.hiddenSize,
    vocabularySize,
    embedding: {
      tensor: 'token_embd.weight',
      width,
      multiplier: model.embedding?.multiplier ?? 1,
      projection: null,
      positions: positions && { ...positions, tensor: 'position_embd.weight' },
      norm: named(model.embedding?.norm, 'token_embd_norm'),
    },
    layers,
    output: {
      norm: named(model.output.norm, 'output_norm'),
      projection: null,
      head: store.has('output.weight') ? 'output.weight' : 'token_embd.weight',
      bias: store.has('output.bias') ? 'output.bias' : null,
      multiplier: model.output.multiplier ?? 1,
      softcap: model.output.softcap ?? null,
    },
  };
}
