/** What a key costs, as the hover says it: weights, the work of a token, the cache; or that it changes none of them. */

import { show } from '../config/reader';
import { OTHER_KEYS } from '../config/otherKeys';
import { DESCRIBED_KEYS } from '../config/keyShapes';
import type { Scenario } from '../model/scenario';
import { formatChange, formatSize } from '../model/units';
import type { Reading } from '../reading/read';
import { keyCost, type KeyAnswer, type ModelFigures, type Share } from '../serving/keyCost';
import { fileWeightsText } from '../serving/weights';
import { codeSpan, isNothing, joined, type Markdown, md, NOTHING, sentenceText } from './markdown';
import { formatCount, formatFlops } from './quantities';
import { inAllBytes, perTokenText, ratioText, scopedText } from './sizeText';
import { contextText } from './words';

/** What a hover says of a key beside what the cache's own derivation says. */
export interface KeyText {
  /** What the key is; empty where that is not known here. */
  readonly about: Markdown;
  readonly cost: Markdown;
  /** The cost without the cache, for where that was said. */
  readonly besideCache: Markdown;
  /** The whole model at the scenario, for keys that the cache's derivation does not have. */
  readonly total: Markdown;
}

/** Null where there is nothing to say: of names, ids of tokens and the like. */
export function keyTextOf(reading: Reading, path: readonly string[], scenario: Scenario): KeyText | null {
  const name = path.at(-1) ?? '';
  if (!isAtHome(reading, path)) return null;
  const answer = keyCost(reading, path, scenario);
  if (!answer) return null;
  const info = Object.hasOwn(OTHER_KEYS, name) ? OTHER_KEYS[name] : DESCRIBED_KEYS[name];
  if (!info && !['share', 'change', 'misspelt'].includes(answer.cost.kind)) return null;
  const cost = costText(reading, name, answer, true);
  const total = totalText(reading, answer.now);
  if (isNothing(cost) && isNothing(total)) return null;
  return {
    about: info ? md`${codeSpan(name)} ${info.text}${info.families ? ` (${info.families})` : ''}` : NOTHING,
    cost,
    besideCache: costText(reading, name, answer, false),
    total,
  };
}

/** Beside the language model's keys or at the root, or in an object there: not a vision tower's. */
function isAtHome({ location }: Reading, path: readonly string[]): boolean {
  const parent = path.slice(0, -1);
  const home = location.path;
  return (
    parent.length === 0 ||
    parent.join('.') === home.join('.') ||
    /^(?:rope_\w+|quantization_config|attn_config|ffn_config)$/.test(parent.at(-1) ?? '')
  );
}

/** What a key of other families means in this one. */
const DOUBTS = {
  none: 'it changes nothing here',
  cache: 'this could be a different model, whose cache is not known',
  weights: 'this model may have weights that are not counted here',
} as const;

function costText(reading: Reading, name: string, { cost, now }: KeyAnswer, withCache: boolean): Markdown {
  const key = codeSpan(name);
  const family = reading.spec.family === null ? md`this family` : codeSpan(reading.modelType);
  switch (cost.kind) {
    case 'misspelt':
      return md`Nothing reads ${key}. Did you mean ${codeSpan(cost.meant)}?`;
    case 'notRead':
      return md`${family} does not read ${key}: ${DOUBTS[cost.doubt ?? 'none']}.`;
    case 'nothing':
      if (!withCache) return NOTHING;
      return sentenceText(
        now.count
          ? 'It changes neither the cache nor the weights.'
          : 'It does not change the cache. The parameters of this model are not counted here.',
      );
    case 'share':
      return shareText(cost.share, now, withCache);
    case 'change': {
      const changes = changeTexts(now, cost.then, withCache);
      const to = cost.value === undefined ? md`Without it` : md`With ${codeSpan(show(cost.value))}`;
      return changes.length === 0 ? NOTHING : md`${to}: ${joined(changes, ' · ')}`;
    }
    case 'unknown':
      return NOTHING;
  }
}

