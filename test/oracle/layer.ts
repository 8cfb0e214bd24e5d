/**
 * The float64 reference of one attention layer: what programs are tested against. Loops and formulas, no tricks.
 * Shapes: B batch, T new tokens, S keys (cached and new), H query heads, G KV heads.
 */

import { sigmoid } from './activations';
import { alibiBias } from '../../src/attention/spec/alibi';
import type { Activation } from '../../src/attention/spec/blockSpec';
import { type AttentionLayerSpec, headDims, keyLimit } from '../../src/attention/spec/layerSpec';
import { sees } from '../../src/attention/step/mask';
import type { HeadNormSpec } from '../../src/attention/spec/normSpec';
import { queryFactors } from '../../src/attention/step/positionFactor';
import type { CaptureName } from '../../src/attention/onnx/program';
import { type RotaryTables, rotaryTables } from '../../src/attention/step/rotaryTables';
import type { WeightLayout, WeightMap } from '../../src/attention/spec/weightNames';
import { dot, maskedSoftmax, rotate, Weights } from './math';
import { Tensor64 } from './tensor64';

/** What a layer keeps between steps. */
export interface ReferenceCache {
  /** Tokens seen, cached or not. */
  readonly tokens: number;
  /** Positions of the entries, oldest first. */
  readonly positions: readonly number[];
  /** Headed layers: [B,G,entries,keyDim] and [B,G,entries,valueDim]. */
  readonly key?: Tensor64;
  readonly value?: Tensor64;
  /** Latent layers: [B,entries,latentDim + ropeDim], latent and rotary key of each token. */
  readonly latent?: Tensor64;
}

export interface ReferenceOptions {
  readonly weightLayout?: WeightLayout;
  /** Length of the whole sequence where it is known beforehand (dynamic NTK, LongRoPE); default past + new tokens. */
  readonly contextTokens?: number;
  /** Another way to compute activations: as an engine has them. */
  readonly activate?: (activation: Activation, x: number) => number;
}

export interface ReferenceRun {
  /** [B,T,hidden] */
  readonly output: Tensor64;
  readonly captures: Readonly<Partial<Record<CaptureName, Tensor64>>>;
  readonly cache: ReferenceCache;
}

/** Runs the layer on `hidden` [B,T,hidden] after the tokens of `past`. */
export function referenceLayer(
  spec: AttentionLayerSpec,
  weightMap: WeightMap,
  hidden: Tensor64,
  past: ReferenceCache | null = null,
  options: ReferenceOptions = {},
): ReferenceRun {
  const weights = new Weights(weightMap, options.weightLayout ?? 'out-in');
  const seenBefore = past?.tokens ?? 0;
  const tokens = hidden.size(1);
  const positions = Array.from({ length: tokens }, (_, t) => seenBefore + t);
  const tables = spec.rotary && rotaryTables(spec.rotary, positions, options.contextTokens ?? seenBefore + tokens);
  const keyPositions = [...(past?.positions ?? []), ...positions];

  const projected =
    spec.attention.kind === 'latent'
      ? latentProjections(spec, weights, hidden, past, tables)
      : headedProjections(spec, weights, hidden, past, tables);
  if (spec.temperature) {
    const factors = queryFactors(spec.temperature, positions);
    for (const query of [projected.q, projected.absorbedQuery]) {
      if (!query) continue;
      forEachRow(query, ([, , t = 0], row) => {
        row.forEach((value, d) => (row[d] = value * (factors[t] ?? 1)));
      });
    }
  }
  const attended = attend(spec, weights, projected, positions, keyPositions);
  const output = outputProjection(spec, weights, hidden, attended.heads);

  const limit = keyLimit(spec.attention);
  const kept = limit === null ? keyPositions.length : Math.min(limit, keyPositions.length);
  return {
    output,
    captures: { attentionInput: hidden, ...projected, ...attended, output },
    cache: {
      tokens: seenBefore + tokens,
      positions: keyPositions.slice(keyPositions.length - kept),
      ...(projected.cachedLatent
        ? { latent: projected.cachedLatent }
        : { key: lastEntries(projected.k, kept), value: lastEntries(projected.v, kept) }),
    },
  };
}

interface Projected {
  readonly qRaw: Tensor64;
  readonly kRaw: Tensor64;
  /** [B,H,T,keyDim] */
  readonly q: Tensor64;
  /** [B,G,S,keyDim], the cached ones first */
  readonly k: Tensor64;
  readonly v: Tensor64;
  readonly latent?: Tensor64;
  readonly ropeKey?: Tensor64;
  readonly absorbedQuery?: Tensor64;
  readonly cachedLatent?: Tensor64;
}

