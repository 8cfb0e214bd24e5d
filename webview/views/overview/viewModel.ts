/** What the overview says about a model at a scenario: strings and shares, from the same folders as hover and command line. */

import type { DerivationTerm } from '../../../src/cache/derivation';
import { planCache, type CachePlan } from '../../../src/cache/plan';
import type { Reading } from '../../../src/reading/read';
import { ENGINE_NAMES, type Scenario } from '../../../src/model/scenario';
import type { Source } from '../../../src/model/spec';
import { formatSize, formatBytes, formatInteger } from '../../../src/model/units';
import { entriesSymbol, formulaText, SEQUENCES } from '../../../src/present/formula';
import { formatFlops, formatSeconds } from '../../../src/present/quantities';
import {
  beyondText,
  eachDeviceText,
  hasState,
  notKnownText,
  remedyText,
  scopedText,
  type SharedSize,
  sizeInAllText,
  sizeText,
} from '../../../src/present/sizeText';
import { chosenText, verdictSentence } from '../../../src/present/verdictText';
import {
  contextText,
  designText,
  inexactText,
  limitText,
  refusalText,
  sentence,
  sentencesText,
  termTitle,
  tokensText,
} from '../../../src/present/words';
import type { Fit } from '../../../src/serving/capacity';
import type { FitReport, FitRequest } from '../../../src/serving/fit';
import { possibleDecode } from '../../../src/serving/roofline';
import type { Device, HardwareSource, SourcedDevice } from '../../../src/serving/device';
import { factorRows, type FactorRow, type Origin, originOf, originsOf } from '../../parts/derivation';

/** The strings that panel, hover and command line have in common. */
export interface Figures {
  readonly design: string;
  /** "131,072 B"; like the two below "at least …" or "not known" where layers were not understood. */
  readonly perTokenBytes: string;
  /** "128 KiB" */
  readonly perToken: string;
  /** "to 1,024 tokens, then 80 KiB"; empty where the growth stays. */
  readonly beyond: string;
  /** "4 GiB (4.29 GB)", on all devices */
  readonly total: string;
  /** "126 GiB on each of 8"; empty for one device. */
  readonly each: string;
  /** "1 × 32,768 tokens · bf16 · vLLM" */
  readonly context: string;
}

function figuresOf(plan: CachePlan): Figures {
  return {
    design: designText(plan.spec),
    perTokenBytes: sizeText(plan, 'bytesPerToken', (bytes) => `${formatInteger(bytes)} B`),
    perToken: sizeText(plan, 'bytesPerToken'),
    beyond: beyondText(plan).trim(),
    total: sizeInAllText(plan, 'totalBytes', formatBytes),
    each: eachDeviceText(plan),
    context: contextText(plan),
  };
}

export type MemoryPart = 'weights' | 'overhead' | 'cache' | 'free' | 'kept';

export interface MemorySegment {
  readonly part: MemoryPart;
  readonly label: string;
  readonly text: string;
  /** Of the device's memory, as drawn; together at most 1. */
  readonly share: number;
  /** The same in words, also beyond the whole: "19 %". */
  readonly percent: string;
}

/** A sentence, a product, or the sum of the products above it, of the derivation of a number. */
export type Step =
  | { readonly kind: 'text'; readonly text: string; readonly from: readonly Origin[] }
  | {
      readonly kind: 'product';
      readonly title: string;
      /** In symbols; empty where it has none. */
      readonly formula: string;
      readonly rows: readonly FactorRow[];
      readonly result: string;
    }
  /** "416 MiB + 2.5 GiB = 2.91 GiB" */
  | { readonly kind: 'sum'; readonly text: string };

export const NUMBERS = ['perToken', 'total', 'state', 'memory', 'sequences', 'decode', 'three'] as const;
export type NumberName = (typeof NUMBERS)[number];

export interface Memory {
  /** "H100 SXM 80GB", "8 × H100 SXM 80GB" */
  readonly device: string;
  readonly size: string;
  readonly segments: readonly MemorySegment[];
  readonly fits: boolean;
  /** "Weights as fp8, chosen; the file says bfloat16."; null where the file decides. */
  readonly chosen: string | null;
  /** "fits 15 sequences of 32,768" */
  readonly sequences: string;
  readonly longest: string;
  /** "a decode step takes at least 4.60 ms"; null where it cannot be known. */
  readonly decode: string | null;
  /** "limited by memory bandwidth" */
  readonly limit: string;
}

