/** What would make a scenario fit that does not: changes, each tried with the same fit. */

import { flagOption, fractionOption, setupOf } from '../cache/engines/options';
import { allocationRule } from '../cache/engines/register';
import { isHeaded } from '../model/attention';
import type { OptionValue, Scenario } from '../model/scenario';
import { formatInteger } from '../model/units';
import type { WeightFormat } from '../model/weightFormat';
import type { Fit } from './capacity';
import { type FitReport, type FitRequest, fitModel } from './fit';
import { assumedWeights } from './weightFormats';

/** At most so many are told. */
const MOST = 3;
const MOST_RANKS = 64;

export interface Suggestion {
  /** "4 devices by tensor parallelism" */
  readonly text: string;
  /** For the command line: "--tp 4". */
  readonly flag: string;
  /** Of the scenario with this change: it fits. */
  readonly report: FitReport;
  /** The scenario with this change, and the weights that it assumes. */
  readonly request: FitRequest;
}

interface Change {
  readonly text: string;
  readonly flag: string;
  readonly request: FitRequest;
}

/** A kind of change, from the smallest step to the largest. */
type Kind = (request: FitRequest, report: FitReport) => Iterable<Change>;

function scenarioWith(request: FitRequest, change: Partial<Scenario>): FitRequest {
  return { ...request, scenario: { ...request.scenario, ...change } };
}

function optionWith(request: FitRequest, name: string, value: OptionValue): FitRequest {
  return scenarioWith(request, { options: { ...request.scenario.options, [name]: value } });
}

const valueOf = (fit: Fit): number => (fit.kind === 'count' ? fit.value : 0);

function* fewerSequences(request: FitRequest, report: FitReport): Iterable<Change> {
  const { batch, tokens } = request.scenario.workload;
  const most = valueOf(report.low.concurrentSequences);
  if (most < 1 || most >= batch) return;
  yield {
    text: `${formatInteger(most)} ${most === 1 ? 'sequence' : 'sequences'} at once`,
    flag: `--batch ${most}`,
    request: scenarioWith(request, { workload: { batch: most, tokens } }),
  };
}

function* fewerTokens(request: FitRequest, report: FitReport): Iterable<Change> {
  const { batch, tokens } = request.scenario.workload;
  const most = valueOf(report.low.longestContext);
  // A window that is a small part of what was asked for is another use of the model.
  if (most < tokens / 16 || most >= tokens) return;
  yield {
    text: `a context of ${formatInteger(most)} tokens`,
    flag: `--tokens ${most}`,
    request: scenarioWith(request, { workload: { batch, tokens: most } }),
  };
}

function* smallerCache(request: FitRequest): Iterable<Change> {
  const { kvDtype, engine } = request.scenario;
  if (kvDtype !== 'auto' && kvDtype !== 'bf16' && kvDtype !== 'f16') return;
  const to = engine === 'llamacpp' ? 'q8_0' : 'fp8';
  yield { text: `a cache in ${to}`, flag: `--kv-dtype ${to}`, request: scenarioWith(request, { kvDtype: to }) };
}

/** Options of the engine, the cheapest first. */
function* engineOptions(request: FitRequest): Iterable<Change> {
  const { scenario } = request;
  const setup = setupOf(allocationRule(scenario.engine), scenario.release, scenario.options);
  const option = (name: string, value: OptionValue, text: string): Change => ({
    text,
    flag: value === true ? `--opt ${name}` : `--opt ${name}=${String(value)}`,
    request: optionWith(request, name, value),
  });
  if (scenario.engine === 'vllm') {
    if (scenario.options?.['max-num-seqs'] === undefined)
      yield option('max-num-seqs', 64, 'at most 64 sequences per step (fewer logits in the profiling run)');
    if (scenario.options?.['max-num-batched-tokens'] === undefined)
      yield option('max-num-batched-tokens', 2_048, 'steps of 2,048 tokens');
    if (!flagOption(setup, 'enforce-eager')) yield option('enforce-eager', true, 'no CUDA graphs');
  }
  if (request.fraction !== undefined) {
    if (request.fraction < 0.95)
      yield { text: '95 % of the memory', flag: '--fraction 0.95', request: { ...request, fraction: 0.95 } };
    return;
  }
  const name = { vllm: 'gpu-memory-utilization', sglang: 'mem-fraction-static', trtllm: 'free-gpu-memory-fraction' }[
    scenario.engine as string
  ];
  if (name !== undefined && (fractionOption(setup, name) ?? 0.9) < 0.95) yield option(name, 0.95, '95 % of the memory');
}

