/** The hover over a key or value of a model config: first the answer, then why, then what a change would do. */

import type { DerivationTerm, Factor } from '../cache/derivation';
import { planCache, type CachePlan } from '../cache/plan';
import { type Alternative, alternatives } from '../cache/whatIf';
import type { ConfigDocument } from '../config/document';
import { KEYS } from '../config/keys';
import { KV_HEAD_KEYS } from '../config/spellings';
import type { Reading } from '../reading/read';
import { show } from '../config/reader';
import type { Scenario } from '../model/scenario';
import type { Source, TextRange } from '../model/spec';
import { formatSize, formatBytes, formatInteger } from '../model/units';
import { codeSpan, isNothing, joined, type Markdown, type MarkdownPart, md, NOTHING, sentenceText } from './markdown';
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
import { allAlike, contextSentence, threeText } from './scopeText';
import { contextText, designText, factorsText, inexactText, termTitle } from './words';

export interface HoverContent {
  /** The literal under the cursor. */
  readonly range: TextRange;
  readonly markdown: Markdown;
}

/** Commands that a hover may link to. Nothing else in it is trusted. */
export const HOVER_COMMANDS = ['headlight.changeScenario'] as const;

const MAX_TERMS = 4;
const MAX_NOTES = 3;
/** A line break inside a paragraph: paragraphs are too far apart for the height of a hover. */
const LINE_BREAK = '  \n';

/**
 * The hover at an offset of `document`, with the numbers of `reading`: the same document's, or (`stale`) the last good one
 * while the text is half-typed.
 */
export function hoverOf(
  reading: Reading,
  document: ConfigDocument,
  offset: number,
  scenario: Scenario,
  stale: boolean,
  /** The editor shows what the key is from the schema already. */
  described = false,
): HoverContent | null {
  const found = document.propertyAt(offset);
  if (!found) return null;
  const { path, entry, literal } = found;
  const key = path.join('.');
  const plan = planCache(reading.spec, scenario);
  if (!matters(reading, plan, path)) return null;
  const sections = [
    stale ? md`*From before your edit: the file is not valid JSON at the moment.*` : NOTHING,
    answer(plan),
    derivationText(plan, key),
    engineText(plan),
    changes(plan, key, alternatives(reading, path, scenario)),
    notes(plan),
    joined([described ? NOTHING : about(entry.key), md`[Change scenario](command:${HOVER_COMMANDS[0]})`], ' · '),
  ];
  return { range: document.rangeOfNode(literal), markdown: joined(sections, '\n\n') };
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

function answer(plan: CachePlan): Markdown {
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
      md`**${designText(spec)}**`,
      md`${perToken} · **${formatBytes(everywhere.totalBytes)}**${parts}${each === '' ? NOTHING : md` · **${each}**`} at ${contextText(plan)}`,
      plan.exact ? NOTHING : md`**Not exact:** ${inexactText(plan)}`,
    ],
    LINE_BREAK,
  );
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

/** The products in which the key takes part (or the first ones), and where each factor stands in the file. */
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
    ...(more > 0 ? [`and ${more} more ${more === 1 ? 'kind of layer' : 'kinds of layers'}`] : []),
    factorOrigins(terms, key),
  ];
  return joined(lines, LINE_BREAK);
}

function termLine(term: DerivationTerm, titled: boolean): Markdown {
  const title = titled ? `${termTitle(term)}: ` : '';
  const held = term.entriesRule === 'tokens' ? '' : ` × ${term.entriesRule}`;
  return md`${title}${codeSpan(`${factorsText(term.factors)} = ${formatInteger(term.bytesPerEntry)} B`, 300)}${held}`;
}