/** q, k, v per head: projection, clipping, norm, RoPE. */
function headedProjections(
  spec: AttentionLayerSpec,
  weights: Weights,
  hidden: Tensor64,
  past: ReferenceCache | null,
  tables: RotaryTables | null,
): Projected {
  const { queryHeads, kvHeads, keyDim, valueDim } = headDims(spec.attention);
  const project = (name: 'q' | 'k' | 'v', heads: number, dim: number, norm: HeadNormSpec | null): Tensor64 => {
    const before = norm?.stage === 'before-rope' ? norm : null;
    return splitHeads(hidden, heads, dim, (x) => {
      const clip = (vector: Float64Array): Float64Array =>
        vector.map((value) => (spec.clip === null ? value : Math.min(Math.max(value, -spec.clip), spec.clip)));
      const projected = weights.linear(name, x, heads * dim, spec.biases[name]);
      if (spec.clipAfterNorm) return clip(normalizeHeads(weights, `${name}_norm`, before, projected, dim));
      return normalizeHeads(weights, `${name}_norm`, before, clip(projected), dim);
    });
  };
  const turn = (raw: Tensor64, name: string, norm: HeadNormSpec | null): Tensor64 => {
    const result = new Tensor64(raw.shape);
    forEachRow(raw, ([b = 0, head = 0, t = 0], row) => {
      let vector = tables && spec.rotary ? rotate(row, spec.rotary, tables, t) : row;
      if (norm?.stage === 'after-rope') {
        vector = weights.normalize(name, norm.norm, vector, norm.extent === 'head-own' ? head * row.length : 0);
      }
      result.row(b, head, t).set(vector);
    });
    return result;
  };
  const qRaw = project('q', queryHeads, keyDim, spec.queryNorm);
  const kRaw = project('k', kvHeads, keyDim, spec.keyNorm);
  const v = project('v', kvHeads, valueDim, spec.valueNorm);
  return {
    qRaw,
    kRaw,
    q: turn(qRaw, 'q_norm', spec.queryNorm),
    k: joinEntries(past?.key, turn(kRaw, 'k_norm', spec.keyNorm)),
    v: joinEntries(past?.value, v),
  };
}

