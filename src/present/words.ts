/** Phrases that hover, panel, command line and export share, so that they say the same thing. */

import type { DerivationTerm, Factor } from '../cache/derivation';
import { changedOptions, type EngineRelease, setupOf } from '../cache/engines/options';
import { allocationRule } from '../cache/engines/register';
import { layerGroups } from '../cache/groups';
import type { CachePlan } from '../cache/plan';
import { type AttentionSpec, isHeaded } from '../model/attention';
import { ENGINE_NAMES, type EngineRule, type Scenario } from '../model/scenario';
import type { ModelSpec } from '../model/spec';
import { formatInteger } from '../model/units';
import type { Roofline } from '../serving/roofline';

/** "GQA · 32 query heads in 8 groups of 4 · 32 layers". */
export function designText(spec: ModelSpec): string {
  const heads = headsText(spec);
  const layers = spec.layers.length === 1 ? '1 layer' : `${spec.layers.length} layers`;
  return [spec.variant, heads, layers].filter((part) => part !== '').join(' · ');
}

/** How queries share K and V, of the first attention layer that caches: "32 query heads in 8 groups of 4". */
export function headsText(spec: ModelSpec): string {
  const caching = layerGroups(spec).map((group) => group.attention);
  const latent = caching.find((attention) => attention.kind === 'latent');
  if (latent?.kind === 'latent') {
    return `${latent.queryHeads} query heads share one latent of ${latent.latentDim} + ${latent.ropeDim}`;
  }
  const headed = caching.filter(isHeaded).filter((attention) => attention.kind !== 'shared');
  const texts = [...new Set(headed.map(groupsText))];
  return texts.length === 1 ? (texts[0] ?? '') : '';
}

/** "8 groups of 4", "32 heads with a K and V each", "one K and V for 32 heads". */
export function groupsText(attention: { readonly queryHeads: number; readonly kvHeads: number }): string {
  const { queryHeads, kvHeads } = attention;
  if (kvHeads === queryHeads) return `${queryHeads} heads, each with its own K and V`;
  if (kvHeads === 1) return `${queryHeads} query heads share one K and V`;
  if (queryHeads % kvHeads !== 0) return `${queryHeads} query heads on ${kvHeads} KV heads, which do not divide evenly`;
  return `${queryHeads} query heads in ${kvHeads} groups of ${queryHeads / kvHeads}`;
}

/** "1 × 32,768 tokens · bf16 · vLLM 2026-08". */
export function contextText(plan: CachePlan): string {
  return `${workloadText(plan.scenario)} · ${plan.kvDtype} · ${engineText(plan.scenario)}`;
}

type Started = Pick<Scenario, 'engine' | 'release' | 'options'>;

/** Whose rule a number follows: "vLLM 2026-08"; with options that are not the release's own "vLLM 0.11 · block-size=32". */
export function engineText(scenario: Started): string {
  const { release } = setupOf(allocationRule(scenario.engine), scenario.release);
  return [releaseText(scenario.engine, release), ...optionTexts(scenario)].join(' · ');
}

/** The options that are not the release's own, as the command line takes them: "block-size=32", "max-attention-window=1024,4096". */
export function optionTexts({ engine, release, options }: Started): readonly string[] {
  const rule = allocationRule(engine);
  const changed = changedOptions(rule, setupOf(rule, release).release, options);
  return Object.entries(changed).map(([name, value]) => `${name}=${String(value)}`);
}

/** "vLLM 2026-08"; what the attention itself needs has no release. */
export function releaseText(engine: EngineRule, { id }: Pick<EngineRelease, 'id'>): string {
  return engine === 'intrinsic' ? ENGINE_NAMES[engine] : `${ENGINE_NAMES[engine]} ${id}`;
}

/** "vLLM 2026-08 refuses 3 ranks for 32 query heads"; null where it starts. */
export function refusalText({ refused, engine, setup }: CachePlan): string | null {
  return refused === null ? null : `${releaseText(engine.id, setup.release)} refuses ${refused}`;
}

/** "1 × 32,768 tokens": sequences at once, and how long each is. */
export function workloadText({ workload: { batch, tokens } }: Pick<Scenario, 'workload'>): string {
  return `${formatInteger(batch)} × ${tokensText(tokens)}`;
}

/** With a capital at its beginning. */
export function sentence(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}

/** Notes begin in small letters; here each is a sentence. Keys stay as they are written. */
export function sentencesText(notes: readonly string[]): string {
  return notes.map((note) => `${/^[a-z]+(?![\w".])/.test(note) ? sentence(note) : note}.`).join(' ');
}

const KIND_TITLES: Readonly<Record<AttentionSpec['kind'], string>> = {
  full: 'full attention',
  sliding: 'sliding window',
  chunked: 'chunked attention',
  latent: 'latent (MLA)',
  compressed: 'compressed',
  cross: 'cross attention',
  recurrent: 'recurrent',
  conv: 'convolution',
  shared: 'shared',
  none: 'no attention',
  unknown: 'not understood',
};

export function kindTitle(kind: AttentionSpec['kind']): string {
  return KIND_TITLES[kind];
}

export function termTitle(term: DerivationTerm): string {
  const count = term.layers.length;
  const layers = `${count} ${count === 1 ? 'layer' : 'layers'}`;
  if (term.what === 'index') return `${layers}, index keys`;
  if (term.what === 'state') return `${layers}, state`;
  return `${layers}, ${kindTitle(term.attention.kind)}`;
}

/** "2 (K and V) × 32 (layers) × 8 (KV heads) × 128 (head dim) × 2 (bytes per element)". */
export function factorsText(factors: readonly Factor[]): string {
  return factors.map(factorText).join(' × ');
}

function factorText(factor: Factor): string {
  const value = numberText(factor.value);
  if (factor.parts) return `(${factor.parts.map((part) => `${numberText(part.value)} ${part.name}`).join(' + ')})`;
  return `${value} ${factor.name}`;
}

/** "1 token", "32,768 tokens". */
export function tokensText(tokens: number): string {
  return `${formatInteger(tokens)} ${tokens === 1 ? 'token' : 'tokens'}`;
}

/** Whole numbers with separators, others with up to four decimals (bytes per element of block formats). */
export function numberText(value: number): string {
  return Number.isInteger(value) ? formatInteger(value) : String(Number(value.toFixed(4)));
}

/** Of a roofline: "limited by memory bandwidth", which is not the memory's size. */
export function limitText({ limitedBy }: Pick<Roofline, 'limitedBy'>): string {
  return `limited by ${limitedBy === 'memory' ? 'memory bandwidth' : 'compute'}`;
}

/** Why a plan is not exact: "12 of 40 layers are not understood", or "see the notes". */
export function inexactText(plan: CachePlan): string {
  const { unknownLayers, layers } = plan.spec;
  if (layers.length === 0) return 'no layer could be read';
  return unknownLayers > 0 ? `${unknownLayers} of ${layers.length} layers are not understood` : 'see the notes';
}
