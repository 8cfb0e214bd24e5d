/**
 * What an engine leaves of a device for the cache: the share that it may take, less weights, the activations of its
 * profiling run, CUDA graphs, and what no tensor library counts. Each part is a range, by a model fitted to published
 * start-ups (memoryModel.json); nothing here is a measurement.
 */

import { splitMode } from '../cache/engines/llamacpp';
import {
  countOption,
  type EngineSetup,
  flagOption,
  fractionOption,
  releaseOf,
  setupOf,
} from '../cache/engines/options';
import { allocationRule } from '../cache/engines/register';
import { ReadingLog } from '../config/reader';
import type { Reading } from '../reading/read';
import { type OptionValue, type Scenario, UNSHARDED } from '../model/scenario';
import { denseFlops, type Device } from './device';
import { llamacpp, sglang, transformers, trtllm, visible, vllm, weights as weightModel } from './memoryModel.json';
import type { ParameterCount } from './parameters/count';
import { exactly, hull, less, plus, type Range, range, scaled, times } from './range';
import type { EstimatedWeights, WeightBytes, WeightPlacement } from './weights';

const GIB = 2 ** 30;

/** How a part was found; `memoryText.ts` says it in words. */
export type PartBasis =
  /** Of the weights' own rule. */
  | { readonly of: 'weights' }
  /** vLLM's profiling run: tokens through the layers, then logits of `rows` sequences sampled. */
  | {
      readonly of: 'profile';
      readonly tokens: number;
      readonly forwardBytes: number;
      readonly rows: number;
      readonly vocabulary: number;
      readonly samplerBytes: Range;
      readonly workspaceBytes: number;
    }
  /** Tokens of a prompt, or of a micro-batch, at once. */
  | { readonly of: 'prompt' | 'microBatch'; readonly tokens: number }
  /** Not within the share of the memory that the engine takes. */
  | { readonly of: 'outside' | 'nothing' | 'eager' | 'graphs' | 'estimate' | 'given' }
  /** Libraries, kernels, buffers. */
  | { readonly of: 'libraries'; readonly ranks: boolean; readonly unified: boolean };

/** A part of a device's memory that is not cache. */
export interface MemoryPart {
  readonly part: 'weights' | 'activations' | 'graphs' | 'other';
  readonly bytes: Range;
  readonly basis: PartBasis;
}

export interface EngineMemory {
  /** Of the device, as a process sees it. */
  readonly visibleBytes: Range;
  /** What weights, the other parts and the cache may take together. */
  readonly usableBytes: Range;
  readonly parts: readonly MemoryPart[];
  /** Room for the cache; negative where the engine would not start. */
  readonly roomBytes: Range;
  /** The share of the memory that the engine was taken to be started with. */
  readonly fraction: number;
}

/** What one of several devices has where whole layers are split (llama.cpp). */
export interface DeviceShare {
  /** First and one-past-last layer. */
  readonly layers: readonly [number, number];
  /** The output is on it. */
  readonly last: boolean;
  readonly devices: number;
  readonly placement: WeightPlacement;
}

export interface MemoryRequest {
  readonly reading: Reading;
  readonly device: Device;
  /** With the engine's options as `withDeviceDefaults` fills them in. */
  readonly scenario: Scenario;
  readonly count: ParameterCount | null;
  readonly weights: WeightBytes | EstimatedWeights;
  /** Undefined: as the engine does by itself. */
  readonly fraction: number | undefined;
  /** Null where each device has the same. */
  readonly share: DeviceShare | null;
  /** The tokens of a step were asked for, and are no default of the device. */
  readonly stepGiven: boolean;
}

/** Sizes that activations follow from. */
interface Widths {
  readonly hidden: number;
  /** Of the dense feed-forward, or of shared experts; 0 where there is none. */
  readonly inner: number;
  readonly vocabulary: number;
  readonly expertInner: number;
  readonly expertsPerToken: number;
}

