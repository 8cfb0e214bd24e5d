/** Parameters of a model, computed from its config: no weights needed. */

import { classDefaultsOf, languageTypeOf } from '../../config/classDefaults';
import { defaultsOf, familyOf } from '../../config/families';
import { HIDDEN_KEYS } from '../../config/heads';
import type { ReadOptions, Reading } from '../../config/read';
import { ConfigReader, ReadingLog } from '../../config/reader';
import { stateOf } from '../../cache/layerBytes';
import type { LayerSpec, Source } from '../../model/spec';
import { attentionCounter } from './attention';
import { encoderDecoderOf } from './encoderDecoder';
import { Facts } from './facts';
import { feedForwardCounter } from './feedForward';
import type { LayerView, Lineage } from './lineage';
import { lineageOf } from './lineages';
import { mixerParameters } from './mixers';
import { type ExpertGroup, idleExperts, type Part, PARTS, Tally } from './tally';

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

/** Pairs of any two models: the decoder gets attention to the other that its own class does not have. */
const PAIRS = ['encoder-decoder', 'vision-encoder-decoder', 'speech-encoder-decoder', 'rag'];

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
 * Counts the parameters of the language model (of an encoder-decoder: of both). Null where the build of the layers is
 * not known, or the config lacks a number that the count needs: never a guess. Options are those of the reading
 * unless others are given.
 */
export function countParameters(
  reading: Reading,
  options: ReadOptions = reading.options,
  log = new ReadingLog(),
): ParameterCount | null {
  if (PAIRS.includes(reading.location.rootModelType)) return null;
  const { reader, root, modelType } = readersOf(reading, options, log);
  const facts = new Facts(reader, modelType);
  const tally = new Tally();
  const whole = encoderDecoderOf(modelType);
  const lineage = whole ? null : lineageOf(modelType);
  if (whole) whole(facts, tally, tied(root, reader, reading));
  else if (!lineage || !walk(reading, facts, lineage, tally, tied(root, reader, reading))) return null;
  if (changed(reader)) return null;
  const total = tally.total;
  // A part that is no whole number, or negative, came from a damaged config: no total is better than that one.
  if (
    !Number.isSafeInteger(total) ||
    total <= 0 ||
    PARTS.some((part) => !Number.isSafeInteger(tally.parts[part]) || tally.parts[part] < 0)
  )
    return null;
  const leftOut = lineage?.leftOut?.(facts) ?? null;
  const notCounted = reading.location.path.flatMap((_key, depth) =>
    otherParts(root, reading.location.path.slice(0, depth)),
  );
  if (reading.location.path.length === 0) notCounted.push(...otherParts(root, []));
  if (reading.spec.draftLayers > 0) notCounted.push('multi-token-prediction layers');
  return {
    ...tally.parts,
    total,
    activePerToken: total - idleExperts(tally.expertGroups),
    lookup: tally.lookup,
    encoder: tally.encoder,
    expertGroups: tally.expertGroups,
    notes: [
      ...(lineage?.note === undefined ? [] : [lineage.note]),
      ...(leftOut === null ? [] : [`not counted: ${leftOut}`]),
      ...(tally.openRouting ? ['the config does not say how many experts a token uses: all count as active'] : []),
    ],
    exact: reading.spec.unknownLayers === 0 && leftOut === null,
    notCounted: [...new Set(notCounted)],
  };
}