/** "`num_hidden_layers` line 7 · **`num_key_value_heads` line 9** · …". */
function factorOrigins(terms: readonly DerivationTerm[], key: string): Markdown {
  const origins = new Map<string, Markdown>();
  for (const factor of terms.flatMap((term) => term.factors).flatMap((factor) => factor.parts ?? [factor])) {
    if (!factor.source) continue;
    // A key says itself what it is; a factor that no key gave needs its name.
    const text =
      factor.source.key === null ? md`${factor.name}: ${sourceText(factor.source)}` : sourceText(factor.source);
    origins.set(`${factor.name} ${factor.value}`, factor.source.key === key ? md`**${text}**` : text);
  }
  const different = new Map([...origins.values()].map((origin) => [origin.source, origin]));
  return joined([...different.values()], ' · ');
}

/** "`num_key_value_heads` line 16", "`hidden_size` line 10 (4096 ÷ 32 heads)", "scenario". */
function sourceText(source: Source): Markdown {
  const name = source.key === null ? NOTHING : codeSpan(source.key.split('.').at(-1) ?? '');
  const place = source.range ? md`${name} line ${source.range.line}` : name;
  if (source.rule === 'given') return place;
  return isNothing(name) ? md`${source.rule}` : md`${place} (${source.rule})`;
}

/** The three numbers of an engine and why they differ; nothing where they are the same. */
function engineText(plan: CachePlan): Markdown {
  const { reasons, sharding } = plan;
  const lines: MarkdownPart[] = [];
  if (!plan.known) return NOTHING;
  if (!allAlike(plan)) {
    lines.push(threeText(plan));
    lines.push(
      md`*${joined(
        reasons.map((reason) => reason.text),
        '; ',
      )}*`,
    );
  }
  if (sharding.duplication > 1)
    lines.push(`${formatInteger(sharding.devices)} devices store it ${copiesText(sharding)} times over`);
  return joined(lines, LINE_BREAK);
}

function about(key: string): Markdown {
  const info = Object.hasOwn(KEYS, key) ? KEYS[key] : undefined;
  if (!info) return NOTHING;
  return md`${codeSpan(key)} ${info.text}${info.families ? ` (${info.families})` : ''}`;
}

function changes(plan: CachePlan, key: string, found: readonly Alternative[]): Markdown {
  if (!plan.known) return NOTHING;
  const name = codeSpan(key.split('.').at(-1) ?? '');
  if (isUnusedKvHeads(plan, key)) return md`${name} is not used here: MLA caches one latent for all heads.`;
  if (key === plan.spec.contextLength?.source.key) return md`${contextSentence(plan)}`;
  if (found.length === 0) return NOTHING;
  if (
    found.every((other) => other.plan.totalBytes === plan.totalBytes && other.plan.bytesPerToken === plan.bytesPerToken)
  ) {
    const values = found.map((other) => codeSpan(show(other.value)));
    return md`Changing ${name} to ${joined(values, ' or ')} would not change the cache.`;
  }
  return joined(
    [
      md`If ${name} were`,
      ...found.map(
        ({ value, meaning, plan: other }) =>
          md`${codeSpan(show(value))}${meaning === '' ? '' : ` ${meaning}`} → ${sizeInAllText(other)}, **${ratioText(inAllBytes(plan), inAllBytes(other))}**, ${onlyState(other) ? 'no cache per token' : perTokenText(other)}${other.sharding.duplication > 1 ? `, stored ${copiesText(other.sharding)} times over` : ''}`,
      ),
    ],
    LINE_BREAK,
  );
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

function notes(plan: CachePlan): Markdown {
  const { notes: all } = plan;
  const { contextLength } = plan.spec;
  const inexact = all.filter((note) => note.inexact);
  const texts = (inexact.length > 0 ? inexact : all).slice(0, MAX_NOTES).map((note) => md`*${note.text}*`);
  if (contextLength && plan.scenario.workload.tokens > contextLength.value) {
    texts.push(
      md`*${formatInteger(plan.scenario.workload.tokens)} tokens exceed the trained context of ${formatInteger(contextLength.value)}*`,
    );
  }
  return joined(texts, LINE_BREAK);
}
