/** The hover over a key or value of a model config: first the answer, then why, then what a change would do. */

import type { DerivationTerm, Factor } from '../cache/derivation';
import { planCache, type CachePlan } from '../cache/plan';
import { type Alternative, alternatives } from '../cache/whatIf';
import type { ConfigDocument } from '../config/document';
import { KEYS } from '../config/keys';
import { layerGroups } from '../cache/groups';
import { HEAD_DIM_KEYS, HEAD_KEYS, KV_HEAD_KEYS } from '../config/spellings';
import { isHeaded } from '../model/attention';
import type { Reading } from '../reading/read';
import { show } from '../config/reader';
import type { Scenario } from '../model/scenario';
import type { Source, TextRange } from '../model/spec';
import { formatSize, formatBytes, formatInteger } from '../model/units';
import type { KeyText } from './keyCostText';
import {
  codeSpan,
  isNothing,
  joined,
  lineLink,
  type Markdown,
  md,
  NOTHING,
  REVEAL_LINE,
  sentenceText,
} from './markdown';
import {
  beyondText,
  eachDeviceText,
  inAllBytes,
  notKnownText,
  onlyState,
  perTokenText,
  ratioText,
  scopedText,
  sizeInAllText,
} from './sizeText';
import { allAlike, contextSentence, threeText, trainedContext } from './scopeText';
import { contextText, designText, factorsText, inexactText, termTitle } from './words';

export interface HoverContent {
  /** The literal under the cursor. */
  readonly range: TextRange;
  readonly markdown: Markdown;
}

/** Commands that a hover may link to. Nothing else in it is trusted. */
export const HOVER_COMMANDS = [
  'headlight.changeScenario',
  'headlight.showHeads',
  'headlight.explainThisNumber',
  REVEAL_LINE,
] as const;

const MAX_TERMS = 4;
const MAX_NOTES = 3;
/** A line break inside a paragraph: paragraphs are too far apart for the height of a hover. */
const LINE_BREAK = '  \n';

export interface HoverOptions {
  /** The editor shows what the key is from the schema already, above this. */
  readonly described?: boolean;
  /** What a key costs beside the cache, where that part is loaded. */
  readonly keyText?: (path: readonly string[]) => KeyText | null;
}

/**
 * The hover at an offset of `document`, with the numbers of `reading`: the same document's, or (`stale`) the last good one
 * while the text is half-typed. What the key is stands first, then what it costs, then the total and where it comes from.
 */
export function hoverOf(
  reading: Reading,
  document: ConfigDocument,
  offset: number,
  scenario: Scenario,
  stale: boolean,
  { described = false, keyText }: HoverOptions = {},
): HoverContent | null {
  const found = document.propertyAt(offset);
  if (!found) return null;
  const { path, entry, literal } = found;
  const key = path.join('.');
  const plan = planCache(reading.spec, scenario);
  const isOfCache = matters(reading, plan, path);
  const more = keyText?.(path) ?? null;
  if (!isOfCache && !more) return null;
  const explained = described ? NOTHING : more && !isNothing(more.about) ? more.about : about(entry.key);
  const links = linksText(plan, key, isOfCache);
  const parts = (withDesign: boolean): readonly Markdown[] =>
    [
      stale ? md`*From before your edit: the file is not complete JSON now.*` : NOTHING,
      explained,
      costText(plan, key, isOfCache ? alternatives(reading, path, scenario) : [], more),
      ...(isOfCache
        ? [joined([answer(plan, withDesign), inexactness(plan)], LINE_BREAK), derivationText(plan, key)]
        : [more?.total ?? NOTHING]),
      links,
    ].filter((part) => !isNothing(part));
  const room = described ? MOST_ROWS.described : MOST_ROWS.alone;
  const all = parts(true);
  // The line above the file names the design, too.
  const required = rowsOf(all) <= room ? all : parts(false);
  const optional = isOfCache ? fitting([...engineTexts(plan), notes(plan)], room - rowsOf(required)) : [];
  return {
    range: document.rangeOfNode(literal),
    markdown: joined([...required.slice(0, -1), ...optional, links], '\n\n'),
  };
}

/** Rows of text that a hover shows before it scrolls: VS Code gives it 250 px, and a schema's sentence takes a part of them. */
const MOST_ROWS = { alone: 13.1, described: 11.7 };
/** Between paragraphs. */
const GAP_ROWS = 0.42;
/** Characters of a row at the least width of a hover; those of a code span are wider. */
const ROW_CHARACTERS = 93;
const CODE_WIDTH = 1.15;

