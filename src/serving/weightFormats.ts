/** Bytes of weights in a format that is assumed, from the parameters of each module: what a checkpoint of it would take. */

import type { BlockSpec } from '../attention/spec/blockSpec';
import { blockWeights, feedForwardWeights, weightCount, type WeightInfo } from '../attention/spec/weightNames';
import { ReadingLog } from '../config/reader';
import { ConfigRefusal } from '../config/refusal';
import { blocksOf } from '../families/blocksOf';
import { isHeaded } from '../model/attention';
import type { Scenario } from '../model/scenario';
import { formatInteger } from '../model/units';
import {
  type CheckpointFormat,
  type GgufFormat,
  GROUPED_FORMATS,
  type GroupedFormat,
  type WeightFormat,
} from '../model/weightFormat';
import type { Reading } from '../reading/read';
import { countParameters, type ParameterCount } from './parameters/count';
import { bytesEach, type EstimatedWeights, estimatedWeightBytes, fileWeightsText, type WeightBytes } from './weights';

/** Bits of one weight in the types of ggml (ggml-common.h: block sizes with their scales). */
const GGML_BITS = {
  f32: 32,
  f16: 16,
  bf16: 16,
  q2_k: 2.625,
  q3_k: 3.4375,
  q4_k: 4.5,
  q5_k: 5.5,
  q6_k: 6.5625,
  q8_0: 8.5,
  q4_0: 4.5,
  q4_1: 5,
  q5_0: 5.5,
  q5_1: 6,
  iq4_nl: 4.5,
  iq4_xs: 4.25,
  mxfp4: 4.25,
} as const;
type GgmlType = keyof typeof GGML_BITS;

/** How a format of safetensors checkpoints keeps weights. */
interface CheckpointBits {
  /** Of a quantised weight, with its share of scales. */
  readonly bits: number;
  readonly text: string;
  /** Of what stays wide. */
  readonly wide: 16 | 32;
  /** Routed experts alone, where the model has any. */
  readonly expertsAlone?: true;
}

/**
 * Embedding, head, norms and routers stay 16 bits wide: the quantisers of vLLM give linear layers and experts a method of their own and
 * nothing else (layers/quantization: `Fp8Config`, `GPTQConfig`, `ModelOptNvFp4Config` `.get_quant_method`; routers are made without a
 * quantisation), AutoAWQ and llm-compressor leave out `lm_head` by default.
 */
const CHECKPOINT_BITS: Readonly<Record<CheckpointFormat, CheckpointBits>> = {
  fp32: { bits: 32, text: 'float32 throughout', wide: 32 },
  bf16: { bits: 16, text: 'bfloat16 throughout', wide: 16 },
  fp16: { bits: 16, text: 'float16 throughout', wide: 16 },
  // As vLLM makes it of a wide checkpoint when it loads (--quantization fp8): one float32 for a whole matrix.
  fp8: { bits: 8, text: 'fp8 with a scale per tensor', wide: 16 },
  // A float32 scale for each block of 128 × 128, as DeepSeek and Qwen publish them.
  fp8_block: { bits: 8 + 32 / (128 * 128), text: 'fp8 with a float32 scale per 128 × 128', wide: 16 },
  int8: { bits: 8, text: 'int8 with a scale per row', wide: 16 },
  int4: grouped('int4', 128),
  awq: grouped('awq', 128),
  gptq: grouped('gptq', 128),
  // vLLM's mxfp4.py keeps linear layers as they are, as gpt-oss has them; models without experts have all in mxfp4 (AMD Quark).
  mxfp4: { bits: 4 + 8 / 32, text: 'mxfp4 with a one-byte scale per 32', wide: 16, expertsAlone: true },
  nvfp4: { bits: 4 + 8 / 16, text: 'nvfp4 with an fp8 scale per 16', wide: 16 },
  nf4: { bits: 4 + 32 / 64, text: 'nf4 (bitsandbytes) with a float32 maximum per 64', wide: 16 },
};