/** What weights and memory take. It brings the blocks of every family: the overview shows its first numbers without waiting for it. */
export interface Serving {
  readonly fitModel: (request: FitRequest) => FitReport | null;
  /** The next number of devices on which it fits. */
  readonly fitsFrom: (request: FitRequest) => number | null;
  readonly parameterSources: (reading: Reading) => readonly Source[];
}

export interface OverviewModel {
  readonly serving: Serving | null;
  readonly reading: Reading;
  readonly plan: CachePlan;
  readonly report: FitReport | null;
  readonly figures: Figures;
  readonly state: string | null;
  /** Why there are no numbers: the engine does not start so. */
  readonly refusal: string | null;
  /** Why the numbers are not exact; null when they are. */
  readonly inexact: string | null;
  readonly memory: Memory | null;
  /** Why there is no memory bar; null where there is one, or will be. */
  readonly memoryProblem: string | null;
  /** Where the numbers of the device are from. */
  readonly deviceSource: HardwareSource | null;
  readonly three: readonly { readonly label: string; readonly text: string }[];
  /** What a reader should know: conventions, trained length. */
  readonly notes: readonly string[];
}

/** As the settings say it: the device that `gpu` names, and null where none has that name. */
export interface Gpu {
  readonly gpu: string;
  readonly device: SourcedDevice | null;
}

/** `serving` is null until it is loaded: then nothing is said about memory yet. */
export function overviewModel(reading: Reading, scenario: Scenario, gpu: Gpu, serving: Serving | null): OverviewModel {
  const plan = planCache(reading.spec, scenario);
  const device = gpu.device?.device ?? null;
  const refusal = refusalText(plan);
  const report = device && (serving?.fitModel({ reading, device, scenario, weights: null }) ?? null);
  return {
    serving,
    reading,
    plan,
    report,
    figures: figuresOf(plan),
    state: hasState(plan) ? sizeInAllText(plan, 'stateBytes') : null,
    refusal,
    inexact: plan.exact ? null : guessesOf(plan),
    memory: refusal === null && report ? memoryOf(report, plan) : null,
    deviceSource: gpu.device?.source ?? null,
    memoryProblem: !device
      ? `${gpu.gpu} is not a known device: change headlight.scenario.gpu`
      : refusal !== null
        ? `Nothing fits on ${device.name}: the engine does not start.`
        : report || !serving
          ? null
          : noReportText(plan, device),
    three:
      plan.known && refusal === null
        ? [
            three('needed', plan, 'neededBytes'),
            three('occupied', plan, 'steadyBytes'),
            three('reserved', plan, 'reservedBytes'),
          ]
        : [],
    notes: notesOf(plan),
  };
}

/** In all; what one device has of it stands beside the label. */
function three(name: string, plan: CachePlan, size: SharedSize): { readonly label: string; readonly text: string } {
  const each = plan.everywhere.devices > 1 ? ` · ${sizeText(plan, size)} on one` : '';
  return { label: `${name}${each}`, text: sizeInAllText(plan, size) };
}

function noReportText(plan: CachePlan, device: Device): string {
  if (!plan.known) return `What fits on ${device.name} is not known, because the cache is not.`;
  const share = percentOf(plan.reservedBytes, device.memoryBytes);
  return `The parameters of this model cannot be counted, so its weights are not known. Its cache alone takes ${share} of ${device.name} (${formatSize(device.memoryBytes)}).`;
}

function notesOf(plan: CachePlan): readonly string[] {
  const { contextLength } = plan.spec;
  const { tokens } = plan.scenario.workload;
  const long =
    contextLength && tokens > contextLength.value
      ? [`${formatInteger(tokens)} tokens exceed the trained context of ${formatInteger(contextLength.value)}`]
      : [];
  return [...plan.notes.filter((note) => !note.inexact).map((note) => note.text), ...long];
}

const TEACH = 'The setting headlight.families can teach Headlight this family';

/** What was guessed, and how to make an end of it; null where all that is wrong is that the engine does not start. */
function guessesOf(plan: CachePlan): string | null {
  const { refused } = plan;
  const what = inexactText(plan);
  const guesses = plan.notes
    .filter(({ inexact, text }) => inexact && (refused === null || !text.endsWith(refused)))
    .map((note) => note.text);
  if (refused !== null && plan.known && guesses.length === 0) return null;
  return sentencesText([
    ...(guesses.length === 0 || (!plan.known && !guesses.some((guess) => guess.startsWith(what))) ? [what] : []),
    ...guesses,
    ...(!plan.known
      ? [remedyText(plan.spec)]
      : plan.spec.unknownLayers > 0 && plan.spec.family === null
        ? [TEACH]
        : []),
  ]);
}

