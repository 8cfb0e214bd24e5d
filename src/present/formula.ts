/** What a term of the derivation is in symbols, as papers write it: the factors beside it put in the numbers. */

import type { DerivationTerm, Factor } from '../cache/derivation';

/** Sequences. */
export const SEQUENCES = 'b';

/** "l · 2 · g · h · bytes · s · b", in the order of the factors; null where a factor has no symbol: states are sums of their own. */
export function formulaText(term: DerivationTerm): string | null {
  const symbols = term.factors.map(symbolText);
  if (term.what === 'state' || symbols.includes(null)) return null;
  return [...symbols, entriesSymbol(term), SEQUENCES].join(' · ');
}

/** A factor that is a sum is its summands'. */
function symbolText({ symbol, parts }: Factor): string | null {
  if (!parts) return symbol ?? null;
  const summands = parts.map(symbolText);
  return summands.includes(null) ? null : `(${summands.join(' + ')})`;
}

/** Entries of one sequence of s tokens: w is a window, c a chunk, r how many tokens share an entry. */
export function entriesSymbol({ attention, what }: DerivationTerm): string {
  switch (attention.kind) {
    case 'sliding':
      return 'min(s, w)';
    case 'chunked':
      return 'min(s, c)';
    case 'compressed':
      return what === 'index' ? '⌊s ÷ r⌋' : '(min(s, w) + ⌊s ÷ r⌋)';
    default:
      return 's';
  }
}
