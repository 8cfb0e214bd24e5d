/** Bytes of a model's weights: exact from the stored tensors, else from the parameters and the config's quantisation. */

import type { ConfigDocument } from '../config/document';
import { ConfigReader, ReadingLog } from '../config/reader';
import type { Reading } from '../reading/read';
import type { Part } from '../families/counted/tally';
import { ELEMENT_BYTES } from '../model/dtype';
import { elementAt } from '../model/elementAt';
import { formatInteger } from '../model/units';
import type { WeightFormat } from '../model/weightFormat';
import type { ParameterCount } from './parameters/count';

/** One tensor as a safetensors header or a GGUF lists it; the node side reads those. */
export interface StoredTensor {
  readonly name: string;
  readonly bytes: number;
}

/** Bytes by place in the model. */
export interface WeightPlacement {
  /** Of each layer, layers that draft included where the files have them. */
  readonly layers: readonly number[];
  /** Looked up, by a row for each token. */
  readonly embedding: number;
  /** The output and what else is in no layer; the embedding again where the output is the same tensor. */
  readonly head: number;
}

export interface WeightBytes {
  readonly bytes: number;
  /** Of `bytes`: routed experts, of which a step reads only those that tokens are sent to. */
  readonly expertBytes: number;
  /** Bytes of one parameter by part, routed experts apart, where that is known: a quantisation leaves some parts as they were. */
  readonly bytesEach?: Readonly<Partial<Record<Part, number>>>;
  /** True where every byte was read from headers; false where parameters were multiplied. */
  readonly exact: boolean;
  /** How the number came about, for the derivation. */
  readonly rule: string;
  /** Where the bytes lie, where that is known tensor by tensor. */
  readonly placement?: WeightPlacement;
  /** What was chosen in place of what the file says; absent where the file decides. */
  readonly chosen?: ChosenWeights;
}

export interface ChosenWeights {
  readonly format: WeightFormat;
  /** "bf16", "fp8, a scale per tensor". */
  readonly fileSays: string;
}

export interface EstimatedWeights extends WeightBytes {
  /** True where parameters were multiplied by what a quantised format takes: scales and exceptions are estimates too. */
  readonly quantised: boolean;
}

/** How quantised weights are stored. */
export interface WeightScheme {
  /** Bits of one quantised weight, its share of scales and zero points included. */
  readonly bitsPerWeight: number;
  /** Bits of one weight of a routed expert, where it is another number. */
  readonly bitsPerExpertWeight?: number;
  /** Parts whose weights keep the config's own type. */
  readonly unquantised: readonly ('attention' | 'mlp')[];
  readonly text: string;
}

/** `…mlp.experts.3.up_proj.weight`, `…ffn_up_exps.weight`; not `shared_experts`. */
const EXPERT_NAME = /(?:^|\.)experts\.|_exps\./;

/** Sum over headers; tensors that other tools ignore (`.weight_scale_inv`, `rotary_emb.inv_freq`) are in it: they are loaded. */
export function storedWeightBytes(tensors: readonly StoredTensor[]): WeightBytes {
  const sum = (some: readonly StoredTensor[]): number => some.reduce((bytes, tensor) => bytes + tensor.bytes, 0);
  return {
    bytes: sum(tensors),
    expertBytes: sum(tensors.filter(({ name }) => EXPERT_NAME.test(name))),
    exact: true,
    rule: `${formatInteger(tensors.length)} tensors in the files`,
    ...placed(tensors),
  };
}

/** `blk.3.…`, `model.layers.3.…`, `transformer.h.3.…`. */
const LAYER_NAME = /(?:^|\.)(?:blk|layers|h)\.(\d{1,5})\./;
/** Towers beside the language model have layers of their own. */
const OTHER_PART = /vision|visual|audio|tower|projector/;
const EMBEDDING_NAME = /(?:^|\.)(?:token_embd|embed_tokens|wte|word_embeddings|tok_embeddings)\./;
const OUTPUT_NAME = /(?:^|\.)(?:output|lm_head|embed_out)\./;

/** None where no tensor is of a layer. */
function placed(tensors: readonly StoredTensor[]): { readonly placement?: WeightPlacement } {
  const layers: number[] = [];
  let [embedding, head, output] = [0, 0, false];
  for (const { name, bytes } of tensors) {
    const layer = OTHER_PART.test(name) ? undefined : LAYER_NAME.exec(name)?.[1];
    if (layer !== undefined) {
      while (layers.length <= Number(layer)) layers.push(0);
      layers[Number(layer)] = elementAt(layers, Number(layer)) + bytes;
    } else if (EMBEDDING_NAME.test(name)) embedding += bytes;
    else {
      head += bytes;
      output ||= OUTPUT_NAME.test(name);
    }
  }
  return layers.length === 0 ? {} : { placement: { layers, embedding, head: output ? head : head + embedding } };
}

