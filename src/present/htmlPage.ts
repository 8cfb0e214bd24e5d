/**
 * A result as an HTML file of its own: it can be sent to somebody, opened anywhere, and loads nothing. Made of the same Markdown that the
 * editor renders, so that a page and a file say the same.
 */

import { Marked, type Tokens } from 'marked';
import { visibleLines } from '../model/visibleText';
import { escapedHtml, htmlText, LOADS_NOTHING, standalonePage } from './standalonePage';

export interface HtmlPage {
  readonly title: string;
  /** What `Markdown` has as its source: text of files is escaped in it. */
  readonly markdown: string;
  /** An SVG file of ours, below the text. */
  readonly figure?: string;
  /** Who made it, in the last line. */
  readonly madeBy: string;
}

const STYLE = `
:root { color-scheme: light dark; --line: light-dark(#d1d9e0, #3d444d); --quiet: light-dark(#59636e, #9198a1) }
body { margin: 2rem auto; padding: 0 1rem; max-width: 76rem; font: 15px/1.5 system-ui, sans-serif; overflow-wrap: anywhere }
h1 { font-size: 1.6rem; line-height: 1.25 } h2 { font-size: 1.25rem } h3 { font-size: 1.05rem }
.table { overflow-x: auto; margin: 1rem 0 } table { border-collapse: collapse; font-variant-numeric: tabular-nums; overflow-wrap: normal }
th, td { border: 1px solid var(--line); padding: 0.3rem 0.7rem; vertical-align: top } th { text-align: left } td[align='right'] { white-space: nowrap }
code { font: 0.9em ui-monospace, monospace }
figure { margin: 1.5rem 0; overflow-x: auto } .drawing svg { display: block; max-width: 100%; height: auto }
footer { margin-top: 2rem; padding-top: 0.5rem; border-top: 1px solid var(--line); color: var(--quiet); font-size: 0.85rem }
`;

export function htmlPage({ title, markdown, figure, madeBy }: HtmlPage): string {
  const drawing = figure === undefined ? '' : `<figure class="drawing">${inPage(figure)}</figure>\n`;
  return standalonePage({
    title,
    style: STYLE,
    body: `<main>
${htmlOf(markdown)}${drawing}</main>
<footer>${htmlText(madeBy)} ${LOADS_NOTHING}</footer>`,
  });
}

/** A picture that `figure` of markdown.ts put there, in the one form that it has; there is no other HTML in our Markdown. */
const OWN_FIGURE = /^<figure style="margin: 0; overflow-x: auto"><svg [^\n]*<\/svg><\/figure>\s*$/;

const RENDERER = new Marked({
  async: false,
  gfm: true,
  renderer: {
    html: ({ text }: Tokens.HTML | Tokens.Tag) => (OWN_FIGURE.test(text) ? text : escapedHtml(text)),
    // Commands of the editor lead nowhere outside of it: what they are called stays.
    link({ href, tokens }: Tokens.Link) {
      const text = this.parser.parseInline(tokens);
      return /^https:\/\//.test(href) ? `<a href="${escapedHtml(href)}">${text}</a>` : text;
    },
    image: ({ text }: Tokens.Image) => escapedHtml(text),
  },
});

function htmlOf(markdown: string): string {
  const html = RENDERER.parse(visibleLines(markdown), { async: false });
  return html.replaceAll('<table>', '<div class="table"><table>').replaceAll('</table>', '</table></div>');
}

/** Within HTML an SVG needs no name of its format. */
function inPage(svg: string): string {
  return svg.replace(' xmlns="http://www.w3.org/2000/svg"', '').trim();
}