/** What there is room for: *Explain the number* has all of it. */
function fitting(optional: readonly Markdown[], room: number): readonly Markdown[] {
  const parts = optional.filter((part) => !isNothing(part));
  const many = parts.findIndex((_, index) => rowsOf(parts.slice(0, index + 1)) > room);
  return many < 0 ? parts : parts.slice(0, many);
}

/** The height of paragraphs, about. */
function rowsOf(paragraphs: readonly Markdown[]): number {
  return paragraphs.reduce((sum, { source }) => sum + GAP_ROWS + rowsOfText(source), 0);
}

function rowsOfText(source: string): number {
  return source.split('\n').reduce((sum, line) => {
    const text = line.replaceAll(/\]\([^)]*\)/g, '').replaceAll(/[*[\\]/g, '');
    const width = text
      .split('`')
      .reduce((total, piece, index) => total + piece.length * (index % 2 === 1 ? CODE_WIDTH : 1), 0);
    return sum + Math.max(1, Math.ceil(width / ROW_CHARACTERS));
  }, 0);
}

/** Names of the numbers that say how many heads there are, and how wide. */
const HEAD_FACTORS = ['queryHeads', 'kvHeads', 'keyDim', 'valueDim', 'latentDim', 'ropeDim'];

function linksText(plan: CachePlan, key: string, isOfCache: boolean): Markdown {
  const name = key.split('.').at(-1) ?? '';
  const ofHeads =
    [HEAD_KEYS, KV_HEAD_KEYS, HEAD_DIM_KEYS].some((keys) => keys.includes(name)) ||
    layerGroups(plan.spec).some(({ sources }) => HEAD_FACTORS.some((factor) => sources[factor]?.key === key));
  const hasHeads = plan.spec.layers.some(({ attention }) => isHeaded(attention) || attention.kind === 'latent');
  return joined(
    [
      ...(isOfCache && ofHeads && hasHeads ? [md`[Show these heads](command:${HOVER_COMMANDS[1]})`] : []),
      ...(isOfCache && plan.known ? [md`[Explain the number](command:${HOVER_COMMANDS[2]})`] : []),
      md`[Change scenario](command:${HOVER_COMMANDS[0]})`,
    ],
    ' · ',
  );
}

/** A key matters when it gave a factor, or is one of the known keys beside the language model's (not the vision tower's). */
function matters(reading: Reading, plan: CachePlan, path: readonly string[]): boolean {
  const key = path.join('.');
  if (sourcesOf(plan).some((source) => source.key === key)) return true;
  const name = path.at(-1) ?? '';
  if (!Object.hasOwn(KEYS, name)) return false;
  const parent = path.slice(0, -1).join('.');
  const home = reading.location.path.join('.');
  return (
    parent === home ||
    (parent === '' && (name === 'torch_dtype' || name === 'dtype')) ||
    parent.endsWith('quantization_config') ||
    parent.endsWith('attn_config')
  );
}

function sourcesOf(plan: CachePlan): Source[] {
  return plan.derivation.flatMap((term) => term.factors.flatMap(factorSources));
}

function factorSources(factor: Factor): Source[] {
  return [...(factor.source ? [factor.source] : []), ...(factor.parts ?? []).flatMap(factorSources)];
}

function answer(plan: CachePlan, withDesign: boolean): Markdown {
  const { spec } = plan;
  if (!plan.known) return unknownAnswer(plan);
  const perToken = onlyState(plan)
    ? md`**no cache per token**`
    : md`**${formatInteger(plan.bytesPerToken)} B/token** (${formatSize(plan.bytesPerToken)})${beyondText(plan)}`;
  const { everywhere } = plan;
  const parts =
    plan.stateBytes > 0
      ? ` (cache ${formatSize(everywhere.cacheBytes)} + state ${formatSize(everywhere.stateBytes)})`
      : '';
  const each = eachDeviceText(plan);
  return joined(
    [
      withDesign ? md`**${designText(spec)}**` : NOTHING,
      md`${perToken} · **${formatBytes(everywhere.totalBytes)}**${parts}${each === '' ? NOTHING : md` · **${each}**`} at ${contextText(plan)}`,
    ],
    LINE_BREAK,
  );
}

