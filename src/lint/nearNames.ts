/** How near two key names are: letters that slipped, or the same words joined otherwise. */

/** Names longer than this are not compared: no key is. */
const MOST_LETTERS = 64;

/** A name with what comparing needs of it, made once: many are compared with many. */
export interface NearName {
  readonly name: string;
  /** Without case and joints. */
  readonly plain: string;
  readonly digits: string;
  /** A bit for each letter that is in it. */
  readonly letters: number;
}

export function nearName(name: string): NearName {
  // Longer ones are compared with nothing.
  if (name.length > MOST_LETTERS) return { name, plain: name, digits: '', letters: 0 };
  let letters = 0;
  for (let at = 0; at < name.length; at++) letters |= 1 << (name.charCodeAt(at) & 31);
  return {
    name,
    plain: name.replaceAll(/[_\-\s]/g, '').toLowerCase(),
    digits: name.replaceAll(/\D/g, ''),
    letters,
  };
}

/** 0 where the names differ in case and underscores alone, else the letters between them; null where they are not near. */
export function nearness(one: NearName, other: NearName): number | null {
  const apart = Math.abs(one.name.length - other.name.length);
  if (apart > 4 || one.name.length > MOST_LETTERS || one.name === other.name) return null;
  if (one.plain === other.plain) return 0;
  const most = lettersAllowed(Math.min(one.plain.length, other.plain.length));
  // A letter that is put in place of another takes one bit away and brings one.
  if (apart > most || bits(one.letters ^ other.letters) > 2 * most) return null;
  // layer_1 and layer_2 are two names, not one name and its misspelling.
  if (one.digits !== other.digits) return null;
  const letters = lettersApart(one.name, other.name, most);
  return letters > most ? null : letters;
}

/** How many bits of a number of 32 are set. */
function bits(value: number): number {
  let rest = value - ((value >>> 1) & 0x55555555);
  rest = (rest & 0x33333333) + ((rest >>> 2) & 0x33333333);
  return (((rest + (rest >>> 4)) & 0x0f0f0f0f) * 0x01010101) >>> 24;
}

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
  let [before, above, line] = rows;
  for (let column = 0; column <= b.length; column++) above[column] = column;
  for (let row = 1; row <= a.length; row++) {
    const [from, to] = [Math.max(1, row - most), Math.min(b.length, row + most)];
    // What is beside the diagonal is too far; the rows are used again.
    line[from - 1] = row <= most ? row : most + 1;
    if (to < b.length) line[to + 1] = most + 1;
    let least = line[from - 1] ?? most;
    for (let column = from; column <= to; column++) {
      const same = a.charCodeAt(row - 1) === b.charCodeAt(column - 1);
      let letters = Math.min(
        (above[column] ?? most) + 1,
        (line[column - 1] ?? most) + 1,
        (above[column - 1] ?? most) + (same ? 0 : 1),
      );
      if (
        row > 1 &&
        column > 1 &&
        a.charCodeAt(row - 1) === b.charCodeAt(column - 2) &&
        a.charCodeAt(row - 2) === b.charCodeAt(column - 1)
      )
        letters = Math.min(letters, (before[column - 2] ?? most) + 1);
      line[column] = letters;
      least = Math.min(least, letters);
    }
    if (least > most) return most + 1;
    [before, above, line] = [above, line, before];
  }
  return above[b.length] ?? most + 1;
}

/** Three rows of the walk, made once: many thousand pairs are compared. */
const rows = [0, 1, 2].map(() => new Uint8Array(MOST_LETTERS + 2)) as [Uint8Array, Uint8Array, Uint8Array];
