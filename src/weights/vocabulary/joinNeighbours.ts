/** Joining neighbours in a text, the best pair first: the loop that byte pairs and SentencePiece share. */

/**
 * Where the symbols of a text end after no two neighbours can be joined any more.
 *
 * @param ends Where they end before.
 * @param costOf What joining costs: the least is joined first, the left one of equals; null where the pair cannot be joined.
 */
export function joinNeighbours(
  ends: readonly number[],
  costOf: (from: number, middle: number, to: number) => number | null,
): number[] {
  const count = ends.length;
  if (count < 2) return [...ends];
  const start = Int32Array.from({ length: count }, (_, index) => (index === 0 ? 0 : (ends[index - 1] as number)));
  const end = Int32Array.from(ends);
  const next = Int32Array.from({ length: count }, (_, index) => (index + 1 < count ? index + 1 : -1));
  const previous = Int32Array.from({ length: count }, (_, index) => index - 1);
  /** Pairs that were found; one is outdated when a side of it has grown or is gone. */
  const queue = new PairQueue();
  const look = (left: number, right: number): void => {
    if (left < 0 || right < 0) return;
    const cost = costOf(start[left] as number, end[left] as number, end[right] as number);
    if (cost !== null) queue.push(cost, left, right, end[right] as number);
  };
  for (let right = 1; right < count; right++) look(right - 1, right);
  while (queue.pop()) {
    const { left, right } = queue;
    // A symbol that is gone ends where it starts; one that has grown ends elsewhere.
    if (end[left] === start[left] || end[right] === start[right]) continue;
    if (end[right] !== queue.end || next[left] !== right) continue;
    end[left] = end[right] as number;
    end[right] = start[right] as number;
    const behind = next[right] as number;
    next[left] = behind;
    if (behind >= 0) previous[behind] = left;
    look(previous[left] as number, left);
    look(left, behind);
  }
  const joined: number[] = [];
  for (let symbol = 0; symbol >= 0; symbol = next[symbol] as number) joined.push(end[symbol] as number);
  return joined;
}

/** A heap of pairs by cost, then place. */
class PairQueue {
  private readonly costs: number[] = [];
  private readonly lefts: number[] = [];
  private readonly rights: number[] = [];
  private readonly ends: number[] = [];
  private readonly heap: number[] = [];
  /** The pair that `pop` took out. */
  left = 0;
  right = 0;
  end = 0;

  push(cost: number, left: number, right: number, end: number): void {
    const { heap } = this;
    const pair = this.costs.push(cost) - 1;
    this.lefts.push(left);
    this.rights.push(right);
    this.ends.push(end);
    let at = heap.push(pair) - 1;
    while (at > 0) {
      const above = (at - 1) >> 1;
      const other = heap[above] as number;
      if (!this.isBefore(pair, other)) break;
      heap[at] = other;
      at = above;
    }
    heap[at] = pair;
  }

  /** Takes out the best pair; false where there is none. */
  pop(): boolean {
    const { heap } = this;
    const best = heap[0];
    const last = heap.pop();
    if (best === undefined || last === undefined) return false;
    this.left = this.lefts[best] as number;
    this.right = this.rights[best] as number;
    this.end = this.ends[best] as number;
    if (heap.length === 0) return true;
    let at = 0;
    for (;;) {
      let below = at * 2 + 1;
      if (below >= heap.length) break;
      if (below + 1 < heap.length && this.isBefore(heap[below + 1] as number, heap[below] as number)) below++;
      if (!this.isBefore(heap[below] as number, last)) break;
      heap[at] = heap[below] as number;
      at = below;
    }
    heap[at] = last;
    return true;
  }

  private isBefore(a: number, b: number): boolean {
    const cost = this.costs[a] as number;
    const other = this.costs[b] as number;
    return cost < other || (cost === other && (this.lefts[a] as number) < (this.lefts[b] as number));
  }
}