function memoryOf(report: FitReport, plan: CachePlan): Memory {
  const { device, devices, weights, weightBytesPerRank, overheadBytes, cacheBytes, cacheBudgetBytes } = report;
  const decode = possibleDecode(report);
  const total = device.memoryBytes;
  const free = Math.max(0, cacheBudgetBytes - cacheBytes);
  const kept = Math.max(0, total - weightBytesPerRank - overheadBytes - cacheBytes - free);
  const parts: readonly (readonly [MemoryPart, string, number])[] = [
    ['weights', weights.chosen ? `weights as ${weights.chosen.format}` : 'weights', weightBytesPerRank],
    ['overhead', 'activations, buffers', overheadBytes],
    ['cache', 'cache', cacheBytes],
    ['free', 'free', free],
    ['kept', 'kept free by the engine', kept],
  ];
  let left = 1;
  // What is not there is not listed: nothing is free where it does not fit.
  const segments = parts
    .filter(([, , bytes]) => bytes > 0)
    .map(([part, label, bytes]): MemorySegment => {
      const share = Math.min(left, bytes / total);
      left -= share;
      return { part, label, text: formatSize(bytes), share, percent: percentOf(bytes, total) };
    });
  const { tokens } = plan.scenario.workload;
  return {
    device: devices > 1 ? `${formatInteger(devices)} × ${device.name}` : device.name,
    size: formatSize(total),
    segments,
    fits: report.fits,
    chosen: weights.chosen ? `Weights ${chosenText(weights.chosen)}.` : null,
    sequences: sequencesText(report, tokens),
    longest: longestText(report, plan.scenario.workload.batch),
    // An encoder decodes nothing.
    decode:
      decode && plan.atLeast.totalBytes > 0
        ? `a decode step ${report.fits ? 'takes' : 'would take'} at least ${formatSeconds(decode.timeS)}`
        : null,
    limit: decode ? limitText(decode) : '',
  };
}

function percentOf(bytes: number, total: number): string {
  const percent = (bytes / total) * 100;
  return `${bytes > 0 && percent < 1 ? '< 1' : formatInteger(Math.round(percent))} %`;
}

/** Whether the scenario fits and why; where it does not, from how many devices it would. Empty where that is not known. */
export function verdictText({ serving, reading, report, plan: { scenario } }: OverviewModel): string {
  if (!report || !serving || report.refused !== null) return '';
  const { device, weights, fits } = report;
  return verdictSentence(report, fits ? null : serving.fitsFrom({ reading, device, scenario, weights }));
}

/** Why the scenario does not fit; empty where it does. */
export function problemText(model: OverviewModel): string {
  return model.report?.fits === false ? verdictText(model) : '';
}

/** "12" or "12 to 15". */
function between(low: Fit, high: Fit & { readonly kind: 'count' }): string {
  const least = low.kind === 'count' ? low.value : 0;
  return least === high.value ? formatInteger(least) : `${formatInteger(least)} to ${formatInteger(high.value)}`;
}

function sequencesText({ low, high }: FitReport, tokens: number): string {
  const length = `of ${tokensText(tokens)}`;
  const most = high.concurrentSequences;
  if (most.kind === 'none') return `no sequence ${length} fits`;
  if (most.kind === 'unbounded') return `any number of sequences fits`;
  return `fits ${between(low.concurrentSequences, most)} ${most.value === 1 ? 'sequence' : 'sequences'} ${length}`;
}

function longestText({ low, high }: FitReport, batch: number): string {
  const of = batch === 1 ? '' : ` for ${formatInteger(batch)} sequences`;
  const most = high.longestContext;
  if (most.kind === 'none') return '';
  return most.kind === 'unbounded'
    ? `any context fits${of}`
    : `longest context${of} ${between(low.longestContext, most)} tokens`;
}