/** "Grows with it: **1.05 B parameters, 1.96 GiB of weights** (13 %) · 1.05 GFLOP per token (7 %) · no cache". */
function shareText(
  { parameters, weightBytes, flops, cacheBytes }: Share,
  { count, flops: work, plan }: ModelFigures,
  withCache: boolean,
): Markdown {
  if (!withCache && (count === null || (parameters === 0 && flops === 0))) return NOTHING;
  const parts = [
    ...(count === null
      ? []
      : [
          parameters === 0
            ? md`no weights`
            : md`**${formatCount(parameters)} parameters${weightBytes === null ? '' : `, ${formatSize(weightBytes)} of weights`}** (${percent(parameters, count.total)})`,
          flops === 0
            ? md`no computation per token`
            : md`${formatFlops(flops)} per token (${percent(flops, work ?? 0)})`,
        ]),
    ...(withCache ? [cacheText(cacheBytes, plan.everywhere.totalBytes)] : []),
  ];
  return md`Grows with it: ${joined(parts, ' · ')}`;
}

function cacheText(bytes: number, all: number): Markdown {
  return bytes === 0 ? md`no cache` : md`${formatSize(bytes)} of cache (${percent(bytes, all)})`;
}

/** What would be another: weights, work, cache. */
function changeTexts(now: ModelFigures, then: ModelFigures, withCache: boolean): Markdown[] {
  const parts: Markdown[] = [];
  const parameters = now.count && then.count && now.count.total !== then.count.total ? then.count.total : null;
  const bytes = now.weights && then.weights && now.weights.bytes !== then.weights.bytes ? then.weights.bytes : null;
  const sizes = [
    ...(parameters === null
      ? []
      : [
          [
            `${formatCount(parameters)} parameters`,
            formatChange(now.count?.total ?? 0, parameters, formatCount),
          ] as const,
        ]),
    ...(bytes === null
      ? []
      : [[`${formatSize(bytes)} of weights`, formatChange(now.weights?.bytes ?? 0, bytes)] as const]),
  ];
  // One ratio for both, where it is one.
  for (const [at, [text, change]] of sizes.entries())
    parts.push(sizes[at + 1]?.[1] === change ? md`**${text}**` : md`**${text}, ${change}**`);
  if (now.flops !== null && then.flops !== null && now.flops !== then.flops)
    parts.push(md`${formatFlops(then.flops)} per token, ${formatChange(now.flops, then.flops, formatFlops)}`);
  const [from, to] = [inAllBytes(now.plan), inAllBytes(then.plan)];
  if (withCache && from !== to) parts.push(md`${scopedText(then.plan)} of cache, ${ratioText(from, to)}`);
  if (withCache && parts.length === 0) parts.push(md`${perTokenText(then.plan)} of cache`);
  return parts;
}

/** "In all 8.03 B parameters, 14.96 GiB of weights (bf16) · 15.4 GFLOP per token · 4 GiB of cache at 1 × 32,768 tokens · bf16 · …". */
function totalText(reading: Reading, { plan, count, weights, flops }: ModelFigures): Markdown {
  const parts = [
    ...(count
      ? [
          md`**${formatCount(count.total)} parameters${weights ? `, ${formatSize(weights.bytes)} of weights` : ''}** (${weights?.chosen ? `${weights.chosen.format}, your choice` : fileWeightsText(reading)})`,
        ]
      : []),
    ...(flops === null ? [] : [md`${formatFlops(flops)} per token`]),
    ...(plan.known ? [md`**${scopedText(plan)} of cache**`] : []),
  ];
  return parts.length === 0 ? NOTHING : md`In all ${joined(parts, ' · ')} at ${contextText(plan)}`;
}

function percent(part: number, all: number): string {
  const share = (100 * part) / all;
  if (!Number.isFinite(share)) return '–';
  return share > 0 && share < 0.1 ? '< 0.1 %' : `${share < 10 ? Number(share.toFixed(1)) : Math.round(share)} %`;
}
