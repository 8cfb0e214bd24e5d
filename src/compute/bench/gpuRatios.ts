/** What the cases of a GPU are for: ours beside PyTorch, designs beside each other and beside what a roofline says, and the card's bandwidth. */

import { denseFlops, type Device } from '../../serving/device';
import type { Rates } from '../../serving/roofline';
import type { EngineId } from '../../shared/engineIds';
import type { CaseResult } from './runCase';

export interface GpuRatio {
  readonly what: string;
  readonly ratio: number;
  /** The same by the slower of arithmetic and reading, at the rates that `roofline` names; null where that says nothing. */
  readonly predicted: number | null;
  readonly roofline: string | null;
  /** At least this; null where there is no target. */
  readonly target: number | null;
}

/** @param card As the table of devices has it; null where it does not know the adapter. @param best The best of this run. */
export function gpuRatios(
  results: readonly CaseResult[],
  engine: EngineId,
  card: Device | null,
  best: Rates | null,
): readonly GpuRatio[] {
  const ours = results.filter((result) => result.engine === engine);
  const find = (name: string, variant: string): CaseResult | undefined =>
    ours.find((result) => result.case === name && result.variant === variant);
  const ratios: GpuRatio[] = [];
  for (const result of ours) {
    const torch = results.find(
      (other) => other.engine === 'pytorch' && other.case === result.case && other.variant === result.variant,
    );
    if (torch)
      ratios.push({
        what: `${result.case} ${result.variant}: ${engine} over pytorch`,
        ratio: torch.medianMs / result.medianMs,
        predicted: null,
        roofline: null,
        target: 0.5,
      });
  }
  const beside = (what: string, slow: CaseResult | undefined, fast: CaseResult | undefined): void => {
    if (!slow || !fast) return;
    const rates = ratesOf(card, slow.variant) ?? best;
    ratios.push({
      what,
      ratio: slow.medianMs / fast.medianMs,
      predicted: rates && leastMs(slow, rates) / leastMs(fast, rates),
      roofline: rates && (rates === best ? 'the best rates of this run' : (card?.name ?? null)),
      target: null,
    });
  };
  for (const precision of ['float32', 'float16']) {
    for (const name of ['decode-4096-deepseek-v3', 'decode-4096-deepseek-v3-layer']) {
      const what = `${name}, ${precision}: mla-absorbed over mha`;
      beside(what, find(name, `mha ${precision}`), find(name, `mla-absorbed ${precision}`));
    }
    const llama = 'decode-4096-llama3-8b';
    beside(
      `${llama}, ${precision}: GQA-8 over MHA`,
      find(llama, `mha fused ${precision}`),
      find(llama, `gqa fused ${precision}`),
    );
    beside(
      `${llama}, ${precision}: fused over written out`,
      find(llama, `gqa ${precision}`),
      find(llama, `gqa fused ${precision}`),
    );
  }
  for (const { case: name } of ours.filter(({ variant }) => variant === 'uncached float32'))
    beside(`${name}: cached over uncached`, find(name, 'uncached float32'), find(name, 'cached float32'));
  if (card)
    for (const result of ours.filter(({ case: name }) => name.startsWith('decode')))
      ratios.push({
        what: `${result.case} ${result.variant}: bytes that must be read a second, over the bandwidth of ${card.name}`,
        ratio: (result.gigabytesPerSecond * 1e9) / card.bandwidthBytesPerS,
        predicted: null,
        roofline: null,
        target: 0.5,
      });
  return ratios;
}

/** Float16 at the card's dense rate. Of float32 the table says nothing: then the best rates of the run count. */
function ratesOf(card: Device | null, variant: string): Rates | null {
  const peak = card && variant.endsWith('float16') ? denseFlops(card, 'bf16') : null;
  return card && peak ? { flopsPerS: peak.flopsPerS, bytesPerS: card.bandwidthBytesPerS } : null;
}

/** Williams et al. 2009: the slower of arithmetic and reading. */
function leastMs({ medianMs, gflops, gigabytesPerSecond }: CaseResult, { flopsPerS, bytesPerS }: Rates): number {
  return medianMs * Math.max((gflops * 1e9) / flopsPerS, (gigabytesPerSecond * 1e9) / bytesPerS);
}
