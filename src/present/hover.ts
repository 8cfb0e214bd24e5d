/** The hover over a key or value of a model config: first the answer, then why, then what a change would do. */

import type { DerivationTerm, Factor } from '../cache/derivation';
import { planCache, type CachePlan } from '../cache/plan';
import { type Alternative, alternatives } from '../cache/whatIf';
import type { ConfigDocument } from '../config/document';
import { KEYS } from '../config/keys';
import type { Reading } from '../reading/read';
import { show } from '../config/reader';
import type { Scenario } from '../model/scenario';
import type { Source, TextRange } from '../model/spec';
import { formatBinary, formatBytes, formatInteger, formatRatio } from '../model/units';
import { codeSpan, isNothing, joined, type Markdown, type MarkdownPart, md, NOTHING, sentenceText } from './markdown';
import { notKnownText, onlyState, perTokenText, sizeText } from './sizeText';
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
    stale ? md`*From before your edit: the file is not complete JSON now.*` : NOTHING,
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
    : md`**${formatInteger(plan.bytesPerToken)} B/token** (${formatBinary(plan.bytesPerToken)})`;
  const parts =
    plan.stateBytes > 0 ? ` (cache ${formatBinary(plan.cacheBytes)} + state ${formatBinary(plan.stateBytes)})` : '';
  return joined(
    [
      md`**${designText(spec)}**`,
      md`${perToken} · **${formatBytes(plan.totalBytes)}**${parts} at ${contextText(plan)}`,
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
        ? md`**${perTokenText(plan)}** · **${sizeText(plan, 'totalBytes', formatBytes)}** at ${contextText(plan)}`
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
  const terms = (involved.length > 0 ? involved : plan.derivation).slice(0, MAX_TERMS);
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
  const { neededBytes, steadyBytes, reservedBytes } = plan;
  if (neededBytes !== steadyBytes || steadyBytes !== reservedBytes) {
    lines.push(
      `needed ${formatBinary(neededBytes)} · occupied ${formatBinary(steadyBytes)} · reserved ${formatBinary(reservedBytes)}`,
    );
    lines.push(
      md`*${joined(
        reasons.map((reason) => reason.text),
        '; ',
      )}*`,
    );
  }
  if (sharding.duplication > 1)
    lines.push(`each of ${sharding.devices} devices; stored ${sharding.duplication.toFixed(2)} times over`);
  return joined(lines, LINE_BREAK);
}

function about(key: string): Markdown {
  const info = Object.hasOwn(KEYS, key) ? KEYS[key] : undefined;
  if (!info) return NOTHING;
  return md`${codeSpan(key)} ${info.text}${info.families ? ` (${info.families})` : ''}`;
}

function changes(plan: CachePlan, key: string, found: readonly Alternative[]): Markdown {
  if (found.length === 0 || !plan.known) return NOTHING;
  const name = codeSpan(key.split('.').at(-1) ?? '');
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
        ({ value, meaning, plan: { bytesPerToken, totalBytes } }) =>
          md`${codeSpan(show(value))}${meaning === '' ? '' : ` ${meaning}`} → ${formatBinary(bytesPerToken)}/token, ${formatBinary(totalBytes)}, **${formatRatio(plan.totalBytes, totalBytes)}**`,
      ),
    ],
    LINE_BREAK,
  );
}

function notes(plan: CachePlan): Markdown {
  const { notes: all } = plan;
  const { contextLength } = plan.spec;
  const inexact = all.filter((note) => note.inexact);
  const texts = (inexact.length > 0 ? inexact : all).slice(0, MAX_NOTES).map((note) => md`*${note.text}*`);
  if (contextLength && plan.scenario.workload.tokens > contextLength.value) {
    texts.push(
      md`*${formatInteger(plan.scenario.workload.tokens)} tokens are beyond the trained ${formatInteger(contextLength.value)}*`,
    );
  }
  return joined(texts, LINE_BREAK);
}
