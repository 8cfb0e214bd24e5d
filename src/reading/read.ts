/** Config text -> ModelSpec. Never throws: what is wrong is a problem, what is guessed is a note. */

import { parseElementDtype, type ElementDtype, type ResolvedKvDtype } from '../model/dtype';
import type { LayerSpec, ModelSpec, Problem, Source, Sourced } from '../model/spec';
import { ConfigDocument, type JsonValue, type SyntaxError } from '../config/document';
import { languageTypeOf } from '../families/classDefaults';
import { defaultsOf, readLayers } from '../families/readLayers';
import { layersRegister } from '../families/register';
import type { FamilyReading, LayerDraft, LayersFacet } from '../families/facets';
import { CONTEXT_KEYS, HIDDEN_KEYS } from '../config/spellings';
import { typeByArchitecture } from '../families/architectures';
import { LANGUAGE_KEYS, type Location, locate } from './locate';
import { ConfigReader, isJsonObject, type Overrides, type ReaderSetting, ReadingLog, show } from '../config/reader';
import { unsoundSize } from './sound';
import type { TaughtFamilies, TaughtFamily } from './taught';
import { variantOf } from './variant';

export interface ReadOptions {
  readonly overrides?: Overrides;
  readonly families?: TaughtFamilies;
  /** `hf_quant_config.json` beside the config (modelopt), which may name the KV cache's format. */
  readonly quantFile?: ConfigDocument;
}

export interface Reading {
  readonly document: ConfigDocument;
  readonly location: Location;
  readonly spec: ModelSpec;
  readonly problems: readonly Problem[];
  readonly syntaxErrors: readonly SyntaxError[];
  /** Model type whose rules it was read by: the language model's, or the one that a taught family is like. */
  readonly modelType: string;
  /** Paths of the keys that the family asked for, in every spelling. */
  readonly consulted: ReadonlySet<string>;
  /** Those of them that nobody asked for by name. */
  readonly taken: ReadonlySet<string>;
  /**
   * Reads more of what was read, the same way: taught names, overrides, the class's defaults.
   * `log` collects what is asked and noted; a new one by default.
   */
  readonly reader: (log?: ReadingLog) => ConfigReader;
  /** The same of the whole document, which has no class defaults; or of another object in it. */
  readonly readerAt: (path: readonly string[], log?: ReadingLog) => ConfigReader;
  /** What it was read with, for reading it again with a change. */
  readonly options: ReadOptions;
}

/** Reads a text; null when it is not a model config. */
export function readModelConfig(text: string, options: ReadOptions = {}): Reading | null {
  return readDocument(ConfigDocument.parse(text), options);
}

/** Reads a parsed document; null when it is not a model config. */
export function readDocument(document: ConfigDocument, options: ReadOptions = {}): Reading | null {
  const location = locate(document);
  if (!location) return null;
  const log = new ReadingLog();
  const { overrides } = options;
  const readerAt = (path: readonly string[], from = new ReadingLog()): ConfigReader =>
    new ConfigReader(document, path, from, overrides ? { overrides } : {});
  const ownType = modelTypeOf(location, readerAt(location.path, log));
  const known = layersRegister.of(ownType) !== null;
  const taught = known ? undefined : taughtFor(options.families, ownType);
  const named = taught ? null : typeByArchitecture(location.path.length === 0 ? location.architecture : null, ownType);
  const modelType = taught?.like ?? named ?? ownType;
  const family = layersRegister.of(modelType);
  const setting: ReaderSetting = {
    ...(overrides ? { overrides } : {}),
    modelType,
    defaults: defaultsOf(family, modelType, location),
    taught: { keys: taught?.keys ?? {}, layerKinds: taught?.layerKinds ?? {} },
  };
  const reader = (from = new ReadingLog()): ConfigReader => new ConfigReader(document, location.path, from, setting);
  const own = reader(log);
  if (known && taughtFor(options.families, ownType))
    log.note(`${ownType} is built in: what your settings say about it is not used`, false);
  if (taught?.like !== undefined) log.note(`read like ${modelType}, as your settings say`, family === null);
  if (named !== null) log.note(byArchitecture(location.architecture ?? '', named, ownType), false, 'architectures');
  own.consult(Object.keys(taught?.keys ?? {}));
  checkPlace(location, readerAt([], log), own);
  const reading = readLayers(family, own, modelType, location.rootModelType, location.architecture);
  own.checkDeclared();
  return {
    document,
    location,
    spec: specOf(location, ownType, family, reading, own, readerAt([], log), options.quantFile),
    problems: log.problems,
    syntaxErrors: document.errors,
    modelType,
    consulted: log.consulted,
    taken: log.taken,
    options,
    reader,
    readerAt,
  };
}