/** What stands beside the config's text. */
export interface WeightOptions {
  /** `hf_quant_config.json` (TensorRT Model Optimizer), where the folder has one; that of the reading where absent. */
  readonly quantFile?: ConfigDocument;
}

/** `undefined`: weights as the config's own type. Null: a quantisation that Headlight does not know. */
function weightScheme(reading: Reading, options: WeightOptions = {}): WeightScheme | null | undefined {
  const log = new ReadingLog();
  const expertType = reading.reader(log).string(['expert_dtype'])?.value;
  for (const path of [[], reading.location.path]) {
    const config = reading.readerAt(path, log).nested('quantization_config');
    if (!config) continue;
    const found = schemeOf(config);
    // DeepSeek-V4: experts in mxfp4 within a model that is fp8 else.
    return found && expertType === 'fp4'
      ? { ...found, bitsPerExpertWeight: MXFP4_BITS, text: `${found.text}; experts in mxfp4` }
      : found;
  }
  const beside = options.quantFile ?? reading.options.quantFile;
  return beside ? modelOpt(new ConfigReader(beside, [], log)) : undefined;
}

/** How the weights of a file are stored, as its config says: "bf16", "fp8, a scale per tensor". */
export function fileWeightsText(reading: Reading): string {
  const found = weightScheme(reading);
  if (found === null) return 'a quantisation that Headlight does not know';
  return found?.text ?? reading.spec.nativeDtype ?? 'no type';
}

/** Four bits and a byte of scale per 32. */
const MXFP4_BITS = 4 + 8 / 32;

const scheme = (bitsPerWeight: number, text: string, unquantised: WeightScheme['unquantised'] = []): WeightScheme => ({
  bitsPerWeight,
  text,
  unquantised,
});

