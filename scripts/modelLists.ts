/**
 * Goes through the lists of models that engines and libraries have (test/fixtures/lists), and says of each name what reading a file of
 * it gives: exact, no growing cache, refused by name, or not read, which must be none.
 */

import { readModelConfig } from '../src/reading/read';

type Keys = Readonly<Record<string, unknown>>;

/** A file of test/fixtures/lists: the names, and of each as little of a config as its class can be read from. */
export interface ModelList {
  /** Whose list: shown beside the counts. */
  readonly of: string;
  /** Release and file that the names were read from. */
  readonly source: string;
  /** Which key of a config a name is the value of. */
  readonly key: 'model_type' | 'architectures';
  /**
   * Name -> keys beside it; those that are absent have the class's defaults. A text alone is the other of `model_type` and
   * `architectures`.
   */
  readonly names: Readonly<Record<string, string | Keys>>;
  /** Names whose files are refused, as they are expected: the reasons are the reader's. */
  readonly refused: readonly string[];
}

export interface Refused {
  readonly name: string;
  readonly why: string;
}

/** What became of the names of a list. */
export interface ListCounts {
  readonly of: string;
  readonly source: string;
  readonly names: number;
  /** A family reads them, and every layer is exact. */
  readonly exact: readonly string[];
  /** Encoders, detectors, vision and audio: nothing grows with the tokens, and nothing is kept between them. */
  readonly noCache: readonly string[];
  /** A family knows them and says what it does not: their number is not known. */
  readonly refused: readonly Refused[];
  /** No family knows them: common key names were assumed, or nothing was read. */
  readonly unread: readonly Refused[];
}

type Verdict = 'exact' | 'noCache' | 'refused' | 'unread';

/** The config that stands for a name. */
export function configOf(list: Pick<ModelList, 'key' | 'names'>, name: string): Keys {
  const value = list.names[name] ?? {};
  const other = list.key === 'model_type' ? 'architectures' : 'model_type';
  const keys: Keys = typeof value === 'string' ? { [other]: other === 'architectures' ? [value] : value } : value;
  const architectures = list.key === 'model_type' ? 'Model' : name;
  return { ...(list.key === 'model_type' ? { model_type: name } : {}), architectures: [architectures], ...keys };
}

function verdictOf(text: string): readonly [Verdict, string] {
  const spec = readModelConfig(text)?.spec;
  if (!spec) return ['unread', 'not read as a model config'];
  const why = spec.notes.flatMap((note) => (note.inexact ? [note.text] : [])).join('; ');
  if (spec.family === null) return ['unread', why || 'read without a family'];
  if (!spec.exact) return ['refused', why];
  const keepsNothing = spec.layers.every(
    ({ attention, parallelState }) => attention.kind === 'none' && parallelState === undefined,
  );
  return [keepsNothing ? 'noCache' : 'exact', ''];
}

/** Reads every name of a list; `textOf` gives another file than a config.json of it. */
export function countsOf(
  list: ModelList,
  textOf = (name: string): string => JSON.stringify(configOf(list, name)),
): ListCounts {
  const found = Object.keys(list.names).map((name) => {
    const [verdict, why] = verdictOf(textOf(name));
    return { name, verdict, why };
  });
  const named = (wanted: Verdict): string[] => found.flatMap(({ name, verdict }) => (verdict === wanted ? [name] : []));
  const withReasons = (wanted: Verdict): Refused[] =>
    found.flatMap(({ name, verdict, why }) => (verdict === wanted ? [{ name, why }] : []));
  return {
    of: list.of,
    source: list.source,
    names: found.length,
    exact: named('exact'),
    noCache: named('noCache'),
    refused: withReasons('refused'),
    unread: withReasons('unread'),
  };
}