/** What the place of the language model was found by: a type that is not a string, a nested model that is no object. */
function checkPlace(location: Location, root: ConfigReader, own: ConfigReader): void {
  for (const reader of location.path.length === 0 ? [root] : [root, own]) {
    const type = reader.own('model_type');
    if (type !== undefined && type !== null && typeof type !== 'string') reader.wrong('model_type', 'a string', type);
  }
  const architectures = root.own('architectures');
  if (architectures !== undefined && architectures !== null && !Array.isArray(architectures))
    root.wrong('architectures', 'a list of names', architectures);
  for (const key of new Set(LANGUAGE_KEYS.map(([first]) => first))) {
    const value = key === undefined ? undefined : root.own(key);
    if (key !== undefined && value !== undefined && value !== null && !isJsonObject(value))
      root.wrong(key, 'an object', value);
  }
}

/** Layers whose sizes cannot be are not understood: one object per kind, as they came. */
function soundDrafts(drafts: FamilyReading['layers'], reader: ConfigReader): FamilyReading['layers'] {
  const made = new Map<LayerDraft, LayerDraft>();
  for (const draft of new Set(drafts)) {
    const size = unsoundSize(draft.attention);
    if (size === null) continue;
    made.set(draft, { ...draft, attention: { kind: 'unknown', label: `an impossible size: ${size}` } });
    reader.problem(
      'wrong-value',
      'error',
      null,
      `By the numbers of this config, one ${draft.attention.kind} layer would hold ${size}, which is impossible.`,
    );
  }
  return made.size === 0 ? drafts : drafts.map((draft) => made.get(draft) ?? draft);
}

function byArchitecture(architecture: string, read: string, written: string): string {
  const but = written === '' ? 'no model_type' : `model_type says ${show(written)}`;
  return `${but}; architectures says ${show(architecture)}: read as ${read}`;
}

function taughtFor(families: TaughtFamilies | undefined, modelType: string): TaughtFamily | undefined {
  return families && Object.hasOwn(families, modelType) ? families[modelType] : undefined;
}

function modelTypeOf(location: Location, own: ConfigReader): string {
  if (location.dialect === 'params') return location.modelType;
  const value = own.own('model_type');
  return typeof value === 'string' && value !== '' ? languageTypeOf(value) : location.modelType;
}

function specOf(
  location: Location,
  modelType: string,
  family: LayersFacet | null,
  reading: FamilyReading,
  reader: ConfigReader,
  root: ConfigReader,
  quantFile: ConfigDocument | undefined,
): ModelSpec {
  const log = reader.log;
  const layers = soundDrafts(reading.layers, reader).map((draft, index): LayerSpec => ({ index, ...draft }));
  const unknown = layers.filter((layer) => layer.attention.kind === 'unknown' || layer.assumed);
  for (const [label, count] of countLabels(layers))
    log.note(`${count} of ${layers.length} layers are not understood: ${label}`, true);
  if (layers.length === 0) log.note('no layer could be read', true);
  const dtype = nativeDtype(reader, root);
  return {
    dialect: location.dialect,
    modelType: location.rootModelType || modelType || location.architecture || 'unknown',
    family: family?.id ?? null,
    variant: reading.variant ?? variantOf(layers),
    layers,
    nativeDtype: dtype.value,
    nativeDtypeSource: dtype.source,
    declaredKvDtype: declaredKvDtype(reader, root, quantFile),
    hiddenSize: positive(reader.value(reader.spelling(HIDDEN_KEYS) ?? 'hidden_size')),
    contextLength: contextLength(reader),
    draftLayers: reading.draftLayers ?? 0,
    sglang: {
      ...family?.sglang,
      // SGLang asks the config since 7ed53d15f (#23988).
      ...(reader.condition('is_hybrid_swa') === true ? { windows: family?.sglang?.windows ?? '2026-05-30' } : {}),
      ...(reader.hasValue('mamba_ssm_dtype') ? { cacheDtypeStates: true } : {}),
    },
    llamacpp: { ...family?.llamacpp, ...reading.llamacpp },
    unknownLayers: unknown.length,
    exact: unknown.length === 0 && layers.length > 0 && !log.notes.some((note) => note.inexact),
    notes: log.notes,
  };
}

/** A dimension that no number depends on: a wrong value is no reason to doubt the others. */
function positive(value: JsonValue | undefined): number | null {
  return typeof value === 'number' && Number.isSafeInteger(value) && value > 0 ? value : null;
}

