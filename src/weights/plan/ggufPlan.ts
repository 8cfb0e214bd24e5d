/** Plans for GGUF files: the family's specs, adapted to what llama.cpp's converter did, and its uniform tensor names. */

import type { BlockSpec, FeedForward } from '../../attention/spec/blockSpec';
import { type AttentionLayerSpec, headDims } from '../../attention/spec/layerSpec';
import type { HeadNormSpec, NormSpec } from '../../attention/spec/normSpec';
import type { RotarySpec } from '../../attention/spec/rotarySpec';
import type { Reading } from '../../reading/read';
import { type ConfigReader, isJsonObject, type JsonObject } from '../../config/reader';
import { type ModelBlocks, runnableBlocks } from '../../families/blocksOf';
import { sections } from '../../families/kit/tensorNames';
import type { Part, WeightSource, WeightSources } from '../../families/kit/weightSource';
import { ggufRegister } from '../../families/register';
import type { GgufStore } from '../gguf';
import { refusedFor, WeightsError } from '../weightsError';
import { checkLayers } from './checkPlan';
import type { LayerPlan, ModelPlan } from './weightPlan';

/** Names per weight; the two norms after a block's halves stand under these names since Gemma 2. */
const NAMES: Readonly<Record<string, string>> = {
  q: 'attn_q',
  k: 'attn_k',
  v: 'attn_v',
  o: 'attn_output',
  q_norm: 'attn_q_norm',
  k_norm: 'attn_k_norm',
  norm_attention: 'attn_norm',
  norm_attention_output: 'post_attention_norm',
  norm_feed_forward: 'ffn_norm',
  norm_feed_forward_output: 'post_ffw_norm',
  gate_proj: 'ffn_gate',
  up: 'ffn_up',
  down: 'ffn_down',
  router: 'ffn_gate_inp',
};

export interface GgufPlanInput {
  readonly store: GgufStore;
  readonly architecture: string;
  readonly reading: Reading;
}

/**
 * @throws WeightsError when the architecture's conversion is not known, or tensors are missing, misshapen or left over.
 */
export async function ggufPlan({ store, architecture, reading }: GgufPlanInput): Promise<ModelPlan> {
  const config = reading.reader();
  return refusedFor(store.path, async () => {
    const model = runnableBlocks(reading, config, () => null);
    const layout = ggufRegister.of(architecture)?.rope;
    if (layout === undefined) return config.unsupported(`the GGUF form of ${architecture}`);
    const factors = store.has('rope_freqs.weight') ? Array.from(await store.read('rope_freqs.weight')) : null;
    const layers = model.blocks.map((own, index): LayerPlan => {
      const prefix = `blk.${index}.`;
      const block = convertedBlock(own, store, prefix, layout, factors);
      return { block, prefix, ...layerSources(store, prefix, block) };
    });
    checkLayers(store, layers, {
      who: `${architecture} as it is known here`,
      noPlace: (tensor) =>
        new WeightsError({
          file: store.path,
          tensor,
          problem: 'its place in GGUF files is not known.',
          fix: 'Use the safetensors form of this model.',
        }),
      ignored: (name) => name.endsWith('attn_rot_embd.weight') || /rope_(?:freqs|factors)/.test(name),
    });
    return assemble(store, model, layers, config);
  });
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
  };
  return { ...told, rope_scaling: { ...(isJsonObject(scaling) ? scaling : {}), ...factors } };
}

/** The converter folds "+ 1" into norm weights. */
function plainNorm(norm: NormSpec): NormSpec {
  return norm.weight === 'plus-one' ? { ...norm, weight: 'plain' } : norm;
}

function plainHeadNorm(norm: HeadNormSpec | null): HeadNormSpec | null {
  return norm && { ...norm, norm: plainNorm(norm.norm) };
}

