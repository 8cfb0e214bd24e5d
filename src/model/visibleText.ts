/**
 * Text of files, for the eye: what a terminal, an editor or a page would obey (control characters, escape sequences, marks that turn the
 * direction of text) or not show at all (what has no width, tags, halves of surrogate pairs) becomes signs that are seen.
 */

/** The selectors of emoji (VS15, VS16) are left: they change no text. */
const UNSEEN = /[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]|(?![\ufe0e\ufe0f])\p{DI}/gu;

/** One line: of line breaks and tabs, too, only the pictures are left. */
export function visible(text: string): string {
  return text.replace(UNSEEN, sign);
}

/** Whether `visible` would change it. */
export function hides(text: string): boolean {
  return text.search(UNSEEN) >= 0;
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

/** Never between the halves of a character. */
function cut(text: string, longest: number): string {
  return text.length > longest ? `${text.slice(0, longest - 1).replace(/[\ud800-\udbff]$/, '')}…` : text;
}

/** Of text that has several lines, these stay. */
export function visibleLines(text: string): string {
  return text
    .replace(/\r\n?/g, '\n')
    .replace(UNSEEN, (found) => (found === '\n' || found === '\t' ? found : sign(found)));
}

/** JSON that holds the same strings, and shows them: for files and programs. Its own line breaks stay. */
export function visibleJson(value: unknown, indent?: number): string {
  return JSON.stringify(value, null, indent).replace(UNSEEN, (found) => (found === '\n' ? found : escapes(found)));
}

function escapes(found: string): string {
  return Array.from(
    { length: found.length },
    (_, unit) => `\\u${found.charCodeAt(unit).toString(16).padStart(4, '0')}`,
  ).join('');
}
