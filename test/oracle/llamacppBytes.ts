/**
 * Bytes of contexts that libllama makes, beside those of our rule for the same file and options. The test holds them to be equal; scripts
 * count them (`compareWithLibllama`).
 */

import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { planCache } from '../../src/cache/plan';
import { type EngineOptions, UNSHARDED } from '../../src/model/scenario';
import type { ModelSpec } from '../../src/model/spec';
import { readModelConfig } from '../../src/reading/read';
import { ggufConfig } from '../../src/weights/ggufConfig';
import { type CacheType, type ContextSetup, Libllama, LibllamaCrash, type Refused } from '../unit/support/libllama';
import { headerOf, type LlamacppModel, metadataOf, MODELS, ONE_STREAM } from './llamacppModels';

/** A context: tokens of each of `batch` sequences, in our options' names. */
export interface Case {
  readonly tokens: number;
  readonly batch?: number;
  readonly type?: CacheType;
  readonly options?: EngineOptions;
}

const TYPES = ['f32', 'f16', 'bf16', 'q8_0', 'q5_1', 'q5_0', 'q4_1', 'q4_0', 'iq4_nl'] as const;

/** Every option by itself, and those that act on each other together. 1,000 is not a multiple of 256. */
const CASES: readonly Case[] = [
  { tokens: 1000 },
  { tokens: 5000 },
  { tokens: 700, batch: 2 },
  ...TYPES.map((type) => ({ tokens: 1000, type })),
  { tokens: 200 },
  { tokens: 2048 },
  { tokens: 1000, options: { 'cache-type-k': 'q8_0' } },
  { tokens: 1000, options: { 'cache-type-v': 'q4_0' } },
  { tokens: 1000, options: { 'cache-type-k': 'f32', 'cache-type-v': 'iq4_nl' } },
  { tokens: 1000, options: { 'cache-type-k': 'q5_1', 'cache-type-v': 'bf16' } },
  { tokens: 700, batch: 2, options: { 'kv-unified': true } },
  { tokens: 1000, options: { parallel: 4 } },
  { tokens: 1000, options: { parallel: 4, 'kv-unified': true } },
  { tokens: 3000, options: { 'swa-full': true } },
  { tokens: 1500, batch: 2, options: { 'swa-full': true, 'kv-unified': true } },
  { tokens: 3000, options: { 'ubatch-size': 64 } },
  { tokens: 3000, batch: 2, options: { 'ubatch-size': 1024, 'kv-unified': true } },
  { tokens: 8000, options: { 'ubatch-size': 4096 } },
  { tokens: 1000, options: { 'flash-attn': 'off' } },
  { tokens: 1000, type: 'f32', options: { 'flash-attn': 'off' } },
  { tokens: 1000, options: { 'flash-attn': 'off', 'cache-type-k': 'q8_0' } },
  { tokens: 1000, options: { 'flash-attn': 'off', 'cache-type-v': 'q8_0' } },
  { tokens: 1000, options: { 'flash-attn': 'on' }, type: 'q8_0' },
  { tokens: 8000, options: { 'ubatch-size': 4096, 'batch-size': 4096 } },
  { tokens: 1000, batch: 2, options: { 'draft-max': 3 } },
  { tokens: 100, options: { parallel: 300 } },
];

/** What our rule says: bytes of cache and states, or that it is refused; `exact` false where it says that it is not sure. */
type Ours =
  | { readonly bytes: number | null; readonly exact: boolean; readonly notes: readonly string[] }
  | { readonly refused: string };

type Theirs = { readonly bytes: number } | { readonly refused: string };

export interface Compared {
  readonly model: string;
  readonly context: string;
  readonly ours: Ours;
  readonly theirs: Theirs;
}

/** What one model's contexts came to. */
export interface ComparedModel {
  readonly model: string;
  readonly contexts: number;
  /** Equal to the byte, or refused by both. */
  readonly equal: number;
  /** The largest |ours − theirs|. */
  readonly farthestBytes: number;
}

export interface Comparison {
  /** Architectures of which a model loaded. */
  readonly architectures: readonly string[];
  readonly models: readonly ComparedModel[];
  /** Contexts of which both said the bytes. */
  readonly equal: number;
  /** Contexts that both refused. */
  readonly refused: number;
  /** Sum of |ours − theirs| over all. */
  readonly differenceBytes: number;
  /** Where one refused and the other did not, bytes differ, or our answer is not said to be exact. */
  readonly differences: readonly Compared[];
  /** Models that the library did not load, with its reason. */
  readonly notLoaded: readonly (readonly [string, string])[];
}

function modelName({ architecture, variant }: LlamacppModel): string {
  return variant === undefined ? architecture : `${architecture} (${variant})`;
}

function caseName({ tokens, batch = 1, type, options = {} }: Case): string {
  const more = Object.entries(options).map(([key, value]) => `${key}=${String(value)}`);
  return [`${batch} × ${tokens}`, ...(type === undefined ? [] : [type]), ...more].join(' ');
}

