/** How near two key names are: letters that slipped, or the same words joined otherwise. */

/** Names longer than this are not compared: no key is. */
const MOST_LETTERS = 64;

/** 0 where the names differ in case and underscores alone, else the letters between them; null where they are not near. */
export function nearness(name: string, other: string): number | null {
  if (name === other || name.length > MOST_LETTERS) return null;
  if (Math.abs(name.length - other.length) > 4) return null;
  const [plain, otherPlain] = [joined(name), joined(other)];
  if (plain === otherPlain) return 0;
  // layer_1 and layer_2 are two names, not one name and its misspelling.
  if (digits(name) !== digits(other)) return null;
  const most = lettersAllowed(Math.min(plain.length, otherPlain.length));
  const apart = lettersApart(name, other, most);
  return apart > most ? null : apart;
}

const joined = (name: string): string => name.replaceAll(/[_\-\s]/g, '').toLowerCase();
const digits = (name: string): string => name.replaceAll(/\D/g, '');

/** Two letters in a short word make another word. */
function lettersAllowed(length: number): number {
  if (length < 3) return 0;
  return length < 9 ? 1 : 2;
}

/**
 * Letters to insert, remove, replace or swap with their neighbour (optimal string alignment); more than `most` where it is more.
 * Only the diagonal is walked on which `most` can be reached.
 */
function lettersApart(a: string, b: string, most: number): number {
  if (Math.abs(a.length - b.length) > most) return most + 1;
  let before: number[] = [];
  let above = Array.from({ length: b.length + 1 }, (_, column) => column);
  for (let row = 1; row <= a.length; row++) {
    const line = new Array<number>(b.length + 1).fill(most + 1);
    if (row <= most) line[0] = row;
    let least = line[0] ?? most + 1;
    for (let column = Math.max(1, row - most); column <= Math.min(b.length, row + most); column++) {
      const same = a[row - 1] === b[column - 1];
      let letters = Math.min(
        (above[column] ?? most) + 1,
        (line[column - 1] ?? most) + 1,
        (above[column - 1] ?? most) + (same ? 0 : 1),
      );
      if (row > 1 && column > 1 && a[row - 1] === b[column - 2] && a[row - 2] === b[column - 1])
        letters = Math.min(letters, (before[column - 2] ?? most) + 1);
      line[column] = letters;
      least = Math.min(least, letters);
    }
    if (least > most) return most + 1;
    [before, above] = [above, line];
  }
  return above[b.length] ?? most + 1;
}
