/** The derivation of a cache as data: which key gave which factor. Hover, panel, command line and export print this. */

import { type AttentionSpec, type IndexerSpec, isHeaded, type StateSpec } from '../model/attention';
import { latentRowBytes, type ResolvedKvDtype, rowBytes } from '../model/dtype';
import type { Source } from '../model/spec';
import { entriesHeld, entryBytes, indexKeysHeld, indexRowBytes, stateElementBytes } from './layerBytes';
import type { LayerGroup } from './groups';

/** One number of a product. */
export interface Factor {
  /** What it is: "KV heads", "head dim", "bytes per element". */
  readonly name: string;
  readonly value: number;
  /** In formulas: "g"; absent where papers have none. */
  readonly symbol?: string;
  /** Null where the factor is part of the rule itself (the 2 of K and V). */
  readonly source: Source | null;
  /** Summands, where the factor is a sum (latent + RoPE). */
  readonly parts?: readonly Factor[];
}

/** What one group of layers caches: the factors' product is `bytesPerEntry × layers`. */
export interface DerivationTerm {
  readonly what: 'cache' | 'index' | 'state';
  readonly attention: AttentionSpec;
  readonly layers: readonly number[];
  readonly factors: readonly Factor[];
  /** Bytes of one entry in all layers of the group; for state, of one sequence. */
  readonly bytesPerEntry: number;
  /** Entries of one sequence at the workload; 1 for state. */
  readonly entries: number;
  /** Entries as the rule counts them: "min(tokens, 4,096)", "tokens". */
  readonly entriesRule: string;
  /** Bytes of one sequence. */
  readonly bytes: number;
}

/** How a rule keeps states: the width of convolutions, the element type, and how many of each there are. */
export interface StateForm {
  /** Convolutions as engines keep them (see `ConvState`). */
  readonly engineWidth: boolean;
  readonly float32: boolean;
  /** States of one sequence: more than one where drafted tokens have their own. */
  readonly copies: number;
}

const INTRINSIC_STATE: StateForm = { engineWidth: false, float32: false, copies: 1 };

export function derive(
  groups: readonly LayerGroup[],
  dtype: ResolvedKvDtype,
  dtypeSource: Source,
  tokens: number,
  form: StateForm = INTRINSIC_STATE,
): DerivationTerm[] {
  return groups.flatMap((group) => [
    ...cacheTerm(group, dtype, dtypeSource, tokens),
    ...indexTerm(group, dtype, dtypeSource, tokens),
    ...stateTerm(group, dtype, dtypeSource, form),
  ]);
}

function layersFactor(group: LayerGroup): Factor {
  return { name: 'layers', value: group.indexes.length, symbol: 'l', source: group.sources['layers'] ?? null };
}

function cacheTerm(group: LayerGroup, dtype: ResolvedKvDtype, dtypeSource: Source, tokens: number): DerivationTerm[] {
  const { attention } = group;
  const entry = entryBytes(attention, dtype);
  if (entry === 0) return [];
  const entries = entriesHeld(attention, tokens);
  const layers = group.indexes.length;
  return [
    {
      what: 'cache',
      attention,
      layers: group.indexes,
      factors: [layersFactor(group), ...entryFactors(group, dtype, dtypeSource)],
      bytesPerEntry: entry * layers,
      entries,
      entriesRule: entriesRule(attention),
      bytes: entry * layers * entries,
    },
  ];
}

function entryFactors(group: LayerGroup, dtype: ResolvedKvDtype, dtypeSource: Source): Factor[] {
  const { attention, sources } = group;
  const from = (name: string): Source | null => sources[name] ?? null;
  if (isHeaded(attention)) {
    const { queryHeads, kvHeads, keyDim, valueDim } = attention;
    // n heads, or g groups of them.
    const symbol = kvHeads === queryHeads ? 'n' : 'g';
    const heads: Factor = { name: 'KV heads', value: kvHeads, symbol, source: from('kvHeads') };
    const key: Factor = { name: 'K dim', value: keyDim, symbol: 'hₖ', source: from('keyDim') };
    const perElement = elementFactor(rowBytes(dtype, kvHeads, keyDim) / (kvHeads * keyDim), dtype, dtypeSource);
    if (valueDim === 0) return [heads, { ...key, name: 'head dim (K = V, stored once)', symbol: 'h' }, perElement];
    if (keyDim === valueDim) {
      return [
        { name: 'K and V', value: 2, symbol: '2', source: null },
        heads,
        { ...key, name: 'head dim', symbol: 'h' },
        perElement,
      ];
    }
    const value: Factor = { name: 'V dim', value: valueDim, symbol: 'hᵥ', source: from('valueDim') };
    const total = entryBytes(attention, dtype) / (kvHeads * (keyDim + valueDim));
    return [
      heads,
      { name: 'K dim + V dim', value: keyDim + valueDim, source: null, parts: [key, value] },
      elementFactor(total, dtype, dtypeSource),
    ];
  }
  if (attention.kind === 'latent') {
    const { latentDim, ropeDim } = attention;
    const parts: Factor[] = [
      { name: 'latent', value: latentDim, symbol: 'dₗ', source: from('latentDim') },
      { name: 'RoPE key', value: ropeDim, symbol: 'dᵣ', source: from('ropeDim') },
    ];
    const perElement = latentRowBytes(dtype, latentDim, ropeDim) / (latentDim + ropeDim);
    return [
      { name: 'latent + RoPE', value: latentDim + ropeDim, source: null, parts },
      elementFactor(perElement, dtype, dtypeSource),
    ];
  }
  if (attention.kind === 'compressed') {
    const perElement = entryBytes(attention, dtype) / attention.headDim;
    return [
      { name: 'head dim (K = V, stored once)', value: attention.headDim, symbol: 'h', source: from('headDim') },
      elementFactor(perElement, dtype, dtypeSource),
    ];
  }
  return [];
}