function widthsOf(reading: Reading, count: ParameterCount | null): Widths {
  const reader = reading.reader(new ReadingLog());
  const number = (...keys: string[]): number => reader.integer(keys)?.value ?? 0;
  const hidden = reading.spec.hiddenSize ?? number('hidden_size', 'd_model', 'n_embd');
  const widest = [...(count?.expertGroups ?? [])].sort((a, b) => b.parametersEach - a.parametersEach)[0];
  return {
    hidden,
    inner: count?.mlp === 0 ? 0 : number('intermediate_size', 'ffn_dim', 'n_inner', 'ffn_hidden_size') || 4 * hidden,
    vocabulary: number('vocab_size', 'padded_vocab_size'),
    expertInner: widest && hidden > 0 ? widest.parametersEach / (3 * hidden) : 0,
    expertsPerToken: widest?.perToken ?? 0,
  };
}

/** Memory of a device as a process sees it. */
function visibleBytes({ memoryBytes, visibleGib, unifiedMemory }: Device): Range {
  if (visibleGib !== undefined) return scaled(unifiedMemory ? visible.unified : visible.measured, visibleGib * GIB);
  return scaled(unifiedMemory ? visible.unifiedNominal : visible.nominal, memoryBytes);
}

/** vLLM takes larger defaults on devices of 70 GiB or more, except on an A100, which it tells by its name (engine/arg_utils.py). */
function isLarge({ memoryBytes, name }: Device): boolean {
  return memoryBytes >= 70 * GIB && !/a100/i.test(name);
}

/** Data-centre Hopper and Blackwell, where vLLM fuses all-reduce and norm in a workspace of FlashInfer. */
function fusesAllReduce(device: Device): boolean {
  return (
    device.vendor === 'NVIDIA' && denseFlops(device, 'fp8')?.format === 'fp8' && device.bandwidthBytesPerS > 1.9e12
  );
}

/** The scenario with what the engine takes on this device where nothing is given: vLLM's tokens a step. */
export function withDeviceDefaults(scenario: Scenario, device: Device): Scenario {
  if (scenario.engine !== 'vllm' || scenario.options?.['max-num-batched-tokens'] !== undefined) return scenario;
  const options: Record<string, OptionValue> = {
    ...scenario.options,
    'max-num-batched-tokens': isLarge(device) ? 8_192 : 2_048,
  };
  return { ...scenario, options };
}

const DEFAULT_SHARE = 0.9;

/** The share that is asked for, or that the engine takes; null where it reckons it from the device. */
function givenShare(scenario: Scenario): number | null {
  const setup = setupOf(allocationRule(scenario.engine), scenario.release, scenario.options);
  const names = ['gpu-memory-utilization', 'mem-fraction-static', 'free-gpu-memory-fraction'];
  return names.map((name) => fractionOption(setup, name)).find((share) => share !== undefined) ?? null;
}

/** SGLang's own share, server_args.py: what is reserved grows with the tokens of a chunk and with the largest graph. */
function sglangShare({ options, sharding }: Scenario, device: Device): number {
  const mib = (device.visibleGib ?? device.memoryBytes / GIB) * 1024;
  const few = sharding.tp < 4;
  const [chunk, graphs] =
    mib < 20 * 1024
      ? [2_048, 8]
      : mib < 35 * 1024
        ? [2_048, few ? 24 : 80]
        : mib < 60 * 1024
          ? [4_096, few ? 32 : 160]
          : mib < 160 * 1024
            ? [8_192, few ? 256 : 512]
            : [16_384, 512];
  const asked = options?.['chunked-prefill-size'];
  let reserved = 512 + Math.max(typeof asked === 'number' ? asked : chunk, 2_048) * 1.5 + graphs * 2;
  reserved += ((sharding.tp * sharding.pp) / 8) * 1024;
  if (mib > 60 * 1024) reserved = Math.max(reserved, 10 * 1024);
  // On hundreds of ranks its own formula goes below nothing.
  return Math.max(0, Math.round(((mib - reserved) / mib) * 1000) / 1000);
}

function shareOf(scenario: Scenario, device: Device): number {
  return givenShare(scenario) ?? (scenario.engine === 'sglang' ? sglangShare(scenario, device) : DEFAULT_SHARE);
}