function grouped(format: 'int4' | 'awq' | 'gptq', group: number): CheckpointBits {
  return format === 'int4'
    ? { bits: 4 + 16 / group, text: `int4 with a 16-bit scale per ${group}`, wide: 16 }
    : {
        bits: 4 + (16 + 4) / group,
        text: `${format.toUpperCase()} int4 with a 16-bit scale and a zero point per ${group}`,
        wide: 16,
      };
}

function checkpointBits(format: CheckpointFormat | GroupedFormat): CheckpointBits {
  for (const name of GROUPED_FORMATS)
    if (format.startsWith(`${name}:`)) return grouped(name, Number(format.slice(name.length + 1)));
  return CHECKPOINT_BITS[format as CheckpointFormat];
}

/** The type that most tensors of a mixture get. */
const MAIN_TYPES = {
  q2_k: 'q2_k',
  q3_k_s: 'q3_k',
  q3_k_m: 'q3_k',
  q3_k_l: 'q3_k',
  q4_0: 'q4_0',
  q4_1: 'q4_1',
  q4_k_s: 'q4_k',
  q4_k_m: 'q4_k',
  q5_0: 'q5_0',
  q5_1: 'q5_1',
  q5_k_s: 'q5_k',
  q5_k_m: 'q5_k',
  q6_k: 'q6_k',
  q8_0: 'q8_0',
  iq4_nl: 'iq4_nl',
  iq4_xs: 'iq4_xs',
  mxfp4_moe: 'q8_0',
} as const satisfies Readonly<Record<GgufFormat, GgmlType>>;

function isGguf(format: WeightFormat): format is GgufFormat {
  return Object.hasOwn(MAIN_TYPES, format);
}

/** The weights that a scenario has: in the type that it chooses, else those of the files, else what the config says. Null where that is not known. */
export function scenarioWeights(
  reading: Reading,
  { weights: format }: Pick<Scenario, 'weights'>,
  stored: WeightBytes | null,
  count: ParameterCount | null,
): WeightBytes | EstimatedWeights | null {
  if (format !== undefined) return assumedWeights(reading, format, count);
  return stored ?? (count && estimatedWeightBytes(reading, count));
}

/** Null where the parameters cannot be counted. */
export function assumedWeights(
  reading: Reading,
  format: WeightFormat,
  count: ParameterCount | null = countParameters(reading),
): EstimatedWeights | null {
  if (!count) return null;
  const found = isGguf(format) ? ggufWeights(reading, count, format) : checkpointWeights(count, format);
  return { ...found, chosen: { format, fileSays: fileWeightsText(reading) } };
}

/** Parameters of each layer; null where the blocks of the family are not described. */
export function layerParameters(reading: Reading, count: ParameterCount): readonly number[] | null {
  const tensors = tensorsOf(reading, count);
  if (!tensors) return null;
  const ofKind = new Map(tensors.kinds.map((kind) => [kind, sumOfParameters(kind)]));
  return tensors.layers.map((kind) => ofKind.get(kind) ?? 0);
}

function checkpointWeights(count: ParameterCount, format: CheckpointFormat | GroupedFormat): EstimatedWeights {
  const { bits, text, wide, expertsAlone } = checkpointBits(format);
  const onlyExperts = expertsAlone === true && count.experts > 0;
  const linear = count.experts + (onlyExperts ? 0 : count.attention + count.mlp);
  const rest = count.total - linear;
  const expertBytes = Math.round((count.experts * bits) / 8);
  return {
    bytes: Math.round((linear * bits + rest * wide) / 8),
    expertBytes,
    bytesEach: bytesEach(wide / 8, () => (onlyExperts ? null : bits)),
    exact: false,
    quantised: bits !== wide,
    rule:
      bits === wide
        ? `${formatInteger(count.total)} parameters, assumed in ${text}`
        : onlyExperts
          ? `${formatInteger(linear)} parameters of experts, assumed in ${text}; all else (${formatInteger(rest)}) × ${wide / 8} bytes`
          : `${formatInteger(linear)} parameters of attention, feed-forward and experts, assumed in ${text}; embedding, head, norms and routers (${formatInteger(rest)}) × ${wide / 8} bytes`,
  };
}

