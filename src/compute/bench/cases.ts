/** What is measured: attention layers and cores of known models, float32, batch 1. */

import { type AttentionLayerSpec, headDims, keyLimit, PLAIN_LAYER } from '../../attention/spec/layerSpec';
import type { LatentForm } from '../../attention/onnx/program';
import { elementCount } from '../../attention/onnx/graph';
import { layerWeights } from '../../attention/spec/weightNames';
import { type Precision } from '../../shared/devices';
import type { EngineId } from '../../shared/engineIds';

// biome-ignore format: names fill their lines
export const BENCH_ENGINES = [
  'onnxruntime-cpu', 'onnxruntime-webgpu', 'onnxruntime-wasm', 'tensorflow', 'tfjs-wasm', 'tfjs-cpu', 'pytorch',
] as const;
/** The bench's own peers, and whatever engine the editor measures on. */
export type BenchEngine = (typeof BENCH_ENGINES)[number] | EngineId;

export interface BenchCase {
  readonly name: string;
  readonly variant: string;
  readonly layer: AttentionLayerSpec;
  /** Tokens of the run. */
  readonly tokens: number;
  /** Tokens in the cache before it; 0: prefill. */
  readonly past: number;
  readonly form: LatentForm | null;
  /** Without the projections from and to the hidden state. */
  readonly core: boolean;
  /**
   * Absorbed MLA only: W_UK and W_UV count as parts of the projections around the core (W_Q·W_UKᵀ and W_UV·W_O), as the
   * word absorbed says; else they are multiplied in the step, head by head.
   */
  readonly folded: boolean;
  /** Sequences; default 1. */
  readonly batch?: number;
  /** Default float32. */
  readonly precision?: Precision;
  /** Fused operators, where the layer allows them; default: of a prefill on the CPU. */
  readonly fused?: boolean;
}

/** A case of the bench, with the peers that it is meant for. */
export interface PeersCase extends BenchCase {
  readonly engines: readonly BenchEngine[];
}

export const LLAMA3_8B: AttentionLayerSpec = {
  ...PLAIN_LAYER,
  attention: { kind: 'full', queryHeads: 32, kvHeads: 8, keyDim: 128, valueDim: 128 },
  hiddenSize: 4096,
  scale: 128 ** -0.5,
  rotary: { theta: 500_000, dim: 128, layout: 'half', scaling: null },
};

const RMS = { kind: 'rms', epsilon: 1e-6, weight: 'plain', bias: false } as const;

/** DeepSeek-V3: 128 heads, latent 512 + 64. */
export const DEEPSEEK_V3: AttentionLayerSpec = {
  ...PLAIN_LAYER,
  attention: {
    kind: 'latent',
    queryHeads: 128,
    latentDim: 512,
    ropeDim: 64,
    nopeDim: 128,
    valueDim: 128,
    queryLatentDim: 1536,
  },
  hiddenSize: 7168,
  scale: 192 ** -0.5,
  rotary: { theta: 10_000, dim: 64, layout: 'interleaved', scaling: null },
  latentNorms: { query: RMS, latent: RMS },
};

/** What DeepSeek's papers compare MLA with: the same heads, each with its own K and V of 128. */
export const DEEPSEEK_V3_MHA: AttentionLayerSpec = {
  ...PLAIN_LAYER,
  attention: { kind: 'full', queryHeads: 128, kvHeads: 128, keyDim: 128, valueDim: 128 },
  hiddenSize: 7168,
  scale: 128 ** -0.5,
  rotary: { theta: 10_000, dim: 128, layout: 'half', scaling: null },
};

const ALL = BENCH_ENGINES;
/** Too slow in plain JavaScript to be waited for: minutes a run. */
const NO_PLAIN_JS = BENCH_ENGINES.filter((engine) => engine !== 'tfjs-cpu');
/** Beyond what 32-bit WebAssembly memory holds, or minutes a run. */
const NATIVE = ['onnxruntime-cpu', 'onnxruntime-webgpu', 'tensorflow', 'pytorch'] as const;

