/** Decode as it is on this machine, at the widths of a config: the bench's cases on the engine that the editor uses. */

import { readModelConfig } from '../../reading/read';
import type { ConfigSource } from '../../shared/configSource';
import type { DecodeResult, MeasuredDecode } from '../../shared/decodeContract';
import type { EngineId } from '../../shared/engineIds';
import { RpcError } from '../../shared/rpcError';
import { checkCancelled, type Watch } from '../heads/watch';
import { machineName } from '../machine';
import { assertFits } from '../memory';
import { plannedCacheBytes } from '../plannedCache';
import { type BenchCase, caseWork } from './cases';
import { caseBytes, caseSeconds, casesOf, type DecodePlan, decodePlan } from './decodeCases';
import type { BenchPeer } from './peers';
import { predictions } from './prediction';
import { bestRates, type CaseResult, rooflineMs, runCase } from './runCase';
import { BenchWorker } from './worker';

export interface DecodeParams extends ConfigSource {
  readonly engine: EngineId;
  readonly thorough: boolean;
}

export interface DecodeOptions {
  readonly threads: number;
  readonly tensorflowPath: string | null;
  /** Bytes that the run may take. */
  readonly ceiling: number;
}

/** @throws RpcError `invalidInput` where nothing of the config can be measured, `tooLarge`, `cancelled`. */
export async function measureDecode(
  { text, families = {}, engine, thorough }: DecodeParams,
  options: DecodeOptions,
  watch: Watch,
): Promise<DecodeResult> {
  const reading = readModelConfig(text, { families });
  const plan = reading && decodePlan(reading.spec, { thorough, engine, ceiling: options.ceiling });
  if (!plan) throw new RpcError('invalidInput', 'no layer of this config has heads whose decode could be measured');
  return new Measurement(plan, engine, options, watch).run();
}

class Measurement {
  private readonly worker = new BenchWorker();
  private readonly versions: Record<string, string> = {};
  private readonly remarks = new Set<string>();
  private readonly found = new Map<BenchCase, CaseResult>();
  private readonly problems = new Map<BenchCase, string>();
  private readonly start = performance.now();
  private done = 0;

  constructor(
    private readonly plan: DecodePlan,
    private readonly engine: EngineId,
    private readonly options: DecodeOptions,
    private readonly watch: Watch,
  ) {}

  async run(): Promise<DecodeResult> {
    const { plan, engine, options } = this;
    const cases = casesOf(plan);
    for (const test of cases) assertFits(caseBytes(test), options.ceiling);
    const secondsOf = (test: BenchCase): number => caseSeconds(test, plan.rounds, engine, options.threads);
    const all = cases.reduce((sum, test) => sum + secondsOf(test), 0);
    try {
      for (const test of cases) await this.measure(test, secondsOf(test) / all);
      return this.result();
    } finally {
      await this.worker.unload();
    }
  }

  /** @param share Of the whole time, as it was expected. */
  private async measure(test: BenchCase, share: number): Promise<void> {
    const { plan, worker, watch, versions } = this;
    const of = labelOf(test);
    let turns = 0;
    const [result] = await runCase(test, [this.peer(worker)], {
      rounds: plan.rounds,
      versions,
      remark: (_, text) => {
        for (const part of text.split('; ')) this.remarks.add(part);
      },
      absent: (_, reason) => this.problems.set(test, reason),
      check: () => checkCancelled(watch.signal),
      progress: () => {
        watch.progress({ message: of, fraction: this.done + (share * turns) / (plan.rounds + 1) });
        turns++;
      },
    });
    this.done += share;
    if (result) this.found.set(test, result);
  }

  private peer(worker: BenchWorker): BenchPeer {
    const { engine } = this;
    const { threads, tensorflowPath } = this.options;
    return {
      engine,
      prepare: (test) => worker.prepare(test, engine, threads, tensorflowPath),
      time: (warm, runs) => worker.time(warm, runs),
      close: () => undefined,
    };
  }

  private result(): DecodeResult {
    const { plan, engine, options, worker } = this;
    const rates = bestRates([...this.found.values()]);
    const described = worker.describe();
    const measured = (test: BenchCase): MeasuredDecode => {
      const result = this.found.get(test);
      if (!result || !rates) return { timing: null, problem: this.problems.get(test) ?? null };
      const { medianMs, runs, spread } = result;
      const timing = { medianMs, runs, spread, ...caseWork(test), rooflineMs: rooflineMs(result, rates) };
      return { timing, problem: null };
    };
    const { queryHeads, keyDim, valueDim } = plan.heads;
    return {
      machine: machineName(),
      threads: options.threads,
      engine,
      device: described?.device ?? engine,
      library: described?.library ?? this.versions[engine] ?? engine,
      layer: plan.layer,
      queryHeads,
      keyDim,
      valueDim,
      tokens: plan.tokens,
      designs: plan.designs.map(({ label, own, form, test }) => ({
        label,
        own,
        form,
        cacheBytes: plannedCacheBytes(test.layer.attention, { batch: 1, tokens: plan.tokens }, 'intrinsic'),
        ...measured(test),
      })),
      stepLabel: plan.stepLabel,
      scale: plan.scale,
      hiddenSize: plan.hiddenSize,
      steps: plan.steps.map(({ tokens, cached, again }) => ({
        tokens,
        cached: measured(cached),
        again: measured(again),
      })),
      rates: rates && { flopsPerS: rates.flopsPerS, bytesPerS: rates.bytesPerS },
      predictions: predictions(plan.tokens, null, { mha: plan.mha, mla: plan.mla }),
      remarks: [...this.remarks],
      ms: performance.now() - this.start,
    };
  }
}

/** For people who wait. */
function labelOf({ variant, past, tokens, core }: BenchCase): string {
  if (core) return `${variant}, one token against ${past + tokens}`;
  return past > 0 ? `with the cache, ${past + tokens} tokens` : `without the cache, ${tokens} tokens`;
}
