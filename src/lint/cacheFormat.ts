/** Formats of the KV cache: which one the config prescribes, and whether heads fit the blocks of the one asked for. */

import { GGML_BLOCK_ELEMENTS, isBlockDtype } from '../model/dtype';
import type { ConfigReader } from '../config/reader';
import { show } from '../config/reader';
import { type LintContext, numberIn } from './context';

export function lintCacheFormat(context: LintContext): void {
  for (const place of context.own.path.length === 0 ? [context.root] : [context.root, context.own]) {
    const quantization = place.nested('quantization_config');
    if (!quantization) continue;
    lintMethod(context, quantization);
    lintAlgorithm(context, quantization);
    lintScheme(context, quantization);
  }
  lintBlocks(context);
}

/**
 * Methods of transformers 5.18 (quantizers/auto.py AUTO_QUANTIZATION_CONFIG_MAPPING), of vLLM and of SGLang (layers/quantization/__init__.py
 * of either: QuantizationMethods, QUANTIZATION_METHODS).
 */
const METHODS: ReadonlySet<string> = new Set(
  `gguf awq bitsandbytes bitsandbytes_4bit bitsandbytes_8bit eetq gptq aqlm quanto quark fouroversix fp_quant hqq
  compressed-tensors fbgemm_fp8 higgs torchao bitnet vptq spqr fp8 nvfp4 mxfp8 auto-round mxfp4 metal sinq gemma deepspeedfp
  tpu_int8 ptpc_fp8 deepgemm_fp8 modelopt modelopt_fp4 modelopt_fp8 modelopt_mxfp8 modelopt_mixed marlin bitblas gptq_marlin_24
  gptq_marlin gptq_bitblas awq_marlin qqq experts_int8 neuron_quant ipex moe_wna16 inc petit_nvfp4 rtn cpu_awq cpu_gptq
  blockwise_int8 w8a8_int8 w8a8_fp8 qoq w4afp8 intel/auto-round autoround modelopt_quant`.split(/\s+/),
);

function lintMethod(context: LintContext, quantization: ConfigReader): void {
  const method = quantization.own('quant_method');
  if (method === undefined || method === null) return;
  if (typeof method === 'string' && METHODS.has(method.toLowerCase())) return;
  const message = `quant_method ${show(method)} is no method that transformers, vLLM or SGLang is known to have.`;
  context.report(quantization, 'wrong-value', 'warning', 'quant_method', message);
}

/** modelopt: FP8, NVFP4, or no quantised cache. */
function lintAlgorithm(context: LintContext, quantization: ConfigReader): void {
  const name = quantization.own('kv_cache_quant_algo');
  if (name === undefined || name === null || (typeof name === 'string' && /^(fp8|nvfp4|none|auto|)$/i.test(name)))
    return;
  const message = `kv_cache_quant_algo ${show(name)} is not a known KV-cache format (FP8, NVFP4): the config’s own type is used.`;
  context.report(quantization, 'kv-scheme-unknown', 'warning', 'kv_cache_quant_algo', message);
}

/** compressed-tensors and modelopt: 8-bit or 4-bit floats. Null: not quantised. */
function lintScheme(context: LintContext, quantization: ConfigReader): void {
  const value = quantization.own('kv_cache_scheme');
  if (value === undefined || value === null) return;
  const scheme = quantization.nested('kv_cache_scheme');
  const bits = scheme && numberIn(scheme, 'num_bits');
  const type = scheme?.own('type');
  if (type === 'float' && (bits === 8 || bits === 4)) return;
  const what = scheme ? `${show(bits ?? undefined)} bits of type ${show(type)}` : show(value);
  const message = `kv_cache_scheme (${what}) is not a known KV-cache format (8 or 4 bits of type "float"): the config’s own type is used.`;
  context.report(quantization, 'kv-scheme-unknown', 'warning', 'kv_cache_scheme', message);
}

/** llama.cpp refuses a block format whose blocks do not divide a head. */
function lintBlocks(context: LintContext): void {
  const { kvDtype } = context.options;
  if (kvDtype === undefined || kvDtype === 'auto' || !isBlockDtype(kvDtype)) return;
  const report = (source: Parameters<LintContext['reportAt']>[0], width: number, what: string): void => {
    if (width === 0 || width % GGML_BLOCK_ELEMENTS === 0) return;
    const message = `${what} of ${width} elements is not a multiple of ${GGML_BLOCK_ELEMENTS}, the block size of ${kvDtype}: llama.cpp refuses this cache.`;
    context.reportAt(source, 'cache-block', 'information', message);
  };
  for (const { attention, spec } of context.headed) {
    report(spec.sources['keyDim'], attention.keyDim, 'A key');
    report(spec.sources['valueDim'], attention.valueDim, 'A value');
  }
  for (const { attention, spec } of context.latent)
    report(spec.sources['latentDim'], attention.latentDim + attention.ropeDim, 'A latent row');
}