/** What llama-quantize looks at. */
interface GgufTensor {
  readonly role: 'embedding' | 'output' | 'k' | 'v' | 'o' | 'down' | 'expertMatrix' | 'matrix' | 'wide';
  readonly expert: boolean;
  readonly parameters: number;
  /** Elements of a row; types with blocks need them to divide. */
  readonly columns: number;
}

interface GgufTensors {
  /** The tensors of each `blk.N`; layers that are built alike have the same list. */
  readonly layers: readonly (readonly GgufTensor[])[];
  /** Each of these lists once. */
  readonly kinds: readonly (readonly GgufTensor[])[];
  /** Embedding, head and what is in no block. */
  readonly ends: readonly GgufTensor[];
}

function sumOfParameters(tensors: readonly GgufTensor[]): number {
  return tensors.reduce((sum, { parameters }) => sum + parameters, 0);
}

interface GgufModel {
  readonly layers: number;
  readonly experts: number;
  /** Query heads of a KV head. */
  readonly group: number;
  /** Llama and Qwen2 of 80 layers, where `attn_v` is small beside the rest. */
  readonly is70b: boolean;
  readonly falcon: boolean;
}

/**
 * Tensor by tensor as llama.cpp's `llama_tensor_get_type_impl` chooses (src/llama-quant.cpp @007dbbf, without an importance
 * matrix); vectors and routers stay float32. Without the blocks of a family, every matrix gets the mixture's main type.
 */
function ggufWeights(reading: Reading, count: ParameterCount, format: GgufFormat): EstimatedWeights {
  const tensors = tensorsOf(reading, count);
  const model = ggufModelOf(reading, count);
  const main = MAIN_TYPES[format];
  let [bits, expertBits] = [0, 0];
  const layerBits: number[] = [];
  const ends = { embedding: 0, head: 0 };
  if (tensors) {
    const taken = (tensor: GgufTensor, layer: number): number => {
      const type = tensor.role === 'wide' ? 'f32' : fitting(typeOf(tensor, layer, model, format, main), tensor.columns);
      const own = tensor.parameters * GGML_BITS[type];
      bits += own;
      if (tensor.expert) expertBits += own;
      return own;
    };
    for (const [layer, own] of tensors.layers.entries())
      layerBits.push(own.reduce((sum, tensor) => sum + taken(tensor, layer), 0));
    for (const tensor of tensors.ends) ends[tensor.role === 'embedding' ? 'embedding' : 'head'] += taken(tensor, 0);
  } else {
    const wide = count.norms + count.router;
    const output = count.outputHead > 0 ? count.outputHead : count.embedding;
    bits = wide * 32 + output * Math.max(6.5625, GGML_BITS[main]) + (count.total - wide - output) * GGML_BITS[main];
    expertBits = count.experts * GGML_BITS[main];
  }
  return {
    bytes: Math.round(bits / 8),
    expertBytes: Math.round(expertBits / 8),
    exact: false,
    quantised: true,
    ...(tensors
      ? {
          placement: {
            layers: layerBits.map((one) => one / 8),
            embedding: ends.embedding / 8,
            head: ends.head / 8,
          },
        }
      : {}),
    rule: `${formatInteger(count.total)} parameters, assumed in ${format.toUpperCase()}: ${
      tensors
        ? "llama-quantize's choice for each tensor"
        : 'its main type for every matrix, because Headlight does not know the blocks of this family'
    }, ${(bits / count.total).toFixed(2)} bits per weight`,
  };
}

