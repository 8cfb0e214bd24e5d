/** How a number came about: products with the line of each factor, as parts that a page can draw and link. */

import type { DerivationTerm, Factor } from '../../src/cache/derivation';
import type { Source, TextRange } from '../../src/model/spec';
import { numberText } from '../../src/present/words';

/** Where a factor stands: a key and its line, or the rule that gave it. */
export interface Origin {
  readonly key: string | null;
  /** Null where no place of the file gave it. */
  readonly range: TextRange | null;
  /** Empty where the key says it all. */
  readonly rule: string;
}

export interface FactorRow {
  /** Empty in the first row of a product. */
  readonly sign: '' | '×' | '+';
  readonly value: string;
  readonly name: string;
  /** What it is in the formula; empty where the value says it. */
  readonly symbol: string;
  readonly origin: Origin | null;
}

export function originOf(source: Source): Origin {
  return { key: source.key, range: source.range, rule: source.rule === 'given' ? '' : source.rule };
}

/** A factor that is a sum shows its summands below it. */
export function factorRows(term: DerivationTerm): readonly FactorRow[] {
  return term.factors.flatMap((factor, at): FactorRow[] => {
    const sign = at === 0 ? '' : '×';
    if (!factor.parts) return [rowOf(factor, sign)];
    return factor.parts.map((part, index) => rowOf(part, index === 0 ? sign : '+'));
  });
}

/** Places of the file, each once, from its beginning on. */
export function originsOf(rows: readonly FactorRow[]): Origin[] {
  const found = rows.flatMap(({ origin }) => (origin?.range ? [[origin.key, origin] as const] : []));
  return [...new Map(found).values()].sort((a, b) => (a.range?.line ?? 0) - (b.range?.line ?? 0));
}

function rowOf(factor: Factor, sign: FactorRow['sign']): FactorRow {
  const { name, value, symbol = '', source } = factor;
  const text = numberText(value);
  return { sign, value: text, name, symbol: symbol === text ? '' : symbol, origin: source && originOf(source) };
}
