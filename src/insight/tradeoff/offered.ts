/** Methods worth a look for a model: cache types, tokens kept, and designs of half, a quarter and an eighth of the cache. */

import { divisorsOf } from '../../model/divisors';
import { cannotStore, CACHE_TYPES } from './cacheTypes';
import { cachedParts, isHeaded, type ModelLayer } from './modelLayer';

/** @param layers All of the model. @param tokens Of the text. */
export function offeredMethods(layers: readonly ModelLayer[], tokens: number): readonly string[] {
  const [first] = layers;
  if (first === undefined) return [];
  const parts = layers.flatMap(cachedParts);
  const fits = (type: (typeof CACHE_TYPES)[number]): boolean =>
    parts.every(({ heads, dim }) => cannotStore(type, heads, dim) === null);
  const types = CACHE_TYPES.filter((type) => type !== 'exact' && fits(type));
  const mixed = fits('q8_0') && fits('q4_0') && isHeaded(first) ? ['k=q8_0/v=q4_0', 'k=q4_0/v=q8_0'] : [];
  const share = (part: number): number => Math.max(8, Math.round(tokens * part));
  const kept = [
    `window:${share(1 / 2)}+4`,
    `h2o:${share(1 / 2)}`,
    `window:${share(1 / 4)}+4`,
    `window:${share(1 / 8)}+4`,
    `h2o:${share(1 / 4)}`,
    `h2o:${share(1 / 8)}`,
    `snapkv:${share(1 / 4)}`,
    `snapkv:${share(1 / 8)}`,
    `fp8/window:${share(1 / 4)}+4`,
    `fp8/h2o:${share(1 / 4)}`,
  ];
  const alike =
    layers.length > 1 &&
    layers.every((layer) => JSON.stringify(layer.spec.attention) === JSON.stringify(first.spec.attention));
  return [...types, ...mixed, ...kept, ...designs(first), ...(alike ? ['share:2'] : [])];
}

function designs(layer: ModelLayer): readonly string[] {
  if (!isHeaded(layer)) return smallerLatents(layer);
  const { attention, rotary, keyNorm, queryNorm, valueNorm, clip } = layer.spec;
  const { kvHeads, keyDim, valueDim } = attention;
  const whole = kvHeads * (keyDim + valueDim);
  const divisors = divisorsOf(kvHeads).filter((groups) => groups < kvHeads);
  const half = Math.max(0, ...divisors.filter((groups) => groups <= kvHeads / 2));
  const turnable = keyNorm === null && queryNorm === null && valueNorm === null && clip === null;
  const pooled =
    half === 0
      ? []
      : [
          `gqa:${half}@mean-pool`,
          ...(turnable
            ? [`gqa:${half}@aligned-pool`, ...(half > 1 ? [`gqa:${half}@similar-pool`] : []), 'mqa@aligned-pool']
            : []),
        ].map((method) => method.replace('gqa:1@', 'mqa@'));
  const low = [2, 4, 8].flatMap((part) => {
    const size = Math.floor(whole / part);
    return size < 2 ? [] : [`mla:${size}@whitened-svd`, ...(part === 2 ? [`mla:${size}@joint-svd`] : [])];
  });
  const fp8 = `mla:${Math.floor(whole / 4)}@whitened-svd/fp8`;
  const latent =
    rotary === null || keyNorm !== null || queryNorm !== null || clip !== null
      ? []
      : [2, 4].flatMap((part) => {
          const size = Math.floor(whole / part);
          const rope = 2 * Math.floor(size / 4);
          return rope < 2 ? [] : [`mla:${size - rope}+${rope}@whitened-svd`];
        });
  return [...new Set([...pooled, ...low, ...latent, fp8])];
}

/** Of latent layers: less of the latent, with all and with half of the dims that have RoPE. */
function smallerLatents({ spec: { attention, rotary } }: ModelLayer): readonly string[] {
  if (attention.kind !== 'latent') return [];
  const { latentDim, ropeDim } = attention;
  const size = (part: number, rope: number): string =>
    `mla:${Math.floor(latentDim * part)}${rope > 0 ? `+${rope}` : ''}`;
  const half = 2 * Math.floor(ropeDim / 4);
  const sizes = [
    ...[3 / 4, 1 / 2, 1 / 4].map((part) => size(part, ropeDim)),
    ...(half < 2 || rotary === null ? [] : [1, 1 / 2, 1 / 4].map((part) => size(part, half))),
  ];
  return [
    ...sizes.map((one) => `${one}@whitened-svd`),
    `${size(1 / 2, ropeDim)}@joint-svd`,
    `${size(1 / 2, ropeDim)}@whitened-svd/fp8`,
  ];
}