/** The next numbers of devices that the heads can be split over. */
function* moreDevices(request: FitRequest): Iterable<Change> {
  const { sharding } = request.scenario;
  const heads = request.reading.spec.layers.flatMap(({ attention }) =>
    isHeaded(attention) || attention.kind === 'latent' ? [attention.queryHeads] : [],
  );
  for (let tp = sharding.tp + 1; tp <= MOST_RANKS; tp++) {
    // llama.cpp splits layers: any number of devices will do.
    const divides =
      request.scenario.engine === 'llamacpp' ||
      (heads.length > 0 ? heads.every((count) => count % tp === 0) : (tp & (tp - 1)) === 0);
    if (!divides) continue;
    yield {
      text: `${formatInteger(tp)} devices${request.scenario.engine === 'llamacpp' ? '' : ' by tensor parallelism'}`,
      flag: `--tp ${tp}`,
      request: scenarioWith(request, { sharding: { ...sharding, tp } }),
    };
  }
}

function* smallerWeights(request: FitRequest, report: FitReport): Iterable<Change> {
  const formats: readonly WeightFormat[] =
    request.scenario.engine === 'llamacpp' ? ['q8_0', 'q6_k', 'q5_k_m', 'q4_k_m', 'q3_k_m'] : ['fp8', 'int4'];
  for (const format of formats) {
    const weights = assumedWeights(request.reading, format);
    if (weights && weights.bytes < report.weights.bytes * 0.9)
      yield {
        text: `weights in ${format}`,
        flag: `--weights ${format}`,
        request: scenarioWith(request, { weights: format }),
      };
  }
}

const KINDS: readonly Kind[] = [engineOptions, smallerCache, fewerSequences, fewerTokens, smallerWeights, moreDevices];

/** What is tried together where no single change is enough: one of the first, then one of the second. */
const TOGETHER: readonly (readonly [Kind, readonly Kind[]])[] = [
  [smallerCache, [fewerTokens, smallerWeights, moreDevices]],
  [smallerWeights, [fewerTokens, moreDevices]],
];

/**
 * Of each kind of change the smallest that works, the mildest kinds first; at most three. Where no single change is enough, two
 * together. None where the scenario fits, and where nothing that was tried makes it fit.
 */
export function suggestionsFor(request: FitRequest, report: FitReport): readonly Suggestion[] {
  if (report.verdict === 'fits') return [];
  const found: Suggestion[] = [];
  const add = (changes: Iterable<Change>): void => {
    if (found.length >= MOST) return;
    const works = firstThatFits(changes);
    if (works) found.push(works);
  };
  for (const kind of KINDS) add(kind(request, report));
  if (found.length > 0) return found;
  for (const [first, seconds] of TOGETHER) for (const second of seconds) add(pairs(request, report, first, second));
  return found;
}

function* pairs(request: FitRequest, report: FitReport, first: Kind, second: Kind): Iterable<Change> {
  for (const one of first(request, report)) {
    const then = fitModel(one.request);
    if (!then) continue;
    for (const two of second(one.request, then))
      yield { text: `${one.text} and ${two.text}`, flag: `${one.flag} ${two.flag}`, request: two.request };
  }
}

function firstThatFits(changes: Iterable<Change>): Suggestion | null {
  for (const change of changes) {
    const report = fitModel(change.request);
    if (report?.verdict === 'fits') return { ...change, report };
  }
  return null;
}
