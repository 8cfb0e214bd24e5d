/** The tree of modules: each is a stretch of the tensors in natural order, so that nothing is built before it is opened. */

import { elementAt } from '../../src/model/elementAt';

export interface ModuleNode {
  /** Names below it begin so: with the dot behind it; a tensor's whole name. */
  readonly path: string;
  readonly label: string;
  readonly level: number;
  /** Tensors `[from, to)`. */
  readonly from: number;
  readonly to: number;
  /** It is a tensor itself. */
  readonly leaf: boolean;
  /** Place among those beside it, counted from 1, and how many these are. */
  readonly place: number;
  readonly beside: number;
}

const ROOT = { path: '', from: 0, level: 0 };

/** What is shown: all modules whose path is expanded, and what stands in them. */
export function visibleNodes(names: readonly string[], expanded: ReadonlySet<string>): readonly ModuleNode[] {
  const result: ModuleNode[] = [];
  const add = (parent: Pick<ModuleNode, 'path' | 'from' | 'to' | 'level'>): void => {
    for (const node of childrenOf(names, parent)) {
      result.push(node);
      if (!node.leaf && expanded.has(node.path)) add(node);
    }
  };
  add({ ...ROOT, to: names.length });
  return result;
}

/** A module with only one in it stands with it on one line, as folders do. */
export function childrenOf(
  names: readonly string[],
  { path, from, to, level }: Pick<ModuleNode, 'path' | 'from' | 'to' | 'level'>,
): readonly ModuleNode[] {
  const found: Omit<ModuleNode, 'place' | 'beside'>[] = [];
  for (let start = from; start < to; ) {
    const end = sameModule(names, path.length, start, to);
    const below = commonPath(names, path.length, start, end);
    found.push({
      path: below,
      label: below.slice(path.length).replace(/\.$/, ''),
      level: level + 1,
      from: start,
      to: end,
      leaf: end - start === 1,
    });
    start = end;
  }
  return found.map((node, at) => ({ ...node, place: at + 1, beside: found.length }));
}

/** The end of the run of names that have one segment behind `length` characters in common. */
function sameModule(names: readonly string[], length: number, start: number, to: number): number {
  const name = elementAt(names, start);
  const dot = name.indexOf('.', length);
  if (dot < 0) return start + 1;
  const segment = name.slice(0, dot + 1);
  // The run is one stretch: its end is found by halves.
  let [low, high] = [start + 1, to];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (elementAt(names, middle).startsWith(segment)) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** The path that all names of a run share: more than one segment where there is nothing else. */
function commonPath(names: readonly string[], length: number, start: number, end: number): string {
  const [first, last] = [elementAt(names, start), elementAt(names, end - 1)];
  if (end - start === 1) return first;
  let at = length;
  for (;;) {
    const dot = first.indexOf('.', at);
    if (dot < 0 || !last.startsWith(first.slice(0, dot + 1))) break;
    at = dot + 1;
  }
  return first.slice(0, at);
}

/** Paths of all modules that a tensor is in, for it to be seen. */
export function pathsTo(names: readonly string[], tensor: number): readonly string[] {
  const paths: string[] = [];
  let parent: Pick<ModuleNode, 'path' | 'from' | 'to' | 'level'> = { ...ROOT, to: names.length };
  for (;;) {
    const next = childrenOf(names, parent).find(({ from, to }) => from <= tensor && tensor < to);
    if (next === undefined || next.leaf) return paths;
    paths.push(next.path);
    parent = next;
  }
}