export function benchCases(quick: boolean): readonly PeersCase[] {
  const decode = { tokens: 1, past: 4095, form: null, core: false, folded: false };
  const deepseek = { ...decode, name: 'decode-4096-deepseek-v3', core: true };
  const lengths = quick ? [256, 1024] : [256, 512, 1024, 2048, 4096];
  return [
    {
      ...decode,
      name: 'prefill-512-llama3-8b',
      variant: 'gqa',
      layer: LLAMA3_8B,
      tokens: 512,
      past: 0,
      engines: NO_PLAIN_JS,
    },
    { ...decode, name: 'decode-4096-llama3-8b', variant: 'gqa', layer: LLAMA3_8B, engines: ALL },
    { ...deepseek, variant: 'mha', layer: DEEPSEEK_V3_MHA, engines: NATIVE },
    { ...deepseek, variant: 'mla-absorbed', layer: DEEPSEEK_V3, form: 'absorbed', folded: true, engines: NO_PLAIN_JS },
    { ...deepseek, variant: 'mla-absorbed-unfolded', layer: DEEPSEEK_V3, form: 'absorbed', engines: NATIVE },
    { ...deepseek, variant: 'mla-expanded', layer: DEEPSEEK_V3, form: 'expanded', engines: NATIVE },
    ...lengths.flatMap((length): readonly PeersCase[] => {
      const token = {
        ...decode,
        name: `token-${length}-llama3-8b`,
        layer: LLAMA3_8B,
        engines: ['onnxruntime-cpu'] as const,
      };
      return [
        { ...token, variant: 'cached', past: length - 1 },
        { ...token, variant: 'uncached', tokens: length, past: 0 },
      ];
    }),
  ];
}

/** Least work of a case, for the roofline: floating-point operations, and bytes of weights and cache that must be read. */
export function caseWork({ layer, tokens, past, form, core, folded, batch = 1, precision = 'float32' }: BenchCase): {
  readonly flops: number;
  readonly bytesRead: number;
} {
  const elementBytes = precision === 'float16' ? 2 : 4;
  const { attention } = layer;
  const { queryHeads, kvHeads, keyDim, valueDim } = headDims(attention);
  const keys = Math.min(past + tokens, keyLimit(attention) ?? Number.POSITIVE_INFINITY);
  // Causal: a query of a prefill sees half of the keys on average.
  const pairs = past === 0 ? (tokens * (tokens + 1)) / 2 : tokens * keys;
  const projections = layerWeights(layer).filter(({ name }) => !core || (!folded && name.startsWith('w_u')));
  const weights = projections.reduce((sum, { shape }) => sum + elementCount(shape), 0);
  if (attention.kind !== 'latent') {
    const cache = keys * kvHeads * (keyDim + valueDim);
    return {
      flops: batch * (2 * tokens * weights + 2 * pairs * queryHeads * (keyDim + valueDim)),
      bytesRead: elementBytes * (weights + (past === 0 ? 0 : batch * cache)),
    };
  }
  const { latentDim, ropeDim, nopeDim } = attention;
  const cache = keys * (latentDim + ropeDim);
  const perPair = form === 'absorbed' ? 2 * latentDim + ropeDim : keyDim + valueDim;
  const expansion = folded ? 0 : form === 'absorbed' ? tokens : keys;
  const others = core ? 0 : 2 * tokens * (weights - queryHeads * (nopeDim + valueDim) * latentDim);
  const flops =
    others + 2 * expansion * queryHeads * (nopeDim + valueDim) * latentDim + 2 * pairs * queryHeads * perPair;
  const expanded = form === 'absorbed' ? 0 : 2 * keys * queryHeads * (nopeDim + valueDim);
  return { flops: batch * flops, bytesRead: elementBytes * (weights + batch * (cache + expanded)) };
}