function ggufModelOf(reading: Reading, count: ParameterCount): GgufModel {
  const { spec, modelType } = reading;
  const headed = spec.layers.flatMap(({ attention }) => (isHeaded(attention) ? [attention] : []))[0];
  return {
    layers: spec.layers.length,
    experts: Math.max(0, ...count.expertGroups.map(({ experts }) => experts)),
    group: headed ? headed.queryHeads / headed.kvHeads : 1,
    is70b: spec.layers.length === 80 && /^(llama|qwen2)$/.test(modelType),
    falcon: /^(falcon|RefinedWeb)/.test(modelType),
  };
}

/** Every tensor of the model; null where the blocks of the family are not described, or lack a number. */
function tensorsOf(reading: Reading, count: ParameterCount): GgufTensors | null {
  try {
    const model = blocksOf(reading, reading.reader(new ReadingLog()));
    if (!model || reading.spec.unknownLayers > 0) return null;
    // By kinds: a damaged config has thousands of layers, and each has dozens of tensors.
    const kinds = new Map<string, readonly GgufTensor[]>();
    const layers = reading.spec.layers.map(({ index }) => {
      const block = model.block(index);
      const kind = JSON.stringify(block);
      const tensors = kinds.get(kind) ?? blockTensors(block, model.hiddenSize);
      kinds.set(kind, tensors);
      return tensors;
    });
    const sums = new Map([...kinds.values()].map((tensors) => [tensors, sumOfParameters(tensors)]));
    const sum = layers.reduce((total, tensors) => total + (sums.get(tensors) ?? 0), 0);
    const ends = count.embedding + count.outputHead;
    // What is in no block (a last norm, positions) is wide.
    const rest = Math.max(0, count.total - ends - sum);
    const columns = model.hiddenSize;
    const end = (role: 'embedding' | 'output', parameters: number): GgufTensor => ({
      role,
      expert: false,
      parameters,
      columns,
    });
    return {
      layers,
      kinds: [...kinds.values()],
      ends: [
        ...(count.outputHead > 0
          ? [end('embedding', count.embedding), end('output', count.outputHead)]
          : [end('output', count.embedding)]),
        { role: 'wide', expert: false, parameters: rest, columns },
      ],
    };
  } catch (error) {
    if (error instanceof ConfigRefusal) return null;
    throw error;
  }
}

function blockTensors(block: BlockSpec, hiddenSize: number): readonly GgufTensor[] {
  const own = blockWeights(block).map(tensorOf);
  if (block.feedForward.kind !== 'moe') return own;
  const { router, expert } = block.feedForward;
  const experts = feedForwardWeights(expert, hiddenSize).map((weight): GgufTensor => {
    const tensor = tensorOf(weight);
    const role = tensor.role === 'matrix' ? 'expertMatrix' : tensor.role;
    return { ...tensor, role, expert: true, parameters: tensor.parameters * router.experts };
  });
  return [...own, ...experts];
}

function tensorOf(weight: WeightInfo): GgufTensor {
  const { name, shape } = weight;
  const columns = shape.at(-1) ?? 1;
  const base = { expert: false, parameters: weightCount(weight), columns };
  const part = name.replace(/\.(weight|bias)$/, '');
  if (shape.length < 2 || /\.bias$/.test(name) || /^(router|shared_gate)/.test(part)) return { ...base, role: 'wide' };
  if (part === 'k' || part === 'v' || part === 'o') return { ...base, role: part };
  // attn_k_b is stored with the rows of one head's keys.
  if (part === 'w_uk') return { ...base, role: 'matrix', columns: shape[1] ?? columns };
  return { ...base, role: /(^|\.)down$/.test(part) ? 'down' : 'matrix' };
}

/** The first, the last and every third layer between. */
function usesMoreBits(layer: number, layers: number): boolean {
  const eighth = Math.floor(layers / 8);
  return layer < eighth || layer >= Math.floor((7 * layers) / 8) || (layer - eighth) % 3 === 2;
}

