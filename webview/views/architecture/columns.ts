/** Blocks of kinds in columns: in their order, down the first and on in the next, so that reading and Tab go the same way. */

/** Places of the blocks that each column has; the highest column is as low as can be. */
export function columnsOf(heights: readonly number[], columns: number): readonly (readonly number[])[] {
  const most = Math.max(1, Math.min(columns, heights.length));
  // The least height into which they go: between the largest and the sum, each tried at the sums that there are.
  let best: number[][] = [heights.map((_, place) => place)];
  let least = Number.POSITIVE_INFINITY;
  for (const limit of limitsOf(heights)) {
    if (limit >= least) continue;
    const filled = filledTo(limit, heights);
    if (filled === null || filled.length > most) continue;
    best = filled;
    least = limit;
  }
  return best;
}

/** Sums of neighbours: one of them is the height of the highest column. */
function limitsOf(heights: readonly number[]): readonly number[] {
  const sums = new Set<number>();
  for (let from = 0; from < heights.length; from++) {
    let sum = 0;
    for (const height of heights.slice(from)) sums.add((sum += height));
  }
  return [...sums];
}

function filledTo(limit: number, heights: readonly number[]): number[][] | null {
  const columns: number[][] = [];
  let left = 0;
  for (const [place, height] of heights.entries()) {
    if (height > limit) return null;
    const last = columns.at(-1);
    if (last === undefined || height > left) {
      columns.push([place]);
      left = limit;
    } else last.push(place);
    left -= height;
  }
  return columns;
}
