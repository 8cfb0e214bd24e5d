/**
 * A question about fitting, as people type it: "Llama-3.1-405B, fp8 weights and cache, 8 × H100, 131,072 × 32". Its parts stand between
 * commas, in any order; what is left out stays as it is.
 */

import { parseEngine } from '../cache/engines/choose';
import { isKvDtype, type KvDtype } from '../model/dtype';
import { ENGINE_NAMES, ENGINES, type EngineRule, MOST_RANKS } from '../model/scenario';
import { parseTypedCount } from '../model/typedCount';
import { type WeightFormat, weightFormatOf } from '../model/weightFormat';
import type { Device } from './device';

export interface FitQuestion<M> {
  readonly model: M | null;
  readonly weights: WeightFormat | null;
  readonly kvDtype: KvDtype | null;
  readonly engine: EngineRule | null;
  readonly release: string | null;
  readonly device: Device | null;
  readonly devices: number | null;
  readonly tokens: number | null;
  readonly batch: number | null;
  /** Parts that mean nothing here. */
  readonly unknown: readonly string[];
}

type Found<M> = Partial<Omit<FitQuestion<M>, 'unknown'>>;

/** What can be meant. */
export interface Known<M> {
  readonly models: readonly { readonly name: string; readonly value: M }[];
  readonly devices: readonly Device[];
}

const TIMES = '[x×*]';
/** A comma between groups of three digits is part of a number. */
const SEPARATOR = /;|,(?!\d{3}(?!\d))/;
const MOST_CHARACTERS = 500;

export function parseQuestion<M>(text: string, known: Known<M>): FitQuestion<M> {
  const found: { -readonly [K in keyof Found<M>]: Found<M>[K] } = {};
  const unknown: string[] = [];
  const parts = text
    .slice(0, MOST_CHARACTERS)
    .replace(/\s/g, ' ')
    .split(SEPARATOR)
    .flatMap((part) => part.split(/ (?:on|at|with) /i))
    .map((part) => part.trim())
    .filter((part) => part !== '');
  for (const part of parts) {
    const meant = partOf(part, known);
    if (meant) Object.assign(found, meant);
    else unknown.push(part);
  }
  return {
    model: found.model ?? null,
    weights: found.weights ?? null,
    kvDtype: found.kvDtype ?? null,
    engine: found.engine ?? null,
    release: found.release ?? null,
    device: found.device ?? null,
    devices: found.devices ?? null,
    tokens: found.tokens ?? null,
    batch: found.batch ?? null,
    unknown,
  };
}

function partOf<M>(part: string, known: Known<M>): Found<M> | null {
  return workload(part) ?? typed(part) ?? engine(part) ?? devices(part, known.devices) ?? model(part, known.models);
}

/** "131,072 × 32", "32 × 131072 tokens", "32k", "32,768 tokens", "32 users": of two numbers the larger is the tokens. */
function workload<M>(part: string): Found<M> | null {
  const number = String.raw`(\d[\d.,_' ]*(?:[km]i?)?)`;
  const pair = new RegExp(
    `^${number}(?:\\s*tokens)?\\s*${TIMES}\\s*${number}(?:\\s*tokens|\\s*sequences|\\s*users)?$`,
    'i',
  ).exec(part);
  if (pair) {
    const [first, second] = [parseTypedCount(pair[1] ?? ''), parseTypedCount(pair[2] ?? '')];
    if (first === null || second === null) return null;
    return { tokens: Math.max(first, second), batch: Math.min(first, second) };
  }
  const one = new RegExp(`^${number}\\s*(tokens|sequences|users|at once)?$`, 'i').exec(part);
  const value = parseTypedCount(one?.[1] ?? '');
  if (!one || value === null) return null;
  return one[2] === undefined || /^tokens$/i.test(one[2]) ? { tokens: value } : { batch: value };
}

/** "fp8 weights and cache", "weights fp8", "q8_0 cache", "Q4_K_M": a type alone is that of the weights. */
function typed<M>(part: string): Found<M> | null {
  const words = part.toLowerCase().split(/\s+/);
  const types = words.filter((word) => !/^(?:weights?|kv|cache|and|in|as|the)$/.test(word));
  const [type, ...more] = types;
  if (type === undefined || more.length > 0) return null;
  const weights = weightFormatOf(type);
  const kvDtype = ({ fp16: 'f16', fp32: 'f32' } as const)[type] ?? type;
  const cache = words.some((word) => word === 'cache' || word === 'kv');
  const both = words.some((word) => /^weights?$/.test(word));
  if (cache && !isKvDtype(kvDtype)) return null;
  if ((both || !cache) && !weights) return null;
  return {
    ...(cache && isKvDtype(kvDtype) ? { kvDtype } : {}),
    ...(weights && (both || !cache) ? { weights } : {}),
  };
}

/** "vLLM", "vllm@0.11", "llama.cpp". */
function engine<M>(part: string): Found<M> | null {
  const [name = '', release] = part.split('@');
  const plain = key(name);
  const id = ENGINES.find((each) => each === plain || key(ENGINE_NAMES[each]) === plain);
  if (!id) return null;
  const chosen = parseEngine(release === undefined ? id : `${id}@${release.trim()}`);
  if (chosen.engine === null) return null;
  return { engine: chosen.engine, ...(release === undefined ? {} : { release: release.trim() }) };
}

/** "8 × H100", "2 RTX 4090", "H100 SXM". */
function devices<M>(part: string, known: readonly Device[]): Found<M> | null {
  const counted = new RegExp(`^(\\d{1,4})\\s*(?:${TIMES}\\s*|\\s)(.+)$`, 'i').exec(part);
  const device = deviceNamed(counted?.[2] ?? part, known);
  if (!device) return null;
  const count = counted ? Number(counted[1]) : 1;
  return count >= 1 && count <= MOST_RANKS ? { device, devices: count } : null;
}

/** The first in the table whose name or id has all the letters and digits in one piece, at the start of a word. */
function deviceNamed(text: string, known: readonly Device[]): Device | null {
  const asked = key(text);
  if (asked.length < 2) return null;
  const starts = (name: string): boolean =>
    name.split(/[\s-]+/).some((_, index, words) => key(words.slice(index).join('')).startsWith(asked));
  return known.find(({ id }) => key(id) === asked) ?? known.find(({ name, id }) => starts(name) || starts(id)) ?? null;
}

/** By its whole name, or the only one (or the first) whose name begins so; "Qwen3-32B Q8_0" has the type of its weights behind it. */
function model<M>(part: string, known: Known<M>['models']): Found<M> | null {
  const asked = key(part);
  if (asked === '') return null;
  const found =
    known.find(({ name }) => key(name) === asked) ??
    (asked.length < 4 ? undefined : known.find(({ name }) => key(name).startsWith(asked)));
  if (found) return { model: found.value };
  const space = part.lastIndexOf(' ');
  const weights = space < 0 ? null : weightFormatOf(part.slice(space + 1));
  const named = weights && model(part.slice(0, space).trim(), known);
  return named && weights ? { ...named, weights } : null;
}

/** What names are compared by: letters and digits, without a brand before a graphics card. */
function key(text: string): string {
  return text
    .toLowerCase()
    .replace(/\b(?:nvidia|amd|geforce|instinct|meta|config)\b/g, '')
    .replace(/[^a-z0-9.]/g, '')
    .replace(/\.(?=\D|$)/g, '');
}
