/** Boxes of one kind of layer, with its weights, operations and keys. */

import type { Part } from '../families/counted/tally';
import type { LayerKind } from '../serving/anatomy/anatomy';
import { countOf, type PartCounts } from '../serving/anatomy/ends';
import type { KeyRole } from '../serving/anatomy/keys';
import { partOf } from '../serving/parameters/derived';
import { type Box, type Look, type Span, COLUMNS } from './box';

/** Each once, in their order. */
export function distinct(keys: readonly string[]): readonly string[] {
  return [...new Set(keys)];
}

export class BoxMaker {
  constructor(protected readonly kind: LayerKind) {}

  /** A box of weights: those whose names begin so. */
  protected box(
    id: string,
    look: Look,
    title: string,
    lines: readonly string[],
    [from, to]: Span,
    names: readonly string[],
    keys: readonly string[] = [],
  ): Box {
    const parameters = this.sum(names);
    return {
      id,
      look,
      title,
      lines,
      parameters,
      parts: this.parts(names),
      flops: 2 * parameters,
      from,
      to,
      keys: distinct(keys),
    };
  }

  protected counted(
    id: string,
    title: string,
    lines: readonly string[],
    parameters: number | null,
    flops?: number | null,
  ): Box {
    return {
      id,
      look: 'step',
      title,
      lines,
      parameters,
      flops: flops === undefined ? (parameters === null ? null : 2 * parameters) : flops,
      from: 0,
      to: COLUMNS,
      keys: [],
    };
  }

  protected note(
    id: string,
    look: Look,
    title: string,
    lines: readonly string[],
    [from, to]: Span,
    keys: readonly string[],
  ): Box {
    return {
      id,
      look,
      title,
      lines,
      parameters: 0,
      flops: 0,
      from,
      to,
      keys: distinct(keys),
    };
  }

  protected has(name: string): boolean {
    return [...this.kind.weights.keys()].some((each) => each === name || each.startsWith(`${name}.`));
  }

  protected sum(names: readonly string[]): number {
    return countOf(this.parts(names));
  }

  protected parts(names: readonly string[]): PartCounts {
    const counts = new Map<Part, number>();
    for (const [name, count] of this.kind.weights)
      if (names.some((each) => name === each || name.startsWith(`${each}.`))) {
        const part = this.kind.parameters?.named.get(name) ?? partOf(name);
        counts.set(part, (counts.get(part) ?? 0) + count);
      }
    return Object.fromEntries(counts);
  }

  /** Keys of factors of the cache, and of roles. */
  protected keysOf(factors: readonly string[], roles: readonly KeyRole[] = []): readonly string[] {
    const { sources, keys } = this.kind;
    return [...factors.flatMap((factor) => sources[factor]?.key ?? []), ...roles.flatMap((role) => keys.of(role))];
  }
}