function elementFactor(bytes: number, dtype: ResolvedKvDtype, source: Source): Factor {
  return { name: `B (${dtype})`, value: bytes, symbol: 'bytes', source };
}

function indexTerm(group: LayerGroup, dtype: ResolvedKvDtype, dtypeSource: Source, tokens: number): DerivationTerm[] {
  const { attention, sources } = group;
  const indexer: IndexerSpec | undefined = 'indexer' in attention ? attention.indexer : undefined;
  const row = indexRowBytes(dtype, indexer);
  if (!indexer || row === 0) return [];
  const entries = indexKeysHeld(attention, tokens);
  const layers = group.indexes.length;
  return [
    {
      what: 'index',
      attention,
      layers: group.indexes,
      factors: [
        layersFactor(group),
        { name: 'index key', value: indexer.headDim, symbol: 'dᵢ', source: sources['indexDim'] ?? null },
        elementFactor(row / indexer.headDim, dtype, dtypeSource),
      ],
      bytesPerEntry: row * layers,
      entries,
      entriesRule: indexRule(attention, indexer),
      bytes: row * layers * entries,
    },
  ];
}

function indexRule(attention: AttentionSpec, indexer: IndexerSpec): string {
  const pooled = attention.kind === 'compressed' ? attention.ratio : (indexer.pool ?? 1);
  return pooled === 1 ? 'tokens' : `⌊tokens ÷ ${pooled}⌋`;
}

function stateTerm(group: LayerGroup, dtype: ResolvedKvDtype, dtypeSource: Source, form: StateForm): DerivationTerm[] {
  const { state } = group;
  if (!state) return [];
  const layers = group.indexes.length;
  const ofState = stateFactor(state, dtype, dtypeSource, group, form);
  const bytes = ofState.value * form.copies;
  const copies: readonly Factor[] = form.copies === 1 ? [] : [{ name: 'states', value: form.copies, source: null }];
  const factors = [layersFactor(group), ofState, ...copies];
  return [
    {
      what: 'state',
      attention: group.attention,
      layers: group.indexes,
      factors,
      bytesPerEntry: bytes * layers,
      entries: 1,
      entriesRule: 'once per sequence',
      bytes: bytes * layers,
    },
  ];
}

/** State is a sum of two products; it is one factor with both as parts. */
function stateFactor(
  state: StateSpec,
  dtype: ResolvedKvDtype,
  dtypeSource: Source,
  group: LayerGroup,
  form: StateForm,
): Factor {
  const cacheBytes = form.float32 ? 4 : stateElementBytes(dtype);
  const parts: Factor[] = [];
  for (const [conv, source] of [
    [state.conv, 'conv'],
    [state.beside, 'beside'],
  ] as const) {
    if (!conv) continue;
    const width = form.engineWidth ? conv.engineWidth : conv.width;
    parts.push({
      name: `convolution ${conv.channels} × ${width} × ${cacheBytes} B`,
      value: conv.channels * width * cacheBytes,
      source: group.sources[source] ?? dtypeSource,
    });
  }
  if (state.recurrentElements > 0) {
    const each = state.recurrentDtype === 'float32' ? 4 : cacheBytes;
    parts.push({
      name: `${state.flavour} ${state.recurrentElements} × ${each} B`,
      value: state.recurrentElements * each,
      source: group.sources['recurrent'] ?? dtypeSource,
    });
  }
  return { name: 'state bytes', value: parts.reduce((sum, part) => sum + part.value, 0), source: null, parts };
}

function entriesRule(attention: AttentionSpec): string {
  switch (attention.kind) {
    case 'sliding':
      return `min(tokens, window ${attention.window})`;
    case 'chunked':
      return `min(tokens, chunk ${attention.chunk})`;
    case 'compressed':
      return `min(tokens, window ${attention.window}) + ⌊tokens ÷ ${attention.ratio}⌋`;
    case 'cross':
      return attention.source.tokens === 'target'
        ? 'source tokens (as many as target)'
        : `${attention.source.tokens} source tokens`;
    default:
      return 'tokens';
  }
}
