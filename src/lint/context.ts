/** What every rule is given: the language model's object, the layers that were read from it, and where to report. */

import type { AttentionSpec, HeadedAttention, LatentAttention } from '../model/attention';
import { isHeaded } from '../model/attention';
import type { KvDtype } from '../model/dtype';
import type { LayerSpec, Problem, ProblemFix, Severity, Source } from '../model/spec';
import { CONTEXT_KEYS, HEAD_KEYS, LAYER_KEYS } from '../config/spellings';
import type { Reading } from '../reading/read';
import { type ClassDefaults, type ConfigReader, MAX_LAYERS, ReadingLog } from '../config/reader';
import type { RuleId } from './rules';

export interface LintOptions {
  /** Tensor-parallel ranks to check for; absent: the common sizes are told about, none is required. */
  readonly tp?: number;
  /** Cache format to check for. */
  readonly kvDtype?: KvDtype;
  /** The file begins with a byte order mark, which the text does not have. */
  readonly byteOrderMark?: boolean;
}

/** A number and the key that gave it. */
export interface Found {
  readonly key: string;
  readonly value: number;
  /** False where the configuration class gave it. */
  readonly inFile: boolean;
}

/** A layer of one attention, standing for all that share it. */
export interface LayerOf<A extends AttentionSpec> {
  readonly attention: A;
  readonly spec: LayerSpec;
  /** How many layers share it. */
  readonly count: number;
}

export class LintContext {
  /** The language model's object, with what its class gives to absent keys. */
  readonly own: ConfigReader;
  readonly root: ConfigReader;
  readonly defaults: ClassDefaults | null;
  /** One layer per distinct attention. */
  readonly distinct: readonly LayerOf<AttentionSpec>[];
  /** Those with per-head K and V of their own. */
  readonly headed: readonly LayerOf<HeadedAttention>[];
  readonly latent: readonly LayerOf<LatentAttention>[];
  readonly layers: Found | null;
  readonly heads: Found | null;

  private readonly log = new ReadingLog();

  constructor(
    readonly reading: Reading,
    readonly options: LintOptions,
  ) {
    const { spec } = reading;
    this.root = reading.readerAt([], this.log);
    this.own = reading.reader(this.log);
    this.defaults = this.own.defaults;
    this.distinct = distinctLayers(spec.layers);
    this.headed = this.distinct.flatMap((layer) =>
      isHeaded(layer.attention) && layer.attention.kind !== 'shared' ? [{ ...layer, attention: layer.attention }] : [],
    );
    this.latent = this.distinct.flatMap((layer) =>
      layer.attention.kind === 'latent' ? [{ ...layer, attention: layer.attention }] : [],
    );
    const layers = count(this.own, LAYER_KEYS);
    // More are refused by the reading: nothing is made from them.
    this.layers = layers && layers.value <= MAX_LAYERS ? layers : null;
    this.heads = count(this.own, HEAD_KEYS);
  }

  get problems(): readonly Problem[] {
    return this.log.problems;
  }

  /** Trained context length: the smallest of the context keys, as engines take it. */
  get contextLength(): Found | null {
    const { contextLength } = this.reading.spec;
    const key = CONTEXT_KEYS.find((name) => this.own.pathOf(name) === contextLength?.source.key);
    return contextLength && key !== undefined ? { key, value: contextLength.value, inFile: true } : null;
  }

  /** Reports at a key of an object. */
  report(reader: ConfigReader, rule: RuleId, severity: Severity, key: string, message: string, fix?: ProblemFix): void {
    reader.problem(rule, severity, key, message, fix);
  }

  /** Reports where a number of the layers came from. */
  reportAt(source: Source | undefined, rule: RuleId, severity: Severity, message: string, fix?: ProblemFix): void {
    this.log.problems.push({
      rule,
      severity,
      key: source?.key ?? null,
      range: source?.range ?? null,
      message,
      ...(fix ? { fix } : {}),
    });
  }

  /** True when the file has this very number at a source: only then can an edit there change it. */
  isWritten(source: Source | undefined, value: number): boolean {
    if (!source?.range) return false;
    const { offset, length } = source.range;
    return Number(this.reading.document.text.slice(offset, offset + length)) === value;
  }
}

function distinctLayers(layers: readonly LayerSpec[]): LayerOf<AttentionSpec>[] {
  const counts = new Map<AttentionSpec, { spec: LayerSpec; count: number }>();
  for (const spec of layers) {
    const known = counts.get(spec.attention);
    if (known) known.count++;
    else counts.set(spec.attention, { spec, count: 1 });
  }
  return [...counts].map(([attention, { spec, count: n }]) => ({ attention, spec, count: n }));
}

/** The first of several spellings that gives a number which can be a count. Silent: the reading reports what cannot. */
export function count(reader: ConfigReader, keys: readonly string[]): Found | null {
  const key = reader.spelling(keys);
  if (key === null) return null;
  const value = reader.value(key);
  if (typeof value !== 'number' || !Number.isSafeInteger(value) || value < 1) return null;
  return { key, value, inFile: reader.hasValue(key) };
}

/** A finite number that stands in the file, whatever its sign. */
export function numberIn(reader: ConfigReader, key: string): number | null {
  const value = reader.own(key);
  return typeof value === 'number' && Number.isFinite(value) ? value : null;
}

export function setKey(reader: ConfigReader, key: string, value: string | number | boolean): ProblemFix {
  return { title: `Set ${key} to ${value}`, key: reader.pathOf(key), value };
}

export function removeKey(reader: ConfigReader, key: string): ProblemFix {
  return { title: `Remove ${key}`, key: reader.pathOf(key), value: undefined };
}

/** Number and noun, for messages. */
export function plural(value: number, noun: string): string {
  return `${value} ${noun}${value === 1 ? '' : 's'}`;
}
