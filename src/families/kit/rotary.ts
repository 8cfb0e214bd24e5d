/** RoPE parameters of a config, in the old spelling and the new, as `RotaryEmbeddingConfigMixin` of transformers reads them. */

import type { RotaryScaling, RotarySpec } from '../../attention/spec/rotarySpec';
import type { JsonValue } from '../../config/document';
import { isJsonObject, type ConfigReader, type JsonObject } from '../../config/reader';
import { ConfigRefusal } from '../../config/refusal';
import type { BlockInput } from '../facets';

export interface RotaryOptions {
  /** Width of a head, or of its rotary part (MLA). */
  readonly dim: number;
  readonly layout: RotarySpec['layout'];
  /** For families that rotate part of a head: the fraction where the config gives none. Where absent, `partial_rotary_factor` is ignored. */
  readonly partial?: number;
  /** Layer type under which newer configs nest the parameters (`full_attention`, `sliding_attention`). */
  readonly layerType?: string;
  /** Base where the config gives none; the class's by default. */
  readonly theta?: number;
  /** Key of the base in old configs. */
  readonly thetaKey?: string;
}

/** `rope_parameters`, or `rope_scaling` of older files, for one layer type. Null where the nested entry is null: no RoPE. */
export function ropeParameters(config: ConfigReader, layerType: string | undefined): JsonObject | null {
  const scaling = config.objectOf('rope_scaling');
  const given = scaling !== null && Object.keys(scaling).length > 0 ? scaling : config.objectOf('rope_parameters');
  // The classes take null for "not given".
  const ofClass = config.defaults?.values['rope_parameters'];
  const parameters = given ?? (isJsonObject(ofClass) ? ofClass : {});
  const nested = Object.keys(parameters).some((key) => /_attention$/.test(key));
  if (!nested) return parameters;
  const own = parameters[layerType ?? 'full_attention'];
  if (own === null) return null;
  if (!isJsonObject(own))
    return config.unsupported(`rope_parameters without an entry for ${layerType ?? 'full_attention'}`);
  return own;
}

/** @returns Null where a nested entry says that layers of this type have no RoPE. */
export function rotary(input: Pick<BlockInput, 'config' | 'cannotRun'>, options: RotaryOptions): RotarySpec | null {
  return orNoted(input, () => rotaryOf(input.config, options));
}

/** Notes a refusal of `make` instead of throwing it: shapes do not depend on RoPE. */
export function orNoted<T>({ cannotRun }: Pick<BlockInput, 'cannotRun'>, make: () => T): T | null {
  try {
    return make();
  } catch (error) {
    if (error instanceof ConfigRefusal && error.setting !== null) return cannotRun(error.setting);
    throw error;
  }
}

function rotaryOf(config: ConfigReader, options: RotaryOptions): RotarySpec | null {
  const parameters = ropeParameters(config, options.layerType);
  if (parameters === null) return null;
  const theta =
    numberOf(parameters['rope_theta']) ??
    numberOf(config.get(options.thetaKey ?? 'rope_theta')) ??
    options.theta ??
    config.defaultTheta();
  const partial =
    numberOf(parameters['partial_rotary_factor']) ??
    numberOf(config.get('partial_rotary_factor')) ??
    options.partial ??
    1;
  const type = stringOf(parameters['rope_type']) ?? stringOf(parameters['type']) ?? 'default';
  if (type === 'proportional') {
    const rotatedDim = 2 * Math.floor(Math.floor(partial * options.dim) / 2);
    return {
      theta,
      dim: options.dim,
      layout: options.layout,
      scaling: { kind: 'proportional', rotatedDim, factor: numberOf(parameters['factor']) ?? 1 },
    };
  }
  if (options.partial === undefined && partial !== 1 && type !== 'default')
    return config.unsupported('scaled RoPE on part of a head');
  const dim = options.partial === undefined ? options.dim : Math.floor(options.dim * partial);
  if (dim % 2 !== 0 || dim < 2) return config.unsupported(`RoPE over ${dim} dimensions`);
  return { theta, dim, layout: options.layout, scaling: scalingOf(config, type, parameters) };
}

