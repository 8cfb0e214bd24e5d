/**
 * How much of what one head writes another could read, from their weights alone: ‖W_read · W_OV‖ ÷ (‖W_read‖ · ‖W_OV‖), Frobenius norms.
 * Elhage et al. 2021, A Mathematical Framework for Transformer Circuits (composition of heads). None of these matrices is made: each is
 * a product of two thin ones, whose Gram matrices give its norm.
 */

import { type Matrix, multiply, transpose } from '../matrix';

/** The maps of a head. All are `[its dims, hidden]` but `output`, `[hidden, valueDim]`. */
export interface HeadMaps {
  readonly query: Matrix;
  readonly key: Matrix;
  readonly value: Matrix;
  readonly output: Matrix;
}

export interface CompositionScores {
  readonly q: number;
  readonly k: number;
  readonly v: number;
}

/** What is needed of a head that writes. */
export interface Writer {
  readonly output: Matrix;
  /** W_V · W_Vᵀ */
  readonly valueGram: Matrix;
  /** ‖W_O · W_V‖ */
  readonly size: number;
}

/** What is needed of a head that reads: its thin maps, and of each the Gram matrix of the other side. */
export interface Reader {
  readonly parts: Readonly<
    Record<keyof CompositionScores, { readonly map: Matrix; readonly otherGram: Matrix; readonly size: number }>
  >;
}

export function writerOf({ value, output }: Pick<HeadMaps, 'value' | 'output'>): Writer {
  const valueGram = multiply(value, transpose(value));
  return { output, valueGram, size: Math.sqrt(traceOfProduct(multiply(transpose(output), output), valueGram)) };
}

export function readerOf({ query, key, value, output }: HeadMaps): Reader {
  const part = (map: Matrix, otherGram: Matrix): Reader['parts']['q'] => ({
    map,
    otherGram,
    size: Math.sqrt(traceOfProduct(multiply(map, transpose(map)), otherGram)),
  });
  return {
    parts: {
      // W_QK = W_Qᵀ · W_K is read from by its queries (what the earlier head writes is on W_Q's side) or by its keys.
      q: part(query, multiply(key, transpose(key))),
      k: part(key, multiply(query, transpose(query))),
      v: part(value, multiply(transpose(output), output)),
    },
  };
}

export function composition({ parts }: Reader, writer: Writer): CompositionScores {
  const score = ({ map, otherGram, size }: Reader['parts']['q']): number => {
    const middle = multiply(map, writer.output);
    // ‖A · M · B‖² = tr(Mᵀ AᵀA M BBᵀ)
    const squares = traceOfProduct(multiply(transpose(middle), multiply(otherGram, middle)), writer.valueGram);
    const all = size * writer.size;
    return all === 0 ? 0 : Math.sqrt(Math.max(0, squares)) / all;
  };
  return { q: score(parts.q), k: score(parts.k), v: score(parts.v) };
}

/** tr(A · B) of symmetric matrices. */
function traceOfProduct(a: Matrix, b: Matrix): number {
  let sum = 0;
  for (let i = 0; i < a.data.length; i++) sum += (a.data[i] as number) * (b.data[i] as number);
  return sum;
}