/** The keys of the file that the count asked for, in the file's order. */
export function parameterSources(reading: Reading): Source[] {
  const log = new ReadingLog();
  countParameters(reading, reading.options, log);
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

function readersOf(
  reading: Reading,
  options: ReadOptions,
  log: ReadingLog,
): { readonly reader: ConfigReader; readonly root: ConfigReader; readonly modelType: string } {
  const root = new ConfigReader(reading.document, [], log, options.overrides);
  const own = new ConfigReader(reading.document, reading.location.path, log, options.overrides);
  const named = own.own('model_type');
  const given = typeof named === 'string' && named !== '' ? languageTypeOf(named) : reading.location.modelType;
  const taught = options.families && Object.hasOwn(options.families, given) ? options.families[given] : undefined;
  const modelType = taught?.like ?? given;
  const reader = own
    .withTaught({ keys: taught?.keys ?? {}, layerKinds: taught?.layerKinds ?? {} })
    .withDefaults(defaultsOf(familyOf(modelType), modelType, reading.location));
  return { reader, root, modelType };
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

const TIE_KEYS = ['tie_word_embeddings', 'tie_embedding', 'tied_embeddings'];
/** Composites whose class has no say of its own: the language model's key decides. */
const TEXT_DECIDES = ['audioflamingo3', 'musicflamingo', 'qwen2_audio', 'vibevoice_asr', 'voxtral', 'nemotron_h_omni'];
/** Composites whose root takes over the language model's key where it has none itself. */
const FOLLOW_TEXT = [
  'fast_vlm',
  'glm4v',
  'glm4v_moe',
  'glm_ocr',
  'hunyuan_vl',
  'llama4',
  'llava',
  'llava_next_video',
  'llava_onevision',
  'minimax_m3_vl',
  'perception_lm',
  'qwen2_vl',
  'qwen2_5_vl',
  'video_llama_3',
];

/**
 * Whether input and output embedding are one. Of a composite model what holds the language model decides, and its class where that is
 * silent (with the exceptions above, found by executing transformers 5.18); else the language model's key, its class, or
 * `PreTrainedConfig`, which ties.
 */
function tied(root: ConfigReader, reader: ConfigReader, { location }: Reading): boolean {
  const said = (place: ConfigReader): boolean | null =>
    place.spelling(TIE_KEYS) === null ? null : place.flag(TIE_KEYS, true);
  const { rootModelType } = location;
  const composite = languageTypeOf(rootModelType) !== rootModelType;
  const ofText = said(reader);
  if (composite && TEXT_DECIDES.includes(rootModelType)) return ofText ?? true;
  for (let depth = Math.max(0, location.path.length - 1); depth >= 0; depth--) {
    const place = placeOf(root, location.path.slice(0, depth));
    const own = place && said(place);
    if (own !== null) return own;
  }
  if (composite && !(FOLLOW_TEXT.includes(rootModelType) && reader.has('tie_word_embeddings'))) {
    const ofClass = classDefaultsOf(rootModelType, '')?.values['tie_word_embeddings'];
    if (typeof ofClass === 'boolean') return ofClass;
  }
  return ofText ?? true;
}

/** Adds everything that a decoder has; false where a layer's build is not known. */
function walk(reading: Reading, facts: Facts, lineage: Lineage, tally: Tally, isTied: boolean): boolean {
  facts.reader.consult(lineage.knows ?? []);
  const hidden = facts.number(HIDDEN_KEYS);
  const layers = reading.spec.layers;
  if (layers.length === 0 || reading.spec.unknownLayers > 0) return false;
  const views = layers
    .slice(0, lineage.built?.(facts))
    .map((layer): LayerView => ({ index: layer.index, attention: layer.attention, hidden }));
  if (views.length === 0) return false;
  const attention = attentionCounter(facts, lineage);
  const feedForward = feedForwardCounter(facts, lineage, tally);
  const normWidth = facts.on(lineage.normBias ?? false) ? 2 * hidden : hidden;
  for (const [index, view] of views.entries()) {
    const mixed = tokenMixer(facts, lineage, layers[index], view, attention);
    if (mixed === null) return false;
    tally.add('attention', mixed);
    tally.add(
      'norms',
      (typeof lineage.norms === 'function' ? lineage.norms(facts, view) : (lineage.norms ?? 2)) * normWidth,
    );
    feedForward(view);
  }
  tally.add(
    'norms',
    (typeof lineage.finalNorms === 'function' ? lineage.finalNorms(facts) : (lineage.finalNorms ?? 1)) * normWidth,
  );
  embeddings(facts, lineage, tally, hidden, lineage.tied === undefined ? isTied : facts.on(lineage.tied));
  lineage.extra?.(facts, tally, views);
  return true;
}

/** A layer's token mixer: attention, a recurrent mixer, or both side by side. */
function tokenMixer(
  facts: Facts,
  lineage: Lineage,
  layer: LayerSpec | undefined,
  view: LayerView,
  attention: (view: LayerView) => number,
): number | null {
  if (!layer) return null;
  const state = lineage.statesInside ? undefined : stateOf(layer.attention, layer.parallelState);
  const recurrent = layer.attention.kind === 'recurrent' || layer.attention.kind === 'conv';
  const own = recurrent ? (lineage.mixer?.(facts, view) ?? null) : null;
  if (own !== null) return own;
  const mixer = state ? mixerParameters(facts, state, view.hidden) : 0;
  if (mixer === null) return null;
  return recurrent ? mixer : mixer + attention(view);
}

function embeddings(facts: Facts, lineage: Lineage, tally: Tally, hidden: number, isTied: boolean): void {
  const vocabulary = facts.number(lineage.vocabulary ?? ['vocab_size', 'padded_vocab_size']);
  tally.add('embedding', vocabulary * hidden);
  if (!isTied) {
    tally.add('outputHead', vocabulary * hidden);
    tally.lookup += vocabulary * hidden;
  }
  if (facts.on(lineage.headBias ?? false)) tally.add('outputHead', vocabulary);
  const positions = lineage.positions?.(facts) ?? 0;
  tally.add('embedding', positions * hidden);
  tally.lookup += positions * hidden;
}