type Era = (typeof vllm.eras)[number];

/** Eras of vLLM that a scenario may mean: that of its release; where none is given, all, also V0's (before 0.8). */
function erasOf({ engine, release }: Scenario): readonly Era[] {
  if (engine !== 'vllm' || release === undefined) return vllm.eras;
  const date = /^\d{4}-\d{2}$/.test(release) ? release : releaseOf(allocationRule('vllm'), release)?.date;
  const at = vllm.eras.findLastIndex(({ from }) => from <= (date ?? '9999'));
  return vllm.eras.slice(Math.max(0, at)).slice(0, 1);
}

/** One forward pass of `tokens` tokens in 16-bit floats: gate, up and their product, and some rows of the residual stream. */
function forwardBytes(tokens: number, { hidden, inner }: Widths, tp: number): Range {
  const [few = 0, many = few] = vllm.hiddenCopies;
  const gated = (3 * inner) / tp;
  return range(tokens * (gated + few * hidden) * 2, tokens * (gated + many * hidden) * 2);
}

/** What vLLM needs beside the weights. */
function vllmParts(request: MemoryRequest, widths: Widths, era: Era): readonly MemoryPart[] {
  const { reading, device, scenario } = request;
  const { tp, pp } = scenario.sharding;
  const setup = setupOf(
    allocationRule('vllm'),
    scenario.engine === 'vllm' ? scenario.release : undefined,
    scenario.options,
  );
  // From September 2026 on a step has 16,384 tokens on every device (vllm-project/vllm#51726).
  const usual = ('stepTokens' in era ? era.stepTokens : undefined) ?? (isLarge(device) ? 8_192 : 2_048);
  const batched = request.stepGiven ? countOption(setup, 'max-num-batched-tokens') : undefined;
  const whole = era.wholePrompt;
  const prompt = scenario.workload.tokens;
  // Before chunked prefill was the rule, the profiling run had the longest prompt at once, up to 32,768 tokens.
  const tokens = whole && prompt <= 32_768 ? Math.max(2_048, prompt) : (batched ?? usual);
  const sequences = countOption(setup, 'max-num-seqs') ?? (isLarge(device) && !whole ? 1_024 : 256);
  const rows = Math.min(tokens, sequences);
  const sampler = scaled(era.samplerBytes, rows * widths.vocabulary);
  const forward = forwardBytes(tokens, widths, tp);
  const { expertInner, expertsPerToken, hidden } = widths;
  const experts = expertInner / tp;
  const workspace =
    tokens *
    expertsPerToken *
    (Math.max(experts, hidden) + Math.max(2 * experts, hidden)) *
    2 *
    (expertInner > 0 ? 1 : 0);
  const layers = reading.spec.layers;
  const recurrent = layers.some(({ attention, parallelState }) => attention.kind === 'recurrent' || parallelState);
  const otherInputs = (request.count?.notCounted ?? []).some((part) => /tower|projector/.test(part));
  const activations = plus(
    // The stage that samples is the last; a range for any of them.
    range(Math.max(forward.low, pp > 1 ? 0 : sampler.low), Math.max(forward.high, sampler.high)),
    range(0, workspace),
    scaled(recurrent ? vllm.recurrent : [0], GIB),
    scaled(otherInputs ? vllm.otherInputs : [0], GIB),
  );
  const eager = flagOption(setup, 'enforce-eager');
  const counted = !eager && era.graphsCounted;
  return [
    {
      part: 'activations',
      bytes: activations,
      basis: {
        of: 'profile',
        tokens,
        forwardBytes: forward.low,
        rows,
        vocabulary: widths.vocabulary,
        samplerBytes: sampler,
        workspaceBytes: workspace,
      },
    },
    {
      part: 'graphs',
      bytes: range(0, counted ? (vllm.graphs + vllm.graphsALayer * layers.length) * GIB : 0),
      basis: { of: eager ? 'eager' : counted ? 'graphs' : 'outside' },
    },
    {
      part: 'other',
      bytes: plus(
        scaled(era.nonTorch, GIB),
        tp > 1 ? scaled(fusesAllReduce(device) ? era.fusedRanks : era.ranks, GIB) : exactly(0),
        scaled(device.unifiedMemory ? vllm.unifiedMemory : [0], GIB),
      ),
      basis: { of: 'libraries', ranks: tp > 1, unified: device.unifiedMemory === true },
    },
  ];
}