/** Parts that a list of exceptions names, in any layer: an estimate where it names some layers alone. */
function exceptions(config: ConfigReader, keys: readonly string[]): WeightScheme['unquantised'] {
  const text = (config.list(keys)?.value ?? []).map(String).join(' ');
  return [
    ...(/attn|attention/.test(text) ? (['attention'] as const) : []),
    ...(/shared_expert|mlp\\?\.\(|mlp\.(gate|up|down)_proj/.test(text) ? (['mlp'] as const) : []),
  ];
}

function schemeOf(config: ConfigReader): WeightScheme | null {
  const method = config.string(['quant_method'])?.value.toLowerCase() ?? '';
  const bitKeys = ['bits', 'w_bit', 'num_bits'];
  const bits = bitKeys.some((key) => config.hasValue(key)) ? (config.integer(bitKeys, 1, 16)?.value ?? null) : 4;
  if (bits === null) return null;
  const group = config.integer(['group_size', 'q_group_size'])?.value ?? 128;
  switch (method) {
    case 'fp8':
      return fp8(config);
    case 'fbgemm_fp8':
      return scheme(8, 'fp8, a scale per row');
    case 'mxfp4':
      return scheme(MXFP4_BITS, 'mxfp4 (experts only), a one-byte scale per 32', ['attention', 'mlp']);
    // AutoAWQ and AutoGPTQ: float16 scale and packed zero point per group of input channels.
    case 'awq':
    case 'gptq':
      return scheme(bits + (16 + bits) / group, `${method} int${bits}, a scale and a zero point per ${group}`);
    case 'bitsandbytes':
      return bitsAndBytes(config);
    case '':
      return config.has('config_groups')
        ? compressedTensors(config)
        : config.has('quant_algo')
          ? modelOpt(config)
          : bitsAndBytes(config);
    case 'compressed-tensors':
      return compressedTensors(config);
    case 'modelopt':
    case 'modelopt_fp4':
    case 'nvfp4':
      return modelOpt(config);
    default:
      return null;
  }
}

/** DeepSeek: a float32 scale per block of `weight_block_size`; without it, one per tensor. */
function fp8(config: ConfigReader): WeightScheme {
  const block = config.list(['weight_block_size'])?.value;
  const [rows, columns] = block ?? [];
  if (typeof rows !== 'number' || typeof columns !== 'number' || rows * columns <= 0)
    return scheme(8, 'fp8, a scale per tensor');
  return scheme(8 + 32 / (rows * columns), `fp8, a float32 scale per ${rows} × ${columns}`);
}

/** bitsandbytes functional.py: 4-bit in blocks of 64 with a float32 maximum, or (double quantisation) a byte and a float32 per 256 of those. */
function bitsAndBytes(config: ConfigReader): WeightScheme | null {
  const four = config.flag(['load_in_4bit', '_load_in_4bit'], false);
  const eight = config.flag(['load_in_8bit', '_load_in_8bit'], false);
  if (four && config.flag(['bnb_4bit_use_double_quant'], false))
    return scheme(4 + 8 / 64 + 32 / (64 * 256), '4 bits, a doubly quantised maximum per 64');
  if (four) return scheme(4 + 32 / 64, '4 bits, a float32 maximum per 64');
  return eight ? scheme(8, 'int8, a float32 scale per row') : null;
}

function compressedTensors(config: ConfigReader): WeightScheme | null {
  const groups = config.nested('config_groups');
  const first = groups?.keys()[0];
  const weights = first === undefined ? null : (groups?.nested(first)?.nested('weights') ?? null);
  const bits = weights?.integer(['num_bits'])?.value;
  if (!weights || bits === undefined) return null;
  const group = weights.integer(['group_size'])?.value;
  const floating = weights.string(['type'])?.value === 'float';
  const except = exceptions(config, ['ignore']);
  if (floating && bits === 4) return scheme(4 + 8 / (group ?? 16), `fp4, a one-byte scale per ${group ?? 16}`, except);
  if (group === undefined) return scheme(bits, `${floating ? 'fp' : 'int'}${bits}, a scale per row`, except);
  return scheme(bits + 16 / group, `int${bits}, a 16-bit scale per ${group}`, except);
}

function modelOpt(config: ConfigReader): WeightScheme | null {
  const inner = config.nested('quantization') ?? config;
  const algorithm = inner.string(['quant_algo'])?.value.toUpperCase() ?? '';
  const except = exceptions(inner, ['exclude_modules', 'ignore']);
  if (algorithm === 'FP8') return scheme(8, 'fp8, a scale per tensor', except);
  if (algorithm.includes('NVFP4')) return scheme(4 + 8 / 16, 'nvfp4, an fp8 scale per 16', except);
  return null;
}

/**
 * Weight bytes from a count. Embedding, head, norms and routers keep the config's type; the projections take the
 * quantisation's. Null where the quantisation is not known.
 */
export function estimatedWeightBytes(
  reading: Reading,
  count: ParameterCount,
  options: WeightOptions = {},
): EstimatedWeights | null {
  const native = reading.spec.nativeDtype;
  const elementBytes = native === null ? 2 : ELEMENT_BYTES[native];
  const found = weightScheme(reading, options);
  if (found === null) return null;
  const type = native ?? 'no dtype given: 2 bytes';
  if (!found)
    return {
      bytes: count.total * elementBytes,
      expertBytes: count.experts * elementBytes,
      exact: false,
      quantised: false,
      rule: `${formatInteger(count.total)} parameters × ${elementBytes} bytes (${type})`,
    };
  const dense = (['attention', 'mlp'] as const).reduce(
    (sum, part) => sum + (found.unquantised.includes(part) ? 0 : count[part]),
    0,
  );
  const quantised = count.experts + dense;
  const expertBytes = Math.round((count.experts * (found.bitsPerExpertWeight ?? found.bitsPerWeight)) / 8);
  const bytes = expertBytes + Math.round((dense * found.bitsPerWeight) / 8) + (count.total - quantised) * elementBytes;
  return {
    bytes,
    expertBytes,
    bytesEach: bytesEach(elementBytes, (part) => (found.unquantised.includes(part) ? null : found.bitsPerWeight)),
    exact: false,
    quantised: true,
    rule: `${formatInteger(quantised)} parameters in ${found.text}; ${formatInteger(count.total - quantised)} × ${elementBytes} bytes (${type})`,
  };
}

/** Projections in a format, where they are in one; all else in the wide type. */
export function bytesEach(
  wideBytes: number,
  bitsOf: (part: 'attention' | 'mlp') => number | null,
): NonNullable<WeightBytes['bytesEach']> {
  const linear = (part: 'attention' | 'mlp'): number => {
    const bits = bitsOf(part);
    return bits === null ? wideBytes : bits / 8;
  };
  return {
    embedding: wideBytes,
    outputHead: wideBytes,
    attention: linear('attention'),
    mlp: linear('mlp'),
    norms: wideBytes,
    router: wideBytes,
    other: wideBytes,
  };
}
