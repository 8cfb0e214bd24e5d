/**
 * What llama.cpp knows of characters: one category for each code point, by the tables of Unicode 15.1 that it is built with (llama.cpp
 * v0.5.0 src/unicode-data.cpp). The machine this runs on may know later characters: they count as not assigned, as there.
 */

/** A category is written as the character that stands for all of it in a text of classes (unicode.cpp `k_ucat_cpt`). */
export const NUMBER = 0xd1;
export const LETTER = 0xd2;
export const PUNCTUATION = 0xd3;
export const MARK = 0xd4;
export const SYMBOL = 0xd5;
/** Control and format characters, private use. No expression asks for them. */
export const CONTROL = 0xd6;
const UNASSIGNED = 0xd7;
/** White space is `\s` of every expression. */
export const SPACE = 0x0b;

/** Members of a category below 128, as they stand inside of a bracket (unicode.cpp `k_ucat_map`). */
export const ASCII_MEMBERS: ReadonlyMap<number, string> = new Map([
  [NUMBER, '0-9'],
  [LETTER, 'A-Za-z'],
  [PUNCTUATION, '!-#%-*,-\\/:;?@\\[-\\]_{}'],
  [MARK, ''],
  [SYMBOL, '$+<=>^`|~'],
]);

/** Assigned after Unicode 15.1, up to 17.0: code points and ranges in hexadecimal. */
const LATER =
  '88f 897 c5c cdc 1acf-1add 1ae0-1aeb 1b4e-1b4f 1b7f 1c89-1c8a 20c1 2427-2429 2b96 31e4-31e5 a7cb-a7cf a7d2 a7d4 a7da-a7dc a7f1 ' +
  'fbc3-fbd2 fd90-fd91 fdc8-fdce 105c0-105f3 10940-10959 10d40-10d65 10d69-10d85 10d8e-10d8f 10ec2-10ec7 10ed0-10ed8 10efa-10efc ' +
  '11380-11389 1138b 1138e 11390-113b5 113b7-113c0 113c2 113c5 113c7-113ca 113cc-113d5 113d7-113d8 113e1-113e2 116d0-116e3 ' +
  '11b60-11b67 11bc0-11be1 11bf0-11bf9 11db0-11ddb 11de0-11de9 11f5a 13460-143fa 16100-16139 16d40-16d79 16ea0-16eb8 16ebb-16ed3 ' +
  '16ff2-16ff6 187f8-187ff 18cff 18d09-18d1e 18d80-18df2 1cc00-1ccfc 1cd00-1ceb3 1ceba-1ced0 1cee0-1cef0 1e5d0-1e5fa 1e5ff ' +
  '1e6c0-1e6de 1e6e0-1e6f5 1e6fe-1e6ff 1f6d8 1f777-1f77a 1f8b2-1f8bb 1f8c0-1f8c1 1f8d0-1f8d8 1fa54-1fa57 1fa89-1fa8a 1fa8e-1fa8f ' +
  '1fabe 1fac6 1fac8 1facd 1fadc 1fadf 1fae9-1faea 1faef 1fbcb-1fbef 1fbfa 2b73a-2b73f 2cea2-2cead 323b0-33479';

const later = LATER.split(' ').map((range) => {
  const [first = '', last = first] = range.split('-');
  return [parseInt(first, 16), parseInt(last, 16)] as const;
});

const isLater = (point: number): boolean => later.some(([first, last]) => first <= point && point <= last);

const TESTS: readonly (readonly [category: number, members: RegExp])[] = [
  [SPACE, /^[\t-\r \u0085\u00a0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000]/],
  [LETTER, /^\p{L}/u],
  [NUMBER, /^\p{N}/u],
  [PUNCTUATION, /^\p{P}/u],
  [MARK, /^\p{M}/u],
  [SYMBOL, /^\p{S}/u],
  [CONTROL, /^[\p{Cc}\p{Cf}\p{Co}\p{Cs}]/u],
];

function find(point: number): number {
  if (isLater(point)) return UNASSIGNED;
  const character = String.fromCodePoint(point);
  return TESTS.find(([, members]) => members.test(character))?.[0] ?? UNASSIGNED;
}

/** Found once for each code point; 0 is not asked for yet. */
let found: Uint8Array | undefined;

/** The category of a code point. White space comes first, whatever it is besides. */
export function categoryOf(point: number): number {
  found ??= new Uint8Array(0x110000);
  return (found[point] ||= find(point));
}

/** Lower case of one code point as one code point (`unicode_tolower`). */
export function lowerCase(point: number): number {
  if (point < 128) return point > 64 && point < 91 ? point + 32 : point;
  if (isLater(point)) return point;
  return String.fromCodePoint(point).toLowerCase().codePointAt(0) ?? point;
}

/** The letter under its accents: the first code point of the decomposition (`unicode_cpts_normalize_nfd`). */
export function withoutAccents(point: number): number {
  if (point < 128 || isLater(point)) return point;
  return String.fromCodePoint(point).normalize('NFD').codePointAt(0) ?? point;
}

/** Chinese characters, as `unicode_cpt_is_han` has them. */
export function isHan(point: number): boolean {
  return (
    (point >= 0x4e00 && point <= 0x9fff) ||
    (point >= 0x3400 && point <= 0x4dbf) ||
    (point >= 0x20000 && point <= 0x2a6df) ||
    (point >= 0x2a700 && point <= 0x2ebef) ||
    (point >= 0xf900 && point <= 0xfaff) ||
    (point >= 0x2f800 && point <= 0x2fa1f)
  );
}