/** SGLang: the share is of what is free before the weights, and nothing is profiled. */
function sglangParts({ scenario }: MemoryRequest): readonly MemoryPart[] {
  const share = scenario.sharding.tp > 1 ? scaled(sglang.ranks, GIB) : exactly(0);
  return [
    { part: 'activations', bytes: exactly(0), basis: { of: 'outside' } },
    { part: 'graphs', bytes: exactly(0), basis: { of: 'outside' } },
    {
      part: 'other',
      bytes: plus(scaled(sglang.before, GIB), share, scaled(sglang.loaded, GIB)),
      basis: { of: 'libraries', ranks: scenario.sharding.tp > 1, unified: false },
    },
  ];
}

function trtllmParts({ scenario }: MemoryRequest, widths: Widths): readonly MemoryPart[] {
  const { tp } = scenario.sharding;
  const tokens =
    countOption(setupOf(allocationRule('trtllm'), scenario.release, scenario.options), 'max-num-tokens') ?? 8_192;
  const forward = forwardBytes(tokens, widths, tp);
  const [few = 1, many = few] = trtllm.forward;
  return [
    {
      part: 'activations',
      bytes: range(forward.low * few, forward.high * many),
      basis: { of: 'prompt', tokens },
    },
    { part: 'graphs', bytes: exactly(0), basis: { of: 'outside' } },
    {
      part: 'other',
      bytes: plus(scaled(trtllm.outside, GIB), tp > 1 ? scaled(trtllm.ranks, GIB) : exactly(0)),
      basis: { of: 'libraries', ranks: tp > 1, unified: false },
    },
  ];
}

/** llama.cpp: one buffer for the worst graph of a micro-batch: its logits in float32, or its widest layer, and the mask. */
function llamacppParts({ scenario }: MemoryRequest, widths: Widths): readonly MemoryPart[] {
  const setup = llamacppSetup(scenario);
  const micro = Math.min(countOption(setup, 'ubatch-size') ?? 512, scenario.workload.tokens * scenario.workload.batch);
  const mask = micro * scenario.workload.tokens * 2;
  const [few = 1, many = few] = llamacpp.scratch;
  const widest = Math.max(
    widths.vocabulary,
    3 * widths.inner + widths.hidden,
    3 * widths.expertInner * widths.expertsPerToken,
  );
  const scratch = micro * (widest + widths.hidden) * 4;
  return [
    {
      part: 'activations',
      bytes: range(scratch * few, scratch * many + mask * 3),
      basis: { of: 'microBatch', tokens: micro },
    },
    { part: 'graphs', bytes: exactly(0), basis: { of: 'nothing' } },
    { part: 'other', bytes: scaled(llamacpp.context, GIB), basis: { of: 'libraries', ranks: false, unified: false } },
  ];
}

function transformersParts({ scenario }: MemoryRequest, widths: Widths): readonly MemoryPart[] {
  const { batch, tokens } = scenario.workload;
  const forward = forwardBytes(Math.min(batch * tokens, 8_192), widths, scenario.sharding.tp);
  const [few = 1, many = few] = transformers.forward;
  return [
    {
      part: 'activations',
      bytes: range(0, plus(forward, forward).high * (many / 2) * few),
      basis: { of: 'prompt', tokens: 8_192 },
    },
    { part: 'graphs', bytes: exactly(0), basis: { of: 'nothing' } },
    {
      part: 'other',
      bytes: scaled(transformers.context, GIB),
      basis: { of: 'libraries', ranks: false, unified: false },
    },
  ];
}

