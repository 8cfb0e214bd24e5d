/** Parameters of a model, computed from its config: no weights needed. */

import { isUnderstood } from '../../cache/plan';
import type { Reading } from '../../reading/read';
import { type ConfigReader, ReadingLog } from '../../config/reader';
import { ConfigRefusal } from '../../config/refusal';
import { blocksOf } from '../../families/blocksOf';
import { PAIRS } from '../../families/composites';
import type { CountedDecoder } from '../../families/counted/facet';
import { type ExpertGroup, idleExperts, type Part, PARTS, PlacedTally, Tally } from '../../families/counted/tally';
import { blocksRegister, countsRegister } from '../../families/register';
import { tiedEmbeddings } from '../../families/tying';
import type { Source } from '../../model/spec';
import { tallyCounted } from './counted';
import { tallyBlocks } from './derived';

/** Parameters, in numbers. The parts sum to `total`. */
export interface ParameterCount extends Readonly<Record<Part, number>> {
  readonly total: number;
  /** Parameters that one token uses: all but the routed experts that it is not sent to. */
  readonly activePerToken: number;
  /** Of `embedding`: tables of which a token reads one row and multiplies nothing. A tied embedding is not one. */
  readonly lookup: number;
  /** Of `total`: an encoder, which runs for the prompt alone. */
  readonly encoder: number;
  /** Routed experts by shape. */
  readonly expertGroups: readonly ExpertGroup[];
  readonly notes: readonly string[];
  /** False where a layer was assumed or a small part left out; `notes` says what. */
  readonly exact: boolean;
  /** What the model has beside what is counted: "vision tower", "multi-token-prediction layers". */
  readonly notCounted: readonly string[];
}

/** Nested configs that stand for parts which are not the language model. */
const OTHER_PARTS: Readonly<Record<string, string>> = {
  vision_config: 'vision tower',
  vit_config: 'vision tower',
  vision_tower: 'vision tower',
  visual: 'vision tower',
  audio_config: 'audio tower',
  audio_encoder_config: 'audio tower',
  vq_config: 'image tokenizer',
  talker_config: 'talker',
  token2wav_config: 'vocoder',
  projector_config: 'projector',
  qformer_config: 'Q-Former',
};

/**
 * The parameters of the language model (of an encoder-decoder: of both): the weights of its blocks where the family
 * describes them, else what its `counts` facet adds up. Null where neither is there, or the config lacks a number
 * that is needed: never a guess.
 */
export function countParameters(reading: Reading, log = new ReadingLog()): ParameterCount | null {
  return counting(reading, log, () => new Tally())?.count ?? null;
}

/** The same count, and which layer has how much of it. */
export function countByLayer(reading: Reading): { readonly count: ParameterCount; readonly tally: PlacedTally } | null {
  return counting(reading, new ReadingLog(), () => new PlacedTally());
}

function counting<T extends Tally>(
  reading: Reading,
  log: ReadingLog,
  start: () => T,
): { readonly count: ParameterCount; readonly tally: T } | null {
  if (PAIRS.includes(reading.location.rootModelType) || !isUnderstood(reading.spec)) return null;
  const reader = reading.reader(log);
  const tallied = tallyOf(reading, reader, start);
  if (!tallied || changed(reader)) return null;
  const { tally, counted } = tallied;
  const total = tally.total;
  const activePerToken = total - idleExperts(tally.expertGroups);
  // A part that is no whole number, or negative, came from a damaged config: no total is better than that one.
  if (
    !Number.isSafeInteger(total) ||
    activePerToken <= 0 ||
    activePerToken > total ||
    PARTS.some((part) => !Number.isSafeInteger(tally.parts[part]) || tally.parts[part] < 0)
  )
    return null;
  const { location, spec } = reading;
  const root = reading.readerAt([], log);
  const leftOut = counted?.leftOut?.(reader) ?? null;
  const notCounted = location.path.flatMap((_key, depth) => otherParts(root, location.path.slice(0, depth)));
  if (location.path.length === 0) notCounted.push(...otherParts(root, []));
  if (spec.draftLayers > 0) notCounted.push('multi-token-prediction layers');
  const count: ParameterCount = {
    ...tally.parts,
    total,
    activePerToken,
    lookup: tally.lookup,
    encoder: tally.encoder,
    expertGroups: tally.expertGroups,
    notes: [
      ...(counted?.note === undefined ? [] : [counted.note]),
      ...(leftOut === null ? [] : [`not counted: ${leftOut}`]),
      ...(tally.openRouting ? ['the config does not say how many experts a token uses: all count as active'] : []),
    ],
    exact: spec.unknownLayers === 0 && leftOut === null,
    notCounted: [...new Set(notCounted)],
  };
  return { count, tally };
}