function convertedBlock(
  block: BlockSpec,
  store: GgufStore,
  prefix: string,
  layout: RotarySpec['layout'] | 'none',
  factors: readonly number[] | null,
): BlockSpec {
  const has = (name: string): boolean => store.has(`${prefix}${name}`);
  const fused = has('attn_qkv.weight');
  const { layer } = block;
  const rotary = layer.rotary && layout !== 'none' ? withFactors({ ...layer.rotary, layout }, factors) : null;
  const converted: AttentionLayerSpec = {
    ...layer,
    rotary,
    queryNorm: plainHeadNorm(layer.queryNorm),
    keyNorm: plainHeadNorm(layer.keyNorm),
    biases: {
      q: has(fused ? 'attn_qkv.bias' : 'attn_q.bias'),
      k: has(fused ? 'attn_qkv.bias' : 'attn_k.bias'),
      v: has(fused ? 'attn_qkv.bias' : 'attn_v.bias'),
      o: has('attn_output.bias'),
    },
  };
  const norms = Object.fromEntries(
    Object.entries(block.norms).map(([place, norm]: [string, NormSpec | null]) => [place, norm && plainNorm(norm)]),
  );
  return {
    ...block,
    layer: converted,
    norms: { ...block.norms, ...norms },
    feedForward: withBiases(block.feedForward, has),
  };
}

/** Llama 3's scaling is stored as divisors of the frequencies. */
function withFactors(rotary: RotarySpec, factors: readonly number[] | null): RotarySpec {
  if (factors === null) return rotary;
  return {
    ...rotary,
    scaling: {
      kind: 'longrope',
      shortFactor: factors,
      longFactor: factors,
      originalContext: 1,
      factor: 1,
      attentionFactor: 1,
    },
  };
}

function withBiases(feedForward: FeedForward, has: (name: string) => boolean): FeedForward {
  return feedForward.kind === 'moe'
    ? feedForward
    : { ...feedForward, biasIn: has('ffn_up.bias'), biasOut: has('ffn_down.bias') };
}

function layerSources(store: GgufStore, prefix: string, block: BlockSpec): Pick<LayerPlan, 'sources' | 'expert'> {
  const sources: Record<string, WeightSource> = Object.fromEntries(
    Object.entries(NAMES).map(([base, name]): [string, Part] => [base, { base: name }]),
  );
  const { queryHeads, kvHeads, keyDim, valueDim } = headDims(block.layer.attention);
  if (store.has(`${prefix}attn_qkv.weight`)) {
    const [q, k, v] = sections('attn_qkv', [queryHeads * keyDim, kvHeads * keyDim, kvHeads * valueDim]);
    Object.assign(sources, { q, k, v });
  }
  const mlp = block.feedForward;
  if (mlp.kind === 'gated' && !store.has(`${prefix}ffn_gate.weight`)) {
    const [gate, up] = sections('ffn_up', [mlp.width, mlp.width]);
    Object.assign(sources, { gate_proj: gate, up });
  }
  const expert =
    mlp.kind !== 'moe'
      ? null
      : (index: number): WeightSources => ({
          gate_proj: { base: 'ffn_gate_exps', index },
          up: { base: 'ffn_up_exps', index },
          down: { base: 'ffn_down_exps', index },
        });
  return { sources, expert };
}

function assemble(store: GgufStore, model: ModelBlocks, layers: readonly LayerPlan[], config: ConfigReader): ModelPlan {
  const [vocabularySize = 0, width = 0] = store.info('token_embd.weight').shape;
  if (width !== model.hiddenSize) return config.unsupported(`an embedding of width ${width}`);
  const positions = model.embedding?.positions ?? null;
  if (positions?.kind === 'sinusoidal' || model.embedding?.norm) return config.unsupported('this embedding in GGUF');
  const norm = model.output.norm && { spec: plainNorm(model.output.norm), base: 'output_norm' };
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
      norm: null,
    },
    layers,
    output: {
      norm,
      projection: null,
      head: store.has('output.weight') ? 'output.weight' : 'token_embd.weight',
      bias: store.has('output.bias') ? 'output.bias' : null,
      multiplier: model.output.multiplier ?? 1,
      softcap: model.output.softcap ?? null,
    },
  };
}