/** Latent attention (DeepSeek-V2 §2.1): K and V of every head from the latent, a rotary key shared by all heads. */
function latentProjections(
  spec: AttentionLayerSpec,
  weights: Weights,
  hidden: Tensor64,
  past: ReferenceCache | null,
  tables: RotaryTables | null,
): Projected {
  if (spec.attention.kind !== 'latent') throw new Error('Not a latent layer.');
  const { queryHeads, nopeDim, ropeDim, valueDim, latentDim, queryLatentDim } = spec.attention;
  const norms = spec.latentNorms;
  const qRaw = splitHeads(hidden, queryHeads, nopeDim + ropeDim, (x) => {
    const size = queryHeads * (nopeDim + ropeDim);
    if (queryLatentDim === null) return weights.linear('q', x, size, spec.biases.q);
    const compressed = weights.linear('q_a', x, queryLatentDim, spec.biases.q);
    const normed = norms?.query ? weights.normalize('q_a_norm', norms.query, compressed) : compressed;
    const factor = norms?.queryFactor ?? 1;
    return weights.linear(
      'q_b',
      normed.map((value) => value * factor),
      size,
      false,
    );
  });
  const rotated = (part: Float64Array, t: number): Float64Array =>
    tables && spec.rotary ? rotate(part, spec.rotary, tables, t) : part;

  const q = new Tensor64(qRaw.shape);
  forEachRow(qRaw, ([b = 0, head = 0, t = 0], row) => {
    q.row(b, head, t).set(row.subarray(0, nopeDim));
    q.row(b, head, t).set(rotated(row.subarray(nopeDim), t), nopeDim);
  });

  const [batch, tokens] = [hidden.size(0), hidden.size(1)];
  const fresh = new Tensor64([batch, tokens, latentDim + ropeDim]);
  const rawRopeKeys = new Tensor64([batch, tokens, ropeDim]);
  forEachRow(hidden, ([b = 0, t = 0], x) => {
    const compressed = weights.linear('kv_a', x, latentDim + ropeDim, spec.biases.k);
    const latent = compressed.subarray(0, latentDim);
    const normed = norms?.latent ? weights.normalize('kv_a_norm', norms.latent, latent) : latent;
    rawRopeKeys.row(b, t).set(compressed.subarray(latentDim));
    fresh.row(b, t).set(normed.map((value) => value * (norms?.latentFactor ?? 1)));
    fresh.row(b, t).set(rotated(compressed.subarray(latentDim), t), latentDim);
  });
  const cached = joinEntries(past?.latent, fresh);
  const keys = cached.size(1);

  const up = weights.get('w_uk');
  const uv = weights.get('w_uv');
  /** Row `row` of head `head` of a [heads, rows, latentDim] weight, times a latent. */
  const expand = (weight: Float32Array, rows: number, head: number, latent: Float64Array): Float64Array =>
    Float64Array.from({ length: rows }, (_, row) =>
      latent.reduce((total, value, i) => total + value * (weight[(head * rows + row) * latentDim + i] ?? 0), 0),
    );
  const k = new Tensor64([batch, queryHeads, keys, nopeDim + ropeDim]);
  const v = new Tensor64([batch, queryHeads, keys, valueDim]);
  const kRaw = new Tensor64([batch, queryHeads, tokens, nopeDim + ropeDim]);
  forEachRow(cached, ([b = 0, s = 0], entry) => {
    const latent = entry.subarray(0, latentDim);
    const t = s - (keys - tokens);
    for (let head = 0; head < queryHeads; head++) {
      const nope = expand(up, nopeDim, head, latent);
      k.row(b, head, s).set(nope);
      k.row(b, head, s).set(entry.subarray(latentDim), nopeDim);
      v.row(b, head, s).set(expand(uv, valueDim, head, latent));
      if (t < 0) continue;
      kRaw.row(b, head, t).set(nope);
      kRaw.row(b, head, t).set(rawRopeKeys.row(b, t), nopeDim);
    }
  });
  /** q_nope · W_UK: the query in latent space. */
  const absorbedQuery = new Tensor64([batch, queryHeads, tokens, latentDim]);
  forEachRow(absorbedQuery, ([b = 0, head = 0, t = 0], row) => {
    const query = q.row(b, head, t);
    for (let i = 0; i < latentDim; i++) {
      for (let d = 0; d < nopeDim; d++)
        row[i] = (row[i] ?? 0) + (query[d] ?? 0) * (up[(head * nopeDim + d) * latentDim + i] ?? 0);
    }
  });
  const part = (from: number, to: number): Tensor64 => {
    const result = new Tensor64([batch, keys, to - from]);
    forEachRow(result, ([b = 0, s = 0], row) => {
      row.set(cached.row(b, s).subarray(from, to));
    });
    return result;
  };
  return {
    qRaw,
    kRaw,
    q,
    k,
    v,
    absorbedQuery,
    latent: part(0, latentDim),
    ropeKey: part(latentDim, latentDim + ropeDim),
    cachedLatent: cached,
  };
}

/** Scores, softmax over the seen keys, and the weighted sum of values. */
function attend(
  spec: AttentionLayerSpec,
  weights: Weights,
  { q, k, v }: Projected,
  queryPositions: readonly number[],
  keyPositions: readonly number[],
): { scores: Tensor64; weights: Tensor64; heads: Tensor64 } {
  const [batch, queryHeads, tokens] = [q.size(0), q.size(1), q.size(2)];
  const [kvHeads, keys] = [k.size(1), k.size(2)];
  const scores = new Tensor64([batch, queryHeads, tokens, keys]);
  const probabilities = new Tensor64([batch, queryHeads, tokens, keys]);
  const heads = new Tensor64([batch, queryHeads, tokens, v.size(3)]);
  const alibi = spec.alibi && alibiBias(spec.alibi, keyPositions, queryPositions.at(-1) ?? 0);
  const sinks = spec.sinks ? weights.get('sinks') : null;
  forEachRow(q, ([b = 0, head = 0, t = 0], query) => {
    const group = Math.floor(head / (queryHeads / kvHeads));
    const row = scores.row(b, head, t);
    for (let s = 0; s < keys; s++) {
      let score = dot(query, k.row(b, group, s)) * spec.scale;
      if (spec.softcap !== null) score = spec.softcap * Math.tanh(score / spec.softcap);
      row[s] = score + (alibi?.[head * keys + s] ?? 0);
    }
    const seen = keyPositions.map((key) => sees(spec.attention, queryPositions[t] ?? 0, key));
    const weightsRow = maskedSoftmax(row, seen, sinks ? (sinks[head] ?? 0) : null);
    probabilities.row(b, head, t).set(weightsRow);
    const result = heads.row(b, head, t);
    for (let s = 0; s < keys; s++) {
      v.row(b, group, s).forEach((value, d) => (result[d] = (result[d] ?? 0) + (weightsRow[s] ?? 0) * value));
    }
  });
  return { scores, weights: probabilities, heads };
}

