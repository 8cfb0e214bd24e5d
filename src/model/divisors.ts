/** Arithmetic of head counts. */

/** Divisors of a head count, ascending. Counts are bounded by the reader. */
export function divisorsOf(count: number): number[] {
  const small: number[] = [];
  const large: number[] = [];
  for (let divisor = 1; divisor * divisor <= count; divisor++) {
    if (count % divisor !== 0) continue;
    small.push(divisor);
    if (divisor * divisor !== count) large.push(count / divisor);
  }
  return [...small, ...large.reverse()];
}