/** How a number came about. */
export function derivationOf(model: OverviewModel, name: NumberName): readonly Step[] {
  const { plan, report } = model;
  switch (name) {
    case 'perToken':
      return perTokenSteps(plan);
    case 'total':
      return totalSteps(plan);
    case 'state':
      return [
        ...plan.derivation.filter((term) => term.what === 'state').map((term) => heldStep(term, plan)),
        text('It is kept once per sequence, however long the sequence is.'),
      ];
    case 'three':
      return threeSteps(plan);
    case 'memory':
      return report ? memorySteps(report, model) : [];
    case 'sequences':
      return report ? sequenceSteps(report, plan) : [];
    case 'decode':
      return report ? decodeSteps(report, plan) : [];
  }
}

const text = (content: string, from: readonly Origin[] = []): Step => ({ kind: 'text', text: content, from });

/** Terms that grow with the first tokens: state does not, and of a compressed layer the window does. */
function perTokenSteps(plan: CachePlan): readonly Step[] {
  const terms = plan.derivation.filter((term) => term.what !== 'state');
  if (terms.length === 0) return [text(plan.known ? 'No layer caches anything per token.' : `${notKnownText(plan)}.`)];
  const several = terms.length > 1;
  return [
    ...terms.map(
      (term): Step => ({
        kind: 'product',
        title: several ? termTitle(term) : '',
        formula: '',
        rows: factorRows(term),
        result: `${formatInteger(term.bytesPerEntry)} B${several ? ' per entry' : ''}`,
      }),
    ),
    // An entry of compressed layers stands for several tokens.
    ...sumStep(
      terms.reduce((sum, term) => sum + term.bytesPerEntry, 0) === plan.bytesPerToken
        ? terms.map((term) => term.bytesPerEntry)
        : [],
      (bytes) => `${formatInteger(bytes)} B`,
    ),
    ...(plan.known
      ? several
        ? [text(`One more token adds ${formatInteger(plan.bytesPerToken)} B${beyondText(plan)}.`)]
        : []
      : [text(`${notKnownText(plan)}.`)]),
    ...(plan.scenario.engine === 'intrinsic'
      ? []
      : [text('For the attention itself: no pages, no padding, one device.')]),
  ];
}

/** What several products come to. */
function sumStep(parts: readonly number[], format: (bytes: number) => string, ofAll = format): readonly Step[] {
  if (parts.length < 2) return [];
  const all = parts.reduce((sum, part) => sum + part, 0);
  return [{ kind: 'sum', text: `${parts.map(format).join(' + ')} = ${ofAll(all)}` }];
}

/** What one kind of layers holds at the workload. */
function heldStep(term: DerivationTerm, { scenario }: CachePlan): Step {
  const { batch } = scenario.workload;
  const row = (value: number, name: string, symbol: string): FactorRow => ({
    sign: '×',
    value: formatInteger(value),
    name,
    symbol,
    origin: null,
  });
  return {
    kind: 'product',
    title: termTitle(term),
    formula: formulaText(term) ?? '',
    rows: [
      ...factorRows(term),
      ...(term.what === 'state' ? [] : [row(term.entries, term.entriesRule, entriesSymbol(term))]),
      ...(batch > 1 ? [row(batch, 'sequences', SEQUENCES)] : []),
    ],
    result: formatBytes(term.bytes * batch),
  };
}

function totalSteps(plan: CachePlan): readonly Step[] {
  return [
    ...plan.derivation.map((term) => heldStep(term, plan)),
    ...sumStep(
      plan.derivation.map((term) => term.bytes * plan.scenario.workload.batch),
      formatSize,
      formatBytes,
    ),
    ...plan.adjustments.map(({ text: what, bytes }) =>
      text(`${sentence(what)}: ${bytes < 0 ? '−' : '+'}${formatBytes(Math.abs(bytes))}.`),
    ),
    ...rankSteps(plan),
    ...(plan.scenario.engine === 'intrinsic'
      ? []
      : [
          text(
            `Occupied under the rule of ${ENGINE_NAMES[plan.scenario.engine]} ${plan.setup.release.code}: ${scopedText(plan, 'totalBytes', formatBytes)}.`,
          ),
        ]),
  ];
}

function rankSteps(plan: CachePlan): readonly Step[] {
  const { duplication } = plan.sharding;
  const { devices } = plan.everywhere;
  return devices > 1
    ? [
        text(
          `That is one device; all ${formatInteger(devices)} together: ${sizeInAllText(plan, 'totalBytes', formatBytes)}${duplication > 1 ? `, because the cache is stored ${duplication.toFixed(2)} times over` : ''}.`,
        ),
      ]
    : [];
}

