/** The frame of an HTML file of its own: nothing is loaded, run, sent or framed, whatever the text is. */

import { visible } from '../model/visibleText';

const POLICY = "default-src 'none'; style-src 'unsafe-inline'; img-src data:; base-uri 'none'; form-action 'none'";

/** Last words of such a file, behind who made it. */
export const LOADS_NOTHING = 'This page is one file: it loads nothing and runs no code.';

export interface StandalonePage {
  readonly title: string;
  readonly style: string;
  /** HTML in which text is escaped. */
  readonly body: string;
}

export function standalonePage({ title, style, body }: StandalonePage): string {
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="${POLICY}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="referrer" content="no-referrer">
<title>${htmlText(title)}</title>
<style>${style}</style>
</head>
<body>
${body}
</body>
</html>
`;
}

/** Text of anybody, for an element or an attribute in quotes: escaped, and what is not seen is shown. */
export function htmlText(text: string): string {
  return escapedHtml(visible(text));
}

export function escapedHtml(text: string): string {
  return text
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;')
    .replaceAll('"', '&quot;')
    .replaceAll("'", '&#39;');
}
