/**
 * What is measured of a config: a decode step as MHA, GQA, MQA and MLA at its widths, and a new token with the cache and without. Cases of
 * the bench, made from the shapes that a reading gives; nothing is computed here.
 */

import { type AttentionLayerSpec, headDims, PLAIN_LAYER, type RunnableAttention } from '../../attention/spec/layerSpec';
import { layerWeights, weightCount } from '../../attention/spec/weightNames';
import { variantLabel } from '../../cache/variants';
import {
  type AttentionSpec,
  type FullAttention,
  headVariant,
  isHeaded,
  type LatentAttention,
} from '../../model/attention';
import { divisorsOf } from '../../model/divisors';
import type { ModelSpec } from '../../model/spec';
import type { EngineId } from '../../shared/engineIds';
import type { MeasuredDesign } from '../../shared/decodeContract';
import { type BenchCase, caseWork } from './cases';

/** Turns of each case, and tokens of the steps with and without a cache. */
const QUICK = { rounds: 3, lengths: [256, 1024] } as const;
const THOROUGH = { rounds: 7, lengths: [256, 512, 1024, 2048, 4096] } as const;

const USUAL_LENGTH = 1024;

/** What a run may take. WebAssembly has 32-bit memory, and a tenth of the speed. */
interface Limits {
  readonly bytes: number;
  /** Of one run over all tokens. */
  readonly flops: number;
}
const NATIVE: Limits = { bytes: 1.75 * 2 ** 30, flops: 100e9 };
const WASM: Limits = { bytes: 0.5 * 2 ** 30, flops: 15e9 };
/** Context of the designs' steps: the first that the widest cache leaves room for. The lectures' claims are about long ones. */
const CONTEXTS = [4096, 2048, 1024, 512, 256] as const;

export interface DesignCase {
  readonly label: string;
  readonly own: boolean;
  readonly form: MeasuredDesign['form'];
  readonly test: BenchCase;
}

export interface DecodePlan {
  readonly layer: number;
  readonly heads: FullAttention;
  readonly hiddenSize: number;
  readonly rounds: number;
  readonly tokens: number;
  readonly designs: readonly DesignCase[];
  readonly stepLabel: string;
  readonly scale: number;
  readonly steps: readonly { readonly tokens: number; readonly cached: BenchCase; readonly again: BenchCase }[];
  /** Whole layers, for what a roofline says of other devices. */
  readonly mha: AttentionLayerSpec;
  readonly mla: AttentionLayerSpec;
}

export interface DecodeAsked {
  readonly thorough: boolean;
  readonly engine: EngineId;
  /** Bytes that a run may take. */
  readonly ceiling: number;
}

/** Null where no layer has heads or a latent. */
export function decodePlan(spec: ModelSpec, { thorough, engine, ceiling }: DecodeAsked): DecodePlan | null {
  const found = measuredLayer(spec);
  if (!found) return null;
  const { index, heads, latent } = found;
  const { rounds, lengths } = thorough ? THOROUGH : QUICK;
  const wasm = engine === 'onnxruntime-wasm';
  const limits = wasm ? WASM : NATIVE;
  const bytes = Math.min(limits.bytes, ceiling);
  const hiddenSize = spec.hiddenSize ?? heads.queryHeads * heads.keyDim;
  const attentions = designsOf(heads, latent, thorough);
  const casesAt = (tokens: number): DesignCase[] =>
    attentions.map(({ attention, form, ...design }) => ({
      ...design,
      form,
      test: {
        name: `decode-${tokens}`,
        variant: design.label,
        layer: plainLayer(attention, hiddenSize),
        tokens: 1,
        past: tokens - 1,
        form: form === 'folded' ? 'absorbed' : form,
        core: true,
        folded: form === 'folded',
      },
    }));
  const tokens =
    CONTEXTS.find((context) => casesAt(context).every(({ test }) => caseBytes(test) <= bytes)) ??
    CONTEXTS[CONTEXTS.length - 1] ??
    256;
  const own = latent ?? heads;
  const stepsOf = (layer: AttentionLayerSpec): DecodePlan['steps'] =>
    lengths.map((length) => {
      const base = { name: `token-${length}`, layer, core: false, folded: false };
      const form = layer.attention.kind === 'latent';
      return {
        tokens: length,
        cached: { ...base, variant: 'cached', tokens: 1, past: length - 1, form: form ? 'absorbed' : null },
        again: { ...base, variant: 'uncached', tokens: length, past: 0, form: form ? 'expanded' : null },
      };
    });
  const inMemory = ({ again }: DecodePlan['steps'][number]): boolean => caseBytes(again) <= bytes;
  // The usual lengths decide how narrow it is; longer ones, of thorough runs, take their time, where there is memory for them.
  const narrow = narrowed(own, hiddenSize, (layer) =>
    stepsOf(layer)
      .filter(({ tokens: length }) => length <= USUAL_LENGTH)
      .every((step) => inMemory(step) && caseWork(step.again).flops <= limits.flops),
  );
  const latentOwn = latent ?? latentOf(heads);
  return {
    layer: index,
    heads,
    hiddenSize,
    rounds,
    tokens,
    designs: casesAt(tokens),
    stepLabel: latent ? latentLabel(latent) : headsLabel(heads),
    scale: narrow.scale,
    steps: stepsOf(narrow.layer).filter((step) => step.tokens <= USUAL_LENGTH || inMemory(step)),
    mha: plainLayer({ ...heads, kvHeads: heads.queryHeads }, hiddenSize),
    mla: plainLayer(latentOwn, hiddenSize),
  };
}