interface Tallied<T extends Tally> {
  readonly tally: T;
  /** Where the count came from a facet of its own. */
  readonly counted?: CountedDecoder;
}

function tallyOf<T extends Tally>(reading: Reading, reader: ConfigReader, start: () => T): Tallied<T> | null {
  const facet = countsRegister.of(reading.modelType);
  if (!facet && !blocksRegister.of(reading.modelType)) return null;
  const tied = tiedEmbeddings(reading, reader.log);
  const derived = answered(() => fromBlocks(reading, reader, tied, start()));
  if (derived || !facet) return derived;
  return answered(() => {
    const tally = start();
    if (facet.whole) {
      facet.whole(reader, tally, tied);
      return { tally };
    }
    return tallyCounted(reading.spec, reader, facet, tally, tied) ? { tally, counted: facet } : null;
  });
}

function fromBlocks<T extends Tally>(
  reading: Reading,
  reader: ConfigReader,
  tied: boolean,
  tally: T,
): Tallied<T> | null {
  if (reading.spec.unknownLayers > 0) return null;
  const model = blocksOf(reading, reader);
  if (!model) return null;
  tallyBlocks(tally, model, reading.spec.layers, reader, tied);
  return { tally };
}

/** Null where the config lacks what was asked. */
function answered<T>(make: () => T): T | null {
  try {
    return make();
  } catch (error) {
    if (error instanceof ConfigRefusal) return null;
    throw error;
  }
}

/** The keys of the file that the count asked for, in the file's order. */
export function parameterSources(reading: Reading): Source[] {
  const log = new ReadingLog();
  countParameters(reading, log);
  const { document } = reading;
  const sources = [...log.consulted].flatMap((key): Source[] => {
    const path = key.split('.');
    const parent = document.objectAt(path.slice(0, -1));
    const node = parent && document.propertiesOf(parent).get(path.at(-1) ?? '')?.valueNode;
    return node && node.type !== 'object' ? [{ key, range: document.rangeOfNode(node), rule: 'given' }] : [];
  });
  return sources.sort((a, b) => (a.range?.offset ?? 0) - (b.range?.offset ?? 0));
}

function placeOf(root: ConfigReader, path: readonly string[]): ConfigReader | null {
  return path.reduce<ConfigReader | null>((reader, key) => reader?.nested(key) ?? null, root);
}

/** Parts that stand beside the language model at one level of the config. */
function otherParts(root: ConfigReader, path: readonly string[]): string[] {
  const place = placeOf(root, path);
  return (place?.keys() ?? []).flatMap((key) =>
    Object.hasOwn(OTHER_PARTS, key) && place?.hasValue(key) ? [OTHER_PARTS[key] ?? key] : [],
  );
}

/** Keys that change how a layer is built, in families that have them. */
const BUILD_KEYS =
  /^(n_routed_experts|num_(local_|moe_)?experts|moe_num_experts|n_experts|(n_|num_)shared_experts?|\w*(full_rank|output)_gate|moe_latent\w*|routed_expert_hidden_size|\w*ngram_(vocab|embed)\w*|\w*adapter_(rank|dim|size))$/;

/** True where the file has such a key, switched on, that the lineage did not ask for: its layers are built in another way. */
function changed(reader: ConfigReader): boolean {
  return reader.keys().some((key) => {
    if (!BUILD_KEYS.test(key) || reader.log.consulted.has(reader.pathOf(key))) return false;
    const value = reader.own(key);
    return value === true || (typeof value === 'number' && value > 1);
  });
}