/** Why the numbers are no exact ones. */
function inexactness(plan: CachePlan): Markdown {
  if (plan.exact) return NOTHING;
  const [first, ...more] = plan.notes.filter(({ inexact }) => inexact).slice(0, MAX_NOTES);
  const layers = plan.spec.unknownLayers > 0 || plan.spec.layers.length === 0;
  // Layers that are not understood are said where the answer is.
  const lead = plan.known ? md`**Not exact:** ${layers || !first ? inexactText(plan) : md`*${first.text}*`}` : NOTHING;
  const rest = layers && first ? [first, ...more] : more;
  return joined([lead, ...rest.map(({ text }) => md`*${text}*`)], LINE_BREAK);
}

/** What is known, as a bound, and how to learn the rest. */
function unknownAnswer(plan: CachePlan): Markdown {
  return joined(
    [
      md`**${designText(plan.spec)}**`,
      plan.atLeast.totalBytes > 0
        ? md`**${perTokenText(plan)}** · **${scopedText(plan, 'totalBytes', formatBytes)}** at ${contextText(plan)}`
        : NOTHING,
      md`**${sentenceText(notKnownText(plan))}**`,
    ],
    LINE_BREAK,
  );
}

/** The products in which the key takes part, the others of the sum, and where each factor stands in the file. */
function derivationText(plan: CachePlan, key: string): Markdown {
  const involved = plan.derivation.filter((term) =>
    term.factors.flatMap(factorSources).some((source) => source.key === key),
  );
  // The others, too: products that do not add up to the number above explain nothing.
  const others = plan.derivation.filter((term) => !involved.includes(term));
  const terms = [...involved, ...others].slice(0, MAX_TERMS);
  if (terms.length === 0) return NOTHING;
  const more = plan.derivation.length - terms.length;
  const lines = [
    ...terms.map((term) => termLine(term, plan.derivation.length > 1)),
    more > 0 ? `and ${more} more ${more === 1 ? 'kind of layer' : 'kinds of layers'}` : sumText(plan),
    factorOrigins(terms, key),
  ];
  return joined(lines, LINE_BREAK);
}

/** "70,272 + 15,616 = 85,888 B/token": products that grow with the tokens, where the headline is their sum. */
function sumText(plan: CachePlan): string {
  const growing = plan.derivation.filter(({ what }) => what !== 'state').map(({ bytesPerEntry }) => bytesPerEntry);
  const sum = growing.reduce((all, bytes) => all + bytes, 0);
  return plan.known && growing.length > 1 && sum === plan.bytesPerToken
    ? `${growing.map(formatInteger).join(' + ')} = ${formatInteger(sum)} B/token`
    : '';
}

function termLine(term: DerivationTerm, titled: boolean): Markdown {
  const title = titled ? `${termTitle(term)}: ` : '';
  const held = term.entriesRule === 'tokens' ? '' : ` × ${term.entriesRule}`;
  return md`${title}${codeSpan(`${factorsText(term.factors)} = ${formatInteger(term.bytesPerEntry)} B`, 300)}${held}`;
}

/** "`num_hidden_layers` line 7 · **`num_key_value_heads` line 9** · …", each line a link to it. */
function factorOrigins(terms: readonly DerivationTerm[], key: string): Markdown {
  const origins = new Map<string, Markdown>();
  for (const factor of terms.flatMap((term) => term.factors).flatMap((factor) => factor.parts ?? [factor])) {
    const { source, name } = factor;
    if (!source) continue;
    // A key says itself what it is; a factor that no key gave needs its name.
    const text = source.key === null ? md`${name}: ${sourceText(source)}` : sourceText(source);
    origins.set(`${name} ${factor.value}`, source.key === key ? md`**${text}**` : text);
  }
  const different = new Map([...origins.values()].map((origin) => [origin.source, origin]));
  return joined([...different.values()], ' · ');
}

/** "`num_key_value_heads` line 16", "`hidden_size` line 10 (4096 ÷ 32 heads)", "scenario". */
function sourceText(source: Source): Markdown {
  const name = source.key === null ? NOTHING : codeSpan(source.key.split('.').at(-1) ?? '');
  const { range } = source;
  const place = range ? md`${name} ${lineLink(range.line)}` : name;
  if (source.rule === 'given') return place;
  return isNothing(name) ? md`${source.rule}` : md`${place} (${source.rule})`;
}

