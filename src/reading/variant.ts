/** The name of a design: "GQA + sliding/full", "MLA + DSA", "GQA hybrid (mamba)", … */

import { type AttentionSpec, headVariant, isHeaded } from '../model/attention';
import type { LayerDraft } from '../families/facets';

const STATE_NAMES: Readonly<Record<string, string>> = {
  mamba: 'mamba',
  mamba2: 'mamba',
  'gated-delta-net': 'linear',
  kda: 'linear',
  linear: 'linear',
  rwkv: 'rwkv',
  'rg-lru': 'rglru',
  'short-conv': 'conv',
};

export function variantOf(layers: readonly LayerDraft[]): string {
  const byAttention = new Map<AttentionSpec, LayerDraft>();
  for (const layer of layers) if (!byAttention.has(layer.attention)) byAttention.set(layer.attention, layer);
  const specs = [...byAttention.keys()];
  const kinds = new Set(specs.map((spec) => spec.kind));
  const states = [...new Set([...byAttention.values()].flatMap((layer) => stateNames(layer)))];
  const head = headName(specs);
  if (head === null) {
    if (states.includes('rwkv')) return 'RNN (no KV cache)';
    if (states.length > 0) return states.includes('mamba') ? 'SSM (no KV cache)' : 'recurrent (no KV cache)';
    return kinds.has('unknown') || layers.length === 0 ? 'unknown' : 'encoder-only (no KV cache)';
  }
  let name = head;
  if (specs.some((spec) => 'indexer' in spec && spec.indexer !== undefined && spec.kind !== 'compressed')) {
    name += head === 'MLA' ? '+DSA' : ' + sparse indexer';
  }
  const cross = specs.find((spec) => spec.kind === 'cross');
  if (cross) name = cross.source.tokens === 0 ? `${name} + cross-attention layers` : `encoder-decoder ${name}`;
  if (head.startsWith('compressed') && kinds.has('sliding')) return `${name} + sliding`;
  if (kinds.has('sliding')) name += kinds.has('full') || kinds.has('latent') ? ' + sliding/full' : ' + sliding window';
  if (kinds.has('chunked')) name += kinds.has('full') ? ' + chunked/full' : ' + chunked';
  if (kinds.has('shared')) name += ' + shared KV';
  if (states.length > 0) name += ` hybrid (${states.join(', ')})`;
  if (kinds.has('unknown')) name += ' + unknown';
  return name;
}

function headName(specs: readonly AttentionSpec[]): string | null {
  if (specs.some((spec) => spec.kind === 'compressed')) return 'compressed (CSA/HCA)';
  if (specs.some((spec) => spec.kind === 'latent')) return 'MLA';
  const caching = specs.filter(
    (spec) => isHeaded(spec) && spec.kind !== 'shared' && (spec.kind !== 'cross' || spec.source.tokens === 0),
  );
  const names = [...new Set(caching.flatMap((spec) => (isHeaded(spec) ? [headVariant(spec)] : [])))];
  if (names.length === 0) return null;
  // Sliding and full layers of one model may differ in heads; "per layer" means that layers of one kind do.
  const kinds = [...new Set(caching.map((spec) => spec.kind))];
  const layouts = kinds.map(
    (kind) =>
      new Set(
        caching.flatMap((spec) => (isHeaded(spec) && spec.kind === kind ? [`${spec.queryHeads}/${spec.kvHeads}`] : [])),
      ),
  );
  if (names.length > 1) return kinds.length === names.length ? names.join('/') : `${names.join('/')} (per layer)`;
  return layouts.some((layout) => layout.size > 1) ? `${names[0] ?? ''} (per layer)` : (names[0] ?? null);
}

function stateNames(layer: LayerDraft): readonly string[] {
  const { attention, parallelState } = layer;
  const states = [
    parallelState,
    attention.kind === 'recurrent' || attention.kind === 'conv' ? attention.state : undefined,
  ];
  return states.flatMap((state) => (state ? [STATE_NAMES[state.flavour] ?? state.flavour] : []));
}