/** Bytes of a case at its widest moment: weights and cache as they are made, as they are turned, and in the engine. */
export function caseBytes({ layer, tokens, past, form, core, folded }: BenchCase): number {
  const { queryHeads, kvHeads, keyDim, valueDim } = headDims(layer.attention);
  const weights = layerWeights(layer)
    .filter(({ name }) => !core || (!folded && name.startsWith('w_u')))
    .reduce((sum, weight) => sum + weightCount(weight), 0);
  const keys = past + tokens;
  const expanded = keys * kvHeads * (keyDim + valueDim);
  const held =
    layer.attention.kind === 'latent' ? keys * (layer.attention.latentDim + layer.attention.ropeDim) : expanded;
  const made = layer.attention.kind === 'latent' && form !== 'absorbed' ? expanded : 0;
  const scores = queryHeads * tokens * keys;
  return 4 * (2 * weights + 3 * held + 2 * made + 3 * scores + 3 * tokens * layer.hiddenSize);
}

/** What an ordinary core does in a second, and how many random numbers it makes: for the time that is told beforehand. */
const CORE_FLOPS = 40e9;
const CORE_BYTES = 5e9;
const NUMBERS = 50e6;
const WASM_SLOWER = 5;

/** About how long a plan takes on a CPU, in seconds. */
export function expectedSeconds(plan: DecodePlan, engine: EngineId, threads: number): number {
  return casesOf(plan).reduce((sum, test) => sum + caseSeconds(test, plan.rounds, engine, threads), 1);
}

export function casesOf({ designs, steps }: DecodePlan): readonly BenchCase[] {
  return [...designs.map(({ test }) => test), ...steps.flatMap(({ cached, again }) => [cached, again])];
}

export function caseSeconds(test: BenchCase, rounds: number, engine: EngineId, threads: number): number {
  const slower = engine === 'onnxruntime-wasm' ? WASM_SLOWER : 1;
  const { flops, bytesRead } = caseWork(test);
  const run = slower * Math.max(flops / (CORE_FLOPS * threads), bytesRead / (CORE_BYTES * threads));
  // As `runCase` has it: long runs in turns of one, five in all; short ones in turns of four.
  const runs = run > 0.6 ? 6 : 2 + 4 * rounds;
  return 0.12 * rounds + caseBytes(test) / 8 / NUMBERS + run * runs;
}

interface Found {
  readonly index: number;
  /** A latent layer's as MHA, as the lectures compare it: keys of the no-position width, values of theirs. */
  readonly heads: FullAttention;
  readonly latent: LatentAttention | null;
}

/** The first layer over the whole context, else the first with heads: its window is left away. */
function measuredLayer({ layers }: ModelSpec): Found | null {
  const found = [
    ['full', 'latent'],
    ['sliding', 'chunked'],
  ].flatMap((kinds) => layers.find(({ attention }) => kinds.includes(attention.kind) && isSound(attention)) ?? [])[0];
  if (!found) return null;
  const { attention, index } = found;
  if (attention.kind === 'latent') {
    const { indexer: _, ...latent } = attention;
    const { queryHeads, nopeDim, valueDim } = latent;
    return { index, heads: { kind: 'full', queryHeads, kvHeads: queryHeads, keyDim: nopeDim, valueDim }, latent };
  }
  if (!isHeaded(attention)) return null;
  const { queryHeads, kvHeads, keyDim, valueDim } = attention;
  return { index, heads: { kind: 'full', queryHeads, kvHeads, keyDim, valueDim: valueDim || keyDim }, latent: null };
}

