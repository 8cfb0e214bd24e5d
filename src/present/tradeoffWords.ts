/** Methods of a trade-off as people call them, and what each does, in a sentence. */

import type { CacheType } from '../insight/tradeoff/cacheTypes';
import type { Keep } from '../insight/tradeoff/keep';
import { type Design, type DesignMethod, type LayerMethod, parseMethod } from '../insight/tradeoff/method';
import { formatInteger } from '../model/units';
import type { NamedMethod } from '../shared/tradeoffState';

/** `mla:32+8@whitened-svd/fp8` → "MLA 32 + 8, whitened SVD · fp8". */
function methodTitle({ design, key, value, keep }: LayerMethod): string {
  const parts = [designTitle(design), typesTitle(key, value), keepTitle(keep)].filter((part) => part !== '');
  return parts.length === 0 ? 'unchanged' : parts.join(' · ');
}

/** What is to be known of a method before it is measured. @throws MethodError for what is none. */
export function namedMethod(label: string): NamedMethod {
  const method = parseMethod(label);
  return { method: label, title: methodTitle(method), about: methodAbout(method) };
}

const HOW: Readonly<Record<DesignMethod, string>> = {
  'mean-pool': 'mean pool',
  'aligned-pool': 'aligned pool',
  'similar-pool': 'similar heads pooled',
  'joint-svd': 'joint SVD',
  'split-svd': 'split SVD',
  'activation-pca': 'PCA of activations',
  'whitened-svd': 'whitened SVD',
};

function designTitle(design: Design): string {
  if (design.kind === 'own') return '';
  if (design.kind === 'share') return `${design.layers} layers share a cache`;
  const { target, method } = design;
  const name =
    target.kind === 'mqa'
      ? 'MQA'
      : target.kind === 'gqa'
        ? `GQA-${target.groups}`
        : target.ropeDim > 0
          ? `MLA ${target.latentDim} + ${target.ropeDim}`
          : `low rank ${target.latentDim}`;
  return `${name}, ${HOW[method]}`;
}

function typesTitle(key: CacheType, value: CacheType): string {
  if (key === value) return key === 'exact' ? '' : key;
  return `K ${typeName(key)}, V ${typeName(value)}`;
}

function typeName(type: CacheType): string {
  return type === 'exact' ? '16-bit' : type;
}

function keepTitle(keep: Keep): string {
  switch (keep.kind) {
    case 'all':
      return '';
    case 'window':
      return `window ${formatInteger(keep.recent)} + ${formatInteger(keep.sinks)} sinks`;
    case 'h2o':
      return `H2O, ${formatInteger(keep.tokens)} tokens`;
    case 'snapkv':
      return `SnapKV, ${formatInteger(keep.tokens)} tokens`;
  }
}

function methodAbout({ design, key, value, keep }: LayerMethod): string {
  const parts = [designAbout(design), typesAbout(key, value), keepAbout(keep)].filter((part) => part !== '');
  return parts.length === 0 ? 'The model as it is.' : parts.join(' ');
}

const POOLED: Readonly<Partial<Record<DesignMethod, string>>> = {
  'mean-pool': 'Neighbouring KV heads are replaced by their mean.',
  'aligned-pool': 'Neighbouring KV heads are turned towards each other, then replaced by their mean.',
  'similar-pool': 'KV heads that are most alike are turned towards each other, then replaced by their mean.',
};

function designAbout(design: Design): string {
  if (design.kind === 'own') return '';
  if (design.kind === 'share') return `The first of every ${design.layers} layers caches; the others read its cache.`;
  const { target, method } = design;
  const pooled = POOLED[method];
  if (pooled !== undefined) return pooled;
  if (target.kind === 'mla' && target.ropeDim > 0)
    return `A latent of ${target.latentDim} and a rotary key of ${target.ropeDim} are cached; K and V of all heads are made from them.`;
  return `K and V of all heads are made from one cached row of ${target.kind === 'mla' ? target.latentDim : 0} numbers, RoPE after it.`;
}

function typesAbout(key: CacheType, value: CacheType): string {
  if (key === 'exact' && value === 'exact') return '';
  return key === value
    ? `The cache is stored as ${key}.`
    : `Keys are stored as ${typeName(key)}, values as ${typeName(value)}.`;
}

function keepAbout(keep: Keep): string {
  switch (keep.kind) {
    case 'all':
      return '';
    case 'window':
      return `Only the newest ${formatInteger(keep.recent)} and the first ${formatInteger(keep.sinks)} tokens are kept.`;
    case 'h2o':
      return `${formatInteger(keep.tokens)} tokens are kept: half of them the newest, half the most attended.`;
    case 'snapkv':
      return `After the prompt its ${formatInteger(keep.tokens)} most attended tokens are kept.`;
  }
}