function threeSteps(plan: CachePlan): readonly Step[] {
  const same = plan.neededBytes === plan.steadyBytes && plan.steadyBytes === plan.reservedBytes;
  return [
    text(
      'Needed: what the attention must keep. Occupied: with pages and padding. Reserved: what must be free before the engine accepts the work.',
    ),
    ...(same
      ? [text('All three are the same here.')]
      : plan.reasons.map((reason) => text(`${reason.text}${reason.inexact ? ' (assumed)' : ''}`))),
    text('The needed bytes follow from', cacheOrigins(plan)),
    ...(plan.engine.id === 'intrinsic' ? [] : [text(`${ENGINE_NAMES[plan.engine.id]} ${plan.setup.release.code}.`)]),
  ];
}

function cacheOrigins(plan: CachePlan): readonly Origin[] {
  return originsOf(plan.derivation.flatMap(factorRows));
}

function memorySteps(
  report: FitReport,
  { plan, reading, serving, deviceSource: source }: OverviewModel,
): readonly Step[] {
  const { device, devices, weights, weightBytesPerRank, overheadBytes, cacheBytes, low, high } = report;
  return [
    text(
      `Weights${weights.chosen ? ` ${chosenText(weights.chosen)}` : ''}: ${weights.exact ? '' : 'estimated from the config, '}${weights.rule} = ${formatBytes(weights.bytes)}${devices > 1 ? `, ${formatBytes(weightBytesPerRank)} on one of ${formatInteger(devices)} devices` : ''}. From`,
      [...(serving?.parameterSources(reading) ?? []), reading.spec.nativeDtypeSource]
        .map(originOf)
        .filter(({ range }) => range),
    ),
    text(
      `Cache: ${formatBytes(cacheBytes)}, as the engine reserves it${devices > 1 ? ', on one device' : ''}. From`,
      cacheOrigins(plan),
    ),
    text(
      `Room for the cache: ${percentOf(report.fraction, 1)} of ${formatSize(device.memoryBytes)} − weights − ${formatSize(overheadBytes)} for activations, graphs and buffers: ${formatSize(Math.max(0, low.cacheBudgetBytes))} to ${formatSize(Math.max(0, high.cacheBudgetBytes))}, estimated from published start-up logs. The engine keeps the rest free.`,
    ),
    ...(source ? [text(`${device.name}: ${source.title}${source.verified ? '' : ' (not verified)'}.`)] : []),
  ];
}

function sequenceSteps(report: FitReport, plan: CachePlan): readonly Step[] {
  const { tokens, batch } = plan.scenario.workload;
  const { cachedTokens } = report;
  return [
    text(
      `The largest number of sequences of ${tokensText(tokens)} whose reserved cache stays within ${formatBytes(report.cacheBudgetBytes)}, the room that the weights leave${cachedTokens.kind === 'count' ? `: ${formatInteger(cachedTokens.value)} tokens in total` : ''}.`,
    ),
    text(
      `The longest context: the most tokens ${batch === 1 ? 'of one sequence' : `of each of ${formatInteger(batch)} sequences`} whose cache fits in the same room.`,
    ),
    text('The bytes of a sequence follow from', cacheOrigins(plan)),
  ];
}

function decodeSteps(report: FitReport, plan: CachePlan): readonly Step[] {
  const { device, devices } = report;
  const decode = possibleDecode(report);
  if (!decode) return [];
  const { batch, tokens } = plan.scenario.workload;
  const each = devices > 1 ? ` of each of ${formatInteger(devices)} devices` : '';
  return [
    text(
      `One token for ${batch === 1 ? 'a sequence' : `each of ${formatInteger(batch)} sequences`} after ${formatInteger(tokens)}: reads ${formatBytes(decode.weightBytesRead)} of weights and ${formatBytes(decode.cacheBytesRead)} of cache, at ${formatInteger(device.bandwidthBytesPerS / 1e9)} GB/s${each}: ${formatSeconds(decode.memoryTimeS)}.`,
    ),
    text(`It computes ${formatFlops(decode.flops)} in ${decode.format}: ${formatSeconds(decode.computeTimeS)}.`),
    text(
      `${decode.intensityFlopsPerByte.toFixed(1)} operations per byte; the device needs ${decode.ridgeFlopsPerByte.toFixed(0)} to be compute-bound. The longer of the two times is the bound: an estimate of the best case, not a measurement.`,
    ),
    text('The cache follows from', cacheOrigins(plan)),
  ];
}
