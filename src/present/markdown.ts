/** Markdown from parts that may come from an untrusted file: nothing of it may become markup, a link or an image. */

/** Escapes text for a paragraph or a table cell. Control characters and line breaks become spaces. */
export function escapeText(text: string): string {
  return plain(text).replace(/[\\`*_{}[\]()#+\-.!|~<>&@:$]/g, (character) => (character === '<' ? '&lt;' : character === '&' ? '&amp;' : `\\${character}`));
}

/** A code span. Backticks cannot stand in it; pipes would end a table cell. */
export function codeSpan(text: string, longest = LONGEST): string {
  const inner = plain(text, longest).replaceAll('`', "'").replaceAll('|', '\\|');
  return inner.trim() === '' ? '' : `\`${inner}\``;
}

/** A table; cells are Markdown already. */
export function table(header: readonly string[], rows: readonly (readonly string[])[], align: readonly ('left' | 'right')[] = []): string {
  const rule = header.map((_, column) => (align[column] === 'right' ? '--:' : ':--'));
  return [header, rule, ...rows].map((cells) => `| ${cells.join(' | ')} |`).join('\n');
}

const LONGEST = 120;

function plain(text: string, longest = LONGEST): string {
  // Control characters, and those that turn the direction of text, would let a file change how a hover reads.
  const single = text.replace(/[\u0000-\u001f\u007f\u2028\u2029\u202a-\u202e\u2066-\u2069]+/g, ' ');
  return single.length > longest ? `${single.slice(0, longest - 1)}…` : single;
}
