/** What is done to the cache of a layer, as one writes it: `mla:32+8/k=q8_0/window:64+4`. */

import {
  type ConversionMethod,
  type ConversionTarget,
  methodsFor,
  parseTarget,
  targetLabel,
} from '../conversion/target';
import type { LatentMethod } from '../conversion/latent';
import { type CacheType, isCacheType } from './cacheTypes';
import type { Keep } from './keep';

/**
 * How KV heads become fewer, beside `convert`'s methods.
 * - `similar-pool`: heads with like keys and values share one, not neighbours (QCQA, arXiv 2406.10247, groups of equal size by their distance), then
 *   aligned and averaged as in `aligned-pool`;
 * - `whitened-svd`: src/insight/conversion/latent.ts.
 */
export type DesignMethod = ConversionMethod | 'similar-pool' | 'whitened-svd';

export function isLatentMethod(method: DesignMethod): method is LatentMethod {
  return method !== 'mean-pool' && method !== 'aligned-pool' && method !== 'similar-pool';
}

export type Design =
  | { readonly kind: 'own' }
  | { readonly kind: 'converted'; readonly target: ConversionTarget; readonly method: DesignMethod }
  /** Every `layers` layers read the cache of the first of them (cross-layer attention, arXiv 2405.12981). */
  | { readonly kind: 'share'; readonly layers: number };

export interface LayerMethod {
  readonly design: Design;
  readonly key: CacheType;
  readonly value: CacheType;
  readonly keep: Keep;
}

export const UNCHANGED: LayerMethod = { design: { kind: 'own' }, key: 'exact', value: 'exact', keep: { kind: 'all' } };

function designLabel(design: Design): string {
  if (design.kind === 'own') return '';
  if (design.kind === 'share') return `share:${design.layers}`;
  return `${designTarget(design.target)}@${design.method}`;
}

function designTarget(target: ConversionTarget): string {
  if (target.kind === 'mqa') return 'mqa';
  if (target.kind === 'gqa') return `gqa:${target.groups}`;
  return `mla:${target.latentDim}${target.ropeDim > 0 ? `+${target.ropeDim}` : ''}`;
}

function keepLabel(keep: Keep): string {
  switch (keep.kind) {
    case 'all':
      return '';
    case 'window':
      return `window:${keep.recent}+${keep.sinks}`;
    case 'h2o':
    case 'snapkv':
      return `${keep.kind}:${keep.tokens}`;
  }
}

/** As `parseMethod` reads it: the name of a method in results. */
export function methodLabel({ design, key, value, keep }: LayerMethod): string {
  const types = key === value ? (key === 'exact' ? [] : [key]) : [`k=${key}`, `v=${value}`];
  const parts = [designLabel(design), ...types, keepLabel(keep)].filter((part) => part !== '');
  return parts.length === 0 ? 'exact' : parts.join('/');
}

/** What a curve joins: methods of one kind in several sizes. */
export function methodKind({ design, key, value, keep }: LayerMethod): string {
  const kinds = [
    design.kind === 'own' ? '' : design.kind === 'share' ? 'shared layers' : kindOf(design.target, design.method),
    key === 'exact' && value === 'exact' ? '' : 'cache types',
    keep.kind === 'all' ? '' : keep.kind === 'window' ? 'window' : keep.kind === 'h2o' ? 'H2O' : 'SnapKV',
  ].filter((kind) => kind !== '');
  return kinds.join(' + ') || 'unchanged';
}

function kindOf(target: ConversionTarget, method: DesignMethod): string {
  return target.kind === 'mla' ? `${target.ropeDim > 0 ? 'MLA' : 'low rank'}, ${method}` : `GQA, ${method}`;
}

/** Why a text names no method. */
export class MethodError extends Error {}

/** @throws MethodError naming the part that is not understood. */
export function parseMethod(text: string): LayerMethod {
  let method = UNCHANGED;
  for (const part of text.trim().split('/')) method = { ...method, ...parsePart(part.trim(), text) };
  return method;
}

/**
 * Methods with commas between them, as the command line and the panel take them: their labels, each once.
 * @throws MethodError as `parseMethod`.
 */
export function parseMethods(text: string): readonly string[] {
  return [...new Set(text.split(',').map((method) => methodLabel(parseMethod(method))))];
}

function parsePart(part: string, text: string): Partial<LayerMethod> {
  if (part === 'exact' || part === 'own') return {};
  if (isCacheType(part)) return { key: part, value: part };
  const [name = '', rest = ''] = splitAt(part, '=');
  if ((name === 'k' || name === 'v') && isCacheType(rest)) return name === 'k' ? { key: rest } : { value: rest };
  const keep = parseKeep(part);
  if (keep !== null) return { keep };
  const share = /^share:(\d{1,4})$/.exec(part);
  if (share !== null && Number(share[1]) >= 2) return { design: { kind: 'share', layers: Number(share[1]) } };
  const [to = '', asked = ''] = splitAt(part, '@');
  const target = parseTarget(to);
  if (target === null)
    throw new MethodError(
      `${part} (in ${text}) is no cache type, design (gqa:G, mqa, mla:R[+D], share:N) or number of tokens to keep (window:W[+S], h2o:N, snapkv:N)`,
    );
  const fitting = designMethods(target);
  const method = asked === '' ? methodsFor(target)[0] : fitting.find((one) => one === asked);
  if (method === undefined)
    throw new MethodError(`${asked} cannot make ${targetLabel(target)}: ${fitting.join(', ')} can`);
  return { design: { kind: 'converted', target, method } };
}

function designMethods(target: ConversionTarget): readonly DesignMethod[] {
  return [...methodsFor(target), target.kind === 'mla' ? 'whitened-svd' : 'similar-pool'];
}

function splitAt(text: string, sign: string): readonly string[] {
  const at = text.indexOf(sign);
  return at < 0 ? [text] : [text.slice(0, at), text.slice(at + 1)];
}

/** Sinks of a window that names none: StreamingLLM's four. */
const SINKS = 4;

function parseKeep(part: string): Keep | null {
  const within = /^window:(\d{1,9})(?:\+(\d{1,9}))?$/.exec(part);
  if (within !== null && Number(within[1]) > 0)
    return { kind: 'window', recent: Number(within[1]), sinks: within[2] === undefined ? SINKS : Number(within[2]) };
  const most = /^(h2o|snapkv):(\d{1,9})$/.exec(part);
  if (most === null || Number(most[2]) < 2) return null;
  return { kind: most[1] === 'h2o' ? 'h2o' : 'snapkv', tokens: Number(most[2]) };
}