/** Weights of one rank: even shares of what is split, whole copies of what is not. */
function weightPart(request: MemoryRequest): MemoryPart {
  const { reading, scenario, count, weights, share } = request;
  // llama.cpp that has everything on one device of several.
  const alone = scenario.engine === 'llamacpp' && splitMode(llamacppSetup(scenario)) === 'none';
  const { tp, pp } = alone ? UNSHARDED : scenario.sharding;
  const ranks = tp * pp;
  const each = weights.bytes / ranks;
  const width = weights.exact
    ? weightModel.stored
    : 'quantised' in weights && weights.quantised
      ? weightModel.quantised
      : weightModel.counted;
  if (share) return { part: 'weights', bytes: scaled(width, sharedBytes(request, share)), basis: { of: 'weights' } };
  const perParameter = count && count.total > 0 ? Math.min(4, weights.bytes / count.total) : 2;
  // Down-projections to latents are whole on every rank; the ends of the model are whole stages' extra weight.
  const latents = reading.spec.layers.reduce(
    (sum, { attention }) =>
      sum +
      (attention.kind === 'latent'
        ? (reading.spec.hiddenSize ?? 0) * (attention.latentDim + attention.ropeDim) * 3.5
        : 0),
    0,
  );
  const copied = tp > 1 ? (latents * 2 * (1 - 1 / tp)) / pp : 0;
  const ends = pp > 1 && count ? ((count.embedding + count.outputHead) * perParameter * (1 - 1 / pp)) / tp : 0;
  const [few = 1, many = few] = width;
  // llama.cpp looks embeddings up on the host, unless the head is the same tensor.
  const host = scenario.engine === 'llamacpp' && count && count.outputHead > 0 ? count.lookup * perParameter : 0;
  // Files hold the layers that draft tokens too; engines load them where they are asked to draft.
  const { layers, draftLayers } = reading.spec;
  const loaded = weights.exact ? layers.length / (layers.length + draftLayers) : 1;
  const padded = expertPadding(reading, scenario, weights, count);
  const other = scaled(weightModel.otherParts, (weights.exact ? 0 : otherPartBytes(reading)) / ranks);
  return {
    part: 'weights',
    bytes: plus(range((weights.bytes * loaded - host) * (few / ranks), each * many + copied + ends), padded, other),
    basis: { of: 'weights' },
  };
}

/**
 * What llama.cpp has on one of several devices: its layers, and the output on the last; the embedding stays on the host
 * (llama-model.cpp `load_tensors`: `dev_input`). `row` splits the rows of each matrix evenly but leaves experts, which its split
 * buffers cannot multiply (ggml-cuda `supports_op`: MUL_MAT alone), with their layer.
 */
function sharedBytes({ reading, scenario, weights }: MemoryRequest, share: DeviceShare): number {
  const { layers, last, devices, placement } = share;
  const sum = (some: readonly number[]): number => some.reduce((bytes, one) => bytes + one, 0);
  // Layers that draft are in files behind the others, and are loaded where they are asked to draft.
  const all = sum(placement.layers.slice(0, reading.spec.layers.length));
  const own = sum(placement.layers.slice(...layers));
  if (splitMode(llamacppSetup(scenario)) !== 'row') return own + (last ? placement.head : 0);
  const experts = all > 0 ? (weights.expertBytes * own) / all : 0;
  return Math.max(0, all - weights.expertBytes + placement.head) / devices + experts;
}

function llamacppSetup({ release, options }: Scenario): EngineSetup {
  return setupOf(allocationRule('llamacpp'), release, options);
}

/** vLLM pads the experts of mxfp4 to multiples of 256 in the rows of a rank, on some devices also in the columns. */
function expertPadding(
  reading: Reading,
  scenario: Scenario,
  weights: WeightBytes,
  count: ParameterCount | null,
): Range {
  if (scenario.engine !== 'vllm' || !/mxfp4/.test(weights.rule) || !count) return exactly(0);
  const { tp, pp } = scenario.sharding;
  const { hidden, expertInner } = widthsOf(reading, count);
  const padding = (width: number): number => (width > 0 ? (Math.ceil(width / 256) * 256) / width : 1);
  const each = weights.expertBytes / (tp * pp);
  const rows = padding(expertInner / tp);
  return range(each * (rows - 1) * 0.95, each * (rows * padding(hidden) - 1) * (tp > 1 ? 1 : 0.75));
}

