/** Formats of the KV cache: which one the config prescribes, and whether heads fit the blocks of the one asked for. */

import { GGML_BLOCK_ELEMENTS, isBlockDtype } from '../model/dtype';
import type { ConfigReader } from '../config/reader';
import { show } from '../config/reader';
import { type LintContext, numberIn } from './context';

export function lintCacheFormat(context: LintContext): void {
  for (const place of context.own.path.length === 0 ? [context.root] : [context.root, context.own]) {
    const quantization = place.nested('quantization_config');
    if (!quantization) continue;
    lintAlgorithm(context, quantization);
    lintScheme(context, quantization);
  }
  lintBlocks(context);
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