/** Gate, norm and output projection of the heads' outputs side by side. */
function outputProjection(spec: AttentionLayerSpec, weights: Weights, hidden: Tensor64, heads: Tensor64): Tensor64 {
  const [queryHeads, valueDim] = [heads.size(1), heads.size(3)];
  const output = new Tensor64(hidden.shape);
  forEachRow(hidden, ([b = 0, t = 0], x) => {
    let merged = new Float64Array(queryHeads * valueDim);
    for (let head = 0; head < queryHeads; head++) merged.set(heads.row(b, head, t), head * valueDim);
    if (spec.outputGate !== 'none') {
      const perHead = spec.outputGate === 'head';
      const gate = weights.linear('gate', x, perHead ? queryHeads : merged.length, false);
      merged = merged.map((value, i) => value * sigmoid(gate[perHead ? Math.floor(i / valueDim) : i] ?? 0));
    }
    if (spec.outputNorm) merged = Float64Array.from(weights.normalize('o_norm', spec.outputNorm, merged));
    output.row(b, t).set(weights.linear('o', merged, spec.hiddenSize, spec.biases.o));
  });
  return output;
}

/** Norm of a token's heads side by side, each alone or all together. */
function normalizeHeads(
  weights: Weights,
  name: string,
  norm: HeadNormSpec | null,
  heads: Float64Array,
  dim: number,
): Float64Array {
  if (!norm) return heads;
  if (norm.extent === 'projection') return weights.normalize(name, norm.norm, heads);
  const result = new Float64Array(heads.length);
  for (let first = 0; first < heads.length; first += dim) {
    const weightStart = norm.extent === 'head-own' ? first : 0;
    result.set(weights.normalize(name, norm.norm, heads.subarray(first, first + dim), weightStart), first);
  }
  return result;
}

/** [B,T,·] → [B,heads,T,dim], `project` giving a token's heads side by side. */
function splitHeads(
  hidden: Tensor64,
  heads: number,
  dim: number,
  project: (x: Float64Array) => Float64Array,
): Tensor64 {
  const result = new Tensor64([hidden.size(0), heads, hidden.size(1), dim]);
  forEachRow(hidden, ([b = 0, t = 0], x) => {
    const projected = project(x);
    for (let head = 0; head < heads; head++)
      result.row(b, head, t).set(projected.subarray(head * dim, (head + 1) * dim));
  });
  return result;
}

/** Past and new entries along the token axis, the second last. */
function joinEntries(past: Tensor64 | undefined, fresh: Tensor64): Tensor64 {
  if (!past) return fresh;
  const before = past.size(-2);
  const result = new Tensor64([...fresh.shape.slice(0, -2), before + fresh.size(-2), fresh.size(-1)]);
  forEachRow(past, (indexes, row) => {
    result.row(...indexes).set(row);
  });
  forEachRow(fresh, (indexes, row) => {
    result.row(...indexes.slice(0, -1), before + (indexes.at(-1) ?? 0)).set(row);
  });
  return result;
}

function lastEntries(tensor: Tensor64, count: number): Tensor64 {
  const skipped = tensor.size(-2) - count;
  const result = new Tensor64([...tensor.shape.slice(0, -2), count, tensor.size(-1)]);
  forEachRow(result, (indexes, row) => {
    row.set(tensor.row(...indexes.slice(0, -1), skipped + (indexes.at(-1) ?? 0)));
  });
  return result;
}

/** Visits every vector along the last axis with the indexes of the other axes. */
export function forEachRow(tensor: Tensor64, visit: (indexes: number[], row: Float64Array) => void): void {
  const outer = tensor.shape.slice(0, -1);
  const count = outer.reduce((product, size) => product * size, 1);
  for (let flat = 0; flat < count; flat++) {
    const indexes: number[] = [];
    let rest = flat;
    for (const size of outer.toReversed()) {
      indexes.unshift(rest % size);
      rest = Math.floor(rest / size);
    }
    visit(indexes, tensor.row(...indexes));
  }
}
