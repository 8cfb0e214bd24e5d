/** The tensors of a file as columns, in natural order: searched and sorted without touching the page. */

import type { AttentionMark, WeightsContents } from '../../src/shared/weightsContract';
import { markText } from '../../src/present/headPartText';
import { elementAt } from '../../src/model/elementAt';

export const SORTS = ['name', 'stored', 'heads', 'type', 'elements', 'bytes', 'file'] as const;
export type Sort = (typeof SORTS)[number];

type Columns = Pick<
  WeightsContents,
  'listed' | 'names' | 'types' | 'files' | 'typeOf' | 'fileOf' | 'ranks' | 'shapes' | 'bytes' | 'stored'
>;

export class TensorList {
  readonly count: number;
  readonly names: readonly string[];
  readonly elements: Float64Array;
  /** Sums of all tensors before one: what a module holds is a difference. */
  private readonly elementsBefore: Float64Array;
  private readonly bytesBefore: Float64Array;
  /** Where the sizes of a tensor begin in `shapes`. */
  private readonly shapeAt: Uint32Array;
  private readonly marks = new Map<number, AttentionMark>();
  private readonly markTexts = new Map<number, string>();
  private lower: readonly string[] | null = null;

  constructor(private readonly columns: Columns) {
    const { listed, names, ranks, shapes, bytes } = columns;
    this.count = listed;
    this.names = listed === 0 ? [] : new TextDecoder().decode(names).split('\n');
    this.elements = new Float64Array(listed);
    this.shapeAt = new Uint32Array(listed + 1);
    this.elementsBefore = new Float64Array(listed + 1);
    this.bytesBefore = new Float64Array(listed + 1);
    for (let i = 0, at = 0; i < listed; i++) {
      let product = 1;
      for (let d = 0; d < elementAt(ranks, i); d++) product *= elementAt(shapes, at++);
      this.shapeAt[i + 1] = at;
      this.elements[i] = product;
      this.elementsBefore[i + 1] = elementAt(this.elementsBefore, i) + product;
      this.bytesBefore[i + 1] = elementAt(this.bytesBefore, i) + elementAt(bytes, i);
    }
  }

  nameOf(tensor: number): string {
    return elementAt(this.names, tensor);
  }

  typeOf(tensor: number): string {
    return elementAt(this.columns.types, elementAt(this.columns.typeOf, tensor)).name;
  }

  fileOf(tensor: number): string {
    return elementAt(this.columns.files, elementAt(this.columns.fileOf, tensor)).name;
  }

  shapeOf(tensor: number): readonly number[] {
    return [...this.columns.shapes.subarray(elementAt(this.shapeAt, tensor), elementAt(this.shapeAt, tensor + 1))];
  }

  bytesOf(tensor: number): number {
    return elementAt(this.columns.bytes, tensor);
  }

  /** Of the tensors `[from, to)`. */
  sizesOf(from: number, to: number): { readonly elements: number; readonly bytes: number } {
    return {
      elements: elementAt(this.elementsBefore, to) - elementAt(this.elementsBefore, from),
      bytes: elementAt(this.bytesBefore, to) - elementAt(this.bytesBefore, from),
    };
  }

  setMarks(marks: readonly AttentionMark[]): void {
    this.marks.clear();
    this.markTexts.clear();
    this.lower = null;
    for (const mark of marks) {
      this.marks.set(mark.tensor, mark);
      this.markTexts.set(mark.tensor, markText(mark.parts));
    }
  }

  markOf(tensor: number): AttentionMark | null {
    return this.marks.get(tensor) ?? null;
  }

  markTextOf(tensor: number): string {
    return this.markTexts.get(tensor) ?? '';
  }

  get marked(): number {
    return this.marks.size;
  }

  /** Tensors whose name, type and mark have every word of the query. */
  found(query: string, attentionOnly: boolean): Uint32Array {
    const words = query.toLowerCase().split(/\s+/).filter(Boolean);
    const result = new Uint32Array(this.count);
    let size = 0;
    const lower = words.length > 0 ? this.searched() : [];
    for (let i = 0; i < this.count; i++) {
      if (attentionOnly && !this.marks.has(i)) continue;
      const text = lower[i] ?? '';
      let all = true;
      for (const word of words) if (!text.includes(word)) all = false;
      if (all) result[size++] = i;
    }
    return result.subarray(0, size);
  }

  private searched(): readonly string[] {
    const types = this.columns.types.map(({ name }) => ` ${name.toLowerCase()}`);
    return (this.lower ??= this.names.map((name, i) => {
      const mark = this.markTexts.get(i);
      const text = name.toLowerCase() + elementAt(types, elementAt(this.columns.typeOf, i));
      return mark === undefined ? text : `${text} ${mark.toLowerCase()}`;
    }));
  }

  /** In another order; equal ones stay in natural order. */
  sorted(tensors: Uint32Array, sort: Sort, descending: boolean): Uint32Array {
    const keys = this.keysOf(sort);
    const sign = descending ? -1 : 1;
    const result = tensors.slice();
    if (keys === null) return descending ? result.reverse() : result;
    return result.sort((a, b) => sign * ((keys[a] as number) - (keys[b] as number)) || a - b);
  }

  private keysOf(sort: Sort): ArrayLike<number> | null {
    const { columns } = this;
    switch (sort) {
      case 'name':
        return null;
      case 'stored':
        return columns.stored;
      case 'elements':
        return this.elements;
      case 'bytes':
        return columns.bytes;
      case 'file':
        return columns.fileOf;
      case 'type':
        return this.placed(columns.typeOf, columns.types);
      case 'heads':
        return Float64Array.from({ length: this.count }, (_, i) => {
          const letter = this.marks.get(i)?.parts[0]?.letter;
          return letter === undefined ? 9 : ['Q', 'K', 'V', 'O', 'latent'].indexOf(letter);
        });
    }
  }

  /** By the names of what the tensors point to. */
  private placed(of: Uint16Array, named: readonly { readonly name: string }[]): Float64Array {
    const names = named.map(({ name }) => name).sort();
    const place = named.map(({ name }) => names.indexOf(name));
    return Float64Array.from(of, (at) => elementAt(place, at));
  }
}