function typeOf(tensor: GgufTensor, layer: number, model: GgufModel, format: GgufFormat, main: GgmlType): GgmlType {
  const { layers, experts, falcon } = model;
  if (format === 'mxfp4_moe')
    return tensor.role === 'expertMatrix' || (tensor.role === 'down' && tensor.expert) ? 'mxfp4' : 'q8_0';
  const early = (share: number): boolean => layer < Math.floor(layers / share);
  switch (tensor.role) {
    case 'output':
      return falcon || tensor.columns % blockOf(main) !== 0 || main === 'q8_0' ? 'q8_0' : 'q6_k';
    case 'v':
      return experts === 8 ? 'q8_0' : valueType(layer, model, format, main);
    case 'k':
      return experts === 8 ? 'q8_0' : main;
    case 'down':
      if (format === 'q2_k') return 'q3_k';
      if (format === 'q3_k_m') return early(16) ? 'q5_k' : !falcon || usesMoreBits(layer, layers) ? 'q4_k' : 'q3_k';
      if (format === 'q3_k_l') return falcon ? 'q4_k' : 'q5_k';
      if (format === 'q4_k_m' && falcon) return early(16) ? 'q6_k' : usesMoreBits(layer, layers) ? 'q5_k' : 'q4_k';
      if (format === 'q4_k_m' || format === 'q5_k_m') return usesMoreBits(layer, layers) ? 'q6_k' : main;
      if (early(8) && (format === 'iq4_nl' || format === 'iq4_xs' || (format === 'q4_k_s' && !falcon))) return 'q5_k';
      return main;
    case 'o':
      if (falcon) return format === 'q3_k_l' ? 'q4_k' : main;
      if (experts === 8) return /^(q2_k|q3_k_[sm]|q4_k_[sm]|iq4_nl|iq4_xs)$/.test(format) ? 'q5_k' : main;
      if (format === 'q2_k') return 'q3_k';
      if (format === 'q3_k_m') return 'q4_k';
      return format === 'q3_k_l' ? 'q5_k' : main;
    default:
      return main;
  }
}

function valueType(layer: number, { layers, group, is70b }: GgufModel, format: GgufFormat, main: GgmlType): GgmlType {
  const chosen = ((): GgmlType => {
    if (format === 'q2_k') return group >= 4 ? 'q4_k' : 'q3_k';
    if (format === 'q3_k_m') return layer < 2 ? 'q5_k' : 'q4_k';
    if (format === 'q3_k_l') return 'q5_k';
    if ((format === 'iq4_nl' || format === 'iq4_xs') && group >= 4) return 'q5_k';
    if ((format === 'q4_k_m' || format === 'q5_k_m') && usesMoreBits(layer, layers)) return 'q6_k';
    return format === 'q4_k_s' && layer < 4 ? 'q5_k' : main;
  })();
  return is70b && (chosen === 'q3_k' || chosen === 'q4_k') ? 'q5_k' : chosen;
}

function blockOf(type: GgmlType): number {
  return type.endsWith('_k') || type === 'iq4_xs' ? 256 : /^(q|iq|mx)/.test(type) ? 32 : 1;
}

/** What takes the place of a type whose block does not divide the rows (llama-quant.cpp `tensor_type_fallback`). */
function fitting(type: GgmlType, columns: number): GgmlType {
  if (columns % blockOf(type) === 0) return type;
  const other: Readonly<Partial<Record<GgmlType, GgmlType>>> = {
    q2_k: 'iq4_nl',
    q3_k: 'iq4_nl',
    iq4_xs: 'iq4_nl',
    q4_k: 'q5_0',
    q5_k: 'q5_1',
    q6_k: 'q8_0',
  };
  const next = other[type] ?? 'f16';
  return columns % blockOf(next) === 0 ? next : 'f16';
}
