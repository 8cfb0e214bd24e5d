/**
 * Text of files, for the eye: what a terminal, an editor or a page would obey (control characters, escape sequences, marks that turn the
 * direction of text) or not show at all (what has no width, tags, halves of surrogate pairs) becomes signs that are seen.
 */

/**
 * Where a joiner (U+200D) or a non-joiner (U+200C) belongs to the writing; everywhere else it hides. Narrower than the contexts A1, A2
 * and B of UTS #39 (3.1.1, Joining Controls), which JavaScript has no properties for, and ZWJ sequences of UTS #51 (ED-16).
 */
const JOINED = [emoji(), arabic(), ...indic()].join('|');

/** The selectors of emoji (VS15, VS16) are left: they change no text. */
const UNSEEN = new RegExp(
  String.raw`(?!${JOINED})[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]|(?![\u200c\u200d\ufe0e\ufe0f])\p{DI}`,
  'gu',
);

/** Between two pictures that show in colour; signs such as ©, digits and the letters of flags are none. */
function emoji(): string {
  const picture = String.raw`(?=\p{Extended_Pictographic})\p{Emoji_Presentation}|\p{Extended_Pictographic}\ufe0f`;
  return String.raw`(?<=${picture}|\p{Emoji_Modifier})\u200d(?=${picture})`;
}

/** Between a letter that would join the next one (Joining_Type=D: those of type R and U are left out) and a letter. */
function arabic(): string {
  const alone = String.raw`\u0621-\u0625\u0627\u0629\u062f-\u0632\u0640\u0648\u0671-\u0677\u0688-\u0699`;
  const alone2 = String.raw`\u06c0\u06c3-\u06cb\u06cd\u06cf\u06d2\u06d3\u06d5\u06ee\u06ef`;
  return String.raw`(?<=(?![${alone}${alone2}])(?=\p{L})[\u0620-\u06ff])\u200c(?=(?=\p{L})[\u0620-\u06ff])`;
}

/** After letter and virama of one script, Devanagari to Sinhala: the blocks have one layout, 128 characters each (Sinhala's is its own). */
function indic(): string[] {
  return Array.from({ length: 10 }, (_, script) => {
    const first = 0x900 + script * 0x80;
    const hex = (offset: number) => String.raw`\u0${(first + offset).toString(16)}`;
    const letter = String.raw`(?=\p{L})[${hex(0)}-${hex(0x7f)}]`;
    const before = String.raw`(?<=${letter}${hex(0x3c)}?${hex(script === 9 ? 0x4a : 0x4d)})`;
    return String.raw`${before}(?:\u200c(?=${letter})|\u200d(?!\p{M}))`;
  });
}

/**
 * Letters of western Europe, their marks, and punctuation (U+2010 to U+205E but for the separators and directions in it): nothing of this
 * is unseen. Most texts are of these alone, and to compile the expression above takes longer than all else that a command does.
 */
const PLAIN = /^[ -~\u00a0-\u00ac\u00ae-\u034e\u2010-\u2027\u2030-\u205e]*$/;

/** One line: of line breaks and tabs, too, only the pictures are left. */
export function visible(text: string): string {
  return PLAIN.test(text) ? text : text.replace(UNSEEN, sign);
}

/** Whether `visible` would change it. */
export function hides(text: string): boolean {
  return !PLAIN.test(text) && text.search(UNSEEN) >= 0;
}

/** A control picture (␛), or the number of the character (⟨U+202E⟩). */
function sign(found: string): string {
  const code = found.codePointAt(0) ?? 0;
  return code < 0x20 ? String.fromCharCode(0x2400 + code) : `⟨U+${code.toString(16).toUpperCase().padStart(4, '0')}⟩`;
}

/** The beginning of a text that may be long. */
export function visibleUpTo(longest: number, text: string): string {
  // Before it is looked at, too: a file may hold millions of characters.
  return cut(visible(cut(text, longest)), longest);
}

/** Never between the halves of a character, nor behind a joiner, which would join the sign of the cut. */
function cut(text: string, longest: number): string {
  return text.length > longest ? `${text.slice(0, longest - 1).replace(/[\ud800-\udbff\u200c\u200d]+$/, '')}…` : text;
}

/** Of text that has several lines, these stay. */
export function visibleLines(text: string): string {
  return text
    .replace(/\r\n?/g, '\n')
    .replace(UNSEEN, (found) => (found === '\n' || found === '\t' ? found : sign(found)));
}

/** JSON that holds the same strings, and shows them: for files and programs. Its own line breaks stay. */
export function visibleJson(value: unknown, indent?: number): string {
  const text = JSON.stringify(value, null, indent);
  if (PLAIN.test(text)) return text;
  return text.replace(UNSEEN, (found) => (found === '\n' ? found : escapes(found)));
}

function escapes(found: string): string {
  return Array.from(
    { length: found.length },
    (_, unit) => `\\u${found.charCodeAt(unit).toString(16).padStart(4, '0')}`,
  ).join('');
}