/** The three numbers of an engine, and why they differ; nothing where they are the same. */
function engineTexts(plan: CachePlan): readonly Markdown[] {
  const { reasons, sharding } = plan;
  if (!plan.known) return [];
  const copies = `${formatInteger(sharding.devices)} devices store it ${copiesText(sharding)} times over`;
  return [
    sharding.duplication > 1 ? md`${copies}` : NOTHING,
    ...(allAlike(plan)
      ? []
      : [
          md`${threeText(plan)}`,
          md`*${joined(
            reasons.map((reason) => reason.text),
            '; ',
          )}*`,
        ]),
  ];
}

function about(key: string): Markdown {
  const info = Object.hasOwn(KEYS, key) ? KEYS[key] : undefined;
  if (!info) return NOTHING;
  return md`${codeSpan(key)} ${info.text}${info.families ? ` (${info.families})` : ''}`;
}

/** What other values would do to the cache, and what the key costs beside it. */
function costText(plan: CachePlan, key: string, found: readonly Alternative[], more: KeyText | null): Markdown {
  const name = codeSpan(key.split('.').at(-1) ?? '');
  if (plan.known) {
    if (isUnusedKvHeads(plan, key)) return md`${name} is not used here: MLA caches one latent for all heads.`;
    if (key === plan.spec.contextLength?.source.key) return md`${contextSentence(plan)} ${longerText(plan)}`;
    const differs = found.some(
      (other) => other.plan.totalBytes !== plan.totalBytes || other.plan.bytesPerToken !== plan.bytesPerToken,
    );
    if (differs) {
      const rows = found.map((other) => alternativeText(plan, other));
      return joined([md`If it were ${joined(rows, ' · ')}`, more?.besideCache ?? NOTHING], LINE_BREAK);
    }
    if (found.length > 0 && (!more || isNothing(more.cost))) {
      const values = found.map((other) => codeSpan(show(other.value)));
      return md`Changing ${name} to ${joined(values, ' or ')} would not change the cache.`;
    }
  }
  return more?.cost ?? NOTHING;
}

/** "`4` groups of 8 → 2 GiB, **÷ 2**". */
function alternativeText(plan: CachePlan, { value, meaning, plan: other }: Alternative): Markdown {
  const ratio = ratioText(inAllBytes(plan), inAllBytes(other));
  // The same at the scenario, and another growth: that is what it would change.
  const growth =
    ratio === 'same' && other.bytesPerToken !== plan.bytesPerToken && other.sharding.duplication === 1
      ? `, ${onlyState(other) ? 'no cache per token' : perTokenText(other)}`
      : '';
  const copies = other.sharding.duplication > 1 ? `, stored ${copiesText(other.sharding)} times over` : '';
  // How large the groups are, their number says.
  const called = meaning === '' || meaning.startsWith('groups') ? '' : ` ${meaning}`;
  return md`${codeSpan(show(value))}${called} → ${sizeInAllText(other)}, **${ratio}**${growth}${copies}`;
}

/** "If it were `16384`: 2 GiB, **× 2**." */
function longerText(plan: CachePlan): Markdown {
  const [trained, longer] = [trainedContext(plan), trainedContext(plan, 2)];
  if (!trained || !longer) return NOTHING;
  return md`If it were ${codeSpan(String(longer.scenario.workload.tokens))}: ${sizeInAllText(longer)}, **${ratioText(inAllBytes(trained), inAllBytes(longer))}**.`;
}

/** A key for KV heads beside an attention that has none. */
function isUnusedKvHeads(plan: CachePlan, key: string): boolean {
  const name = key.split('.').at(-1) ?? '';
  return (
    KV_HEAD_KEYS.includes(name) &&
    plan.spec.layers.some(({ attention }) => attention.kind === 'latent') &&
    !sourcesOf(plan).some((source) => source.key === key)
  );
}

/** "8", "1.6": how often a cache is stored. */
function copiesText({ duplication }: CachePlan['sharding']): string {
  return String(Number(duplication.toFixed(2)));
}

/** What is worth knowing beside the numbers; what makes them inexact is said already. */
function notes(plan: CachePlan): Markdown {
  const { contextLength } = plan.spec;
  const texts: Markdown[] = [];
  if (contextLength && plan.scenario.workload.tokens > contextLength.value) {
    texts.push(
      md`*${formatInteger(plan.scenario.workload.tokens)} tokens exceed the trained context of ${formatInteger(contextLength.value)}*`,
    );
  }
  if (plan.notes.every(({ inexact }) => !inexact))
    texts.push(...plan.notes.slice(0, MAX_NOTES).map((note) => md`*${note.text}*`));
  return joined(texts, LINE_BREAK);
}