function scalingOf(config: ConfigReader, type: string, parameters: JsonObject): RotaryScaling | null {
  const factor = (): number =>
    numberOf(parameters['factor']) ?? config.unsupported(`RoPE scaling ${type} without a factor`);
  const optional = (key: string): number | null => numberOf(parameters[key]) ?? null;
  const context = config.numberOr('max_position_embeddings', null);
  const trained = (): number => originalContext(config, parameters, context);
  switch (type) {
    case 'default':
    case 'mrope':
      return null;
    case 'linear':
      return { kind: 'linear', factor: factor() };
    case 'dynamic':
      return {
        kind: 'dynamic',
        factor: factor(),
        originalContext: context ?? config.unsupported('dynamic RoPE without max_position_embeddings'),
      };
    case 'llama3':
      return {
        kind: 'llama3',
        factor: factor(),
        lowFrequencyFactor: optional('low_freq_factor') ?? config.unsupported('llama3 RoPE without low_freq_factor'),
        highFrequencyFactor: optional('high_freq_factor') ?? config.unsupported('llama3 RoPE without high_freq_factor'),
        originalContext: trained(),
      };
    case 'yarn': {
      const originalContext = trained();
      return {
        kind: 'yarn',
        factor: optional('factor') ?? (context ?? originalContext) / originalContext,
        originalContext,
        betaFast: truthy(optional('beta_fast')) ?? 32,
        betaSlow: truthy(optional('beta_slow')) ?? 1,
        mscale: truthy(optional('mscale')),
        mscaleAllDim: truthy(optional('mscale_all_dim')),
        attentionFactor: optional('attention_factor'),
        truncate: parameters['truncate'] !== false,
      };
    }
    case 'longrope':
    case 'su': {
      const originalContext = trained();
      return {
        kind: 'longrope',
        shortFactor: numbersOf(config, parameters['short_factor']),
        longFactor: numbersOf(config, parameters['long_factor']),
        originalContext,
        factor: optional('factor') ?? (context === null ? null : context / originalContext),
        attentionFactor: optional('attention_factor'),
      };
    }
    default:
      return config.unsupported(`RoPE scaling ${type}`);
  }
}

/** As transformers: the config's own key, then the key inside the RoPE parameters, then the context length. */
function originalContext(config: ConfigReader, parameters: JsonObject, context: number | null): number {
  return (
    numberOf(config.get('original_max_position_embeddings')) ??
    numberOf(parameters['original_max_position_embeddings']) ??
    context ??
    config.unsupported('scaled RoPE without original_max_position_embeddings')
  );
}

export function numberOf(value: JsonValue | undefined): number | undefined {
  return typeof value === 'number' ? value : undefined;
}

function stringOf(value: JsonValue | undefined): string | undefined {
  return typeof value === 'string' ? value : undefined;
}

/** As Python's truthiness: 0 counts as not given. */
function truthy(value: number | null): number | null {
  return value === 0 ? null : value;
}

function numbersOf(config: ConfigReader, value: JsonValue | undefined): readonly number[] {
  if (Array.isArray(value) && value.every((item): item is number => typeof item === 'number')) return value;
  return config.unsupported('longrope without its lists of factors');
}

/** YaRN with `mscale_all_dim` (0 where absent, as in DeepSeek's class) also sharpens the softmax: scores × this. */
export function yarnSharpening(parameters: JsonObject | null): number {
  const { rope_type, type, mscale_all_dim, factor: given } = parameters ?? {};
  const all = numberOf(mscale_all_dim) ?? 0;
  const factor = numberOf(given) ?? 1;
  const plain = (rope_type ?? type ?? 'default') === 'default' || all === 0 || factor <= 1;
  return plain ? 1 : (0.1 * all * Math.log(factor) + 1) ** 2;
}