function isSound(attention: AttentionSpec): boolean {
  if (attention.kind === 'latent') return attention.nopeDim > 0 && attention.ropeDim % 2 === 0;
  return isHeaded(attention) && attention.queryHeads % attention.kvHeads === 0;
}

function designsOf(
  heads: FullAttention,
  latent: LatentAttention | null,
  thorough: boolean,
): { attention: RunnableAttention; label: string; own: boolean; form: MeasuredDesign['form'] }[] {
  const { queryHeads, kvHeads } = heads;
  const groups = usualGroups(heads, latent !== null);
  const shared = [...new Set([queryHeads, ...(groups === null ? [] : [groups]), 1])].map((count) => {
    const attention: FullAttention = { ...heads, kvHeads: count };
    return { attention, label: headsLabel(attention), own: !latent && count === kvHeads, form: null };
  });
  const made = latent ?? latentOf(heads);
  const forms = ['folded', 'absorbed', ...(thorough ? (['expanded'] as const) : [])] as const;
  return [
    ...shared,
    ...forms.map((form) => ({ attention: made, label: latentLabel(made), own: latent !== null, form })),
  ];
}

/** The model's own groups, else 8 or what comes next below. */
function usualGroups({ queryHeads, kvHeads }: FullAttention, latent: boolean): number | null {
  if (!latent && headVariant({ queryHeads, kvHeads }) === 'GQA') return kvHeads;
  return divisorsOf(queryHeads).findLast((count) => count > 1 && count <= 8 && count < queryHeads) ?? null;
}

/** In DeepSeek's proportions: a latent of 4 heads, a rotary key of half a head (DeepSeek-V2, arXiv 2405.04434, 3.1.2: d_c, d_h^R). */
function latentOf({ queryHeads, keyDim, valueDim }: FullAttention): LatentAttention {
  return {
    kind: 'latent',
    queryHeads,
    latentDim: 4 * keyDim,
    ropeDim: 2 * Math.round(keyDim / 4),
    nopeDim: keyDim,
    valueDim,
    queryLatentDim: null,
  };
}

function headsLabel({ queryHeads, kvHeads }: FullAttention): string {
  const variant = headVariant({ queryHeads, kvHeads });
  return variant === 'GQA' ? variantLabel({ kind: 'gqa', groups: kvHeads }) : variant;
}

function latentLabel({ latentDim, ropeDim }: LatentAttention): string {
  return variantLabel({ kind: 'mla', latentDim, ropeDim });
}

/** The shape alone: norms, biases, windows and scaling of positions take next to no time in it. */
function plainLayer(attention: RunnableAttention, hiddenSize: number): AttentionLayerSpec {
  const { keyDim } = headDims(attention);
  const turned = attention.kind === 'latent' ? attention.ropeDim : keyDim;
  return {
    ...PLAIN_LAYER,
    attention,
    hiddenSize,
    scale: keyDim ** -0.5,
    rotary: turned > 0 && turned % 2 === 0 ? { theta: 10_000, dim: turned, layout: 'half', scaling: null } : null,
  };
}

/** The layer with as many heads and as much hidden width as can be waited for. */
function narrowed(
  attention: FullAttention | LatentAttention,
  hiddenSize: number,
  fits: (layer: AttentionLayerSpec) => boolean,
): { readonly layer: AttentionLayerSpec; readonly scale: number } {
  const at = (scale: number): AttentionLayerSpec =>
    plainLayer(narrow(attention, scale), Math.max(1, Math.round(hiddenSize / scale)));
  const scales = divisorsOf(attention.queryHeads);
  const scale = scales.find((each) => fits(at(each))) ?? attention.queryHeads;
  return { layer: at(scale), scale };
}

function narrow(attention: FullAttention | LatentAttention, scale: number): FullAttention | LatentAttention {
  const queryHeads = attention.queryHeads / scale;
  if (attention.kind === 'latent') {
    const { queryLatentDim } = attention;
    return {
      ...attention,
      queryHeads,
      queryLatentDim: queryLatentDim === null ? null : Math.max(1, Math.round(queryLatentDim / scale)),
    };
  }
  const kvHeads = divisorsOf(queryHeads).findLast((count) => count <= Math.max(1, attention.kvHeads / scale)) ?? 1;
  return { ...attention, queryHeads, kvHeads };
}
