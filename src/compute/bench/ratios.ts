/** What the bench is for: how we stand beside the peers, and forms of attention beside each other. */

import type { BenchEngine } from './cases';

export interface BenchRatio {
  readonly what: string;
  readonly ratio: number;
  /** At least this; null where there is no target. */
  readonly target: number | null;
}

interface Measured {
  readonly case: string;
  readonly variant: string;
  readonly engine: BenchEngine;
  readonly medianMs: number;
  readonly cacheBytes: number;
  readonly rooflineMs: number;
}

/** Speed over speed: above 1 we are faster. Only what was measured is listed. */
export function benchRatios(results: readonly Measured[]): readonly BenchRatio[] {
  const find = (name: string, variant: string, engine: BenchEngine): Measured | undefined =>
    results.find((result) => result.case === name && result.variant === variant && result.engine === engine);
  const ours = 'onnxruntime-cpu';
  const ratios: BenchRatio[] = [];
  const versus = (name: string, variant: string, engine: BenchEngine, target: number | null): void => {
    const [mine, theirs] = [find(name, variant, ours), find(name, variant, engine)];
    if (mine && theirs)
      ratios.push({
        what: `${name} ${variant}: ${ours} over ${engine}`,
        ratio: theirs.medianMs / mine.medianMs,
        target,
      });
  };
  versus('prefill-512-llama3-8b', 'gqa', 'tfjs-wasm', 4);
  versus('prefill-512-llama3-8b', 'gqa', 'tensorflow', 1);
  versus('prefill-512-llama3-8b', 'gqa', 'pytorch', 0.6);
  versus('decode-4096-llama3-8b', 'gqa', 'tensorflow', null);
  versus('decode-4096-llama3-8b', 'gqa', 'pytorch', 1);
  const deepseek = 'decode-4096-deepseek-v3';
  const [mha, expanded, absorbed, unfolded] = ['mha', 'mla-expanded', 'mla-absorbed', 'mla-absorbed-unfolded'].map(
    (variant) => find(deepseek, variant, ours),
  );
  if (mha && absorbed) {
    ratios.push({ what: `${deepseek}: mla-absorbed over mha`, ratio: mha.medianMs / absorbed.medianMs, target: 3 });
    ratios.push({
      what: `${deepseek}: mla-absorbed over mha, as the roofline of this run predicts`,
      ratio: mha.rooflineMs / absorbed.rooflineMs,
      target: null,
    });
    ratios.push({
      what: `${deepseek}: cache of mha over cache of mla`,
      ratio: mha.cacheBytes / absorbed.cacheBytes,
      target: 56.8,
    });
  }
  if (mha && unfolded)
    ratios.push({
      what: `${deepseek}: mla-absorbed-unfolded over mha (W_UK and W_UV multiplied in the step)`,
      ratio: mha.medianMs / unfolded.medianMs,
      target: null,
    });
  if (expanded && absorbed)
    ratios.push({
      what: `${deepseek}: mla-absorbed over mla-expanded`,
      ratio: expanded.medianMs / absorbed.medianMs,
      target: null,
    });
  versus(deepseek, 'mla-absorbed', 'pytorch', 1);
  versus(deepseek, 'mla-absorbed-unfolded', 'pytorch', null);
  versus(deepseek, 'mha', 'pytorch', null);
  for (const { case: name } of results.filter((result) => result.variant === 'uncached')) {
    const [uncached, cached] = [find(name, 'uncached', ours), find(name, 'cached', ours)];
    if (uncached && cached)
      ratios.push({ what: `${name}: cached over uncached`, ratio: uncached.medianMs / cached.medianMs, target: null });
  }
  return ratios;
}
