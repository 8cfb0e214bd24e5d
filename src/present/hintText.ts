/** Short remarks beside the values of a model config: what a number means for the cache. */

import { layerGroups, type LayerGroup } from '../cache/groups';
import { entryBytes } from '../cache/layerBytes';
import type { Factor } from '../cache/derivation';
import type { CachePlan } from '../cache/plan';
import type { ConfigDocument } from '../config/document';
import { KV_HEAD_KEYS } from '../config/spellings';
import { headVariant, isHeaded } from '../model/attention';
import type { Reading } from '../reading/read';
import { plainElementBytes } from '../model/dtype';
import type { Source } from '../model/spec';
import { formatExactBytes, formatSize, formatInteger } from '../model/units';
import { type Change, changeBrief, changeText } from './change';
import { contextSentence, trainedContext } from './scopeText';
import { NOT_KNOWN, notKnownText, onlyState, perTokenText, sizeInAllText, sizeText } from './sizeText';
import { groupsText, kindTitle } from './words';

export interface HintContent {
  /** Dotted path of the key whose value it stands behind. */
  readonly key: string;
  readonly text: string;
  /** The whole sentence, plain text. */
  readonly detail: string;
}

/** What a diff did in which the file is shown, and the keys of the file that it changed. */
type ShownChange = Change & { readonly keys: readonly string[] };

/**
 * Where it is said what the model costs, which no single key decides: at its type, else at its architecture; null where a file has
 * neither.
 */
function growthKey(document: ConfigDocument, path: readonly string[]): string | null {
  const places = [[...path, 'model_type'], ['model_type'], [...path, 'architectures'], ['architectures']];
  const found = places.find((place) => {
    const parent = document.objectAt(place.slice(0, -1));
    return parent && document.propertiesOf(parent).has(place.at(-1) ?? '');
  });
  return found?.join('.') ?? null;
}

/** At most one hint per key. Only keys that stand in the file have one. */
export function hintsOf(
  plan: CachePlan,
  { document, location }: Pick<Reading, 'document' | 'location'>,
  change: ShownChange | null = null,
): HintContent[] {
  const growth = growthKey(document, location.path);
  const found = new Map<string, HintContent>();
  if (change) addChange(plan, change, found);
  const add = (source: Source | undefined | null, text: string, detail: string): void => {
    if (source?.key != null && source.range && !found.has(source.key))
      found.set(source.key, { key: source.key, text, detail });
  };
  const groups = layerGroups(plan.spec);
  for (const group of groups) addGroup(plan, group, add);
  if (growth !== null && !found.has(growth)) found.set(growth, growthHint(plan, growth));
  addKinds(groups, add);
  addContext(plan, add);
  const bytes = plainElementBytes(plan.kvDtype);
  // Only where the element type decides: a format that was chosen does not come from here.
  if (bytes !== null && plan.kvDtypeSource.rule === 'given')
    add(plan.kvDtypeSource, `→ ${bytes} B each`, `The cache is kept as ${plan.kvDtype}: ${bytes} bytes per element.`);
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
    else if (kvHeads === queryHeads) add(sources['queryHeads'], '→ MHA', `${groupsText(attention)}.`);
    const width = sources['keyDim'];
    if (width && width.rule !== 'given' && keyDim > 0)
      add(width, `→ head dim ${keyDim}`, `No key gives the head width: ${width.rule} = ${keyDim}.`);
  }
  const held = `${formatInteger(group.indexes.length)} ${group.indexes.length === 1 ? 'layer' : 'layers'}`;
  const entry = entryBytes(attention, plan.kvDtype);
  if (attention.kind === 'sliding' && entry > 0) {
    add(
      sources['window'],
      `→ at most ${formatSize(attention.window * entry * group.indexes.length)}`,
      `${held} keep at most ${formatInteger(attention.window)} tokens of a sequence.`,
    );
  }
  if (attention.kind === 'chunked' && entry > 0) {
    add(
      sources['chunk'],
      `→ at most ${formatSize(attention.chunk * entry * group.indexes.length)}`,
      `${held} keep at most the ${formatInteger(attention.chunk)} tokens of a chunk.`,
    );
  }
  if (attention.kind === 'latent') {
    const { latentDim, ropeDim } = attention;
    const width = latentDim + ropeDim;
    add(
      sources['latentDim'],
      ropeDim > 0 ? `→ ${formatInteger(width)} per token with RoPE key` : `→ ${formatInteger(width)} per token`,
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

/** "→ 8 groups of 4", "→ MQA", "→ MHA". */
function kvHeadsText(queryHeads: number, kvHeads: number): string {
  const variant = headVariant({ queryHeads, kvHeads });
  if (variant !== 'GQA') return `→ ${variant}`;
  return queryHeads % kvHeads === 0
    ? `→ ${kvHeads} groups of ${queryHeads / kvHeads}`
    : `does not divide ${queryHeads}`;
}

/** Where the change was made: at the first of its keys that gives a factor, else at the first. */
function addChange(plan: CachePlan, change: ShownChange, found: Map<string, HintContent>): void {
  const factors = new Set(plan.derivation.flatMap(({ factors }) => factors.flatMap(keysOf)));
  const key = change.keys.find((each) => factors.has(each)) ?? change.keys[0];
  if (key === undefined) return;
  found.set(key, {
    key,
    text: changeBrief(change),
    detail: `What this diff does to the cache: ${changeText(change)}.`,
  });
}

function keysOf({ source, parts }: Factor): string[] {
  return [...(source?.key == null ? [] : [source.key]), ...(parts ?? []).flatMap(keysOf)];
}

/** What one more token costs. */
function growthHint(plan: CachePlan, key: string): HintContent {
  const text = perTokenText(plan);
  if (text === NOT_KNOWN) return { key, text: '→ cache not known', detail: `${notKnownText(plan)}.` };
  if (onlyState(plan))
    return {
      key,
      text: `→ ${sizeInAllText(plan, 'stateBytes')} of state, no cache`,
      detail: 'The state of a sequence does not grow with its tokens.',
    };
  return {
    key,
    text: `→ ${sizeText(plan, 'bytesPerToken')} of cache per token`,
    detail: plan.known
      ? `All layers together cache ${perTokenText(plan, formatExactBytes).replace('/token', ' for one more token')}.`
      : `${notKnownText(plan)}.`,
  };
}

/** Kinds of layers, at the list that names them. */
function addKinds(groups: readonly LayerGroup[], add: Add): void {
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
function addContext(plan: CachePlan, add: Add): void {
  const trained = trainedContext(plan);
  if (!trained || trained.atLeast.totalBytes === 0) return;
  add(plan.spec.contextLength?.source, `→ ${sizeInAllText(trained)} of cache`, contextSentence(plan));
}