/** A tower for images or sound beside the language model, from its own widths: 0 where it does not say them. */
function otherPartBytes(reading: Reading): number {
  const root = reading.readerAt([], new ReadingLog());
  const bytes = ['vision_config', 'audio_config', 'vit_config'].map((key) => {
    const tower = root.nested(key);
    const number = (...keys: string[]): number => tower?.integer(keys)?.value ?? 0;
    const hidden = number('hidden_size', 'width', 'd_model', 'embed_dim');
    const inner = number('intermediate_size', 'encoder_ffn_dim') || 4 * hidden;
    return (
      number('num_hidden_layers', 'depth', 'layers', 'encoder_layers') *
      (4 * hidden * hidden + 2.5 * hidden * inner) *
      2
    );
  });
  return bytes.reduce((sum, one) => sum + one, 0);
}

/** One way that it may be. */
interface Outcome {
  readonly parts: readonly MemoryPart[];
  readonly usableBytes: Range;
  readonly roomBytes: Range;
}

export function engineMemory(request: MemoryRequest): EngineMemory {
  const { device, scenario } = request;
  const widths = widthsOf(request.reading, request.count);
  const seen = visibleBytes(device);
  const weights = weightPart(request);
  const outcome = (rest: readonly MemoryPart[], share: number, ofFree = false): Outcome => {
    const parts = [weights, ...rest];
    const bytes = parts.map((part) => part.bytes);
    const usableBytes = times(seen, share);
    return { parts, usableBytes, roomBytes: ofFree ? times(less(seen, bytes), share) : less(usableBytes, bytes) };
  };
  const share = request.fraction ?? shareOf(scenario, device);
  const outcomes = ((): readonly [Outcome, ...Outcome[]] => {
    switch (scenario.engine) {
      case 'sglang':
        return [outcome(sglangParts(request), share)];
      case 'trtllm':
        return [outcome(trtllmParts(request, widths), share, true)];
      // These two take what there is: nothing of the device is set aside.
      case 'llamacpp':
        return [outcome(llamacppParts(request, widths), request.fraction ?? 1)];
      case 'transformers':
        return [outcome(transformersParts(request, widths), request.fraction ?? 1)];
      case 'vllm':
      case 'intrinsic': {
        const [first, ...more] = erasOf(scenario).map((era) =>
          outcome(vllmParts(request, widths, era), request.fraction ?? eraShare(scenario, era, share)),
        );
        return first ? [first, ...more] : [outcome([], share)];
      }
    }
  })();
  const taken = scenario.engine === 'llamacpp' || scenario.engine === 'transformers' ? (request.fraction ?? 1) : share;
  return {
    visibleBytes: seen,
    usableBytes: hull(outcomes.map(({ usableBytes }) => usableBytes)),
    parts: mergedParts(outcomes),
    roomBytes: hull(outcomes.map(({ roomBytes }) => roomBytes)),
    fraction: taken,
  };
}

/** The share that vLLM takes by itself changed with its releases. */
function eraShare(scenario: Scenario, { from }: Era, newest: number): number {
  if (scenario.engine !== 'vllm' || scenario.release !== undefined) return newest;
  const setup = setupOf(allocationRule('vllm'), from, scenario.options);
  return fractionOption(setup, 'gpu-memory-utilization') ?? newest;
}

/** Each part as far as the outcomes reach; told as the newest has it. */
function mergedParts(outcomes: readonly [Outcome, ...Outcome[]]): readonly MemoryPart[] {
  return (outcomes.at(-1) ?? outcomes[0]).parts.map((part, index) => ({
    ...part,
    bytes: hull(outcomes.flatMap(({ parts }) => parts[index]?.bytes ?? [])),
  }));
}