/** The parameters that llama.cpp's programs make of these options. */
function contextSetup({ tokens, batch = 1, type = 'f16', options = {} }: Case): ContextSetup {
  const word = (name: string): CacheType | undefined => options[name] as CacheType | undefined;
  const parallel = options['parallel'];
  const sequences = Math.max(batch, typeof parallel === 'number' ? parallel : 1);
  const unified = options['kv-unified'] === true;
  const ubatch = options['ubatch-size'];
  const batchSize = options['batch-size'];
  const drafts = options['draft-max'];
  const flash = options['flash-attn'];
  return {
    tokens: tokens * (unified ? batch : sequences),
    sequences,
    unified,
    swaFull: options['swa-full'] === true,
    k: word('cache-type-k') ?? type,
    v: word('cache-type-v') ?? type,
    flash: flash === 'on' || flash === 'off' ? flash : 'auto',
    batch: typeof batchSize === 'number' ? batchSize : 2048,
    ...(typeof ubatch === 'number' ? { microBatch: ubatch } : {}),
    ...(typeof drafts === 'number' ? { draftStates: drafts } : {}),
  };
}

function ours(spec: ModelSpec, { tokens, batch = 1, type = 'f16', options = {} }: Case): Ours {
  const plan = planCache(spec, {
    workload: { batch, tokens },
    engine: 'llamacpp',
    kvDtype: type,
    sharding: UNSHARDED,
    options,
  });
  if (plan.refused !== null) return { refused: plan.refused };
  const notes = plan.notes.filter(({ inexact }) => inexact).map(({ text }) => text);
  return { bytes: plan.totalBytes, exact: plan.exact, notes };
}

const lastLines = (text: string): string => text.trimEnd().split('\n').slice(-2).join(' | ');

function same(mine: Ours, other: Theirs): boolean {
  if ('refused' in mine || 'refused' in other) return 'refused' in mine && 'refused' in other;
  return mine.exact && mine.bytes === other.bytes;
}

/** The first cases, and some of the others: others for each model, so that every one is met. */
export function someCases(index: number): readonly Case[] {
  const [fixed, drawn] = [2, 4];
  const others = CASES.slice(fixed);
  const chosen = Array.from({ length: drawn }, (_, number) => others[(index * drawn + number) % others.length]);
  return [...CASES.slice(0, fixed), ...chosen.flatMap((one) => one ?? [])];
}

/**
 * Makes contexts of models with the library, and compares.
 * @param casesOf Cases of the model at an index; all where it is not given.
 */
export async function compareWithLibllama(
  models: readonly LlamacppModel[] = MODELS,
  casesOf: (index: number) => readonly Case[] = () => CASES,
): Promise<Comparison> {
  const library = await Libllama.start();
  const folder = mkdtempSync(join(tmpdir(), 'headlight-libllama-'));
  const architectures = new Set<string>();
  const differences: Compared[] = [];
  const notLoaded: (readonly [string, string])[] = [];
  const compared: ComparedModel[] = [];
  let [equal, refused, differenceBytes] = [0, 0, 0];
  try {
    for (const [index, model] of models.entries()) {
      const path = join(folder, 'model.gguf');
      writeFileSync(path, headerOf(model));
      const reading = readModelConfig(JSON.stringify(ggufConfig(metadataOf(model))));
      let handle = await orRefused(library.open(path, { headerOnly: true }));
      if ('refused' in handle) {
        notLoaded.push([modelName(model), lastLines(handle.refused)]);
        continue;
      }
      const before = equal + refused;
      let [contexts, farthestBytes] = [0, 0];
      architectures.add(model.architecture);
      for (const one of casesOf(index)) {
        const setup = contextSetup(one);
        if (ONE_STREAM.includes(model.architecture) && setup.sequences !== 1 && setup.unified !== true) continue;
        const made = await orRefused(library.context(handle, setup));
        const theirs: Theirs = 'refused' in made ? { refused: lastLines(made.refused) } : { bytes: made.bytes.context };
        if (!('refused' in made)) await library.closeContext(made);
        else if ('crashed' in made) {
          const again = await library.open(path, { headerOnly: true });
          if ('refused' in again) throw new Error(again.refused);
          handle = again;
        }
        contexts++;
        const mine: Ours = reading ? ours(reading.spec, one) : { bytes: null, exact: false, notes: ['not read'] };
        if (same(mine, theirs)) {
          if ('refused' in mine) refused++;
          else equal++;
          continue;
        }
        const off = 'bytes' in mine && 'bytes' in theirs ? Math.abs((mine.bytes ?? 0) - theirs.bytes) : 0;
        differenceBytes += off;
        farthestBytes = Math.max(farthestBytes, off);
        differences.push({ model: modelName(model), context: caseName(one), ours: mine, theirs });
      }
      compared.push({ model: modelName(model), contexts, equal: equal + refused - before, farthestBytes });
      await library.closeModel(handle);
    }
  } finally {
    library.close();
    rmSync(folder, { recursive: true, force: true });
  }
  return {
    architectures: [...architectures],
    models: compared,
    equal,
    refused,
    differenceBytes,
    differences,
    notLoaded,
  };
}

/** A crash is a refusal, too: an assertion of the library's says that it does not run so. */
async function orRefused<T extends object>(request: Promise<T | Refused>): Promise<T | Refused | Crashed> {
  try {
    return await request;
  } catch (error) {
    if (error instanceof LibllamaCrash) return { refused: error.message, crashed: true };
    throw error;
  }
}

interface Crashed extends Refused {
  readonly crashed: true;
}
