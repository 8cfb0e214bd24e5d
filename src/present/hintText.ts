/** Short remarks beside the values of a model config: what a number means for the cache. */

import { layerGroups, type LayerGroup } from '../cache/groups';
import { entryBytes } from '../cache/layerBytes';
import { type CachePlan, planCache } from '../cache/plan';
import { KV_HEAD_KEYS } from '../config/spellings';
import { headVariant, isHeaded } from '../model/attention';
import { plainElementBytes } from '../model/dtype';
import { UNSHARDED } from '../model/scenario';
import type { Source } from '../model/spec';
import { formatBinary, formatInteger } from '../model/units';
import { type Change, changeText } from './change';
import { NOT_KNOWN, notKnownText, perTokenText, sizeText } from './sizeText';
import { groupsText, kindTitle } from './words';

export interface HintContent {
  /** Dotted path of the key whose value it stands behind. */
  readonly key: string;
  readonly text: string;
  /** The whole sentence, plain text. */
  readonly detail: string;
}

/** At most one hint per key. Only keys that stand in the file have one. `change`: what the diff did in which the file is shown. */
export function hintsOf(plan: CachePlan, change: Change | null = null): HintContent[] {
  const found = new Map<string, HintContent>();
  const add = (source: Source | undefined | null, text: string, detail: string): void => {
    if (source?.key != null && source.range && !found.has(source.key))
      found.set(source.key, { key: source.key, text, detail });
  };
  const groups = layerGroups(plan.spec);
  for (const group of groups) addGroup(plan, group, add);
  addLayers(plan, groups, change, add);
  addContext(plan, add);
  const bytes = plainElementBytes(plan.kvDtype);
  // Only where the element type decides: a format that was chosen does not come from here.
  if (bytes !== null && plan.kvDtypeSource.rule === 'given')
    add(plan.kvDtypeSource, `${bytes} B each`, `The cache is kept as ${plan.kvDtype}: ${bytes} bytes per element.`);
  return [...found.values()];
}

type Add = (source: Source | undefined | null, text: string, detail: string) => void;

function addGroup(plan: CachePlan, group: LayerGroup, add: Add): void {
  const { attention, sources } = group;
  if (isHeaded(attention) && attention.kind !== 'shared') {
    const { queryHeads, kvHeads, keyDim } = attention;
    const kv = sources['kvHeads'];
    if (kv && namesKvHeads(kv)) add(kv, kvHeadsText(queryHeads, kvHeads), `${groupsText(attention)}.`);
    // No key for the KV heads: the query heads say it.
    else if (kvHeads === queryHeads) add(sources['queryHeads'], '= MHA', `${groupsText(attention)}.`);
    const width = sources['keyDim'];
    if (width && width.rule !== 'given' && keyDim > 0)
      add(width, `→ head dim ${keyDim}`, `No key gives the head width: ${width.rule} = ${keyDim}.`);
  }
  const held = `${formatInteger(group.indexes.length)} ${group.indexes.length === 1 ? 'layer' : 'layers'}`;
  const entry = entryBytes(attention, plan.kvDtype);
  if (attention.kind === 'sliding' && entry > 0) {
    add(
      sources['window'],
      `≤ ${formatBinary(attention.window * entry * group.indexes.length)}`,
      `${held} keep at most ${formatInteger(attention.window)} tokens of a sequence.`,
    );
  }
  if (attention.kind === 'chunked' && entry > 0) {
    add(
      sources['chunk'],
      `≤ ${formatBinary(attention.chunk * entry * group.indexes.length)}`,
      `${held} keep at most the ${formatInteger(attention.chunk)} tokens of a chunk.`,
    );
  }
  if (attention.kind === 'latent') {
    const { latentDim, ropeDim } = attention;
    const width = latentDim + ropeDim;
    add(
      sources['latentDim'],
      ropeDim > 0 ? `+ ${ropeDim} = ${formatInteger(width)} per token` : `${formatInteger(width)} per token`,
      `Each layer caches one latent of ${latentDim} and one rotary key of ${ropeDim} for all heads: ${formatInteger(width)} elements per token.`,
    );
  }
}

/** The key is one for KV heads (not the query heads that stand in for it). */
function namesKvHeads({ key, rule }: Source): boolean {
  const name = key?.split('.').at(-1) ?? '';
  return (
    rule === 'given' && (KV_HEAD_KEYS.includes(name) || name.endsWith('num_key_value_heads') || name === 'kv_n_heads')
  );
}

/** "= 8 groups of 4", "= MQA", "= MHA". */
function kvHeadsText(queryHeads: number, kvHeads: number): string {
  const variant = headVariant({ queryHeads, kvHeads });
  if (variant !== 'GQA') return `= ${variant}`;
  return queryHeads % kvHeads === 0
    ? `= ${kvHeads} groups of ${queryHeads / kvHeads}`
    : `does not divide ${queryHeads}`;
}

/** The sum over layers stands at their number, and the kinds at the list that names them. */
function addLayers(plan: CachePlan, groups: readonly LayerGroup[], change: Change | null, add: Add): void {
  const layers = groups.map((group) => group.sources['layers']).find((source) => source);
  if (change) add(layers, changeText(change), `What this diff does to the cache: ${changeText(change)}.`);
  if (!plan.known) {
    const text = perTokenText(plan);
    add(layers, text === NOT_KNOWN ? 'cache not known' : text, `${notKnownText(plan)}.`);
  } else if (plan.bytesPerToken > 0) {
    add(
      layers,
      `${formatBinary(plan.bytesPerToken)}/token`,
      `All layers together cache ${formatInteger(plan.bytesPerToken)} bytes for one more token${plan.exact ? '' : ', as far as they were understood'}.`,
    );
  }
  const kinds = new Map<string, number>();
  for (const { attention, indexes } of groups)
    kinds.set(attention.kind, (kinds.get(attention.kind) ?? 0) + indexes.length);
  const listed = groups.map((group) => group.sources['kind']).find((source) => source?.range);
  if (kinds.size < 2) return;
  const counts = [...kinds].map(([kind, count]) => `${count} ${kind}`).join(', ');
  const titles = [...kinds]
    .map(([kind, count]) => `${count} × ${kindTitle(kind as LayerGroup['attention']['kind'])}`)
    .join(', ');
  add(listed, counts, `Layers by kind: ${titles}.`);
}

/** What one sequence of the trained length caches. */
function addContext({ spec, kvDtype }: CachePlan, add: Add): void {
  const length = spec.contextLength;
  if (!length) return;
  const plan = planCache(spec, {
    workload: { batch: 1, tokens: length.value },
    engine: 'intrinsic',
    kvDtype,
    sharding: UNSHARDED,
  });
  const bytes = plan.atLeast.totalBytes;
  if (bytes === 0) return;
  add(
    length.source,
    `${plan.known ? '=' : '≥'} ${formatBinary(bytes)}`,
    `One sequence of ${formatInteger(length.value)} tokens caches ${sizeText(plan, 'totalBytes')} (${kvDtype}).`,
  );
}
