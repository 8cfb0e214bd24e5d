/** How a method is had outside of this measurement: an engine's option, keys of the config, or the converted model. */

import type { CacheType } from './cacheTypes';
import { isGgmlBlock } from './ggmlBlocks';
import { type LayerMethod, methodLabel, UNCHANGED } from './method';

export interface Launch {
  readonly engine: string;
  readonly option: string;
}

export interface Application {
  /** Empty where no engine has it as an option. */
  readonly launch: readonly Launch[];
  /** What the config says of the converted model; null where it stays as it is. */
  readonly config: Readonly<Record<string, number>> | null;
  /** The weights change too: `--export` writes them. */
  readonly exported: boolean;
  /** Why it, or a part of it, is not to be had; null where it is. */
  readonly none: string | null;
}

/**
 * Names of types by engine: vLLM (config/cache.py, CacheDType), SGLang (server_args.py, --kv-cache-dtype), TensorRT-LLM (llmapi, KvCacheConfig.dtype).
 */
const NAMES: Readonly<Partial<Record<CacheType, readonly Launch[]>>> = {
  bf16: [
    { engine: 'vLLM', option: '--kv-cache-dtype bfloat16' },
    { engine: 'SGLang', option: '--kv-cache-dtype bfloat16' },
  ],
  fp8: [
    { engine: 'vLLM', option: '--kv-cache-dtype fp8' },
    { engine: 'SGLang', option: '--kv-cache-dtype fp8_e4m3' },
    { engine: 'TensorRT-LLM', option: 'kv_cache_config.dtype: fp8' },
  ],
  int8_per_token_head: [{ engine: 'vLLM', option: '--kv-cache-dtype int8_per_token_head' }],
  nvfp4: [
    { engine: 'vLLM', option: '--kv-cache-dtype nvfp4' },
    { engine: 'TensorRT-LLM', option: 'kv_cache_config.dtype: nvfp4' },
  ],
  int4: [
    {
      engine: 'transformers',
      option: 'cache_implementation="quantized", cache_config={"backend": "quanto", "nbits": 4}',
    },
  ],
};

/** Engine options for types of keys and values. */
function launches(key: CacheType, value: CacheType): readonly Launch[] {
  const llamaCpp = (type: CacheType): boolean => isGgmlBlock(type) || type === 'f16';
  if (llamaCpp(key) && llamaCpp(value)) return [{ engine: 'llama.cpp', option: `-fa on -ctk ${key} -ctv ${value}` }];
  return key === value ? (NAMES[key] ?? []) : [];
}

/** The same method in all layers. */
export function applicationOf(method: LayerMethod): Application {
  const { design, key, value, keep } = method;
  const types = key === 'exact' && value === 'exact' ? [] : launches(key, value);
  const typed = (key === 'exact' && value === 'exact') || types.length > 0;
  const why = [
    keep.kind === 'all' ? null : 'no engine keeps tokens so by an option',
    design.kind === 'share' ? 'no published class has layers that share a cache so' : null,
    typed ? null : 'no engine has this cache type as an option',
  ].find((one) => one !== null);
  if (methodLabel(method) === methodLabel(UNCHANGED)) return { launch: [], config: null, exported: false, none: null };
  if (why !== undefined) return { launch: types, config: null, exported: false, none: why };
  if (design.kind !== 'converted') return { launch: types, config: null, exported: false, none: null };
  const { target } = design;
  const config =
    target.kind === 'mqa'
      ? { num_key_value_heads: 1 }
      : target.kind === 'gqa'
        ? { num_key_value_heads: target.groups }
        : target.ropeDim > 0
          ? // One dim more holds the constant that takes the norm's effect away (src/compute/tradeoff/constantDim.ts).
            { kv_lora_rank: target.latentDim + 1, qk_rope_head_dim: target.ropeDim }
          : null;
  // Llama's class, which loads the weights, caches keys and values whole.
  const none = config === null ? 'no engine caches the latent of the weights that --export writes' : null;
  return { launch: types, config, exported: true, none };
}
