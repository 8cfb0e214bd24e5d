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
  private texts: string[] = [];
  private prepared = 0;
  private last: { readonly asked: string; readonly attentionOnly: boolean; readonly result: Uint32Array } | null = null;

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
    this.texts = [];
    this.prepared = 0;
    this.last = null;
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
    const asked = query.toLowerCase();
    const words = asked.split(/\s+/).filter(Boolean);
    // What is typed on finds less: only what was found is looked through.
    const { last } = this;
    const narrows = last !== null && last.attentionOnly === attentionOnly && asked.startsWith(last.asked);
    const among = narrows ? last.result : null;
    const size = among?.length ?? this.count;
    const result = new Uint32Array(size);
    let found = 0;
    for (let at = 0; at < size; at++) {
      const tensor = among === null ? at : elementAt(among, at);
      if (attentionOnly && !this.marks.has(tensor)) continue;
      if (words.length > 0 && !hasAll(this.searched(tensor), words)) continue;
      result[found++] = tensor;
    }
    this.last = { asked, attentionOnly, result: result.subarray(0, found) };
    return this.last.result;
  }

  /** What a query is looked for in; made when it is first needed. */
  private searched(tensor: number): string {
    const known = this.texts[tensor];
    if (known !== undefined) return known;
    const mark = this.markTexts.get(tensor);
    const text = `${this.nameOf(tensor)} ${this.typeOf(tensor)}${mark === undefined ? '' : ` ${mark}`}`.toLowerCase();
    this.texts[tensor] = text;
    return text;
  }

  /** Makes what a search needs for some tensors more, while nothing else is to be done; true when there are none left. */
  prepareSearch(isOver: () => boolean): boolean {
    while (this.prepared < this.count) {
      const end = Math.min(this.count, this.prepared + CHUNK);
      while (this.prepared < end) this.searched(this.prepared++);
      if (isOver()) break;
    }
    return this.prepared >= this.count;
  }

  /** In another order; equal ones stay in natural order. */
  sorted(tensors: Uint32Array, sort: Sort, descending: boolean): Uint32Array {
    const keys = this.keysOf(sort);
    if (keys === null) return descending ? tensors.slice().reverse() : tensors.slice();
    return byKey(tensors, keys, descending);
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
        return this.headPlaces();
    }
  }

  private headPlaces(): Uint8Array {
    const letters: readonly string[] = ['Q', 'K', 'V', 'O', 'latent'];
    const places = new Uint8Array(this.count).fill(letters.length);
    for (const [tensor, { parts }] of this.marks) {
      const [part] = parts;
      if (part) places[tensor] = letters.indexOf(part.letter);
    }
    return places;
  }

  /** By the names of what the tensors point to. */
  private placed(of: Uint16Array, named: readonly { readonly name: string }[]): Uint16Array {
    const names = named.map(({ name }) => name).sort();
    const place = named.map(({ name }) => names.indexOf(name));
    const found = new Uint16Array(of.length);
    for (let at = 0; at < of.length; at++) found[at] = elementAt(place, elementAt(of, at));
    return found;
  }
}

/** Tensors between two looks at the clock. */
const CHUNK = 2000;

function hasAll(text: string, words: readonly string[]): boolean {
  for (const word of words) if (!text.includes(word)) return false;
  return true;
}

/** Values of a key beyond which counting is slower than comparing. */
const FEW_VALUES = 4096;

/** By counting: keys take few values (sizes of a design's layers), and half a million tensors are sorted within a frame. */
function byKey(tensors: Uint32Array, keys: ArrayLike<number>, descending: boolean): Uint32Array {
  const places = new Map<number, number>();
  const counts: number[] = [];
  const placeOf = new Uint32Array(tensors.length);
  for (let at = 0; at < tensors.length; at++) {
    const key = keys[elementAt(tensors, at)] as number;
    let place = places.get(key);
    if (place === undefined) places.set(key, (place = counts.push(0) - 1));
    if (place >= FEW_VALUES) return byComparing(tensors, keys, descending);
    counts[place] = elementAt(counts, place) + 1;
    placeOf[at] = place;
  }
  const values = Float64Array.from(places.keys()).sort();
  if (descending) values.reverse();
  const starts = new Uint32Array(counts.length);
  let start = 0;
  for (const value of values) {
    const place = places.get(value) ?? 0;
    starts[place] = start;
    start += elementAt(counts, place);
  }
  const result = new Uint32Array(tensors.length);
  for (let at = 0; at < tensors.length; at++) {
    const place = elementAt(placeOf, at);
    const to = elementAt(starts, place);
    result[to] = elementAt(tensors, at);
    starts[place] = to + 1;
  }
  return result;
}

function byComparing(tensors: Uint32Array, keys: ArrayLike<number>, descending: boolean): Uint32Array {
  const sign = descending ? -1 : 1;
  return tensors.slice().sort((a, b) => sign * ((keys[a] as number) - (keys[b] as number)) || a - b);
}