function countLabels(layers: readonly LayerSpec[]): Map<string, number> {
  const counts = new Map<string, number>();
  for (const { attention } of layers) {
    if (attention.kind === 'unknown') counts.set(attention.label, (counts.get(attention.label) ?? 0) + 1);
  }
  return counts;
}

/** transformers 5 takes `dtype` before its older name. */
const DTYPE_KEYS = ['dtype', 'torch_dtype'];

/** The element type that the config names: at the root, else beside the language model's keys. */
function nativeDtype(
  reader: ConfigReader,
  root: ConfigReader,
): { readonly value: ElementDtype | null; readonly source: Source } {
  for (const place of [root, reader]) {
    const text = place.string(DTYPE_KEYS);
    if (!text) continue;
    const value = parseElementDtype(text.value);
    if (value) return { value, source: text.source };
    if (text.value === 'auto') continue;
    const key = place.spelling(DTYPE_KEYS) ?? 'dtype';
    place.problem('unknown-dtype', 'warning', key, `${key} is not a known element type; 2 bytes are assumed.`, {
      title: 'Set to bfloat16',
      key: place.pathOf(key),
      value: 'bfloat16',
    });
    place.log.note(`${place.pathOf(key)} is not a known element type: 2 bytes assumed`, true, place.pathOf(key));
    return { value: null, source: { ...text.source, rule: 'unknown element type: 2 bytes assumed' } };
  }
  root.log.note('no torch_dtype or dtype: 2 bytes per element', false);
  return { value: null, source: reader.derived('no dtype key: 2 bytes per element') };
}

/** KV-cache format that the config (or the file beside it) prescribes; the weights' own quantisation says nothing about the cache. */
function declaredKvDtype(
  reader: ConfigReader,
  root: ConfigReader,
  quantFile: ConfigDocument | undefined,
): ResolvedKvDtype | null {
  const log = new ReadingLog();
  const beside = quantFile ? new ConfigReader(quantFile, ['quantization'], log) : null;
  const found = kvDtypeIn(root, reader, beside);
  // Places in the file beside are none of this one.
  for (const { text, inexact } of log.notes) root.log.note(text, inexact);
  for (const { rule, severity, message } of log.problems)
    root.problem(rule, severity, null, `hf_quant_config.json: ${message}`);
  return found;
}

function kvDtypeIn(root: ConfigReader, reader: ConfigReader, beside: ConfigReader | null): ResolvedKvDtype | null {
  for (const quantization of [root.nested('quantization_config'), reader.nested('quantization_config'), beside]) {
    if (!quantization) continue;
    const algorithm = quantization.string(['kv_cache_quant_algo']);
    const named = algorithm ? kvAlgorithm(algorithm.value) : null;
    const scheme = quantization.nested('kv_cache_scheme');
    const found = named ?? (scheme ? kvScheme(scheme) : null);
    if (found) {
      const file = quantization === beside ? ' of hf_quant_config.json' : '';
      root.log.note(
        `KV cache in ${found}, from ${quantization.pathOf(named ? 'kv_cache_quant_algo' : 'kv_cache_scheme')}${file}`,
        false,
      );
      return found;
    }
  }
  return null;
}

function kvAlgorithm(name: string): ResolvedKvDtype | null {
  switch (name.toUpperCase()) {
    case 'FP8':
      return 'fp8';
    case 'NVFP4':
      return 'nvfp4';
    default:
      return null;
  }
}

/** compressed-tensors and modelopt: `{ "num_bits": 8, "type": "float" }`. */
function kvScheme(scheme: ConfigReader): ResolvedKvDtype | null {
  const bits = scheme.integer(['num_bits'])?.value;
  const type = scheme.string(['type'])?.value;
  if (bits === 8 && type === 'float') return 'fp8';
  if (bits === 4 && type === 'float') return 'nvfp4';
  scheme.log.note(`${scheme.path.join('.')} is not a known KV-cache format; the config's own type is used`, true);
  return null;
}

/** The smallest of the context keys that stand in the config (vLLM takes the smallest). */
function contextLength(reader: ConfigReader): Sourced<number> | null {
  const given = CONTEXT_KEYS.filter((key) => reader.has(key)).flatMap((key): Sourced<number>[] => {
    const value = reader.own(key);
    return typeof value === 'number' && Number.isSafeInteger(value) && value > 0
      ? [{ value, source: reader.source(key) }]
      : [];
  });
  return given.reduce<Sourced<number> | null>(
    (least, next) => (least === null || next.value < least.value ? next : least),
    null,
  );
}
