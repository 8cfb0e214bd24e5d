/** Results as HTML files: what the Markdown says, and nothing that is loaded, run or led to. */

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { htmlPage } from '../../../src/present/htmlPage';
import {
  codeSpan,
  documentOf,
  figure,
  heading,
  lineLink,
  list,
  type Markdown,
  md,
  table,
} from '../../../src/present/markdown';
import { svg } from '../../../src/present/svg';
import { HOSTILE } from '../support/hostile';

const pageOf = (markdown: Markdown, title = 'A page'): string =>
  htmlPage({ title, markdown: markdown.source, madeBy: 'A test.' });
const bodyOf = (page: string): string => /<main>\n([\s\S]*)<\/main>/.exec(page)?.[1] ?? '';
const tagsOf = (html: string): string[] => [...html.matchAll(/<[^>]*>/g)].map(([tag]) => tag);
/** As a browser would read it. */
const textOf = (html: string): string =>
  html
    .replace(/<[^>]*>/g, '')
    .replaceAll('&lt;', '<')
    .replaceAll('&gt;', '>')
    .replaceAll('&quot;', '"')
    .replaceAll('&#39;', "'")
    .replaceAll('&amp;', '&')
    .trim();

describe('a page in one file', () => {
  it('has headings, tables, lists, code and pictures of ours', () => {
    const drawn = figure(svg`<svg viewBox="0 0 1 1"><text>${'a<b'}</text></svg>`);
    const body = bodyOf(
      pageOf(
        documentOf([
          heading(1, 'Cache'),
          table(['key', 'size'], [[codeSpan('a|b<c'), '10']], ['left', 'right']),
          list([md`**one**`, 'two']),
          drawn,
        ]),
      ),
    );
    expect(body).toContain('<h1>Cache</h1>');
    expect(body).toMatch(/<td align="left"><code>a\|b&lt;c<\/code><\/td>\s*<td align="right">10<\/td>/);
    expect(body).toMatch(/<li><strong>one<\/strong><\/li>\s*<li>two<\/li>/);
    expect(body).toContain('<svg viewBox="0 0 1 1"><text>a&lt;b</text></svg>');
  });

  it('leads to no command of the editor: what its link is called stays', () => {
    const body = bodyOf(pageOf(md`At ${lineLink(12)}.`));
    expect(body).toBe('<p>At line 12.</p>\n');
  });

  it.each([HOSTILE, '<svg onload=alert(1)>', '<figure style="margin: 0; overflow-x: auto"><svg x></svg></figure>'])(
    'shows as text: %s',
    (text) => {
      const page = pageOf(
        documentOf([heading(2, text), md`${text}`, table(['a'], [[text]]), list([codeSpan(text)])]),
        text,
      );
      const known = /^<\/?(?:h2|p|div|div class="table"|table|thead|tbody|tr|t[hd](?: align="left")?|ul|li|code)>$/;
      expect(tagsOf(bodyOf(page)).filter((tag) => !known.test(tag))).toEqual([]);
      expect(/<title>([^<]*)<\/title>/.exec(page)?.[1]).not.toMatch(/[<>]/);
    },
  );

  it('says every text as it is', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme-ascii', minLength: 1, maxLength: 60 }), (text) => {
        fc.pre(text.trim() === text && !/\s{2}/.test(text));
        const body = bodyOf(pageOf(md`x ${text} y`));
        expect(tagsOf(body)).toEqual(['<p>', '</p>']);
        expect(textOf(body)).toBe(`x ${text} y`);
      }),
    );
  });

  it('lets nothing be loaded', () => {
    const page = pageOf(md`a`);
    expect(page).toContain(`content="default-src 'none'; style-src 'unsafe-inline'; img-src data:;`);
    expect(page).not.toMatch(/<script|<link|<iframe|\bsrc=|@import|url\(|https?:/);
  });
});
